"""Fertility: bytes and tokens add up by source and language."""

from __future__ import annotations

import pathlib

import pytest

from pasture import storage
from pasture.manifests.mixture import load_mixture
from pasture.tokenize import fertility
from pasture.tokenize.encode import Encoder
from pasture.tokenize.fertility import Fertility, measure_fertility, plain_fertility

DOCUMENTS = [
    ("books", "en", "The sheep are counted."),
    ("books", None, "a b"),
    ("c4", "en", "gate"),
    ("books", "en", ""),
    ("books", "de", "Die Schafe zählen nichts."),
]


@pytest.mark.parametrize("batch", [1, 1 << 20])
def test_counts_by_source_and_language(
    tokenizer: str, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(fertility, "BATCH_CHARACTERS", batch)
    encoder = Encoder(tokenizer, bos=False, eos=False)
    de, en, ab, gate = (len(encoder.encode(DOCUMENTS[i][2])) for i in (4, 0, 1, 2))
    rows = measure_fertility(encoder, iter(DOCUMENTS), {"books": 3.0, "arxiv": 2.8})
    assert rows == [
        Fertility("books", None, 4, 51, de + en + ab, 3.0),
        Fertility("books", "de", 1, 26, de),
        Fertility("books", "en", 2, 22, en),
        Fertility("books", "unknown", 1, 3, ab),
        Fertility("c4", None, 1, 4, gate),
        Fertility("c4", "en", 1, 4, gate),
    ]
    assert rows[0].bytes_per_token == 51 / (de + en + ab)
    assert plain_fertility(rows)[2]["bytes_per_token"] == round(22 / en, 4)


def test_no_documents(tokenizer: str) -> None:
    assert measure_fertility(Encoder(tokenizer), []) == []


def test_what_the_paper_implies() -> None:
    implied = load_mixture("llama").implied_bytes_per_token()
    assert {name: round(value, 2) for name, value in implied.items()} == {
        "common_crawl": 3.87,
        "c4": 3.95,
        "github": 3.33,
        "wikipedia": 3.23,
        "books": 3.01,
        "arxiv": 2.79,
        "stackexchange": 2.87,
    }
    assert load_mixture("llama2").implied_bytes_per_token() == {}


def test_the_card_of_a_run_has_it(small_output: pathlib.Path) -> None:
    card = storage.read_json(str(small_output / "tokenizer" / "card.json"))
    total, english = card["fertility"]
    assert (total["source"], total["language"], total["documents"]) == ("c4", None, 60)
    assert (english["language"], english["bytes"]) == ("en", total["bytes"])
    assert (round(total["implied"], 2), english["implied"]) == (3.95, None)
    manifest = storage.read_json(str(small_output / "tokens" / "c4" / "MANIFEST.json"))
    special = 2 * total["documents"]
    tokens = sum(split["tokens"] for split in manifest["splits"].values())
    assert total["tokens"] == tokens - special
    assert total["bytes_per_token"] == round(total["bytes"] / total["tokens"], 4)
