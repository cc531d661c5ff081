"""URLs in one spelling, to tell whether two of them mean one page."""

from __future__ import annotations

import urllib.parse

_DEFAULT_PORTS = (":80", ":443")
# Parameters that say how a visitor came, not which page is meant.
_TRACKING = ("utm_",)
_TRACKING_NAMES = frozenset({"fbclid", "gclid", "dclid", "msclkid", "mc_cid", "mc_eid", "igshid"})


def normalise_url(url: str) -> str:
    """Bring a URL into one spelling, for comparison only: it need not lead anywhere.

    Scheme, ``www.``, fragment, default port, tracking parameters and a trailing slash go; the
    host is lower-cased, percent-escapes of plain characters are decoded. A string that is no web
    address becomes the empty string.
    """
    head, _, rest = url.strip().partition("//")
    if head.lower() not in ("", "http:", "https:") or not rest:
        return ""
    rest = rest.partition("#")[0]
    address, _, query = rest.partition("?")
    host, _, path = address.partition("/")
    host = host.rpartition("@")[2].lower().rstrip(".")
    for port in _DEFAULT_PORTS:
        host = host.removesuffix(port)
    host = host.removeprefix("www.")
    if not host:
        return ""
    kept = [part for part in query.split("&") if part and not _is_tracking(part)]
    address = "/".join((host, _plain(path))).rstrip("/")
    return f"{address}?{'&'.join(map(_plain, kept))}" if kept else address


def _is_tracking(parameter: str) -> bool:
    name = parameter.partition("=")[0].lower()
    return name.startswith(_TRACKING) or name in _TRACKING_NAMES


def _plain(part: str) -> str:
    """Spell the escapes of a path or parameter in one way, and keep those that have a meaning."""
    plain = urllib.parse.unquote_to_bytes(part.encode("utf-8", "surrogatepass"))
    return urllib.parse.quote(plain, safe="/=")
