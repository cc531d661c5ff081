"""One document a URL, the newest by default."""

import datetime

import pytest

from pasture.dedup.urls import DuplicateUrls, FindDuplicateUrls
from pasture.records import Document


def page(url, day=None, text="text"):
    date = None if day is None else datetime.datetime(2019, 4, day, tzinfo=datetime.timezone.utc)
    return Document("id", "c4", text, url=url, date=date)


SHARDS = [
    [page("http://example.org/a", 3), page("http://example.org/b", 1, "longer text")],
    [
        page("https://www.example.org/a/?utm_source=x", 5),
        page("http://example.org/a#top", 5),
        page("http://example.org/B", 2),
        page("http://example.org/b/", 1),
    ],
    [page(None, 1), page(None, 1), page("no address", 1), page("no address", 2)],
    [page("http://example.org/c"), page("http://example.org/c", 1)],
]


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        (
            "newest",
            {
                0: [(0, 1, 0, 1.0)],
                1: [(1, 1, 0, 1.0), (3, 0, 1, 1.0)],
                3: [(0, 3, 1, 1.0)],
            },
        ),
        ("first", {1: [(0, 0, 0, 1.0), (1, 0, 0, 1.0), (3, 0, 1, 1.0)], 3: [(1, 3, 0, 1.0)]}),
    ],
)
def test_keeps_one_document_for_each_url(search, keep, expected):
    """In any spelling; ties go to the lowest address; what has no web address stays."""
    assert search(FindDuplicateUrls(DuplicateUrls(keep=keep)), SHARDS) == expected


def test_keeps_the_newest_by_default():
    assert DuplicateUrls().keep == "newest"


def test_no_documents(search):
    assert search(FindDuplicateUrls(), [[], []]) == {}


def test_the_order_of_the_shards_does_not_matter(search):
    found = search(FindDuplicateUrls(), SHARDS)
    options = ["--direct_num_workers=2", "--direct_running_mode=multi_threading"]
    assert search(FindDuplicateUrls(), SHARDS, options) == found
