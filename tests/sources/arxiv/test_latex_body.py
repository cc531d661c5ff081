"""Cutting: what stands before the first section goes, and the bibliography in all its forms."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies as st

from pasture.sources.arxiv.latex.body import Body, cut_body

TITLE = "\\title{On \\emph{x}}\n"
FRONT = "\\documentclass{article}\n\\begin{document}\n" + TITLE + "\\maketitle\nFront.\n"
END = "\n\\end{document}\nAfter."


def cut(text: str, *, appendices: bool = True) -> tuple[str, str] | None:
    body = cut_body(text, appendices=appendices)
    return None if body is None else (body.start, body.text)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (FRONT + "\\section{A}\nText." + END, ("section", "\\section{A}\nText.")),
        (FRONT + "\\section*{A}\nText." + END, ("section", "\\section*{A}\nText.")),
        (FRONT + "\\section[s]{A}\nText." + END, ("section", "\\section[s]{A}\nText.")),
        (FRONT + "\\part{P}\\section{A}", ("section", "\\part{P}\\section{A}")),
        (FRONT + "\\chapter{C} Text.", ("section", "\\chapter{C} Text.")),
        (FRONT + "\\subsection{A} Text.", ("section", "\\subsection{A} Text.")),
        (FRONT + "\\subsubsection{A} Text.", ("section", "\\subsubsection{A} Text.")),
        (FRONT + "\\paragraph{A} Text.", ("paragraph", "\\paragraph{A} Text.")),
        (
            FRONT + "\\paragraph{Keywords} a\n\\section{A} Text.",
            ("section", "\\section{A} Text."),
        ),
        (
            FRONT + "\\begin{verbatim}\\section{V}\\end{verbatim}\\section{A} Text.",
            ("section", "\\section{A} Text."),
        ),
        (FRONT + "\\sectionmark{x}\\section{A} Text.", ("section", "\\section{A} Text.")),
        (FRONT + "a\\\\section b \\section{A}", ("section", "\\section{A}")),
        # Papers without sections.
        (
            FRONT + "\\begin{abstract}Ab.\\end{abstract}\nText." + END,
            ("abstract", "\\begin{abstract}Ab.\\end{abstract}\nText."),
        ),
        (FRONT + "\\abstract{Ab.} Text.", ("abstract", "\\abstract{Ab.} Text.")),
        (FRONT + "Text." + END, ("maketitle", "Front.\nText.")),
        ("\\begin{document}\nText." + END, ("document", "Text.")),
        ("Only text.", None),
        (
            FRONT + "Letter.\n\\section*{Acknowledgments}Thanks.",
            ("maketitle", "Front.\nLetter.\n\\section*{Acknowledgments}Thanks."),
        ),
        (
            FRONT + "Letter.\n\\appendix\\section{Proof}P.",
            ("maketitle", "Front.\nLetter.\n\\appendix\\section{Proof}P."),
        ),
        (
            FRONT + "Letter.\n\\section*{References}[1] One.",
            ("maketitle", "Front.\nLetter."),
        ),
    ],
)
def test_starts_at_the_first_section(source: str, expected: tuple[str, str] | None) -> None:
    assert cut(source) == expected


@pytest.mark.parametrize(
    "bibliography",
    [
        "\\begin{thebibliography}{9}\n\\bibitem{a} One.\n\\end{thebibliography}",
        "\\begin{thebibliography}{9}\n\\bibitem{a} One.",
        "\\begin{mcitethebibliography}{9}\n\\bibitem{a} One.\n\\end{mcitethebibliography}",
        "\\begin{references}\n\\reference One.\n\\end{references}",
        "\\begin{REFERENCES}\n\\reference One.\n\\end{REFERENCES}",
        "\\begin{bibdiv}\\begin{biblist}\\bib{a}{book}{}\\end{biblist}\\end{bibdiv}",
        "\\bibliography{refs}",
        "\\bibliographystyle{plain}\n\\bibliography{refs}",
        "\\bibliography{refs}\n\\bibliographystyle{plain}",
        "\\nocite{*}\n\\bibliography{refs}{}",
        "\\printbibliography[title=x]",
        "{\\small\n\\bibliography{refs}\n}",
        "\\clearpage\\begingroup\n\\bibliography{refs}\\endgroup",
        "\\putbib[refs]",
        "\\bibitem{a} One.\n\\bibitem{b} Two.",
        "\\section*{References}\n[1] One.\n\n[2] Two.",
        "\\section*{\\large References}\\bibliography{refs}",
        "\\section*{Bibliographie}\n\\begin{thebibliography}{9}x\\end{thebibliography}",
        "\\section{Sources}\\label{s}\n\\small\n\\begin{thebibliography}{9}x\\end{thebibliography}",
        "\\subsection*{Literature Cited}\nOne, A. (1999).",
    ],
)
def test_cuts_the_bibliography(bibliography: str) -> None:
    source = FRONT + "\\section{A}\nText.\n\n" + bibliography + "\nLeftover.\n"
    assert cut(source + END) == ("section", "\\section{A}\nText.")
    following = "\\appendix\n\\section{Proof}\nMore."
    assert cut(source + following + END) == ("section", "\\section{A}\nText.\n\n" + following)
    assert cut(source + following + END, appendices=False) == ("section", "\\section{A}\nText.")


def test_cuts_appendices_before_the_bibliography_only_when_asked() -> None:
    source = "\\section{A}T.\n\\appendix\\section{B}U.\n\\bibliography{x}"
    assert cut(source) == ("section", "\\section{A}T.\n\\appendix\\section{B}U.")
    assert cut(source, appendices=False) == ("section", "\\section{A}T.")


def test_cuts_the_bibliography_of_each_chapter() -> None:
    source = (
        "\\chapter{A}T.\n\\begin{thebibliography}{1}x\\end{thebibliography}\n"
        "\\chapter{B}U.\n\\bibliographystyle{plain}\n\\bibliography{y}\n"
    )
    assert cut(source) == ("section", "\\chapter{A}T.\n\n\\chapter{B}U.")


def test_leaves_a_bibliography_in_verbatim_text() -> None:
    source = (
        "\\section{A}\\verb|\\bibliography{x}| and\n\\begin{verbatim}\n\\bibitem\n\\end{verbatim}"
    )
    assert cut(source) == ("section", source)


def test_is_empty_where_only_a_bibliography_is_left() -> None:
    assert cut_body(FRONT.replace("Front.", "") + "\\bibliography{x}" + END) == Body(
        "", "maketitle", "On \\emph{x}"
    )


def test_a_cut_text_is_cut_no_further() -> None:
    body = cut(FRONT + "\\section{A}T.\n\\bibliography{x}\n\\appendix\\section{B}U." + END)
    assert body is not None
    assert cut(body[1]) == body


PIECES = st.sampled_from(
    [
        *("\\section{A}", "\\section*{References}", "\\begin{document}", "\\end{document}"),
        *("\\begin{thebibliography}", "\\end{thebibliography}", "\\bibitem{a}", "\\appendix"),
        *("\\bibliography{x}", "\\bibliographystyle{p}", "\\maketitle", "text", "\n", "{", "}"),
        *("\\begin{abstract}", "\\verb|", "\\begin{verbatim}", "\\title{T}", "\\paragraph{P}"),
        *("\\section", "\\\\", "%", "\\begin{", "\\section[", "\\nocite{*}"),
    ]
)


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(st.lists(PIECES, max_size=40).map("".join), st.booleans())
def test_never_fails_and_only_removes(source: str, appendices: bool) -> None:
    body = cut_body(source, appendices=appendices)
    if body is not None:
        assert len(body.text) <= len(source) + 2 * source.count("\\")
        assert "\\begin{thebibliography}" not in body.text or "verb" in source


@pytest.mark.parametrize(
    "source",
    [
        "\\section{" * 50_000,
        "\\section{A}" * 50_000,
        "\\bibitem{a}\\section{A}" * 20_000,
        "\\section{A}\\nocite{x}" * 20_000,
        "\\begin{verbatim}" * 50_000,
        "\\title[" * 50_000,
    ],
)
def test_takes_linear_time(source: str) -> None:
    cut_body(source)
