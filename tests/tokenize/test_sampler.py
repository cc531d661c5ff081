"""Sampling: the same batches whatever the ranks and restarts, exact shares, whole epochs."""

from __future__ import annotations

import collections
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.errors import ConfigError
from pasture.tokenize.reader import TokenCorpus
from pasture.tokenize.sampler import Batch, MixtureSampler

WriteTokens = Callable[..., None]
PROPORTIONS = {"books": 0.5, "c4": 0.3, "arxiv": 0.2}
CONTEXT = 8


def documents(count: int, first: int, length: int = 5) -> list[list[int]]:
    """Documents of ids that count up, each with 1 in front."""
    return [[1, *range(first + i * length, first + (i + 1) * length)] for i in range(count)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, write_tokens: WriteTokens) -> TokenCorpus:
    """Three sources: 600 tokens in two shards, 120, and 4, which is less than a sequence."""
    output = tmp_path_factory.mktemp("corpus")
    sources = {
        "books": [documents(50, 1000), documents(50, 2000)],
        "c4": [documents(20, 3000)],
        "arxiv": [[[1, 7], [1, 8]]],
    }
    write_tokens(output, {source: {"train": shards} for source, shards in sources.items()})
    return TokenCorpus.open(str(output))


def sampler(corpus: TokenCorpus, **options: object) -> MixtureSampler:
    return MixtureSampler(
        corpus,
        **{
            "proportions": PROPORTIONS,
            "context_length": CONTEXT,
            "batch_size": 12,
            "seed": 5,
            "block_bits": 6,
            **options,
        },
    )


def rows(batch: Batch) -> list[tuple[int, list[int], list[int]]]:
    return [
        (source, tokens, starts.tolist())
        for source, tokens, starts in zip(
            batch.sources.tolist(), batch.tokens.tolist(), batch.document_starts, strict=True
        )
    ]


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**40),
    st.integers(0, 2**63 - 1),
    st.lists(st.integers(1, 12), min_size=2, max_size=4),
)
def test_any_step_is_the_same_on_any_number_of_ranks_and_after_any_restart(
    corpus: TokenCorpus, step: int, seed: int, worlds: list[int]
) -> None:
    whole = rows(sampler(corpus, seed=seed).batch(step))
    for world in worlds:
        parts = [
            rows(sampler(corpus, seed=seed, rank=rank, world_size=world).batch(step))
            for rank in range(world)
        ]
        assert [parts[i % world][i // world] for i in range(12)] == whole


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(0, 20), min_size=2, max_size=2).map(sorted),
    st.lists(st.sampled_from([1, 2, 4]), min_size=3, max_size=3),
    st.integers(0, 2**32),
)
def test_two_kills_and_resumes_leave_the_sequence_of_batches_as_it_was(
    corpus: TokenCorpus, kills: list[int], worlds: list[int], seed: int
) -> None:
    """Killed at two random steps, and started again on another number of ranks each time."""
    one = sampler(corpus, seed=seed)
    expected = [rows(one.batch(step)) for step in range(20)]
    resumed = []
    for world, first, last in zip(worlds, (0, *kills), (*kills, 20), strict=True):
        fresh = [sampler(corpus, seed=seed, rank=r, world_size=world) for r in range(world)]
        for step in range(first, last):
            parts = [rows(one.batch(step)) for one in fresh]
            resumed.append([parts[i % world][i // world] for i in range(12)])
    assert resumed == expected


def test_another_seed_gives_another_order(corpus: TokenCorpus) -> None:
    assert rows(sampler(corpus).batch(3)) != rows(sampler(corpus, seed=6).batch(3))


@pytest.mark.parametrize("epoch", [0, 1, 2, 40])
def test_a_small_source_shows_each_of_its_tokens_once_an_epoch(
    corpus: TokenCorpus, epoch: int
) -> None:
    """120 tokens are 14 sequences; other sources lie between them, and blocks end within epochs."""
    one = sampler(corpus)
    source = one.names.index("c4")
    numbers = np.arange(14 * (epoch + 3) * 4)
    drawn = np.flatnonzero(one.sequences(numbers).sources == source)
    rows = one.sequences(numbers[drawn[14 * epoch : 14 * (epoch + 1)]]).tokens[:, :-1].tolist()
    stream = corpus.streams["c4"].read(0, 120).tolist()
    seen = collections.Counter(token for row in rows for token in row if token != 1)
    assert set(seen.values()) == {1}
    assert len({tuple(row) for row in rows}) == 14
    assert len(seen) >= len(set(stream)) - 8


def test_old_runs_keep_their_order(corpus: TokenCorpus) -> None:
    """What Pasture drew when this order was the only one."""
    one = sampler(corpus, order="shuffled")
    found = [
        one.locate(step, row) for step, row in ((5, 0), (5, 1), (5, 2), (5, 3), (5, 4), (5, 5))
    ]
    assert found == [
        ("c4", 16),
        ("books", 30),
        ("arxiv", 0),
        ("books", 374),
        ("books", 302),
        ("arxiv", 2),
    ]
    assert one.report(17)["books"].sequences == sum(
        source == one.names.index("books")
        for step in range(17)
        for source in one.batch(step).sources.tolist()
    )


def test_an_epoch_has_every_sequence_once_in_an_order_of_its_own(corpus: TokenCorpus) -> None:
    """600 tokens are 74 sequences of 8 targets, with 7 tokens of room for the first cut."""
    one = sampler(corpus, proportions={"books": 1.0}, batch_size=74, block_bits=0)
    stream = corpus.streams["books"].read(0, 600).tolist()
    orders, shifts = set(), set()
    for epoch in range(12):
        firsts = []
        for row in one.batch(epoch).tokens.tolist():
            first = stream.index(row[1]) - 1 if row[0] == 1 else stream.index(row[0])
            assert row == stream[first : first + CONTEXT + 1]
            firsts.append(first)
        assert sorted(firsts) == list(range(min(firsts), 74 * CONTEXT + min(firsts), CONTEXT))
        assert 0 <= min(firsts) < 8
        shifts.add(min(firsts))
        orders.add(tuple(first // CONTEXT for first in firsts))
    assert len(orders) == 12
    assert tuple(range(74)) not in orders
    assert len(shifts) > 3


def test_document_starts_are_where_documents_start(corpus: TokenCorpus) -> None:
    batch = sampler(corpus).batch(0)
    for tokens, starts in zip(batch.tokens, batch.document_starts, strict=True):
        assert starts.tolist() == np.flatnonzero(tokens == 1).tolist()
    numbers = batch.documents()
    assert numbers.shape == batch.tokens.shape
    assert (numbers[:, 0] == 0).all()
    steps = np.diff(numbers, axis=1)
    assert (steps == (batch.tokens[:, 1:] == 1)).all()


def test_a_source_shorter_than_a_sequence_is_read_round_and_round(corpus: TokenCorpus) -> None:
    one = sampler(corpus, proportions={"arxiv": 1.0})
    round_and_round = [1, 7, 1, 8] * 4
    allowed = {tuple(round_and_round[i : i + CONTEXT + 1]) for i in range(4)}
    seen = {tuple(row) for step in range(5) for row in one.batch(step).tokens.tolist()}
    assert seen == allowed


def test_trace_names_the_documents_of_a_row(corpus: TokenCorpus) -> None:
    one = sampler(corpus, proportions={"books": 0.9, "arxiv": 0.1})
    for step in range(4):
        batch = one.batch(step)
        for row in range(12):
            found = one.trace(step, row)
            inner = [starts for starts in batch.document_starts[row].tolist() if starts > 0]
            assert len(found) == len(inner) + 1
            assert {document.source for document in found} == {batch.names[batch.sources[row]]}
            text = batch.tokens[row].tolist()
            stream = corpus.streams[found[0].source]
            document = found[-1]
            tail = stream.read(document.start, document.start + document.tokens).tolist()
            assert text[inner[-1] :] == tail[: len(text) - inner[-1]]


def test_report_counts_what_was_drawn(corpus: TokenCorpus) -> None:
    one = sampler(corpus)
    drawn: collections.Counter[str] = collections.Counter()
    for step in range(17):
        drawn.update(one.names[source] for source in one.batch(step).sources.tolist())
    report = one.report(17)
    assert {name: line.sequences for name, line in report.items()} == dict(drawn)
    books = report["books"]
    assert books.proportion == 0.5
    assert books.realised == drawn["books"] / (17 * 12)
    assert books.tokens == drawn["books"] * CONTEXT
    assert books.epochs == books.tokens / 600
    assert books.planned_epochs == pytest.approx(0.5 * 17 * 12 * CONTEXT / 600)
    assert one.report(0)["books"].sequences == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"proportions": {"books": 0.5, "wikipedia": 0.5}}, "without train tokens: wikipedia"),
        ({"proportions": {"books": 0.5, "c4": 0.4}}, "must sum to 1, not to 0.9"),
        ({"proportions": {"books": 1.2, "c4": -0.2}}, "over 0 and at most 1"),
        ({"proportions": {}}, "over 0 and at most 1"),
        ({"proportions": {"books": 0.999, "c4": 0.001}}, "c4: a proportion of 0.001 is less"),
        ({"rank": 2, "world_size": 2}, "rank 2 of 2 processes cannot share a batch of 12"),
        ({"rank": -1}, "rank -1 of 1"),
        ({"world_size": 13}, "rank 0 of 13"),
        ({"context_length": 0}, "context_length: 0"),
        ({"order": "random"}, "order: 'random' is none of even, shuffled"),
    ],
)
def test_config_that_cannot_work(
    corpus: TokenCorpus, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        sampler(corpus, **options)


def test_a_small_source_gets_in_with_larger_blocks(corpus: TokenCorpus) -> None:
    proportions = {"books": 0.999, "c4": 0.001}
    one = sampler(corpus, proportions=proportions, block_bits=12)
    assert one.report(1000)["c4"].sequences == 12
