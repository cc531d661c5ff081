r"""Count the words that the cleaning of LaTeX invents, on Debian's TeX documentation.

    python -m benchmarks.arxiv_words FOLDER [--packages NAME ...] [--limit 600] [--show 40]

FOLDER keeps what is downloaded and set, so that a second run only cleans and compares. Needs
Debian (``apt-get download``, ``dpkg-deb``), pdflatex with the packages of texlive-latex-extra,
texlive-science and texlive-publishers, and pdftotext. Each source with ``\documentclass`` and
``\begin{document}`` is set once by pdflatex, without shell escape and within ``--seconds``; one
that pdflatex cannot set is left out and counted. Its cleaned text is compared with the pages
word by word (``tests/tex_words.py``): a word is invented where the text holds it as prose and
the pages do not. The causes that do not count as invented are printed with their numbers.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import gzip
import hashlib
import json
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence

from benchmarks.reporting import machine, markdown_table
from pasture.sources.arxiv.latex import NotCleaned, clean_submission
from pasture.sources.arxiv.latex.files import Submission, is_source
from tests.tex_words import CAUSES, Word, can_set, invented, set_pages

PACKAGES = (
    "texlive-latex-recommended-doc",
    "texlive-science-doc",
    "texlive-publishers-doc",
    "texlive-humanities-doc",
    "texlive-latex-extra-doc",
)
_DOCUMENT = re.compile(rb"^[^%\n]*\\begin[ \t]*\{document\}", re.MULTILINE)
_CLASS = re.compile(rb"^[^%\n]*\\documentclass[^{]*\{([^}]*)\}", re.MULTILINE)
# Slides, posters and examples of other engines are no papers.
_OTHER_CLASSES = frozenset({b"beamer", b"standalone", b"tikzposter", b"baposter", b"leaflet"})
_OTHER_ENGINES = re.compile(
    rb"\{(?:fontspec|luacode|unicode-math|pstricks|pst-\w+|polyglossia|xeCJK|luatexja)\}"
    rb"|lltxdoc|\\directlua|program\s*=\s*(?:xe|lua)"
)
MAX_SOURCE = 400_000  # bytes of a main file
MAX_FOLDER = 30_000_000  # bytes of a folder that is copied to be set
SEED = 20_230_122  # the order in which sources are tried


@dataclasses.dataclass(frozen=True)
class Source:
    """A LaTeX document: its folder, its file there, and the text of its pages."""

    main: pathlib.Path
    pages: str


def fetch(folder: pathlib.Path, packages: Sequence[str]) -> None:
    """Download and unpack packages that are not there yet."""
    for package in packages:
        target = folder / "unpacked" / package
        if target.exists():
            continue
        found = sorted(folder.glob(f"{package}_*.deb"))
        if not found:
            subprocess.run(["apt-get", "download", package], cwd=folder, check=True)
            found = sorted(folder.glob(f"{package}_*.deb"))
        partial = target.with_name(f"{package}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        subprocess.run(["dpkg-deb", "-x", found[0], partial], check=True)
        for path in partial.rglob("*.gz"):
            if path.is_file() and not path.is_symlink() and not path.with_suffix("").exists():
                path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        partial.rename(target)


def find_documents(folder: pathlib.Path, packages: Sequence[str]) -> list[pathlib.Path]:
    """Find the documents that pdflatex may set, one of each content, in a seeded order."""
    seen: set[bytes] = set()
    documents = []
    for package in packages:
        for path in sorted((folder / "unpacked" / package).rglob("*.tex")):
            if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_SOURCE:
                continue
            data = path.read_bytes()
            kind = _CLASS.search(data)
            if kind is None or kind[1] in _OTHER_CLASSES or not _DOCUMENT.search(data):
                continue
            digest = hashlib.sha256(data).digest()
            if _OTHER_ENGINES.search(data) or digest in seen:
                continue
            seen.add(digest)
            documents.append(path)
    random.Random(SEED).shuffle(documents)
    return documents


def set_all(
    folder: pathlib.Path, documents: Sequence[pathlib.Path], limit: int, seconds: int
) -> Iterator[Source]:
    """Set documents until a number of them succeeded; what was set is kept in ``pages``."""
    kept = folder / "pages"
    kept.mkdir(exist_ok=True)
    number = 0
    for main in documents:
        key = hashlib.sha256(str(main.relative_to(folder)).encode()).hexdigest()[:24]
        result = kept / f"{key}.json"
        if not result.exists():
            result.write_text(json.dumps(_set_copy(main, seconds)))
        pages = json.loads(result.read_text())
        if pages and len(pages) > 200:
            number += 1
            yield Source(main, pages)
        if number >= limit:
            return


def _set_copy(main: pathlib.Path, seconds: int) -> str | None:
    size = sum(path.stat().st_size for path in main.parent.rglob("*") if path.is_file())
    if size > MAX_FOLDER:
        return None
    with tempfile.TemporaryDirectory() as temporary:
        copy = pathlib.Path(temporary) / "source"
        shutil.copytree(main.parent, copy, ignore_dangling_symlinks=True)
        (copy / f"{main.stem}.pdf").unlink(missing_ok=True)
        return set_pages(copy / main.name, seconds)


def submission(source: Source) -> dict[str, bytes]:
    """Pack a source as a submission: its file, and the other ones that TeX would read."""
    folder = source.main.parent
    files = {"00README": f"{source.main.name} toplevelfile\n".encode()}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and is_source(name) and path.stat().st_size < MAX_SOURCE:
            files[name] = path.read_bytes()
    return files


def show(source: Source, text: str, words: Sequence[Word], number: int) -> None:
    """Print the first invented words of a source with what stands around them."""
    print(f"\n{source.main.parent.name}/{source.main.name}: {len(words)} invented")
    for word in words[:number]:
        around = text[max(word.place - 60, 0) : word.place + 60]
        print(f"    {word.text}: {' '.join(around.split())!r}")


def main() -> None:
    """Read the arguments, set, clean and compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--packages", nargs="+", default=PACKAGES)
    parser.add_argument("--limit", type=int, default=600, help="sources that pdflatex can set")
    parser.add_argument("--seconds", type=int, default=30, help="time for each in pdflatex")
    parser.add_argument("--show", type=int, default=0, help="sources whose words are shown")
    parser.add_argument("--texts", type=pathlib.Path, help="folder to write the cleaned texts to")
    options = parser.parse_args()
    if not can_set():
        parser.error("pdflatex or pdftotext is missing: install texlive-latex-extra, poppler-utils")
    options.folder.mkdir(parents=True, exist_ok=True)
    fetch(options.folder, options.packages)
    documents = find_documents(options.folder, options.packages)

    counts: collections.Counter[str] = collections.Counter()
    kinds: collections.Counter[str] = collections.Counter()
    worst: list[tuple[int, Source, str, list[Word]]] = []
    seconds = 0.0
    for source in set_all(options.folder, documents, options.limit, options.seconds):
        files = submission(source)
        counts["sources"] += 1
        start = time.process_time()
        try:
            text = clean_submission(files).text
        except NotCleaned as error:
            counts[f"rejected: {error.reason}"] += 1
            continue
        finally:
            seconds += time.process_time() - start
        counts["texts"] += 1
        numbers, words = invented(text, source.pages, Submission(files).lexicon)
        counts += numbers
        counts["texts with invented words"] += bool(words)
        worst.append((len(words), source, text, words))
        kinds.update({word.text for word in words})
        if options.texts:
            options.texts.mkdir(parents=True, exist_ok=True)
            (options.texts / f"{source.main.parent.name}-{source.main.stem}.txt").write_text(text)
    worst.sort(key=lambda entry: -entry[0])
    for number, source, text, words in worst[: options.show]:
        if number:
            show(source, text, words, 12)
    print(f"\n{len(documents)} documents; {machine()}; cleaned in {seconds:.0f} CPU s\n")
    print(markdown_table(("what", "number", "cause"), _rows(counts)))
    print("\nMost frequent:", ", ".join(f"{word} {n}" for word, n in kinds.most_common(40)))


def _rows(counts: collections.Counter[str]) -> Iterator[tuple[object, ...]]:
    first = ("sources", "texts", "texts with invented words", "words", "on the pages")
    rejected = sorted(key for key in counts if key.startswith("rejected"))
    for key in (*first[:1], *rejected, *first[1:], *CAUSES, "invented"):
        yield key, f"{counts[key]:,}", CAUSES.get(key, "")


if __name__ == "__main__":
    main()
