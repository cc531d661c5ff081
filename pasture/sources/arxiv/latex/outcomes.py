r"""The outcomes of tests with arguments: of strings, numbers, names, flags, files and packages.

None where the source does not tell.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

from pasture.sources.arxiv.latex.booleans import lengths_compare, to_number
from pasture.sources.arxiv.latex.conditionals import compare, to_points
from pasture.sources.arxiv.latex.expand import Expander
from pasture.sources.arxiv.latex.macros import Macro
from pasture.sources.arxiv.latex.reader import NO_VALUE
from pasture.sources.arxiv.latex.styles import split_options

Tested = Sequence[Sequence[str]]
Choose = Callable[[Expander, Tested], bool | None]


def _control(tokens: Sequence[str]) -> str:
    return "".join(tokens).strip() or "{"


def _name(expander: Expander, tokens: Sequence[str]) -> str:
    return "\\" + expander.text(tokens)


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


def empty(expander: Expander, tested: Tested) -> bool | None:
    """Tell whether an argument has nothing in it."""
    return not tested[0]


def _same_tokens(expander: Expander, tested: Tested) -> bool | None:
    return "".join(tested[0]) == "".join(tested[1])


def _same_text(expander: Expander, tested: Tested) -> bool | None:
    left, right = ("".join(expander.expanded(side)) for side in tested)
    return left == right


def _contains(expander: Expander, tested: Tested) -> bool | None:
    return expander.text(tested[1]) in expander.text(tested[0])


def _begins(expander: Expander, tested: Tested) -> bool | None:
    return expander.text(tested[0]).startswith(expander.text(tested[1]))


def _ends(expander: Expander, tested: Tested) -> bool | None:
    return expander.text(tested[0]).endswith(expander.text(tested[1]))


def _is_integer(expander: Expander, tested: Tested) -> bool | None:
    return to_number(expander.text(tested[0])) is not None


# Numbers and lengths.


def _compare(expander: Expander, tested: Tested, relation: str) -> bool | None:
    left, right = (to_number(expander.text(side)) for side in tested)
    return None if left is None or right is None else compare(left, relation, right)


def _number_comparison(expander: Expander, tested: Tested) -> bool | None:
    left, relation, right = tested
    return _compare(expander, (left, right), expander.text(relation))


def _compare_lengths(expander: Expander, tested: Tested, relation: str) -> bool | None:
    left, right = (to_points(expander.text(side)) for side in tested)
    return None if left is None or right is None else compare(left, relation, right)


def _length_comparison(expander: Expander, tested: Tested) -> bool | None:
    left, relation, right = tested
    return _compare_lengths(expander, (left, right), expander.text(relation))


def _odd(expander: Expander, tested: Tested) -> bool | None:
    number = to_number(expander.text(tested[0]))
    return None if number is None else number % 2 == 1


def _length_test(expander: Expander, tested: Tested) -> bool | None:
    return lengths_compare(expander.text(tested[0]))


# Names and what they mean.


def _undefined_name(expander: Expander, tested: Tested) -> bool | None:
    return not expander.is_defined(_name(expander, tested[0]))


def _defined_name(expander: Expander, tested: Tested) -> bool | None:
    return expander.is_defined(_name(expander, tested[0]))


def _defined(expander: Expander, tested: Tested) -> bool | None:
    return expander.is_defined(_control(tested[0]))


def undefined(expander: Expander, tested: Tested) -> bool | None:
    """Tell whether a command has no meaning."""
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


def flag(expander: Expander, tested: Tested) -> bool | None:
    """Tell whether a flag is set, or ``true`` itself is given."""
    name = expander.text(tested[0])
    if name in ("true", "false"):
        return name == "true"
    return expander.flags.get(name)


def _not_flag(expander: Expander, tested: Tested) -> bool | None:
    value = flag(expander, tested)
    return None if value is None else not value


def _toggle(expander: Expander, tested: Tested) -> bool | None:
    return expander.flags.get(f"toggle {expander.text(tested[0])}")


def _not_toggle(expander: Expander, tested: Tested) -> bool | None:
    value = _toggle(expander, tested)
    return None if value is None else not value


# Files, packages and classes.

_MADE_BY_TEX = (".aux", ".toc", ".lof", ".lot", ".idx", ".ind", ".gls", ".glo", ".out", ".bcf")
_OF_THE_PAPER = (".tex", ".ltx", ".bbl", ".txt", ".dat", ".inc", ".tab")


def _file_exists(expander: Expander, tested: Tested) -> bool | None:
    """Tell whether TeX finds a file: the paper's own, TeX's styles, and any figure."""
    name = expander.text(tested[0]).strip('"')
    if expander.files.resolve(name) is not None:
        return True
    has_extension = "." in name.rpartition("/")[2]
    return has_extension and not name.lower().endswith((*_MADE_BY_TEX, *_OF_THE_PAPER))


def _loaded(expander: Expander, tested: Tested, extension: str) -> bool | None:
    return expander.text(tested[0]) + extension in expander.loaded


def _loaded_with(expander: Expander, tested: Tested, extension: str) -> bool | None:
    options = expander.loaded.get(expander.text(tested[0]) + extension)
    asked = split_options(expander.text(tested[1]))
    return options is not None and set(asked) <= set(options)


def _language(expander: Expander, tested: Tested) -> bool | None:
    """Tell whether a language is babel's main one."""
    languages = expander.loaded.get("babel.sty", [])[-1:] or expander.class_options
    return expander.text(tested[0]) in languages


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
    "\\boolean": (1, flag),
    "\\isodd": (1, _odd),
    "\\isundefined": (1, undefined),
    "\\lengthtest": (1, _length_test),
    "bool": (1, flag),
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
    "\\@ifempty": (1, empty),
    "\\ifstrempty": (1, empty),
    "\\ifblank": (1, _blank),
    "\\notblank": (1, _not_blank),
    "\\ifstrequal": (2, _same_tokens),
    "\\ifdef": (1, _defined),
    "\\ifundef": (1, undefined),
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
    "\\ifbool": (1, flag),
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

STRING_TESTS: Mapping[str, tuple[int, Choose]] = {
    "\\IfStrEq": (2, _same_text),
    "\\IfEq": (2, _same_text),
    "\\IfSubStr": (2, _contains),
    "\\IfBeginWith": (2, _begins),
    "\\IfEndWith": (2, _ends),
    "\\IfInteger": (1, _is_integer),
}
