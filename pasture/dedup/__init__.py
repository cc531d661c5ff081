"""Finding duplicates: of documents, of lines, and near ones.

A new kind is a module and a line here.
"""

from __future__ import annotations

from pasture.dedup.base import Deduplication
from pasture.dedup.exact import ExactDuplicates
from pasture.dedup.lines import DuplicateLines
from pasture.dedup.near import NearDuplicates
from pasture.dedup.spans import DuplicateSpans
from pasture.dedup.urls import DuplicateUrls

DEDUPS: dict[str, type[Deduplication]] = {
    kind.name: kind
    for kind in (ExactDuplicates, NearDuplicates, DuplicateUrls, DuplicateLines, DuplicateSpans)
}
