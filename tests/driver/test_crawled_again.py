"""A page that two dumps of a crawl hold is found, by its URL or by its text."""

from __future__ import annotations

import pathlib

import pytest
import yaml

from pasture.driver.run import run_recipe
from pasture.manifests.outputs import Output, dropped_rows, kept_rows
from pasture.recipes.load import load_recipe

WORDS = (
    "the ferry left its old harbour before sunrise and nobody along that quay expected such small "
    "boats would come back so soon with their nets full of silver herring while gulls circled over "
    "every roof until evening when lamps were lit behind each window facing north toward open water"
)
STORY = "\n".join(f"{WORDS} {number} times." for number in ("one", "two", "three", "four"))
EDITED = STORY.replace("four times", "five times")
OTHER = "\n".join(
    f"A garden in {month} needs {need} more than anything that a catalogue could ever sell, and "
    f"whoever waters it at noon in {month} will have little to show for the work in autumn."
    for month, need in (("March", "patience"), ("May", "compost"), ("July", "shade"))
)
NEWS = {day: f"What happened here on {day} was unlike anything before. " * 9 for day in "ABC"}

OLD = {
    "http://example.org/story": STORY,
    "http://example.org/edited": OTHER,
    "http://example.org/news": NEWS["A"],
    "http://example.org/only-old": NEWS["B"],
}
NEW = {
    "https://www.example.org/story/": STORY,  # the same page, spelled in another way
    "http://example.net/mirror": EDITED,  # nearly its text elsewhere
    "http://example.org/news": NEWS["C"],  # the same page with a new text
}


def write_dump(folder: pathlib.Path, name: str, date: str, pages: dict[str, str]) -> None:
    records = []
    for url, text in pages.items():
        block = f"Title\n{text}".encode()
        head = (
            f"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Record-ID: <{name} {url}>\r\n"
            f"WARC-Target-URI: {url}\r\nWARC-Date: {date}T12:00:00Z\r\n"
            f"Content-Type: text/plain\r\nContent-Length: {len(block)}\r\n\r\n"
        )
        records.append(head.encode() + block + b"\r\n\r\n")
    (folder / name / "wet").mkdir(parents=True)
    (folder / name / "wet" / "00000.warc.wet").write_bytes(b"".join(records))


@pytest.mark.parametrize(
    ("stage", "dropped"),
    [
        ({"exact_duplicates": {}}, {"https://www.example.org/story/"}),
        (
            {"near_duplicates": {"min_similarity": 0.8}},
            {"https://www.example.org/story/", "http://example.net/mirror"},
        ),
        # The newest copy stays.
        ({"duplicate_urls": {}}, {"http://example.org/story", "http://example.org/news"}),
    ],
)
def test_finds_a_page_of_an_earlier_dump(tmp_path, stage, dropped):
    write_dump(tmp_path, "CC-MAIN-2017-04", "2017-01-20", OLD)
    write_dump(tmp_path, "CC-MAIN-2019-09", "2019-02-15", NEW)
    source = {"inputs": ["CC-MAIN-*/wet/*.wet"], "stages": {"10-again": stage}}
    recipe = {"name": "again", "mixture": "llama", "sources": {"common_crawl": source}}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    output = str(tmp_path / "out")
    run_recipe(load_recipe(str(tmp_path / "recipe.yaml"), str(tmp_path)), output, until="documents")
    assert {row["url"] for _, row in dropped_rows(Output(output))} == dropped
    assert len(list(kept_rows(Output(output)))) == len(OLD) + len(NEW) - len(dropped)
