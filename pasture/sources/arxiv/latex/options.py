r"""Options and hooks: code that a style declares where it stands, and LaTeX runs elsewhere.

``\DeclareOption`` only notes what an option does. ``\ProcessOptions`` runs those that the class
or package is given, in LaTeX's order, and ``\ExecuteOptions`` those that it names. Code for the
beginning or the end of the document waits until there; what a style's code would print there is
left out, as is all text of style files.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence

from pasture.sources.arxiv.latex.conditionals import add_flag
from pasture.sources.arxiv.latex.expand import QUIETLY, Expander, Handler
from pasture.sources.arxiv.latex.macros import Macro, substitute
from pasture.sources.arxiv.latex.reader import MANDATORY, NO_VALUE, OPTIONAL, STAR, Parameter
from pasture.sources.arxiv.latex.styles import (
    Option,
    Style,
    key_and_value,
    split_options,
    tokenize,
)
from pasture.sources.arxiv.latex.verbatim import dropping

_FAMILY = Parameter("optional", opening="<", delimiter=(">",))
_NAME_OPTION = "\\<option>"  # notes which option is run; no text can hold such a token
_SET_FLAG = "\\<flag>"


def _is_true(star: Sequence[str]) -> bool:
    return tuple(star) == ("\\BooleanTrue",)


# Declarations.


def _declare(expander: Expander, token: str, *, has_values: bool = False) -> None:
    r"""Carry out ``\DeclareOption``, and xkeyval's ``\DeclareOptionX``."""
    families = (OPTIONAL, _FAMILY) if has_values else ()
    found = expander.arguments(token, (STAR, *families, MANDATORY))
    if found is None:
        return
    style = expander.style
    expander.remove()
    if _is_true(found[0]):
        if style:
            style.otherwise = tuple(found[-1])
        return
    name = expander.text(found[-1])
    rest = expander.arguments(token, (OPTIONAL, MANDATORY) if has_values else (MANDATORY,))
    if rest is None or style is None:
        return
    default = rest[0] if has_values and tuple(rest[0]) != NO_VALUE else ()
    style.declared[name] = Option(tuple(rest[-1]), tuple(default))


def _declare_void(expander: Expander, token: str) -> None:
    found = expander.arguments(token, (MANDATORY, MANDATORY))
    if found and expander.style:
        expander.style.declared[expander.text(found[0])] = Option(tuple(found[1]))


def _declare_default(expander: Expander, token: str) -> None:
    found = expander.arguments(token, (MANDATORY,))
    if found and expander.style:
        expander.style.otherwise = tuple(found[0])


def _declare_flag(expander: Expander, token: str) -> None:
    r"""Carry out kvoptions' ``\DeclareBoolOption``: an option that sets a flag."""
    found = expander.arguments(token, (OPTIONAL, MANDATORY))
    if not found or not (style := expander.style):
        return
    name = expander.text(found[1])
    flag = style.prefix + name
    add_flag(expander, flag, value=expander.text(found[0]) == "true")
    style.declared[name] = Option((_SET_FLAG, "{", flag, "}", "{", "#1", "}"), ("true",))
    expander.remove()


def _declare_opposite(expander: Expander, token: str) -> None:
    found = expander.arguments(token, (MANDATORY, MANDATORY))
    if not found or not (style := expander.style):
        return
    name, flag = (expander.text(part) for part in found)
    code = (_SET_FLAG, "{", style.prefix + flag, "}", "{", "not-", "#1", "}")
    style.declared[name] = Option(code, ("true",))


def _declare_string(expander: Expander, token: str) -> None:
    found = expander.arguments(token, (OPTIONAL, MANDATORY, OPTIONAL))
    if not found or not (style := expander.style):
        return
    first, name, default = (() if tuple(part) == NO_VALUE else tuple(part) for part in found)
    macro = f"\\{style.prefix}{expander.text(name)}"
    expander.define(macro, Macro(first))
    style.declared[expander.text(name)] = Option(("\\def", macro, "{", "#1", "}"), default)


def _set_up(expander: Expander, token: str) -> None:
    found = expander.arguments(token, (MANDATORY,))
    if not found or not (style := expander.style):
        return
    for key, value in map(key_and_value, split_options(expander.text(found[0]))):
        if key == "prefix":
            style.prefix = value or ""


# Running them.


def _process(expander: Expander, token: str, *, has_values: bool = False) -> None:
    r"""Carry out ``\ProcessOptions`` and ``\ProcessOptions*``, and those of keys and values."""
    star, *_ = expander.arguments(token, (STAR, _FAMILY)) or ((),)
    style = expander.style
    expander.remove()
    if style is None:
        return
    given = [*expander.passed.get(style.name, ()), *style.given]
    shared = [] if style.is_class else list(expander.class_options)
    if has_values or _is_true(star):
        order = [*(o for o in shared if _declared(style, o, has_values)), *given]
    else:
        order = [name for name in style.declared if name in given or name in shared]
        order.extend(option for option in given if option not in style.declared)
    tokens: list[str] = []
    for option in dict.fromkeys(order):
        tokens.extend(_run(style, option, has_values))
    if not has_values:
        style.declared.clear()
    expander.reader.push(tokens)


def _process_family(expander: Expander, token: str) -> None:
    r"""Carry out kvoptions' ``\ProcessKeyvalOptions``, whose family stands in braces."""
    following = expander.reader.peek()
    if following and following[0] != "*":
        expander.arguments(token, (MANDATORY,))
    _process(expander, token, has_values=True)


def _execute(expander: Expander, token: str, *, has_values: bool = False) -> None:
    found = expander.arguments(token, (_FAMILY, MANDATORY))
    style = expander.style
    if not found or not style:
        return
    tokens: list[str] = []
    for option in split_options(expander.text(found[1])):
        if _declared(style, option, has_values):
            tokens.extend(_run(style, option, has_values))
    expander.reader.push(tokens)
    expander.remove()


def _declared(style: Style, option: str, has_values: bool) -> Option | None:
    key = key_and_value(option)[0] if has_values else option
    return style.declared.get(key)


def _run(style: Style, option: str, has_values: bool) -> Iterable[str]:
    """The tokens that run an option; none for one that nothing is declared for."""
    declared = _declared(style, option, has_values)
    value: Sequence[str] = ()
    if declared:
        code = declared.code
        text = key_and_value(option)[1] if has_values else None
        value = declared.default if text is None else tokenize(text)
    elif style.otherwise is not None:
        code = style.otherwise
    else:
        return
    yield from (_NAME_OPTION, "{", *tokenize(option), "}")
    yield from substitute(code, [value])


def _name_option(expander: Expander, token: str) -> None:
    found = expander.arguments(token, (MANDATORY,))
    if found:
        expander.define("\\CurrentOption", Macro(tuple(found[0])))
    expander.remove()


def _set_flag(expander: Expander, token: str) -> None:
    found = expander.arguments(token, (MANDATORY, MANDATORY))
    if found:
        value = expander.text(found[1])
        expander.flags[expander.text(found[0])] = value in ("true", "not-false")
    expander.remove()


def _pass(expander: Expander, token: str, *, extension: str) -> None:
    r"""Carry out ``\PassOptionsToPackage``."""
    found = expander.arguments(token, (MANDATORY, MANDATORY))
    if found is None:
        return
    options = split_options(expander.text(found[0]))
    for name in split_options(expander.text(found[1])):
        expander.passed.setdefault(name + extension, []).extend(options)
    expander.remove()


# Hooks.


def _at_begin(expander: Expander, token: str) -> None:
    found = expander.arguments(token, (MANDATORY,))
    if found is not None:
        _hook(expander, found[0], begins=True)


def _at_end(expander: Expander, token: str) -> None:
    found = expander.arguments(token, (MANDATORY,))
    if found is not None:
        _hook(expander, found[0], begins=False)


def _hook(expander: Expander, code: Sequence[str], *, begins: bool) -> None:
    expander.remove()
    if begins and expander.at_begin is None:
        expander.reader.push(code)  # the document has begun
        return
    waiting = expander.at_begin if begins else expander.at_end
    assert waiting is not None  # the case above
    waiting.extend((QUIETLY, "{", *code, "}") if expander.style else code)


def _add_to_hook(expander: Expander, token: str) -> None:
    r"""Carry out ``\AddToHook`` for the document; what is for pages and the like goes."""
    found = expander.arguments(token, (MANDATORY, OPTIONAL, MANDATORY))
    if found is None:
        return
    name = expander.text(found[0])
    expander.remove()
    if name.partition("/")[0] in ("begindocument", "enddocument"):
        _hook(expander, found[2], begins=name.startswith("begin"))


def _at_end_of_style(expander: Expander, token: str) -> None:
    found = expander.arguments(token, (MANDATORY,))
    if found and expander.style:
        expander.style.at_end.extend(found[0])
    expander.remove()


def _quietly(expander: Expander, token: str) -> None:
    found = expander.arguments(token, (MANDATORY,))
    if found is not None:
        expander.run_quietly(found[0])


_ENVIRONMENT_HOOKS = (
    "AtBeginEnvironment",
    "AtEndEnvironment",
    "BeforeBeginEnvironment",
    "AfterEndEnvironment",
    "AfterPackage",
    "AfterClass",
    "AfterFile",
    "BeforePackage",
    "BeforeFile",
)
_PAGE_HOOKS = (
    "AtBeginShipout",
    "AtBeginShipoutNext",
    "AtBeginShipoutFirst",
    "AtEndShipout",
    "AtBeginDvi",
    "AtEndDvi",
    "AtBeginBibliography",
    "AtEveryBibitem",
    "AtEveryCitekey",
    "AtEveryCite",
    "AtEveryLstlisting",
    "AddToShipoutPicture",
    "AddToShipoutPictureBG",
    "AddToShipoutPictureFG",
    "AfterLastShipout",
    "EveryShipout",
)
OPTIONS: Mapping[str, Handler] = {
    "\\DeclareOption": _declare,
    "\\DeclareOptionX": functools.partial(_declare, has_values=True),
    "\\DeclareVoidOption": _declare_void,
    "\\DeclareDefaultOption": _declare_default,
    "\\DeclareBoolOption": _declare_flag,
    "\\DeclareComplementaryOption": _declare_opposite,
    "\\DeclareStringOption": _declare_string,
    "\\SetupKeyvalOptions": _set_up,
    "\\ProcessOptions": _process,
    "\\ProcessOptionsX": functools.partial(_process, has_values=True),
    "\\ProcessKeyvalOptions": _process_family,
    "\\ProcessLocalKeyvalOptions": _process_family,
    "\\ExecuteOptions": _execute,
    "\\ExecuteOptionsX": functools.partial(_execute, has_values=True),
    "\\PassOptionsToPackage": functools.partial(_pass, extension=".sty"),
    "\\PassOptionsToClass": functools.partial(_pass, extension=".cls"),
    "\\OptionNotUsed": dropping(""),
    "\\AtBeginDocument": _at_begin,
    "\\AtEndPreamble": _at_begin,
    "\\AfterEndPreamble": _at_begin,
    "\\AtEndDocument": _at_end,
    "\\AfterEndDocument": _at_end,
    "\\AddToHook": _add_to_hook,
    "\\AddToHookNext": dropping("mm"),
    "\\RemoveFromHook": dropping("mo"),
    "\\AtEndOfPackage": _at_end_of_style,
    "\\AtEndOfClass": _at_end_of_style,
    **dict.fromkeys([f"\\{name}" for name in _ENVIRONMENT_HOOKS], dropping("mm")),
    **dict.fromkeys([f"\\{name}" for name in _PAGE_HOOKS], dropping("sm")),
    _NAME_OPTION: _name_option,
    _SET_FLAG: _set_flag,
    QUIETLY: _quietly,
}
