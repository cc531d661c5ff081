from __future__ import annotations

import gzip
import json
import pathlib
import sys

import numpy as np
import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from pasture.errors import ConfigError, ModelError
from pasture.filters import language
from pasture.filters.language import KeepLanguages, LanguageId, default_model
from pasture.records import Document, documents_to_batch

ENGLISH = "The river was high that spring, and nobody in the village wanted to cross it."


def identify(texts: list[str], step: LanguageId = LanguageId()) -> list[tuple[str | None, float]]:
    step.setup()
    batch = documents_to_batch([Document(str(i), "s", text) for i, text in enumerate(texts)])
    found = step.annotate(batch)
    assert found.schema == batch.schema
    return list(
        zip(found["language"].to_pylist(), found["language_score"].to_pylist(), strict=True)
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ENGLISH, "en"),
        ("Au printemps, la rivière était haute et personne ne voulait la traverser.", "fr"),
        ("Im Frühling stand der Fluss hoch, und niemand wollte ihn überqueren.", "de"),
        ("Весной река поднялась, и никто в деревне не хотел её переходить.", "ru"),
        ("Навесні річка піднялася, і ніхто в селі не хотів її переходити.", "uk"),
        (f"{ENGLISH}\n\n__label__fr\t\0{ENGLISH}", "en"),
        ("__label__fr", "en"),
        ("한국어 문장입니다", "ko"),  # whose score comes as 1.00006
        ("the " * 500_000, "en"),
    ],
)
def test_identifies(text: str, expected: str) -> None:
    ((found, score),) = identify([text])
    assert found == expected
    assert 0 < score <= 1


def test_texts_without_words_have_no_language() -> None:
    assert identify(["", " \n\t", ENGLISH])[:2] == [(None, None), (None, None)]
    assert identify([]) == []


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    texts = [ENGLISH, "Der Fluss stand hoch.", ""]
    assert identify(texts) == [identify([text])[0] for text in texts]


def test_fills_rows_whose_source_said_a_language() -> None:
    batch = documents_to_batch([Document("1", "s", ENGLISH, language="fr")])
    assert LanguageId().annotate(batch)["language"].to_pylist() == ["en"]


def test_ccnet_glues_lines_and_rounds_scores() -> None:
    words = ["Der", "Fluss", "stand", "hoch", "the", "river"]
    ((_, plain),) = identify([" ".join(words)])
    assert identify(["\n".join(words)]) == [("de", plain)]
    ((_, glued),) = identify(["".join(words)])
    ((_, score),) = identify(["\n".join(words)], LanguageId(mode="ccnet"))
    assert score == np.float32(round(glued, 2)) != np.float32(round(plain, 2))


def test_the_default_model_is_found_without_importing_its_carrier(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "pasture_lid176", raising=False)
    LanguageId().setup()
    assert pathlib.Path(default_model()).name == "lid.176.ftz"
    assert "pasture_lid176" not in sys.modules


def test_a_missing_default_model_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "CARRIER", "no_such_package")
    with pytest.raises(ModelError, match="pip install pasture-lid176"):
        LanguageId().setup()


@pytest.mark.parametrize("content", [b"", b"not a model", b"\xba\x16\x4f\x2f\x0c\x00\x00\x00"])
def test_a_damaged_model_is_an_error(tmp_path: pathlib.Path, content: bytes) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="fastText model"):
        LanguageId(model=str(path)).setup()


@pytest.mark.parametrize(
    ("found", "score", "options", "reason"),
    [
        ("en", 0.5, {}, None),
        ("en", 0.4999, {}, "low_language_score"),
        ("en", 0.65, {"min_score": 0.65}, None),
        ("en", 0.0, {"min_score": 0.0}, None),
        ("fr", 1.0, {}, "other_language"),
        ("fr", 0.1, {}, "other_language"),
        ("fr", 0.5, {"languages": ("en", "fr")}, None),
        (None, None, {}, "language_unknown"),
        ("en", None, {}, None),
        ("fr", None, {}, "other_language"),
    ],
)
def test_keeps_sure_languages(
    found: str | None, score: float | None, options: dict[str, object], reason: str | None
) -> None:
    documents = [Document("1", "s", "text", language=found, language_score=score)]
    step = KeepLanguages(**options)  # type: ignore[arg-type]
    assert step.reasons(documents_to_batch(documents)).to_pylist() == [reason]


def test_an_empty_batch_has_no_reasons() -> None:
    assert KeepLanguages().reasons(documents_to_batch([])).to_pylist() == []


@pytest.mark.parametrize("options", [{"languages": ()}, {"min_score": -0.1}, {"min_score": 1.1}])
def test_options_are_checked(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        KeepLanguages(**options)  # type: ignore[arg-type]


@pytest.mark.real_data
@pytest.mark.parametrize("mode", ["pasture", "ccnet"])
def test_real_pages_in_many_languages(real_data: pathlib.Path, mode: str) -> None:
    folder = real_data / "common_crawl"
    with gzip.open(folder / "multilingual.gold.jsonl.gz", "rt") as lines:
        gold = {row["url"]: row["lang_py3langid"] for row in map(json.loads, lines)}
    urls, texts = [], []
    with (folder / "multilingual-00000.warc.wet.gz").open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.conversion):
            urls.append(record.headers["WARC-Target-URI"])
            texts.append(record.reader.read().decode())
    found = identify(texts, LanguageId(mode=mode))  # type: ignore[arg-type]
    right = [gold[url] == code for url, (code, _) in zip(urls, found, strict=True)]
    assert sum(right) >= 0.97 * len(right)
    assert len(right) == 44
