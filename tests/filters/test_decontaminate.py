"""Decontamination: shared n-grams, by both published rules, equal to a search by hand."""

from __future__ import annotations

import gzip
import json
import pathlib
import pickle
import re

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pasture.errors import ConfigError, InputError
from pasture.filters.decontaminate import Decontaminate, EvaluationSet, MarkContaminated
from pasture.records import Document, documents_to_batch

THIRTEEN = "one two three four five six seven eight nine ten eleven twelve thirteen"
TWENTY = THIRTEEN + " fourteen fifteen sixteen seventeen eighteen nineteen twenty"


def batch(*texts: str, metadata: str | None = None) -> pa.RecordBatch:
    return documents_to_batch([Document("id", "c4", text, metadata=metadata) for text in texts])


@pytest.fixture
def step(tmp_path):
    """Decontaminate by a plain text file of these items."""

    def make(*items: str, kind=Decontaminate, **options):
        (tmp_path / "items.txt").write_text("\n\n".join(items))
        sets = {"set": EvaluationSet((str(tmp_path / "items.txt"),))}
        return kind(sets=sets, **options)

    return make


@pytest.mark.parametrize(
    ("item", "text", "contaminated"),
    [
        (TWENTY, f"Before it. {THIRTEEN} And after.", True),
        (TWENTY, THIRTEEN.rsplit(" ", 1)[0], False),
        (TWENTY, "x " + TWENTY.split(" ", 7)[-1], True),
        # As GPT-3: case and punctuation do not count; a dash alone is no word.
        (TWENTY, THIRTEEN.upper().replace(" ", ", -- "), True),
        (TWENTY, THIRTEEN.replace("two", "t-w'o"), True),
        (TWENTY, THIRTEEN.replace("two", "t wo"), False),
        (TWENTY, THIRTEEN.replace("seven ", ""), False),
        # Items of 8 to 12 words are compared as a whole, shorter ones not at all.
        ("one two three four five six seven eight", "0 " + THIRTEEN, True),
        ("one two three four five six seven eight nine", THIRTEEN[:40], False),
        ("one two three four five six seven", TWENTY, False),
        (TWENTY, "", False),
        ("", TWENTY, False),
    ],
)
def test_one_shared_n_gram_is_enough(step, item, text, contaminated):
    expected = ["contaminated:set" if contaminated else None, None]
    assert step(item).reasons(batch(text, "Something else.")).to_pylist() == expected


def test_an_n_gram_does_not_run_from_one_text_into_the_next(step):
    first, second = THIRTEEN[:30], THIRTEEN[30:]
    assert step(THIRTEEN, min_ngram=13).reasons(batch(first, second)).to_pylist() == [None, None]
    assert step(first, second, min_ngram=13).reasons(batch(THIRTEEN)).to_pylist() == [None]


@pytest.mark.parametrize(
    ("min_overlap", "contaminated"), [(0.65, True), (0.7, True), (0.71, False)]
)
def test_by_the_share_of_an_item_that_is_covered(step, min_overlap, contaminated):
    """Words 1 to 14 of 20, by two n-grams of 13."""
    text = f"{THIRTEEN} fourteen, and so on"
    reasons = step(TWENTY, "no " * 20, min_overlap=min_overlap).reasons(batch(text)).to_pylist()
    assert reasons == ["contaminated:set" if contaminated else None]


def words(text: str) -> list[str]:
    return [w for w in (re.sub(r"[\W_]+", "", w.casefold()) for w in text.split()) if w]


def by_hand(items: list[str], text: str, n: int, least: int) -> float:
    """The highest share of an item's words that n-grams shared with a text cover."""
    document, best = words(text), 0.0
    for item in map(words, items):
        size = min(n, len(item))
        if size < least:
            continue
        grams = {tuple(document[i : i + size]) for i in range(len(document) - size + 1)}
        covered = {
            i + k
            for i in range(len(item) - size + 1)
            for k in range(size)
            if tuple(item[i : i + size]) in grams
        }
        best = max(best, len(covered) / len(item))
    return best


sentences = st.lists(
    st.sampled_from(["a", "B", "c,", "(d)", "a-b", "--", "é", "E\u0301", "4"]), max_size=14
).map(" ".join)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(sentences, max_size=6),
    st.lists(sentences, max_size=70),
    st.integers(1, 5),
    st.integers(0, 4),
)
def test_equals_a_search_by_hand(step, items, texts, n, shorter):
    least = max(1, n - shorter)
    made = step(*items, kind=MarkContaminated, ngram=n, min_ngram=least)
    expected = [by_hand(items, text, n, least) for text in texts]
    found = made.annotate(batch(*texts))["metadata"].to_pylist()
    notes = [json.loads(note)["contaminated"] if note else {} for note in found]
    assert notes == [{"set": round(share, 4)} if share else {} for share in expected]


def test_a_hash_that_another_n_gram_has_is_no_hit(step, monkeypatch):
    """Every hash made equal: the words decide."""
    from pasture.filters import decontaminate

    true = decontaminate._rolling

    def rolling(*arguments):
        for n, hashes in true(*arguments):
            yield n, hashes * 0

    monkeypatch.setattr(decontaminate, "_rolling", rolling)
    reasons = step(TWENTY).reasons(batch("x " * 30, THIRTEEN, THIRTEEN[:60])).to_pylist()
    assert reasons == [None, "contaminated:set", None]


def write_sets(folder: pathlib.Path) -> dict[str, EvaluationSet]:
    rows = [
        {"question": TWENTY, "choices": {"text": ["no", "red " * 13]}, "answer": None},
        {"question": "short", "choices": {"text": []}, "answer": "blue " * 13},
    ]
    lines = "\n".join(map(json.dumps, rows)) + "\n\n"
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    (folder / "b.txt").write_text(f"green  {'green ' * 6}\n{'green ' * 6}\n \t\nother\n\n{TWENTY}")
    return {
        "first": EvaluationSet(("a.*",), ("question", "choices.text", "answer")),
        "second": EvaluationSet(("b.txt",)),
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (TWENTY, "contaminated:first"),
        ("Red " * 13, "contaminated:first"),
        ("blue " * 13, "contaminated:first"),
        # A paragraph is one item, whatever its lines.
        ("green " * 13, "contaminated:second"),
        ("green " * 12, None),
    ],
)
def test_reads_json_lines_and_plain_text_and_names_the_set(tmp_path, text, reason):
    step = Decontaminate(sets=write_sets(tmp_path)).rooted(str(tmp_path))
    assert pickle.loads(pickle.dumps(step)).reasons(batch(text)).to_pylist() == [reason]


def test_marks_every_set_beside_what_the_metadata_says(tmp_path):
    step = MarkContaminated(sets=write_sets(tmp_path)).rooted(str(tmp_path))
    step.setup()
    marked = step.annotate(batch(THIRTEEN, "nothing", metadata='{"title": "t"}'))
    first, second = marked["metadata"].to_pylist()
    assert json.loads(first) == {
        # Of the first item, the choice of 13 words is compared too: 33 words.
        "contaminated": {"first": round(13 / 33, 4), "second": 0.65},
        "title": "t",
    }
    assert second == '{"title": "t"}'


def test_the_config_holds_the_files_contents_but_not_their_folder(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    plain = [
        Decontaminate(sets=write_sets(tmp_path / name)).rooted(str(tmp_path / name)).plain()
        for name in ("one", "two")
    ]
    assert plain[0] == plain[1]
    assert re.fullmatch(
        r"b\.txt \(\d+ bytes, sha256 [0-9a-f]{64}\)", plain[0]["sets"]["second"]["files"][0]
    )
    (tmp_path / "two/b.txt").write_text("other")
    changed = Decontaminate(sets=write_sets(tmp_path / "one")).rooted(str(tmp_path / "two"))
    assert changed.plain() != plain[0]


@pytest.mark.parametrize(
    ("name", "content", "fields", "message"),
    [
        ("a.jsonl", '{"q": "x"}\n{"p": "x"}\n', ("q",), r"a\.jsonl, line 2: KeyError\('q'\)"),
        ("a.jsonl", "{", ("q",), "line 1: JSONDecodeError"),
        ("a.jsonl", '{"q": 3}', ("q",), "3 is not text"),
        ("a.jsonl", '"q"', ("q",), "line 1: TypeError"),
        ("a.jsonl", "[" * 100_000, ("q",), "line 1: RecursionError"),
        ("a.jsonl", "{}", (), "name the fields that hold the text"),
        ("b.txt", "x", (), r"evaluation set: no file matches .*a\.\*"),
        ("a.txt", b"\xff", (), r"a\.txt is not UTF-8"),
        ("a.txt.gz", b"x", (), r"a\.txt\.gz cannot be unpacked"),
    ],
)
def test_refuses_files_that_are_no_evaluation_set(tmp_path, name, content, fields, message):
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / name).write_bytes(data)
    step = Decontaminate(sets={"s": EvaluationSet((str(tmp_path / "a.*"),), fields)})
    with pytest.raises((ConfigError, InputError), match=message):
        step.check()


def test_refuses_sets_that_are_too_large(step, monkeypatch):
    monkeypatch.setattr("pasture.filters.decontaminate.MAX_WORDS", 19)
    with pytest.raises(InputError, match="more than 19 words"):
        step(TWENTY).check()
    step(THIRTEEN).check()


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_refuses_files_that_are_too_large(tmp_path, monkeypatch, name):
    monkeypatch.setattr("pasture.filters.decontaminate.MAX_BYTES", 100)
    step = Decontaminate(sets={"s": EvaluationSet((str(tmp_path / name),))})
    for size in (100, 101):
        data = b"x" * size
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
        if size == 100:
            step.check()
    with pytest.raises(InputError, match="more than 100 bytes"):
        step.check()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sets": {}}, "name at least one evaluation set"),
        ({"sets": {"a/b": EvaluationSet(("x",))}}, "use letters, digits"),
        ({"ngram": 7}, "min_ngram is 8 and ngram 7"),
        ({"min_ngram": 0}, "min_ngram is 0"),
        ({"min_overlap": 1.1}, "min_overlap is 1.1"),
    ],
)
def test_refuses_what_cannot_work(options, message):
    with pytest.raises(ConfigError, match=message):
        Decontaminate(**{"sets": {"s": EvaluationSet(("x",))}, **options})
    with pytest.raises(ConfigError, match="at least one file"):
        EvaluationSet(())
