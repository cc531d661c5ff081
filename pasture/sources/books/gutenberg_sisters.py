"""The wrapping of the projects that share Project Gutenberg's name: Australia, Canada, Germany.

None of them marks where a book starts. Their headers are short and hold known phrases, so
the book starts behind the last paragraph near the top that has one, and behind the fields
repeated there; it ends before the project's own line near the bottom. What is in the public
domain there need not be elsewhere, so each has a licence of its own.
"""

from __future__ import annotations

import dataclasses
import re

from pasture.sources.books.gutenberg import Header, has_start, parse_header

_TOP_CHARACTERS = 3_000  # how far the line may be by which a file is told
_HEADER_CHARACTERS = 8_000  # the longest header seen is about 3,000
_FOOTER_CHARACTERS = 3_000
_BETWEEN = 3
"""Paragraphs of a header in a row that hold none of its phrases; ours."""


@dataclasses.dataclass(frozen=True, slots=True)
class Sister:
    """A project: how its files are told, and where its wrapping ends and begins.

    Args:
        collection: Its name in the metadata.
        license: What its books are in its country.
        language: Of its books, where they are in one.
        mark: The line near the top by which its files are told.
        wrapping: Phrases that only stand in its header.
        footer: The first line of its footer.
    """

    collection: str
    license: str
    language: str | None
    mark: re.Pattern[str]
    wrapping: re.Pattern[str]
    footer: re.Pattern[str]


@dataclasses.dataclass(frozen=True, slots=True)
class SisterBook:
    """A file cut into the facts of its header and its book."""

    project: Sister
    header: Header
    number: str | None
    body: str


def _pattern(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.I | re.M | re.X)


_STARS = r"^[ \t*_=~-]{0,40}"
_END_OF = _STARS + r"(?:(?:this[ ]is[ ])?(?:the[ ])?end[ ]of[ ](?:this[ ]|the[ ])?)?"

SISTERS = (
    Sister(
        "gutenberg_australia",
        "LicenseRef-public-domain-AU",
        None,
        _pattern(
            _STARS + r"(?:a[ ])?project[ ]gutenberg[ ](?:of[ ])?australia[ ]e-?(?:book|text)\b"
        ),
        _pattern(
            r"""gutenberg\.net\.au | project[ ]gutenberg[ ](?:of[ ])?australia
            | ^e-?book[ ]no\.: | ^date[ ](?:first[ ]posted|most[ ]recently[ ]updated):
            | ^copyright[ ]laws[ ]are[ ]changing[ ] | ^production[ ]notes?:
            | ^this[ ]e-?book[ ]was[ ]produced[ ]by\b"""
        ),
        _pattern(_END_OF + r"(?:a[ ])?project[ ]gutenberg[ ](?:of[ ])?australia\b"),
    ),
    Sister(
        "gutenberg_canada",
        "LicenseRef-public-domain-CA",
        None,
        _pattern(
            _STARS
            + r"an?[ ](?:project[ ]gutenberg|distributed[ ]proofreaders)[ ]canada[ ]e-?book\b"
        ),
        _pattern(
            r"""project[ ]gutenberg[ ]canada | ^faded[ ]page[ ]e-?book[ ]\# | fadedpage\.com
            | ^date[ ](?:first[ ]posted|last[ ]updated): | ^this[ ]e-?book[ ]was[ ]produced[ ]by\b
            | public[ ]domain[ ]in[ ]canada | canadian[ ]public[ ]domain"""
        ),
        _pattern(
            r"^[ \t]*\[[ ]?(?:the[ ])?end[ ]of\b[^\[\]]{1,300}\]|"
            + _END_OF
            + r"(?:project[ ]gutenberg|distributed[ ]proofreaders)[ ]canada\b"
        ),
    ),
    Sister(
        "gutenberg_de",
        "LicenseRef-public-domain-DE",
        "de",
        _pattern(
            r"^[^\n]{0,100}?(?:projekt[ ]gutenberg-de|gutenberg\.spiegel\.de"
            r"|projekt-gutenberg\.org)|^projectid[\s:]+[0-9a-f]{4,}[ \t]*$"
        ),
        _pattern(
            r"""projekt[ ]gutenberg-de | gutenberg\.spiegel\.de | projekt-gutenberg\.org
            | ^(?:projectid|sender|corrector|created|modified|firstpub|publisher|type|autho?r)[\t:]
            """
        ),
        _pattern(
            r"""^[^\n]{0,100}?(?:projekt[ ]gutenberg-de | gutenberg\.spiegel\.de
            | projekt-gutenberg\.org)"""
        ),
    ),
)
_PARAGRAPH = re.compile(r"\S[^\n]*(?:\n[ \t]*\S[^\n]*)*")
_FIELDS = re.compile(r"(?:title|author|translator|illustrator|editor|language)[ \t]*:", re.I)
_NUMBER = re.compile(
    r"\be-?book[ ](?:no\.:[ \t]*|#)(\d{1,12})|^projectid[\s:]+(\w{1,40})", re.I | re.M
)
_TABBED = re.compile(r"^(author|title)[\t ]+(\S[^\n]*)", re.M)


def cut(text: str) -> SisterBook | None:
    """Cut the wrapping off a file of one of the projects; None where it is of none."""
    top = text[:_TOP_CHARACTERS]
    for project in SISTERS:
        # Project Gutenberg's own headers thank these projects for books.
        if project.mark.search(top) and not has_start(text):
            return _cut(project, text)
    return None


def _cut(project: Sister, text: str) -> SisterBook:
    begin = _end_of_header(project, text)
    footer = project.footer.search(text, max(begin, len(text) - _FOOTER_CHARACTERS))
    header = text[:begin]
    # Germany's fields are lower-case words and a tab.
    header = _TABBED.sub(lambda field: f"{field[1].capitalize()}: {field[2]}\n", header)
    found = parse_header(header)
    number = _NUMBER.search(header)
    return SisterBook(
        project,
        dataclasses.replace(found, number=None, language=found.language or project.language),
        number[1] or number[2] if number else None,
        text[begin : footer.start() if footer else len(text)],
    )


def _end_of_header(project: Sister, text: str) -> int:
    """Find the end of the last paragraph of the header, and of the fields repeated behind it."""
    end = others = 0
    for match in _PARAGRAPH.finditer(text, 0, _HEADER_CHARACTERS):
        if project.wrapping.search(match[0]) or _FIELDS.match(match[0]):
            end, others = match.end(), 0
        else:
            others += 1
            if others > _BETWEEN:
                break
    return end
