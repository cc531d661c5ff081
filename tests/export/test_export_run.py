"""Choosing what is exported; exports that are stopped, repeated, or would overwrite something."""

from __future__ import annotations

import errno
import hashlib
import json
import pathlib
import shutil

import pytest
from click.testing import CliRunner

from pasture.cli import main
from pasture.errors import ConfigError, StageError, StorageError
from pasture.export import EXPORTERS, load_exporter
from pasture.export.run import export
from pasture.export.select import select
from pasture.export.text import Jsonl, Parquet
from pasture.manifests.outputs import Output


def write(output: pathlib.Path, name: str, target: pathlib.Path, *stages: str, **options: object):
    exporter = load_exporter(name, options)
    return export(select(Output(str(output)), exporter, stages=stages), exporter, str(target))


def tree(folder: pathlib.Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


FORMATS = [
    *((name, stage) for name in EXPORTERS for stage in EXPORTERS[name].kinds),
]


@pytest.mark.parametrize(("name", "stage"), FORMATS)
def test_an_export_is_whole_and_equal_each_time(two_sources, tmp_path, name, stage):
    first = write(two_sources, name, tmp_path / "first", stage)
    write(two_sources, name, tmp_path / "second", stage)
    files = tree(tmp_path / "first")
    assert files == tree(tmp_path / "second")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]
    manifest = json.loads(files.pop("_MANIFEST"))
    assert manifest == first.manifest
    assert {file["path"]: file["sha256"] for file in manifest["files"]} == {
        path: hashlib.sha256(data).hexdigest() for path, data in files.items()
    }
    assert sum(map(len, files.values())) == manifest["totals"]["bytes"]
    assert {key.split("/")[1] for key in manifest["upstream"]} == {"books", "c4"}
    for key, digest in manifest["upstream"].items():
        path = two_sources / key.replace("documents/", "audit/") / "MANIFEST.json"
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest


class Stopped(Exception):
    pass


@pytest.mark.parametrize(("name", "stage"), FORMATS)
def test_an_export_that_was_stopped_goes_on(two_sources, tmp_path, monkeypatch, name, stage):
    write(two_sources, name, tmp_path / "whole", stage)
    exporter = load_exporter(name, {})
    selection = select(Output(str(two_sources)), exporter, stages=[stage])
    units = len(exporter.units(selection))

    def stop(done: int, total: int) -> None:
        if done == units - 1:
            raise Stopped

    target = tmp_path / "out"
    with pytest.raises(Stopped):
        export(selection, exporter, str(target), progress=stop)
    work = tmp_path / "out.partial-export"
    assert not target.exists()
    (work / "left.partial-123").write_bytes(b"half")
    before = {p: p.stat().st_mtime_ns for p in work.rglob("*") if "_records" not in p.parts}
    export(selection, exporter, str(target))
    assert not work.exists()
    assert tree(target) == tree(tmp_path / "whole")
    for path, time in before.items():
        if path.is_file() and path.name != "left.partial-123":
            assert (target / path.relative_to(work)).stat().st_mtime_ns == time


def test_a_joined_file_goes_on_after_its_last_whole_part(two_sources, tmp_path, monkeypatch):
    from pasture.export import bins

    write(two_sources, "nanogpt", tmp_path / "whole")
    real, written = bins._write_ids, []

    def write_ids(shard, dtype, stream):
        written.append(shard.path)
        if len(written) == 2:
            stream.write(b"half")
            raise Stopped
        return real(shard, dtype, stream)

    monkeypatch.setattr(bins, "_write_ids", write_ids)
    with pytest.raises(Stopped):
        write(two_sources, "nanogpt", tmp_path / "out")
    write(two_sources, "nanogpt", tmp_path / "out")
    assert written.count(written[0]) == 1
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_more_processes_write_the_same_bytes(two_sources, tmp_path):
    for name in ("jsonl", "megatron"):
        write(two_sources, name, tmp_path / name / "one")
        exporter = load_exporter(name, {})
        selection = select(Output(str(two_sources)), exporter)
        export(selection, exporter, str(tmp_path / name / "two"), workers=2)
        assert tree(tmp_path / name / "one") == tree(tmp_path / name / "two")


def test_an_error_of_a_worker_is_passed_on(two_sources, tmp_path):
    copy = pathlib.Path(shutil.copytree(two_sources, tmp_path / "copy"))
    (copy / "documents/c4/20-exact/documents-00001-of-00003.parquet").unlink()
    selection = select(Output(str(copy)), Parquet())
    with pytest.raises(StorageError, match=r"cannot read .*00001-of-00003.parquet: No such file"):
        export(selection, Parquet(), str(tmp_path / "out"), workers=2)


def test_an_export_that_was_killed_before_it_got_its_name(two_sources, tmp_path):
    done = write(two_sources, "jsonl", tmp_path / "whole")
    work = tmp_path / "out.partial-export"
    shutil.copytree(tmp_path / "whole", work)
    (work / "_records").mkdir()
    assert write(two_sources, "jsonl", tmp_path / "out").manifest == done.manifest
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert not work.exists()


def test_a_full_disk_is_named(two_sources, tmp_path, monkeypatch):
    from pasture.export import bins

    def write_ids(shard, dtype, stream):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(bins, "_write_ids", write_ids)
    with pytest.raises(StorageError, match=r"cannot write .*train\.bin: No space left on device"):
        write(two_sources, "nanogpt", tmp_path / "out")


def test_what_another_export_left_unfinished_is_not_used(two_sources, tmp_path):
    exporter = load_exporter("jsonl", {"compression": "none"})
    selection = select(Output(str(two_sources)), exporter)

    def stop(done: int, total: int) -> None:
        if done:
            raise Stopped

    with pytest.raises(Stopped):
        export(selection, exporter, str(tmp_path / "out"), progress=stop)
    write(two_sources, "jsonl", tmp_path / "out", compression="gzip")
    assert not list((tmp_path / "out").rglob("*.jsonl"))


def test_a_finished_export_is_left_as_it_is(two_sources, tmp_path):
    assert not write(two_sources, "jsonl", tmp_path / "out").skipped
    before = tree(tmp_path / "out")
    assert write(two_sources, "jsonl", tmp_path / "out").skipped
    with pytest.raises(StageError, match="holds an export of other data or with other options"):
        write(two_sources, "parquet", tmp_path / "out")
    assert tree(tmp_path / "out") == before


def test_nothing_is_overwritten(two_sources, tmp_path):
    (tmp_path / "out").mkdir()
    write(two_sources, "parquet", tmp_path / "out")  # an empty folder is no obstacle
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(StageError, match=r"other is not empty; .* or remove .*thesis.txt"):
        write(two_sources, "parquet", tmp_path / "other")


def test_a_bucket_gets_the_manifest_last(two_sources):
    import fsspec

    exporter = load_exporter("megatron", {})
    selection = select(Output(str(two_sources)), exporter)

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise Stopped

    memory = fsspec.filesystem("memory")
    with pytest.raises(Stopped):
        export(selection, exporter, "memory://exports/out", progress=stop)
    assert not memory.exists("/exports/out/_MANIFEST")
    with pytest.raises(StageError, match="is not empty"):
        export(select(Output(str(two_sources)), Jsonl()), Jsonl(), "memory://exports/out")
    export(selection, exporter, "memory://exports/out")
    assert not memory.exists("/exports/out/_records")
    assert len(memory.find("/exports/out")) == 9
    assert export(selection, exporter, "memory://exports/out").skipped


@pytest.mark.parametrize(
    ("sources", "stages", "chosen"),
    [
        ((), (), ["books/10-language", "c4/20-exact"]),
        ((), ("documents",), ["books/10-language", "c4/20-exact"]),
        (("c4",), (), ["c4/20-exact"]),
        ((), ("00-extract",), ["books/00-extract", "c4/00-extract"]),
        ((), ("20-exact",), ["c4/20-exact"]),
        ((), ("20-exact", "books/00-extract"), ["books/00-extract", "c4/20-exact"]),
    ],
)
def test_chooses_stages(two_sources, sources, stages, chosen):
    selection = select(Output(str(two_sources)), Parquet(), sources, stages)
    assert [f"{stage.source}/{stage.stage}" for stage in selection.stages] == chosen
    assert list(selection.upstream) == [f"documents/{name}" for name in chosen]


@pytest.mark.parametrize(
    ("name", "sources", "stages", "message"),
    [
        ("jsonl", ("c5",), (), "--source: unknown source 'c5'; did you mean c4"),
        ("jsonl", (), ("20-exat",), "--stage: unknown stage '20-exat'; did you mean 20-exact"),
        ("jsonl", (), ("c4/30-x",), "--stage: unknown stage '30-x'"),
        ("jsonl", ("c4",), ("books/00-extract",), "is not of --source c4"),
        ("jsonl", (), ("00-extract", "c4/20-exact"), "are both of c4"),
        ("jsonl", (), ("tokens",), "the format jsonl holds documents, not tokens"),
        ("megatron", (), ("20-exact",), "the format megatron holds tokens, not documents"),
        ("mds", (), ("tokens", "20-exact"), "cannot be combined"),
        ("nanogpt", ("c5",), (), "--source: unknown source with tokens 'c5'"),
    ],
)
def test_says_what_cannot_be_chosen(two_sources, name, sources, stages, message):
    with pytest.raises(ConfigError) as caught:
        select(Output(str(two_sources)), load_exporter(name, {}), sources, stages)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("jsonlines", {}, "--format: unknown format 'jsonlines'; did you mean jsonl"),
        ("jsonl", {"compression": "bz2"}, "the format jsonl.compression: 'bz2' is none of"),
        ("jsonl", {"level": 3}, "the format jsonl: unknown key 'level'"),
        ("mds", {"shard_bytes": 1 << 32}, "shard_bytes: 4294967296 is not in 1 to 4294967295"),
    ],
)
def test_a_wrong_option_is_named(name, options, message):
    with pytest.raises(ConfigError) as caught:
        load_exporter(name, options)
    assert message in str(caught.value)


def call(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_the_command(two_sources, tmp_path):
    options = ("--format", "jsonl", "--to", tmp_path / "out", "--option", "compression=gzip")
    text = call("export", two_sources, *options)
    assert text.startswith(f"{tmp_path}/out holds 123 documents: 6 files, ")
    done = json.loads(call("export", two_sources, *options, "--json"))
    assert (done["skipped"], done["manifest"]["totals"]["rows"]) == (True, 123)
    assert "expected KEY=VALUE" in call("export", two_sources, *options, "--option", "x", code=2)
    assert "--push works with" in call("export", two_sources, *options, "--push", "a/b", code=2)
    assert "one of huggingface, jsonl, mds" in call("export", two_sources, code=2)


def test_a_checkpoint_is_sent_to_the_other_command(tmp_path):
    (tmp_path / "MANIFEST.json").write_text('{"step": 10, "run": {}}')
    text = call("export", tmp_path, "--to", tmp_path / "model", code=2)
    assert f'export it with "pasture export-model {tmp_path}"' in text


def test_a_damaged_shard_is_not_exported(two_sources, tmp_path):
    copy = pathlib.Path(shutil.copytree(two_sources, tmp_path / "copy"))
    path = copy / "documents/c4/20-exact/documents-00001-of-00003.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(StageError, match=r"documents-00001-of-00003.parquet has other bytes"):
        write(copy, "parquet", tmp_path / "out")
    assert not (tmp_path / "out").exists()
