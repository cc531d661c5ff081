"""No regular expression of the package takes more than linear time, whether an input reaches it.

Every pattern that a module compiles, or writes where it uses it, is collected from the package's
source as it is imported. Python's own parser of patterns gives the text that each repetition of a
pattern matches; that text is repeated to 64 kB, after what stands before it in the pattern and
before what cannot match, so that the pattern must try every way to fail.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import pathlib
import pkgutil
import random
import re
import signal
import time
import types
from collections.abc import Iterator

import pytest

import pasture

try:
    from re import _constants as C  # noqa: N812
    from re import _parser as P  # noqa: N812
except ImportError:  # Python 3.10
    import sre_constants as C  # type: ignore[no-redef]  # noqa: N812
    import sre_parse as P  # type: ignore[no-redef]  # noqa: N812

SIZE = 64 << 10
FIRST = 8 << 10
SLOW_SECONDS = 0.006
"""A pattern of linear time takes under 0.2 us for each of 8,192 characters, on any machine of
today; what takes longer is measured again, eight times as long."""
MOST_SECONDS = 3.0
MOST_GROWTH = 24
"""How much longer eight times as much text may take: 8 where time is linear, 64 where it grows
with the square. Between them are the noise and the caches of a shared machine."""

# They read the texts of this package only.
OWN_TEXTS = "pasture.sample."

# Not linear by themselves, and not mended, because their callers cut what they search.
KNOWN = {"pasture.filters.license_header._LEGAL": "searches MAX_LINE characters at most"}


def modules() -> list[types.ModuleType]:
    found = []
    for info in pkgutil.walk_packages(pasture.__path__, "pasture."):
        try:
            found.append(importlib.import_module(info.name))
        except ModuleNotFoundError as error:  # an extra that is not installed
            if (error.name or "").startswith("pasture"):
                raise
    return found


def patterns() -> dict[str, re.Pattern[str] | re.Pattern[bytes]]:
    """Every compiled pattern by the module and name, or line, where it stands."""
    found: dict[str, re.Pattern[str] | re.Pattern[bytes]] = {}
    seen: set[tuple[object, int]] = set()

    def add(name: str, value: object, depth: int = 0) -> None:
        if isinstance(value, re.Pattern):
            if (value.pattern, value.flags) not in seen:
                seen.add((value.pattern, value.flags))
                found[name] = value
        elif isinstance(value, dict) and depth < 3:
            for key, item in list(value.items()):
                add(f"{name}[{key!r:.30}]", item, depth + 1)
                add(f"{name}[{key!r:.30}]", key, depth + 1)
        elif isinstance(value, (list, tuple, set, frozenset)) and depth < 3 and len(value) < 2000:
            for number, item in enumerate(value):
                add(f"{name}[{number}]", item, depth + 1)
        elif isinstance(value, type) and value.__module__.startswith("pasture") and depth < 2:
            for key, item in list(vars(value).items()):
                add(f"{name}.{key}", item, depth + 1)

    for module in modules():
        for name, value in list(vars(module).items()):
            if getattr(value, "__module__", module.__name__) in (module.__name__, "re", "builtins"):
                add(f"{module.__name__}.{name}", value)
        tree = ast.parse(inspect.getsource(module))
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "re"
                and node.func.attr != "escape"
                and isinstance(node.args[0], ast.Constant)
            ):
                flags = [n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)]
                flag = re.RegexFlag(0)
                for each in flags:
                    flag |= re.RegexFlag.__members__.get(each, re.RegexFlag(0))
                add(f"{module.__name__}:{node.lineno}", re.compile(node.args[0].value, flag))
    return found


# Texts that a pattern matches ------------------------------------------------------------------

CATEGORIES = {
    "CATEGORY_DIGIT": "7",
    "CATEGORY_NOT_DIGIT": "a",
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_SPACE": "a",
    "CATEGORY_WORD": "a",
    "CATEGORY_NOT_WORD": " ",
}


def characters(items: list[tuple[object, object]]) -> list[str]:
    """A few characters of a class: one of each of its parts, or what a negated class lets in."""
    if items and items[0][0] is C.NEGATE:
        barred: set[str] = set()
        for kind, value in items[1:]:
            if kind is C.LITERAL:
                barred.add(chr(value))  # type: ignore[arg-type]
            elif kind is C.RANGE:
                low, high = value  # type: ignore[misc]
                barred.update(map(chr, range(low, min(high, low + 300) + 1)))
            elif kind is C.CATEGORY:
                barred.update(
                    {
                        "CATEGORY_SPACE": " \t\n\r",
                        "CATEGORY_WORD": "abcA7_",
                        "CATEGORY_DIGIT": "0123456789",
                    }.get(str(value), "")
                )
        return [c for c in "a 7-.<{[\"'=/\n" if c not in barred][:4] or ["\u00e9"]
    found: list[str] = []
    for kind, value in items:
        if kind is C.LITERAL:
            found.append(chr(value))  # type: ignore[arg-type]
        elif kind is C.RANGE:
            found.append(chr(value[0]))  # type: ignore[index]
        elif kind is C.CATEGORY:
            found.append(CATEGORIES[str(value)])
    return list(dict.fromkeys(found))[:5]


def example(tree: object, chance: random.Random) -> str:
    """A text that a part of a pattern matches, looking aside from anchors and assertions."""
    text = ""
    for kind, value in tree:  # type: ignore[attr-defined]
        if kind is C.LITERAL:
            text += chr(value)
        elif kind is C.NOT_LITERAL:
            text += "a" if value != ord("a") else "b"
        elif kind is C.ANY:
            text += chance.choice("a ")
        elif kind is C.IN:
            text += chance.choice(characters(value))
        elif kind is C.BRANCH:
            text += example(chance.choice(value[1]), chance)
        elif kind is C.SUBPATTERN:
            text += example(value[3], chance)
        elif str(kind) == "ATOMIC_GROUP":
            text += example(value, chance)
        elif str(kind) in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            low, _, body = value
            text += "".join(example(body, chance) for _ in range(min(max(low, 1), 40)))
    return text


def repetitions(tree: object, before: str, chance: random.Random) -> Iterator[tuple[str, str]]:
    """Yield what stands before each repetition without a near end, and what it repeats."""
    for number, (kind, value) in enumerate(tree):  # type: ignore[arg-type, var-annotated]
        head = before + example(list(tree)[:number], chance)  # type: ignore[call-overload]
        if str(kind) in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            _, high, body = value
            if high > 50:
                for _ in range(4):
                    yield head, example(body, chance)
            yield from repetitions(body, head, chance)
        elif kind is C.BRANCH:
            for branch in value[1]:
                yield from repetitions(branch, head, chance)
        elif kind is C.SUBPATTERN:
            yield from repetitions(value[3], head, chance)
        elif str(kind) == "ATOMIC_GROUP":
            yield from repetitions(value, head, chance)
        elif kind in (C.ASSERT, C.ASSERT_NOT):
            yield from repetitions(value[1], head, chance)


def pumped(pattern: re.Pattern[str] | re.Pattern[bytes]) -> set[tuple[str, str, str]]:
    """Texts to try: what stands before, what is repeated, what stands after."""
    source = pattern.pattern
    text = source.decode("latin-1") if isinstance(source, bytes) else source
    flags = pattern.flags & ~(re.UNICODE if isinstance(source, bytes) else 0)
    tree = P.parse(text, flags & ~re.DEBUG & ~re.LOCALE)
    chance = random.Random(text)
    whole = example(tree, chance)
    found = {("", whole, ""), ("", " ", ""), ("", "a", ""), ("", "\n", ""), ("", "7", "")}
    for head, body in itertools.islice(repetitions(tree, "", chance), 60):
        if body:
            found |= {(head, body, "\x01"), ("", head + body, "\x01"), ("", body, "\x01")}
    return found


# Measuring --------------------------------------------------------------------------------------


def seconds(
    pattern: re.Pattern[str] | re.Pattern[bytes], parts: tuple[str, str, str], size: int
) -> float:
    before, repeated, after = parts
    text = before + repeated * (size // max(1, len(repeated)) + 1) + after
    subject = text.encode("utf-8", "replace") if isinstance(pattern.pattern, bytes) else text
    best = 1e9
    for _ in range(2):
        start = time.process_time()
        pattern.search(subject)  # type: ignore[arg-type]
        for _ in pattern.finditer(subject):  # type: ignore[arg-type]
            pass
        pattern.fullmatch(subject)  # type: ignore[arg-type]
        best = min(best, time.process_time() - start)
        if best < SLOW_SECONDS:
            break
    return best


def growth(pattern: re.Pattern[str] | re.Pattern[bytes]) -> str:
    """Say what makes a pattern slow; nothing where it is of linear time."""

    def late(signum: int, frame: object) -> None:
        raise TimeoutError

    usual = signal.signal(signal.SIGVTALRM, late)
    try:
        for parts in sorted(pumped(pattern)):
            signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
            short = 0.0
            try:
                short = seconds(pattern, parts, FIRST)
                if short < SLOW_SECONDS:
                    continue
                long = seconds(pattern, parts, SIZE)
            except TimeoutError:
                return f"{parts!r:.200}: {short:.3f} s, then over {MOST_SECONDS} s"
            if long > MOST_GROWTH * short:
                return f"{parts!r:.200}: {short:.3f} s, then {long:.3f} s"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, usual)
    return ""


ALL = patterns()
PATTERNS = {
    name: pattern
    for name, pattern in ALL.items()
    if not name.startswith(OWN_TEXTS) and name not in KNOWN
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", PATTERNS)
def test_time_is_linear(name):
    assert growth(PATTERNS[name]) == ""


@pytest.mark.parametrize(
    ("pattern", "is_linear"),
    [(r"\s+$", False), (r"(a+)+b", False), (r"<a[^>]*>", False), (r"<a[^>]{0,99}>", True)],
)
def test_the_test_finds_what_it_looks_for(pattern, is_linear):
    assert (growth(re.compile(pattern)) == "") is is_linear


def test_every_pattern_is_tested():
    """A pattern that is put together where it is used would escape."""
    assert len(PATTERNS) > 150
    assert set(KNOWN) <= set(ALL)
    composed = []
    for path in sorted(pathlib.Path(pasture.__path__[0]).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=name)) if (
                    name not in ("escape", "compile")
                ):
                    if not isinstance(node.args[0], ast.Constant):
                        composed.append(path.name)
    assert composed == ["c4.py", "package_metadata.py"]  # a word of a list, a name of a header
