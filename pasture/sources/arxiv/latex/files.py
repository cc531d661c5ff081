r"""A submission's files: which are read, their encoding, which one is the main file.

A submission may hold several papers in part (figures of their own, a supplement): the main
file is the one that arXiv's ``00README`` names, or else the best of those that can be
compiled, by the rules in ``find_main``.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Mapping

from pasture.sources.arxiv.latex.tokens import Lexicon, read_lexicon, strip_comments

# The files that TeX reads as text; figures, data and plots (also those written as TeX) are not.
_TEX = frozenset({".tex", ".ltx", ".latex"})
_STYLES = frozenset({".sty", ".cls", ".def", ".clo", ".cfg"})
_INPUTS = frozenset({"", ".bbl", ".txt", ".tab", ".inc", ".dat"})
_DRAWINGS = re.compile(r"\.(?:pgf|tikz|pdf_t|pdftex_t|pstex_t|eps_tex|pdf_tex|pstex|eps)\Z", re.I)

# inputenc's names, and Python's.
_ENCODINGS = {
    "latin1": "cp1252",
    "latin2": "iso8859-2",
    "latin3": "iso8859-3",
    "latin4": "iso8859-4",
    "latin5": "iso8859-9",
    "latin9": "iso8859-15",
    "latin10": "iso8859-16",
    "ansinew": "cp1252",
    "cp1250": "cp1250",
    "cp1251": "cp1251",
    "cp1252": "cp1252",
    "cp1257": "cp1257",
    "cp437": "cp437",
    "cp850": "cp850",
    "cp852": "cp852",
    "cp866": "cp866",
    "koi8-r": "koi8-r",
    "koi8-ru": "koi8-u",
    "applemac": "mac-roman",
    "macce": "mac-latin2",
}
_DECLARED = re.compile(
    rb"\\usepackage[ \t]*\[([A-Za-z0-9-]{2,12})\][ \t]*\{inputenc\}|\\inputencoding\{([a-z0-9-]+)\}"
)
_CLASS = re.compile(
    r"\\document(?:class|style)[ \t\n]{0,200}(?:\[[^\]]{0,1000}\][ \t\n]{0,200})?\{([^{}]{1,80})\}"
)
_BEGIN_DOCUMENT = re.compile(r"\\begin[ \t]{0,20}\{document\}")
_END_DOCUMENT = re.compile(r"\\end[ \t]{0,20}\{document\}")
_INPUT = re.compile(r"\\(?:input|include|subfile)[ \t]{0,20}\{([^{}\\]{1,200})\}")
_FRONT = re.compile(r"\\(?:maketitle|title|begin[ \t]*\{abstract\}|section)(?![A-Za-z])")
_MAIN_NAMES = ("main", "ms", "paper", "article", "manuscript", "arxiv", "root", "draft")
_PART_CLASSES = frozenset({"standalone", "subfiles", "letter"})
_IGNORED = re.compile(r"\A\s*%+\s*auto-ignore", re.I)
_NAMED_MAIN = re.compile(r"^[ \t]*(\S+)[ \t]+(toplevelfile|ignore)\b", re.M)


class Submission:
    """The text files of a submission, decoded.

    Args:
        files: The bytes of each file by its path. Files of no interest are passed over.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.not_text: list[str] = []
        self._readme = {name: data for name, data in files.items() if _is_readme(name)}
        wanted = {name: data for name, data in files.items() if is_source(name)}
        declared = _declared_encoding(wanted.values())
        self._raw: dict[str, str] = {}
        for name, data in sorted(wanted.items()):
            text = decode(data, declared)
            if text is None:
                self.not_text.append(name)
            else:
                self._raw[name] = text
        self.lexicon: Lexicon = read_lexicon(self._raw.values())
        self._texts: dict[str, str] = {}
        self._folder = ""

    @property
    def names(self) -> list[str]:
        """The paths of the text files, sorted."""
        return list(self._raw)

    def text(self, path: str) -> str:
        """The text of a file, without comments, and without the line end that ends it."""
        if path not in self._texts:
            text = strip_comments(self._raw[path], self.lexicon)
            paragraph_ends = text.endswith("\n\n")
            self._texts[path] = text.rstrip("\n") + ("\n" if paragraph_ends else "")
        return self._texts[path]

    def part(self, path: str) -> str:
        r"""The text of an ``\input``: of a document of its own, only what it shows."""
        text = self.text(path)
        start = _BEGIN_DOCUMENT.search(text)
        if start is None:
            return text
        end = _END_DOCUMENT.search(text, start.end())
        return text[start.end() : end.start() if end else len(text)].strip("\n")

    def resolve(self, name: str, beside: str = "", extension: str = ".tex") -> str | None:
        r"""Find the file that ``\input{name}`` names, from the main file's folder."""
        if _DRAWINGS.search(name):
            return None
        for folder in dict.fromkeys((self._folder, "", posixpath.dirname(beside))):
            path = posixpath.normpath(posixpath.join(folder, name))
            for candidate in (path, path + extension):
                if candidate in self._raw:
                    return candidate
        return None

    def find_main(self) -> str | None:
        r"""Find the main file; None where no file is a LaTeX document.

        The file that ``00README`` names; or else among the files with ``\documentclass`` and
        ``\begin{document}``: those that no other one reads, documents before parts and
        figures, those with a title, abstract or section first, then by name (``main``, ``ms``,
        ``paper``, ...), fewest folders, most text, and the first in order.
        """
        named, ignored = self._named_main()
        if named:
            self._folder = posixpath.dirname(named)
            return named
        candidates = [
            name
            for name in self._raw
            if name not in ignored
            and posixpath.splitext(name)[1].lower() in _TEX | _INPUTS
            and not _IGNORED.match(self._raw[name])
            and _BEGIN_DOCUMENT.search(self.text(name))
        ]
        read = {
            found
            for name in candidates
            for part in _INPUT.findall(self.text(name))
            if (found := self.resolve(part.strip(), beside=name)) and found != name
        }
        candidates = [name for name in candidates if name not in read] or candidates
        if not candidates:
            return None
        main = min(candidates, key=self._rank)
        self._folder = posixpath.dirname(main)
        return main

    def document_class(self, path: str) -> str | None:
        r"""The class that a file declares with ``\documentclass`` or ``\documentstyle``."""
        match = _CLASS.search(self.text(path))
        return match[1].strip() if match else None

    def is_withdrawn(self) -> bool:
        """Tell whether the submission says that it was withdrawn."""
        texts = [text for name, text in self._raw.items() if name not in self._readme]
        return any(
            len(text) < 4000 and "withdrawn" in text.lower() and (not _CLASS.search(text))
            for text in texts
        ) or (bool(texts) and all(_IGNORED.match(text) for text in texts))

    def _rank(self, name: str) -> tuple[bool, bool, int, int, int, str]:
        text = self.text(name)
        stem = posixpath.splitext(posixpath.basename(name))[0].lower()
        kind = self.document_class(name)
        return (
            kind is None or kind in _PART_CLASSES,
            _FRONT.search(text) is None,
            _MAIN_NAMES.index(stem) if stem in _MAIN_NAMES else len(_MAIN_NAMES),
            name.count("/"),
            -len(text),
            name,
        )

    def _named_main(self) -> tuple[str | None, set[str]]:
        """The main file that ``00README`` names, and the files that it says to ignore."""
        named: list[str] = []
        ignored: set[str] = set()
        for name, data in sorted(self._readme.items()):
            text = data.decode("utf-8", "replace")
            usages = _json_usages(text) if name.endswith(".json") else _NAMED_MAIN.findall(text)
            for path, usage in usages:
                if usage == "ignore":
                    ignored.add(path)
                elif path in self._raw and _BEGIN_DOCUMENT.search(self.text(path)):
                    named.append(path)
        return (named[0] if named else None), ignored


def is_source(name: str) -> bool:
    """Tell whether a file of a submission may hold text for TeX."""
    extension = posixpath.splitext(name)[1].lower()
    return extension in _TEX | _STYLES | _INPUTS and not _is_readme(name)


def _is_readme(name: str) -> bool:
    return name.upper().startswith("00README")


def decode(data: bytes, declared: str | None = None) -> str | None:
    """Decode a file; None where it is no text.

    UTF-8 where it is UTF-8, else the encoding that the paper declares, else Windows-1252 (the
    Latin-1 of practice), else Latin-1, which never fails.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    elif b"\0" in data:
        return None
    else:
        text = _decode(data, ("utf-8-sig", *([declared] if declared else []), "cp1252"))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decode(data: bytes, encodings: Iterable[str]) -> str:
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _declared_encoding(files: Iterable[bytes]) -> str | None:
    for data in files:
        if match := _DECLARED.search(data):
            name = (match[1] or match[2]).decode("ascii").lower()
            if name in _ENCODINGS:
                return _ENCODINGS[name]
    return None


def _json_usages(text: str) -> list[tuple[str, str]]:
    """Read the usages that a ``00README.json`` gives; none where it is not as expected."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    sources = value.get("sources") if isinstance(value, dict) else None
    if not isinstance(sources, list):
        return []
    return [
        (str(source.get("filename")), str(source.get("usage")).replace("toplevel", "toplevelfile"))
        for source in sources
        if isinstance(source, dict) and source.get("usage") in ("toplevel", "ignore")
    ]
