"""C4 built from a crawl by its recipe; every page and line that goes is a row of the audit."""

from __future__ import annotations

import json
import pathlib
import shutil

import pytest
import yaml
from click.testing import CliRunner

from pasture.cli import main
from pasture.driver.run import run_recipe
from pasture.errors import ConfigError
from pasture.manifests.outputs import (
    Output,
    count_dropped,
    count_removed_lines,
    dropped_rows,
    explain,
    funnels,
    kept_rows,
    removed_lines,
    verify,
)
from pasture.recipes.load import load_recipe

MENU = "Home | Ferries | Contact"
SHARED = "Write to us for a table of the ferries and their hours."
COOKIES = "This site uses cookies to give you the best experience."
STORY = (
    "The ferry left the old harbour before the sun came up. "
    "Nobody on the quay had expected it to come back so soon. "
    "By noon the whole town stood at the water and waited."
)
LATE = "The captain said that the fog had been thick all the way."
GONE = "Then it was gone from sight for good that year."
BOATS = (
    "There were many small boats on the river in those years. "
    "Each of them was painted in the colours of its village. "
    "Few of them could carry more than a dozen people."
)
FEW_BOATS = BOATS.replace("many", "few")
FRENCH = (
    "Le bateau quitte le vieux port avant le lever du soleil. "
    "Personne sur le quai ne pensait le revoir de sitôt. "
    "À midi toute la ville attendait au bord de l'eau."
)
PAGES = [
    [
        ("http://example.org/story", "2019-04-18", [MENU, STORY]),
        ("http://example.org/boats", "2019-04-18", [MENU, BOATS, SHARED, COOKIES]),
        ("http://example.org/code", "2019-04-18", [STORY, "This function is written as { here."]),
    ],
    [
        ("https://www.example.org/story/", "2019-04-24", [MENU, STORY, LATE, SHARED]),
        ("http://example.net/copy", "2019-04-19", [f"{LATE} {STORY}", FEW_BOATS]),
        ("http://example.net/short", "2019-04-19", [SHARED.upper(), BOATS]),
        ("http://example.net/few", "2019-04-19", [f"{LATE} {GONE}", SHARED]),
        ("http://example.fr/", "2019-04-20", [FRENCH]),
    ],
]


def wet(name: str, url: str, day: str, lines: list[str]) -> bytes:
    block = "\n".join(lines).encode()
    head = (
        f"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Record-ID: <urn:uuid:{name}>\r\n"
        f"WARC-Target-URI: {url}\r\nWARC-Date: {day}T12:00:00Z\r\n"
        f"Content-Type: text/plain\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def write_crawl(folder: pathlib.Path) -> None:
    (folder / "c4").mkdir(parents=True)
    for number, pages in enumerate(PAGES):
        records = [wet(f"{number}-{row}", *page) for row, page in enumerate(pages)]
        (folder / "c4" / f"{number}.warc.wet.gz").write_bytes(b"".join(records))


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Output:
    folder = tmp_path_factory.mktemp("c4")
    write_crawl(folder)
    recipe = load_recipe("c4_from_crawl", str(folder))
    run_recipe(recipe, str(folder / "out"), until="documents")
    return Output(str(folder / "out"))


def test_it_makes_c4(output):
    """The newest page of a URL; a line on one page; a span of three sentences once."""
    assert {row["url"]: row["text"] for _, row in kept_rows(output)} == {
        "https://www.example.org/story/": f"{STORY}\n{LATE}",
        "http://example.net/copy": f"{LATE}\n{FEW_BOATS}",
        "http://example.net/short": f"{SHARED.upper()}\n{BOATS}",
    }


def test_every_page_that_goes_has_its_rule(output):
    dropped = [(stage.stage, row["url"], row["drop_reason"]) for stage, row in dropped_rows(output)]
    assert dropped == [
        ("10-urls", "http://example.org/story", "duplicate"),
        ("20-rules", "http://example.org/code", "curly_bracket"),
        ("30-lines", "http://example.org/boats", "empty"),
        ("50-language", "http://example.net/few", "too_few_sentences"),
        ("50-language", "http://example.fr/", "other_language"),
    ]


def test_every_line_that_goes_has_its_rule(output):
    lines = [(stage.stage, *row.values()) for stage, row in removed_lines(output)]
    name = "urn:uuid:{}".format
    assert lines == [
        ("20-rules", name("0-1"), 0, MENU, "c4_lines", "no_terminal_mark"),
        ("20-rules", name("0-1"), 3, COOKIES, "c4_lines", "policy_notice"),
        ("20-rules", name("1-0"), 0, MENU, "c4_lines", "no_terminal_mark"),
        ("30-lines", name("1-0"), 2, SHARED, "duplicate_lines", "duplicate_line"),
        ("30-lines", name("1-3"), 1, SHARED, "duplicate_lines", "duplicate_line"),
        *(
            ("40-spans", name("1-1"), 0, f"{sentence}.", "duplicate_spans", "duplicate_span")
            for sentence in STORY.rstrip(".").split(". ")
        ),
    ]


def test_documents_and_lines_are_counted_apart(output):
    """Documents in are documents kept and dropped; removed lines are none of them."""
    for stage in output.stages():
        totals = stage.totals()
        assert totals["rows_in"] == totals["rows"] + sum(totals["dropped"].values())
        assert sum(totals["edited"].values()) == sum(shard.lines for shard in stage.shards)
    assert list(verify(output)) == []
    (funnel,) = funnels(output)
    assert (funnel.records, funnel.documents, sum(funnel.dropped.values())) == (8, 3, 5)
    assert count_dropped(output) == 5
    assert count_removed_lines(output) == 8
    assert count_removed_lines(output, reason="duplicate_line") == 2


def test_explain_tells_which_lines_went(output):
    decisions = explain(output, "https://www.example.org/story/")
    assert [[line["text"] for line in d.removed] for d in decisions] == [
        [],
        [],
        [MENU],
        [SHARED],
        [],
        [],
    ]


def call(*words):
    result = CliRunner().invoke(main, list(map(str, words)))
    return result.exit_code, result.output


def test_audit_shows_lines(output):
    code, text = call("audit", output.root, "--lines", "--reason", "duplicate_line")
    assert code == 0
    assert text.startswith("2 of 2 removed lines")
    assert "c4/30-lines  duplicate_lines/duplicate_line  urn:uuid:1-0, line 2" in text
    code, text = call("audit", output.root, "--lines", "-n", "3", "--json")
    assert len(json.loads(text)) == 3
    code, text = call("audit", output.root, "--lines", "--kept")
    assert code == 2
    assert "exclude each other" in text
    assert (
        "without 1 lines: no_terminal_mark"
        in call("explain", output.root, "https://www.example.org/story/")[1]
    )


def test_verify_looks_at_the_removed_lines(output, tmp_path):
    shutil.copytree(output.root, tmp_path / "out")
    for kind, message in (("damaged", "has other bytes"), ("gone", "is missing")):
        path = next((tmp_path / "out").glob("audit/c4/30-lines/lines-*.parquet"))
        path.write_bytes(b"damaged") if kind == "damaged" else path.unlink()
        (problem,) = verify(Output(str(tmp_path / "out")))
        assert problem.startswith(str(path))
        assert message in problem


def test_the_audit_of_lines_may_end_early(tmp_path):
    """The documents and the counts are the same; ``audit_lines`` is for each shard."""
    outputs = {}
    for most in (None, 1, 0):
        folder = tmp_path / str(most)
        write_crawl(folder)
        body = {"extends": "c4_from_crawl", "name": "x"}
        if most is not None:
            body["audit_lines"] = most
        (folder / "recipe.yaml").write_text(yaml.safe_dump(body))
        recipe = load_recipe(str(folder / "recipe.yaml"))
        run_recipe(recipe, str(folder / "out"), until="20-rules")
        outputs[most] = Output(str(folder / "out"))
    lines = {most: [row["line"] for _, row in removed_lines(o)] for most, o in outputs.items()}
    assert lines == {None: [0, 3, 0], 1: [0, 0], 0: []}
    edited = [o.stages()[-1].totals()["edited"] for o in outputs.values()]
    assert edited[0] == edited[1] == edited[2]
    assert [list(verify(o)) for o in outputs.values()] == [[], [], []]


def test_refuses_a_negative_cap(tmp_path):
    (tmp_path / "r.yaml").write_text("{extends: c4_from_crawl, name: x, audit_lines: -1}")
    with pytest.raises(ConfigError, match="audit_lines is -1"):
        load_recipe(str(tmp_path / "r.yaml"))
