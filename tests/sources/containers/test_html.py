"""Character sets, limits and extraction: what is read right, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.sources.containers import html
from pasture.sources.containers.html import Extracted
from pasture.sources.containers.html_tree import Limits, PageError

EXTRACTORS = ("auto", "trafilatura", "trafilatura_fast", "resiliparse")
SENTENCE = "The ferry ran without a bell, and nobody in the town complained of it. "


def page(body: str, title: str = "The ferry") -> str:
    return f"<html><head><title>{title}</title></head><body>{body}</body></html>"


def rejection(body: str, limits: Limits) -> str | None:
    """The reason for which a page is rejected; None where it is extracted."""
    try:
        html.extract(page(body), "resiliparse", limits)
    except PageError as error:
        return error.reason
    return None


@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [
        (b"plain", None, "plain"),
        ("caf\u00e9".encode(), None, "caf\u00e9"),
        ("caf\u00e9".encode(), "iso-8859-1", "caf\u00e9"),  # the label is wrong
        (b"\xef\xbb\xbfcaf\xc3\xa9", "iso-8859-1", "caf\u00e9"),
        ("\ufeffcaf\u00e9".encode("utf-16-le"), None, "caf\u00e9"),
        ("\ufeffcaf\u00e9".encode("utf-16-be"), "utf-8", "caf\u00e9"),
        (b"caf\xe9", "iso-8859-1", "caf\u00e9"),
        (b"\x93caf\xe9\x94", "iso-8859-1", "\u201ccaf\u00e9\u201d"),  # as browsers read it
        (b"caf\xe9", "no-such-charset", "caf\u00e9"),
        (
            b"<meta charset=windows-1251>\xcf\xf0\xe8\xe2\xe5\xf2",
            None,
            "\u041f\u0440\u0438\u0432\u0435\u0442",
        ),
        (
            b'<?xml version="1.0" encoding="koi8-r"?>\xf0\xd2\xc9\xd7\xc5\xd4',
            None,
            "\u041f\u0440\u0438\u0432\u0435\u0442",
        ),
        (
            b'<META http-equiv=Content-Type content="text/html; charset=gb2312">\xc4\xe3\xba\xc3',
            None,
            "\u4f60\u597d",
        ),
        ("\u3053\u3093".encode("iso2022_jp"), "iso-2022-jp", "\u3053\u3093"),
        (
            "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35".encode("cp874"),
            "windows-874",
            "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
        ),
        (b"caf\xe9", "base64", "caf\u00e9"),  # a codec of Python that is no character set
        (b"caf\xe9", "utf-16", "caf\u00e9"),
    ],
)
def test_decodes_by_mark_by_bytes_and_by_label(data, charset, text):
    assert html.decode(data, charset).endswith(text)


def test_a_label_that_fits_worse_than_another_loses():
    data = b"<meta charset=windows-1251>" + "\u041f\u0440\u0438\u0432\u0435\u0442".encode("cp1251")
    assert html.decode(data, "utf-8").endswith("\u041f\u0440\u0438\u0432\u0435\u0442")


def test_a_damaged_byte_does_not_lose_the_page():
    data = "caf\u00e9 ".encode() * 100 + b"\xff" + "caf\u00e9 ".encode() * 100
    assert html.decode(data, "utf-8").count("caf\u00e9") == 200


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([None, "utf-8", "gbk", "utf-7", "rot13", "\x00"]))
def test_decodes_any_bytes_to_valid_text(data, charset):
    html.decode(data, charset).encode("utf-8")


@pytest.mark.parametrize(
    ("data", "is_html"),
    [
        (b"<!DOCTYPE html><p>", True),
        (b"\n <HTML lang=en>", True),
        (b'<?xml version="1.0"?><html>', True),
        (b"plain text with a < b", False),
        (b"\x1f\x8b\x08\x00<html>", False),
        (b"", False),
    ],
)
def test_tells_html_by_its_beginning(data, is_html):
    assert html.looks_like_html(data) is is_html


@pytest.mark.parametrize("extractor", EXTRACTORS)
def test_keeps_the_main_content_and_the_title(extractor):
    body = (
        "<nav><a href=/>Home</a> <a href=/about>About us</a></nav><article><h1>Ferries</h1>"
        f"<p>{SENTENCE * 3}</p><p>{SENTENCE * 2}</p></article><script>let a = 1;</script>"
        "<footer>Imprint</footer>"
    )
    result = html.extract(page(body, "The\n ferry "), extractor)
    assert result.title == "The ferry"
    assert result.text.count(SENTENCE.strip()) == 5
    for boilerplate in ("About us", "let a", "Imprint"):
        assert boilerplate not in result.text


@pytest.mark.parametrize("extractor", EXTRACTORS)
@pytest.mark.parametrize(
    "source", ["", "\0", "<", "<!--", "<html></html>", "<svg>" * 50, "<table>" * 90]
)
def test_a_page_without_text_gives_none(extractor, source):
    assert html.extract(source, extractor).text.strip("<\0") == ""


@pytest.mark.parametrize("extractor", EXTRACTORS)
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<p>x" * 50_001, "too_many_elements"),
        ("<div>" * 16_000, "too_complex"),
        ("<b><i>" * 8_000, "too_complex"),
        (("<div>" * 200 + "</div>" * 200) * 200, "too_complex"),
        ("<p " + " ".join(f"a{i}=1" for i in range(80_000)) + ">", "too_many_attributes"),
        ("<p x='>' " + " ".join(f"a{i}" for i in range(80_000)) + ">", "too_many_attributes"),
    ],
)
def test_refuses_what_would_take_too_long(extractor, body, reason):
    with pytest.raises(PageError) as error:
        html.extract(page(body), extractor)
    assert error.value.reason == reason


@pytest.mark.parametrize("extractor", ["auto", "trafilatura", "trafilatura_fast"])
@pytest.mark.parametrize(
    "body",
    ["<div>" * 4_000, "<b><i>" * 3_000, ("<div>" * 200 + "</div>" * 200) * 100],
)
def test_trafilatura_is_spared_what_resiliparse_reads(extractor, body):
    with pytest.raises(PageError, match="too_complex"):
        html.extract(page(body), extractor)
    html.extract(page(body), "resiliparse")


ATTRIBUTES = "<p " + " ".join(f"a{i}=11" for i in range(2_001))
LARGE = "word " * 1_700_000  # pages so large that each tag over 8,192 bytes is looked at


@pytest.mark.parametrize("before", [0, 1, 4_000, 4_095, 4_096, 4_097, 8_191, 100_000])
@pytest.mark.parametrize("after", ["", ">", "><p>text", " <"])
def test_a_tag_of_many_attributes_is_found_wherever_it_stands(before, after):
    with pytest.raises(PageError, match="too_many_attributes"):
        html.extract(LARGE + "<p>" + "x" * before + ATTRIBUTES + after, "resiliparse")


@pytest.mark.parametrize(("words", "is_found"), [(0, False), (65_000, False), (200_000, True)])
def test_a_page_too_small_to_take_long_may_have_a_tag_of_many_attributes(words, is_found):
    tag = "<p " + " ".join(f"a{i}=1" for i in range(10_000)) + ">"
    body = tag + "<br>" + "word " * words
    assert rejection(body, Limits()) == ("too_many_attributes" if is_found else None)


@pytest.mark.parametrize(
    "body",
    [
        LARGE,
        "a < " + LARGE,
        "a <\u00e9 " + LARGE,
        "<script>" + LARGE,
        ATTRIBUTES.replace("<p ", "</p ") + ">" + LARGE,
        ATTRIBUTES.replace("a2000=11", ">") + LARGE,
    ],
)
def test_what_is_no_tag_or_has_as_many_attributes_as_it_may_passes(body):
    html.extract(body, "resiliparse")


# 104 elements, of which 94 have 8 others above them, 86 have 16, and so on.
NESTING = 8 * (104 + 94) + 16 * 86 + 32 * 70 + 64 * 38


@pytest.mark.parametrize(
    ("body", "limits", "reason"),
    [
        ("<p>x" * 6, Limits(elements=10, nesting=150), None),
        ("<p>x" * 7, Limits(elements=10, nesting=150), "too_many_elements"),  # html, head, ...
        ("<div>" * 100, Limits(nesting=NESTING), None),
        ("<div>" * 100, Limits(nesting=NESTING - 1), "too_complex"),
        ("<div>" * 3_000, Limits(), None),
        ("<div>" * 3_000 + "word " * 200_000, Limits(), "too_complex"),
        ("<div>" * 250 + "word " * 200_000 + "<br>" * 1_000, Limits(), None),
        ("</p>x" * 60_000, Limits(), "too_many_elements"),  # each end tag makes an element
        ("<div>" * 250 + "</p>x" * 45_000, Limits(), "too_complex"),
        ("<table><td>" * 2_000, Limits(), "too_complex"),  # four elements each
    ],
)
def test_limits_hold_to_the_last_element(body, limits, reason):
    assert rejection(body, limits) == reason


def open_tags(count: int, blocks: int, tag: str = "<b id={}>") -> str:
    """Formatting elements left open, all of which the parser opens again in each block."""
    return "<p>" + "".join(map(tag.format, range(count))) + "<p>x" * blocks


@pytest.mark.parametrize(
    ("body", "limits", "reason"),
    [
        ("<span>" * 20 + "</x>" * 20, Limits(tags=24 * 48), None),  # and those of the page itself
        ("<span>" * 21 + "</x>" * 20, Limits(tags=24 * 48), "too_complex"),
        ("<span>" * 20 + "</x>" * 21, Limits(tags=24 * 48), "too_complex"),
        ("<span>" * 50_000 + "</x>" * 100_000, Limits(), "too_complex"),
        ("<select>" + "<option>" * 80_000, Limits(), "too_complex"),
        ("<svg>" + "<g>" * 20_000 + "</x>" * 300_000, Limits(), "too_complex"),
        (open_tags(80_000, 0), Limits(), "too_complex"),
    ],
)
def test_tags_at_which_the_parser_looks_through_open_elements_are_few(body, limits, reason):
    assert rejection(body, limits) == reason


@pytest.mark.parametrize(
    ("end_tag", "count", "reason"),
    [
        ("</b>", 30, None),
        ("</b>", 31, "too_complex"),
        ("</B\n>", 31, "too_complex"),
        ("</strong>", 31, "too_complex"),
        ("</STrike/>", 31, "too_complex"),
        ("</a>", 31, None),
        ("</body>", 31, None),
        ("<!-- </b> -->", 31, "too_complex"),  # nobody looks where they stand
    ],
)
def test_end_tags_of_formatting_elements_are_few(end_tag, count, reason):
    assert rejection(end_tag * count + "<br>", Limits(formatting_ends=30)) == reason


def test_formatting_elements_that_are_closed_outside_of_their_blocks_take_no_minutes():
    """Each end tag moves its element into the blocks that it holds, eight of them at a time."""
    body = open_tags(500, 0) + "<div>" * 1_000 + "x" + "</b>" * 50_000
    for extractor in EXTRACTORS:
        with pytest.raises(PageError, match="too_complex"):
            html.extract(body, extractor)


@pytest.mark.parametrize(
    ("count", "limits", "reason"),
    [
        (10, Limits(elements=5, start_tags=14), None),  # and html, head, title and body
        (11, Limits(elements=5, start_tags=14), "too_many_elements"),
        (10, Limits(elements=5, start_tags=14, nested_text=100), "too_many_elements"),
    ],
)
def test_trees_of_pages_with_few_start_tags_are_not_looked_at(count, limits, reason):
    body = "<p>" * count + "</p>" * count
    assert rejection(body, limits) == reason


REOPENED = Limits(elements=2_000, reopened=10_000)


@pytest.mark.parametrize(
    ("body", "limits", "reason"),
    [
        (open_tags(300, 300), REOPENED, "too_many_elements"),
        (open_tags(300, 300, "<FONT size={}>"), REOPENED, "too_many_elements"),
        (open_tags(300, 300, "<i\nid={}>"), REOPENED, "too_many_elements"),
        (open_tags(2_000, 2_000), REOPENED, "too_complex"),
        (open_tags(300, 300, "<b>"), REOPENED, None),  # three of a kind at most
        (open_tags(300, 300, "<a href={}>"), REOPENED, None),  # each closes the one before
        (open_tags(300, 300, "<b id={}></b>"), REOPENED, None),
        (open_tags(1_000, 1_000), Limits(), "too_many_elements"),  # a million in 23 kB
        (open_tags(50_000, 50_000), Limits(), "too_complex"),
    ],
)
def test_formatting_elements_are_not_opened_again_without_end(body, limits, reason):
    assert rejection(body, limits) == reason


@pytest.mark.parametrize(
    "tag",
    [
        f'<img src="data:image/svg+xml,{"%20 a=b " * 5_000}">',
        f"<div data-props='{'{a: 1} ' * 5_000}'>",
        f'<div class="{"a " * 5_000}">',
        f"<script>{'a = b; ' * 5_000}</script>",
        f"<p>{'a b c ' * 5_000}",
    ],
)
def test_long_values_and_texts_are_not_attributes(tag):
    result = html.extract(page(f"{tag}<p>{SENTENCE * 5}"), "resiliparse")
    assert SENTENCE.strip() in result.text


MARKUP = ["<p>", "<div>", "</div>", "<table>", "<td>", "<ul><li>", "<b><i>", "<a href='", "'>"]
MARKUP += ["<!--", "-->", "<script>", "</script>", "<![CDATA[", "&#xD800;", "\0", "\ud7ff", "word "]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.sampled_from(MARKUP),
        max_size=40,
    ),
    st.sampled_from(EXTRACTORS),
)
def test_any_markup_gives_valid_text_or_a_reason(parts, extractor):
    try:
        result = html.extract("".join(parts), extractor)
    except PageError:
        return
    result.text.encode("utf-8")


def test_the_text_is_that_of_the_bare_library():
    import trafilatura

    source = page(f"<article><p>{SENTENCE * 3}</p></article>")
    assert html.extract(source, "trafilatura") == Extracted(
        trafilatura.extract(source) or "", "The ferry"
    )


@pytest.mark.parametrize(
    ("charset", "label"),
    [("utf-8", "utf-8"), ("utf-8-sig", None), ("utf-16", None), ("cp1251", "windows-1251")],
)
def test_bytes_are_extracted_as_what_they_decode_to(charset, label):
    source = page(f"<article><p>\u041f\u0440\u0438\u0432\u0435\u0442. {SENTENCE * 3}</p></article>")
    data = source.encode(charset)
    result = html.extract_bytes(data, label, "resiliparse")
    assert result == html.extract(html.decode(data, label), "resiliparse")
    assert result.text.startswith("\u041f\u0440\u0438\u0432\u0435\u0442")


@pytest.mark.parametrize("charset", ["utf-8", "utf-16"])
def test_bytes_have_the_limits_of_text(charset):
    data = page("<p>x" * 50_001).encode(charset)
    with pytest.raises(PageError, match="too_many_elements"):
        html.extract_bytes(data, None, "resiliparse")


def articles(count: int) -> str:
    return "".join(f"<article><p>{i} {SENTENCE * 3}</p></article>" for i in range(count))


@pytest.mark.parametrize(
    ("body", "kept", "left"),
    [
        # The container that holds most of the text.
        (
            f"<article><p>{SENTENCE * 9}</p></article><p>Other ferries: {SENTENCE}",
            "complained",
            "Other",
        ),
        # None does, so the whole page is taken.
        (
            f"<article><p>Teaser. {SENTENCE}</p></article><div>{'The long text. ' * 60}",
            "long text",
            "",
        ),
        (articles(4), "3 The ferry", ""),
    ],
)
def test_auto_takes_the_container_that_holds_most_of_the_text(body, kept, left):
    text = html.extract(page(body), "auto").text
    assert kept in text
    assert not left or left not in text


def test_auto_asks_trafilatura_where_its_text_is_small():
    body = f"<div class=sidebar><p>{SENTENCE * 9}</p></div>"  # taken for boilerplate by its name
    assert html.extract(page(body), "resiliparse").text == ""
    assert html.extract(page(body), "auto") == html.extract(page(body), "trafilatura_fast")
    assert "ferry" in html.extract(page(body), "auto").text


def test_auto_keeps_its_text_where_trafilatura_finds_less():
    body = f"<main><p>{SENTENCE * 3}</p><p class=ad>{SENTENCE * 3}</p>"
    body += f"<div class=sidebar><p>{SENTENCE * 20}</p></div></main>"
    texts = {name: html.extract(page(body), name).text for name in EXTRACTORS}
    assert len(texts["trafilatura_fast"]) < len(texts["resiliparse"])
    assert texts["auto"] == texts["resiliparse"]


def test_auto_reads_containers_within_containers_once():
    body = "<article>" * 240 + "<p>The hens lay well in spring.</p>" * 3_000
    assert html.extract(page(body), "auto").text.count("hens") == 3_000
