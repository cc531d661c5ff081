"""Writes the C4 part of the sample: a shard of rows as the release has them.

The texts stand in ``texts/c4``, each after a line ``=== address``. Beside sound rows there are
some in other languages, texts that C4's rules drop, a copy, a near copy, and rows that are
broken: one that is cut off, one without its text, one whose timestamp is none.
"""

from __future__ import annotations

import datetime
import gzip
import json
from collections.abc import Iterator

from pasture.sample.containers import read_bundle, write_file

_FILE = "c4-train.00000-of-00001.json.gz"
_START = datetime.datetime(2019, 4, 18, 12, 0, tzinfo=datetime.timezone.utc)

_COPIED = "https://www.fairviewcreditunion.example/learn/building-an-emergency-fund"
_COPY = "https://blog.moneymatters.example/emergency-fund"
_NEARLY_COPIED = "https://www.clearwaterplumbing.example/blog/frozen-pipes"
_NEAR_COPY = "https://www.rapidflowplumbers.example/tips/frozen-pipes"


def write(folder: str) -> None:
    """Write the sample's containers; the same bytes every time."""
    data = "".join(line + "\n" for line in _lines()).encode()
    write_file(folder, _FILE, gzip.compress(data, mtime=0))


def _lines() -> Iterator[str]:
    """The lines of the shard, each a JSON object, with the release's keys and their order."""
    texts = dict(read_bundle("c4", "rows"))
    texts[_COPY] = texts[_COPIED]
    texts[_NEAR_COPY] = texts[_NEARLY_COPIED].replace("freezing morning", "frosty morning")
    for number, (url, text) in enumerate(texts.items()):
        moment = _START + datetime.timedelta(minutes=97 * number)
        timestamp = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        yield _row(text=text, timestamp=timestamp, url=url)
    yield _row(timestamp="2019-04-20T08:15:00Z", url="https://www.textless.example/")
    yield _row(text="It was late.", timestamp="yesterday", url="https://www.undated.example/")
    yield '{"text":"The row that was being written when the disk was full'


def _row(**values: str) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))
