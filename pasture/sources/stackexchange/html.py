"""HTML of posts to text that a person would have typed: Markdown's signs, without its emphasis.

A code block becomes a fenced block with its lines untouched, a quote gets ``> ``, a list item
``- `` or its number, a table rows of ``| a | b |``; a link leaves its label (or, if asked for,
``[label](target)``), a picture its description. Inline math is plain text on these sites and
stays as it is. The parser calls ``_Writer`` as it goes (no tree, no recursion), so nesting costs
no stack and output stays linear.
"""

from __future__ import annotations

import dataclasses
import re
import urllib.parse

from lxml import etree

_BLOCKS = frozenset((
    "address", "article", "aside", "body", "caption", "center", "details", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "header", "main", "nav", "p",
    "section", "summary",
))  # fmt: skip
_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_HIDDEN = frozenset(("script", "style", "head", "template"))
_LANGUAGE = re.compile(r"(?:^|\s)lang(?:uage)?-([A-Za-z0-9+#.-]{1,20})(?=\s|$)")
_NO_LANGUAGE = frozenset(("none", "default", "prettyprint"))
_PLACEHOLDER = "enter image description here"  # what the editor puts where no one describes it
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_MAX_TARGET = 2000
"""Longest target of a link, in characters, as browsers and servers take them; ours."""
_SCHEMES = ("http://", "https://", "ftp://", "mailto:")
_IN_TARGET = {ord("|"): "%7C", ord("<"): "%3C", ord(">"): "%3E", ord("("): "%28", ord(")"): "%29"}
_MATH_LINES = ("$$", "\\begin{", "\\[")
_MAX_DEPTH = 8
"""Deepest nesting that is indented. Ours; deeper text is kept at this depth, so that the output
of a hostile post stays in proportion to its input."""
_RAISED = frozenset(("st", "nd", "rd", "th", "tm", "sm", "®", "™"))
_SHORT_SUPERSCRIPT = 12
"""Longest superscript that is a power or a footnote mark; longer ones are small print."""


class HtmlToText:
    """A converter of HTML to text. One for each thread: it keeps its parser for speed.

    Args:
        link_base: Links keep their targets, and those without a host are relative to this
            address; None leaves of each link its label.
    """

    def __init__(self, link_base: str | None = None) -> None:
        self._writer = _Writer(link_base)
        # Without huge_tree the parser drops a text of more than 10 MB without a word.
        self._parser = etree.HTMLParser(
            target=self._writer,  # type: ignore[arg-type]  # the stubs want bytes too
            encoding="utf-8",
            huge_tree=True,
        )

    def convert(self, html: str) -> str:
        """Convert the HTML of one post."""
        if not html.strip():
            return ""
        self._writer.reset()
        etree.fromstring(html.encode("utf-8", "replace"), self._parser)
        return _CONTROL.sub("", "\n".join(self._writer.lines)).strip("\n")


@dataclasses.dataclass(slots=True, eq=False)
class _Box:
    """A quote or a list item that is open.

    Args:
        first: What its first line begins with; None once that is written.
        rest: What its other lines begin with.
    """

    first: str | None
    rest: str


class _Writer:
    """Takes the parser's events and writes lines."""

    def __init__(self, link_base: str | None) -> None:
        self._link_base = link_base
        self.reset()

    def reset(self) -> None:
        """Begin a new text."""
        self._target = ""
        self.lines: list[str] = []
        self._inline: list[str] = []
        self._marks: list[tuple[str, int]] = []  # open code, sup, a: tag, where it begins
        self._boxes: list[_Box] = []
        self._unboxed = 0  # open quotes and items that are too deep, or in a table
        self._last_boxes: list[_Box] = []  # around the line written last
        self._lists: list[int | None] = []  # the next number, None where bulleted
        self._gap = False
        self._heading = 0
        self._hidden = 0
        self._pre: list[str] | None = None
        self._language = ""
        self._tables = 0
        self._rows: list[list[str]] = []
        self._has_header = False

    # What the parser calls.

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Handle an opening tag."""
        if self._pre is not None:
            self._start_in_pre(tag, attributes)
        elif tag in _BLOCKS:
            self._block()
        elif tag == "br":
            self._flush()
        elif tag in ("code", "sup"):
            if tag not in (mark for mark, _ in self._marks):
                self._marks.append((tag, len(self._inline)))
        elif tag == "a":
            self._start_link(attributes)
        elif tag == "img":
            self._image(attributes)
        elif tag == "pre":
            self._block()
            self._pre = []
            self._language = _language(attributes)
        elif tag in ("ul", "ol"):
            self._start_list(tag, attributes)
        elif tag == "li":
            self._start_item()
        elif tag == "blockquote":
            self._block()
            self._open_box("> ", "> ")
        elif tag == "dd":
            self._flush()
            self._open_box("  ", "  ")
        elif tag in _HEADINGS:
            self._block()
            self._heading = _HEADINGS[tag]
        elif tag == "hr":
            self._rule()
        elif tag in ("table", "tr", "td", "th"):
            self._start_table_part(tag)
        elif tag == "q":
            self._inline.append('"')
        elif tag in _HIDDEN:
            self._hidden += 1

    def end(self, tag: str) -> None:
        """Handle a closing tag."""
        if self._pre is not None:
            if tag == "pre":
                self._end_pre(self._pre)
        elif tag in _BLOCKS:
            self._block()
        elif tag in ("code", "sup", "a"):
            self._end_mark(tag)
        elif tag in ("ul", "ol"):
            self._end_list()
        elif tag in ("li", "dd"):
            self._flush()
            self._close_box()
            self._gap = False
        elif tag == "blockquote":
            self._flush()
            self._close_box()
            self._gap = True
        elif tag in _HEADINGS:
            self._flush()
            self._heading = 0
            self._gap = True
        elif tag in ("table", "tr", "td", "th"):
            self._end_table_part(tag)
        elif tag == "q":
            self._inline.append('"')
        elif tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)

    def data(self, text: str) -> None:
        """Handle text."""
        if self._hidden:
            return
        (self._inline if self._pre is None else self._pre).append(text)

    def close(self) -> None:
        """Handle the end of the post."""
        if self._pre is not None:
            self._end_pre(self._pre)
        if self._tables:
            self._write_table()
        self._flush()

    # Lines.

    def _write(self, line: str) -> None:
        """Write one line, after a blank one where a gap is due."""
        if self._gap and self.lines:
            shared = 0
            for box, last in zip(self._boxes, self._last_boxes, strict=False):
                if box is not last or box.first is not None:
                    break
                shared += 1
            self.lines.append("".join(box.rest for box in self._boxes[:shared]).rstrip())
        self._gap = False
        prefix = "".join(box.rest if box.first is None else box.first for box in self._boxes)
        for box in self._boxes:
            box.first = None
        self._last_boxes = list(self._boxes)
        self.lines.append(prefix + line if line else prefix.rstrip())

    def _flush(self) -> None:
        """Write the inline text so far as a line; within a table it only ends a word."""
        if self._tables:
            self._inline.append(" ")
            return
        if not self._inline:
            return
        text = "".join(self._inline)
        self._inline.clear()
        self._marks.clear()
        # The lines of displayed math are the author's; elsewhere a line end is a blank.
        keep_lines = any(sign in text for sign in _MATH_LINES)
        for part in text.split("\n") if keep_lines else [text]:
            if line := " ".join(part.split()):
                self._write("#" * self._heading + " " + line if self._heading else line)

    def _block(self) -> None:
        """End a block and begin another: a blank line comes between, but not in a new box."""
        self._flush()
        if not (self._boxes and self._boxes[-1].first is not None):
            self._gap = True

    def _open_box(self, first: str, rest: str) -> None:
        if self._tables or len(self._boxes) >= _MAX_DEPTH:
            self._unboxed += 1
        else:
            self._boxes.append(_Box(first, rest))

    def _close_box(self) -> None:
        if self._unboxed:
            self._unboxed -= 1
        elif self._boxes:
            self._boxes.pop()

    # Parts of posts.

    def _start_list(self, tag: str, attributes: dict[str, str]) -> None:
        self._flush()
        number = attributes.get("start", "1")
        self._gap = not self._lists
        self._lists.append(
            None if tag == "ul" else int(number) if re.fullmatch(r"[0-9]{1,9}", number) else 1
        )

    def _end_list(self) -> None:
        self._flush()
        if self._lists:
            self._lists.pop()
        self._gap = not self._lists

    def _start_item(self) -> None:
        self._flush()
        number = self._lists[-1] if self._lists else None
        marker = "- " if number is None else f"{number}. "
        if number is not None:
            self._lists[-1] = number + 1
        self._open_box(marker, " " * len(marker))

    def _rule(self) -> None:
        self._block()
        if not self._tables:
            self._write("---")
            self._gap = True

    def _image(self, attributes: dict[str, str]) -> None:
        description = " ".join(attributes.get("alt", "").split())
        if description and description.lower() != _PLACEHOLDER:
            self._inline.append(f"[Image: {description}]")

    def _start_link(self, attributes: dict[str, str]) -> None:
        if self._link_base is not None and "a" not in (mark for mark, _ in self._marks):
            self._marks.append(("a", len(self._inline)))
            self._target = _target(attributes.get("href", ""), self._link_base)

    def _end_mark(self, tag: str) -> None:
        """Close inline code, a superscript or a link."""
        if not self._marks or self._marks[-1][0] != tag:
            return
        _, begin = self._marks.pop()
        content = "".join(self._inline[begin:])
        del self._inline[begin:]
        if tag == "a":
            self._inline.append(_link(content, self._target))
        else:
            self._inline.append(_inline_code(content) if tag == "code" else _superscript(content))

    def _start_in_pre(self, tag: str, attributes: dict[str, str]) -> None:
        assert self._pre is not None
        if tag == "br":
            self._pre.append("\n")
        elif tag == "code" and not self._language:
            self._language = _language(attributes)

    def _end_pre(self, parts: list[str]) -> None:
        self._pre = None
        code = "".join(parts).replace("\r\n", "\n").replace("\r", "\n")
        if self._tables:
            self._inline.append(_inline_code(code))
            return
        lines = code.strip("\n").rstrip().split("\n")
        if lines == [""]:
            return
        fence = "`" * max(3, _longest_ticks(code) + 1)
        for line in (fence + self._language, *lines, fence):
            self._write(line)
        self._gap = True

    def _start_table_part(self, tag: str) -> None:
        if tag == "table":
            self._block()
            self._tables += 1
            if self._tables == 1:
                self._rows, self._has_header = [], False
        elif self._tables == 1:
            if tag == "tr":
                self._rows.append([])
            self._inline.clear() if tag == "tr" else self._inline.append(" ")
            self._has_header |= tag == "th" and len(self._rows) <= 1

    def _end_table_part(self, tag: str) -> None:
        if tag == "table":
            if self._tables == 1:
                self._write_table()
            self._tables = max(0, self._tables - 1)
        elif tag in ("td", "th") and self._tables == 1:
            self._end_cell()

    def _end_cell(self) -> None:
        cell = " ".join("".join(self._inline).split()).replace("|", "\\|")
        self._inline.clear()
        self._marks.clear()
        if not self._rows:
            self._rows.append([])
        self._rows[-1].append(cell)

    def _write_table(self) -> None:
        self._inline.clear()
        self._tables = 0
        rows = [row for row in self._rows if any(row)]
        for index, row in enumerate(rows):
            self._write(f"| {' | '.join(row)} |")
            if index == 0 and self._has_header:
                self._write("|" + " --- |" * len(row))
        self._gap = True


def _inline_code(content: str) -> str:
    """Put backticks around code; more of them than the code has in a row."""
    content = " ".join(content.split())
    if not content:
        return " "
    longest = _longest_ticks(content)
    if not longest:
        return f"`{content}`"
    ticks = "`" * (longest + 1)
    return f"{ticks} {content} {ticks}"


def _longest_ticks(code: str) -> int:
    return max(map(len, re.findall(r"`+", code)), default=0)


def _superscript(content: str) -> str:
    """Write a power or a footnote mark with a caret, lest 10 to the 6th becomes 106."""
    mark = content.strip()
    if not mark or len(mark) > _SHORT_SUPERSCRIPT or mark[0] == "[" or mark.lower() in _RAISED:
        return content
    is_closed = mark.lstrip("-+").isalnum() or (mark[0] == "(" and mark[-1] == ")")
    return f"^{mark}" if is_closed else f"^({mark})"


def _target(href: str, base: str) -> str:
    """The address that a link leads to; empty where it leads to no page."""
    href = "".join(href.split())
    if not href or href.startswith("#") or len(href) > _MAX_TARGET:
        return ""
    try:
        target = urllib.parse.urljoin(base, href)
    except ValueError:  # a host with a bracket that is no address
        return ""
    return target if target.startswith(_SCHEMES) else ""


def _link(label: str, target: str) -> str:
    """Write a link as Markdown does; one whose label is its target once."""
    name = label.strip()
    if not name or not target or name in (target, target.removeprefix("mailto:")):
        return label
    start, end = label[: len(label) - len(label.lstrip())], label[len(label.rstrip()) :]
    return f"{start}[{name}]({target.translate(_IN_TARGET)}){end}"


def _language(attributes: dict[str, str]) -> str:
    match = _LANGUAGE.search(attributes.get("class", ""))
    return match[1] if match and match[1] not in _NO_LANGUAGE else ""


def html_to_text(html: str) -> str:
    """Convert the HTML of one post."""
    return HtmlToText().convert(html)
