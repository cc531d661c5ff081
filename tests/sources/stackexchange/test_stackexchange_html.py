"""HTML of posts to text: one row for each construct that posts use, then hostile input."""

from __future__ import annotations

import html

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.sources.stackexchange.html import HtmlToText, html_to_text

GOLDEN = {
    "empty": ("", ""),
    "blank": ("  \n ", ""),
    "bare text": ("no markup", "no markup"),
    "paragraphs": ("<p>One.</p>\n\n<p>Two.</p>\n", "One.\n\nTwo."),
    "line ends are blanks": ("<p>one\ntwo\n  three</p>", "one two three"),
    "line break": ("<p>one<br>two<br/>three<br />\nfour</p>", "one\ntwo\nthree\nfour"),
    "emphasis": ("<p><em>a</em> <strong>b</strong> <b>c</b> <i>d</i></p>", "a b c d"),
    "struck": ("<p><s>a</s> <del>b</del> <strike>c</strike></p>", "a b c"),
    "entities": (
        "<p>a &lt; b &amp;&amp; c &gt; d &quot;e&quot; &#39;f&#x27;</p>",
        "a < b && c > d \"e\" 'f'",
    ),
    "typographic entities": ("<p>&hellip;&mdash;&eacute;&#8364;</p>", "…—é€"),
    "no-break space": ("<p>10&nbsp;km</p>", "10 km"),
    "escaped markup is text": ("<p>Use &lt;b&gt;bold&lt;/b&gt;.</p>", "Use <b>bold</b>."),
    "link": (
        '<p>See <a href="http://x.org/?a=1&amp;b=2" rel="nofollow">the page</a>.</p>',
        "See the page.",
    ),
    "link whose label is its address": (
        '<p><a href="http://x.org">http://x.org</a></p>',
        "http://x.org",
    ),
    "picture": ('<p><img src="x.png" alt="A red  kettle"></p>', "[Image: A red kettle]"),
    "picture nobody described": (
        '<p>a <img src="x.png" alt="enter image description here"> b</p>',
        "a b",
    ),
    "picture in a link": ('<p><a href="y"><img src="x" alt="A cat"></a></p>', "[Image: A cat]"),
    "inline code": ("<p>Call <code>f(x)</code> now</p>", "Call `f(x)` now"),
    "inline code with markup signs": ("<p><code>a &lt; b</code></p>", "`a < b`"),
    "inline code with a backtick": ("<p><code>a`b</code></p>", "`` a`b ``"),
    "inline code, empty": ("<p>a <code></code> b</p>", "a b"),
    "inline code in emphasis": ("<p><strong><code>x</code></strong></p>", "`x`"),
    "inline code in inline code": ("<p><code>a <code>b</code> c</code></p>", "`a b` c"),
    "code block": (
        "<p>Run:</p>\n\n<pre><code>for x in y:\n    print(x)\n\nprint()\n</code></pre>\n\n"
        "<p>Done</p>",
        "Run:\n\n```\nfor x in y:\n    print(x)\n\nprint()\n```\n\nDone",
    ),
    "code block with its language": (
        '<pre class="lang-py prettyprint-override"><code>x = 1\n</code></pre>',
        "```py\nx = 1\n```",
    ),
    "code block with the language on the code": (
        '<pre><code class="language-c++">int x;</code></pre>',
        "```c++\nint x;\n```",
    ),
    "code block without language": (
        '<pre class="lang-none prettyprint-override"><code>x</code></pre>',
        "```\nx\n```",
    ),
    "code block keeps entities and tabs": (
        "<pre><code>if (a &lt; b)\n\treturn &amp;c;</code></pre>",
        "```\nif (a < b)\n\treturn &c;\n```",
    ),
    "code block keeps a no-break space": ("<pre><code>a&nbsp;b</code></pre>", "```\na\xa0b\n```"),
    "code block with markup in it": ("<pre><code>a <b>b</b><br>c</code></pre>", "```\na b\nc\n```"),
    "code block with a fence in it": (
        "<pre><code>```\nx\n```</code></pre>",
        "````\n```\nx\n```\n````",
    ),
    "code block, empty": ("<p>a</p><pre><code>\n</code></pre><p>b</p>", "a\n\nb"),
    "preformatted without code": ("<pre>a\n  b</pre>", "```\na\n  b\n```"),
    "bulleted list": ("<p>x</p><ul>\n<li>a</li>\n<li>b</li>\n</ul><p>y</p>", "x\n\n- a\n- b\n\ny"),
    "numbered list": ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
    "numbered list from a number": ('<ol start="9"><li>a</li><li>b</li></ol>', "9. a\n10. b"),
    "list of paragraphs": (
        "<ul><li><p>a</p>\n<p>b</p></li><li><p>c</p></li></ul>",
        "- a\n\n  b\n- c",
    ),
    "list in a list": (
        "<ul><li>a<ol><li>b</li><li>c</li></ol></li><li>d</li></ul>",
        "- a\n  1. b\n  2. c\n- d",
    ),
    "two lists": ("<ul><li>a</li></ul><ol><li>b</li></ol>", "- a\n\n1. b"),
    "item without list": ("<li>a</li>", "- a"),
    "empty item": ("<ul><li></li><li>a</li></ul>", "- a"),
    "code block in a list": (
        "<ol><li><p>Do</p><pre><code>a\n\n b\n</code></pre></li><li>x</li></ol>",
        "1. Do\n\n   ```\n   a\n\n    b\n   ```\n2. x",
    ),
    "quote": ("<blockquote>\n<p>a</p>\n<p>b</p>\n</blockquote>\n<p>c</p>", "> a\n>\n> b\n\nc"),
    "quote in a quote": (
        "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>",
        "> a\n>\n> > b",
    ),
    "two quotes": (
        "<blockquote><p>a</p></blockquote><blockquote><p>b</p></blockquote>",
        "> a\n\n> b",
    ),
    "quote with a list": ("<blockquote><ul><li>a</li><li>b</li></ul></blockquote>", "> - a\n> - b"),
    "quote with a code block": (
        "<blockquote><pre><code>a\n\nb</code></pre></blockquote>",
        "> ```\n> a\n>\n> b\n> ```",
    ),
    "spoiler": ('<blockquote class="spoiler"><p>He did it.</p></blockquote>', "> He did it."),
    "heading": (
        "<h1>A</h1><p>b</p><h3>C <code>d</code></h3><p>e</p>",
        "# A\n\nb\n\n### C `d`\n\ne",
    ),
    "rule": ("<p>a</p><hr><p>b</p>", "a\n\n---\n\nb"),
    "table with header": (
        '<div class="s-table-container"><table><thead><tr><th>n</th><th>m</th></tr></thead>'
        "<tbody><tr><td>1</td><td>a|b</td></tr></tbody></table></div>",
        "| n | m |\n| --- | --- |\n| 1 | a\\|b |",
    ),
    "table without header": (
        "<table><tr><td>1</td><td></td></tr><tr><td>2</td><td>3</td></tr></table>",
        "| 1 |  |\n| 2 | 3 |",
    ),
    "table with blocks in its cells": (
        "<table><tr><td><p>a</p><p>b</p><ul><li>c</li></ul></td><td><pre>d\ne</pre></td></tr></table>",
        "| a b c | `d e` |",
    ),
    "table in a table": (
        "<table><tr><td>a<table><tr><td>b</td></tr></table></td></tr></table>",
        "| a b |",
    ),
    "definition list": ("<dl><dt>Term</dt><dd>Meaning</dd></dl>", "Term\n\n  Meaning"),
    "subscript": ("<p>H<sub>2</sub>O</p>", "H2O"),
    "superscript": (
        "<p>10<sup>6</sup> and x<sup>-1</sup> and e<sup>i+1</sup></p>",
        "10^6 and x^-1 and e^(i+1)",
    ),
    "superscript that is no power": (
        "<p>the 1<sup>st</sup>, n<sup>th</sup><sup>[2]</sup> and f<sup>(n)</sup></p>",
        "the 1st, nth[2] and f^(n)",
    ),
    "small print in superscript": (
        "<p>a <sup>only where the law allows</sup></p>",
        "a only where the law allows",
    ),
    "keys": ("<p>Press <kbd>Ctrl</kbd>+<kbd>C</kbd></p>", "Press Ctrl+C"),
    "inline math": (
        r"<p>Let $x_1 &lt; \frac{a}{b}$ and \(y\).</p>",
        r"Let $x_1 < \frac{a}{b}$ and \(y\).",
    ),
    "displayed math keeps its lines": (
        "<p>$$\n\\begin{align}\na &amp;= b \\\\\nc\n\\end{align}\n$$</p>",
        "$$\n\\begin{align}\na &= b \\\\\nc\n\\end{align}\n$$",
    ),
    "short quotation": ("<p><q>a</q></p>", '"a"'),
    "comment": ("<p>a<!-- begin snippet: js hide: false -->b</p>", "ab"),
    "script and style": ("<p>a<script>x()</script><style>y{}</style>b</p>", "ab"),
    "division": ("<div>a</div><div>b</div>", "a\n\nb"),
    "unclosed": ("<p>a <b>b<p>c<ul><li>d<li>e", "a b\n\nc\n\n- d\n- e"),
    "stray closing tags": ("</li></ul></blockquote></td><p>a</p></pre>", "a"),
    "upper case": ("<P>a<BR>b</P>", "a\nb"),
    "unknown tag": ("<p><blink>a</blink></p>", "a"),
    "control characters": ("<p>a&#1;b&#127;</p>", "ab"),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name):
    source, expected = GOLDEN[name]
    assert html_to_text(source) == expected


def test_a_converter_forgets_the_post_before():
    converter = HtmlToText()
    for source, expected in [*GOLDEN.values()] * 2:
        assert converter.convert(source) == expected


LINKS = {
    "link": (
        '<p>See <a href="http://x.org/?a=1&amp;b=2" rel="nofollow">the page</a>.</p>',
        "See [the page](http://x.org/?a=1&b=2).",
    ),
    "label that is the address": ('<a href="http://x.org">http://x.org</a>', "http://x.org"),
    "mail": ('<a href="mailto:a@x.org">a@x.org</a>', "a@x.org"),
    "relative": ('<a href="/questions/1">one</a>', "[one](https://tea.org/questions/1)"),
    "no scheme": ('<a href="//y.org/b">b</a>', "[b](https://y.org/b)"),
    "blanks at the ends": ('a<a href="http://x.org"> b </a>c', "a [b](http://x.org) c"),
    "brackets and bars": (
        '<a href="http://x.org/a_(b)|&lt;">b</a>',
        "[b](http://x.org/a_%28b%29%7C%3C)",
    ),
    "code in a link": ('<a href="http://x.org"><code>f</code></a>', "[`f`](http://x.org)"),
    "picture in a link": (
        '<a href="http://y.org"><img alt="A cat"></a>',
        "[[Image: A cat]](http://y.org)",
    ),
    "link in a table": (
        '<table><tr><td><a href="http://x.org/|">b</a></td></tr></table>',
        "| [b](http://x.org/%7C) |",
    ),
    "link in a superscript": (
        '10<sup><a href="http://x.org">1</a></sup>',
        "10[1](http://x.org)",
    ),
    "no label": ('a <a href="http://x.org"></a>b', "a b"),
    "no target": ("<a>b</a>", "b"),
    "place on the page": ('<a href="#top">b</a>', "b"),
    "script": ('<a href="java\nscript:x()">b</a>', "b"),
    "no address": ('<a href="http://[x">b</a>', "b"),
    "target without end": (f'<a href="http://x.org/{"x" * 2000}">b</a>', "b"),
    "in a code block": ('<pre><a href="http://x.org">b</a></pre>', "```\nb\n```"),
    "over two blocks": ('<a href="http://x.org"><p>a</p><p>b</p></a>', "a\n\nb"),
    "not closed": (
        '<a href="http://x.org">a <a href="http://y.org">b</a>',
        "[a](http://x.org) [b](http://y.org)",
    ),
}


@pytest.mark.parametrize("name", LINKS)
def test_links_keep_their_targets_where_they_are_wanted(name):
    source, expected = LINKS[name]
    assert HtmlToText("https://tea.org/").convert(source) == expected


def test_deep_quotes_are_indented_to_a_limit():
    text = html_to_text("<blockquote>" * 500 + "deep" + "</blockquote>" * 500 + "<p>out</p>")
    assert text == "> " * 8 + "deep\n\nout"


@given(st.text(max_size=200).map(html.escape), st.sampled_from(["p", "li", "td", "blockquote"]))
@settings(max_examples=50, deadline=None)
def test_words_survive(text, tag):
    words = [w for w in html.unescape(text).split() if w.isascii() and w.isalnum()]
    found = html_to_text(f"<{tag}>{text}</{tag}>")
    assert all(word in found for word in words)


TAGS = [
    "p",
    "pre",
    "code",
    "ul",
    "ol",
    "li",
    "blockquote",
    "table",
    "tr",
    "td",
    "th",
    "h2",
    "sup",
    "br",
    "hr",
    "dd",
    "div",
    "script",
    "q",
    "a",
    "img alt='x'",
]


@given(
    st.lists(
        st.one_of(
            st.sampled_from([f"<{tag}>" for tag in TAGS] + [f"</{tag}>" for tag in TAGS]),
            st.text(max_size=10),
        ),
        max_size=40,
    )
)
@settings(max_examples=100, deadline=None)
def test_any_markup_gives_plain_lines(parts):
    text = html_to_text("".join(parts))
    assert text == text.strip("\n")
    text.encode("utf-8")
    assert "\x00" not in text


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit",
    [
        "<b>",
        "<p>",
        "<p><b>",
        "<code>",
        "<sup>",
        "<blockquote>",
        "<ul><li>x",
        "<table><tr><td>",
        "`",
        "<pre>",
        "<pre>x</pre>",
        "&amp;",
        "<!--",
        "<",
        "x",
        "x\n",
        "<a href=",
        "<a href='http://x.org/'>x",
        "</p>",
        "$$\n",
        "<br>",
        "<code>`</code>",
        "<li><pre>`\n",
    ],
)
def test_hostile_repetition_takes_linear_time_and_space(unit):
    source = unit * (1_000_000 // len(unit))
    assert len(html_to_text(source)) <= 12 * len(source)
    assert len(HtmlToText("https://tea.org/").convert(source)) <= 12 * len(source)


def test_a_line_of_ten_megabytes_is_kept():
    assert len(html_to_text("<p>" + "a" * 11_000_000)) == 11_000_000
