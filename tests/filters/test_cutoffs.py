from __future__ import annotations

import json
import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.errors import ConfigError, ModelError
from pasture.filters.cutoffs import PerplexitySketch, estimate_cutoffs, load_cutoffs
from pasture.records import Document, documents_to_batch


def sketch(**perplexities: list[float]) -> PerplexitySketch:
    result = PerplexitySketch()
    for language, values in perplexities.items():
        result.add_values([language] * len(values), values)
    return result


def test_cutoffs_are_exact_where_perplexities_are_small() -> None:
    values = [v / 10 for v in range(1, 101)]
    assert estimate_cutoffs(sketch(en=values, hu=values[:10])) == {
        "en": {"head": 3.0, "middle": 6.0},
        "hu": {"head": 0.3, "middle": 0.6},
    }


@settings(max_examples=50)
@given(
    st.lists(st.floats(1, 1e9), min_size=1),
    st.floats(1, 98),
)
def test_a_percentile_is_near_the_true_one(values: list[float], percent: float) -> None:
    exact = float(np.percentile(values, percent, method="inverted_cdf"))
    assert sketch(en=values).percentile("en", percent) == pytest.approx(exact, rel=0.0021, abs=0.11)


def test_merging_shards_equals_one_sketch_in_any_order() -> None:
    values = [float(v * v % 977) for v in range(2000)]
    parts = [sketch(en=values[i::3], **({"de": [5.0]} if i == 1 else {})) for i in range(3)]
    merged = PerplexitySketch()
    for part in reversed(parts):
        merged.merge(part)
    assert estimate_cutoffs(merged) == estimate_cutoffs(sketch(en=values, de=[5.0]))


def test_counts_documents_that_have_a_language_and_a_perplexity() -> None:
    rows = [("en", 10.0), ("en", None), (None, 20.0), ("fr", 1e30), ("fr", float("inf"))]
    documents = [
        Document(str(i), "s", "text", language=lang, perplexity=value)
        for i, (lang, value) in enumerate(rows)
    ]
    found = PerplexitySketch()
    found.add(documents_to_batch(documents))
    assert {lang: int(counts.sum()) for lang, counts in found.counts.items()} == {"en": 1, "fr": 2}
    assert all(counts.nbytes < 70_000 for counts in found.counts.values())


def test_nothing_seen_gives_no_cutoffs() -> None:
    assert estimate_cutoffs(PerplexitySketch()) == {}


@pytest.mark.parametrize(("head", "middle"), [(0, 60), (60, 30), (30, 100)])
def test_percentiles_must_rise(head: float, middle: float) -> None:
    with pytest.raises(ConfigError):
        estimate_cutoffs(sketch(en=[1.0]), head, middle)


def test_published_cutoffs() -> None:
    table = load_cutoffs("ccnet")
    assert len(table) == 48
    assert table["en"] == {"head": 340.0, "middle": 520.0}
    assert not {"sl", "sr", "sv"} & set(table)


def test_a_file_that_is_written_again_is_read_again(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "cutoffs.json"
    for head in (1.5, 22.5):
        path.write_text(json.dumps({"en": {"head": head, "middle": 30}}))
        assert load_cutoffs(str(path)) == {"en": {"head": head, "middle": 30.0}}


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"en": 1}', '{"en": {"head": 1}}', '{"en": {"head": 2, "middle": 1}}'],
)
def test_a_file_of_something_else_is_an_error(tmp_path: pathlib.Path, content: str) -> None:
    path = tmp_path / "cutoffs.json"
    path.write_text(content)
    with pytest.raises(ModelError, match="holds no cut-offs"):
        load_cutoffs(str(path))


@pytest.mark.parametrize("path", ["", "/no/such/cutoffs.json"])
def test_a_missing_file_is_an_error(path: str) -> None:
    with pytest.raises(ModelError):
        load_cutoffs(path)
