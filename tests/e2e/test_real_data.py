"""The sample recipe on real third-party input."""

from __future__ import annotations

import pyarrow as pa
import pytest
import sentencepiece

from pasture.driver.run import run_recipe
from pasture.manifests.outputs import Output, funnels, kept_rows, verify
from pasture.recipes.load import load_recipe
from pasture.tokenize.verify import verify_tokens

pytestmark = pytest.mark.real_data
SOURCES = ("common_crawl", "c4", "github", "wikipedia", "books", "arxiv", "stackexchange")


@pytest.fixture(scope="module")
def real_output(real_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("real") / "corpus"
    run_recipe(load_recipe("sample", str(real_data)), str(folder))
    return folder


def test_every_source_gives_tokens_and_the_counts_add_up(real_output):
    output = Output(str(real_output))
    assert list(verify(output)) == []
    assert list(verify_tokens(str(real_output))) == []
    found = {funnel.source: funnel for funnel in funnels(output)}
    assert set(found) == set(SOURCES)
    for funnel in found.values():
        assert funnel.records == funnel.documents + sum(funnel.dropped.values())
        assert funnel.tokens


def test_both_editions_of_a_book_leave_one(real_output):
    ids = {row["id"] for _, row in kept_rows(Output(str(real_output)), "books")}
    assert len(ids) == 19  # of 24: five are in there twice


def test_no_markup_is_left(real_output):
    marks = {
        "wikipedia": ("[[", "{{", "<ref", "<!--", "{|", "__TOC__"),
        "stackexchange": ("</p>", "<pre>", "<li>", "</a>"),
        "arxiv": ("\\begin{thebibliography}", "\\documentclass"),
        "books": ("*** START OF TH", "*** END OF TH", "Project Gutenberg License"),
    }
    output = Output(str(real_output))
    for source, found in marks.items():
        for _, row in kept_rows(output, source):
            left = [mark for mark in found if mark in row["text"]]
            assert left == [], (source, row["id"])


def test_tokens_are_sentencepieces_and_none_is_unknown(real_output):
    path = str(real_output / "tokenizer" / "tokenizer.model")
    theirs = sentencepiece.SentencePieceProcessor(model_file=path)
    for source in SOURCES:
        documents = kept_rows(Output(str(real_output)), source)
        expected = [(row["id"], [1, *theirs.encode(row["text"]), 2]) for _, row in documents]
        found = [
            (row["id"], row["tokens"])
            for shard in (real_output / "tokens" / source).glob("*.arrow")
            for row in pa.ipc.open_file(shard).read_all().select(["id", "tokens"]).to_pylist()
        ]
        assert sorted(found) == sorted(expected)
        assert not any(0 in tokens for _, tokens in found)
