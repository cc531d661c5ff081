"""C4's rules: golden pages, each rule on both sides of its threshold, and their order."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.errors import ConfigError, StorageError
from pasture.filters.base import Edit
from pasture.filters.c4 import BadWords, C4Lines, C4Pages
from pasture.records import RemovedLines

GOOD = "The ferry ran without a bell. Nobody in the town complained of it. It sank in spring."
LINE = "This is one more sentence here."


def test_a_golden_page():
    page = f"""
    Home | News | Contact
    The ferry of 1860[1] ran without a bell.[citation needed]
    Nobody in the town complained of it, or did they?
    [edit] He said that "it sank in spring, after all."
    Read more...
    Please enable JavaScript to see the map of the ferry.
    This site uses cookies to give you the best experience.
    Too short, sorry.

    {"a" * 1001} is a word that is too long to be one.
    """
    edit = C4Lines().edit(page)
    assert edit.text == (
        "The ferry of 1860 ran without a bell.\n"
        "Nobody in the town complained of it, or did they?\n"
        'He said that "it sank in spring, after all."'
    )
    lines = page.split("\n")
    assert edit.lines.texts == [lines[number] for number in edit.lines.numbers]
    assert dict(zip(edit.lines.numbers, edit.lines.reasons, strict=True)) == {
        1: "no_terminal_mark",
        5: "no_terminal_mark",
        6: "javascript",
        7: "policy_notice",
        8: "too_few_words",
        10: "word_too_long",
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("It ends with a period.", "It ends with a period."),
        ("Does it end with a question?", "Does it end with a question?"),
        ("It ends with a shout!", "It ends with a shout!"),
        ('It ends with a "quote"', 'It ends with a "quote"'),
        ("It ends with a \u201cquote\u201d", "no_terminal_mark"),
        ("It ends with a single 'quote'", "no_terminal_mark"),
        ("It ends with a colon:", "no_terminal_mark"),
        ("It ends with an ellipsis...", "no_terminal_mark"),
        ("It ends with an ellipsis\u2026", "no_terminal_mark"),
        ("It ends with two periods..", "It ends with two periods.."),
        ("It ends with four periods....", "no_terminal_mark"),
        ('It ends "with an ellipsis..."', 'It ends "with an ellipsis..."'),
        ("It ends with a question?...", "no_terminal_mark"),
        ("It ends and goes on. ", "It ends and goes on."),
        ("Five words are just enough.", "Five words are just enough."),
        ("Four words are few.", "too_few_words"),
        ("Wh-at counts is-white space.", "too_few_words"),
        (f"A word of 1000 {'a' * 999}.", f"A word of 1000 {'a' * 999}."),
        (f"A word of 1001 {'a' * 1000}.", "word_too_long"),
        ("Citations[1] of[22] all[] kinds go[edit].", "Citations of all kinds go."),
        (
            "A citation [citation needed] stands here at the end. [3]",
            "A citation  stands here at the end.",
        ),
        ("Other [brackets] and [1a] stay here.", "Other [brackets] and [1a] stay here."),
        ("So do [Edit] and [ 1 ] here.", "So do [Edit] and [ 1 ] here."),
        ("Five words with[1] one cited.", "Five words with one cited."),
        ("[1] [2] [3] [4] five.", "too_few_words"),
        ("Learn JAVASCRIPT in ten days now.", "javascript"),
        ("Learn somejavascripts in ten days now.", "javascript"),
        ("Learn Java Script in ten days.", "Learn Java Script in ten days."),
        ("See our Terms of Use for more.", "policy_notice"),
        ("See our PRIVACY POLICY for more.", "policy_notice"),
        ("See our cookie policy for more.", "policy_notice"),
        ("This site uses cookies for you.", "policy_notice"),
        ("It is the use of cookies.", "policy_notice"),
        ("We use cookies on this site.", "policy_notice"),
        ("We like cookies on this site.", "We like cookies on this site."),
        ("See the terms we use here.", "See the terms we use here."),
        ("See our policy on privacy here.", "See our policy on privacy here."),
        ("This site uses many cookies here.", "This site uses many cookies here."),
        ("Lorem ipsum dolor sit amet consectetur.", "page: lorem_ipsum"),
        ("This line has LOREM IPSUM in it.", "page: lorem_ipsum"),
        ("This line has lorem  ipsum in it.", "This line has lorem  ipsum in it."),
        ("This line has a { in it.", "page: curly_bracket"),
        ("This line has a } in it.", "This line has a } in it."),
    ],
)
def test_each_line_rule(line, expected):
    edit = C4Lines().edit(f"{line}\n{GOOD}")
    if expected.startswith("page: "):
        assert edit == Edit(f"{line}\n{GOOD}", expected.removeprefix("page: "))
    elif " " in expected:
        assert edit == Edit(f"{expected}\n{GOOD}")
    else:
        assert edit == Edit(GOOD, lines=RemovedLines([0], [line], [expected]))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("lorem ipsum {", "no_terminal_mark"),
        ("lorem ipsum {.", "too_few_words"),
        ("a b c javascript {.", "javascript"),
        ("We use cookies and {.", "curly_bracket"),
        ("Lorem ipsum and javascript too {.", "lorem_ipsum"),
        (f"{'a' * 1001} lorem ipsum {{ e f.", "word_too_long"),
    ],
)
def test_the_first_rule_that_fits_decides(line, reason):
    """A rule that drops the page never sees a line that an earlier rule took."""
    edit = C4Lines().edit(f"{line}\n{GOOD}")
    assert (edit.reason or edit.lines.reasons[0]) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{LINE} {LINE} {LINE}", None),
        (f"{LINE}\n{LINE}\n{LINE}", None),
        (f"{LINE}\n{LINE}", "too_few_sentences"),
        (f"{LINE}\n{LINE}\nNot a line of prose", "too_few_sentences"),
        ("", "too_few_sentences"),
        ("\n \n", "too_few_sentences"),
    ],
)
def test_a_page_needs_three_sentences(text, reason):
    assert C4Lines().edit(text).reason == reason


def test_a_dropped_page_keeps_its_text_and_counts_no_lines():
    text = f"No mark here\n{LINE}"
    assert C4Lines().edit(text) == Edit(text, "too_few_sentences")


@pytest.mark.parametrize("mark", ["\n", "\r\n", "\u2028", "\x85", "\x0b"])
def test_lines_end_where_unicode_says(mark):
    assert C4Lines().edit(f"Menu{mark}{GOOD}").text == GOOD


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"max_word_characters": None}, f"A word of 2000 {'a' * 2000}."),
        ({"remove_citations": False}, "A line with a [1] in it."),
        ({"terminal_marks": ()}, "A line without any mark"),
        ({"ellipsis": ""}, "It goes on and on..."),
        ({"min_words": 0}, "Short."),
        ({"page_phrases": ()}, "Lorem ipsum dolor sit amet again."),
        ({"code_words": ()}, "This line is about javascript only."),
        ({"page_marks": ()}, "This line has a { in it."),
        ({"policy_phrases": ()}, "We use cookies on this site."),
        ({"min_sentences": 0, "min_words": 50}, ""),
    ],
)
def test_each_rule_can_be_turned_off(options, line):
    text = f"{line}\n{GOOD}" if line else GOOD
    edit = C4Lines(**options).edit(text)
    removed = RemovedLines([0], [GOOD], ["too_few_words"])
    assert edit == (Edit(text) if line else Edit("", lines=removed))


PROSE = st.lists(
    st.sampled_from(
        [
            GOOD,
            LINE,
            "Menu",
            "Read more...",
            "",
            "[1]",
            "We use cookies now.",
            "A b c d [2]e.",
            "[[1]]",
        ]
    )
    | st.text(max_size=40),
    max_size=10,
).map("\n".join)


@settings(max_examples=50)
@given(PROSE)
def test_cleaning_twice_is_cleaning_once(text):
    once = C4Lines(remove_citations=False).edit(text)
    if once.reason is None:
        assert C4Lines(remove_citations=False).edit(once.text) == Edit(once.text)


@settings(max_examples=50)
@given(PROSE)
def test_cleaning_adds_nothing_and_accounts_for_every_line(text):
    edit = C4Lines(remove_citations=False).edit(text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if edit.reason is None:
        kept = edit.text.split("\n")
        assert len(kept) + len(edit.lines) == len(lines)
        assert [line for line in lines if line in kept] == kept


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD, None),
        ("One.\nTwo.\nThree.", None),
        ("One.\nTwo.", "too_few_sentences"),
        ("", "too_few_sentences"),
    ],
)
def test_c4_pages(text, reason):
    assert C4Pages().reason(text) == reason
    assert C4Pages(min_sentences=0).reason(text) is None


@pytest.fixture
def word_list(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("Darn\ntwo words\nf*ck\n\n\u0431\u043b\u0438\u043d\n\u7b28\u86cb\n", "utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Well, darn!", "bad_word"),
        ("DARN", "bad_word"),
        ("darned", None),
        ("goshdarn", None),
        ("darn_it", None),
        ("darn-it", "bad_word"),
        ("these two words here", "bad_word"),
        ("these two Words.", "bad_word"),
        ("words two", None),
        ("two wordsmiths", None),
        ("what the f*ck is this", "bad_word"),
        ("f ck", None),
        ("\u0411\u043b\u0438\u043d, \u043e\u043f\u044f\u0442\u044c", "bad_word"),
        ("\u4ed6\u662f\u7b28\u86cb\u5417", None),
        ("", None),
    ],
)
def test_bad_words_stand_alone(word_list, text, reason):
    assert BadWords(words=word_list).reason(text) == reason


def test_bad_words_may_be_found_within_others(word_list):
    words = BadWords(words=word_list, whole_words=False)
    assert words.reason("\u4ed6\u662f\u7b28\u86cb\u5417") == "bad_word"
    assert words.reason("goshdarned") == "bad_word"
    assert words.reason("fine") is None


def test_a_bad_list_stops_the_worker(tmp_path):
    (tmp_path / "empty.txt").write_bytes(b"\n \n")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(ConfigError, match="has no word"):
        BadWords(words=f"{tmp_path}/empty.txt").setup()
    with pytest.raises(ConfigError, match="not UTF-8"):
        BadWords(words=f"{tmp_path}/latin.txt").setup()
    with pytest.raises(StorageError, match=r"none\.txt"):
        BadWords(words=f"{tmp_path}/none.txt").setup()


@pytest.mark.real_data
def test_the_release_passes_its_own_rules(real_data):
    """697 of 700 pages come out unaltered; punkt counts more sentences in two, for their "!!!"."""
    texts = [
        json.loads(line)["text"]
        for path in sorted((real_data / "c4").glob("*.json.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    edits = [C4Lines().edit(text) for text in texts]
    assert [edit.reason for edit in edits if edit.reason] == ["too_few_sentences"] * 2
    altered = [(e, t) for e, t in zip(edits, texts, strict=True) if not e.reason and e.text != t]
    assert len(altered) == 1
    [(edit, text)] = altered  # the release kept the space after a citation at a line's start
    assert edit == Edit(text.replace("\n ", "\n"))
