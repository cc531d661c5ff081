"""``pasture doctor``: checks what this installation has, what it lacks, and how to mend it.

Reads the installed packages and this machine; uses no network, and nothing beyond the standard
library at import, so that it also works where other packages are missing. The requirements are
those in the metadata of the installed Pasture, so that no second list of them can go stale.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pasture.errors import PastureError
from pasture.text.visible import visible, visible_json

if TYPE_CHECKING:
    from packaging.requirements import Requirement

SUPPORTED = ((3, 10), (3, 13))
# Ours, with room to spare: the sample's run peaked at 0.4 GB of memory, and wrote 4 MB. What a real
# run takes is what ``pasture plan --measure`` estimates.
SAMPLE_DISK_BYTES = 1_000_000_000
SAMPLE_MEMORY_BYTES = 1_000_000_000
JAVA_VERSION = 17  # PySpark 4

# The module of each required package, and what needs it.
LIBRARIES = {
    "apache-beam": ("apache_beam", "every stage"),
    "backports-zstd": ("backports.zstd", "files packed by zstandard"),
    "click": ("click", "the command line"),
    "fasttext-numpy2": ("fasttext", "language identification and the classifiers"),
    "fastwarc": ("fastwarc", "WARC and WET files"),
    "fsspec": ("fsspec", "reading and writing files"),
    "lxml": ("lxml.etree", "HTML and XML"),
    "lxml-html-clean": ("lxml_html_clean", "trafilatura's extraction"),
    "numpy": ("numpy", "every stage"),
    "packaging": ("packaging.requirements", "this check"),
    "pasture-kenlm": ("pasture_kenlm", "n-gram models and perplexity"),
    "pasture-lid176": ("pasture_lid176", "the default language model"),
    "py7zr": ("py7zr", "StackExchange's dumps"),
    "pyarrow": ("pyarrow", "every stage"),
    "pyyaml": ("yaml", "recipes"),
    "resiliparse": ("resiliparse.parse.html", "HTML"),
    "rich": ("rich", "the command line's tables"),
    "sentencepiece": ("sentencepiece", "tokenizers and n-gram models"),
    "tokenizers": ("tokenizers", "tokenizers of Hugging Face"),
    "trafilatura": ("trafilatura", "extraction of main content"),
    "urllib3": ("urllib3", "pasture fetch"),
    "xxhash": ("xxhash", "deduplication"),
}
EXTRAS = {
    "trainer": "pasture train, generate, export and import",
    "spark": "--runner=spark",
    "dataflow": "--runner=DataflowRunner",
    "s3": "s3:// paths",
    "gcs": "gs:// paths",
    "http": "http:// and https:// paths",
    "hdfs": "hdfs:// paths",
    "export": "pasture export --push",
}


@dataclasses.dataclass(frozen=True)
class Check:
    """The outcome of one check.

    Attributes:
        name: What was checked.
        state: ``ok``; ``missing`` or ``broken``; or ``low``, for disk and memory.
        found: The version or size that was found, or what is wrong.
        needed_for: What does not work without it.
        mend: The command that mends it; empty where nothing needs mending.
        required: Whether Pasture's core needs it.
    """

    name: str
    state: Literal["ok", "missing", "broken", "low"]
    found: str
    needed_for: str
    mend: str = ""
    required: bool = True

    @property
    def fails(self) -> bool:
        """Whether the core cannot work."""
        return self.required and self.state in ("missing", "broken")


def run_doctor(as_json: bool) -> int:
    """Run the checks, show them, and return the exit code: 1 where the core cannot work."""
    checks = list(examine())
    if as_json:
        rows = [{**dataclasses.asdict(check), "fails": check.fails} for check in checks]
        print(visible_json(json.dumps(rows, indent=2, ensure_ascii=False)))  # noqa: T201
    else:
        print(visible("\n".join(describe(checks))))  # noqa: T201
    return int(any(check.fails for check in checks))


def examine() -> Iterator[Check]:
    """Run every check."""
    yield python_version(sys.version_info[:2])
    yield from libraries()
    yield fasttext_module()
    yield language_model()
    yield kenlm()
    yield from extras()
    yield java()
    yield memory()
    yield from disks()


def describe(checks: list[Check]) -> Iterator[str]:
    """Write the checks for people: the table first, then what to do."""
    width = max(len(check.name) for check in checks)
    for check in checks:
        state: str = check.state
        if state == "missing" and not check.required:
            state = "absent"
        yield f"{state:8} {check.name:{width}}  {check.found}".rstrip()
    for title, wanted in (
        ("Pasture cannot work before this is mended:", [c for c in checks if c.fails]),
        ("Absent or low, and not needed by the core:", [c for c in checks if _is_optional(c)]),
    ):
        if wanted:
            yield ""
            yield title
        for check in wanted:
            yield f"  {check.name}, for {check.needed_for}"
            if check.mend:
                yield f"    {check.mend}"
    yield ""
    failed = sum(check.fails for check in checks)
    yield f"problems: {failed}" if failed else "The core works."


def _is_optional(check: Check) -> bool:
    return check.state != "ok" and not check.fails


def python_version(version: tuple[int, ...]) -> Check:
    """Check that this Python is one that Pasture is tested with."""
    found = ".".join(map(str, version))
    first, last = (".".join(map(str, bound)) for bound in SUPPORTED)
    if SUPPORTED[0] <= version <= SUPPORTED[1]:
        return Check("Python", "ok", f"{found} ({sys.executable})", "everything")
    wrong = f"{found}; {first} to {last} are supported"
    return Check("Python", "broken", wrong, "everything", f"python{last} -m venv .venv")


def requirements(extra: str = "", package: str = "pasture") -> list[Requirement]:
    """Return what an installed package requires, itself or for one of its extras.

    Raises:
        PackageNotFoundError: The package is not installed.
    """
    from packaging.requirements import Requirement

    listed = list(map(Requirement, importlib.metadata.requires(package) or []))
    if not extra:
        return [need for need in listed if need.marker is None or need.marker.evaluate()]
    return [
        need
        for need in listed
        if need.marker is not None
        and need.marker.evaluate({"extra": extra})
        and not need.marker.evaluate({"extra": ""})
    ]


def libraries() -> Iterator[Check]:
    """Check each required package: its version, and that its module can be imported."""
    try:
        needs = requirements()
    except ModuleNotFoundError as error:
        yield Check(
            "packages", "missing", str(error), "this check", pip_install("packaging", "pasture")
        )
        return
    except importlib.metadata.PackageNotFoundError:
        yield Check("pasture", "missing", "not installed", "everything", pip_install("pasture"))
        return
    yield Check("pasture", "ok", importlib.metadata.version("pasture"), "everything")
    for need in needs:
        module, purpose = LIBRARIES.get(_canonical(need.name), ("", "the core"))
        yield library(need, module, purpose)


def library(need: Requirement, module: str, purpose: str) -> Check:
    """Check one package against a requirement, and import its module if one is named."""
    wanted = f"{need.name}{need.specifier}"
    version = installed(need.name)
    mend = pip_install(wanted)
    if version is None:
        return Check(need.name, "missing", "not installed", purpose, mend)
    if not need.specifier.contains(version, prereleases=True):
        return Check(need.name, "broken", f"{version}; {need.specifier} needed", purpose, mend)
    if module:
        try:
            importlib.import_module(module)
        except (ImportError, OSError) as error:  # OSError: a shared library is not there
            found = f"{version}; {module} cannot be imported: {_first_line(error)}"
            return Check(need.name, "broken", found, purpose, reinstall(wanted))
    return Check(need.name, "ok", version, purpose)


def fasttext_module() -> Check:
    """Check that the module ``fasttext`` is that of the package that Pasture requires.

    fasttext, fasttext-wheel, fasttext-predict and others install a module of the same name: the
    files of the last one installed win, and removing one removes the files of all.
    """
    name, package = "module fasttext", "fasttext-numpy2"
    purpose = "language identification and the classifiers"
    owners = sorted({*importlib.metadata.packages_distributions().get("fasttext", [])})
    others = [owner for owner in owners if _canonical(owner) != package]
    need = next((str(n) for n in _requirements_or_none() if n.name == package), package)
    mend = reinstall(need)
    if others:
        mend = f"{_pip()} uninstall --yes {' '.join(others)} && {mend}"
    try:
        import fasttext
    except (ImportError, OSError) as error:
        return Check(name, "broken", _first_line(error), purpose, mend)
    place = str(getattr(fasttext, "__file__", None))
    if not hasattr(fasttext, "train_supervised"):
        found = f"{place} cannot train; installed by {', '.join(owners) or 'no package'}"
        return Check(name, "broken", found, purpose, mend)
    if others and package in owners:
        found = f"{', '.join(owners)} overwrite each other in {pathlib.Path(place).parent}"
        return Check(name, "broken", found, purpose, mend)
    return Check(name, "ok", place, purpose)


def _requirements_or_none() -> list[Requirement]:
    try:
        return requirements()
    except (ModuleNotFoundError, importlib.metadata.PackageNotFoundError):
        return []


def language_model() -> Check:
    """Check that the default language model is there, loads, and knows an English sentence."""
    name, purpose = "language model", "language_id without a model of your own"
    mend = reinstall("pasture-lid176")
    try:
        from pasture.filters import fasttext_models
        from pasture.filters.language import default_model

        path = default_model()
        (label,), _ = fasttext_models.predict_best(
            fasttext_models.load(path), ["The river was high that spring."]
        )
    except (ImportError, OSError, PastureError) as error:
        return Check(name, "broken", _first_line(error), purpose, mend)
    if label != "en":
        return Check(name, "broken", f"{path} takes English for {label}", purpose, mend)
    return Check(name, "ok", path, purpose)


def kenlm() -> Check:
    """Check KenLM by use: count the n-grams of a line, pack them, and score the line."""
    name, purpose = "KenLM", "n-gram models and perplexity"
    mend = reinstall("pasture-kenlm")
    try:
        import pasture_kenlm

        lmplz, build_binary = map(pasture_kenlm.program, pasture_kenlm.PROGRAMS)
        with tempfile.TemporaryDirectory() as folder:
            arpa, packed = pathlib.Path(folder, "arpa"), pathlib.Path(folder, "packed")
            count = [lmplz, "-o", "2", "-S", "50M", "-T", f"{folder}/", "--discount_fallback"]
            _run([*map(str, count), "--arpa", str(arpa)], "the river\n")
            _run([str(build_binary), "trie", str(arpa), str(packed)], "")
            pasture_kenlm.Model(str(packed)).score("the river")
    except ModuleNotFoundError as error:
        return Check(name, "missing", _first_line(error), purpose, mend)
    except (ImportError, OSError, subprocess.SubprocessError) as error:
        return Check(name, "broken", _first_line(error), purpose, mend)
    return Check(name, "ok", f"module, lmplz, build_binary in {lmplz.parent.parent}", purpose)


def extras() -> Iterator[Check]:
    """Check the packages of each extra."""
    for extra, purpose in EXTRAS.items():
        try:
            needs = requirements(extra)
        except (ModuleNotFoundError, importlib.metadata.PackageNotFoundError):
            return  # reported by libraries()
        checks = [library(need, "", purpose) for need in needs]
        for need in needs:  # such as those of apache-beam[gcp]
            if need.extras and installed(need.name):
                nested = [n for name in need.extras for n in requirements(name, need.name)]
                found = [library(n, "", purpose) for n in nested]
                checks += [check for check in found if check.state != "ok"]
        bad = next((check for check in checks if check.state != "ok"), None)
        yield Check(
            f"extra [{extra}]",
            bad.state if bad else "ok",
            ", ".join(f"{check.name} {check.found}" for check in checks),
            purpose,
            pip_install(f"pasture[{extra}]") if bad else "",
            required=False,
        )


def java() -> Check:
    """Check for a Java, which Spark needs."""
    name, purpose = "Java", f"--runner=spark, Java {JAVA_VERSION} or later"
    mend = "apt-get install default-jre-headless"
    home = os.environ.get("JAVA_HOME")
    program = f"{home}/bin/java" if home else shutil.which("java")
    if not program:
        return Check(name, "missing", "not on the PATH", purpose, mend, required=False)
    try:
        said = _run([program, "-version"], "").splitlines()
    except (OSError, subprocess.SubprocessError) as error:
        return Check(name, "broken", _first_line(error), purpose, mend, required=False)
    found = said[0] if said else program
    version = re.search(r'version "(\d+)', found)
    if version and int(version[1]) < JAVA_VERSION:
        found += f"; {JAVA_VERSION} or later needed"
        return Check(name, "broken", found, purpose, mend, required=False)
    return Check(name, "ok", found, purpose, required=False)


def memory() -> Check:
    """Check the memory that is available here, within the limit of this control group."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for line in _kernel_file("/proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            free = int(line.split()[1]) * 1024
    limit = _kernel_file("/sys/fs/cgroup/memory.max").strip()
    if limit.isdigit():
        free = min(free, int(limit))
    return _amount("memory", free, SAMPLE_MEMORY_BYTES, "available", "the sample's run")


def disks() -> Iterator[Check]:
    """Check the free disk under the current folder and the temporary one."""
    for name, folder in (("disk", os.getcwd()), ("temporary disk", tempfile.gettempdir())):
        free = shutil.disk_usage(folder).free
        yield _amount(name, free, SAMPLE_DISK_BYTES, f"free at {folder}", "the sample's run")


def _amount(name: str, free: int, least: int, where: str, purpose: str) -> Check:
    found = f"{free / 1e9:.1f} GB {where}"
    if free >= least:
        return Check(name, "ok", found, purpose, required=False)
    needed_for = f"{purpose}, which wants {least / 1e9:.0f} GB"
    return Check(name, "low", found, needed_for, required=False)


def _kernel_file(path: str) -> str:
    """Return the text of a file of the kernel, empty where this system has none."""
    try:
        return pathlib.Path(path).read_text("ascii")
    except FileNotFoundError:
        return ""


def installed(package: str) -> str | None:
    """Return the installed version of a package, None where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def pip_install(*wanted: str) -> str:
    """Write the command that installs packages into this Python."""
    return f"{_pip()} install {' '.join(map(shlex.quote, wanted))}"


def reinstall(wanted: str) -> str:
    """Write the command that installs one package again, and no other.

    A checkout builds the packages that belong to it, and may be ahead of the package index.
    """
    checkout = _checkout()
    if wanted.startswith("pasture-") and checkout:
        return f"{shlex.quote(checkout)}/scripts/setup --force"
    return f"{_pip()} install --force-reinstall --no-deps {shlex.quote(wanted)}"


def _checkout() -> str:
    """Return the folder of the repository, where Pasture runs from one."""
    folder = pathlib.Path(__file__).parents[2]
    return str(folder) if (folder / "scripts" / "setup").is_file() else ""


def _pip() -> str:
    return f"{shlex.quote(sys.executable)} -m pip"


def _canonical(name: str) -> str:
    """Write a package's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _first_line(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError) and error.stderr:
        program = pathlib.Path(error.cmd[0]).name
        return f"{program}: {error.stderr.decode('utf-8', 'replace').strip().splitlines()[-1]}"
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _run(command: list[str], text: str) -> str:
    """Run a program on a text, and return what it says on standard error.

    Raises:
        CalledProcessError: It failed.
    """
    done = subprocess.run(  # noqa: S603 (a program that was found above, no shell)
        command, input=text.encode(), capture_output=True, check=True, timeout=60
    )
    return done.stderr.decode("utf-8", "replace")
