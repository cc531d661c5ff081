"""Running recipes: skipping, resuming, refusing, and equal bytes however it is run."""

from __future__ import annotations

import copy
import hashlib
import json
import pathlib
import re
import shutil

import pyarrow as pa
import pytest
import yaml

from pasture import graph, storage
from pasture.driver import lock
from pasture.driver.run import Silent, plan, run_recipe
from pasture.errors import (
    ConfigError,
    InputError,
    ModelError,
    PastureError,
    StageError,
)
from pasture.manifests.outputs import Output, verify
from pasture.manifests.shards import StageManifest
from pasture.recipes.load import load_recipe
from pasture.tokenize.verify import verify_tokens
from tests.conftest import gzipped
from tests.trees import differences


def write_recipe(folder: pathlib.Path, body: object) -> None:
    (folder / "recipe.yaml").write_text(yaml.safe_dump(body))


def run(raw: pathlib.Path, output: pathlib.Path, **options) -> Log:
    log = Log()
    recipe = load_recipe(str(raw / "recipe.yaml"))
    run_recipe(recipe, str(output), progress=log, **options)
    return log


class Log(Silent):
    """Remembers what was made and what was skipped."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.skipped: list[str] = []
        self.notes: list[str] = []

    def finished(self, key, manifest, skipped):
        (self.skipped if skipped else self.made).append(key)

    def note(self, text):
        self.notes.append(text)


ALL = [
    "documents/c4/00-extract",
    "models/language",
    "documents/c4/10-language",
    "documents/c4/20-exact",
    "tokenizer",
    "tokens/c4",
]


def test_runs_every_stage_and_the_counts_add_up(raw, tmp_path):
    output = tmp_path / "out"
    log = run(raw, output)
    assert sorted(log.made) == sorted(ALL)
    stages = Output(str(output)).stages()
    assert [(s.stage, s.totals()["rows_in"], s.totals()["rows"]) for s in stages] == [
        ("00-extract", 69, 69),
        ("10-language", 69, 63),
        ("20-exact", 63, 60),
    ]
    assert stages[1].totals()["dropped"] == {"keep_languages/other_language": 6}
    assert stages[2].totals()["dropped"] == {"exact_duplicates/duplicate": 3}
    assert list(verify(Output(str(output)))) == []
    assert list(verify_tokens(str(output))) == []
    assert "supports a vocabulary of" in log.notes[0]
    realised = yaml.safe_load((output / "mixture.yaml").read_text())
    assert realised["sources"]["c4"]["proportion"] == 1.0


def test_leaves_no_temporary_file(raw, tmp_path):
    run(raw, tmp_path / "out")
    names = [path.name for path in (tmp_path / "out").rglob("*")]
    assert [name for name in names if "partial" in name or name == "_records"] == []


def test_a_second_run_makes_nothing(raw, tmp_path):
    output = tmp_path / "out"
    run(raw, output)
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*.parquet")}
    log = run(raw, output)
    assert log.made == []
    assert sorted(log.skipped) == sorted(ALL)
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*.parquet")} == before


@pytest.mark.parametrize("workers", [1, 2])
def test_equal_runs_give_equal_bytes_whatever_the_workers(raw, tmp_path, workers):
    run(raw, tmp_path / "one")
    copy = tmp_path / "elsewhere"
    shutil.copytree(raw, copy)
    run(copy, tmp_path / "two", workers=workers)
    assert differences(tmp_path / "one", tmp_path / "two") == []


def test_a_changed_recipe_is_refused_with_the_key_and_then_forced(raw, recipe_body, tmp_path):
    output = tmp_path / "out"
    run(raw, output)
    body = copy.deepcopy(recipe_body)
    body["sources"]["c4"]["stages"]["20-exact"]["exact_duplicates"]["normalise"] = "whitespace"
    write_recipe(raw, body)
    with pytest.raises(StageError, match=r"20-exact was made(.|\n)*normalise: 'none' -> 'whitesp"):
        run(raw, output)
    log = run(raw, output, force=True)
    assert log.skipped == ALL[:3]
    assert sorted(log.made) == sorted(ALL[3:])


def test_a_deduplication_over_its_budget_stops_and_goes_on_with_the_flag(
    raw, recipe_body, tmp_path
):
    output = tmp_path / "out"
    body = copy.deepcopy(recipe_body)
    body["sources"]["c4"]["stages"]["20-exact"]["exact_duplicates"]["max_removed"] = 0.04
    write_recipe(raw, body)
    with pytest.raises(StageError) as caught:
        run(raw, output)
    message = str(caught.value)
    assert "c4/20-exact: exact_duplicates removes 4.8% of the documents" in message
    assert "the recipe allows 4%" in message
    assert "3  c4-train.00000-of-00003.json.gz:1  The river in the valley was built" in message
    assert "--allow-removal c4/20-exact" in message
    assert not (output / "audit/c4/20-exact/MANIFEST.json").exists()
    before = {path: path.stat().st_mtime_ns for path in output.glob("*/c4/20-exact/*.parquet")}
    assert len(before) == 6
    with pytest.raises(StageError, match="20-exact"):
        run(raw, output)
    with pytest.raises(ConfigError, match="did you mean c4/20-exact"):
        run(raw, output, allow_removal=["c4/20-exac"])
    run(raw, output, allow_removal=["c4/20-exact"])
    after = {path: path.stat().st_mtime_ns for path in output.glob("*/c4/20-exact/*.parquet")}
    assert after == before
    # The budget changes no output, so another one asks for no new run.
    write_recipe(raw, recipe_body)
    assert run(raw, output).made == []


def test_lines_are_budgeted_by_text(raw, recipe_body, tmp_path):
    body = copy.deepcopy(recipe_body)
    body["sources"]["c4"]["stages"] = {"10-lines": {"duplicate_lines": {"max_removed": 0.01}}}
    write_recipe(raw, body)
    message = (
        r"lines removes \d\.\d% of the text(.|\n)*go most often:\n +4  The river in the valley"
    )
    with pytest.raises(StageError, match=message):
        run(raw, tmp_path / "out")


def test_goes_on_where_a_killed_run_stopped(raw, tmp_path, monkeypatch):
    output = tmp_path / "out"

    def die(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(graph.DocumentsNode, "commit", die)
        run(raw, output)
    extract, audit = output / "documents/c4/00-extract", output / "audit/c4/00-extract"
    assert not (audit / "MANIFEST.json").exists()
    (extract / "documents-00001-of-00003.parquet.partial-123").write_bytes(b"half")
    (audit / "_records" / "00002.json").unlink()
    kept = extract / "documents-00000-of-00003.parquet"
    before = kept.stat().st_mtime_ns
    run(raw, output)
    assert kept.stat().st_mtime_ns == before
    run(raw, tmp_path / "whole")
    assert differences(output, tmp_path / "whole") == []


def test_until_and_source_choose_a_part(raw, tmp_path):
    log = run(raw, tmp_path / "out", until="10-language", source="c4")
    assert log.made == ["models/language", "documents/c4/00-extract", "documents/c4/10-language"]
    with pytest.raises(ConfigError, match="unknown stage '15-none'"):
        run(raw, tmp_path / "out", until="15-none")
    with pytest.raises(ConfigError, match="unknown source 'c5'; did you mean c4"):
        run(raw, tmp_path / "out", source="c5")


def test_plan_shows_what_is_done_and_what_changed(raw, tmp_path):
    output = tmp_path / "out"
    recipe = load_recipe(str(raw / "recipe.yaml"))
    assert {node.state for node in plan(recipe, None)} == {"to do"}
    run(raw, output, until="10-language")
    states = {node.key: node.state for node in plan(recipe, str(output))}
    assert [states[key] for key in ALL] == ["done"] * 3 + ["to do"] * 3
    extract = next(node for node in plan(recipe, None) if node.key == ALL[0])
    assert extract.shards == 3
    assert extract.bytes == sum(path.stat().st_size for path in (raw / "c4").iterdir())


def test_a_truncated_file_gives_what_could_be_read_and_is_counted(raw, tmp_path):
    path = raw / "c4" / "c4-train.00001-of-00003.json.gz"
    path.write_bytes(path.read_bytes()[:-40])
    run(raw, tmp_path / "out", until="00-extract")
    manifest = StageManifest.load(str(tmp_path / "out/audit/c4/00-extract"))
    totals = manifest.totals()
    assert totals["bad_files"] == 1
    assert totals["rows"] > 2 * 23
    assert "c4-train.00001" in manifest.shards[1].bad_files[0]


def test_too_many_bad_files_stop_the_run_with_the_list(raw, recipe_body, tmp_path):
    body = copy.deepcopy(recipe_body)
    body["sources"]["c4"]["budget"] = {"bad_files": 0}
    write_recipe(raw, body)
    path = raw / "c4" / "c4-train.00001-of-00003.json.gz"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"1 files could not be read(.|\n)*c4-train\.00001"):
        run(raw, tmp_path / "out")
    assert not (tmp_path / "out/audit/c4/00-extract/MANIFEST.json").exists()


def test_a_missing_input_fails_before_any_work(raw, tmp_path):
    shutil.rmtree(raw / "c4")
    with pytest.raises(InputError, match=r"c4: no file matches .*c4/\*\.json\.gz"):
        run(raw, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("section", ["models", "tokenizer"])
def test_a_missing_model_fails_before_any_work(raw, recipe_body, tmp_path, section):
    value = {"language": {"path": "absent.bin"}} if section == "models" else {"path": "absent.bin"}
    write_recipe(raw, {**recipe_body, section: value})
    with pytest.raises(ModelError, match=r"is not at .*absent\.bin"):
        run(raw, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_model_with_another_hash_is_refused(raw, recipe_body, tmp_path):
    (raw / "lid.bin").write_bytes(b"x")
    models = {"language": {"path": "lid.bin", "sha256": "0" * 64}}
    write_recipe(raw, {**recipe_body, "models": models})
    with pytest.raises(ModelError, match="another SHA-256"):
        run(raw, tmp_path / "out")


def test_a_language_without_documents_stops_the_run_before_a_model_is_trained(
    raw, recipe_body, tmp_path
):
    (raw / "crawl.wet").write_bytes(
        b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n"
    )
    crawl = {"inputs": ["crawl.wet"], "stages": {"10-model": {"steps": ["perplexity"]}}}
    sources = {**recipe_body["sources"], "common_crawl": crawl}
    models = {"ngram": {"source": "c4", "languages": ["en", "xx"]}}
    mixture = yaml.safe_load((raw / "mixture.yaml").read_text())
    mixture["sources"] = {"c4": {"proportion": 0.5}, "common_crawl": {"proportion": 0.5}}
    (raw / "mixture.yaml").write_text(yaml.safe_dump(mixture))
    write_recipe(raw, {**recipe_body, "sources": sources, "models": models})
    with pytest.raises(InputError, match="c4 has no document in xx; its languages are en"):
        run(raw, tmp_path / "out")
    assert list((tmp_path / "out/models/ngram").iterdir()) == []


def test_an_unknown_beam_flag_is_refused(raw, tmp_path):
    with pytest.raises(ConfigError, match="--runer=x"):
        run(raw, tmp_path / "out", flags=["--runer=x"])
    with pytest.raises(ConfigError, match="--workers is for the local runner"):
        run(raw, tmp_path / "out", flags=["--runner=DataflowRunner"], workers=2)


def test_a_tokenizer_of_the_user_is_taken_and_lies_beside_its_tokens(raw, recipe_body, tmp_path):
    run(raw, tmp_path / "first")
    given = (tmp_path / "first/tokenizer/tokenizer.model").read_bytes()
    (raw / "mine.model").write_bytes(given)
    write_recipe(raw, {**recipe_body, "tokenizer": {"path": "mine.model"}})
    run(raw, tmp_path / "second")
    assert (tmp_path / "second/tokenizer/tokenizer.model").read_bytes() == given
    paths = sorted(
        path.relative_to(tmp_path / "first") for path in tmp_path.glob("first/**/*.arrow")
    )
    assert paths
    for path in paths:
        tables = [
            pa.ipc.open_file(tmp_path / name / path).read_all() for name in ("first", "second")
        ]
        assert tables[0].equals(tables[1])


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_worker_is_one_clear_error(raw, recipe_body, tmp_path, workers):
    (raw / "lid.bin").write_bytes(b"no model")
    write_recipe(raw, {**recipe_body, "models": {"language": {"path": "lid.bin"}}})
    with pytest.raises(PastureError, match=r"lid\.bin") as caught:
        run(raw, tmp_path / "out", workers=workers)
    assert "Traceback" not in str(caught.value)
    assert not (tmp_path / "out/audit/c4/10-language/MANIFEST.json").exists()
    assert list((tmp_path / "out").glob("*/c4/10-language/*.parquet*")) == []


@pytest.mark.parametrize("change", ["gone", "grown", "same size"])
def test_a_file_that_changes_after_it_was_listed_stops_the_run(raw, tmp_path, monkeypatch, change):
    changing = raw / "c4" / "c4-train.00001-of-00003.json.gz"
    start = lock.output_lock

    def change_it(output):
        if change == "gone":
            changing.unlink()
        elif change == "grown":
            changing.write_bytes(changing.read_bytes() * 2)
        else:
            changing.write_bytes(gzipped(bytes(100)).ljust(changing.stat().st_size, b"\0"))
        return start(output)

    monkeypatch.setattr("pasture.driver.run.output_lock", change_it)
    said = {
        "gone": "cannot read .*00001-of-00003.json.gz: No such file",
        "grown": r"00001-of-00003.json.gz changed during the run: .* is [\d,]+ bytes now",
        "same size": r"00001-of-00003.json.gz changed during the run: .* was written anew",
    }
    with pytest.raises(PastureError, match=said[change]):
        run(raw, tmp_path / "out")
    assert not (tmp_path / "out/audit/c4/00-extract/MANIFEST.json").exists()
    assert not list((tmp_path / "out/documents/c4/00-extract").glob("documents-00001*"))


def write_checksums(raw):
    paths = sorted((raw / "c4").glob("*.gz"))
    lines = [f"{hashlib.sha1(path.read_bytes()).hexdigest()}  {path.name}\n" for path in paths]
    (raw / "c4" / "SHA1SUMS").write_text("".join(lines))


def test_checksums_are_verified_and_part_of_the_config(raw, recipe_body, tmp_path):
    output = tmp_path / "out"
    body = copy.deepcopy(recipe_body)
    body["sources"]["c4"]["checksums"] = "c4/SHA1SUMS"
    write_recipe(raw, body)
    write_checksums(raw)
    changing = raw / "c4" / "c4-train.00001-of-00003.json.gz"
    whole = changing.read_bytes()
    changing.write_bytes(whole[:-8] + bytes(8))
    with pytest.raises(PastureError, match=r"00001-of-00003.json.gz is not what its checksum says"):
        run(raw, output)
    changing.write_bytes(whole)
    run(raw, output, until="00-extract")
    (first, *_) = StageManifest.load(str(output / "audit/c4/00-extract")).config["files"]
    assert re.fullmatch(r"c4-train.00000-of-00003.json.gz \(\d+ bytes, [0-9a-f]{40}\)", first)

    shutil.copytree(raw, tmp_path / "elsewhere")
    recipe = load_recipe(str(tmp_path / "elsewhere" / "recipe.yaml"))
    assert plan(recipe, str(output))[0].state == "done"
    changing.write_bytes(whole[:-8] + bytes(8))
    write_checksums(raw)
    assert plan(load_recipe(str(raw / "recipe.yaml")), str(output))[0].state == "changed"


@pytest.mark.parametrize(
    ("listed", "said"),
    [("", "has no checksum of .*00000-of-00003.json.gz"), ("00ff  x\n", "line 1: '00ff  x' is")],
)
def test_a_list_of_checksums_that_lacks_a_file_stops_the_run(
    raw, recipe_body, tmp_path, listed, said
):
    recipe_body["sources"]["c4"]["checksums"] = "sums"
    write_recipe(raw, recipe_body)
    (raw / "sums").write_text(listed)
    with pytest.raises(InputError, match=said):
        run(raw, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_a_listing_names_elsewhere_is_not_taken_for_empty(raw, recipe_body):
    with storage.atomic_write("memory://crawl/x.warc.wet.gz") as stream:
        stream.write(b"something")
    (raw / "wet.paths").write_text("x.warc.wet.gz\n")
    body = {"inputs": ["wet.paths"], "options": {"root": "memory://crawl"}}
    write_recipe(raw, {**recipe_body, "sources": {"common_crawl": body}, "mixture": "sample"})
    context = graph.Context(load_recipe(str(raw / "recipe.yaml")), "out")
    (unit,) = context.units("common_crawl")
    unit.check_unchanged()


def test_decontaminates_by_sets_under_the_root(raw, recipe_body, tmp_path):
    """The funnel counts by set; other files are another config; a missing one stops at once."""
    output, evaluation = tmp_path / "out", raw / "evaluation.jsonl"
    body = copy.deepcopy(recipe_body)
    sets = {"quiz": {"files": ["evaluation.jsonl"], "fields": ["question"]}}
    body["sources"]["c4"]["stages"] = {"10-clean": {"steps": [{"decontaminate": {"sets": sets}}]}}
    write_recipe(raw, body)
    with pytest.raises(InputError, match=r"evaluation set: no file matches .*evaluation\.jsonl"):
        run(raw, output, until="10-clean")
    question = "People came to see it on 33 days of every year, and wrote letters home"
    evaluation.write_text(json.dumps({"question": question}) + "\n")
    with pytest.raises(InputError, match="line 2: JSONDecodeError"):
        evaluation.write_text(evaluation.read_text() + "{")
        run(raw, output, until="10-clean")
    assert not output.exists()
    evaluation.write_text(evaluation.read_text()[:-1])
    run(raw, output, until="10-clean", workers=2)
    totals = StageManifest.load(str(output / "audit/c4/10-clean")).totals()
    assert totals["dropped"] == {"decontaminate/contaminated:quiz": 1}
    body["sources"]["c4"]["stages"] = {
        "10-mark": {"steps": [{"mark_contaminated": {"sets": sets}}]}
    }
    write_recipe(raw, body)
    run(raw, output, until="10-mark")
    totals = StageManifest.load(str(output / "audit/c4/10-mark")).totals()
    assert (totals["rows"], totals["marked"]) == (69, {"mark_contaminated/quiz": 1})
    evaluation.write_text('{"question": "Another one."}\n')
    with pytest.raises(StageError, match=r"10-mark was made(.|\n)*evaluation.jsonl \(29 bytes"):
        run(raw, output, until="10-mark")


def test_what_a_killed_driver_left_half_written_is_removed(raw, tmp_path):
    output = tmp_path / "out"
    run(raw, output, until="00-extract")
    whole = pathlib.Path(shutil.copytree(output, tmp_path / "whole"))
    for left in ("recipe.yaml", "tokens/MANIFEST.json", "models/language/lid.176.ftz"):
        path = output / f"{left}.partial-0123456789ab"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    run(raw, output, until="00-extract")
    assert differences(output, whole) == []


def test_records_that_outlived_a_commit_are_removed(raw, tmp_path):
    stage = tmp_path / "out/audit/c4/00-extract"
    run(raw, tmp_path / "out", until="00-extract")
    whole = pathlib.Path(shutil.copytree(tmp_path / "out", tmp_path / "whole"))
    (stage / "_records").mkdir()  # it was killed between its manifest and the end of these
    (stage / "_records/00002.json").write_text("{}")
    log = run(raw, tmp_path / "out", until="00-extract")
    assert log.skipped == ["documents/c4/00-extract"]
    assert differences(tmp_path / "out", whole) == []


def test_a_stage_that_is_half_removed_is_not_taken_for_done(
    raw, recipe_body, tmp_path, monkeypatch
):
    output = tmp_path / "out"
    run(raw, output, until="10-language")
    whole = pathlib.Path(shutil.copytree(output, tmp_path / "whole"))
    other = copy.deepcopy(recipe_body)
    other["sources"]["c4"]["stages"]["10-language"]["steps"][1]["keep_languages"] = {
        "languages": ["de"]
    }
    write_recipe(raw, other)

    def remove_one_file(folder: str) -> None:
        min(pathlib.Path(folder).glob("*.parquet")).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(shutil, "rmtree", remove_one_file)
        run(raw, output, until="10-language", force=True)
    write_recipe(raw, recipe_body)
    log = run(raw, output, until="10-language")
    assert log.made == ["documents/c4/10-language"]
    assert differences(output, whole) == []


def test_a_relative_output_gives_the_same_bytes(raw, tmp_path, monkeypatch):
    run(raw, tmp_path / "absolute")
    monkeypatch.chdir(tmp_path)
    run(raw, pathlib.Path("relative"))
    assert differences(tmp_path / "relative", tmp_path / "absolute") == []
