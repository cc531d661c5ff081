r"""Options and hooks of a paper's own class and packages: what LaTeX runs, and when."""

from __future__ import annotations

import pytest

from pasture.sources.arxiv.latex.commands import COMMANDS
from pasture.sources.arxiv.latex.expand import Expander
from pasture.sources.arxiv.latex.files import Submission

FLAG = "\\newif\\ifdraft"
SHOW = "\\ifdraft yes\\else no\\fi"


def text_of(main: str, **files: str) -> str:
    """Expand a main file beside styles; ``own_sty`` names ``own.sty``."""
    named = {name.replace("_", "."): text.encode() for name, text in files.items()}
    expander = Expander(Submission({"main.tex": main.encode(), **named}), COMMANDS)
    return expander.expand("main.tex")


def body_of(main: str, **files: str) -> str:
    """What stands between the beginning and the end of the document."""
    text = text_of(main, **files)
    return text.partition("\\begin{document}")[2].partition("\\end{document}")[0]


DRAFT = f"{FLAG}\\DeclareOption{{draft}}{{\\drafttrue}}"
STYLES = {
    # name: (load, style, shown)
    "not_given": ("\\usepackage{own}", f"{DRAFT}\\ProcessOptions", "no"),
    "given": ("\\usepackage[draft]{own}", f"{DRAFT}\\ProcessOptions", "yes"),
    "given_with_blanks": (
        "\\usepackage[ x , draft ]{own}",
        f"{DRAFT}\\ProcessOptions\\relax",
        "yes",
    ),
    "starred": ("\\usepackage[draft]{own}", f"{DRAFT}\\ProcessOptions*", "yes"),
    "given_to_the_class": (
        "\\documentclass[11pt,draft]{article}\\usepackage{own}",
        f"{DRAFT}\\ProcessOptions",
        "yes",
    ),
    "never_processed": ("\\usepackage[draft]{own}", DRAFT, "no"),
    "executed": ("\\usepackage{own}", f"{DRAFT}\\ExecuteOptions{{draft}}\\ProcessOptions", "yes"),
    "executed_and_undone": (
        "\\usepackage[final]{own}",
        f"{DRAFT}\\DeclareOption{{final}}{{\\draftfalse}}\\ExecuteOptions{{draft}}\\ProcessOptions",
        "no",
    ),
    "in_the_order_of_declaration": (
        "\\usepackage[draft,final]{own}",
        "\\newif\\ifdraft\\DeclareOption{final}{\\draftfalse}"
        "\\DeclareOption{draft}{\\drafttrue}\\ProcessOptions",
        "yes",
    ),
    "in_the_order_of_the_call": (
        "\\usepackage[draft,final]{own}",
        "\\newif\\ifdraft\\DeclareOption{final}{\\draftfalse}"
        "\\DeclareOption{draft}{\\drafttrue}\\ProcessOptions*",
        "no",
    ),
    "undeclared": (
        "\\usepackage[odd]{own}",
        f"{FLAG}\\DeclareOption*{{\\drafttrue}}\\ProcessOptions",
        "yes",
    ),
    "none_undeclared": (
        "\\usepackage{own}",
        f"{FLAG}\\DeclareOption*{{\\drafttrue}}\\ProcessOptions",
        "no",
    ),
    "of_the_class_are_not_undeclared": (
        "\\documentclass[odd]{article}\\usepackage{own}",
        f"{FLAG}\\DeclareOption*{{\\drafttrue}}\\ProcessOptions",
        "no",
    ),
    "passed": (
        "\\PassOptionsToPackage{draft}{own}\\usepackage{own}",
        f"{DRAFT}\\ProcessOptions",
        "yes",
    ),
    "passed_to_another": (
        "\\PassOptionsToPackage{draft}{other}\\usepackage{own}",
        f"{DRAFT}\\ProcessOptions",
        "no",
    ),
    "loaded_once": (
        "\\usepackage{own}\\usepackage[draft]{own}",
        f"{DRAFT}\\ProcessOptions",
        "no",
    ),
    "at_the_end_of_the_package": (
        "\\usepackage{own}",
        f"{FLAG}\\AtEndOfPackage{{\\draftfalse}}\\drafttrue",
        "no",
    ),
    "xkeyval": (
        "\\usepackage[draft=true]{own}",
        f"{FLAG}\\DeclareOptionX{{draft}}[false]{{\\csname draft#1\\endcsname}}\\ProcessOptionsX",
        "yes",
    ),
    "xkeyval_default": (
        "\\usepackage[draft]{own}",
        f"{FLAG}\\drafttrue\\DeclareOptionX<own>{{draft}}[false]"
        "{\\csname draft#1\\endcsname}\\ProcessOptionsX*<own>",
        "no",
    ),
    "kvoptions": (
        "\\usepackage[draft]{own}",
        "\\SetupKeyvalOptions{family=own,prefix=}\\DeclareBoolOption{draft}\\ProcessKeyvalOptions*",
        "yes",
    ),
    "kvoptions_not_given": (
        "\\usepackage{own}",
        "\\SetupKeyvalOptions{family=own,prefix=}\\DeclareBoolOption{draft}"
        "\\DeclareComplementaryOption{final}{draft}\\ProcessKeyvalOptions*",
        "no",
    ),
    "kvoptions_complement": (
        "\\usepackage[final]{own}",
        "\\SetupKeyvalOptions{family=own,prefix=}\\DeclareBoolOption[true]{draft}"
        "\\DeclareComplementaryOption{final}{draft}\\ProcessKeyvalOptions*",
        "no",
    ),
}


@pytest.mark.parametrize(("load", "style", "shown"), STYLES.values(), ids=STYLES)
def test_runs_the_options_that_a_package_is_given(load: str, style: str, shown: str) -> None:
    body = body_of(f"{load}\\begin{{document}}{SHOW}\\end{{document}}", own_sty=style)
    assert body == shown


@pytest.mark.parametrize(
    ("options", "shown"), [("", "no"), ("[draft]", "yes"), ("[final]", "no"), ("[a,draft]", "yes")]
)
def test_runs_the_options_of_a_class(options: str, shown: str) -> None:
    kind = (
        f"{DRAFT}\\DeclareOption{{final}}{{\\draftfalse}}"
        "\\DeclareOption*{\\PassOptionsToClass{\\CurrentOption}{article}}"
        "\\ExecuteOptions{final}\\ProcessOptions\\LoadClass{article}"
    )
    main = f"\\documentclass{options}{{own}}\\begin{{document}}{SHOW}\\end{{document}}"
    assert body_of(main, own_cls=kind) == shown


def test_reads_the_options_of_old_latex_as_style_files() -> None:
    main = "\\documentstyle[12pt,own]{article}\\begin{document}\\f\\end{document}"
    assert text_of(main, own_sty="\\def\\f{F}") == (
        "\\documentstyle[12pt,own]{article}\\begin{document}F\\end{document}\n"
    )


def test_hands_options_on_to_another_package_of_the_paper() -> None:
    own = "\\DeclareOption*{\\PassOptionsToPackage{\\CurrentOption}{base}}\\ProcessOptions"
    main = f"\\usepackage[draft]{{own}}\\begin{{document}}{SHOW}\\end{{document}}"
    files = {"own_sty": f"{own}\\RequirePackage{{base}}", "base_sty": f"{DRAFT}\\ProcessOptions"}
    assert body_of(main, **files) == "yes"
    files["own_sty"] = "\\RequirePackageWithOptions{base}"
    assert body_of(main, **files) == "yes"


def test_an_option_adds_no_note_and_takes_no_heading() -> None:
    """An option's code took a paper's heading away, and set a note, though it was never given."""
    style = (
        "\\newcommand{\\note}{Accepted.}\n\\newcommand{\\head}[1]{\\section{#1}}\n"
        "\\DeclareOption{anonymous}{\\renewcommand{\\note}{Under blind review.}"
        "\\renewcommand{\\head}[1]{}}\n\\ProcessOptions\\relax\n"
    )
    main = "\\usepackage{own}\\begin{document}\\head{One} \\note\\end{document}"
    assert body_of(main, own_sty=style) == "\\section{One} Accepted."
    anonymous = main.replace("\\usepackage", "\\usepackage[anonymous]")
    assert body_of(anonymous, own_sty=style) == " Under blind review."


HOOKS = {
    # name: (main, style, body)
    "at_begin": ("\\AtBeginDocument{B}\\begin{document}x\\end{document}", "", "Bx"),
    "at_end": ("\\AtEndDocument{E}\\begin{document}x\\end{document}", "", "xE"),
    "at_begin_in_the_document": (
        "\\begin{document}x\\AtBeginDocument{B}y\\end{document}",
        "",
        "xBy",
    ),
    "at_end_in_the_document": ("\\begin{document}x\\AtEndDocument{E}y\\end{document}", "", "xyE"),
    "in_their_order": (
        "\\AtBeginDocument{1}\\AtBeginDocument{2}\\begin{document}x\\end{document}",
        "",
        "12x",
    ),
    "run_late": (
        "\\newcommand{\\f}{a}\\AtBeginDocument{\\renewcommand{\\f}{b}}\\edef\\g{\\f}"
        "\\begin{document}\\f\\g\\end{document}",
        "",
        "ba",
    ),
    "of_a_style_give_no_text": (
        "\\usepackage{own}\\begin{document}x\\f\\end{document}",
        "\\AtBeginDocument{Note.\\newcommand{\\f}{F}}\\AtEndDocument{Received.}",
        "xF",
    ),
    "of_a_style_keep_looks": (
        "\\usepackage{own}\\begin{document}\\title{x}\\end{document}",
        "\\AtBeginDocument{\\renewcommand{\\title}[1]{T#1}}",
        "\\title{x}",
    ),
    "new_names": (
        "\\AddToHook{begindocument}{B}\\AddToHook{enddocument}[mine]{E}"
        "\\begin{document}x\\end{document}",
        "",
        "BxE",
    ),
    "of_pages_and_environments": (
        "\\AddToHook{shipout/background}{S}\\AtBeginEnvironment{quote}{Q}"
        "\\begin{document}x\\AtBeginShipout{S}\\end{document}",
        "",
        "x",
    ),
    "at_the_end_of_the_preamble": (
        "\\AtEndPreamble{\\newcommand{\\f}{F}}\\begin{document}\\f\\end{document}",
        "",
        "F",
    ),
}


@pytest.mark.parametrize(("main", "style", "body"), HOOKS.values(), ids=HOOKS)
def test_runs_hooks_where_they_belong(main: str, style: str, body: str) -> None:
    assert body_of(main, own_sty=style) == body


PACKAGES = {
    "ifdraft_not_given": ("\\usepackage{ifdraft}", "\\ifdraft{a}{b}", "b"),
    "ifdraft_by_the_class": (
        "\\documentclass[draft]{article}\\usepackage{ifdraft}",
        "\\ifdraft{a}{b}",
        "a",
    ),
    "ifdraft_final": (
        "\\documentclass[draft]{article}\\usepackage[final]{ifdraft}",
        "\\ifdraft{a}{b}\\ifoptionfinal{c}{d}",
        "bc",
    ),
    "optional": ("\\usepackage[long]{optional}", "\\opt{long}{a}\\opt{short,brief}{b}c", "ac"),
    "notes_off": ("\\usepackage[disable]{todonotes}", "x\\todo[inline]{Later}y", "xy"),
    "notes_on": ("\\usepackage{todonotes}", "x\\todo{Later}y", "x\\todo{Later}y"),
    "notes_off_by_final": (
        "\\documentclass[final]{article}\\usepackage[obeyFinal]{todonotes}",
        "x\\todo{Later}y",
        "xy",
    ),
    "changes_final": (
        "\\usepackage[final]{changes}",
        "a\\added[id=x]{b}\\deleted{c}\\replaced{d}{e}",
        "abd",
    ),
}


@pytest.mark.parametrize(("load", "body", "shown"), PACKAGES.values(), ids=PACKAGES)
def test_heeds_the_options_of_packages_that_show_or_hide_text(
    load: str, body: str, shown: str
) -> None:
    assert body_of(f"{load}\\begin{{document}}{body}\\end{{document}}") == shown
