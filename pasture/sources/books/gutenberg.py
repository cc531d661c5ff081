"""The wrapping of Project Gutenberg's plain texts: decode a file, read its header, cut it out.

Three generations of files are told apart by their marks: the ``*** START OF ... ***`` and
``*** END OF ... ***`` lines (since about 2003), the ``*END*THE SMALL PRINT!`` line that closes
the older header, and the bare ``End of Project Gutenberg's ...`` line of the older footer. A
mark must stand at the start of its line, and a start mark must have its stars, so that a
sentence which names Project Gutenberg stays in the book. Credits and transcriber's notes, which
stand inside the marks, are the business of ``gutenberg_notes``.
"""

from __future__ import annotations

import dataclasses
import datetime
import re

# "Project" in the languages whose volunteers translated the wrapping.
_PROJECT = (
    r"(?:Proje[ck]t(?:i|in|et|es)?|Projet|Proyecto|Progetto|Projec?to)[ \t]+Gutenberg(?:s|in)?"
)
_LANGUAGE_START = r"(?:START|BEGINNING|BEGIN|D[EÉ]BUT|ANFANG|BEGINN|IN[IÍ]CIO|INIZIO|ALKU|BÖRJAN)"
_LANGUAGE_END = r"(?:END|ENDE|FIN|FINE|FIM|EINDE|SLUT|SLUTT|LOPPU|KONIEC|VÉGE)"

_START = re.compile(
    rf"^[ \t]*\*{{2,}}[ \t]*{_LANGUAGE_START}\b[^\n]{{0,30}}?\b{_PROJECT}\b[^\n]*", re.I | re.M
)
_END = re.compile(
    rf"^[ \t]*\*{{2,}}[ \t]*{_LANGUAGE_END}\b[^\n]{{0,30}}?\b{_PROJECT}\b[^\n]*", re.I | re.M
)
_SMALL_PRINT = r"[ \t*]*(?:OF[ \t]+)?(?:THE[ \t]+)?SMALL PRINT![^\n]*"
_SMALL_PRINT_END = re.compile(rf"^[ \t*]*END{_SMALL_PRINT}(?:\n[ \t*]*Ver\.[^\n]*)?", re.M)
_SMALL_PRINT_START = re.compile(rf"^[ \t*]*START{_SMALL_PRINT}", re.M)
_OLD_END = re.compile(
    rf"^[ \t*]*(?:(?:This is the )?{_LANGUAGE_END}\b[ \t][^\n]{{0,30}}?"
    rf"(?:\b{_PROJECT}\b|\bE-?Text(?:es)?\b)"
    rf"|(?:The end of|This ends)[ \t](?:the[ \t]|this[ \t])?{_PROJECT}(?:'s)?[ \t]"
    r"E-?(?:Text|Book)\b)[^\n]*",
    re.I | re.M,
)
# How the licence behind the book begins, for files that lack an end mark.
_LICENCE_START = re.compile(
    r"^(?:\*{3}[ \t]*START: FULL LICENSE|THE FULL PROJECT GUTENBERG(?:-TM|™)? LICENSE"
    r"|Updated editions will replace the previous one"
    r"|Creating the works from (?:public domain )?print editions)",
    re.M,
)
_BOILERPLATE = re.compile(
    r"Gutenberg|\bE-?Texts?\b|\bE-?Books?\b|this file should be named|small print|plain vanilla"
    r"|release date|\[date last updated|copyright laws are changing|information in this header"
    r"|^(?:Title|Author|Translator|Editor|Illustrator|Language|Credits|Posting date)[ \t]*:"
    r"|^Character set encoding:",
    re.I,
)
# The wrapping's own phrases. A book that holds one after the cut was not cut right.
_LEAK = re.compile(
    r"Project Gutenberg(?:-tm|™)|Project Gutenberg Literary Archive|Project Gutenberg License"
    r"|THE SMALL PRINT!|^\*{3}[ \t]*(?:START|END)(?:[ \t]+OF\b|:)[^\n]*(?:GUTENBERG|LICENSE)"
    r"|This e(?:Book|text) is for the use of anyone anywhere",
    re.M,
)
_LEAK_WORDS = ("Gutenberg", "GUTENBERG", "SMALL PRINT", "FULL LICENSE", "use of anyone anywhere")
_COPYRIGHTED = re.compile(
    r"\bis a COPYRIGHTED Project Gutenberg|START OF TH(?:E|IS) COPYRIGHTED PROJECT GUTENBERG"
    r"|SMALL PRINT![ *]*FOR COPYRIGHT PROTECTED|NEITHER SHAREWARE NOR PUBLIC DOMAIN",
    re.I,
)

_FIELD = re.compile(r"^([A-Z][A-Za-z ]{2,30}?)[ \t]*:[ \t]*(\S[^\n]*(?:\n[ \t]+\S[^\n]*)*)", re.M)
_NUMBER = re.compile(r"\bE-?(?:Book|Text)[ \t]*#[ \t]*(\d{1,7})\b", re.I)
_TOP_LINE = re.compile(
    r"^[ \t*]*(?:The[ \t]{1,9})?Project Gutenberg(?:'s|’s)?(?:[ \t]{1,9}E-?(?:Book|Text))?"
    r"(?:[ \t]{1,9}of)?,?[ \t]{1,9}(?P<title>\S[^\n]{0,200}?)"
    r"(?:,?[ \t]{1,9}by[ \t]{1,9}(?P<author>[^\n*]{1,100}?))?[ \t*]{0,20}$",
    re.I | re.M,
)
_DATE = re.compile(
    r"\brelease date:?[ \t]{0,9}(?P<month>[A-Z][a-z]{1,20})[ \t]{0,9}"
    r"(?P<day>\d{1,2})?,?[ \t]{0,9}(?P<year>\d{4})\b",
    re.I,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

# English names of languages, as headers spell them, to ISO 639 codes.
LANGUAGES = {
    "afrikaans": "af", "arabic": "ar", "bulgarian": "bg", "catalan": "ca", "cebuano": "ceb",
    "chinese": "zh", "czech": "cs", "danish": "da", "dutch": "nl", "english": "en",
    "esperanto": "eo", "estonian": "et", "finnish": "fi", "french": "fr", "frisian": "fy",
    "friulian": "fur", "galician": "gl", "german": "de", "greek": "el", "hebrew": "he",
    "hungarian": "hu", "icelandic": "is", "iloko": "ilo", "interlingua": "ia", "irish": "ga",
    "italian": "it", "japanese": "ja", "korean": "ko", "latin": "la", "lithuanian": "lt",
    "middle english": "enm", "norwegian": "no", "occitan": "oc", "old english": "ang",
    "polish": "pl", "portuguese": "pt", "romanian": "ro", "russian": "ru", "sanskrit": "sa",
    "scots": "sco", "serbian": "sr", "slovak": "sk", "slovenian": "sl", "spanish": "es",
    "swedish": "sv", "tagalog": "tl", "ukrainian": "uk", "welsh": "cy", "yiddish": "yi",
}  # fmt: skip

# Character sets that headers declare, to Python's codecs. Latin-1 is read as its superset
# Windows-1252, because the files that say Latin-1 hold curly quotes all the same.
_CODECS = {
    "iso88591": "cp1252", "isolatin1": "cp1252", "latin1": "cp1252", "iso8859": "cp1252",
    "windows1252": "cp1252", "cp1252": "cp1252", "windowscodepage1252": "cp1252",
    "ansi": "cp1252", "iso88592": "iso8859_2", "iso88595": "iso8859_5", "iso88597": "iso8859_7",
    "iso885915": "iso8859_15", "windows1250": "cp1250", "windows1251": "cp1251",
    "cp1251": "cp1251", "windows1253": "cp1253", "cp437": "cp437", "codepage437": "cp437",
    "ibm850": "cp850", "codepage850": "cp850", "cp850": "cp850", "macintosh": "mac_roman",
    "macroman": "mac_roman", "koi8r": "koi8_r", "big5": "big5", "gb2312": "gb18030",
    "gb18030": "gb18030", "gbk": "gb18030", "shiftjis": "cp932", "eucjp": "euc_jp",
    "euckr": "euc_kr",
}  # fmt: skip
_DECLARED = re.compile(rb"character set encoding:[ \t]*([^\r\n]{1,60})", re.I)
_LITTLE = 100  # characters; what stands behind the small print of a footer at most
_HEADER_BYTES = 30_000
"""How far the header may reach; the longest known, with its small print, is about 20 KB."""


@dataclasses.dataclass(frozen=True, slots=True)
class Header:
    """What a file's header says of the book; None where it says nothing.

    Args:
        title: Title, its continuation lines joined.
        author: Author as the header spells the name.
        language: ISO 639 code of the first language named.
        number: Project Gutenberg's number of the work; its editions share it.
        released: First release, the first of the month where no day is given.
    """

    title: str | None = None
    author: str | None = None
    language: str | None = None
    number: int | None = None
    released: datetime.datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Cut:
    """A file cut into its wrapping and its book.

    Args:
        header: What stands before the book.
        bodies: The book; its volumes, where each has marks of its own.
        footer: What stands after it.
        marked: A start or an end mark was found.
    """

    header: str
    bodies: tuple[str, ...]
    footer: str
    marked: bool


def decode(data: bytes) -> str:
    """Decode a book: by byte order mark, as UTF-8 if it is that, else by what its header says.

    UTF-8 goes first because headers are wrong more often than text is UTF-8 by accident. Line
    ends become ``\\n``; a form feed becomes a line end; the DOS end-of-file mark goes.

    Raises:
        UnicodeDecodeError: The text is not in the encoding that its byte order mark tells.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16")
    else:
        text = _decode_8_bit(data)
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    return text.replace("\x1a", "").replace("\ufeff", "")


def _decode_8_bit(data: bytes) -> str:
    codecs = ["utf-8"]
    if declared := _DECLARED.search(data[:_HEADER_BYTES]):
        key = re.sub(r"[^a-z0-9]", "", declared[1].decode("latin-1").lower())
        codecs += [_CODECS[key]] if key in _CODECS else []
    for codec in (*codecs, "cp1252"):
        try:
            return data.decode(codec)
        except UnicodeDecodeError:
            continue  # the next is more lenient
    return data.decode("latin-1")


def has_start(text: str) -> bool:
    """Tell whether a file has a start mark, or the small print, of Project Gutenberg itself."""
    return bool(_START.search(text) or _SMALL_PRINT_END.search(text))


def cut(text: str) -> Cut:
    """Cut the wrapping off a file."""
    start = _START.search(text)
    if start is None:
        return _cut_old(text)
    header = text[: start.start()]
    bodies: list[str] = []
    footer = ""
    while start is not None:
        begin = _end_of_mark(text, start.end())
        end = _END.search(text, begin)
        stop = end.start() if end else _licence_start(text, begin)
        body, rest = _split_old_end(text[begin:stop])
        bodies.append(body.strip("\n"))
        footer = rest + text[stop:]
        start = _START.search(text, end.end()) if end else None
    return Cut(header, tuple(bodies), footer, marked=True)


def _cut_old(text: str) -> Cut:
    """Cut a file without starred start mark: small print, or nothing but a top line."""
    ends = [match.end() for match in _SMALL_PRINT_END.finditer(text)]
    footers = [match.start() for match in _END.finditer(text)]
    footers += [match.start() for match in _SMALL_PRINT_START.finditer(text)]
    # Some files have the small print behind the book: it is a header where a text follows it.
    last = len(text.rstrip())
    header_ends = [end for end in ends if end < last - _LITTLE]
    begin = header_ends[-1] if header_ends else _end_of_top_lines(text)
    stop = min((at for at in footers if at > begin), default=_licence_start(text, begin))
    body, rest = _split_old_end(text[begin:stop])
    marked = bool(header_ends) or stop < len(text) or bool(rest)
    return Cut(text[:begin], (body,), rest + text[stop:], marked)


def _licence_start(text: str, position: int) -> int:
    """Find where the licence begins in a file without end mark; its end where there is none."""
    last_leak = max((match.start() for match in _LEAK.finditer(text, position)), default=-1)
    start = _LICENCE_START.search(text, position)
    return start.start() if start and start.start() <= last_leak else len(text)


def _end_of_mark(text: str, position: int) -> int:
    """Find the end of a start mark: a long title runs on over some lines, to closing stars."""
    line_start = text.rfind("\n", 0, position) + 1
    if text[line_start:position].rstrip().endswith("*"):
        return position
    end = position
    for _ in range(4):
        next_end = text.find("\n", end + 1)
        next_end = len(text) if next_end < 0 else next_end
        line = text[end:next_end].strip()
        if not line:
            break
        if line.endswith("***"):
            return next_end
        end = next_end
    return position


def _split_old_end(body: str) -> tuple[str, str]:
    """Split off an ``End of Project Gutenberg's ...`` line and all behind it.

    Such a line has no stars that prove it. It counts where it stands in the last part of the
    file, and what follows is short or speaks of Project Gutenberg again.
    """
    tail_start = max(len(body) - max(len(body) // 4, _HEADER_BYTES), 0)
    for match in _OLD_END.finditer(body, tail_start):
        rest = body[match.end() :]
        lines = [line for line in rest.split("\n", 200)[:200] if line.strip()]
        after = "\n".join(lines[:30])
        if len(lines) <= 12 or "Gutenberg" in after or "SMALL PRINT" in after:
            return body[: match.start()], body[match.start() :]
    return body, ""


def _end_of_top_lines(text: str) -> int:
    """Find the end of the leading paragraphs that speak of the file rather than of the book."""
    end = 0
    for match in re.finditer(r"\S[^\n]*(?:\n[ \t]*\S[^\n]*)*", text[:_HEADER_BYTES]):
        if not _BOILERPLATE.search(match[0]):
            break
        end = match.end()
    return end


def parse_header(header: str) -> Header:
    """Read the fields of a header of any generation."""
    header = header[:_HEADER_BYTES]
    fields: dict[str, str] = {}
    for match in _FIELD.finditer(header):
        fields.setdefault(match[1].strip().lower(), " ".join(match[2].split()))
    top = _TOP_LINE.search(header)
    number = _NUMBER.search(header)
    return Header(
        title=fields.get("title") or _clean(top["title"] if top else None),
        author=fields.get("author") or _clean(top["author"] if top else None),
        language=_language(fields.get("language", "")),
        number=int(number[1]) if number else None,
        released=_release_date(header),
    )


def _clean(value: str | None) -> str | None:
    return " ".join(value.split()).strip(" *,") or None if value else None


def _language(value: str) -> str | None:
    first = re.split(r"[,;&/(]| and ", value, maxsplit=1)[0].strip().lower()
    return LANGUAGES.get(first) or (first if re.fullmatch(r"[a-z]{2,3}", first) else None)


def _release_date(header: str) -> datetime.datetime | None:
    match = _DATE.search(header)
    if match is None or match["month"][:3].lower() not in _MONTHS:
        return None
    month = _MONTHS.index(match["month"][:3].lower()) + 1
    try:
        return datetime.datetime(
            int(match["year"]), month, int(match["day"] or 1), tzinfo=datetime.timezone.utc
        )
    except ValueError:  # "February 30"
        return None


def is_copyrighted(parts: Cut) -> bool:
    """Tell whether the wrapping says that the text is under copyright."""
    return bool(_COPYRIGHTED.search(parts.header) or _COPYRIGHTED.search(parts.footer))


def find_leak(body: str) -> str | None:
    """Return the first phrase of the wrapping that is still in the book, if there is one."""
    if not any(word in body for word in _LEAK_WORDS):
        return None
    match = _LEAK.search(body)
    return match[0] if match else None
