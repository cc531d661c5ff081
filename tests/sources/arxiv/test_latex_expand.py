"""Expansion: each construct as a submission in a table, and what TeX would set for it."""

from __future__ import annotations

import contextlib
import time

import hypothesis
import pytest
from hypothesis import strategies as st

from pasture.sources.arxiv.latex.commands import COMMANDS
from pasture.sources.arxiv.latex.expand import Expander
from pasture.sources.arxiv.latex.files import Submission
from pasture.sources.arxiv.latex.limits import CannotExpand, ExpansionLimits

CASES = {
    # name: (source, expanded)
    "no_macros": ("Plain text, $x^2$ \\emph{here}.", "Plain text, $x^2$ \\emph{here}."),
    "no_arguments": ("\\newcommand{\\foo}{X}a \\foo.", "a X."),
    "name_without_braces": ("\\newcommand\\foo{X}a \\foo.", "a X."),
    "starred_newcommand": ("\\newcommand*{\\foo}[1]{<#1>}\\foo{a}", "<a>"),
    "space_after_name_is_skipped": ("\\newcommand{\\foo}{X}\\foo bar", "Xbar"),
    "empty_group_ends_the_name": ("\\newcommand{\\foo}{X}\\foo{} bar", "X bar"),
    "empty_group_is_an_argument": (
        "\\newcommand{\\foo}{\\mathbf}$\\foo{}x$",
        "$\\mathbf{}x$",
    ),
    "control_space": ("\\newcommand{\\foo}{X}\\foo\\ bar", "X\\ bar"),
    "line_end_after_name": ("\\newcommand{\\foo}{X}\\foo\nbar", "Xbar"),
    "paragraph_after_name": ("\\newcommand{\\foo}{X}\\foo\n\nbar", "X\n\nbar"),
    "two_adjacent_macros": ("\\newcommand{\\a}{A}\\newcommand{\\b}{B}\\a\\b", "AB"),
    "two_adjacent_words": (
        "\\newcommand{\\a}{\\alpha}\\newcommand{\\b}{b}$\\a\\b$",
        "$\\alpha b$",
    ),
    "word_before_letter": ("\\newcommand{\\a}{\\alpha}$\\a x$", "$\\alpha x$"),
    "word_before_digit": ("\\newcommand{\\a}{\\alpha}$\\a 2$", "$\\alpha 2$"),
    "longer_name_is_another": ("\\newcommand{\\al}{X}$\\alpha \\al$", "$\\alpha X$"),
    "one_argument": (
        "\\newcommand{\\v}[1]{\\mathbf{#1}}$\\v{x}+\\v y$",
        "$\\mathbf{x}+\\mathbf{y}$",
    ),
    "argument_is_one_character": ("\\newcommand{\\h}[2]{#1/#2}\\h12, \\h 345", "1/2, 3/45"),
    "argument_is_a_command": ("\\newcommand{\\v}[1]{(#1)}$\\v\\alpha b$", "$(\\alpha) b$"),
    "nine_arguments": (
        "\\newcommand{\\r}[9]{#9#8#7#6#5#4#3#2#1}\\r123456789",
        "987654321",
    ),
    "argument_of_a_command": (
        "\\newcommand{\\n}{Two words}\\textbf\\n, \\textbf{\\n}",
        "\\textbf{Two words}, \\textbf{Two words}",
    ),
    "arguments_of_a_fraction": (
        "\\newcommand{\\x}{x_1}$\\frac\\x\\x+\\frac1\\x+\\frac{a{b}} \\x \\x$",
        "$\\frac{x_1}{x_1}+\\frac1{x_1}+\\frac{a{b}} {x_1} x_1$",
    ),
    "argument_of_one_token": (
        "\\newcommand{\\a}{\\alpha}$\\frac\\a\\a\\sqrt\\a$",
        "$\\frac\\alpha\\alpha\\sqrt\\alpha$",
    ),
    "bracket_is_no_option": (
        "\\newcommand{\\i}{[0,1]}\\item \\i{} is\\\\\n\\i, \\i",
        "\\item {}[0,1] is\\\\\n{}[0,1], [0,1]",
    ),
    "bracket_is_an_option": ("\\newcommand{\\b}{\\\\[2pt]}a\\b b", "a\\\\[2pt]b"),
    "argument_twice": ("\\newcommand{\\d}[1]{#1#1}\\d{ab}", "abab"),
    "optional_argument_given": ("\\newcommand{\\n}[2][2]{|#2|_#1}\\n[p]{x}", "|x|_p"),
    "optional_argument_left_out": ("\\newcommand{\\n}[2][2]{|#2|_#1}\\n{x}", "|x|_2"),
    "optional_argument_empty": ("\\newcommand{\\n}[2][2]{|#2|_#1}\\n[]{x}", "|x|_"),
    "optional_with_bracket_in_braces": ("\\newcommand{\\n}[1][z]{<#1>}\\n[{[a]}]", "<{[a]}>"),
    "space_after_name_before_no_option": ("\\newcommand{\\n}[1][z]{<#1>}\\n x", "<z>x"),
    "nested_calls": (
        "\\newcommand{\\a}[1]{(#1)}\\newcommand{\\b}[1]{\\a{#1!}}\\b{\\a{x}}",
        "((x)!)",
    ),
    "call_in_a_default": (
        "\\newcommand{\\q}{Q}\\newcommand{\\n}[1][\\q]{<#1>}\\n.",
        "<Q>.",
    ),
    "comment_after_definition": ("\\newcommand{\\foo}{X}% the foo\n\\foo.", "X."),
    "comments_in_a_body": ("\\newcommand{\\foo}[1]{%\n  (#1)%\n}\\foo{a}", "(a)"),
    "definition_over_lines": ("\\newcommand{\\foo}\n  [1]\n  {<#1>}\n\\foo{a}", "<a>"),
    "renewcommand": ("\\newcommand{\\f}{1}\\f\\renewcommand{\\f}{2}\\f", "12"),
    "renewcommand_of_latex": ("\\renewcommand{\\vec}[1]{\\mathbf{#1}}$\\vec{a}$", "$\\mathbf{a}$"),
    "providecommand_is_second": ("\\newcommand{\\f}{1}\\providecommand{\\f}{2}\\f", "1"),
    "providecommand_is_first": ("\\providecommand{\\f}{2}\\f", "2"),
    "robust_command": ("\\DeclareRobustCommand{\\f}[1]{<#1>}\\f{a}", "<a>"),
    "def": ("\\def\\f{X}\\f.", "X."),
    "def_with_arguments": ("\\def\\f#1#2{#2#1}\\f{a}b", "ba"),
    "def_space_in_parameters": ("\\def\\f #1{<#1>}\\f{a}", "<a>"),
    "def_delimited": ("\\def\\f#1.#2;{(#1)(#2)}\\f ab.{c;d};e", "(ab)(c;d)e"),
    "def_delimited_by_word": ("\\def\\f#1\\end{<#1>}\\f a b\\end c", "<a b> c"),
    "def_delimited_by_space": ("\\def\\f#1 {<#1>}\\f abc d", "<abc>d"),
    "def_prefix": ("\\def\\f(#1,#2){#1:#2}\\f(a,b)", "a:b"),
    "def_prefix_missing": ("\\def\\f(#1){<#1>}\\f[a]", "\\f[a]"),
    "long_def": ("\\long\\def\\f#1{<#1>}\\f{a\n\nb}", "<a\n\nb>"),
    "gdef_leaves_its_group": ("{\\gdef\\f{X}}\\f", "{}X"),
    "global_let": ("{\\global\\let\\f=\\alpha}\\f", "{}\\alpha"),
    "def_ends_with_its_group": ("\\def\\f{1}{\\def\\f{2}\\f}\\f", "{2}1"),
    "environment_is_a_group": (
        "\\begin{center}\\def\\f{2}\\f\\end{center}\\f",
        "\\begin{center}2\\end{center}\\f",
    ),
    "edef": ("\\def\\a{1}\\edef\\b{\\a}\\def\\a{2}\\b", "1"),
    "edef_of_itself": ("\\def\\a{1}\\edef\\a{\\a2}\\a", "12"),
    "let": ("\\let\\f\\alpha$\\f x$", "$\\alpha x$"),
    "let_of_a_macro": ("\\def\\a{1}\\let\\b=\\a\\def\\a{2}\\b", "1"),
    "let_keeps_the_old_meaning": (
        "\\let\\oldvec\\vec\\renewcommand{\\vec}[1]{\\oldvec{\\mathbf{#1}}}$\\vec{a}$",
        "$\\vec{\\mathbf{a}}$",
    ),
    "let_of_a_definer": ("\\let\\nc\\newcommand\\nc{\\f}[1]{<#1>}\\f{a}", "<a>"),
    "let_of_a_character": ("\\let\\f=+$a\\f b$", "$a+b$"),
    "operator": (
        "\\DeclareMathOperator{\\Tr}{Tr}$\\Tr A$",
        "$\\operatorname{Tr} A$",
    ),
    "operator_with_limits": (
        "\\DeclareMathOperator*{\\am}{arg\\,min}$\\am_x$",
        "$\\operatorname*{arg\\,min}_x$",
    ),
    "paired_delimiter": (
        "\\DeclarePairedDelimiter{\\abs}{\\lvert}{\\rvert}$\\abs{x}\\abs*{y}\\abs[\\big]{z}$",
        "$\\lvert x\\rvert\\left\\lvert y\\right\\rvert\\big\\lvert z\\big\\rvert$",
    ),
    "macro_that_defines_a_macro": (
        "\\newcommand{\\mk}[2]{\\newcommand{#1}{#2}}\\mk{\\f}{X}\\f",
        "X",
    ),
    "macro_that_defines_with_arguments": (
        "\\newcommand{\\mk}[2]{\\def#1##1{#2##1}}\\mk{\\f}{X}\\f{y}",
        "Xy",
    ),
    "csname": ("\\expandafter\\def\\csname foo\\endcsname{X}\\foo.", "X."),
    "csname_in_a_macro": (
        "\\newcommand{\\mk}[1]{\\expandafter\\newcommand\\csname v#1\\endcsname{\\mathbf{#1}}}"
        "\\mk{x}\\mk{y}$\\vx\\vy$",
        "$\\mathbf{x}\\mathbf{y}$",
    ),
    "namedef": (
        "\\makeatletter\\@namedef{f1}{X}\\def\\g{\\@nameuse{f1}}\\makeatother\\g",
        "X",
    ),
    "beginning_and_end_of_an_equation": (
        "\\newcommand{\\be}{\\begin{equation}}\\def\\ee{\\end{equation}}\\be x \\ee",
        "\\begin{equation} x \\end{equation}",
    ),
    "empty_group_after_optional": (
        "\\newcommand{\\f}[1][v]{<#1>}\\f{} a \\f[w]{} b",
        "<v> a <w> b",
    ),
    "newenvironment": (
        "\\newenvironment{note}[1]{\\textbf{#1:} }{ (end)}\\begin{note}{N}text\\end{note}",
        "\\textbf{N:} text (end)",
    ),
    "newenvironment_optional": (
        "\\newenvironment{note}[1][A]{<#1>}{.}\\begin{note}a\\end{note}"
        "\\begin{note}[B]b\\end{note}",
        "<A>a.<B>b.",
    ),
    "newenvironment_of_another": (
        "\\newenvironment{eq}{\\begin{equation}}{\\end{equation}}\\begin{eq}x\\end{eq}",
        "\\begin{equation}x\\end{equation}",
    ),
    "newenvironment_nested": (
        "\\newenvironment{a}{(}{)}\\begin{a}\\begin{a}x\\end{a}\\end{a}",
        "((x))",
    ),
    "newenvironment_declaration": (
        "\\newenvironment{it2}{\\itshape}{}\\begin{it2}x\\end{it2} y",
        "{\\itshape x} y",
    ),
    "xparse": (
        "\\NewDocumentCommand{\\f}{s O{d} m}{\\IfBooleanTF{#1}{*}{-}#2#3}\\f{a}\\f*[b]{c}",
        "-da*bc",
    ),
    "xparse_no_value": (
        "\\NewDocumentCommand\\f{o m}{\\IfNoValueTF{#1}{#2}{#2_{#1}}}$\\f{a}\\f[b]{a}$",
        "$aa_{b}$",
    ),
    "xparse_delimiters": ("\\NewDocumentCommand\\f{r() m}{#1-#2}\\f(a){b}", "a-b"),
    "xparse_environment": (
        "\\NewDocumentEnvironment{e}{m}{<#1>}{</#1>}\\begin{e}{t}x\\end{e}",
        "<t>x</t>",
    ),
    "xspace_before_a_letter": ("\\newcommand{\\f}{X\\xspace}\\f is", "X is"),
    "xspace_before_a_full_stop": ("\\newcommand{\\f}{X\\xspace}\\f.", "X."),
    "xspace_before_a_group_end": ("\\newcommand{\\f}{X\\xspace}{\\f} y", "{X} y"),
    "star_form": (
        "\\makeatletter\\newcommand{\\f}{\\@ifstar{\\fs}{\\fn}}\\makeatother"
        "\\newcommand{\\fs}[1]{S#1}\\newcommand{\\fn}[1]{N#1}\\f{a}\\f*{b}",
        "NaSb",
    ),
    "next_character": (
        "\\makeatletter\\def\\f{\\@ifnextchar[{\\g}{\\g[d]}}\\def\\g[#1]#2{#1:#2}\\makeatother"
        "\\f{a}\\f[b]{c}",
        "d:ab:c",
    ),
    "full_stop_after_abbreviation": (
        "\\makeatletter\\def\\onedot{\\futurelet\\@t\\@onedot}"
        "\\def\\@onedot{\\ifx\\@t.\\else.\\null\\fi\\xspace}\\def\\eg{\\emph{e.g}\\onedot}"
        "\\makeatother\\eg this, \\eg.",
        "\\emph{e.g}.\\null this, \\emph{e.g}.",
    ),
    "flag": (
        "\\newif\\iflong\\longtrue\\iflong A\\else B\\fi\\longfalse\\iflong C\\else D\\fi",
        "A D".replace(" ", ""),
    ),
    "iffalse": ("a\\iffalse b \\iftrue c\\fi d\\fi e", "ae"),
    "iffalse_on_lines": ("a\n\\iffalse\nb\n\\fi\nc", "a\nc"),
    "iftrue_else": ("\\iftrue a\\else b\\fi c", "ac"),
    "unknown_test_stays": ("\\ifvmode a\\else b\\fi c", "\\ifvmode a\\else b\\fi c"),
    "empty_argument_test": (
        "\\newcommand{\\f}[1]{\\if\\relax#1\\relax\\else\\fi}\\newcommand{\\g}[1]"
        "{\\ifx\\empty#1\\empty none\\else<#1>\\fi}\\g{}\\g{a}",
        "none<a>",
    ),
    "ifthenelse": (
        "\\newcommand{\\f}[1]{\\ifthenelse{\\equal{#1}{}}{none}{<#1>}}\\f{}\\f{a}",
        "none<a>",
    ),
    "ifmmode": (
        "\\def\\msun{\\ifmmode M_\\odot\\else$M_\\odot$\\fi}\\msun, $2\\msun$",
        "$M_\\odot$, $2M_\\odot$",
    ),
    "ensuremath": (
        "\\newcommand{\\D}{\\ensuremath{\\hat D}}A \\D\\ is $\\D+\\D^2$ \\text{\\D}",
        "A $\\hat D$\\ is $\\hat D+{\\hat D}^2$ \\text{$\\hat D$}",
    ),
    "ensuremath_by_the_author": (
        "\\ensuremath{x} $\\ensuremath{x}$",
        "\\ensuremath{x} $\\ensuremath{x}$",
    ),
    "text_in_a_formula": (
        "\\newcommand{\\D}{\\ensuremath{D}}\\[\\mbox{with \\D} \\D\\]",
        "\\[\\mbox{with $D$} D\\]",
    ),
    "verb": ("\\newcommand{\\f}{X}\\verb|\\f % 1| \\f", "\\verb|\\f % 1| X"),
    "listing": (
        "\\newcommand{\\f}{X}\\begin{lstlisting}\n\\f % 5 {\n\\end{lstlisting}\\f",
        "\\begin{lstlisting}\n\\f % 5 {\n\\end{lstlisting}X",
    ),
    "url": ("\\newcommand{\\f}{X}\\url{http://a/%7Ef#\\f} \\f", "\\url{http://a/%7Ef#\\f} X"),
    "macro_without_text_on_its_line": (
        "\\newcommand{\\todo}[1]{}a\n\\todo{later}\nb",
        "a\nb",
    ),
    "macro_without_text_before_words": (
        "\\newcommand{\\todo}[1]{}a\n\\todo{later} word\nmore",
        "a\n word\nmore",
    ),
    "definition_on_its_line": ("a\n\\newcommand{\\f}{X}\nb \\f", "a\nb X"),
    "macro_with_internals": (
        "\\makeatletter\\def\\f{\\@dblarg{\\g}}\\makeatother\\f x",
        "\\f x",
    ),
    "control_symbols_are_never_redefined": (
        "{\\let\\\\\\tabularnewline\\def\\ {x}a\\\\\\ b}",
        "{a\\\\\\ b}",
    ),
    "section_is_never_redefined": (
        "\\renewcommand{\\section}[1]{\\textbf{#1}}\\section{A}",
        "\\section{A}",
    ),
    "missing_argument_stays": ("\\newcommand{\\f}[1]{<#1>}{\\f}", "{\\f}"),
    "recursive_macro_stays": ("\\newcommand{\\f}{a\\f}\\f b", "\\f b"),
    "mutually_recursive_macros_stay": ("\\def\\f{\\g}\\def\\g{\\f}\\f b", "\\f b"),
    "at_letter_catcode": ("\\catcode`\\@=11 \\def\\a@b{X}\\def\\c{\\a@b}\\catcode`\\@=12 \\c", "X"),
    "harmless_catcode_stays": ("\\catcode`\\_=12 x", "\\catcode`\\_=12 x"),
    "end_of_the_document": (
        "\\begin{document}a\\end{document} b",
        "\\begin{document}a\\end{document}\n",
    ),
}


def expand(source: str, limits: ExpansionLimits = ExpansionLimits(), **files: str) -> Expander:
    named = {f"{name}.tex": text.encode() for name, text in files.items()}
    expander = Expander(Submission({"main.tex": source.encode(), **named}), COMMANDS, limits)
    expander.expand("main.tex")
    return expander


def text_of(source: str, **files: str) -> str:
    return "".join(expand(source, **files).out)


@pytest.mark.parametrize(("source", "expanded"), CASES.values(), ids=CASES.keys())
def test_expands_as_tex_does(source: str, expanded: str) -> None:
    assert text_of(source) == expanded


@pytest.mark.parametrize("source", [expanded for _, expanded in CASES.values()])
def test_is_a_fixed_point(source: str) -> None:
    """What was expanded has nothing left to expand; the definitions that stay do no harm."""
    once = text_of(source)
    assert text_of(once) == once


@pytest.mark.parametrize(
    ("source", "files", "expanded"),
    [
        ("a \\input{b} c", {"b": "B"}, "a B c"),
        ("a \\input b c", {"b": "B"}, "a B c"),
        ("\\input{b.tex}", {"b": "B\n"}, "B"),
        ("\\include{b}\n\\include{c}", {"b": "B\n", "c": "C\n"}, "B\nC"),
        (
            "\\newcommand{\\part}[1]{\\input{#1}}\\newcommand{\\ch}[1]{[\\input{#1}]}\\ch{b}.",
            {"b": "B"},
            "[B].",
        ),
        ("\\newcommand{\\dir}{x}\\input{\\dir/b}", {"x/b": "B"}, "B"),
        ("\\input{b}\\f", {"b": "\\newcommand{\\f}{X}"}, "X"),
        ("\\import{x/}{b}", {"x/b": "B\\input{c}", "x/c": "C"}, "BC"),
        ("\\subfile{b}", {"b": "\\documentclass{subfiles}\\begin{document}B\\end{document}"}, "B"),
        ("a\n\\input{none}\nb", {}, "a\nb"),
        ("a\\input{plot.pgf}b", {}, "ab"),
        ("\\input{b}", {"b": "B\\endinput C"}, "B"),
        ("\\InputIfFileExists{b}{yes }{no}", {"b": "B"}, "Byes "),
    ],
)
def test_reads_other_files_in_place(source: str, files: dict[str, str], expanded: str) -> None:
    assert text_of(source, **files) == expanded


def test_counts_cyclic_and_missing_inputs() -> None:
    expander = expand("\\input{a}\\input{none}", a="A\\input{b}", b="B\\input{a}\\input{main}")
    assert "".join(expander.out) == "AB"
    assert expander.counts == {"inputs": 3, "cyclic_inputs": 2, "missing_inputs": 1}
    assert expander.used == ["main.tex", "a.tex", "b.tex"]


def test_takes_macros_from_the_papers_own_style_file() -> None:
    style = (
        "\\newcommand{\\R}{\\mathbb{R}}\\def\\@x{i}\\newcommand{\\foo}[1]{\\@x(#1)}"
        "\\renewcommand{\\normalsize}{\\fontsize{9}{10}}\\newcommand{\\mk}{\\@startsection{a}}"
        "Some text.\\newenvironment{box2}{[}{]}"
    )
    files = {
        "main.tex": b"\\documentclass{article}\\usepackage[x]{own}\\usepackage{amsmath}"
        b"$\\R$ \\foo{a} \\normalsize \\mk \\begin{box2}b\\end{box2}",
        "own.sty": style.encode(),
    }
    expander = Expander(Submission(files), COMMANDS)
    text = expander.expand("main.tex")
    assert text == (
        "\\documentclass{article}\\usepackage{amsmath}$\\mathbb{R}$ i(a) \\normalsize \\mk [b]"
    )
    assert list(expander.unexpanded) == ["\\mk"]


@pytest.mark.parametrize(
    "source",
    [
        "\\catcode`\\%=12 x",
        "\\catcode`\\{=12 x",
        "\\catcode`\\\\=12 x",
        "\\catcode`a=13",
    ],
)
def test_refuses_a_change_of_syntax(source: str) -> None:
    with pytest.raises(CannotExpand, match="catcode_change"):
        expand(source)


def laughs(depth: int) -> str:
    lines = ["\\newcommand{\\a}{ha}"]
    for number in range(1, depth):
        last, name = chr(96 + number), chr(97 + number)
        lines.append(f"\\newcommand{{\\{name}}}{{{f'{chr(92)}{last} ' * 10}}}")
    return "\n".join(lines)


def test_leaves_a_call_that_blows_up() -> None:
    """A macro past its share is taken back whole; smaller ones expand as ever."""
    expander = expand(laughs(12) + "\n\\l and \\b and \\l.", ExpansionLimits(call_steps=5_000))
    assert "".join(expander.out) == "\\l and " + "ha" * 10 + "and \\l."
    assert "\\l" in expander.unexpanded


def test_gives_up_a_paper_past_the_total() -> None:
    limits = ExpansionLimits(call_steps=5_000, total_steps=20_000)
    with pytest.raises(CannotExpand, match="expansion_over_limit"):
        expand(laughs(12) + "\n" + "\\d\n" * 100, limits)


def test_gives_up_a_paper_past_its_input() -> None:
    with pytest.raises(CannotExpand, match="input_over_limit"):
        expand("\\input{a}\\input{a}\\input{a}", ExpansionLimits(inputs=3), a="A")


@pytest.mark.parametrize(
    "source",
    [
        "{" * 200_000,
        "}" * 200_000,
        "\\newcommand{\\f}[1]{<#1>}" + "\\f{" * 100_000,
        "\\def\\f#1{\\f}" + "\\f" + "x" * 200_000,
        "\\iffalse" * 50_000,
        "\\begin{a}" * 50_000,
        "\\begin{verbatim}" * 50_000,
        "\\verb|" * 50_000,
        "\\url{" * 50_000,
        "%" * 200_000,
        "%\n" * 100_000,
        "$" * 200_000,
        "#" * 200_000,
        "\\expandafter" * 50_000,
        "\\csname" * 50_000,
        "\\def" * 50_000,
        "\\newcommand" * 50_000,
        "\\edef\\a{" * 20_000,
        "\\newenvironment{a}{\\begin{a}}{}\\begin{a}",
        "\\newenvironment{a}{}{\\end{a}\\begin{a}\\end{a}}\\begin{a}\\end{a}",
        "\\def\\a{\\csname a\\endcsname}\\a",
        "\\def\\a{\\expandafter\\a\\a}\\a",
        "\\def\\a{\\edef\\b{\\a}}\\a",
        "\\let\\a\\a\\a\\let\\b\\c\\let\\c\\b\\b\\c",
        "\\newcommand{\\f}[1][\\f]{\\f[#1]}\\f",
        "{\\gdef\\x{}" * 20_000,
        "\\def\\d#1{#1#1}" + "\\d{" * 60 + "x" + "}" * 60,
    ],
)
def test_hostile_input_takes_bounded_time(source: str) -> None:
    start = time.process_time()
    with contextlib.suppress(CannotExpand):
        expand(source)
    assert time.process_time() - start < 20


def test_expands_a_large_paper_in_seconds() -> None:
    names = [
        f"m{chr(97 + i // 676)}{chr(97 + i // 26 % 26)}{chr(97 + i % 26)}" for i in range(2000)
    ]
    macros = "".join(
        f"\\newcommand{{\\{name}}}[1]{{\\mathbf{{#1}}_{{{name}}}}}\n" for name in names
    )
    line = "The value of $\\{}{{x}}$ is $\\alpha^2$, see \\cite{{key}} and the next one.\n"
    body = "".join(line.format(names[i % 2000]) for i in range(5_000_000 // 75))
    start = time.process_time()
    text = text_of(macros + body)
    assert text.startswith("The value of $\\mathbf{x}_{maaa}$ is")
    assert time.process_time() - start < 30  # 3 s; time that grows with the square takes minutes


PIECES = st.sampled_from(
    [
        *("\\newcommand", "\\def", "\\let", "\\edef", "\\f", "\\g", "\\h", "{", "}", "{\\f}"),
        *("[1]", "[", "]", "#1", "##1", "#", "x", " ", "\n", "\n\n", "%", "% c\n", "$", "=", "*"),
        *("\\begin", "\\end", "{a}", "{verbatim}", "\\newenvironment", "\\iffalse", "\\iftrue"),
        *("\\else", "\\fi", "\\newif\\ifx", "\\newif\\iff", "\\ftrue", "\\ifx", "\\csname"),
        *("\\endcsname", "\\expandafter", "\\verb|", "\\xspace", "\\input{main}", "\\input{b}"),
        *("\\NewDocumentCommand", "{s o m}", "\\ensuremath{x}", "\\ifmmode", "\\makeatletter"),
        *("\\@ifnextchar", "\\@ifstar", "\\futurelet", "\\ifnum", "\\ifthenelse", "12", "\\\\"),
        *("\\DeclareMathOperator", "\\usepackage{s}", "\\global", "\\long", "\\catcode`\\@=11"),
        *("\\DeclareOption{a}", "\\DeclareOptionX", "\\ProcessOptions", "\\usepackage[a]{s}"),
        *("\\AtBeginDocument{\\f}", "\\AtEndDocument", "\\ExplSyntaxOn", "\\ExplSyntaxOff"),
        *("\\MakeShortVerb{\\|}", "|", "\\NewEnviron{a}{\\BODY}", "\\ifcase", "\\or", "\\unless"),
        *("\\ifboolexpr{", "\\ifthenelse{\\not\\(", "\\IfStrEqCase", "\\string", "\\@x", "\\ifdim"),
        *(
            "\\csname a@\\endcsname",
            "\\newtoggle{a}",
            "\\iftoggle{a}",
            "\\AddToHook{begindocument}",
        ),
        *(
            "\\lstdefinelanguage",
            "\\texorpdfstring",
            "\\def\\f{P\\kern-1ptC}",
            "\\verb",
            "\\let\\f",
        ),
        *("\\begin{document}", "\\end{document}", "\\section{A}", "é", "\\", "@", "\\text{"),
    ]
)


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(
    st.lists(PIECES, max_size=60).map("".join), st.lists(PIECES, max_size=20).map("".join)
)
def test_never_fails_otherwise(source: str, other: str) -> None:
    files = {"main.tex": source.encode(), "b.tex": other.encode(), "s.sty": other.encode()}
    limits = ExpansionLimits(call_steps=2_000, total_steps=20_000)
    with contextlib.suppress(CannotExpand):
        Expander(Submission(files), COMMANDS, limits).expand("main.tex")


PLAIN = st.sampled_from(
    [
        *(
            "word",
            " ",
            "\n",
            "\n\n",
            "$x_1$",
            "\\alpha",
            "\\foo",
            "{",
            "}",
            "\\%",
            "\\\\",
            "~",
            "&",
        ),
        *("\\emph{a}", "\\begin{equation}", "\\end{equation}", "\\verb|%x|", "#", "@", "é", "["),
        *("\\begin{verbatim}\n%{\\x\n\\end{verbatim}", "\\url{a%20b}", "\\[", "\\]", "\\ ", "2"),
    ]
)


@hypothesis.settings(max_examples=200, deadline=None)
@hypothesis.given(st.lists(PLAIN, max_size=60).map("".join))
def test_a_paper_without_macros_is_left_alone(source: str) -> None:
    assert text_of(source) == source.rstrip("\n") + ("\n" if source.endswith("\n\n") else "")
