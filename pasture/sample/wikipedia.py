"""The sample's Wikipedia: small dumps in seven languages, packed as Wikimedia packs them.

Each ``texts/wikipedia/<language>/<Title>.wiki`` is the wikitext of one page, written for this
sample; ``__`` in a name stands for the colon behind a namespace. The English dump is multistream
with its index, and ends with a page that is broken on purpose; the others are single streams.
"""

from __future__ import annotations

import bz2
import dataclasses
import datetime
import importlib.resources
import re
import unicodedata
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from pasture import storage

DATE = "20220601"
PAGES_A_STREAM = 8
"""Pages of one bzip2 stream of the multistream dump; Wikimedia packs 100."""

_FIRST_REVISION = datetime.datetime(2022, 3, 1, 6, tzinfo=datetime.timezone.utc)
_REDIRECT = re.compile(r"#\w+:?\s*\[\[([^\]|]+)", re.IGNORECASE)
# The namespaces that a cleaner needs: media, talk, user, project, file, template, category.
_NAMESPACES = {
    "de": "Medium|Diskussion|Benutzer|Wikipedia|Datei|Vorlage|Kategorie",
    "en": "Media|Talk|User|Wikipedia|File|Template|Category",
    "es": "Medio|Discusión|Usuario|Wikipedia|Archivo|Plantilla|Categoría",
    "fr": "Média|Discussion|Utilisateur|Wikipédia|Fichier|Modèle|Catégorie",
    "it": "Media|Discussione|Utente|Wikipedia|File|Template|Categoria",
    "pl": "Media|Dyskusja|Wikipedysta|Wikipedia|Plik|Szablon|Kategoria",
    "ru": "Медиа|Обсуждение|Участник|Википедия|Файл|Шаблон|Категория",
}
_KEYS = (-2, 1, 2, 4, 6, 10, 14)
_MAIN_PAGES = {
    "de": "Wikipedia:Hauptseite", "en": "Main_Page", "es": "Wikipedia:Portada",
    "fr": "Wikipédia:Accueil_principal", "it": "Pagina_principale",
    "pl": "Wikipedia:Strona_główna", "ru": "Заглавная_страница",
}  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class _Page:
    title: str
    namespace: int
    id: int
    text: str


def write(folder: str) -> None:
    """Write the dumps of every language, the same bytes each time."""
    for code in sorted(_NAMESPACES):
        name = f"{code}wiki-{DATE}-pages-articles"
        pages = [_element(page) for page in _pages(code)]
        if code == "en":
            pages.append(_broken_page(len(pages) + 1))
            _write_multistream(folder, name, _header(code), pages)
            continue
        with storage.atomic_write(storage.join(folder, f"{name}.xml.bz2")) as stream:
            stream.write(bz2.compress((_header(code) + "".join(pages) + "</mediawiki>\n").encode()))


def _write_multistream(folder: str, name: str, header: str, pages: list[str]) -> None:
    """Write a dump of many bzip2 streams, and the index that says where each page's starts."""
    streams = [bz2.compress(header.encode())]
    index: list[str] = []
    for start in range(0, len(pages), PAGES_A_STREAM):
        offset = sum(map(len, streams))
        group = pages[start : start + PAGES_A_STREAM]
        streams.append(bz2.compress("".join(group).encode()))
        for page in group:
            title, page_id = re.findall(r"<(?:title|id)>(.*?)</", page)[:2]
            index.append(f"{offset}:{page_id}:{title}\n")
    streams.append(bz2.compress(b"</mediawiki>\n"))
    with storage.atomic_write(storage.join(folder, f"{name}-multistream.xml.bz2")) as stream:
        stream.write(b"".join(streams))
    path = storage.join(folder, f"{name}-multistream-index.txt.bz2")
    with storage.atomic_write(path) as stream:
        stream.write(bz2.compress("".join(index).encode()))


def _pages(code: str) -> Iterator[_Page]:
    """Read the texts of a language, by title; page ids count from 1 in that order."""
    keys = dict(zip(_NAMESPACES[code].split("|"), _KEYS, strict=True))
    folder = importlib.resources.files("pasture.sample") / "texts" / "wikipedia" / code
    files = [file for file in folder.iterdir() if file.name.endswith(".wiki")]
    titles = {_title(file.name): file for file in files}
    for number, title in enumerate(sorted(titles), start=1):
        prefix, colon, _ = title.partition(":")
        text = titles[title].read_text(encoding="utf-8").removesuffix("\n")
        yield _Page(title, keys.get(prefix, 0) if colon else 0, number, text)


def _title(name: str) -> str:
    name = unicodedata.normalize("NFC", name).removesuffix(".wiki")
    return name.replace("__", ":").replace("_", " ")


def _header(code: str) -> str:
    names = zip(_KEYS, _NAMESPACES[code].split("|"), strict=True)
    spaces = [(key, f">{name}</namespace>") for key, name in names]
    lines = [
        f'      <namespace key="{key}" case="first-letter"{end}\n'
        for key, end in sorted([*spaces, (0, " />")])
    ]
    schema = "http://www.mediawiki.org/xml/export-0.10/"
    return (
        f'<mediawiki xmlns="{schema}" version="0.10" xml:lang="{code}">\n'
        f"  <siteinfo>\n    <sitename>{_NAMESPACES[code].split('|')[3]}</sitename>\n"
        f"    <dbname>{code}wiki</dbname>\n"
        f"    <base>https://{code}.wikipedia.org/wiki/{_MAIN_PAGES[code]}</base>\n"
        f"    <generator>MediaWiki 1.39.0-wmf.13</generator>\n    <case>first-letter</case>\n"
        f"    <namespaces>\n{''.join(lines)}    </namespaces>\n  </siteinfo>\n"
    )


def _element(page: _Page) -> str:
    redirect = _REDIRECT.match(page.text)
    target = f"    <redirect title={quoteattr(redirect[1])} />\n" if redirect else ""
    saved = _FIRST_REVISION + datetime.timedelta(hours=7 * page.id)
    size = len(page.text.encode())
    return (
        f"  <page>\n    <title>{escape(page.title)}</title>\n    <ns>{page.namespace}</ns>\n"
        f"    <id>{page.id}</id>\n{target}"
        f"    <revision>\n      <id>{100_000 + page.id}</id>\n"
        f"      <timestamp>{saved:%Y-%m-%dT%H:%M:%SZ}</timestamp>\n"
        f"      <contributor>\n        <username>Sample</username>\n        <id>1</id>\n"
        f"      </contributor>\n      <model>wikitext</model>\n"
        f"      <format>text/x-wiki</format>\n"
        f'      <text bytes="{size}" xml:space="preserve">{escape(page.text)}</text>\n'
        f"    </revision>\n  </page>\n"
    )


def _broken_page(page_id: int) -> str:
    """A page whose title got lost, as in dumps that were cut and glued."""
    return (
        f"  <page>\n    <title></title>\n    <ns>0</ns>\n    <id>{page_id}</id>\n"
        f"    <revision>\n      <id>{100_000 + page_id}</id>\n"
        f'      <text xml:space="preserve">A page without a title.</text>\n'
        f"    </revision>\n  </page>\n"
    )
