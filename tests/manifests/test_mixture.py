"""Mixtures: LLaMA's table 1 comes out of the arithmetic, and what cannot work is refused."""

from __future__ import annotations

import logging
import pathlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pasture.errors import ConfigError
from pasture.manifests.mixture import (
    Mixture,
    PlanOptions,
    Share,
    builtin_mixtures,
    cap_epochs,
    compare_rows,
    format_count,
    load_mixture,
    make_plan,
    proportions_from_epochs,
    read_realised,
    temperature_proportions,
    write_mixture,
    write_realised,
)

BILLION = 10**9
# What the paper's proportions, epochs and budget imply; it does not give them itself.
LLAMA_TOKENS = {
    "common_crawl": 853 * BILLION,
    "c4": 198 * BILLION,
    "github": 98 * BILLION,
    "wikipedia": 25_700_000_000,
    "books": 28_300_000_000,
    "arxiv": 33 * BILLION,
    "stackexchange": 27_200_000_000,
}
SMALL = Mixture("small", 100.0, {"a": Share(0.6), "b": Share(0.3), "c": Share(0.1)})

counts = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=2), st.integers(1, 10**12), min_size=1
)


def test_llamas_table_1() -> None:
    mixture = load_mixture("llama")
    rows = compare_rows(mixture, mixture.plan(LLAMA_TOKENS))
    columns = ("source", "proportion", "epochs", "disk")
    assert [tuple(row[column] for column in columns) for row in rows] == [
        ("common_crawl", "67.0%", "1.10", "3.3 TB"),
        ("c4", "15.0%", "1.06", "783 GB"),
        ("github", "4.5%", "0.64", "328 GB"),
        ("wikipedia", "4.5%", "2.45", "83 GB"),
        ("books", "4.5%", "2.23", "85 GB"),
        ("arxiv", "2.5%", "1.06", "92 GB"),
        ("stackexchange", "2.0%", "1.03", "78 GB"),
    ]
    assert [row["epochs"] for row in rows] == [row["published epochs"] for row in rows]
    assert [row["published tokens"] for row in rows] == [
        "853 B",
        "198 B",
        "98.4 B",
        "25.7 B",
        "28.3 B",
        "33 B",
        "27.2 B",
    ]


def test_a_smaller_corpus_beside_the_paper() -> None:
    mixture = load_mixture("llama")
    tokens = {name: count // 1000 for name, count in LLAMA_TOKENS.items()}
    plan = mixture.plan(tokens, 1.4e9)
    assert compare_rows(mixture, plan)[3] == {
        "source": "wikipedia",
        "proportion": "4.5%",
        "epochs": "2.45",
        "tokens": "25.7 M",
        "published epochs": "2.45",
        "published tokens": "25.7 B",
        "ratio": "0.000999",
        "disk": "83 GB",
    }


def test_a_source_that_is_not_there_has_empty_cells() -> None:
    mixture = load_mixture("llama2")
    plan = mixture.rescaled(["c4"]).plan({"c4": 5})
    assert compare_rows(mixture, plan)[0] == {
        "source": "common_crawl",
        "proportion": "61.5%",
        "epochs": "",
        "tokens": "",
        "published epochs": "",
        "published tokens": "",
        "ratio": "",
        "disk": "",
    }


@pytest.mark.parametrize("name", ["llama", "llama2", "llama3", "sample"])
def test_built_in_mixtures_say_where_they_come_from(name: str) -> None:
    assert list(builtin_mixtures()) == ["llama", "llama2", "llama3", "sample"]
    mixture = load_mixture(name, known=LLAMA_TOKENS)
    assert mixture.name == name
    assert list(mixture.sources) == list(LLAMA_TOKENS)
    assert "arXiv:" in mixture.citation
    assert ("not published" in mixture.unknown) == (name in ("llama2", "llama3"))


def test_llama3_has_the_published_kinds() -> None:
    share = load_mixture("llama3").proportions
    assert share["common_crawl"] + share["c4"] + share["books"] == pytest.approx(0.50)
    assert share["arxiv"] + share["stackexchange"] == pytest.approx(0.25)
    assert share["github"] == 0.17
    assert share["wikipedia"] == 0.08


def test_plan_without_a_budget_takes_the_mixtures() -> None:
    plan = SMALL.plan({"a": 30, "b": 30, "c": 5})
    assert (plan.name, plan.budget) == ("small", 100.0)
    assert {name: (line.sampled_tokens, line.epochs) for name, line in plan.sources.items()} == {
        "a": (60.0, 2.0),
        "b": (30.0, 1.0),
        "c": (10.0, 2.0),
    }


@pytest.mark.parametrize(("tokens", "warned"), [(150, []), (149, ["a would be seen 4.0 times"])])
def test_warns_past_four_epochs(tokens: int, warned: list[str]) -> None:
    plan = SMALL.plan({"a": tokens, "b": 1000, "c": 1000}, 1000)
    assert [line[:25] for line in plan.warnings()] == warned


@pytest.mark.parametrize(
    ("tokens", "budget", "message"),
    [
        ({"a": 1, "b": 1}, 10, "no tokens of c: run these sources, or rescale"),
        ({"a": 1, "b": 0, "c": 0}, 10, "no tokens of b, c"),
        ({"a": 1, "b": 1, "c": 1, "d": 1}, 10, "gives no proportion for d"),
        ({"a": 1, "b": 1, "c": 1}, 0, "budget: 0 is not over 0"),
    ],
)
def test_plans_that_cannot_be(tokens: dict[str, int], budget: float, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SMALL.plan(tokens, budget)


def test_a_source_without_tokens_or_proportion_is_passed_over() -> None:
    assert set(SMALL.plan({"a": 1, "b": 1, "c": 1, "d": 0}).sources) == {"a", "b", "c"}


def test_rescaling_is_said_aloud(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="pasture"):
        two = SMALL.rescaled({"a", "c"})
    assert two.proportions == {"a": pytest.approx(6 / 7), "c": pytest.approx(1 / 7)}
    assert two.absent == ("b",)
    assert caplog.messages == [
        "the mixture small is rescaled: b is absent, which made up 30.0% of it"
    ]
    plan = two.plan({"a": 100, "c": 100})
    assert plan.absent == ("b",)
    assert plan.warnings() == [
        "the mixture was rescaled to the sources that are there; "
        "without b it is not small as published"
    ]
    assert two.rescaled({"c"}).absent == ("b", "a")


def test_rescaling_to_all_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert SMALL.rescaled(["c", "b", "a"]) is SMALL
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("present", "message"),
    [(["a", "z"], "gives no proportion for z; it knows a, b, c"), ([], "none of the sources")],
)
def test_rescaling_that_cannot_be(present: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SMALL.rescaled(present)


@given(counts)
def test_epochs_to_proportions_and_back(tokens: dict[str, int]) -> None:
    epochs = {name: 0.5 + i for i, name in enumerate(tokens)}
    proportions, budget = proportions_from_epochs(epochs, tokens)
    plan = make_plan("x", proportions, tokens, budget)
    assert {n: line.epochs for n, line in plan.sources.items()} == pytest.approx(epochs)


def test_the_papers_epochs_give_its_proportions() -> None:
    mixture = load_mixture("llama")
    epochs = {name: share.epochs or 0.0 for name, share in mixture.sources.items()}
    tokens = {name: round(count) for name, count in mixture.implied_tokens().items()}
    proportions, budget = proportions_from_epochs(epochs, tokens)
    assert proportions == pytest.approx(mixture.proportions)
    assert budget == pytest.approx(1.4e12)


def test_no_epochs_are_no_proportion() -> None:
    with pytest.raises(ConfigError, match=r"a: 0.0 epochs is not over 0"):
        proportions_from_epochs({"a": 0.0}, {"a": 5})


@given(counts, st.floats(1, 100))
def test_temperature(tokens: dict[str, int], temperature: float) -> None:
    proportions = temperature_proportions(tokens, temperature)
    assert sum(proportions.values()) == pytest.approx(1, abs=1e-9)
    by_size = sorted(tokens, key=lambda name: tokens[name])
    assert [proportions[name] for name in by_size] == sorted(proportions.values())


def test_temperature_at_its_ends() -> None:
    tokens = {"a": 10, "b": 30}
    assert temperature_proportions(tokens, 1.0) == pytest.approx({"a": 0.25, "b": 0.75})
    assert temperature_proportions(tokens, 1e9) == pytest.approx({"a": 0.5, "b": 0.5})
    assert temperature_proportions(tokens, 0.5) == pytest.approx({"a": 0.1, "b": 0.9})
    with pytest.raises(ConfigError, match=r"temperature: 0 is not over 0"):
        temperature_proportions(tokens, 0)


def test_capped_sources_give_what_is_over_to_the_others() -> None:
    tokens = {"a": 1000, "b": 100, "c": 1}
    assert cap_epochs(SMALL.proportions, tokens, 500, 10) == pytest.approx(
        {"a": 0.98 * 2 / 3, "b": 0.98 / 3, "c": 0.02}
    )


def test_a_cap_may_push_others_over_it() -> None:
    """With c capped, b gets more and would be over the cap in its turn."""
    assert cap_epochs(SMALL.proportions, {"a": 1000, "b": 31, "c": 1}, 100, 1) == pytest.approx(
        {"a": 0.68, "b": 0.31, "c": 0.01}
    )


@given(counts, st.floats(0.1, 10), st.floats(0.05, 1))
def test_no_source_is_over_the_cap(tokens: dict[str, int], cap: float, fill: float) -> None:
    budget = fill * cap * sum(tokens.values())
    proportions = {name: 1 / len(tokens) for name in tokens}
    capped = cap_epochs(proportions, tokens, budget, cap)
    assert sum(capped.values()) == pytest.approx(1, abs=1e-9)
    assert all(capped[n] * budget / tokens[n] <= cap * (1 + 1e-6) for n in tokens)


def test_a_cap_that_leaves_too_little() -> None:
    with pytest.raises(ConfigError, match="2 epochs of all sources are 6 tokens"):
        cap_epochs(SMALL.proportions, {"a": 1, "b": 1, "c": 1}, 10, 2)


@pytest.mark.parametrize(
    ("options", "name", "expected"),
    [
        (PlanOptions(), "small", {"a": 0.6, "b": 0.3, "c": 0.1}),
        (PlanOptions(temperature=1), "small-temperature-1", {"a": 0.5, "b": 0.25, "c": 0.25}),
        (PlanOptions(max_epochs=0.5), "small-max-epochs-0.5", {"a": 0.5, "b": 0.25, "c": 0.25}),
        (
            PlanOptions(temperature=1, max_epochs=4),
            "small-temperature-1-max-epochs-4",
            {"a": 0.5, "b": 0.25, "c": 0.25},
        ),
    ],
)
def test_a_plan_with_options(options: PlanOptions, name: str, expected: dict[str, float]) -> None:
    plan = SMALL.plan({"a": 100, "b": 50, "c": 50}, 100, options)
    assert (plan.name, plan.budget) == (name, 100)
    assert plan.proportions == pytest.approx(expected)
    assert sum(line.sampled_tokens for line in plan.sources.values()) == pytest.approx(100)


def test_a_plan_from_epochs_leaves_out_what_they_do_not_name() -> None:
    plan = SMALL.plan({"a": 100, "b": 50, "c": 50}, options=PlanOptions(epochs={"a": 1, "b": 4}))
    assert (plan.name, plan.budget) == ("small-epochs", 300)
    assert plan.proportions == pytest.approx({"a": 1 / 3, "b": 2 / 3})
    with pytest.raises(ConfigError, match="no tokens of d"):
        SMALL.plan({"a": 1}, options=PlanOptions(epochs={"d": 1}))
    with pytest.raises(ConfigError, match="epochs give the budget themselves"):
        SMALL.plan({"a": 1}, 10, PlanOptions(epochs={"a": 1}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": {"a": 1}, "max_epochs": 4}, "epochs stand alone"),
        ({"epochs": {"a": 1}, "temperature": 2}, "epochs stand alone"),
        ({"max_epochs": 0}, "max_epochs: 0 is not over 0"),
    ],
)
def test_options_that_contradict(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PlanOptions(**options)


def test_a_plan_becomes_a_mixture_again(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "mine.yaml")
    plan = SMALL.plan({"a": 10, "b": 10, "c": 10}, 50, PlanOptions(temperature=1))
    write_mixture(path, plan)
    mixture = load_mixture(path)
    assert (mixture.name, mixture.tokens) == ("small-temperature-1", 50)
    assert mixture.proportions == plan.proportions
    with pytest.raises(ConfigError, match=r"a mixture's file ends in \.yaml"):
        write_mixture(str(tmp_path / "mine.txt"), plan)


def test_what_is_written_is_read(tmp_path: pathlib.Path) -> None:
    plan = SMALL.rescaled(["a", "c"]).plan({"a": 7, "c": 9}, 12.5)
    write_realised(str(tmp_path / "mixture.yaml"), plan)
    assert read_realised(str(tmp_path / "mixture.yaml")) == plan
    lines = (tmp_path / "mixture.yaml").read_text().splitlines()
    assert lines[2:4] == ["name: small", "budget: 12.5"]


def test_an_edited_mixture_is_checked(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "mixture.yaml"
    write_realised(str(path), SMALL.plan({"a": 7, "b": 8, "c": 9}))
    path.write_text(path.read_text().replace("proportion: 0.6", "proportion: 0.7"))
    with pytest.raises(ConfigError, match=r"must sum to 1, not to 1\.1"):
        read_realised(str(path))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("tokens: 1\nsources: {c4: {proportion: 1}}", "the key 'name' is missing"),
        ("name: x\ntokens: 1\nsources: {}", "name at least one source"),
        ("name: x\ntokens: 0\nsources: {c4: {proportion: 1}}", "tokens: 0.0 is not over 0"),
        ("name: x\ntokens: 1\nsources: {c4: {proportion: 0.9}}", "must sum to 1, not to 0.9"),
        ("name: x\ntokens: 1\nsources: {c4: {proportion: 0}}", "proportion: 0.0 is not over 0"),
        ("name: x\ntokens: 1\nsources: {c4: {proportion: 2}}", "proportion: 2.0 is not over 0"),
        ("name: x\ntokens: 1\nsources: {c4: {proportion: .nan}}", "proportion"),
        ("name: x\ntokens: 1\nsources: {c4: {proportion: 1, epochs: 0}}", "epochs: 0.0 is not"),
        ("name: x\ntokens: 1\nsources: {c4: {propotion: 1}}", "did you mean proportion"),
        ("name: x\ntokens: 1\nsources: {c5: {proportion: 1}}", "unknown source 'c5'; did you"),
        ("- a", "expected a mapping"),
        ("a: [", "while parsing"),
    ],
)
def test_files_that_cannot_work(tmp_path: pathlib.Path, body: str, message: str) -> None:
    path = tmp_path / "mix.yaml"
    path.write_text(body)
    with pytest.raises(ConfigError, match=message):
        load_mixture(str(path), known=LLAMA_TOKENS)


def test_a_name_that_is_none(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigError, match="unknown name 'lama'; did you mean llama"):
        load_mixture("lama")
    with pytest.raises(ConfigError, match="there is no mixture file"):
        load_mixture(str(tmp_path / "none.yaml"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1 k"),
        (25_700_000_000, "25.7 B"),
        (999_949_999_999, "1 T"),
        (1.4e12, "1.4 T"),
    ],
)
def test_counts_for_people(value: float, text: str) -> None:
    assert format_count(value) == text
