r"""Compare Pasture's cleaning of LaTeX with arxiv-latex-cleaner and RedPajama's logic, in one run.

    python -m benchmarks.arxiv TAR [--rounds 3] [--limit 60]

TAR is a bulk tar of arXiv. Every cleaner gets the same unpacked submissions in the same process,
in turn; CPU time counts, and of each cleaner the fastest round. Then each cleans one generated
paper of 5 MB with 2,000 macros, in a process of its own with a limit of CPU seconds. Two tables
in Markdown are printed.

arxiv-latex-cleaner works on folders, so its time has the reading and writing of files in it. It is
left out, with a note, where it is not installed. RedPajama's logic is written anew from its
description, with its defects.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import functools
import importlib
import importlib.util
import io
import logging
import multiprocessing
import pathlib
import re
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping

from benchmarks.reporting import machine
from pasture.sources.arxiv.latex import NotCleaned, clean_submission
from pasture.sources.arxiv.source import submission_files
from pasture.sources.containers import archives
from pasture.sources.containers.archives import Limits, Member

Files = Mapping[str, bytes]

# What is measured in the texts.
_VERBATIM = re.compile(
    r"\\begin\{(verbatim|lstlisting|minted|Verbatim)\*?\}.*?\\end\{\1\*?\}"
    r"|\\verb\*?([^A-Za-z\s]).*?\2|\\(?:url|href|path)\s*\{[^{}]*\}",
    re.DOTALL,
)
_COMMENT = re.compile(r"(?<!\\)(?:\\\\)*%(.*)")
_DEFINED = re.compile(
    r"^[^%\n]*?\\(?:newcommand|providecommand|DeclareMathOperator|DeclareRobustCommand|def|gdef)\*?"
    r"\s*\{?\s*\\([A-Za-z]+)",
    re.MULTILINE,
)
_WORD = re.compile(r"\\([A-Za-z]+)")
_INPUT = re.compile(r"\\(?:input|include|subfile|import)\b")
_BIBLIOGRAPHY = re.compile(r"\\(?:bibitem|bibliography|printbibliography)\b")
_PROSE = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{4,}")
# LaTeX's own, which count as no macros of the author where a style file redefines them.
_LATEX = frozenset({"maketitle", "section", "subsection", "paragraph"})


@dataclasses.dataclass(slots=True)
class Left:
    """What a cleaner left in the texts, or lost of them."""

    texts: int = 0
    characters: int = 0
    macros: int = 0
    """Calls of macros that the paper defines, apart from the definitions themselves."""
    definitions: int = 0
    comments: int = 0
    bare: int = 0
    """Comment signs with nothing behind them."""
    inputs: int = 0
    bibliographies: int = 0
    words_lost: int = 0
    """Words of four letters or more that Pasture has before the appendices, and this one lacks."""

    def add(self, files: Files, text: str) -> None:
        """Count in the text of one paper."""
        self.words_lost += (_words_of(pasture(files, appendices=False)) - _words_of(text)).total()
        if not text.strip():
            return
        self.texts += 1
        self.characters += len(text)
        bare = _VERBATIM.sub("", text)
        comments = [match.strip() for match in _COMMENT.findall(bare)]
        self.comments += sum(map(bool, comments))
        self.bare += len(comments) - sum(map(bool, comments))
        bare = _COMMENT.sub("", bare)
        known = {
            name
            for data in files.values()
            for name in _DEFINED.findall(data.decode("utf-8", "replace"))
        } - _LATEX
        definitions = sum(name in known for name in _DEFINED.findall(bare))
        self.definitions += definitions
        self.macros += sum(name in known for name in _WORD.findall(bare)) - definitions
        self.inputs += len(_INPUT.findall(bare))
        self.bibliographies += len(_BIBLIOGRAPHY.findall(bare))


def _words_of(text: str) -> collections.Counter[str]:
    return collections.Counter(_PROSE.findall(text))


def pasture(files: Files, *, appendices: bool = True) -> str:
    """Clean with Pasture."""
    try:
        return clean_submission(files, appendices=appendices).text
    except NotCleaned:
        return ""


# RedPajama's logic, as described: files in the order of the archive, each by itself.
_RP_MACRO = re.compile(
    r"\\(?:newcommand\*?\{(\\[A-Za-z0-9]+)\}|def\s*(\\[A-Za-z0-9]+)\s*)\{(.*)\}\s*$", re.MULTILINE
)
_RP_HEADING = re.compile(
    r"\\(?:chapter|part|section|subsection|subsubsection)\*?(?:\[.*?\])?\{.*?\}", re.DOTALL
)  # a forgotten "|" makes \paragraph match nothing
_RP_COMMENT_LINE = re.compile(r"^%.*\n?", re.MULTILINE)
_RP_COMMENT = re.compile(r"[^\\]%.+$", re.MULTILINE)  # with the character before
_RP_END = re.compile(
    r"\\appendix|\\begin\{(?:references|REFERENCES|thebibliography)\}|\\bibliography\{"
)


def redpajama(files: Files) -> str:
    """Clean as RedPajama's script does."""
    sources = [data for name, data in files.items() if name.endswith(".tex")]
    try:
        texts = [data.decode("utf-8") for data in sources]
    except UnicodeDecodeError:
        return ""
    macros = {
        match[1] or match[2]: match[3] for text in texts for match in _RP_MACRO.finditer(text)
    }
    cleaned = [_redpajama_file(text, macros) for text in texts]
    return "\n".join(text for text in cleaned if text)


def _redpajama_file(text: str, macros: Mapping[str, str]) -> str:
    heading = _RP_HEADING.search(text)
    if heading is None:
        return ""
    text = _RP_COMMENT_LINE.sub("", text[heading.start() :])
    text = _RP_COMMENT.sub("", text)
    if end := _RP_END.search(text):
        text = text[: end.start()]
    for name, body in macros.items():
        text = re.sub(re.escape(name) + "([^A-Za-z0-9])", functools.partial(_joined, body), text)
    return text.strip()


def _joined(body: str, call: re.Match[str]) -> str:
    return body + call[1]


def arxiv_latex_cleaner(files: Files) -> str:
    """Clean with arxiv-latex-cleaner, in a folder of its own."""
    cleaner = importlib.import_module("arxiv_latex_cleaner.arxiv_latex_cleaner")
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder) / "paper"
        for name, data in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        parameters = {
            "input_folder": str(root),
            "resize_images": False,
            "im_size": 500,
            "compress_pdf": False,
            "pdf_im_resolution": 500,
            "images_allowlist": {},
            "keep_bib": False,
            "commands_to_delete": [],
            "use_external_tikz": None,
            "svg_inkscape": None,
            "convert_png_to_jpg": False,
        }
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                cleaner.run_arxiv_cleaner(parameters)
        except UnicodeDecodeError:  # it stops at the first file that is not UTF-8
            return ""
        cleaned = pathlib.Path(folder) / "paper_arXiv"
        texts = [path.read_text("utf-8") for path in sorted(cleaned.rglob("*.tex"))]
    bodies = [text.partition("\\begin{document}")[2] or text for text in texts]
    return "\n".join(bodies)


def read_submissions(path: str) -> Iterator[Files]:
    """Yield the unpacked submissions of a bulk tar that have any LaTeX."""
    for member in archives.read_members(path, Limits()):
        if isinstance(member, Member) and member.name.endswith(".gz"):
            try:
                files = submission_files(member.data)
            except NotCleaned:
                continue
            if any(b"\\begin{document}" in data for data in files.values()):
                yield files


def generate_paper() -> Files:
    """Generate a paper of 5 MB with 2,000 macros, half of them with an argument."""
    letters = [chr(97 + number) for number in range(26)]
    names = [f"m{a}{b}{c}" for a in letters[:3] for b in letters for c in letters][:2_000]
    lines = ["\\documentclass{article}\n"]
    for number, name in enumerate(names):
        option, body = ("[1]", "\\mathbf{#1}") if number % 2 else ("", "\\mathbf{x}")
        lines.append(f"\\newcommand{{\\{name}}}{option}{{{body}_{{{name}}}}}\n")
    lines.append("\\begin{document}\n\\section{Values}\n")
    size, number = sum(map(len, lines)), 0
    while size < 5_000_000:
        call = f"\\{names[number % 2_000]}" + ("{y}" if number % 2 else "{}")
        line = f"The value of ${call}$ is $\\alpha^2$, see \\cite{{key}} and the next one.\n"
        lines.append(line)
        size += len(line)
        number += 1
    return {"main.tex": "".join([*lines, "\\end{document}\n"]).encode()}


def cpu_seconds(cleaner: Callable[[Files], str], files: Files) -> float:
    """The CPU time of one paper."""
    start = time.process_time()
    cleaner(files)
    return time.process_time() - start


def limited_cpu_seconds(cleaner: Callable[[Files], str], files: Files, limit: int) -> str:
    """The CPU time of one paper in a process of its own, or that it went past the limit."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        sender.send(cpu_seconds(cleaner, files))

    process = context.Process(target=work)
    process.start()
    sender.close()
    try:
        return f"{receiver.recv():.1f}"
    except EOFError:
        return f"> {limit}"
    finally:
        process.join()


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("tar")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, default=60, help="CPU seconds for the large paper")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    cleaners: dict[str, Callable[[Files], str]] = {"Pasture": pasture, "RedPajama": redpajama}
    if importlib.util.find_spec("arxiv_latex_cleaner"):
        cleaners["arxiv-latex-cleaner"] = arxiv_latex_cleaner
    else:
        print("arxiv-latex-cleaner is not installed: left out.\n")
    submissions = list(read_submissions(options.tar))
    size = sum(len(data) for files in submissions for data in files.values())

    best = dict.fromkeys(cleaners, float("inf"))
    for _ in range(options.rounds):
        for name, cleaner in cleaners.items():
            taken = sum(cpu_seconds(cleaner, files) for files in submissions)
            best[name] = min(best[name], taken)
    large = generate_paper()
    print(f"{len(submissions)} papers, {size / 1e6:.2f} MB of source; {machine()}\n")
    print("| cleaner | papers/s/core | MB/s/core | 5 MB, 2,000 macros (CPU s) |\n|---|---|---|---|")
    for name, cleaner in cleaners.items():
        large_seconds = limited_cpu_seconds(cleaner, large, options.limit)
        rate, speed = len(submissions) / best[name], size / 1e6 / best[name]
        print(f"| {name} | {rate:.1f} | {speed:.2f} | {large_seconds} |")

    names = [field.name for field in dataclasses.fields(Left)]
    print(f"\n| cleaner | {' | '.join(names).replace('_', ' ')} |\n{'|---' * (len(names) + 1)}|")
    for name, cleaner in cleaners.items():
        left = Left()
        for files in submissions:
            left.add(files, cleaner(files))
        numbers = [f"{value:,}" for value in dataclasses.astuple(left)]
        print(f"| {name} | {' | '.join(numbers)} |")


if __name__ == "__main__":
    main()
