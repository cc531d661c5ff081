"""Chunks: where a text may be cut, and that each distinct chunk is encoded once."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.tokenize import chunks
from pasture.tokenize.chunks import ChunkEncoder, cuts, token_dtype

LETTERS = "ab\u2581\u00e9\u6f22\n\U0001f411"


def spellings(piece: str) -> list[str]:
    """A piece as texts may have it: each U+2581 as it is, or as a space."""
    choices = [(c, " ") if c == "\u2581" else (c,) for c in piece]
    return ["".join(letters) for letters in itertools.product(*choices)]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(LETTERS, min_size=1, max_size=4), max_size=6))
def test_cuts_are_where_no_piece_reaches_across(pieces: list[str]) -> None:
    joined = {
        (one.encode()[-1], other.encode()[0])
        for piece in pieces
        for text in spellings(piece)
        for one, other in itertools.pairwise(text)
    }
    table = cuts(pieces).reshape(256, 256)
    for one, other in itertools.product((LETTERS + " ").encode(), repeat=2):
        inside_a_character = 0x80 <= other < 0xC0
        assert table[one, other] == (not inside_a_character and (one, other) not in joined)


@pytest.mark.parametrize(
    ("pieces", "text", "expected"),
    [
        (["the", "\u2581the"], " the the", [" the", " the"]),
        (["the"], "the the", ["the", " ", "the"]),
        (["\u2581\u2581"], "a  b", ["a", "  ", "b"]),
        ([], "a\u00e9\u6f22", ["a", "\u00e9", "\u6f22"]),
        (["a1"], "1a1a", ["1", "a1", "a"]),
    ],
)
def test_a_text_is_encoded_chunk_by_chunk(
    pieces: list[str], text: str, expected: list[str]
) -> None:
    seen: list[list[str]] = []

    def encode(new: list[bytes]) -> list[list[int]]:
        seen.append([chunk.decode() for chunk in new])
        return [[len(chunk)] for chunk in new]

    encoder = ChunkEncoder(encode, pieces, np.dtype(np.uint16))
    ids, lengths = encoder.encode(pa.array([text, "", text]))
    sizes = [len(chunk.encode()) for chunk in expected]
    assert ids.tolist() == sizes * 2
    assert lengths.tolist() == [len(expected), 0, len(expected)]
    assert seen == [list(dict.fromkeys(expected))]
    encoder.encode(pa.array([text]))
    assert len(seen) == 1
    assert encoder.cached == len(set(expected))


def test_windows_end_at_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk that is longer than a window is not broken."""
    monkeypatch.setattr(chunks, "WINDOW_BYTES", 4)
    seen: list[bytes] = []

    def encode(new: list[bytes]) -> list[list[int]]:
        seen.extend(new)
        return [[0]] * len(new)

    encoder = ChunkEncoder(encode, ["aa", "bb"], np.dtype(np.uint16))
    _, lengths = encoder.encode(pa.array(["a" * 21 + "b" * 3, "aab"]))
    assert lengths.tolist() == [2, 2]
    assert sorted(seen) == [b"aa", b"a" * 21, b"b", b"bbb"]


def test_many_pieces_take_wider_ids() -> None:
    assert [token_dtype(n) for n in (32_000, 65_536, 65_537)] == ["uint16", "uint16", "uint32"]
