"""Input for the soak: all seven sources in their own formats, made from the bundled sample.

A text of the sample is cut into words and what stands between them. A made text repeats it with
a third of its plain words (four or more small letters, no markup) drawn anew from the words of
the same source, so that two texts share few n-grams; what is long (books, papers) joins many.
Sizes are those of the raw bytes once decompressed, in the proportions of the LLaMA paper's
table 1. Shards come in pairs: the second holds copies, marked by their names, of documents of the
first. What each shard holds is written beside it, last, so that an interrupted making goes on.
"""

from __future__ import annotations

import bz2
import concurrent.futures
import dataclasses
import gzip
import importlib.resources
import io
import json
import pathlib
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.memory import record
from pasture import storage
from pasture.sample import github as github_sample
from pasture.sample.containers import read_bundle

SHARES = {
    "common_crawl": 3300,
    "c4": 783,
    "github": 328,
    "wikipedia": 83,
    "books": 85,
    "arxiv": 92,
    "stackexchange": 78,
}
"""Gigabytes on disk by source: table 1 of the LLaMA paper (arXiv:2302.13971)."""

MAX_SITES = 28  # of which the paper keeps all
REPLACED, NEARLY = 0.33, 0.004
MIN_PLAIN = 60
"""Plain words of a document, at least; of few, two would be made alike by chance."""
SPECIAL_EVERY = 4
CITED_PAGES = 512  # of a shard of the crawl
COPIED = 0.01
"""Share of a shard's documents that it holds for, or of, its pair: half exact, half nearly."""

_WORD = re.compile(r"[a-z]{4,}")
_MARKUP = re.compile(
    r"\\[A-Za-z@]+\*?(?:\[[^\]\n]*\])?(?:\{[^}\n]*\})*|\$[^$\n]*\$|<[^>\n]*>|&\w+;|\{\{[^}]*\}\}"
    r"|\[\[[^\]]*\]\]|\{\|.*?\|\}|\w+://\S+|(?m:^=[^\n]*$)",
    re.DOTALL,
)
_COPY = {
    "common_crawl": re.compile("/copy/"),
    "c4": re.compile("/copy/"),
    "github": re.compile("/copies/"),
    "wikipedia": re.compile(r":9\d{8}$"),
    "books": re.compile("copy-"),
    "arxiv": re.compile(r"\.9\d{4}$"),
    "stackexchange": re.compile(r":9\d{8}$"),
}
Ints = npt.NDArray[np.int32]


def is_copy(source: str, name: str, url: str | None) -> bool:
    """Tell whether a document is a planted copy, by its id and its URL."""
    pattern = _COPY[source]
    return bool(pattern.search(name) or (url and pattern.search(url)))


@dataclasses.dataclass(frozen=True)
class Varied:
    """Texts cut into pieces, from which any number of others are made.

    Args:
        pieces: The distinct pieces.
        texts: Each text, as numbers of its pieces.
        plain: For each piece, whether another plain one may stand in its place.
        words: Numbers of the plain pieces, as often as they occur.
        special: How many of the texts, the first ones, are for every fourth document only.
    """

    pieces: pa.Array
    texts: list[Ints]
    plain: npt.NDArray[np.bool_]
    words: Ints
    special: int = 0

    @classmethod
    def of(cls, texts: Iterable[str], special: int = 0, min_plain: int = 0) -> Varied:
        """Cut texts, those with enough plain words, into words and what stands between."""
        numbers: dict[str, int] = {}
        cut = []
        plain: list[bool] = []
        used = 0
        for place, text in enumerate(texts):
            parts = list(_cut(text))
            if sum(is_plain for _, is_plain in parts) < min_plain:
                continue
            used += place < special
            ids = []
            for piece, is_plain in parts:
                # A word in markup is another piece than the same word in the text.
                key = f"{int(is_plain)}{piece}"
                if key not in numbers:
                    numbers[key] = len(numbers)
                    plain.append(is_plain)
                ids.append(numbers[key])
            cut.append(np.array(ids, np.int32))
        mask = np.array(plain)
        joined = np.concatenate(cut)
        pieces = pa.array([key[1:] for key in numbers])
        return cls(pieces, cut, mask, joined[mask[joined]], used)

    def draw(
        self, random: np.random.Generator, chosen: Sequence[int] | npt.NDArray[np.int64]
    ) -> list[Ints]:
        """Make a text of each chosen one."""
        return self.change(random, [self.texts[text] for text in chosen], REPLACED)

    def change(
        self, random: np.random.Generator, texts: Sequence[Ints], share: float
    ) -> list[Ints]:
        """Replace a share of the plain words of texts."""
        if not texts:
            return []
        ids = np.concatenate(texts)
        places = np.flatnonzero(self.plain[ids])
        places = places[random.random(len(places), np.float32) < share]
        ids[places] = self.words[random.integers(0, len(self.words), len(places))]
        return np.split(ids, np.cumsum([len(text) for text in texts])[:-1])

    def render(self, texts: Sequence[Ints]) -> list[str]:
        """Write texts out."""
        if not texts:
            return []
        offsets = np.cumsum([0, *(len(text) for text in texts)])
        strings = self.pieces.take(pa.array(np.concatenate(texts)))
        lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), strings)
        made: list[str] = pc.binary_join(lists, "").to_pylist()
        return made


def _cut(text: str) -> Iterator[tuple[str, bool]]:
    markup = [match.span() for match in _MARKUP.finditer(text)]
    end = 0
    for start, stop in [*markup, (len(text), len(text))]:
        for match in _WORD.finditer(text, end, start):
            if match.start() > end:
                yield text[end : match.start()], False
            yield match[0], True
            end = match.end()
        if stop > end:
            yield text[end:stop], False
        end = max(end, stop)


def _read(*path: str) -> list[tuple[str, str]]:
    """Read the files of a folder of the sample: ``(name, text)``."""
    root = importlib.resources.files("pasture.sample").joinpath("texts", *path)
    entries = sorted(root.iterdir(), key=lambda entry: entry.name)
    return [(entry.name, entry.read_text(encoding="utf-8")) for entry in entries]


@dataclasses.dataclass(frozen=True)
class Made:
    """What the documents of one shard are made from, and what they are called.

    Args:
        texts: The documents.
        names: A number for each within its shard; that of a copy is negative.
    """

    texts: list[str]
    names: list[int]


def first_of_pair(shard: int, distance: int) -> int:
    """The shard that holds the originals of a shard's copies; of one without copies, itself."""
    return shard // (2 * distance) * (2 * distance) + shard % distance


def make_texts(
    varied: Varied, seed: tuple[int, int, int], size: int, *, distance: int, near: bool, length: int
) -> Made:
    """Make the documents of a shard, copies among them.

    Args:
        varied: What they are made from.
        seed: Seed, number of the source, number of the shard.
        size: Bytes of text, about.
        distance: A shard and the one so many further on are a pair.
        near: Whether half of the copies are nearly equal only.
        length: How many texts of the sample a document joins.
    """
    _, _, shard = seed
    random = np.random.default_rng([*seed, 0])
    mean = sum(map(len, varied.render(varied.texts))) / len(varied.texts) * length
    count = max(2, round(size / mean))
    num_shared = max(2, round(count * COPIED))
    base = first_of_pair(shard, distance)
    common = np.random.default_rng([*seed[:2], base, 1])
    shared = _join(varied.draw(common, _choose(common, varied, num_shared * length)), length)
    is_second = shard != base
    if is_second and near:
        shared = [*shared[::2], *varied.change(random, shared[1::2], NEARLY)]
    own = count - num_shared
    chosen = _choose(random, varied, own * length)
    if varied.special:
        # Every fourth document is made of the special texts alone.
        ordinal = np.repeat(np.arange(own), length)
        chosen = np.where(
            ordinal % SPECIAL_EVERY == 0,
            chosen % varied.special,
            varied.special + chosen % (len(varied.texts) - varied.special),
        )
    texts = _join(varied.draw(random, chosen), length)
    names = [*range(own), *(-1 - n if is_second else own + n for n in range(num_shared))]
    order = random.permutation(count)
    texts += shared
    rendered = varied.render([texts[place] for place in order])
    return Made(rendered, [names[place] for place in order])


def _choose(random: np.random.Generator, varied: Varied, count: int) -> npt.NDArray[np.int64]:
    return random.integers(0, len(varied.texts), count)


def _join(texts: list[Ints], length: int) -> list[Ints]:
    return [np.concatenate(texts[i : i + length]) for i in range(0, len(texts), length)]


# Sources ---------------------------------------------------------------------------------------


class Maker:
    """Makes the shards of one source.

    Args:
        folder: Where they go.
        seed: Of everything that is drawn.
    """

    name = ""
    length = 1  # how many texts of the sample make a document
    distance = 1
    near = False
    crawl_shards = 1

    def __init__(self, folder: pathlib.Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.varied = Varied.of(self.texts(), self.special(), MIN_PLAIN // self.length)

    def texts(self) -> list[str]:
        """The texts of the sample."""
        raise NotImplementedError

    def special(self) -> int:
        """How many of the texts, the first ones, are for every fourth document only."""
        return 0

    def write(self, shard: int, made: Made) -> tuple[int, int]:
        """Write a shard; return its raw records and their bytes, decompressed."""
        raise NotImplementedError

    def make(self, shard: int, size: int) -> dict[str, int]:
        """Make one shard; return what it holds."""
        seed = (self.seed, list(SHARES).index(self.name), shard)
        made = make_texts(
            self.varied,
            seed,
            size,
            distance=self.distance,
            near=self.near,
            length=self.length,
        )
        records, written = self.write(shard, made)
        copies = sum(name < 0 for name in made.names)
        return {
            "records": records,
            "documents": len(made.texts),
            "bytes": written,
            "copies": copies,
        }

    def put(self, name: str, data: bytes) -> None:
        """Write a file whole."""
        with storage.atomic_write(str(self.folder / name)) as stream:
            stream.write(data)


class CommonCrawl(Maker):
    """WET files; every other page has the menu of its site before the text."""

    name = "common_crawl"
    length = 3
    near = True

    def texts(self) -> list[str]:
        """Reference pages, which Wikipedia cites; everyday ones, weak ones, other languages."""
        return [
            *self._texts("reference"),
            *self._texts("everyday", "everyday", "weak", "languages"),
        ]

    def special(self) -> int:
        """The reference pages."""
        return len(self._texts("reference"))

    def _texts(self, *names: str) -> list[str]:
        return [text for name in names for _, text in read_bundle(self.name, name)]

    def write(self, shard: int, made: Made) -> tuple[int, int]:
        """Write a WET file."""
        parts, size = [], 0
        for name, text in zip(made.names, made.texts, strict=True):
            title, _, body = text.partition("\n")
            menu = [f"{part} of site {name % 97}" for part in ("Home", "News", "Contact", "Terms")]
            lines = [title, *(menu if name % 2 else ()), body]
            block = "\n".join(lines).encode()
            parts.append(record("conversion", "text/plain", page_url(shard, name), block))
            size += len(block) + 250  # of the record's head
        self.put(f"CC-MAIN-20190418101243-20190418123243-{shard:05d}.warc.wet.gz", b"".join(parts))
        return len(made.texts), size


def page_url(shard: int, name: int) -> str:
    """The address of a page of the crawl, without its scheme."""
    place = f"copy/{-name}" if name < 0 else str(name)
    return f"site{abs(name) % 97}.example/{shard}/{place}"


class C4(Maker):
    """Shards of rows, as the release has them."""

    name = "c4"
    length = 3
    near = True

    def texts(self) -> list[str]:
        """The sample's rows."""
        return [text for _, text in read_bundle("c4", "rows")]

    def write(self, shard: int, made: Made) -> tuple[int, int]:
        """Write rows as gzipped JSON lines."""
        rows = [
            json.dumps(
                {
                    "text": text,
                    "timestamp": "2019-04-18T12:00:00Z",
                    "url": f"https://{page_url(shard, name)}",
                },
                ensure_ascii=False,
            )
            for name, text in zip(made.names, made.texts, strict=True)
        ]
        data = ("\n".join(rows) + "\n").encode()
        self.put(f"c4-train.{shard:05d}-of-01024.json.gz", gzip.compress(data, 1, mtime=0))
        return len(rows), len(data)


class GitHub(Maker):
    """Rows of the BigQuery export."""

    name = "github"
    length = 4

    def texts(self) -> list[str]:
        """Source files that speak of no licence."""
        bundles = [*_read("github", "rows"), *_read("github", "archives")]
        files = [file for _, text in bundles for file in github_sample.read_bundle(text)[1]]
        texts = [_decode(file.data) for file in files if file.path.endswith((".py", ".c", ".js"))]
        return [t for t in texts if 200 < len(t) < 20_000 and not re.search("(?i)licen|copyr", t)]

    def write(self, shard: int, made: Made) -> tuple[int, int]:
        """Write rows as gzipped JSON lines."""
        rows = []
        for name, text in zip(made.names, made.texts, strict=True):
            folder = "copies" if name < 0 else "src"
            rows.append(
                json.dumps(
                    {
                        "repo_name": f"owner{shard}/project{abs(name) % 20}",
                        "ref": "refs/heads/main",
                        "path": f"{folder}/file_{abs(name)}.py",
                        "mode": "33188",
                        "size": str(len(text.encode())),
                        "content": text,
                        "binary": False,
                        "copies": "1",
                        "license": "mit",
                    }
                )
            )
        data = ("\n".join(rows) + "\n").encode()
        self.put(f"bq-contents-{shard:012d}.json.gz", gzip.compress(data, 1, mtime=0))
        return len(rows), len(data)


def _decode(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return ""


class Wikipedia(Maker):
    """Parts of the English dump, whose pages cite pages of the crawl."""

    name = "wikipedia"
    citations = 6

    def texts(self) -> list[str]:
        """The sample's English articles."""
        files = _read("wikipedia", "en")
        return [text for name, text in files if len(text) > 1500 and "__" not in name]

    def write(self, shard: int, made: Made) -> tuple[int, int]:
        """Write a dump of one bzip2 stream a hundred pages."""
        random = np.random.default_rng([self.seed, 99, shard])
        head = (
            '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/" version="0.10" '
            'xml:lang="en">\n  <siteinfo>\n    <sitename>Wikipedia</sitename>\n'
            "    <dbname>enwiki</dbname>\n    <base>https://en.wikipedia.org/wiki/Main_Page</base>\n"
            '    <namespaces>\n      <namespace key="0" case="first-letter" />\n'
            '      <namespace key="10" case="first-letter">Template</namespace>\n'
            "    </namespaces>\n  </siteinfo>\n"
        )
        pages = [
            self._page(shard, name, text, random)
            for name, text in zip(made.names, made.texts, strict=True)
        ]
        streams = [head, *("".join(pages[i : i + 100]) for i in range(0, len(pages), 100))]
        data = b"".join(bz2.compress(part.encode(), 1) for part in [*streams, "</mediawiki>\n"])
        self.put(f"enwiki-20220601-pages-articles{shard + 1}.xml.bz2", data)
        return len(pages), sum(map(len, streams))

    def _page(self, shard: int, name: int, text: str, random: np.random.Generator) -> str:
        # The title begins a document's text, so that of a copy has to be the original's.
        title = f"Made article {zlib.crc32(text.encode()):08x}"
        number = 900_000_000 + shard * 100_000 - name if name < 0 else shard * 1_000_000 + name + 1
        cited = random.integers(0, [self.crawl_shards, CITED_PAGES], (self.citations, 2))
        references = "".join(
            f"<ref>{{{{cite web|url=http://{page_url(int(s), SPECIAL_EVERY * int(n))}|"
            f"title=A page}}}}</ref>"
            for s, n in cited
        )
        body = f"{references}\n{text}"
        return (
            f"  <page>\n    <title>{escape(title)}</title>\n    <ns>0</ns>\n    <id>{number}</id>\n"
            f"    <revision>\n      <id>{number}</id>\n"
            f"      <timestamp>2022-03-01T06:00:00Z</timestamp>\n      <model>wikitext</model>\n"
            f'      <format>text/x-wiki</format>\n      <text xml:space="preserve">'
            f"{escape(body)}</text>\n    </revision>\n  </page>\n"
        )


class Books(Maker):
    """Books of a quarter of a megabyte, as Project Gutenberg wraps them."""

    name = "books"
    length = 100
    near = True

    def texts(self) -> list[str]:
        """The bodies of the sample's books, each as a chapter."""
        return [f"\n\n\nCHAPTER\n\n{text.strip()}\n" for _, text in _read("books", "bodies")]

    def write(self, shard: int, made: Made) -> tuple[int, int]:
        """Write a file a book."""
        size = 0
        for name, text in zip(made.names, made.texts, strict=True):
            stem = f"copy-{shard}-{-name}" if name < 0 else f"book-{shard}-{name}"
            title = f"The Book {shard} {abs(name)}"
            data = (
                f"The Project Gutenberg EBook of {title}, by A. Writer\n\nTitle: {title}\n\n"
                f"Author: A. Writer\n\nLanguage: English\n\nCharacter set encoding: UTF-8\n\n"
                f"*** START OF THIS PROJECT GUTENBERG EBOOK {title.upper()} ***\n{text}\n"
                f"*** END OF THIS PROJECT GUTENBERG EBOOK {title.upper()} ***\n"
            ).encode()
            self.put(f"gutenberg/{stem}.txt", data)
            size += len(data)
        return len(made.texts), size


class Arxiv(Maker):
    """Bulk tars of gzipped papers."""

    name = "arxiv"
    length = 12

    def texts(self) -> list[str]:
        """The sections of the sample's papers, without macros of their own."""
        names = ("physics", "mathematics", "life", "computing", "earth")
        papers = [text for name in names for _, text in read_bundle("arxiv", name)]
        bodies = [
            re.search(
                r"\\section\{.*?(?=\\begin\{(?:thebib|refer)|\\bibl|\\end\{document)", t, re.S
            )
            for t in papers
        ]
        return [f"{body[0]}\n" for body in bodies if body and len(body[0]) > 300]

    def write(self, shard: int, made: Made) -> tuple[int, int]:
        """Write a tar of submissions, a gzipped file each."""
        buffer, size = io.BytesIO(), 0
        month = f"{10 + shard // 12:02d}{shard % 12 + 1:02d}"
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, text in zip(made.names, made.texts, strict=True):
                number = 90_000 - name if name < 0 else name + 1
                tex = (
                    "\\documentclass{article}\n\\newcommand{\\half}{\\frac{1}{2}}\n"
                    "\\begin{document}\n\\title{A paper}\n\\maketitle\n"
                    f"{text}\nThe factor is $\\half$.\n"
                    "\\begin{thebibliography}{9}\n\\bibitem{a} A book.\n"
                    "\\end{thebibliography}\n\\end{document}\n"
                ).encode()
                data = gzip.compress(tex, 1, mtime=0)
                info = tarfile.TarInfo(f"{month}/{month}.{number:05d}.gz")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
                size += len(tex)
        self.put(f"arXiv_src_{month}_001.tar", buffer.getvalue())
        return len(made.texts), size


class StackExchange(Maker):
    """Archives of sites: each thread is a question and two answers."""

    name = "stackexchange"
    length = 3

    def texts(self) -> list[str]:
        """The posts of the sample, as HTML; a mark parts the posts of a thread."""
        sites = ("smallcode.stackexchange.com", "homeworkshop.stackexchange.com")
        posts = [
            body
            for site in sites
            for mark, body in read_bundle("stackexchange", site)
            if mark.split()[1][0] in "QA" and not mark.endswith("broken") and len(body) > 100
        ]
        return [_to_html(body) + "\x1f" for body in posts]

    def write(self, shard: int, made: Made) -> tuple[int, int]:
        """Write a site's 7z archive."""
        import py7zr

        rows = []
        for name, text in zip(made.names, made.texts, strict=True):
            first = 900_000_000 - 3 * name if name < 0 else 3 * name + 1
            for place, body in enumerate(text.split("\x1f")[:3]):
                kind = (
                    f'PostTypeId="2" ParentId="{first}"'
                    if place
                    else 'PostTypeId="1" Title="How is it done?" Tags="&lt;making&gt;"'
                )
                value = quoteattr(body, {"\n": "&#xA;"})
                rows.append(
                    f'  <row Id="{first + place}" {kind} CreationDate="2014-01-01T12:00:00.000" '
                    f'Score="{9 - place}" Body={value} OwnerUserId="7" '
                    f'ContentLicense="CC BY-SA 4.0" />\r\n'
                )
        head = '\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n<posts>\r\n'
        data = f"{head}{''.join(rows)}</posts>".encode()
        stream = io.BytesIO()
        filters = [{"id": py7zr.FILTER_LZMA2, "preset": 0}]
        with py7zr.SevenZipFile(stream, "w", filters=filters) as archive:
            archive.writef(io.BytesIO(data), "Posts.xml")
        self.put(f"site{shard:02d}.stackexchange.com.7z", stream.getvalue())
        return len(rows), len(data)


def _to_html(body: str) -> str:
    return "\n\n".join(p if p.startswith("<") else f"<p>{p}</p>" for p in body.split("\n\n"))


MAKERS: tuple[type[Maker], ...] = (
    CommonCrawl,
    C4,
    GitHub,
    Wikipedia,
    Books,
    Arxiv,
    StackExchange,
)


# All of it -------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Task:
    """One shard to make."""

    root: pathlib.Path
    source: str
    shard: int
    size: int
    distance: int
    crawl_shards: int
    seed: int

    @property
    def ledger(self) -> pathlib.Path:
        """Where what it holds is written."""
        return self.root / "ledger" / self.source / f"{self.shard:05d}.json"


_MAKERS: dict[tuple[pathlib.Path, str, int], Maker] = {}


def make_shard(task: Task) -> dict[str, int]:
    """Make a shard, unless it is there; return what it holds."""
    if not task.ledger.exists():
        key = (task.root, task.source, task.seed)
        if key not in _MAKERS:
            kind = next(kind for kind in MAKERS if kind.name == task.source)
            _MAKERS[key] = kind(task.root / task.source, task.seed)
        maker = _MAKERS[key]
        maker.distance, maker.crawl_shards = task.distance, task.crawl_shards
        storage.write_json(str(task.ledger), maker.make(task.shard, task.size))
    held: dict[str, int] = storage.read_json(str(task.ledger))
    return held


def plan_shards(
    root: pathlib.Path, gigabytes: float, shard_bytes: int, crawl_distance: int, seed: int
) -> list[Task]:
    """Divide the input among the sources, and each into shards."""
    sizes = {
        source: gigabytes * 1e9 * share / sum(SHARES.values()) for source, share in SHARES.items()
    }
    counts = {source: max(2, round(size / shard_bytes)) for source, size in sizes.items()}
    counts["stackexchange"] = min(counts["stackexchange"], MAX_SITES)
    crawl_shards = counts["common_crawl"]
    return [
        Task(
            root,
            source,
            shard,
            int(sizes[source] / count),
            crawl_distance if source == "common_crawl" else 1,
            crawl_shards,
            seed,
        )
        for source, count in counts.items()
        for shard in range(count)
    ]


def make_input(
    tasks: Sequence[Task], workers: int, tell: Callable[[int, int], None]
) -> dict[str, dict[str, int]]:
    """Make all shards that are not there; return what each source holds."""
    totals: dict[str, dict[str, int]] = {}
    with concurrent.futures.ProcessPoolExecutor(workers) as pool:
        for done, (task, held) in enumerate(zip(tasks, pool.map(make_shard, tasks), strict=True)):
            near = next(int(kind.near) for kind in MAKERS if kind.name == task.source)
            first = {"shards": 0, "distance": task.distance, "near": near}
            sums = totals.setdefault(task.source, first)
            sums["shards"] += 1
            for key, value in held.items():
                sums[key] = sums.get(key, 0) + value
            tell(done + 1, len(tasks))
    for source, sums in totals.items():
        files = storage.list_tree(str(tasks[0].root / source))
        sums["compressed"] = sum(size for _, size in files)
    return totals
