"""Reading: any range of a source's stream, across documents, batches and shards, uncopied."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture import storage
from pasture.errors import StageError, StorageError
from pasture.tokenize import writer
from pasture.tokenize.reader import TokenCorpus, TokenDocument, TokenShard

WriteTokens = Callable[..., None]
SHARDS = [[[1, 10, 11], [1, 20]], [[1, 30, 31, 32], [1], [1, 40]], [[1, 50, 51]]]
STREAM = [token for shard in SHARDS for document in shard for token in document]
STARTS = [0, 3, 5, 9, 10, 12]


@pytest.fixture
def output(
    tmp_path: pathlib.Path, write_tokens: WriteTokens, monkeypatch: pytest.MonkeyPatch
) -> pathlib.Path:
    monkeypatch.setattr(writer, "BATCH_TOKENS", 1)
    write_tokens(
        tmp_path,
        {
            "books": {"train": SHARDS, "validation": [[[1, 99]]]},
            "arxiv": {"train": [[[1, 7]]]},
        },
    )
    return tmp_path


def test_opens_the_sources_of_a_split(output: pathlib.Path) -> None:
    corpus = TokenCorpus.open(str(output))
    assert corpus.token_counts == {"arxiv": 2, "books": 15}
    assert list(corpus.streams) == ["arxiv", "books"]
    assert corpus.tokenizer["dtype"] == "uint16"
    held = TokenCorpus.open(str(output), "validation")
    assert held.token_counts == {"books": 2}
    assert held.streams["books"].read(0, 2).tolist() == [1, 99]


def test_every_range_of_the_stream(output: pathlib.Path) -> None:
    stream = TokenCorpus.open(str(output)).streams["books"]
    for start in range(15):
        for stop in range(start + 1, 16):
            assert stream.read(start, stop).tolist() == STREAM[start:stop]
            inside = [place for place in STARTS if start <= place < stop]
            assert stream.document_starts(start, stop).tolist() == inside


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (3, 3), (0, 16), (15, 16)])
def test_a_range_outside_the_stream(output: pathlib.Path, start: int, stop: int) -> None:
    corpus = TokenCorpus.open(str(output))
    with pytest.raises(IndexError, match=f"books: {start} to {stop} is not in 0 to 15"):
        corpus.streams["books"].read(start, stop)


def test_locates_the_document_behind_every_token(output: pathlib.Path) -> None:
    corpus = TokenCorpus.open(str(output))
    ends = [*STARTS[1:], 15]
    names = ["0/0", "0/1", "1/0", "1/1", "1/2", "2/0"]
    for start, end, name in zip(STARTS, ends, names, strict=True):
        for position in range(start, end):
            assert corpus.locate("books", position) == TokenDocument(
                source="books",
                id=f"books/train/{name}",
                url=f"https://example.org/books/train/{name}",
                license=None,
                language="en",
                start=start,
                tokens=end - start,
            )


def test_ids_are_views_of_the_file(tmp_path: pathlib.Path, write_tokens: WriteTokens) -> None:
    write_tokens(tmp_path, {"books": {"train": [[[1, 2, 3], [4, 5]]]}})
    shard = TokenShard(str(tmp_path / "tokens" / "books" / "train-00000-of-00001.arrow"))
    whole, part = shard.read(0, 5), shard.read(1, 4)
    assert part.base is not None
    assert np.shares_memory(whole, part)
    assert not part.flags.writeable
    assert (shard.rows, shard.tokens, shard.metadata["source"]) == (2, 5, "books")


def test_documents_of_no_tokens_are_passed_over(
    tmp_path: pathlib.Path, write_tokens: WriteTokens
) -> None:
    write_tokens(tmp_path, {"books": {"train": [[[], [1, 2], [], [3]]]}})
    corpus = TokenCorpus.open(str(tmp_path))
    assert corpus.streams["books"].read(0, 3).tolist() == [1, 2, 3]
    assert [corpus.locate("books", i).id[-1] for i in range(3)] == ["1", "1", "3"]


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_shards_read_as_their_documents_end_to_end(
    tmp_path_factory: pytest.TempPathFactory, write_tokens: WriteTokens, data: st.DataObject
) -> None:
    documents = st.lists(st.lists(st.integers(0, 699), max_size=5), min_size=1, max_size=5)
    some = documents.filter(lambda shard: any(shard))
    shards = data.draw(st.lists(some, min_size=1, max_size=4))
    stream = [token for shard in shards for document in shard for token in document]
    output = tmp_path_factory.mktemp("tokens")
    write_tokens(output, {"books": {"train": shards}})
    books = TokenCorpus.open(str(output)).streams["books"]
    start = data.draw(st.integers(0, len(stream) - 1))
    stop = data.draw(st.integers(start + 1, len(stream)))
    assert books.read(start, stop).tolist() == stream[start:stop]


def test_no_tokens_are_an_error(output: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with pytest.raises(StageError, match="holds no train tokens"):
        TokenCorpus.open(str(tmp_path / "nothing"))


def test_sources_of_other_tokenizers_do_not_mix(
    output: pathlib.Path, write_tokens: WriteTokens
) -> None:
    write_tokens(output, {"c4": {"train": [[[1]]]}}, sha256="other")
    with pytest.raises(StageError, match="the tokens of c4 were encoded otherwise than those of"):
        TokenCorpus.open(str(output))


def change_manifest(output: pathlib.Path, change: Callable[[dict[str, object]], None]) -> None:
    path = str(output / "tokens" / "arxiv" / "MANIFEST.json")
    manifest = storage.read_json(path)
    change(manifest)
    storage.write_json(path, manifest)


def test_a_shard_that_is_not_what_its_manifest_says(output: pathlib.Path) -> None:
    change_manifest(output, lambda manifest: manifest["shards"][0].update(tokens=3))
    with pytest.raises(StageError, match="holds 2 tokens, but its manifest says 3"):
        TokenCorpus.open(str(output)).locate("arxiv", 0)


def test_a_shard_of_another_tokenizer_than_its_manifest_says(
    tmp_path: pathlib.Path, write_tokens: WriteTokens
) -> None:
    write_tokens(tmp_path, {"arxiv": {"train": [[[1, 7]]]}}, sha256="other")
    with pytest.raises(StageError, match=r"tokenizer_sha256 is .*, but its manifest says other"):
        TokenCorpus.open(str(tmp_path)).locate("arxiv", 0)


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "text"])
def test_a_damaged_shard(output: pathlib.Path, damage: str) -> None:
    path = output / "tokens" / "arxiv" / "train-00000-of-00001.arrow"
    data = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes({"empty": b"", "cut": data[: len(data) // 2], "text": b"x" * 99}[damage])
    with pytest.raises(StorageError, match="is not a readable token shard"):
        TokenShard(str(path))


def test_a_bucket_cannot_be_mapped() -> None:
    with pytest.raises(StorageError, match="copy the tokens to a disk"):
        TokenShard("gs://bucket/train-00000-of-00001.arrow")


def test_ten_thousand_shards_need_no_file_handles(output: pathlib.Path) -> None:
    def many(manifest: dict[str, object]) -> None:
        manifest["shards"] = manifest["shards"] * 10_000

    change_manifest(output, many)
    corpus = TokenCorpus.open(str(output))
    assert corpus.streams["arxiv"].read(19_998, 20_000).tolist() == [1, 7]
    for place in range(0, 4000, 2):  # more shards than a process may have files open
        corpus.streams["arxiv"].read(place, place + 2)
