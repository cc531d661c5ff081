# ruff: noqa: S105  # a "token" here is one of TeX's, not a secret
r"""Tests with their branches as arguments: ``\@ifnextchar``, ``\ifthenelse``, etoolbox, xstring.

The branch that TeX would set stays. Where the source does not tell which, as for a test of the
page number, it is the second: TeX sets one of the two, never both.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

from pasture.sources.latex.booleans import (
    evaluate,
    evaluate_words,
    lengths_compare,
    to_number,
)
from pasture.sources.latex.conditionals import add_flag, compare, to_points
from pasture.sources.latex.expand import Expander, Handler, Meaning
from pasture.sources.latex.macros import Macro
from pasture.sources.latex.reader import MANDATORY, NO_VALUE, Parameter
from pasture.sources.latex.styles import split_options

_OPTIONAL = Parameter("optional")
_STAR = Parameter("star", delimiter=("*",))

Tested = Sequence[Sequence[str]]
Choose = Callable[[Expander, Tested], bool | None]


def _choice(
    expander: Expander, token: str, *, num_tested: int, choose: Choose, optional: bool = False
) -> None:
    """Carry out a test with its two branches as arguments."""
    before = (_STAR, _OPTIONAL) if optional else ()
    found = expander.arguments(token, (*before, *(MANDATORY,) * (num_tested + 2)))
    if found is None:
        return
    outcome = choose(expander, found[len(before) : -2])
    expander.reader.push(found[-2 if outcome else -1])
    expander.remove()


def _half_choice(
    expander: Expander, token: str, *, num_tested: int = 1, choose: Choose, wanted: bool
) -> None:
    """Carry out a test with one branch."""
    found = expander.arguments(token, (MANDATORY,) * (num_tested + 1))
    if found is None:
        return
    if bool(choose(expander, found[:-1])) == wanted:
        expander.reader.push(found[-1])
    expander.remove()


def _text(expander: Expander, tokens: Sequence[str]) -> str:
    return "".join(expander.expanded(tokens)).strip()


def _control(tokens: Sequence[str]) -> str:
    return "".join(tokens).strip() or "{"


def _name(expander: Expander, tokens: Sequence[str]) -> str:
    return "\\" + _text(expander, tokens)


# What follows, and arguments of xparse.


def _follows(expander: Expander, tested: Tested) -> bool | None:
    following = expander.reader.peek()
    wanted = "".join(tested[0])
    if wanted == "\\bgroup":
        wanted = "{"
    return following is not None and (
        following == wanted if following[0] == "\\" else following[0] == wanted
    )


def _no_value(expander: Expander, tested: Tested) -> bool | None:
    return tuple(tested[0]) == NO_VALUE


def _value(expander: Expander, tested: Tested) -> bool | None:
    return tuple(tested[0]) != NO_VALUE


def _boolean(expander: Expander, tested: Tested) -> bool | None:
    return tuple(tested[0]) == ("\\BooleanTrue",)


# Strings.


def _blank(expander: Expander, tested: Tested) -> bool | None:
    return not "".join(tested[0]).strip()


def _not_blank(expander: Expander, tested: Tested) -> bool | None:
    return bool("".join(tested[0]).strip())


def _empty(expander: Expander, tested: Tested) -> bool | None:
    return not tested[0]


def _same_tokens(expander: Expander, tested: Tested) -> bool | None:
    return "".join(tested[0]) == "".join(tested[1])


def _same_text(expander: Expander, tested: Tested) -> bool | None:
    left, right = ("".join(expander.expanded(side)) for side in tested)
    return left == right


def _contains(expander: Expander, tested: Tested) -> bool | None:
    return _text(expander, tested[1]) in _text(expander, tested[0])


def _begins(expander: Expander, tested: Tested) -> bool | None:
    return _text(expander, tested[0]).startswith(_text(expander, tested[1]))


def _ends(expander: Expander, tested: Tested) -> bool | None:
    return _text(expander, tested[0]).endswith(_text(expander, tested[1]))


def _is_integer(expander: Expander, tested: Tested) -> bool | None:
    return to_number(_text(expander, tested[0])) is not None


def _cases(expander: Expander, token: str) -> None:
    r"""Carry out xstring's ``\IfStrEqCase``."""
    found = expander.arguments(token, (_STAR, MANDATORY, MANDATORY, _OPTIONAL))
    if found is None:
        return
    string = _text(expander, found[1])
    groups = _groups(found[2])
    chosen: Sequence[str] = () if tuple(found[3]) == NO_VALUE else found[3]
    for case, branch in zip(groups[::2], groups[1::2], strict=False):
        if _text(expander, case) == string:
            chosen = branch
            break
    expander.reader.push(chosen)
    expander.remove()


def _groups(tokens: Sequence[str]) -> list[list[str]]:
    groups: list[list[str]] = []
    depth = 0
    for token in tokens:
        depth -= token == "}"
        if depth > 0:
            groups[-1].append(token)
        elif token == "{":
            groups.append([])
        depth += token == "{"
    return groups


# Numbers and lengths.


def _compare(expander: Expander, tested: Tested, relation: str) -> bool | None:
    left, right = (to_number(_text(expander, side)) for side in tested)
    return None if left is None or right is None else compare(left, relation, right)


def _number_comparison(expander: Expander, tested: Tested) -> bool | None:
    left, relation, right = tested
    return _compare(expander, (left, right), _text(expander, relation))


def _compare_lengths(expander: Expander, tested: Tested, relation: str) -> bool | None:
    left, right = (to_points(_text(expander, side)) for side in tested)
    return None if left is None or right is None else compare(left, relation, right)


def _length_comparison(expander: Expander, tested: Tested) -> bool | None:
    left, relation, right = tested
    return _compare_lengths(expander, (left, right), _text(expander, relation))


def _odd(expander: Expander, tested: Tested) -> bool | None:
    number = to_number(_text(expander, tested[0]))
    return None if number is None else number % 2 == 1


def _length_test(expander: Expander, tested: Tested) -> bool | None:
    return lengths_compare(_text(expander, tested[0]))


# Names and what they mean.


def _undefined_name(expander: Expander, tested: Tested) -> bool | None:
    return not expander.is_defined(_name(expander, tested[0]))


def _defined_name(expander: Expander, tested: Tested) -> bool | None:
    return expander.is_defined(_name(expander, tested[0]))


def _defined(expander: Expander, tested: Tested) -> bool | None:
    return expander.is_defined(_control(tested[0]))


def _undefined(expander: Expander, tested: Tested) -> bool | None:
    return not expander.is_defined(_control(tested[0]))


def _is_macro(expander: Expander, tested: Tested) -> bool | None:
    return isinstance(expander.meanings.get(_control(tested[0])), Macro)


def _body(expander: Expander, name: str) -> str | None:
    """The body of a macro; None where it is none."""
    meaning = expander.meanings.get(name)
    return "".join(meaning.body) if isinstance(meaning, Macro) else None


def _is_empty(expander: Expander, tested: Tested) -> bool | None:
    return _body(expander, _control(tested[0])) == ""


def _is_empty_name(expander: Expander, tested: Tested) -> bool | None:
    return _body(expander, _name(expander, tested[0])) == ""


def _is_void(expander: Expander, tested: Tested) -> bool | None:
    name = _control(tested[0])
    return _body(expander, name) == "" or not expander.is_defined(name)


def _is_void_name(expander: Expander, tested: Tested) -> bool | None:
    return _is_void(expander, [[_name(expander, tested[0])]])


def _holds(expander: Expander, tested: Tested) -> bool | None:
    return _body(expander, _control(tested[0])) == "".join(tested[1])


def _name_holds(expander: Expander, tested: Tested) -> bool | None:
    return _body(expander, _name(expander, tested[0])) == "".join(tested[1])


def _same_body(expander: Expander, tested: Tested) -> bool | None:
    left, right = (expander.meaning(_control(side)) for side in tested)
    return left == right


# Flags and toggles.


def _flag(expander: Expander, tested: Tested) -> bool | None:
    name = _text(expander, tested[0])
    if name in ("true", "false"):
        return name == "true"
    return expander.flags.get(name)


def _not_flag(expander: Expander, tested: Tested) -> bool | None:
    value = _flag(expander, tested)
    return None if value is None else not value


def _toggle(expander: Expander, tested: Tested) -> bool | None:
    return expander.flags.get(f"toggle {_text(expander, tested[0])}")


def _not_toggle(expander: Expander, tested: Tested) -> bool | None:
    value = _toggle(expander, tested)
    return None if value is None else not value


def _new_flag(expander: Expander, token: str, *, provides: bool = False) -> None:
    found = expander.arguments(token, (MANDATORY,))
    if found is None:
        return
    name = _text(expander, found[0])
    if name and not (provides and name in expander.flags):
        add_flag(expander, name)
    expander.remove()


def _new_toggle(expander: Expander, token: str, *, provides: bool = False) -> None:
    found = expander.arguments(token, (MANDATORY,))
    if found is None:
        return
    name = f"toggle {_text(expander, found[0])}"
    if not (provides and name in expander.flags):
        expander.flags[name] = False
    expander.remove()


def _set(expander: Expander, token: str, *, kind: str, value: bool | None = None) -> None:
    found = expander.arguments(token, (MANDATORY,) * (1 if value is not None else 2))
    if found is None:
        return
    name = kind + _text(expander, found[0])
    if value is None:
        value = evaluate(expander, found[1], TESTS) if found[1:] else None
        value = _flag(expander, found[1:]) if value is None else value
    expander.flags[name] = bool(value)
    expander.remove()


# Files, packages and classes.

_MADE_BY_TEX = (".aux", ".toc", ".lof", ".lot", ".idx", ".ind", ".gls", ".glo", ".out", ".bcf")
_OF_THE_PAPER = (".tex", ".ltx", ".bbl", ".txt", ".dat", ".inc", ".tab")


def _file_exists(expander: Expander, tested: Tested) -> bool | None:
    """Tell whether TeX finds a file: the paper's own, TeX's styles, and any figure."""
    name = _text(expander, tested[0]).strip('"')
    if expander.files.resolve(name) is not None:
        return True
    has_extension = "." in name.rpartition("/")[2]
    return has_extension and not name.lower().endswith((*_MADE_BY_TEX, *_OF_THE_PAPER))


def _loaded(expander: Expander, tested: Tested, extension: str) -> bool | None:
    return _text(expander, tested[0]) + extension in expander.loaded


def _loaded_with(expander: Expander, tested: Tested, extension: str) -> bool | None:
    options = expander.loaded.get(_text(expander, tested[0]) + extension)
    asked = split_options(_text(expander, tested[1]))
    return options is not None and set(asked) <= set(options)


def _language(expander: Expander, tested: Tested) -> bool | None:
    """Tell whether a language is babel's main one."""
    return expander.loaded.get("babel.sty", [])[-1:] == [_text(expander, tested[0])]


def _always(expander: Expander, tested: Tested) -> bool | None:
    return True


def _unknown(expander: Expander, tested: Tested) -> bool | None:
    return None


def _relation(relation: str, *, lengths: bool = False) -> Choose:
    work = _compare_lengths if lengths else _compare
    return functools.partial(work, relation=relation)


def _style(work: Callable[[Expander, Tested, str], bool | None], extension: str) -> Choose:
    return functools.partial(work, extension=extension)  # type: ignore[call-arg]


_LOADED = {".sty": ("package", "Package"), ".cls": ("class", "Class")}
TESTS: Mapping[str, tuple[int, Choose]] = {
    "\\equal": (2, _same_text),
    "\\boolean": (1, _flag),
    "\\isodd": (1, _odd),
    "\\isundefined": (1, _undefined),
    "\\lengthtest": (1, _length_test),
    "bool": (1, _flag),
    "togl": (1, _toggle),
    "\\@ifnextchar": (1, _follows),
    "\\kernel@ifnextchar": (1, _follows),
    "\\new@ifnextchar": (1, _follows),
    "\\@ifundefined": (1, _undefined_name),
    "\\ltx@ifundefined": (1, _undefined_name),
    "\\IfNoValueTF": (1, _no_value),
    "\\IfValueTF": (1, _value),
    "\\IfBooleanTF": (1, _boolean),
    "\\IfBlankTF": (1, _blank),
    "\\@ifempty": (1, _empty),
    "\\ifstrempty": (1, _empty),
    "\\ifblank": (1, _blank),
    "\\notblank": (1, _not_blank),
    "\\ifstrequal": (2, _same_tokens),
    "\\ifdef": (1, _defined),
    "\\ifundef": (1, _undefined),
    "\\ifcsdef": (1, _defined_name),
    "\\ifcsundef": (1, _undefined_name),
    "\\ifdefmacro": (1, _is_macro),
    "\\ifdefempty": (1, _is_empty),
    "\\ifcsempty": (1, _is_empty_name),
    "\\ifdefvoid": (1, _is_void),
    "\\ifcsvoid": (1, _is_void_name),
    "\\ifdefstring": (2, _holds),
    "\\ifcsstring": (2, _name_holds),
    "\\ifdefequal": (2, _same_body),
    "\\ifdefstrequal": (2, _same_body),
    "\\ifnumcomp": (3, _number_comparison),
    "\\ifnumequal": (2, _relation("=")),
    "\\ifnumgreater": (2, _relation(">")),
    "\\ifnumless": (2, _relation("<")),
    "\\ifnumodd": (1, _odd),
    "\\ifdimcomp": (3, _length_comparison),
    "\\ifdimequal": (2, _relation("=", lengths=True)),
    "\\ifdimgreater": (2, _relation(">", lengths=True)),
    "\\ifdimless": (2, _relation("<", lengths=True)),
    "\\ifbool": (1, _flag),
    "\\notbool": (1, _not_flag),
    "\\iftoggle": (1, _toggle),
    "\\nottoggle": (1, _not_toggle),
    "\\IfFileExists": (1, _file_exists),
    "\\iflanguage": (1, _language),
    "\\IfLanguageName": (1, _language),
    "\\IfFormatAtLeastTF": (1, _always),
    "\\ifthispageodd": (0, _unknown),
    **{
        name: (number, _style(work, extension))
        for extension, (lower, upper) in _LOADED.items()
        for name, number, work in (
            (f"\\@if{lower}loaded", 1, _loaded),
            (f"\\ltx@if{lower}loaded", 1, _loaded),
            (f"\\If{upper}LoadedTF", 1, _loaded),
            (f"\\@if{lower}later", 2, lambda e, t, extension: _loaded(e, t[:1], extension)),
            (f"\\If{upper}AtLeastTF", 2, lambda e, t, extension: _loaded(e, t[:1], extension)),
            (f"\\@if{lower}with", 2, _loaded_with),
            (f"\\If{upper}LoadedWithOptionsTF", 2, _loaded_with),
        )
    },
}
"""Tests: how many arguments they take, and their outcome."""

_STRING_TESTS: Mapping[str, tuple[int, Choose]] = {
    "\\IfStrEq": (2, _same_text),
    "\\IfEq": (2, _same_text),
    "\\IfSubStr": (2, _contains),
    "\\IfBeginWith": (2, _begins),
    "\\IfEndWith": (2, _ends),
    "\\IfInteger": (1, _is_integer),
}


def _ifthenelse(expander: Expander, tested: Tested) -> bool | None:
    return evaluate(expander, tested[0], TESTS)


def _expression(expander: Expander, tested: Tested) -> bool | None:
    return evaluate_words(expander, tested[0], TESTS)


def _choices(num_tested: int, choose: Choose, *, optional: bool = False) -> Handler:
    return functools.partial(_choice, num_tested=num_tested, choose=choose, optional=optional)


def _halves() -> dict[str, Handler]:
    """The forms with one branch of the tests whose names end in TF."""
    halves: dict[str, Handler] = {}
    for name, (number, choose) in TESTS.items():
        if name.endswith("TF"):
            for letter in "TF":
                halves[name[:-2] + letter] = functools.partial(
                    _half_choice, num_tested=number, choose=choose, wanted=letter == "T"
                )
    return halves


_NO_TESTS = ("bool", "togl", "\\equal", "\\boolean", "\\isodd", "\\isundefined", "\\lengthtest")
CHOICES: Mapping[str, Meaning] = {
    **{name: _choices(*test) for name, test in TESTS.items() if name not in _NO_TESTS},
    **{name: _choices(*test, optional=True) for name, test in _STRING_TESTS.items()},
    **_halves(),
    "\\ifthenelse": _choices(1, _ifthenelse),
    "\\ifboolexpr": _choices(1, _expression),
    "\\ifboolexpe": _choices(1, _expression),
    "\\IfStrEqCase": _cases,
    "\\IfEqCase": _cases,
    "\\@ifnotempty": functools.partial(_half_choice, choose=_empty, wanted=False),
    "\\@ifdefinable": functools.partial(_half_choice, choose=_undefined, wanted=True),
    "\\newboolean": _new_flag,
    "\\provideboolean": functools.partial(_new_flag, provides=True),
    "\\setboolean": functools.partial(_set, kind=""),
    "\\newbool": _new_flag,
    "\\providebool": functools.partial(_new_flag, provides=True),
    "\\setbool": functools.partial(_set, kind=""),
    "\\booltrue": functools.partial(_set, kind="", value=True),
    "\\boolfalse": functools.partial(_set, kind="", value=False),
    "\\newtoggle": _new_toggle,
    "\\providetoggle": functools.partial(_new_toggle, provides=True),
    "\\settoggle": functools.partial(_set, kind="toggle "),
    "\\toggletrue": functools.partial(_set, kind="toggle ", value=True),
    "\\togglefalse": functools.partial(_set, kind="toggle ", value=False),
    "\\texorpdfstring": Macro(("#1",), (MANDATORY, MANDATORY)),
    "\\empty": Macro(()),
    "\\@empty": Macro(()),
    "\\@firstofone": Macro(("#1",), (MANDATORY,)),
    "\\@firstoftwo": Macro(("#1",), (MANDATORY, MANDATORY)),
    "\\@secondoftwo": Macro(("#2",), (MANDATORY, MANDATORY)),
    "\\@gobble": Macro((), (MANDATORY,)),
    "\\@gobbletwo": Macro((), (MANDATORY, MANDATORY)),
}
