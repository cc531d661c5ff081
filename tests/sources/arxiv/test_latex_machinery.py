r"""Definitions of environments, logos and xparse commands: their machinery leaves the text."""

from __future__ import annotations

import pytest

from pasture.sources.arxiv.latex import clean_submission
from pasture.sources.arxiv.latex.commands import COMMANDS
from pasture.sources.arxiv.latex.expand import Expander
from pasture.sources.arxiv.latex.files import Submission

CODE = "\nx % 5 {\\f}\n"
DEFINITIONS = {
    "lstnewenvironment": "\\lstnewenvironment{py}[1][]{\\lstset{language=Python,#1}}{}",
    "newminted": "\\newminted[py]{python}{linenos,fontsize=\\small}",
    "DefineVerbatimEnvironment": "\\DefineVerbatimEnvironment{py}{Verbatim}{fontsize=\\small}",
    "RecustomVerbatimEnvironment": "\\RecustomVerbatimEnvironment{py}{Verbatim}{frame=lines}",
    "newtcblisting": "\\newtcblisting{py}[2][]{listing only,title=#2,#1}",
    "DeclareTCBListing": "\\DeclareTCBListing{py}{O{} m}{listing only,title=#2,#1}",
    "newverbatim": "\\newverbatim{py}{\\small}{}{}{}",
}


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
def test_a_verbatim_environment_keeps_its_code_and_loses_its_definition(definition: str) -> None:
    body = f"\\begin{{py}}{CODE}\\end{{py}}"
    assert text_of(f"a\n{definition}\n\\newcommand{{\\f}}{{F}}{body} \\f") == f"a\n{body} F"


CASES = {
    # name: (source, expanded)
    "newmintinline": (
        "\\newmintinline[py]{python}{breaklines}\\newcommand{\\f}{F}\\py|\\f % x| \\f",
        "\\py|\\f % x| F",
    ),
    "newmintinline_by_language": (
        "\\newmintinline{python}{}\\newcommand{\\f}{F}\\pythoninline{\\f % x} \\f",
        "\\pythoninline{\\f % x} F",
    ),
    "newmint": ("\\newmint{c}{}\\newcommand{\\f}{F}\\c|\\f % x| \\f", "\\c|\\f % x| F"),
    "custom_verbatim_command": (
        "\\CustomVerbatimCommand{\\vb}{Verb}{formatcom=\\color{red}}\\vb|x % y|",
        "\\vb|x % y|",
    ),
    "short_verb": (
        "\\MakeShortVerb{\\|}\\newcommand{\\f}{F}a |\\f % x| \\f",
        "a \\verb|\\f % x| F",
    ),
    "short_verb_of_fancyvrb": (
        "\\DefineShortVerb{\\|}\\newcommand{\\f}{F}a |\\f{| \\f",
        "a \\verb|\\f{| F",
    ),
    "short_listing": (
        "\\lstMakeShortInline[columns=fixed]|\\newcommand{\\f}{F}a |\\f{| \\f",
        "a \\lstinline|\\f{| F",
    ),
    "coloured_box": (
        "a\\newtcolorbox{hint}[2][]{colback=red,title=#2,#1}\\begin{hint}{T}x\\end{hint}",
        "a\\begin{hint}{T}x\\end{hint}",
    ),
    "coloured_theorem": ("a\\newtcbtheorem[auto]{thm}{Theorem}{colback=red}{th}b", "ab"),
    "framed_environment": ("a\\newmdenv[linecolor=red]{fr}b", "ab"),
    "style_of_listings": ("a\\lstdefinestyle{s}{basicstyle=\\ttfamily}b", "ab"),
    "language_of_listings": (
        "a\\lstdefinelanguage[x]{L}[y]{K}{morekeywords={begin,end},sensitive}[keywords]b",
        "ab",
    ),
    "comment_environments": ("a\\includecomment{long}\\excludecomment{short}b", "ab"),
    "short_verb_ends": (
        "\\MakeShortVerb|a |\\x| b\\DeleteShortVerb{\\|} $|c|$",
        "a \\verb|\\x| b $|c|$",
    ),
    "files_that_tex_writes": (
        "a\\begin{filecontents*}{x.bib}\n@a{b, % c\n\\end{filecontents*}"
        "b\\begin{VerbatimOut}{y.tex}\nz\n\\end{VerbatimOut}c",
        "abc",
    ),
    "loop_over_letters": (
        "\\makeatletter\\@tfor\\x:=a{bc}\\d\\do{<\\x>}\\makeatother.",
        "<a><bc><\\d>.",
    ),
    "loop_over_a_list": (
        "\\makeatletter\\def\\l{a,b c}\\@for\\x:=\\l\\do{<\\x>}\\makeatother.",
        "<a><b c>.",
    ),
    "loop_that_defines": (
        "\\newcommand{\\dv}[1]{\\expandafter\\newcommand\\csname v#1\\endcsname{\\mathbf{#1}}}"
        "\\forcsvlist{\\dv}{x,y}$\\vx\\vy$",
        "$\\mathbf{x}\\mathbf{y}$",
    ),
    "option_with_brackets": (
        "\\newcommand{\\f}{F}\\Verb[commandchars=-\\[\\]]+\\f+ \\f",
        "\\Verb[commandchars=-\\[\\]]+\\f+ F",
    ),
    "environ": (
        "\\NewEnviron{e}[1]{<#1:\\BODY>}\\begin{e}{t}x\\begin{e}{u}y\\end{e}\\end{e}",
        "<t:x<u:y>>",
    ),
    "body_as_an_argument": (
        "\\NewDocumentEnvironment{e}{O{d} +b}{<#1:#2}{>}\\begin{e}x\\end{e}",
        "<d:x>",
    ),
    "hidden_body": ("\\NewDocumentEnvironment{e}{+b}{}{}a\\begin{e}x\\end{e}b", "ab"),
    "document_environment_with_arguments_at_its_end": (
        "\\NewDocumentEnvironment{e}{m o}{<#1>}{</#1>}\\begin{e}{t}x\\end{e}",
        "<t>x</t>",
    ),
    "processor": ("\\NewDocumentCommand\\f{>{\\TrimSpaces}m}{<#1>}\\f{a}", "<a>"),
    "embellishments": (
        "\\NewDocumentCommand\\f{m e{^_}}{#1\\IfValueT{#2}{(#2)}\\IfValueT{#3}{[#3]}}"
        "$\\f{a}^2_3$ $\\f b_4$ $\\f c$",
        "$a(2)[3]$ $b[4]$ $c$",
    ),
    "embellishments_with_defaults": (
        "\\NewDocumentCommand\\f{m E{^_}{{p}{q}}}{#1#2#3}\\f{a}_4",
        "ap4",
    ),
    "verbatim_argument": ("\\NewDocumentCommand\\f{v}{<#1>}\\f{a}\\f|b c|", "<a><b c>"),
    "up_to_a_token": ("\\NewDocumentCommand\\f{u{.}}{<#1>}\\f a b. c", "<a b> c"),
    "group_with_a_default": ("\\NewDocumentCommand\\f{m G{d}}{#1-#2}\\f{a}, \\f{a}{b}", "a-d, a-b"),
    "odd_xparse": ("a\\NewDocumentCommand\\f{w}{machinery}b", "ab"),
    "odd_environment": ("a\\NewDocumentEnvironment{e}{w}{in}{out}b", "ab"),
    "odd_newcommand": ("a\\newcommand{\\f}[x]{machinery}b \\f", "ab \\f"),
    "odd_def": ("a\\def\\f#1#{machinery}b", "ab"),
    "odd_newenvironment": ("a\\newenvironment{e}[x]{in}{out}b", "ab"),
    "xparse_syntax": (
        "\\ExplSyntaxOn\\NewDocumentCommand\\f{m}{\\tl_set:Nn \\l_a_tl {#1} \\tl_use:N \\l_a_tl}"
        "\\cs_new:Npn \\my_f:n #1 { [#1] }\\ExplSyntaxOff\\f{x}",
        "\\f{x}",
    ),
    "known_logo": (
        "\\def\\BibTeX{{\\rm B\\kern-.05em{\\sc i\\kern-.025em b}\\kern-.08em T\\kern-.1667em"
        "\\lower.7ex\\hbox{E}\\kern-.125emX}}We use \\BibTeX.",
        "We use \\BibTeX.",
    ),
    "logo": (
        "\\newcommand{\\pic}{P\\kern-.12em\\lower.5ex\\hbox{I}\\kern-.075emC\\@}\\pic{} is",
        "PIC is",
    ),
    "logo_with_raisebox": (
        "\\def\\lyx{L\\kern-.1667em\\lower.25em\\hbox{Y}\\kern-.125emX\\spacefactor1000}"
        "\\def\\up{{\\sf U\\raisebox{.3ex}{p}\\hspace{-0.1em}s}}\\lyx, \\up",
        "LYX, {\\sf Ups}",
    ),
    "negative_space_in_a_formula_stays": (
        "\\newcommand{\\d}{\\mathrm{d}\\mkern-2mu x}$\\d$",
        "$\\mathrm{d}\\mkern-2mu x$",
    ),
    "another_name_of_verb": (
        "\\let\\vb\\verb\\newcommand{\\f}{F}\\vb|\\f % x| \\f",
        "\\verb|\\f % x| F",
    ),
    "internal_with_arguments": (
        "\\makeatletter a\\define@key{fam}{key}[x]{key: #1}b\\makeatother \\foo{c}",
        "ab\\foo{c}",
    ),
    "another_name_of_an_internal": (
        "\\makeatletter\\let\\f\\@list\\makeatother a\\f{b}c",
        "ac",
    ),
    "internal_constants": (
        "\\makeatletter\\newcommand{\\f}{\\hskip\\z@ word\\vskip3\\p@ end}\\makeatother\\f",
        "\\hskip0pt word\\vskip3pt end",
    ),
    "internal_name": ("a\\csname c@section\\endcsname b", "ab"),
    "string": ("\\newcommand{\\f}{F}\\texttt{\\string\\f} \\f", "\\texttt{\\string\\f} F"),
    "string_without_its_backslash": (
        "\\makeatletter\\newcommand{\\cs}[1]{\\expandafter\\@gobble\\string#1}\\cs{\\f}",
        "f",
    ),
    "flag_of_an_unknown_package": ("\\makeatletter a\\con@false b\\makeatother", "ab"),
}


def text_of(source: str) -> str:
    expander = Expander(Submission({"main.tex": source.encode()}), COMMANDS)
    return expander.expand("main.tex")


@pytest.mark.parametrize(("source", "expanded"), CASES.values(), ids=CASES)
def test_takes_machinery_out(source: str, expanded: str) -> None:
    assert text_of(source) == expanded


def test_keeps_the_text_between_two_definitions() -> None:
    source = (
        "\\documentclass{article}\\begin{document}\\section{A}\n"
        "\\lstnewenvironment{code}{\\lstset{language=C}}{}\n"
        "Before.\n\\begin{code}\nint x;\n\\end{code}\nAfter.\n\\end{document}"
    )
    assert clean_submission({"main.tex": source.encode()}).text == (
        "\\section{A}\nBefore.\n\\begin{code}\nint x;\n\\end{code}\nAfter."
    )
