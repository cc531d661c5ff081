"""The last passes over wikitext, when no bracket is left: inline formatting, then lines.

Lists keep a plain shape (``- `` and ``1. ``, two blanks for each level), headings become plain
lines, and sections that are empty or only point elsewhere go. Text that is plain already comes
out as it went in.
"""

from __future__ import annotations

import dataclasses
import functools
import html
import re
from collections.abc import Iterator

from pasture.sources.wikipedia.wikitext_tags import GONE

PROSE_CHARACTERS = 200
"""A section below the top level whose heading may also head prose ("Literature" in an article
on a country) stays if it has a line of this length outside lists; ours."""

_EXTERNAL = re.compile(
    r"\[(?:(?:https?:|ftps?:|ircs?:|git:|svn:)?//|mailto:|news:)[^\s\[\]<>\"]+"
    r"(?:[ \t]+(?![ \t])([^\[\]\n]*(?:\[[^\[\]\n]*\][^\[\]\n]*)*))?\]",
    re.IGNORECASE,
)
_BREAK = re.compile(r"<(?:br|hr)\b[^<>]{0,200}>[ \t]?\n?", re.IGNORECASE)
_SHIFTED = re.compile(r"<(sup|sub)\b[^<>]{0,200}>([^<>]{0,12})</\1\s{0,5}>", re.IGNORECASE)
_TAG = re.compile(
    r"</?(?:abbr|b|bdi|bdo|big|blockquote|br|caption|center|cite|code|data|dd|del|dfn|div|dl|dt|em"
    r"|font|h[1-6]|hr|i|ins|kbd|li|mark|nowiki|noinclude|nobr|ol|onlyinclude|p|poem|pre|q|rb|rp|rt"
    r"|rtc|ruby|s|samp|section|small|source|span|strike|strong|sub|sup|syntaxhighlight|table|tbody"
    r"|td|th|thead|time|tr|tt|u|ul|var|wbr|ref|references|gallery|timeline|math|chem|ce|score"
    r"|includeonly|imagemap|hiero|mapframe|maplink|translate|languages|noanchor|categorytree)"
    r"(?=[\s/>])[^<>]{0,2000}>",
    re.IGNORECASE,
)
_RUBY = re.compile(r"<rp\b[^<>]{0,200}>[^<>]{0,20}</rp>", re.IGNORECASE)
_MAGIC = re.compile(r"__[^\W\d_][^\W\d]{1,40}?__")
# Upper-case names between underscores that are no words of MediaWiki but of C and Python.
_CODE_NAMES = frozenset(
    (
        "__FILE__", "__LINE__", "__DATE__", "__TIME__", "__FUNCTION__", "__VA_ARGS__",
        "__COUNTER__", "__STDC__", "__CLASS__", "__DIR__", "__METHOD__", "__NAMESPACE__",
        "__DATA__", "__END__", "__PACKAGE__", "__INIT__", "__MAIN__",
    )
)  # fmt: skip
_QUOTES = re.compile(r"'{2,}")
_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,31}|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});")
_SUPERSCRIPT = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
_SUBSCRIPT = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_SHIFTABLE = re.compile(r"\A(?:[+\-−=()]*[0-9][0-9+\-−=()]*|[+\-−n])")
# Blanks that differ from a blank only in print, and characters of no width.
_BLANKS = "\xa0\u2007\u2009\u200a\u202f\u3000"
_WIDTHLESS = "\xad\u200b\u200e\u200f\u2060\ufeff"
_LEFT = re.compile(
    r"\[\[|\]\]|\{\{|\}\}|<!--|-->|\{\||\|\}|</?ref\b[^<>\n]{0,500}>?", re.IGNORECASE
)
_LEFT_MARKS = ("[[", "]]", "{{", "}}", "<!--", "-->", "{|", "|}", "<ref", "</ref", "<REF", "<Ref")

# What a cut leaves behind: brackets with nothing in them, doubled commas and blanks.
_G = GONE
# Behind a solid character a cut leaves nothing to mend: most references are such.
_HARMLESS_CUTS = re.compile(rf"{_G}(?<=[^\s(\[,;:/„«“–—{_G}-]{_G}){_G}*")
_EDGE = (" ", "\t", GONE)
_RUN_OF_CUTS = re.compile(rf"{_G}(?: ?{_G})+")
_EMPTY_BRACKETS = re.compile(
    rf" ?(?:\([ ,;:/–—-]{{0,9}}{_G}[ ,;:/–—{_G}-]{{0,20}}\)|\[[ ,;]{{0,9}}{_G}[ ,;{_G}]{{0,20}}\])"
)
_AFTER_OPENING = re.compile(rf"([(\[„«“])[ ,;:]{{0,4}}{_G}[ ,;:{_G}]{{0,9}}")
_BEFORE_CLOSING = re.compile(rf"[ ,;:]{{0,4}}{_G}[ ,;:{_G}]{{0,9}}(?=[)\]])")
_DOUBLED = re.compile(rf"([,;:]) ?{_G}[ {_G}]{{0,9}}[,;](?= )")
_BEFORE_STOP = re.compile(rf"(?: [–—-])? ?{_G} ?(?=[,.;](?:\s|$|{_G}))")
_LAST = re.compile(rf"[,;:]? ?{_G} ?(?=\.?$)")
_RUN_OF_BLANKS = re.compile(r"(?<=\S)[ \t]{2,}")
_LIST = re.compile(r"([*#:;]+)[ \t]*")
_BLANK_LINES = re.compile(r"\n{3,}")


def strip_inline(text: str, files: frozenset[str]) -> str:
    """Strip formatting within lines; ``files`` names the namespaces of files."""
    text = _EXTERNAL.sub(lambda match: match[1] or GONE, text)
    if "<" in text:
        text = _RUBY.sub("", text)
        text = _SHIFTED.sub(_shift, text)
        text = _BREAK.sub("\n", text)
        text = _TAG.sub("", text)
    if "__" in text:
        text = _MAGIC.sub(_drop_magic_word, text)
    if "''" in text:
        text = _strip_quotes(text)
    if any(mark in text for mark in _LEFT_MARKS):
        text = _LEFT.sub("", text)
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    text = _file_line(files).sub("", f"\n{text}")
    for blank in _BLANKS:
        text = text.replace(blank, " ")
    for widthless in _WIDTHLESS:
        text = text.replace(widthless, "")
    return _HARMLESS_CUTS.sub("", text)


def _shift(match: re.Match[str]) -> str:
    """Write digits that stand high or low as such: 10<sup>6</sup> is not 106."""
    content = match[2].strip()
    if not _SHIFTABLE.fullmatch(content):
        return match[2]
    if match[1].lower() == "sup":
        return content.translate(_SUPERSCRIPT)
    return content.translate(_SUBSCRIPT) if content != "n" else content


def _drop_magic_word(match: re.Match[str]) -> str:
    word = match[0]
    return "" if word.isupper() and word not in _CODE_NAMES else word


@functools.cache
def _file_line(files: frozenset[str]) -> re.Pattern[str]:
    """Lines of a gallery whose tag is gone or broken."""
    names = "|".join(re.escape(name) for name in sorted(files))
    return re.compile(
        rf"\n[ \t*]{{0,9}}(?:{names})[ \t]?:[^\n|]{{1,300}}"
        r"\.(?:jpe?g|png|svg|gif|tiff?|ogg|ogv|webm|pdf)[ \t]*(?:\|[^\n]*)?(?=\n|$)",
        re.IGNORECASE,
    )


def _strip_quotes(text: str) -> str:
    """Strip bold and italics; an apostrophe before them stays, as in ``l'''homme''``."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if "''" not in line:
            continue
        if "''''" in line:
            runs = [len(run) for run in _QUOTES.findall(line)]
            bold = sum(run > 2 for run in runs)
            italic = sum(run == 2 or run > 4 for run in runs)
        else:
            bold = line.count("'''")
            italic = line.count("''") - bold
        if bold % 2 and italic % 2:
            line = _restore_apostrophe(line)
        if "''''" in line:
            line = _QUOTES.sub(_apostrophes, line)
        lines[number] = line.replace("'''", "").replace("''", "")
    return "\n".join(lines)


def _apostrophes(match: re.Match[str]) -> str:
    """The part of a run of apostrophes that is text: one of four, what is more than five."""
    length = match.end() - match.start()
    return "'" if length == 4 else "'" * (length - 5)


def _restore_apostrophe(line: str) -> str:
    """Read one bold mark of an unbalanced line as an apostrophe and italics, as MediaWiki does.

    It takes the first behind a word of one letter, else the first behind a longer word.
    """
    best = -1
    for match in _QUOTES.finditer(line):
        at = match.start()
        if match.end() - at != 3 or at == 0 or line[at - 1] == " ":
            continue
        if at == 1 or not line[at - 2].isalnum():
            best = at
            break
        best = at if best < 0 else best
    return line if best < 0 else f"{line[:best]}'{line[best + 3 :]}"


def mend(line: str) -> str:
    """Mend a line of running text where something was cut out of it."""
    line = line.strip(f" \t{GONE}") if line[:1] in _EDGE or line[-1:] in _EDGE else line
    if GONE not in line:
        return line
    line = _RUN_OF_CUTS.sub(GONE, line)
    line = _EMPTY_BRACKETS.sub("", line)
    line = _AFTER_OPENING.sub(r"\1", line)
    line = _BEFORE_CLOSING.sub("", line)
    line = _DOUBLED.sub(r"\1", line)
    line = _LAST.sub("", line)
    line = _BEFORE_STOP.sub("", line)
    return line.replace(f" {GONE} ", " ").replace(GONE, "")


@dataclasses.dataclass(slots=True)
class _Section:
    level: int
    title: str
    lines: list[str]


def layout(text: str, pointers: frozenset[str]) -> str:
    """Lay the lines of an article out as plain text.

    Args:
        text: Wikitext of which only line-level markup is left.
        pointers: Headings, lower case, of the sections that go.
    """
    parts: list[str] = []
    for section in _kept(list(_sections(text)), pointers):
        body = "\n".join(section.lines).strip("\n")
        if section.title:
            body = f"{section.title}\n{body}" if body else section.title
        if body:
            parts.append(body)
    return _BLANK_LINES.sub("\n\n", "\n\n".join(parts)).strip()


def _sections(text: str) -> Iterator[_Section]:
    section = _Section(0, "", [])
    counters: list[int] = []
    for raw in text.split("\n"):
        line = raw.rstrip()
        first = line[:1]
        if first == "=" and (heading := _heading(line)):
            yield section
            section = _Section(*heading, [])
            continue
        if first and first in "*#:;":
            line = _list_item(line, counters)
        else:
            counters.clear()
            line = _plain_line(line)
        if line or not raw.strip():
            section.lines.append(line)
    yield section


def _heading(line: str) -> tuple[int, str] | None:
    line = line.replace(GONE, "").rstrip()
    level = len(line) - len(line.lstrip("="))
    closing = len(line) - len(line.rstrip("="))
    level = min(level, closing, 6)
    title = line.strip("= \t")
    return (level, _tidy(title)) if level and title else None


def _plain_line(line: str) -> str:
    line = _tidy(line)
    if GONE in line:
        line = mend(line)
        if not any(map(str.isalnum, line)) and "\x02" not in line:
            return ""
    if line.startswith(("|", "!")) or not line.strip("= "):
        return ""  # a row of a table or an argument that lost its bracket, an empty heading
    if line[:1] == " " and line[1:2] != " ":
        line = line[1:]
    return line.rstrip()


def _list_item(line: str, counters: list[int]) -> str:
    match = _LIST.match(line)
    assert match is not None  # the caller looked at the first character
    prefix = match[1]
    body = mend(_tidy(line[match.end() :])).strip(" \t")
    if not any(map(str.isalnum, body)) and "\x02" not in body:
        return ""
    depth = min(len(prefix), 20)
    mark = prefix[-1]
    del counters[depth:]
    counters.extend([0] * (depth - len(counters)))
    indent = "  " * (sum(char in "*#" for char in prefix[:depth]) - 1)
    if mark == "*":
        return f"{indent}- {body}"
    if mark == "#":
        counters[depth - 1] += 1
        return f"{indent}{counters[depth - 1]}. {body}"
    if mark == ";":
        term, colon, definition = body.partition(" :")
        return f"{term.rstrip()}: {definition.strip()}" if colon and definition else body
    return body


def _tidy(line: str) -> str:
    return _RUN_OF_BLANKS.sub(" ", line) if "  " in line or "\t" in line else line


def _kept(sections: list[_Section], pointers: frozenset[str]) -> list[_Section]:
    """Leave out sections that point elsewhere, with what is below them, and empty ones."""
    kept: list[_Section] = []
    dropped_level = 0  # of the pointer section that the scan is in
    for section in sections:
        if dropped_level and section.level > dropped_level:
            continue
        dropped_level = 0
        if section.title.strip(": ").lower() in pointers and not _is_prose(section):
            dropped_level = section.level
        else:
            kept.append(section)
    full: list[_Section] = []
    for section in reversed(kept):
        if any(section.lines) or (full and section.title and full[-1].level > section.level):
            full.append(section)
    full.reverse()
    return full


def _is_prose(section: _Section) -> bool:
    return section.level > 2 and any(
        len(line) >= PROSE_CHARACTERS and not line.lstrip().startswith(("- ", "1. "))
        for line in section.lines
    )
