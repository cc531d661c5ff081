"""The figures of real files, beside ones computed character by character from the definitions."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from pasture.filters.code import CodeMeasures, measure
from pasture.sample import github as sample
from pasture.sources.base import Rejected
from pasture.sources.github.rows import parse_row, read_rows
from pasture.text import code_languages

LONG = 60


def kind_of(character: str) -> str:
    """The class of a character, as the tokens see it."""
    if not character.isascii():
        return "foreign"
    if character.isspace():
        return "space"
    if character.isdigit():
        return "digit"
    if character.isalpha():
        return "upper" if character.isupper() else "lower"
    return "mark"


def tokens_of(text: str) -> int:
    """Runs of one class; a capital and the small letters after it are one run.

    Digits count once a run, but at least one token for three digits of the whole text.
    """
    others = numbers = digits = 0
    before = "space"
    for character in text:
        kind = kind_of(character)
        digits += kind == "digit"
        begins = kind not in ("space", before) and not (before == "upper" and kind == "lower")
        if begins and kind == "digit":
            numbers += 1
        elif begins:
            others += 1
        before = kind
    return others + max(numbers, digits // 3)


def figures(text: str) -> CodeMeasures:
    """The definitions in plain Python, with no table and no array."""
    lengths = [0]
    letters = digits = 0
    for character in text:
        if character == "\n":
            lengths.append(0)
        else:
            lengths[-1] += 1
        letters += character.isalpha()
        digits += character.isdigit()
    if lengths[-1] == 0:  # the text ends with a line end
        lengths.pop()
    return CodeMeasures(
        longest_line=max(lengths),
        mean_line=len(text) / len(lengths),
        long_lines=sum(length for length in lengths if length >= LONG) / len(text),
        alphanumeric=(letters + digits) / len(text),
        letters_per_token=letters / max(1, tokens_of(text)),
    )


def sample_files() -> Iterator[tuple[str, str, str]]:
    """The language, the path and the text of the sample's own files."""
    root = pathlib.Path(sample.__file__).parent / "texts" / "github"
    for bundle in sorted(root.glob("*/*.txt")):
        for file in sample.read_bundle(bundle.read_text(encoding="utf-8"))[1]:
            text = file.data.decode("utf-8", "replace")
            language = code_languages.detect(file.path, text)
            if language is not None and text.strip() and "\0" not in text:
                yield language, f"{bundle.name}@{file.path}", text


FILES = list(sample_files())


@pytest.mark.parametrize(("language", "path", "text"), FILES, ids=[path for _, path, _ in FILES])
def test_sample_files(language: str, path: str, text: str) -> None:
    assert measure(text) == figures(text)


def test_the_files_are_many_and_of_many_languages() -> None:
    assert len(FILES) >= 30
    assert len({language for language, _, _ in FILES}) >= 20


# Worked out with a pencil, so that the slow definitions are checked by something as well.
SHORT = "int maxOf2(int a);\n\nreturn 1234567;\n"
# lines 18, 0, 15 characters; 36 in all; letters 3+5+3+1+6, digits 1+7;
# tokens int max Of 2 ( int a ); return 1234567 ; where the digits make max(2, 8 // 3)
BY_HAND = CodeMeasures(18, 36 / 3, 0.0, 26 / 36, 18 / 11)


def test_by_hand() -> None:
    assert figures(SHORT) == BY_HAND
    assert measure(SHORT) == BY_HAND


@pytest.mark.real_data
def test_real_rows(real_data: pathlib.Path) -> None:
    compared = 0
    for export in sorted((real_data / "github").glob("*.json.gz")):
        for locator, line in read_rows(str(export)):
            assert isinstance(line, bytes)
            row = parse_row(line, locator)
            if not isinstance(row, Rejected) and row[0].text:
                assert measure(row[0].text) == figures(row[0].text), row[0].path
                compared += 1
    assert compared >= 30
