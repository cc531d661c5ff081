r"""Conditionals with their branches as arguments, and tests that the paper or LaTeX decides."""

from __future__ import annotations

import pytest

from pasture.sources.arxiv.latex.commands import COMMANDS
from pasture.sources.arxiv.latex.expand import Expander
from pasture.sources.arxiv.latex.files import Submission

AT = "\\makeatletter "
CASES = {
    # name: (source, expanded)
    "ifthenelse_flag": ("\\newboolean{a}\\ifthenelse{\\boolean{a}}{x}{y}", "y"),
    "ifthenelse_set_flag": (
        "\\newboolean{a}\\setboolean{a}{true}\\ifthenelse{\\boolean{a}}{x}{y}",
        "x",
    ),
    "ifthenelse_flag_of_newif": ("\\newif\\ifa\\atrue\\ifthenelse{\\boolean{a}}{x}{y}", "x"),
    "ifthenelse_not": ("\\ifthenelse{\\NOT \\equal{a}{b}}{x}{y}", "x"),
    "ifthenelse_or": ("\\ifthenelse{\\equal{a}{b}\\OR\\equal{c}{c}}{x}{y}", "x"),
    "ifthenelse_and": ("\\ifthenelse{\\equal{a}{a}\\AND\\equal{b}{c}}{x}{y}", "y"),
    "ifthenelse_parentheses": (
        "\\ifthenelse{\\not\\(\\equal{a}{b}\\or\\equal{a}{c}\\)}{x}{y}",
        "x",
    ),
    "ifthenelse_number": ("\\ifthenelse{3 < 2}{x}{y}\\ifthenelse{12=12}{x}{y}", "yx"),
    "ifthenelse_odd": ("\\ifthenelse{\\isodd{3}}{x}{y}", "x"),
    "ifthenelse_undefined": (
        "\\newcommand{\\a}{A}\\ifthenelse{\\isundefined{\\a}}{x}{y}"
        "\\ifthenelse{\\isundefined{\\nosuch}}{x}{y}",
        "yx",
    ),
    "ifthenelse_macro": ("\\def\\a{v1}\\ifthenelse{\\equal{\\a}{v1}}{x}{y}", "x"),
    "ifthenelse_unknown": ("\\ifthenelse{\\value{page}>3}{x}{y}", "y"),
    "file_of_the_paper": ("\\IfFileExists{b.tex}{x}{y}", "x"),
    "file_that_is_not_there": ("\\IfFileExists{none.tex}{x}{y}", "y"),
    "file_made_by_tex": ("\\IfFileExists{\\jobname.toc}{x}{y}", "y"),
    "package_of_tex": ("\\IfFileExists{upquote.sty}{x}{y}", "x"),
    "undefined": (f"{AT}\\@ifundefined{{nosuch}}{{x}}{{y}}", "x"),
    "defined_by_the_paper": (f"{AT}\\def\\a@b{{}}\\@ifundefined{{a@b}}{{x}}{{y}}", "y"),
    "defined_by_latex": (f"{AT}\\@ifundefined{{section}}{{x}}{{y}}", "y"),
    "next_character": (
        f"{AT}\\def\\f{{\\@ifnextchar[{{\\g}}{{\\g[d]}}}}\\def\\g[#1]{{<#1>}}\\makeatother"
        "\\f, \\f [e]",
        "<d>, <e>",
    ),
    "next_character_with_a_space": (
        f"{AT}\\newcommand{{\\f}}{{\\@ifnextchar ({{\\g}}{{\\h}}}}\\def\\g(#1){{<#1>}}"
        "\\def\\h{none}\\makeatother\\f(a), \\f.",
        "<a>, none.",
    ),
    "next_character_is_a_group": (
        f"{AT}\\def\\f{{\\@ifnextchar\\bgroup{{\\g}}{{none}}}}\\def\\g#1{{<#1>}}\\makeatother"
        "\\f{a}, \\f.",
        "<a>, none.",
    ),
    "package_loaded": (
        f"\\usepackage{{b}}{AT}\\@ifpackageloaded{{b}}{{x}}{{y}}\\@ifpackageloaded{{c}}{{x}}{{y}}",
        "\\usepackage{b}xy",
    ),
    "class_loaded": (
        f"\\documentclass{{b}}{AT}\\@ifclassloaded{{b}}{{x}}{{y}}",
        "\\documentclass{b}x",
    ),
    "package_with_option": (
        f"\\usepackage[o,p]{{b}}{AT}\\@ifpackagewith{{b}}{{p}}{{x}}{{y}}"
        "\\@ifpackagewith{b}{q}{x}{y}",
        "\\usepackage[o,p]{b}xy",
    ),
    "definable": (f"{AT}\\@ifdefinable{{\\nosuch}}{{x}}\\@ifdefinable\\section{{y}}", "x"),
    "format_date": ("\\IfFormatAtLeastTF{2020-10-01}{x}{y}", "x"),
    "toggle": ("\\newtoggle{a}\\iftoggle{a}{x}{y}\\toggletrue{a}\\iftoggle{a}{x}{y}", "yx"),
    "toggle_set": ("\\providetoggle{a}\\settoggle{a}{true}\\nottoggle{a}{x}{y}", "y"),
    "bool": ("\\newbool{a}\\ifbool{a}{x}{y}\\booltrue{a}\\ifbool{a}{x}{y}", "yx"),
    "bool_set": ("\\newbool{a}\\setbool{a}{true}\\notbool{a}{x}{y}", "y"),
    "ifdef": ("\\def\\a{}\\ifdef{\\a}{x}{y}\\ifdef{\\nosuch}{x}{y}", "xy"),
    "ifundef": ("\\def\\a{}\\ifundef{\\a}{x}{y}\\ifundef\\nosuch{x}{y}", "yx"),
    "ifcsdef": ("\\def\\a{}\\ifcsdef{a}{x}{y}\\ifcsundef{nosuch}{x}{y}", "xx"),
    "ifdefempty": (
        "\\def\\a{}\\def\\b{B}\\ifdefempty{\\a}{x}{y}\\ifdefempty{\\b}{x}{y}"
        "\\ifcsempty{a}{x}{y}\\ifdefvoid{\\nosuch}{x}{y}",
        "xyxx",
    ),
    "ifdefstring": (
        "\\def\\a{v1}\\ifdefstring{\\a}{v1}{x}{y}\\ifdefstring{\\a}{v2}{x}{y}"
        "\\ifcsstring{a}{v1}{x}{y}",
        "xyx",
    ),
    "ifdefequal": ("\\def\\a{A}\\def\\b{A}\\ifdefequal{\\a}{\\b}{x}{y}", "x"),
    "ifstrings": (
        "\\ifstrequal{a}{b}{x}{y}\\ifstrempty{}{x}{y}\\ifblank{ }{x}{y}\\notblank{a}{x}{y}",
        "yxxx",
    ),
    "ifnums": (
        "\\ifnumcomp{1}{<}{2}{x}{y}\\ifnumequal{1}{2}{x}{y}\\ifnumgreater{1}{2}{x}{y}"
        "\\ifnumless{1}{2}{x}{y}\\ifnumodd{4}{x}{y}",
        "xyyxy",
    ),
    "ifboolexpr": (
        "\\newtoggle{t}\\newbool{b}\\booltrue{b}"
        "\\ifboolexpr{togl {t} or bool {b}}{x}{y}\\ifboolexpr{not bool {b} and togl{t}}{x}{y}"
        "\\ifboolexpr{ test {\\ifstrequal{a}{a}} and (bool{b}) }{x}{y}",
        "xyx",
    ),
    "xstring": (
        "\\IfStrEq{a}{a}{x}{y}\\IfSubStr{abc}{b}{x}{y}\\IfBeginWith{abc}{b}{x}{y}"
        "\\IfEndWith{abc}{c}{x}{y}\\IfInteger{12}{x}{y}",
        "xxyxx",
    ),
    "xstring_cases": ("\\IfStrEqCase{b}{{a}{x}{b}{y}}[z]\\IfStrEqCase{c}{{a}{x}{b}{y}}[z]", "yz"),
    "language": (
        "\\usepackage[german,english]{babel}\\iflanguage{english}{x}{y}\\iflanguage{german}{x}{y}",
        "\\usepackage[german,english]{babel}xy",
    ),
    "engines": (
        "\\ifpdf a\\else b\\fi\\ifxetex c\\else d\\fi\\ifPDFTeX e\\fi\\ifLuaTeX f\\fi",
        "ade",
    ),
    "flags_of_latex": (
        f"\\documentclass[twocolumn]{{b}}{AT}\\if@twocolumn a\\else b\\fi"
        "\\if@twoside c\\else d\\fi",
        "\\documentclass[twocolumn]{b}ad",
    ),
    "flags_of_latex_nest": (f"{AT}\\iffalse\\if@filesw a\\fi b\\else c\\fi", "c"),
    "temporary_flag": (f"{AT}\\@tempswatrue\\if@tempswa a\\else b\\fi", "a"),
    "unless": ("\\newif\\ifa\\unless\\ifa x\\else y\\fi", "x"),
    "ifcsname": (
        "\\def\\a{}\\ifcsname a\\endcsname x\\else y\\fi\\ifcsname nosuch\\endcsname z\\fi",
        "x",
    ),
    "ifdefined": ("\\def\\a{}\\ifdefined\\a x\\fi\\ifdefined\\nosuch y\\else z\\fi", "xz"),
    "ifx_undefined": (
        f"{AT}\\def\\a{{}}\\ifx\\a\\undefined x\\else y\\fi\\ifx\\@undefined\\nosuch x\\else y\\fi",
        "yx",
    ),
    "ifcase": (
        "\\def\\n{1}\\ifcase\\n a\\or b\\or c\\else d\\fi\\ifcase 0 a\\or b\\fi"
        "\\ifcase7 a\\or b\\else d\\fi",
        "bad",
    ),
    "ifcase_nested": ("\\ifcase1 a\\or\\ifcase0 b\\or c\\fi\\or d\\fi", "b"),
    "ifodd": ("\\ifodd 3 x\\else y\\fi\\ifodd4 x\\else y\\fi", "xy"),
    "ifdim": ("\\ifdim 1cm>12pt x\\else y\\fi\\ifdim0pt=0.0in x\\else y\\fi", "xx"),
    "ifnum_of_a_macro": ("\\def\\n{3}\\ifnum\\n>2 x\\else y\\fi", "x"),
    "unknown_test_stays": (
        "\\ifdim\\wd0>\\hsize a\\else b\\fi c",
        "\\ifdim\\wd0>\\hsize a\\else b\\fi c",
    ),
}


def text_of(source: str) -> str:
    expander = Expander(Submission({"main.tex": source.encode(), "b.tex": b"B"}), COMMANDS)
    return expander.expand("main.tex")


@pytest.mark.parametrize(("source", "expanded"), CASES.values(), ids=CASES)
def test_keeps_the_branch_that_tex_sets(source: str, expanded: str) -> None:
    assert text_of(source) == expanded
