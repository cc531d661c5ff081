r"""Groups and environments: what they enclose, and those that the paper defines itself."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from pasture.sources.arxiv.latex.expand import Expander, Handler
from pasture.sources.arxiv.latex.macros import is_writable, substitute
from pasture.sources.arxiv.latex.names import MATH_ENVIRONMENTS
from pasture.sources.arxiv.latex.reader import BODY, NoArgument

_END = "\\<end>"  # closes an expanded environment; no text can hold such a token


def _begin(expander: Expander, token: str) -> None:
    r"""Expand ``\begin`` of the paper's own environments; write any other as it stands."""
    reader = expander.reader
    name, length = reader.environment_name()
    if name == "document":
        expander.in_math = False
        expander.emit(token)
        if expander.at_begin is not None:
            reader.pass_over(length)
            expander.emit("{document}")
            waiting, expander.at_begin = expander.at_begin, None
            reader.push(waiting)
        return
    environment = expander.environments.get(name)
    whole = f"{token}{{{name}}}"
    expander.open_group()
    if environment is None or whole in expander.unexpanded:
        expander.in_math = expander.in_math or name in MATH_ENVIRONMENTS
        expander.emit(token)
        return
    reader.pass_over(length)
    if not all(is_writable(part, expander.meanings) for part in environment.parts):
        expander.leave(whole)
        return
    expander.enter_call(whole)
    parameters = environment.begin.parameters
    takes_body = BODY in parameters[-1:]
    try:
        arguments = reader.arguments(parameters[:-1] if takes_body else parameters)
    except NoArgument:
        expander.leave(whole)
        return
    if takes_body:
        body = reader.environment_body(name)
        if body is None:
            reader.put_back()
            expander.leave(whole)
            return
        arguments.append(body)
    opening, closing = (["{"], ["}"]) if environment.declares() else ([], [])
    start = opening + substitute(environment.begin.body, arguments)
    end = (*substitute(environment.end, arguments), *closing, _END)
    if takes_body:
        start.extend(end)
    else:
        expander.open_environments.append((name, end))
    reader.push(start)
    expander.remove()
    expander.check_call()


def _end(expander: Expander, token: str) -> None:
    r"""Expand ``\end`` of an environment whose beginning was expanded."""
    name, length = expander.reader.environment_name()
    if expander.open_environments and expander.open_environments[-1][0] == name:
        expander.reader.pass_over(length)
        expander.enter_call(f"{token}{{{name}}}")
        expander.reader.push(expander.open_environments.pop()[1])
        expander.remove()
        return
    if name == "document" and expander.at_end:
        expander.reader.pass_over(length)
        waiting, expander.at_end = expander.at_end, []
        expander.reader.push([*waiting, token, "{", name, "}"])
        return
    expander.emit(token)
    if name == "document":
        expander.emit("{document}\n")
        expander.finish()
    else:
        expander.close_group()


def _close_expanded(expander: Expander, token: str) -> None:
    expander.close_group()
    expander.remove()


def _group(expander: Expander, token: str, *, opens: bool) -> None:
    expander.emit(token)
    if opens:
        expander.open_group()
    else:
        expander.close_group()


ENVIRONMENTS: Mapping[str, Handler] = {
    "\\begin": _begin,
    "\\end": _end,
    "\\begingroup": functools.partial(_group, opens=True),
    "\\endgroup": functools.partial(_group, opens=False),
    _END: _close_expanded,
}
