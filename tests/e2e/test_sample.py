"""The bundled sample from raw files to token shards: what every rule drops, and equal bytes."""

from __future__ import annotations

import json
import shlex
import shutil

import duckdb
import pyarrow as pa
import pytest
import yaml
from click.testing import CliRunner
from lxml import html

from pasture.cli import main
from pasture.driver.run import run_recipe
from pasture.manifests.outputs import Output, funnels, kept_rows, verify
from pasture.recipes.load import load_recipe
from pasture.tokenize.verify import verify_tokens
from tests.documented import blocks
from tests.trees import differences

SOURCES = ("common_crawl", "c4", "github", "wikipedia", "books", "arxiv", "stackexchange")


def test_every_source_keeps_documents_and_the_counts_add_up(sample_output):
    output = Output(str(sample_output))
    assert list(verify(output)) == []
    assert list(verify_tokens(str(sample_output))) == []
    found = {funnel.source: funnel for funnel in funnels(output)}
    assert set(found) == set(SOURCES)
    for funnel in found.values():
        assert funnel.records == funnel.documents + sum(funnel.dropped.values())
        assert funnel.records >= 40
        assert funnel.documents >= 20, funnel
        assert funnel.tokens


# What the sample holds on purpose, and the rule that must find it.
EXPECTED = {
    "common_crawl": {
        "extract/too_short",
        "keep_languages/other_language",
        "keep_buckets/perplexity_tail",
        "keep_references/not_a_reference",
        "duplicate_lines/empty",
    },
    "c4": {
        "keep_languages/other_language",
        "c4_lines/lorem_ipsum",
        "c4_lines/curly_bracket",
        "c4_lines/too_few_sentences",
        "exact_duplicates/duplicate",
    },
    "github": {"extract/licence_not_permissive", "exact_duplicates/duplicate"},
    "wikipedia": {"extract/redirect", "extract/disambiguation", "extract/other_namespace"},
    "books": {"near_duplicates/duplicate", "extract/no_gutenberg_markers", "extract/copyrighted"},
    "arxiv": {"extract/pdf_only", "extract/withdrawn", "exact_duplicates/duplicate"},
    "stackexchange": {"extract/orphan_answer", "extract/not_a_question_or_answer"},
}


@pytest.mark.parametrize("source", sorted(EXPECTED))
def test_every_rule_finds_what_was_put_there_for_it(sample_output, source):
    (funnel,) = [f for f in funnels(Output(str(sample_output))) if f.source == source]
    dropped = {key.split("/", 1)[1] for key in funnel.dropped}
    assert EXPECTED[source] - dropped == set()


def test_ids_are_unique_in_every_source(sample_output):
    for source in SOURCES:
        ids = [row["id"] for _, row in kept_rows(Output(str(sample_output)), source)]
        assert len(ids) == len(set(ids)), source


def test_two_worker_processes_give_the_same_bytes(sample_raw, sample_output, tmp_path):
    run_recipe(load_recipe(str(sample_raw / "recipe.yaml")), str(tmp_path / "two"), workers=2)
    assert differences(sample_output, tmp_path / "two") == []
    assert list((tmp_path / "two").glob("tokens/*/*.arrow"))


def test_the_vocabulary_that_the_sample_cannot_carry_is_said_aloud(sample_output):
    card = Output(str(sample_output)).manifest("tokenizer")["card"]
    assert card["requested_vocab_size"] == 32_000
    if card["vocab_size"] < 32_000:
        assert "supports a vocabulary" in card["notes"][0]


def test_token_shards_open_as_plain_arrow(sample_output):
    path = next((sample_output / "tokens" / "arxiv").glob("train-*.arrow"))
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    assert table.num_rows
    assert table.schema.field("tokens").type == pa.list_(pa.uint16())


def test_the_mixture_is_the_recipe_s(sample_output):
    sources = yaml.safe_load((sample_output / "mixture.yaml").read_text())["sources"]
    assert sum(share["proportion"] for share in sources.values()) == pytest.approx(1.0)
    assert sources["common_crawl"]["proportion"] == pytest.approx(0.67)
    assert all(share["epochs"] > 0 for share in sources.values())


def test_the_report_is_a_page_without_scripts_or_loads(sample_output, tmp_path):
    path = tmp_path / "report.html"
    result = CliRunner().invoke(main, ["report", str(sample_output), "--to", str(path)])
    assert result.exit_code == 0, result.output
    page = html.fromstring(path.read_text())
    assert page.xpath("//h2/@id") == sorted(SOURCES)
    assert page.xpath("//script | //link | //img | //iframe") == []
    assert page.xpath("//svg")


def test_train_and_generate(sample_output, tmp_path):
    """A few steps only; that the loss falls far is tested in tests/trainer."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for name in (
        "tokens",
        "tokenizer",
        "mixture.yaml",
        "documents",
        "audit",
        "models",
        "recipe.yaml",
    ):
        (corpus / name).symlink_to(sample_output / name)
    call = CliRunner().invoke
    result = call(main, ["train", str(corpus), "--model", "tiny", "--steps", "4", "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["losses"]
    assert set(report["losses"]) <= set(SOURCES)
    checkpoint = sorted((corpus / "checkpoints").glob("step-*"))[-1]
    arguments = ["generate", str(checkpoint), "--prompt", "The river", "--max-tokens", "8"]
    result = call(main, arguments)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("The river")


# The documentation, on the sample.

NOT_OF_THE_SAMPLE = {"/data/raw", "https://shop.example/about", "reference"}
"""Raw data of the reader's own, and a classifier for which the sample has too few pages."""
TRAINER = ("pasture train", "pasture generate")  # tests/e2e/test_train.py


@pytest.fixture
def documented(sample_raw, sample_output, tmp_path, monkeypatch):
    """A current folder with ``raw`` and ``corpus``, as the documentation has it."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    shutil.copytree(sample_raw, tmp_path / "raw")
    shutil.copytree(sample_output, tmp_path / "corpus")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("page", "heading", "count"),
    [
        ("README.md", "Then", 7),
        ("docs/quickstart.md", None, 10),
        ("docs/mixture.md", None, 5),
        ("docs/data-format.md", None, 1),
        ("docs/deduplication.md", None, 2),
        ("docs/install.md", None, 3),
        ("docs/models.md", None, 2),
    ],
)
def test_documented_commands_run(documented, page, heading, count):
    ran = 0
    for language, code in blocks(page, heading):
        for line in code.splitlines() if language in ("bash", "") else ():
            words = ["corpus" if w == "OUTPUT" else w for w in shlex.split(line, comments=True)]
            is_own = words[:1] == ["pasture"] and not line.startswith(TRAINER)
            if not is_own or not {"corpus", "raw", "raw/recipe.yaml"} & set(words):
                continue
            if NOT_OF_THE_SAMPLE & set(words):
                continue
            words = ["2e5" if word == "2e9" else word for word in words]  # the sample is small
            result = CliRunner().invoke(main, words[1:])
            assert result.exit_code == 0, f"{line}\n{result.output}"
            ran += 1
    assert ran == count


def test_documented_queries_run(documented):
    queries = [code for language, code in blocks("docs/data-format.md") if language == "sql"]
    assert len(queries) == 2
    for query in queries:
        duckdb.sql(query).fetchall()
