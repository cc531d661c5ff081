"""The pages that an article cites: URLs of references, external links and citation templates.

These are the positive examples of the classifier that the LLaMA paper trains to tell pages used
as references in Wikipedia (section 2.1, CommonCrawl). URLs stand as the article gives them; only
the address of an archived copy is replaced by that of its original, which is what a crawl has.
"""

from __future__ import annotations

import re

MAX_REFERENCES = 5000
"""Most URLs that are kept of one article; ours. The longest lists have about 2,000."""

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_URL = re.compile(r"https?://[^\s\[\]{}|<>\"]{1,2000}", re.IGNORECASE)
_ARCHIVED = re.compile(
    r"https?://(?:web|wayback)\.archive(?:-it)?\.org/(?:web/)?[^/]{1,40}/(https?:/{1,2}.+)", re.I
)
_ARCHIVES = re.compile(
    r"https?://(?:[a-z-]+\.)?(?:archive\.(?:org/web|is|today|ph|md|vn|fo|li)|archive-it\.org"
    r"|webcitation\.org)\b",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"^(https?):/{1,2}", re.IGNORECASE)


def cited_urls(wikitext: str) -> list[str]:
    """List the external URLs of a wikitext, each once, in the order in which they first stand."""
    found: dict[str, None] = {}
    if "<!--" in wikitext:
        wikitext = _COMMENT.sub("", wikitext)
    for match in _URL.finditer(wikitext):
        url = _strip(match[0], bracketed=wikitext[match.start() - 1 : match.start()] == "[")
        if archived := _ARCHIVED.match(url):
            url = _SCHEME.sub(r"\1://", archived[1])
        if _ARCHIVES.match(url) or url.endswith("://"):
            continue
        found[url] = None
        if len(found) >= MAX_REFERENCES:
            break
    return list(found)


def _strip(url: str, *, bracketed: bool) -> str:
    """Cut off what MediaWiki does not count as part of a URL."""
    url = url.replace("&amp;", "&").partition("''")[0]
    if bracketed:
        return url
    url = url.rstrip(".,;:!?'\\")
    return url if "(" in url else url.rstrip(").,;:!?")
