"""The command line: exit codes, tables, JSON, and a quick start."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner

from pasture.cli import main
from pasture.sources import SOURCES


def call(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_help_lists_the_commands_of_the_contract():
    commands = set(main.commands)
    assert commands == {
        "sources",
        "sample",
        "doctor",
        "plan",
        "run",
        "fetch",
        "status",
        "audit",
        "explain",
        "clusters",
        "trace",
        "compare",
        "verify",
        "models",
        "tokenizer",
        "mixture",
        "report",
        "train",
        "generate",
        "export",
        "export-model",
        "import",
        "recipe",
        "steps",
    }
    text = call("--help")
    assert all(command in text for command in commands)


@pytest.mark.parametrize(
    "command", [["generate", "x"], ["export-model", "x"], ["import", "x", "--to", "y"]]
)
def test_a_missing_extra_is_named(command):
    code = "import sys; sys.modules['torch'] = None; from pasture.cli import main; main()"
    result = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (
        1,
        "error: torch is not installed: pip install 'pasture[trainer]'\n",
    )


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from pasture.cli import main\n"
        "heavy = {'apache_beam', 'pyarrow', 'numpy', 'torch', 'rich', 'fsspec', 'yaml'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_run_then_skips(raw, tmp_path):
    output = tmp_path / "out"
    first = json.loads(call("run", raw / "recipe.yaml", "--output", output, "--json"))
    (source,) = first["sources"]
    assert (source["records"], source["documents"]) == (69, 60)
    assert source["dropped"] == {
        "10-language/keep_languages/other_language": 6,
        "20-exact/exact_duplicates/duplicate": 3,
    }
    assert first["mixture"]["c4"]["proportion"] == 1.0
    assert "6 keep_languages/other_language" in call("run", raw / "recipe.yaml", "--output", output)


def test_plan_runs_nothing(raw, tmp_path):
    nodes = json.loads(call("plan", raw / "recipe.yaml", "--json"))
    assert nodes[0]["key"] == "documents/c4/00-extract"
    assert nodes[0]["shards"] == 3
    assert not (tmp_path / "out").exists()


def test_status(small_output):
    rows = json.loads(call("status", small_output, "--json"))
    assert [(r["key"], r["rows"]) for r in rows if r["rows"] is not None] == [
        ("documents/c4/00-extract", 69),
        ("documents/c4/10-language", 63),
        ("documents/c4/20-exact", 60),
    ]
    assert "tokens/c4" in call("status", small_output)


def test_audit_shows_dropped_and_kept(small_output):
    rows = json.loads(call("audit", small_output, "--reason", "other_language", "--json"))
    assert len(rows) == 6
    assert {row["drop_reason"] for row in rows} == {"other_language"}
    text = call("audit", small_output, "--source", "c4", "-n", "2")
    assert text.startswith("2 of 9 dropped documents")
    kept = json.loads(call("audit", small_output, "--kept", "-n", "5", "--json"))
    assert len(kept) == 5
    assert len({row["id"] for row in kept}) == 5


def test_explain_follows_a_document(small_output):
    decisions = json.loads(call("explain", small_output, "https://example.org/1/22", "--json"))
    assert [(d["stage"], d["kept"], d["reason"]) for d in decisions] == [
        ("00-extract", True, None),
        ("10-language", True, None),
        ("20-exact", False, "exact_duplicates/duplicate"),
    ]
    assert decisions[2]["kept_instead"] == "c4-train.00000-of-00003.json.gz:1"
    assert "duplicate_of" in call("explain", small_output, decisions[0]["row"]["id"])


def test_clusters(small_output, tmp_path):
    (cluster,) = json.loads(call("clusters", small_output, "--json"))
    assert (cluster["stage"], cluster["size"]) == ("20-exact", 3)
    assert cluster["id"] == "c4-train.00000-of-00003.json.gz:1"
    assert "The river in the valley" in call("clusters", small_output, "--source", "c4")
    path = tmp_path / "clusters.parquet"
    assert "wrote 3 duplicates" in call("clusters", small_output, "--to", path)
    assert {row["kept_id"] for row in pq.read_table(path).to_pylist()} == {cluster["id"]}
    assert json.loads(call("clusters", small_output, "--to", path, "--json"))["duplicates"] == 3
    assert "did you mean 20-exact" in call("clusters", small_output, "--stage", "10-exact", code=1)


def test_compare(small_output, raw, recipe_body, tmp_path):
    assert call("compare", small_output, small_output) == "no count differs\n"
    step = recipe_body["sources"]["c4"]["stages"]["10-language"]["steps"][1]
    step["keep_languages"]["languages"] = ["en", "fr"]
    (raw / "recipe.yaml").write_text(yaml.safe_dump(recipe_body))
    call("run", raw / "recipe.yaml", "--output", tmp_path / "out", "--until", "10-language")
    rows = json.loads(call("compare", small_output, tmp_path / "out", "--json"))
    assert {
        "stage": "c4/10-language",
        "count": "dropped keep_languages/other_language",
        "first": 6,
        "second": 0,
    } in rows


def test_verify_finds_a_flipped_byte_a_missing_file_and_a_wrong_count(small_output, tmp_path):
    assert json.loads(call("verify", small_output, "--json"))["problems"] == []
    copy = tmp_path / "copy"
    shutil.copytree(small_output, copy)
    audit = copy / "audit/c4/10-language"
    flipped = copy / "documents/c4/10-language" / "documents-00001-of-00003.parquet"
    data = bytearray(flipped.read_bytes())
    data[len(data) // 2] ^= 1
    flipped.write_bytes(data)
    (audit / "dropped-00000-of-00003.parquet").unlink()
    manifest = json.loads((audit / "MANIFEST.json").read_text())
    manifest["shards"][2]["rows"] += 1
    (audit / "MANIFEST.json").write_text(json.dumps(manifest))
    token = next((copy / "tokens/c4").glob("train-*.arrow"))
    token.write_bytes(token.read_bytes()[:-1])
    problems = json.loads(call("verify", copy, "--json", code=1))["problems"]
    for part in (
        "documents-00001-of-00003.parquet has other bytes",
        "dropped-00000-of-00003.parquet is missing",
        "shard 2: 23 rows in",
        "documents-00002-of-00003.parquet holds",
        "train-",
    ):
        assert any(part in problem for problem in problems), (part, problems)


def test_report_writes_a_page(small_output, tmp_path):
    call("report", small_output, "--to", tmp_path / "r.html")
    assert '<h2 id="c4">' in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "lama", "--output", "x"], 2, "unknown name 'lama'; did you mean llama"),
        (["run", "absent.yaml", "--output", "x"], 2, "there is no recipe file"),
        (["run", "sample"], 2, "Missing option '--output'"),
        (["status", "absent"], 1, "holds no finished stage"),
        (["plan", "sample", "--input", "absent"], 1, "no file matches"),
        (["run", "sample", "--input", "absent", "--output", "x"], 1, "no file matches"),
        (["nothing"], 2, "No such command 'nothing'"),
    ],
)
def test_errors_are_one_clear_message_and_an_exit_code(
    tmp_path, monkeypatch, arguments, code, message
):
    monkeypatch.chdir(tmp_path)
    output = call(*arguments, code=code)
    assert message in output
    assert "Traceback" not in output


def test_explain_and_audit_name_what_is_unknown(small_output):
    assert "no stage of" in call("explain", small_output, "nothing", code=1)
    assert "did you mean c4" in call("audit", small_output, "--source", "c5", code=1)


def test_sources_lists_all():
    assert [*json.loads(call("sources", "--json"))] == [*SOURCES]
    assert "stackexchange" in call("sources")


def test_an_unknown_runner_is_one_line(raw, tmp_path):
    output = call(
        "run", raw / "recipe.yaml", "--output", tmp_path / "out", "--", "--runner=None", code=2
    )
    assert output.startswith("error: --runner=None: Unexpected pipeline runner: None.")
    assert output.count("\n") == 1
