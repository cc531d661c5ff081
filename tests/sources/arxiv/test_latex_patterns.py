r"""Time grows with the length of the input: every pattern, and whole papers, are pumped."""

from __future__ import annotations

import contextlib
import importlib
import pathlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator

import pytest

import pasture.sources.arxiv.latex as package
from pasture.sources.arxiv import source as arxiv
from pasture.sources.arxiv.latex import NotCleaned, clean_submission

MODULES = [
    arxiv,
    package,
    *(
        importlib.import_module(f"{package.__name__}.{module.name}")
        for module in pkgutil.iter_modules(package.__path__)
    ),
]
SIZE = 16_384  # characters; time that grows with the square takes a second or more
PUMPS = (
    *(" ", "\t", "\n", "a", "A", "1", ".", "%", "*", "@", "=", "-", "|", "\\", "{", "}", "[", "]"),
    *("(", "{a}", "[a]", "\\a ", "a ", " a", "%\n", "\\\\", "{}", "\\begin", "a|", ", ", "$"),
)


def patterns() -> Iterator[tuple[str, re.Pattern[str] | re.Pattern[bytes], str]]:
    """Every compiled pattern, and each method by which its module, or another one, uses it."""
    sources = [pathlib.Path(str(module.__file__)).read_text("utf-8") for module in MODULES]
    seen = set()
    for module in MODULES:
        for name, value in vars(module).items():
            if not isinstance(value, re.Pattern) or value in seen:
                continue
            seen.add(value)
            used = {
                method
                for source in sources
                for method in re.findall(
                    rf"\b{name}\.(match|search|sub|findall|finditer)\(", source
                )
            }
            yield from ((f"{name}.{method}", value, method) for method in sorted(used or {"match"}))


def words(pattern: re.Pattern[str] | re.Pattern[bytes]) -> list[str]:
    """What the pattern may start with: nothing, its first control words, and openings."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode()
    found = re.findall(r"\\\\(?:\(\?:)?([A-Za-z]{2,})", source)[:2]
    return ["", *(f"\\{word}" for word in found), *(f"\\{word}{{" for word in found), "{", "["]


@pytest.mark.parametrize(
    ("pattern", "method"),
    [pytest.param(pattern, method, id=name) for name, pattern, method in patterns()],
)
def test_a_pattern_takes_linear_time(
    pattern: re.Pattern[str] | re.Pattern[bytes], method: str
) -> None:
    for start in words(pattern):
        for pump in PUMPS:
            text = start + pump * (SIZE // len(pump)) + "!"
            data = text if isinstance(pattern.pattern, str) else text.encode()
            begin = time.process_time()
            run(pattern, method, data)
            taken = time.process_time() - begin
            assert taken < 0.6, f"{start!r} and {pump!r} take {taken:.1f} s"


def run(pattern: re.Pattern[str] | re.Pattern[bytes], method: str, data: str | bytes) -> None:
    call: Callable[..., object] = getattr(pattern, method)
    if method == "sub":
        call(data[:0], data)
    elif method == "finditer":
        list(call(data))  # type: ignore[call-overload]
    else:
        call(data)


START = "\\documentclass{article}\\begin{document}\\section{A}"
LARGE = 80_000  # characters
PAPERS = {
    "section_and_blanks": "\\section" + " " * LARGE,
    "sections_and_blanks": ("\\section" + " " * 300) * 260,
    "section_and_lines": "\\section" + "\n" * LARGE,
    "section_and_option": "\\section[" + "a" * LARGE,
    "sections_without_end": "\\section{" * 9_000,
    "maketitle_and_option": "\\maketitle[" + "{" * LARGE,
    "maketitles_and_options": "\\maketitle[" * 7_000,
    "class_and_blanks": "\\documentclass" + " " * LARGE,
    "input_and_blanks": "\\input{" + " " * LARGE,
    "catcode_and_blanks": "\\catcode`\\@" + " " * LARGE,
    "declared_and_blanks": "\\lstnewenvironment" + " " * LARGE,
    "short_verb": "\\MakeShortVerb{\\|}" + "|a" * 40_000,
    "short_verb_on_lines": "\\MakeShortVerb{\\|}" + "|\n" * 40_000,
    "short_verb_and_comments": "\\MakeShortVerb{\\|}" + "|%" * 40_000,
    "short_verbs": "\\MakeShortVerb{\\|}" * 4_000,
    "options": "\\DeclareOption{a}{b}" * 4_000,
    "open_options": "\\DeclareOption" * 6_000,
    "long_option": "\\usepackage[" + "a " * 40_000 + "]{b}",
    "many_options": "\\usepackage[" + "a," * 40_000 + "]{b}",
    "long_loop": "\\makeatletter\\@tfor\\x:=" + "a" * 100 + "\\do{" + "\\x" * 40_000 + "}",
    "loops": "\\makeatletter" + "\\@for\\x:=a" * 7_000,
    "nested_loops": "\\forcsvlist{\\forcsvlist{" * 3_000,
    "hooks": "\\AtEndDocument{a}" * 4_000,
    "open_bodies": "\\NewEnviron{e}{\\BODY}" + "\\begin{e}" * 9_000,
    "nested_bodies": "\\NewEnviron{e}{\\BODY}" + "\\begin{e}" * 2_000 + "\\end{e}" * 2_000,
    "open_ifthenelse": "\\ifthenelse{\\(" * 6_000,
    "deep_ifthenelse": "\\ifthenelse{" + "\\(" * 40_000 + "}{a}{b}",
    "open_boolexpr": "\\ifboolexpr{" + "not " * 20_000 + "}{a}{b}",
    "ifcases": "\\ifcase" * 11_000,
    "ifcases_with_numbers": "\\ifcase9 " * 8_000,
    "ors": "\\ifcase1 " + "\\or" * 26_000,
    "unless": "\\unless" * 11_000,
    "ifcsnames": "\\ifcsname" * 8_000,
    "numbers": "\\def\\n{\\n}" + "\\ifnum\\n" * 2_000,
    "internals": "\\makeatletter" + "\\@a{" * 20_000,
    "internal_options": "\\makeatletter" + "\\@a[" * 20_000,
    "csnames": "\\csname a@" * 8_000,
    "strings": "\\string" * 11_000,
    "syntax": "\\ExplSyntaxOn" * 6_000,
    "syntax_on_and_off": "\\ExplSyntaxOn\\ExplSyntaxOff" * 3_000,
    "logos": "\\def\\a{P\\kern-.1emC}\\a" * 3_500,
    "string_cases": "\\IfStrEqCase{a}{" + "{a}{b}" * 13_000 + "}",
    "embellishments": "\\NewDocumentCommand\\f{e{^_^_^_^_}}{}" + "\\f^" * 20_000,
    "bibliographies": "\\begin{thebibliography}" * 3_500,
    "openings": "{" * LARGE + "\\bibliography{a}",
    "dropped_definitions": "\\newtcolorbox{a}[" * 5_000,
}


@pytest.mark.parametrize("body", PAPERS.values(), ids=PAPERS)
def test_a_paper_takes_linear_time(body: str) -> None:
    begin = time.process_time()
    for source in (START + body, body + START):
        with contextlib.suppress(NotCleaned):
            clean_submission({"main.tex": source.encode()})
    assert time.process_time() - begin < 5
