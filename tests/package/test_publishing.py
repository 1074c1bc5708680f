"""What the crate, the Go module and the jars would be if they were published today: each tool does all it does but upload."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree
import zipfile
from pathlib import Path

ENVIRONMENT = os.environ
SOURCE_DIR = Path(ENVIRONMENT["KARROW_SOURCE_DIR"])
VERSION = ENVIRONMENT["KARROW_VERSION"]
# What is made here is gone at the next run.
DIRECTORY = Path(ENVIRONMENT["KARROW_DIRECTORY"])


def run(*command, **options):
    """What a tool has said, if it has not failed."""
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if ended.returncode:
        raise AssertionError(f"{command[0]} failed:\n{ended.stdout}")
    return ended.stdout


class Crate(unittest.TestCase):
    # What somebody has changed and not committed is published by no mistake of this test.
    COMMAND = [ENVIRONMENT["KARROW_CARGO"], "publish", "--dry-run", "--locked", "--allow-dirty"]

    def test_has_what_it_is_built_from_and_what_its_pages_need(self):
        cargo = ENVIRONMENT["KARROW_CARGO"]
        files = set(run(cargo, "package", "--list", "--locked", "--allow-dirty", "--quiet", cwd=SOURCE_DIR).split())
        wanted = {"Cargo.toml", "Cargo.lock", "LICENSE", "README.md", "build.rs", "include/karrow.h", "src/lib.rs"}
        self.assertEqual(wanted - files, set())
        folders = {file.split("/")[0] for file in files if "/" in file}
        self.assertEqual(folders, {"docs", "include", "src"})

    def test_would_be_published(self):
        said = run(*self.COMMAND, "--no-verify", cwd=SOURCE_DIR)
        print(re.search(r"Packaged .*", said)[0])
        self.assertIn("aborting upload due to dry run", said)
        self.assertNotIn("manifest has no", said)


class LongCrate(unittest.TestCase):
    def test_is_built_from_what_would_be_published(self):
        said = run(*Crate.COMMAND, cwd=SOURCE_DIR)
        self.assertRegex(said, r"Verifying karrow .*\n(.*\n)*.*Finished")


class GoModule(unittest.TestCase):
    MODULE = "github.com/karrow/karrow/bindings/go"
    # The version of golang.org/x/exp that the module has already.
    GORELEASE = "golang.org/x/exp/cmd/gorelease@v0.0.0-20260112195511-716be5621a96"

    def environment(self, **others):
        settings = {"GOFLAGS": "-mod=readonly -buildvcs=false", "GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "1"}
        return {**ENVIRONMENT, **settings, **others}

    def go(self, *arguments, cwd=SOURCE_DIR / "bindings/go", **others):
        return run(ENVIRONMENT["KARROW_GO"], *arguments, cwd=cwd, env=self.environment(**others))

    def test_names_what_it_needs_and_nothing_else(self):
        self.assertEqual(self.go("mod", "tidy", "-diff"), "")
        self.assertIn("all modules verified", self.go("mod", "verify"))

    def test_is_a_valid_release(self):
        with tempfile.TemporaryDirectory() as directory:
            # A copy outside of the checkout, because gorelease takes nothing from one with changes.
            module = Path(directory) / "module"
            shutil.copytree(SOURCE_DIR / "bindings/go", module, ignore=shutil.ignore_patterns("local", "CMakeLists.txt"))
            # gorelease asks which versions there are: none yet.
            versions = Path(directory) / "proxy" / self.MODULE / "@v"
            versions.mkdir(parents=True)
            (versions / "list").touch()
            settings = {
                "GOFLAGS": "-mod=mod",
                "GONOSUMDB": self.MODULE,
                "GOPROXY": f"file://{directory}/proxy,{self.go('env', 'GOPROXY').strip()}",
            }
            said = self.go("run", self.GORELEASE, "-base=none", f"-version=v{VERSION}", cwd=module, **settings)
        self.assertIn(f"v{VERSION} is a valid semantic version for this release.", said)


class Jars(unittest.TestCase):
    GROUP = "io/github/karrow"

    @classmethod
    def setUpClass(cls):
        """Deploys them into a repository that is a directory, as Maven Central would be given them but for signatures."""
        shutil.rmtree(DIRECTORY, ignore_errors=True)
        cls.repository = DIRECTORY / "repository"
        properties = {
            "altDeploymentRepository": f"dry-run::{cls.repository.as_uri()}",
            "karrow.target": DIRECTORY / "target",
            "karrow.natives": ENVIRONMENT["KARROW_NATIVES"],
            "karrow.licences": ENVIRONMENT["KARROW_LICENCES_DIR"],
            "maven.install.skip": True,
        }
        run(
            ENVIRONMENT["KARROW_MVN"], "--batch-mode", "--quiet", "-Dstyle.color=never", "--file",
            SOURCE_DIR / "bindings/java/pom.xml", *(f"-D{name}={value}" for name, value in properties.items()),
            "--projects=karrow,karrow-arrow", "--also-make", "-DskipTests", "-Ppublish", "deploy",
            env={**ENVIRONMENT, "JAVA_HOME": ENVIRONMENT["KARROW_JAVA_HOME"]},
        )  # fmt: skip

    def file(self, module, suffix):
        file = self.repository / self.GROUP / module / VERSION / f"{module}-{VERSION}{suffix}"
        for checksum in ("md5", "sha1"):
            self.assertTrue(file.with_name(f"{file.name}.{checksum}").is_file(), f"no {checksum} of {file.name}")
        return file

    def names_in(self, module, suffix):
        with zipfile.ZipFile(self.file(module, suffix)) as jar:
            return jar.namelist()

    def test_poms_say_what_maven_central_demands(self):
        def elements(module):
            root = xml.etree.ElementTree.parse(self.file(module, ".pom")).getroot()
            return {re.sub(r"{.*}", "", element.tag) for element in root}

        inherited = elements("karrow-parent")
        for module in ("karrow-parent", "karrow", "karrow-arrow"):
            its = elements(module)
            self.assertLessEqual({"artifactId", "name", "description"}, its, module)
            self.assertLessEqual({"groupId", "version", "url", "licenses", "developers", "scm"}, its | inherited, module)

    def test_each_has_its_sources_and_its_documentation(self):
        for module, package in (("karrow", self.GROUP), ("karrow-arrow", f"{self.GROUP}/arrow")):
            self.assertIn(f"{package}/package-info.java", self.names_in(module, "-sources.jar"))
            # In a folder of the module's name.
            pages = [name.split("/", 1)[-1] for name in self.names_in(module, "-javadoc.jar")]
            self.assertIn(f"{package}/package-summary.html", pages)
            self.assertIn("META-INF/LICENSE", self.names_in(module, ".jar"))

    def test_jar_has_its_natives_and_their_licences(self):
        size = self.file("karrow", ".jar").stat().st_size
        print(f"karrow-{VERSION}.jar has {size / 1e6:.1f} MB")
        self.assertIn("META-INF/THIRD-PARTY-LICENSES", self.names_in("karrow", ".jar"))

    def test_orders_run_with_nothing_but_the_jars(self):
        class_path = [ENVIRONMENT["KARROW_EXAMPLE_CLASSES"], self.file("karrow", ".jar"), self.file("karrow-arrow", ".jar")]
        others = Path(ENVIRONMENT["KARROW_JARS"]).glob("*.jar")
        class_path += [jar for jar in others if not jar.name.startswith("karrow")]
        java = Path(ENVIRONMENT["KARROW_JAVA_HOME"]) / "bin/java"
        options = ["--add-opens=java.base/java.nio=ALL-UNNAMED", "-XX:TieredStopAtLevel=1", "-cp", ":".join(map(str, class_path))]
        clean = {name: value for name, value in ENVIRONMENT.items() if name != "LD_LIBRARY_PATH"}
        self.assertIn("2,000 orders", run(java, *options, "Orders", "--orders", "2000", env=clean))


if __name__ == "__main__":
    unittest.main()
