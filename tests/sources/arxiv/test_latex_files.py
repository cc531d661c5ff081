"""Which file is the main one, what its bytes mean, and what a whole submission gives."""

from __future__ import annotations

import pytest

from pasture.sources.arxiv.latex import NotCleaned, Paper, clean_submission
from pasture.sources.arxiv.latex.files import Submission, decode

DOCUMENT = b"\\documentclass{article}\\begin{document}\\section{A}Text.\\end{document}"
LONGER = DOCUMENT.replace(b"Text.", b"A longer text.")
FIGURE = b"\\documentclass[tikz]{standalone}\\begin{document}\\draw;\\end{document}" + b" " * 999


@pytest.mark.parametrize(
    ("files", "main"),
    [
        ({"a.tex": DOCUMENT}, "a.tex"),
        ({"a.tex": DOCUMENT, "b.tex": LONGER}, "b.tex"),
        ({"a.tex": DOCUMENT, "b.tex": DOCUMENT}, "a.tex"),
        ({"main.tex": DOCUMENT, "b.tex": LONGER}, "main.tex"),
        ({"ms.tex": DOCUMENT, "main.tex": DOCUMENT, "x.tex": LONGER}, "main.tex"),
        ({"old/main.tex": DOCUMENT, "main.tex": DOCUMENT}, "main.tex"),
        ({"fig.tex": FIGURE, "x.tex": DOCUMENT}, "x.tex"),
        ({"fig.tex": FIGURE}, "fig.tex"),
        ({"x.tex": DOCUMENT, "frag.tex": b"\\section{A}" + b"long " * 99}, "x.tex"),
        (
            {"x.tex": b"\\begin{document}\\input{main}\\end{document}", "main.tex": DOCUMENT},
            "x.tex",
        ),
        ({"x.tex": b"% \\begin{document}", "y.tex": DOCUMENT}, "y.tex"),
        ({"x.tex": b"%auto-ignore\n" + LONGER, "y.tex": DOCUMENT}, "y.tex"),
        ({"a.tex": DOCUMENT, "b.tex": LONGER, "00README.XXX": b"a.tex toplevelfile\n"}, "a.tex"),
        ({"a.tex": DOCUMENT, "b.tex": LONGER, "00README.XXX": b"b.tex ignore\n"}, "a.tex"),
        ({"a.tex": DOCUMENT, "b.tex": LONGER, "00README.XXX": b"none.tex toplevelfile"}, "b.tex"),
        (
            {
                "a.tex": DOCUMENT,
                "b.tex": LONGER,
                "00README.json": b'{"sources": [{"filename": "a.tex", "usage": "toplevel"}]}',
            },
            "a.tex",
        ),
        ({"a.tex": DOCUMENT, "00README.json": b"[1"}, "a.tex"),
        ({"a": DOCUMENT}, "a"),
        ({"a.TEX": DOCUMENT}, "a.TEX"),
        ({"a.tex": b"\\magnification=1200 Text \\bye"}, None),
        ({"a.png": b"x"}, None),
        ({}, None),
    ],
)
def test_finds_the_main_file(files: dict[str, bytes], main: str | None) -> None:
    assert Submission(files).find_main() == main


@pytest.mark.parametrize(
    ("data", "declared", "text"),
    [
        ("naïve".encode(), None, "naïve"),
        (b"\xef\xbb\xbfa", None, "a"),
        ("naïve".encode("latin-1"), None, "naïve"),
        ("naïve".encode(), "cp1252", "naïve"),
        ("žluť".encode("iso8859-2"), "iso8859-2", "žluť"),
        ("мир".encode("cp1251"), "cp1251", "мир"),
        (b"\x93quoted\x94", None, "“quoted”"),
        (b"\x81", None, "\x81"),
        ("a".encode("utf-16"), None, "a"),
        (b"a\0b", None, None),
        (b"a\r\nb\rc", None, "a\nb\nc"),
    ],
)
def test_decodes(data: bytes, declared: str | None, text: str | None) -> None:
    assert decode(data, declared) == text


def test_cleans_a_submission_of_several_files() -> None:
    files = {
        "ms.tex": b"\\documentclass{article}\\usepackage[latin2]{inputenc}\\input{macros}\n"
        b"\\title{On $\\R$}\\begin{document}\\maketitle\n\\input{sec/a}\n\\input{none}\n"
        b"\\input{ms}\\bibliography{r}\\end{document}",
        "macros.tex": b"\\newcommand\\R{\\mathbb{R}}\\makeatletter\\def\\bad{\\@bad}\\makeatother",
        "sec/a.tex": "\\section{A}In $\\R$, \\bad\\ žluť.".encode("iso8859-2"),
        "fig.png": b"\x89PNG",
    }
    assert clean_submission(files) == Paper(
        text="\\section{A}In $\\mathbb{R}$, \\bad\\ žluť.",
        title="On $\\mathbb{R}$",
        start="section",
        main="ms.tex",
        files=("ms.tex", "macros.tex", "sec/a.tex"),
        missing_inputs=1,
        cyclic_inputs=1,
        unexpanded=("\\bad",),
    )


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "no_tex"),
        ({"a.png": b"x"}, "no_tex"),
        ({"a.tex": b""}, "empty"),
        ({"a.tex": b"% only a comment"}, "empty"),
        ({"a.tex": b"a\0b"}, "not_text"),
        ({"a.tex": b"%auto-ignore\nThis paper has been withdrawn."}, "withdrawn"),
        ({"a.tex": b"This submission was withdrawn by its author."}, "withdrawn"),
        ({"a.tex": b"\\magnification=1200 \\bye"}, "plain_tex"),
        ({"a.tex": b"\\begin{document}\\bibliography{x}\\end{document}"}, "empty"),
        ({"a.tex": b"\\catcode`\\%=12 " + DOCUMENT}, "catcode_change"),
    ],
)
def test_says_why_there_is_no_text(files: dict[str, bytes], reason: str) -> None:
    with pytest.raises(NotCleaned) as caught:
        clean_submission(files)
    assert caught.value.reason == reason
