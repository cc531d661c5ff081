"""Deduplication against other sources, and against the indexes of earlier runs."""

from __future__ import annotations

import copy
import gzip
import json
import pathlib
import shutil
from typing import Any

import pytest
import yaml

from pasture.dedup.exact import ExactDuplicates
from pasture.dedup.near import NearDuplicates
from pasture.driver.run import Silent, plan, run_recipe
from pasture.errors import ConfigError, StageError
from pasture.graph import Context, build_graph
from pasture.manifests.clusters import largest_clusters
from pasture.manifests.outputs import Output, dropped_rows, explain, kept_rows, verify
from pasture.recipes.load import load_recipe
from pasture.stages import indexes

TITLE = "THE PROJECT GUTENBERG EBOOK A ***"
BOOK = f"*** START OF {TITLE}\n{{}}\n*** END OF {TITLE}\n"


class Made(Silent):
    """Remembers what was made."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def finished(self, key, manifest, skipped):
        if not skipped:
            self.made.append(key)


def load(raw: pathlib.Path, stages: dict[str, Any]):
    """The recipe of the raw folder, with other stages for some sources."""
    body = yaml.safe_load((raw / "recipe.yaml").read_text())
    for source, of_source in stages.items():
        body["sources"][source]["stages"] = of_source
    (raw / "recipe.yaml").write_text(yaml.safe_dump(body))
    return load_recipe(str(raw / "recipe.yaml"))


def run(raw: pathlib.Path, output: pathlib.Path, stages: dict[str, Any], **options) -> list[str]:
    """Run up to the documents; give what was made."""
    progress = Made()
    recipe = load(raw, stages)
    run_recipe(recipe, str(output), until="documents", progress=progress, **options)
    return progress.made


def kept(output: pathlib.Path, source: str = "c4") -> list[str]:
    return [row["text"] for _, row in kept_rows(Output(str(output)), source)]


def one_shard(raw: pathlib.Path, shard: int, to: pathlib.Path) -> pathlib.Path:
    """A raw corpus of one of the three shards."""
    shutil.copytree(raw, to)
    for path in (to / "c4").iterdir():
        if f".{shard:05d}-" not in path.name:
            path.unlink()
    return to


NEAR = {"min_similarity": 0.5, "max_removed": 1}
KINDS = {
    "20-exact": {"exact_duplicates": {}},
    "20-near": {"near_duplicates": NEAR},
    "20-lines": {"duplicate_lines": {"scope_shards": 0, "keep": "first"}},
    "20-urls": {"duplicate_urls": {"keep": "first"}},
    "20-spans": {"duplicate_spans": {}},
}


def change_row(path: pathlib.Path, row: int, **values: str) -> None:
    """Change a row of raw C4."""
    rows = [json.loads(line) for line in gunzip(path).splitlines()]
    rows[row].update(values)
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode(), mtime=0))


@pytest.mark.parametrize("name", KINDS)
def test_a_new_dump_keeps_what_a_run_over_both_keeps_of_it(raw, tmp_path, name):
    first, second = (one_shard(raw, n, tmp_path / f"raw{n}") for n in (0, 2))
    (crawled_again,) = (second / "c4").iterdir()
    change_row(crawled_again, 5, url="http://www.example.org/0/5/#top")
    ((kind, options),) = KINDS[name].items()
    indexed = {name: {kind: {**options, "keep_index": True}}}
    assert f"indexes/c4/{name}" in run(first, tmp_path / "first", {"c4": indexed})
    assert list(verify(Output(str(tmp_path / "first")))) == []
    index = str(tmp_path / f"first/indexes/c4/{name}")
    run(second, tmp_path / "second", {"c4": {name: {kind: {**options, "index": [index]}}}})
    (first / "c4/c4-train.00002-of-00003.json.gz").write_bytes(
        (second / "c4/c4-train.00002-of-00003.json.gz").read_bytes()
    )
    run(first, tmp_path / "both", {"c4": {name: KINDS[name]}})
    assert kept(tmp_path / "first") + kept(tmp_path / "second") == kept(tmp_path / "both")
    assert len(kept(tmp_path / "second")) < 23


def test_the_audit_names_the_document_of_the_index(raw, tmp_path):
    indexed = {"20-exact": {"exact_duplicates": {"keep_index": True}}}
    run(raw, tmp_path / "old", {"c4": indexed})
    manifest = json.loads((tmp_path / "old/indexes/c4/20-exact/MANIFEST.json").read_text())
    index = {"index": ["old/indexes/c4/20-exact"], "max_removed": 1}
    # A relative path lies under the root of the inputs.
    shutil.copytree(tmp_path / "old", raw / "old")
    run(raw, tmp_path / "new", {"c4": {"20-exact": {"exact_duplicates": index}}})
    output = Output(str(tmp_path / "new"))
    assert kept(tmp_path / "new") == []
    stage, row = next(dropped_rows(output))
    assert json.loads(row["metadata"])["duplicate_of"] == {
        "index": manifest["fingerprint"],
        "row": 0,
        "shard": 0,
        "source": "c4",
        "stage": "20-exact",
    }
    assert [d.kept_instead for d in explain(output, row["id"])] == [None, None]
    cluster = largest_clusters(str(tmp_path / "new"), stage, 1)[0]
    assert (cluster.size, cluster.id, cluster.place) == (4, None, "c4/20-exact, shard 0, row 0")


def test_an_index_is_made_beside_a_stage_that_is_done(raw, tmp_path):
    run(raw, tmp_path / "out", {"c4": {"20-exact": {"exact_duplicates": {}}}})
    indexed = {"20-exact": {"exact_duplicates": {"keep_index": True}}}
    assert run(raw, tmp_path / "out", {"c4": indexed}) == ["indexes/c4/20-exact"]
    assert run(raw, tmp_path / "out", {"c4": indexed}) == []
    assert run(raw, tmp_path / "new", {"c4": indexed}, workers=2)[-1] == "indexes/c4/20-exact"
    for path in (tmp_path / "out/indexes/c4/20-exact").iterdir():
        assert path.read_bytes() == (tmp_path / "new/indexes/c4/20-exact" / path.name).read_bytes()


def test_another_index_asks_for_another_run(raw, tmp_path):
    one, other = (one_shard(raw, n, tmp_path / f"raw{n}") for n in (0, 1))
    for folder in (one, other):
        indexed = {"20-exact": {"exact_duplicates": {"keep_index": True}}}
        run(folder, folder / "out", {"c4": indexed})
    index = tmp_path / "index"
    shutil.copytree(one / "out/indexes/c4/20-exact", index)
    stages = {"c4": {"20-exact": {"exact_duplicates": {"index": [str(index)], "max_removed": 1}}}}
    run(raw, tmp_path / "out", stages)
    # The same index elsewhere is the same.
    index.rename(tmp_path / "moved")
    stages["c4"]["20-exact"]["exact_duplicates"]["index"] = [str(tmp_path / "moved")]
    assert run(raw, tmp_path / "out", stages) == []
    shutil.rmtree(tmp_path / "moved")
    shutil.copytree(other / "out/indexes/c4/20-exact", tmp_path / "moved")
    with pytest.raises(StageError, match=r"20-exact was made with another(.|\n)*index: "):
        run(raw, tmp_path / "out", stages)


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ({"exact_duplicates": {"normalise": "whitespace"}}, "normalise: 'none' -> 'whitespace'"),
        ({"near_duplicates": {}}, "kind: 'exact_duplicates' -> 'near_duplicates'"),
    ],
)
def test_an_index_of_another_search_is_refused_before_any_work(raw, tmp_path, stage, message):
    indexed = {"20-exact": {"exact_duplicates": {"keep_index": True}}}
    run(raw, tmp_path / "old", {"c4": indexed})
    ((kind, options),) = stage.items()
    path = str(tmp_path / "old/indexes/c4/20-exact")
    with pytest.raises(ConfigError, match=message):
        run(raw, tmp_path / "out", {"c4": {"20-x": {kind: {**options, "index": [path]}}}})
    assert not (tmp_path / "out").exists()


def test_options_that_change_no_key_do_not_matter(raw, tmp_path):
    first = NearDuplicates(keep_index=True, min_similarity=0.7, bands=18, rows=7)
    second = NearDuplicates(keep="longest", verify="none", index=("x",))
    assert indexes.describe(first)["probe"] == indexes.describe(second)["probe"]
    others = [NearDuplicates(ngram=4), NearDuplicates(seed=2), NearDuplicates(bands=9, rows=13)]
    others.append(NearDuplicates(verify="coverage", bands=18, rows=7))
    probes = {indexes.describe(dedup)["probe"] for dedup in (first, *others, ExactDuplicates())}
    assert len(probes) == 6


def test_an_index_whose_hashes_are_others_is_refused(raw, tmp_path):
    indexed = {"20-exact": {"exact_duplicates": {"keep_index": True}}}
    run(raw, tmp_path / "old", {"c4": indexed})
    index = tmp_path / "old/indexes/c4/20-exact"
    manifest = json.loads((index / "MANIFEST.json").read_text())
    manifest["config"]["probe"] = "0" * 16
    (index / "MANIFEST.json").write_text(json.dumps(manifest))
    with pytest.raises(ConfigError, match="another version of Pasture made it"):
        indexes.check_index(ExactDuplicates(), str(index))


@pytest.mark.parametrize("path", ["absent", "old/documents/c4/00-extract"])
def test_a_folder_without_an_index_is_refused(raw, tmp_path, path):
    run(raw, raw / "old", {"c4": {}})
    stages = {"20-exact": {"exact_duplicates": {"index": [path]}}}
    with pytest.raises(ConfigError, match=r"holds no index; .* keep_index: true"):
        run(raw, tmp_path / "out", {"c4": stages})


@pytest.fixture
def two_sources(raw, recipe_body):
    """The small corpus, and two books: one of them is a document of C4."""
    (raw / "books").mkdir()
    text = json.loads(gunzip(raw / "c4/c4-train.00001-of-00003.json.gz").splitlines()[3])["text"]
    for name, body in (("1.txt", text), ("2.txt", "A book of its own, which nobody has copied.")):
        (raw / "books" / name).write_text(BOOK.format(body))
    body = copy.deepcopy(recipe_body)
    body["sources"]["books"] = {"inputs": ["books/*.txt"], "options": {"min_characters": 1}}
    (raw / "recipe.yaml").write_text(yaml.safe_dump(body))
    (raw / "mixture.yaml").write_text(
        yaml.safe_dump(
            {
                "name": "two",
                "tokens": 10000,
                "sources": {"c4": {"proportion": 0.5}, "books": {"proportion": 0.5}},
            }
        )
    )
    return raw


def gunzip(path: pathlib.Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()


@pytest.mark.parametrize("against", ["books", "books/00-extract"])
def test_documents_that_another_source_has_go(two_sources, tmp_path, against):
    out = tmp_path / "out"
    stages = {"20-exact": {"exact_duplicates": {"against": [against]}}}
    run(two_sources, out, {"c4": stages})
    output = Output(str(out))
    assert len(kept(out)) == 69 - 3 - 1
    assert len(kept(out, "books")) == 2
    (row,) = (
        row for _, row in dropped_rows(output, "c4") if '"source": "books"' in row["metadata"]
    )
    assert json.loads(row["metadata"])["duplicate_of"] == {
        "row": 0,
        "shard": 0,
        "source": "books",
        "stage": "00-extract",
    }
    assert explain(output, row["id"])[-1].kept_instead == "gutenberg:1"
    assert list(verify(output)) == []
    graph = build_graph(load(two_sources, {}))
    assert graph["documents/c4/20-exact"].upstream == (
        "documents/c4/00-extract",
        "documents/books/00-extract",
    )
    states = {node.key: node.state for node in plan(load(two_sources, {}), str(out))}
    assert states["documents/c4/20-exact"] == "done"


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("20-lines", {"duplicate_lines/empty": 9}),
        ("20-urls", {"duplicate_urls/duplicate": 1}),
        ("20-spans", {"duplicate_spans/empty": 4}),
    ],
)
def test_lines_spans_and_urls_that_another_source_has_go(two_sources, tmp_path, name, gone):
    """Against the books, of which the first is the fourth document of C4's second shard."""
    page = "http://gutenberg.org/ebooks/1/?utm_source=somewhere"
    change_row(two_sources / "c4/c4-train.00001-of-00003.json.gz", 3, url=page)
    book = two_sources / "books/1.txt"
    book.write_text(f"EBook #1\n{book.read_text()}")
    out = tmp_path / "out"
    ((kind, options),) = KINDS[name].items()
    run(two_sources, out, {"c4": {name: {kind: {**options, "against": ["books"]}}}})
    manifest = json.loads((out / f"audit/c4/{name}/MANIFEST.json").read_text())
    assert manifest["totals"]["dropped"] == gone
    assert kept(out, "books") == [text for text in kept(out, "books") if text not in kept(out)]
    assert len(kept(out, "books")) == 2
    assert list(verify(Output(str(out)))) == []


def test_the_text_that_is_compared_is_counted_for_the_buckets(two_sources, tmp_path):
    out = tmp_path / "out"
    run(two_sources, out, {"books": {"20-spans": {"duplicate_spans": {"keep_index": True}}}})
    entries = (out / "indexes/books/20-spans").glob("entries-*.parquet")
    index_bytes = indexes.LINE_SHARE * sum(path.stat().st_size for path in entries)
    c4, books = (
        json.loads((out / f"audit/{name}/MANIFEST.json").read_text())["totals"]["text_bytes"]
        for name in ("c4/00-extract", "books/20-spans")
    )
    index = str(out / "indexes/books/20-spans")
    shards = json.loads((out / "audit/c4/00-extract/MANIFEST.json").read_text())["shards"]
    sizes = [shard["text_bytes"] for shard in shards]
    for options, size in [
        ({"scope_shards": 0}, c4),
        ({"scope_files": 2}, max(sizes[0] + sizes[1], sizes[2])),
        ({"scope_bytes": 1}, max(sizes)),
        ({"scope_shards": 50}, c4),
        ({"against": ["books"]}, c4 + books),
        ({"index": [index]}, c4 + index_bytes),
    ]:
        recipe = load(two_sources, {"c4": {"20-spans": {"duplicate_spans": options}}})
        context = Context(recipe, str(out))
        node = build_graph(recipe)["documents/c4/20-spans"]
        folder = node.stage_folder(context, 3)
        assert node.transform(context, folder, frozenset()).text_bytes == size


def exact(*against: str) -> dict[str, Any]:
    return {"20-exact": {"exact_duplicates": {"against": list(against)}}}


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ({"c4": exact("bocks")}, "20-exact: against: unknown source 'bocks'; did you mean books"),
        ({"c4": exact("books/10-x")}, "against: unknown stage of books '10-x'"),
        ({"c4": exact("c4")}, "c4 is compared with itself in any case"),
        ({"c4": exact("books"), "books": exact("c4")}, "wait for each other"),
        ({"c4": {"10-l": {"duplicate_lines": {"against": ["books"]}}}}, "set scope_files to 0"),
        ({"c4": {"10-e": {"exact_duplicates": {"against": "books"}}}}, "expected a list"),
    ],
)
def test_refuses_what_cannot_be_compared(two_sources, stages, message):
    with pytest.raises(ConfigError, match=message):
        build_graph(load(two_sources, stages))
