"""Comments go as TeX drops them; what only looks like one stays."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies as st

from pasture.sources.arxiv.latex.tokens import Lexer, Lexicon, read_lexicon, strip_comments


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("no comment", "no comment"),
        ("", ""),
        ("%", ""),
        ("a\n% whole line\nb", "a\nb"),
        ("a\n   % indented\nb", "a\nb"),
        ("a\n% one\n% two\nb", "a\nb"),
        ("a\n\n% between paragraphs\n\nb", "a\n\nb"),
        ("value x% c\nmore", "value xmore"),
        ("value x % c\nmore", "value x\nmore"),
        ("value x%\n  more", "value xmore"),
        ("value x%\n  % again\n  more", "value xmore"),
        ("value x% c\n\nmore", "value x\n\nmore"),
        ("value x% c", "value x"),
        ("\\foo%\nbar", "\\foo\nbar"),
        ("\\foo{a}%\n{b}", "\\foo{a}{b}"),
        ("5\\% of it % c\nx", "5\\% of it\nx"),
        ("a\\\\% c\nb", "a\\\\b"),
        ("a\\\\\\% no\nb", "a\\\\\\% no\nb"),
        ("\\verb|%| a % c\nb", "\\verb|%| a\nb"),
        ("\\verb*+%+ a", "\\verb*+%+ a"),
        ("\\verbatim % c\nx", "\\verbatim\nx"),
        ("\\verb|a\n% c\n|", "\\verb|a\n|"),
        ("\\lstinline[language=C]!a % b! c", "\\lstinline[language=C]!a % b! c"),
        ("\\lstinline{a % b} c", "\\lstinline{a % b} c"),
        ("\\mintinline{c}|a % b| c", "\\mintinline{c}|a % b| c"),
        ("\\url{http://a/%20b} % c\n", "\\url{http://a/%20b}\n"),
        ("\\href{http://a/%20b}{x % c\n}", "\\href{http://a/%20b}{x\n}"),
        ("\\path{a%b}", "\\path{a%b}"),
        (
            "\\begin{verbatim}\n% kept\n\\end{verbatim}",
            "\\begin{verbatim}\n% kept\n\\end{verbatim}",
        ),
        (
            "\\begin{lstlisting}[x]\n% k\n\\end{lstlisting}",
            "\\begin{lstlisting}[x]\n% k\n\\end{lstlisting}",
        ),
        ("\\begin{verbatim} % no end\nx", "\\begin{verbatim}\nx"),
        ("a\n\\begin{comment}\nb % c\n\\end{comment}\nd", "a\nd"),
        ("a \\begin{comment} b \\end{comment} d", "a  d"),
        ("\\begin{center} % c\nx\\end{center}", "\\begin{center}\nx\\end{center}"),
    ],
)
def test_strips_comments(source: str, expected: str) -> None:
    assert strip_comments(source, Lexicon()) == expected


def test_knows_the_papers_own_verbatim_environments() -> None:
    lexicon = read_lexicon(
        [
            "\\lstnewenvironment{code}[1]{}{} \\DefineVerbatimEnvironment{shell}{Verbatim}{}",
            "\\newminted{rust}{} \\newminted[mypy]{python}{} \\excludecomment{hidden}",
        ]
    )
    assert lexicon.verbatim - Lexicon().verbatim == {
        *("code", "shell", "rustcode", "rustcode*", "mypy", "mypy*")
    }
    assert lexicon.comments - Lexicon().comments == {"hidden"}


TEXT = st.text(st.sampled_from("\\{}#$%@ab1 \n|*[]é"), max_size=80)


@hypothesis.given(TEXT)
def test_tokens_join_to_the_text(text: str) -> None:
    lexer = Lexer(text, Lexicon())
    tokens = []
    while (token := lexer.next()) is not None:
        tokens.append(token)
    assert "".join(tokens) == text


@hypothesis.given(TEXT)
def test_stripping_twice_changes_nothing_more(text: str) -> None:
    once = strip_comments(text, Lexicon())
    assert strip_comments(once, Lexicon()) == once


@hypothesis.given(TEXT.filter(lambda text: "%" not in text))
def test_a_text_without_comments_is_left_alone(text: str) -> None:
    assert strip_comments(text, Lexicon()) == text
