"""Gopher's and FineWeb's rules: each reason, on both sides of its threshold."""

from __future__ import annotations

import dataclasses
import math

import pyarrow as pa
import pytest

from pasture.filters.heuristics import FineWebQuality, GopherQuality, GopherRepetition

PROSE = (
    "The ferry ran without a bell that year, and nobody in the town complained of it. When the "
    "ice broke in spring, the old captain was the first to cross, with three sheep and a clock. "
    "He had promised his daughter to be home before noon, but the current was strong; it took "
    "the better part of a day to reach the other bank."
)


def words(count: int, word: str = "word") -> str:
    """Different words, two of them stop words."""
    return " ".join(["the", "of", *(f"{word}{'abcdefghij'[i % 10]}" for i in range(count - 2))])


@pytest.mark.parametrize("rules", [GopherQuality(), GopherRepetition(), FineWebQuality()])
@pytest.mark.parametrize("text", [PROSE, f"{PROSE}\n\n{PROSE[:40]}", f"{PROSE}\n\n\n\n\n"])
def test_prose_stays(rules, text):
    assert rules.reason(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (words(50), None),
        (words(49), "too_few_words"),
        ("", "too_few_words"),
        (words(100_000), None),
        (words(100_001), "too_many_words"),
        ("the and " + "aaa " * 48, None),
        ("the to " + "aa " * 48, "words_too_short"),
        ("the of " + "a" * 10 + " aaaaaaaaaa" * 48, None),
        ("the of " + "a" * 11 + " aaaaaaaaaaa" * 48, "words_too_long"),
        (words(45) + " #" * 5, None),
        (words(44) + " #" * 6, "too_many_hashes"),
        (words(50).replace("words", "word") + "#" * 6, "too_many_hashes"),
        (words(45) + " ab... ab\u2026 ab... ab... ab", None),
        (words(45) + " ab... ab\u2026 ab... ab... ab... ab...", "too_many_ellipses"),
        ("\u2022 " + words(60), "too_many_bullet_lines"),
        ("- " + words(60) + "\nplain", None),
        ("* " + words(60) + "\n\n\n", "too_many_bullet_lines"),  # blank lines are no lines
        ("-5 degrees " + words(60), None),
        (words(60) + "...\na\nb\nc", None),
        (words(60) + "...\na\n\nb", "too_many_ellipsis_lines"),
        (words(40) + " 12" * 10, None),
        (words(39) + " 12" * 11, "too_few_alphabetic_words"),
        (words(40) + " \u03b11" * 20, None),  # a letter is enough
        ("the of " + "word " * 60, None),
        ("the word " + "word " * 60, "too_few_stop_words"),
        ("The, word (of) " + "word " * 60, None),  # past punctuation and case
        ("the the the " + "word " * 60, "too_few_stop_words"),  # different ones count
    ],
)
def test_gopher_quality(text, reason):
    assert GopherQuality().reason(text) == reason


def test_gopher_quality_bounds_the_mean_on_both_sides():
    rules = GopherQuality(min_words=None, min_stop_words=None)
    assert [rules.reason(text) for text in ("aaa aaa", "aaa aa", "a" * 10, "a" * 11)] == [
        None,
        "words_too_short",
        None,
        "words_too_long",
    ]


def off(rules: type) -> dict[str, None]:
    """Options that turn every rule off."""
    return {
        field.name: None
        for field in dataclasses.fields(rules)
        if field.name.startswith(("min_", "max_"))
    }


@pytest.mark.parametrize("rules", [GopherQuality, GopherRepetition, FineWebQuality])
@pytest.mark.parametrize("text", ["", " \n", "# # #", "a\n" * 500, "\u2022 x\u2026\n" * 300])
def test_every_rule_can_be_turned_off(rules, text):
    assert rules(**off(rules)).reason(text) is None


def only(**options: float) -> GopherRepetition:
    return GopherRepetition(**{**off(GopherRepetition), **options})


LINES = [f"line number {name} of the page" for name in "abcdefghij"]


@pytest.mark.parametrize(
    ("rules", "text", "reason"),
    [
        (only(max_duplicate_lines=0.3), "\n".join(LINES[:7] + LINES[:3]), None),
        (only(max_duplicate_lines=0.3), "\n".join(LINES[:6] + LINES[:4]), "duplicate_lines"),
        (only(max_duplicate_lines=0.3), "\n\n\n".join(LINES), None),  # blank lines are no lines
        (only(max_duplicate_lines=0.3), " a\na \nb", "duplicate_lines"),
        (only(max_duplicate_line_characters=0.2), "aa\naa\nbbbbbb", None),
        (only(max_duplicate_line_characters=0.2), "aa\naa\nbbbbb", "duplicate_line_characters"),
        (only(max_duplicate_paragraphs=0.3), "\n\n".join(LINES[:7] + LINES[:3]), None),
        (
            only(max_duplicate_paragraphs=0.3),
            "\n \n".join(LINES[:6] + LINES[:4]),
            "duplicate_paragraphs",
        ),
        (only(max_duplicate_paragraphs=0.3), "\n".join(LINES[:1] * 10), None),
        (only(max_duplicate_paragraph_characters=0.2), "aa\n\naa\n\nbbbbbb", None),
        (
            only(max_duplicate_paragraph_characters=0.2),
            "aa\n\naa\n\nbbbbb",
            "duplicate_paragraph_characters",
        ),
        (
            only(max_top_2_gram=0.2),
            "a b a b " + " ".join("efghijklmnopqrst"),
            None,
        ),
        (only(max_top_2_gram=0.2), "a b a b " + " ".join("efghijklmnopqrs"), "top_2_gram"),
        (only(max_top_3_gram=0.18), "a b c x a b c " + "y" * 27, None),
        (only(max_top_3_gram=0.18), "a b c x a b c " + "y" * 26, "top_3_gram"),
        (only(max_top_4_gram=0.16), "a b c d x a b c d " + "y" * 41, None),
        (only(max_top_4_gram=0.16), "a b c d x a b c d " + "y" * 40, "top_4_gram"),
        (only(max_top_2_gram=0.2), "two words", None),  # what occurs once is no repetition
        (only(max_top_2_gram=0.2), "ha " * 10, "top_2_gram"),
    ],
)
def test_gopher_repetition(rules, text, reason):
    assert rules.reason(text) == reason


@pytest.mark.parametrize(
    ("n", "limit"), [(5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.10)]
)
def test_gopher_repetition_of_longer_runs(n, limit):
    """A run of n words stands twice: its second copy is the share."""
    assert getattr(GopherRepetition(), f"max_duplicate_{n}_grams") == limit
    rules = only(**{f"max_duplicate_{n}_grams": limit})
    run = list("abcdefghij"[:n])
    rest = math.ceil(n / limit) - 2 * n
    assert rules.reason(" ".join([*run, "z" * rest, *run])) is None
    assert rules.reason(" ".join([*run, "z" * (rest - 1), *run])) == f"duplicate_{n}_grams"
    broken = [*run[:-1], "x"]
    assert rules.reason(" ".join([*run, "z", *broken])) is None


def test_the_reasons_are_the_names_of_the_options():
    options = {f.name.removeprefix("max_") for f in dataclasses.fields(GopherRepetition)}
    text = {
        "duplicate_lines": "a\na",
        "duplicate_line_characters": "a\na",
        "duplicate_paragraphs": "a\n\na",
        "duplicate_paragraph_characters": "a\n\na",
    }
    for name in options:
        rules = only(**{f"max_{name}": 0.0})
        assert rules.reason(text.get(name, "a b c d e f g h i j " * 2)) == name


def test_a_rule_looks_at_each_text_of_a_batch_by_itself():
    run = "the old captain was the first to cross"
    batch = pa.RecordBatch.from_pydict({"text": [run, run, f"{run} {run}", PROSE]})
    rules = only(max_duplicate_5_grams=0.15)
    assert rules.reasons(batch).to_pylist() == [None, None, "duplicate_5_grams", None]


def test_the_first_rule_that_is_broken_is_the_reason():
    assert GopherRepetition().reason("a b c d e f g h i j " * 2) == "top_3_gram"
    assert only(max_top_3_gram=0.1, max_top_4_gram=0.1).reason("a b c d " * 2) == "top_3_gram"


MENU = [f"{i} {'a' * 40}" for i in range(100)]
SHORT = [f"{i} short." for i in range(100)]
SENTENCES = [f"{i} {'b' * 40}." for i in range(100)]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (MENU[:22] + SENTENCES[:3], "too_few_punctuated_lines"),  # 3 of 25 are 0.12
        (MENU[:21] + SENTENCES[:3], None),
        (["a" * 39 + "\u3002"], None),
        (SHORT[:67] + SENTENCES[:33], "too_many_short_lines"),
        (SHORT[:66] + SENTENCES[:34], None),
        (["a" * 28 + "."], "too_many_short_lines"),
        (["a" * 29 + "."], None),
        (["a" * 49 + "."] * 2 + ["b" * 399 + "."], "duplicate_line_characters"),
        (["a" * 49 + "."] * 2 + ["b" * 400 + "."], None),
        ([], None),
    ],
)
@pytest.mark.parametrize("blank", ["\n", "\n\n \n"])
def test_fineweb_quality(lines, reason, blank):
    """Blank lines are no lines, so they change nothing."""
    assert FineWebQuality().reason(blank.join(lines)) == reason


def test_the_reasons_of_a_batch_stand_in_its_order():
    batch = pa.RecordBatch.from_pydict({"text": [PROSE, "short", PROSE]})
    assert GopherQuality().reasons(batch).to_pylist() == [None, "too_few_words", None]


@pytest.mark.parametrize("rules", [GopherQuality(), GopherRepetition(), FineWebQuality()])
def test_a_batch_without_rows_has_no_reasons(rules):
    batch = pa.RecordBatch.from_pydict({"text": pa.array([], pa.string())})
    assert rules.reasons(batch).to_pylist() == []
