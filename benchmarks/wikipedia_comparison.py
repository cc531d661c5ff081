r"""Show articles as other cleaners and Pasture leave them, side by side, in one page of HTML.

    python -m benchmarks.wikipedia_comparison PAGE.html DUMP[#TITLE]...

One article of each DUMP: the one that is called TITLE, or the first. The page holds the texts, so
it is not for passing on without their licence; the table of counts goes to the standard output.
Cleaners that are not installed are left out, with a note.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import html
import logging
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.wikipedia import Article, cleaners, read_articles

_DEBRIS = re.compile(
    r"\[\[|\]\]|\{\{+|\}\}+|\{\||\|\}|<!--|'{2,}|__[A-Z]{3,}__"
    r"|</?(?:ref|references|div|span|br|small|sub|sup|gallery|nowiki|math|table|poem)\b[^<>\n]{0,200}>?"
    r"|\b(?:thumb|thumbnail|mini|miniatur|frame|left|right|upright|hochkant|\d+px)(?=\|)"
    r"|\b(?:style|align|colspan|rowspan|width|bgcolor|valign)\s?=\s?\"?"
    r"|^[|!](?![|!]?$)|^[^\s|\[\]]{3,20}\|(?=\S)",
    re.MULTILINE | re.IGNORECASE,
)
_WORD = re.compile(r"\w{2,}")
_HEADING = re.compile(r"^(=+) *(.*?) *=+[ \t]*$", re.MULTILINE)
_ITEM = re.compile(r"^(?:[-*#•]|\d+\.) *\w", re.MULTILINE)
_EMPTY_BRACKETS = re.compile(r"\([\s,;:]*\)|\( ?[,;]")
_REFERENCE = re.compile(r"<ref[^<>/]*/>|<ref\b.{0,3000}?</ref>|<!--.{0,3000}?-->", re.DOTALL)
# A template in a sentence: the words before it, its name, its values without a name.
_INLINE = re.compile(r"(\w[\w ,]{10,40}? ?)\{\{[^{}|\n]{1,30}\|([^{}\[\]<>\n]{1,80})\}\}")
_NAMED = re.compile(r"\w+ *=")


@dataclasses.dataclass(frozen=True)
class Counts:
    """What one cleaner left, kept and lost of an article.

    Args:
        characters: Length of the text.
        debris: Places with marks of wikitext or HTML, captions' options, links of categories.
        empty_brackets: Brackets that hold nothing, or start with a comma.
        headings: The article's headings that stand on a line of their own.
        empty_headings: Those with neither text nor a heading of a deeper level below.
        items: Lines that start like an item of a list.
        values: Templates in the midst of a sentence of which a value stands in their place.
        only: Words that no other cleaner has.
        misses: Words that every other cleaner has.
    """

    characters: int
    debris: int
    empty_brackets: int
    headings: int
    empty_headings: int
    items: int
    values: int
    only: int
    misses: int


def debris_of(text: str, article: Article) -> Iterator[tuple[int, int]]:
    """Yield where markup is left in a text, in order; what stands side by side is one place."""
    prefixes = "|".join(map(re.escape, sorted(article.site.files | article.site.categories)))
    links = re.compile(rf"^(?:{prefixes}):(?=\S)|\b(?:{prefixes}):[^\n|]{{1,99}}\|", re.M | re.I)
    spans = [match.span() for kind in (_DEBRIS, links) for match in kind.finditer(text)]
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if joined and start <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    yield from joined


def count(article: Article, texts: Mapping[str, str]) -> dict[str, Counts]:
    """Count in the texts of one article, by the name of the cleaner."""
    words = {name: collections.Counter(_WORD.findall(text)) for name, text in texts.items()}
    counts = {}
    for name, text in texts.items():
        others = [words[other] for other in texts if other != name]
        most, least = collections.Counter[str](), others[0].copy() if others else words[name]
        for other in others:
            most |= other
            least &= other
        headings, empty = _headings(article.markup, text)
        counts[name] = Counts(
            characters=len(text),
            debris=sum(1 for _ in debris_of(text, article)),
            empty_brackets=len(_EMPTY_BRACKETS.findall(text)),
            headings=headings,
            empty_headings=empty,
            items=len(_ITEM.findall(text)),
            values=_values(article.markup, text),
            only=(words[name] - most).total(),
            misses=(least - words[name]).total(),
        )
    return counts


def _headings(markup: str, text: str) -> tuple[int, int]:
    """Count the headings that a text has, and those of them with neither text nor heading below."""
    depths = {
        re.sub(r"'{2,}", "", title): len(signs)
        for signs, title in _HEADING.findall(_REFERENCE.sub("", markup))
    }
    lines = [line.strip().rstrip(".") for line in text.split("\n") if line.strip()]
    found = [depths.get(line, 0) for line in lines]  # 0 is text
    pairs = zip(found, [*found[1:], 1], strict=True)
    empty = sum(bool(here and after and after <= here) for here, after in pairs)
    return sum(map(bool, found)), empty


def _values(markup: str, text: str) -> int:
    """Count the templates in sentences that left a value in their place."""
    shown = 0
    for before, arguments in _INLINE.findall(_REFERENCE.sub("", markup)):
        values = [value.strip() for value in arguments.split("|") if not _NAMED.match(value)]
        at = text.find(before.rstrip())
        place = text[at + len(before.rstrip()) :][: len(arguments) + 20]
        shown += at >= 0 and any(value and value in place for value in values)
    return shown


def find_article(place: str) -> Article:
    """Read the article that ``DUMP#TITLE`` names, or the first of ``DUMP``."""
    path, _, title = place.partition("#")
    for article in read_articles(path):
        if title in ("", article.title):
            return article
    raise SystemExit(f"{path} has no article {title!r}")


def render(articles: Sequence[Article], texts: Sequence[Mapping[str, str]]) -> str:
    """Make the page."""
    parts = [
        "<!doctype html><meta charset=utf-8><title>Wikitext to text, side by side</title><style>",
        "body{font:13px/1.45 sans-serif;margin:1.5em}section{display:flex;gap:1em}",
        "article{flex:1 1 0;min-width:0}pre{white-space:pre-wrap;overflow-wrap:anywhere;",
        "font:inherit;max-height:60em;overflow:auto;border:1px solid #bbb;padding:.7em}",
        "p{color:#333;min-height:4.5em}mark{background:#f99}</style>",
        "<h1>Wikitext to text, side by side</h1><p>Marked: markup that is left.</p>",
    ]
    for article, by_name in zip(articles, texts, strict=True):
        title = html.escape(f"{article.title} ({article.site.language.code})")
        parts.append(f"<h2>{title}</h2><section>")
        for name, counts in count(article, by_name).items():
            facts = ", ".join(
                f"<b>{value:,}</b> {key.replace('_', ' ')}"
                for key, value in dataclasses.asdict(counts).items()
            )
            body = _marked(by_name[name], article)
            parts.append(f"<article><h3>{html.escape(name)}</h3><p>{facts}</p><pre>{body}</pre>")
            parts.append("</article>")
        parts.append("</section>")
    return "\n".join(parts)


def _marked(text: str, article: Article) -> str:
    parts, end = [], 0
    for start, stop in debris_of(text, article):
        parts += [html.escape(text[end:start]), f"<mark>{html.escape(text[start:stop])}</mark>"]
        end = stop
    return "".join([*parts, html.escape(text[end:])])


def main() -> None:
    """Read the arguments, write the page and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("dumps", nargs="+", metavar="DUMP[#TITLE]")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    compared = cleaners()
    articles = [find_article(place) for place in options.dumps]
    texts = [{name: cleaner(article) for name, cleaner in compared.items()} for article in articles]
    options.page.write_text(render(articles, texts), "utf-8")
    names = [field.name for field in dataclasses.fields(Counts)]
    print(f"{', '.join(compared)}, in this order\n")
    print(f"| article | {' | '.join(names).replace('_', ' ')} |{chr(10)}{'|---' * 10}|")
    for article, by_name in zip(articles, texts, strict=True):
        rows = [dataclasses.astuple(counts) for counts in count(article, by_name).values()]
        cells = [" / ".join(map(str, cell)) for cell in zip(*rows, strict=True)]
        print(f"| {article.title} ({article.site.language.code}) | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
