"""Templates whose content is part of the sentence: rendered from their own arguments.

A template's real text stands on its own page, which a dump of articles need not hold, and may
run programs. So a template that is not listed here shows nothing, and the listed ones, of each
language, show what their arguments say. Names are lower case, one space between words.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

from pasture.sources import wikitext_quantities as quantities
from pasture.sources.wikitext_tags import GONE
from pasture.sources.wikitext_template_names import (
    ARGUMENTS,
    LANGUAGE_NAMES,
    QUOTES,
    TEXTS,
)

MAX_ARGUMENTS = 200
"""Most arguments that are read of one template; ours. The listed ones have far fewer."""

_FRENCH_ORDINAL = re.compile(
    r"(?P<number>\d{1,4}|[ivxlc]{1,7})(?P<end>er|re|ère|e|è|ème|nd|nde)?(?P<century> siècle)?"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """What a template can know of the page it stands on."""

    language: str
    title: str


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """A template as it is used: its name and its arguments, stripped."""

    name: str
    page: Page
    positional: list[str]
    named: dict[str, str]

    def get(self, *keys: str) -> str:
        """The first of these arguments that is there; a number means a position from 1."""
        for key in keys:
            if key.isdigit() and int(key) <= len(self.positional):
                value = self.positional[int(key) - 1]
            else:
                value = self.named.get(key, "")
            if value:
                return value
        return ""


Rule = Callable[[Call], str]


def render(arguments: list[str], page: Page) -> str:
    """Return what a template shows; its name is the first of the raw arguments."""
    name = arguments[0].strip().replace("_", " ").lower()
    if ":" in name:
        return _function(name, arguments, page)
    rule = _RULES.get(name) or _OF_LANGUAGE[page.language].get(name)
    if rule is None:
        text = TEXTS.get(name)
        if text is not None:
            return text
        rule = _family(name, page.language)
        if rule is None:
            return GONE
    return rule(_parse(name, arguments, page)) or GONE


def _parse(name: str, arguments: list[str], page: Page) -> Call:
    positional: list[str] = []
    named: dict[str, str] = {}
    for argument in arguments[1:MAX_ARGUMENTS]:
        key, equals, value = argument.partition("=")
        if equals and "\n" not in key.strip() and "<" not in key:
            named[key.strip().lower()] = value.strip()
        else:
            positional.append(argument.strip())
    return Call(name, page, positional, named)


def _function(name: str, arguments: list[str], page: Page) -> str:
    """Parser functions: the few that show an argument; all others show nothing."""
    word, _, _ = name.partition(":")
    first = arguments[0].strip()[len(word) + 1 :].strip()
    if word in ("formatnum", "lc", "uc", "lcfirst", "ucfirst", "nowrap", "#formatdate"):
        changed: dict[str, Callable[[str], str]] = {"lc": str.lower, "uc": str.upper}
        return changed.get(word, str)(first) or GONE
    if word in ("subst", "safesubst"):
        return render([first, *arguments[1:]], page)
    return GONE


def _family(name: str, language: str) -> Rule | None:
    """Rules for names with a part that varies."""
    if name.startswith(("lang-", "lang ")):
        return _language_label
    if language == "fr" and _FRENCH_ORDINAL.fullmatch(name):
        return _french_ordinal
    return None


def _argument(*keys: str) -> Rule:
    return lambda call: call.get(*keys)


def _join(call: Call) -> str:
    return " ".join(value for value in call.positional if value)


def _concatenate(call: Call) -> str:
    return "".join(call.positional)


def _last(call: Call) -> str:
    return next((value for value in reversed(call.positional) if value), "")


def _lines(call: Call) -> str:
    return "\n".join(f"* {value}" for value in call.positional if value)


def _commas(call: Call) -> str:
    return ", ".join(value for value in call.positional if value)


def _title(call: Call) -> str:
    return call.page.title


def _language_label(call: Call) -> str:
    """``{{lang-de|Berlin}}``: the language's name, where it is known, and the words."""
    text = call.get("1", "text")
    if not text:
        return ""
    code = re.split(r"[- ]", call.name, maxsplit=1)[1]
    label = LANGUAGE_NAMES.get(call.page.language, {}).get(code)
    return f"{label} {text}" if label else text


def _named_language(call: Call) -> str:
    """``{{deS|Berlin}}`` of the German wiki: an adjective and the words."""
    text = call.get("1")
    label = LANGUAGE_NAMES["de"].get(call.name[:-1])
    return f"{label} {text}" if label and text else text


def _interlanguage(call: Call) -> str:
    return call.get("lt", "label", "1")


def _not_translated(call: Call) -> str:
    """``{{нп5|title|label|lang|foreign title}}`` of the Russian and Ukrainian wikis."""
    return call.get("текст", "2", "треба", "1")


def _french_ordinal(call: Call) -> str:
    match = _FRENCH_ORDINAL.fullmatch(call.name)
    assert match is not None  # _family has matched it
    number, end = match["number"], match["end"] or ""
    if match["century"]:
        return f"{number.upper()}{end} siècle"
    return f"{number.upper()}{end}" if end else number.upper()


def _french_century(call: Call) -> str:
    """``{{s|XIX|e}}``, ``{{s2-|V|e|VI|e}}``, ``{{-s|II|er}}``: centuries by Roman numerals."""
    values = [value for value in call.positional if value] or []
    if not values:
        return ""
    pairs: list[str] = []
    for value in values:
        if value.lower() in ("e", "er", "re", "ème", "è"):
            if pairs:
                pairs[-1] += value
        else:
            pairs.append(value)
    pairs = [pair if pair[-1:].islower() else f"{pair}e" for pair in pairs]
    before = " av. J.-C." if call.name.startswith("-") else ""
    word = "siècles" if len(pairs) > 1 else "siècle"
    return f"{' et '.join(pairs)} {word}{before}"


def _century(word: str) -> Rule:
    def rule(call: Call) -> str:
        numeral = call.get("1")
        return f"{word} {numeral}" if numeral else ""

    return rule


def _reign(call: Call) -> str:
    """``{{souverain|Louis XIV}}`` of the French wiki: a king and his numeral."""
    return _join(call)


def _hour(call: Call) -> str:
    """``{{heure|20|30}}`` of the French wiki."""
    hours, minutes = call.get("1"), call.get("2")
    return f"{hours} h {minutes}".rstrip() if hours else ""


def _aside(call: Call) -> str:
    """``{{incise|words}}`` of the French wiki; a second argument says that a stop follows."""
    words = call.get("1")
    return f"– {words}" if call.get("2", "stop") else f"– {words} –"


def _superscript(call: Call) -> str:
    return f"<sup>{call.get('1', '2')}</sup>"


def _currency(call: Call) -> str:
    """``{{US$|5}}``: the sign, or the code, and the figure."""
    sign = {"usd": "US$", "gbp": "£", "eur": "€", "inr": "₹", "indian rupee": "₹", "jpy": "¥"}
    figure = call.get("1")
    return f"{sign.get(call.name, call.name.upper())}{figure}" if figure else ""


def _nihongo(call: Call) -> str:
    """``{{nihongo|English|kanji|reading}}``: the words, the original in brackets."""
    words, original, reading = call.get("1"), call.get("2"), call.get("3")
    inside = ", ".join(part for part in (original, reading) if part)
    return f"{words} ({inside})" if words and inside else words or inside


def _quote(call: Call) -> str:
    """A block quotation: the words, then who said them."""
    words = call.get("1", "text", "quote", "texte", "texto", "zitat", "cytat", "citat", "tekst",
                     "текст", "цитата", "testo", "text=", "contenu", "extrait", "cita", "ц")  # fmt: skip
    by = call.get("2", "author", "auteur", "autor", "автор", "sign", "autore", "forfatter",
                  "källa", "source", "źródło")  # fmt: skip
    if not words:
        return ""
    return f"\n{words}\n— {by}\n" if by else f"\n{words}\n"


def _inline_quote(call: Call) -> str:
    opening, closing = QUOTES.get(call.page.language, ("“", "”"))
    text = call.get("1", "text", "texte")
    return f"{opening}{text}{closing}" if text else ""


def _english_date(call: Call) -> str:
    return quantities.date(call.positional)


def _as_of(call: Call) -> str:
    when = quantities.date(call.positional)
    text = call.named.get("alt") or ("as of " if call.named.get("lc") else "As of ") + when
    return text if when else ""


def _circa(call: Call) -> str:
    return f"c. {call.get('1')}" + (f" – c. {call.get('2')}" if call.get("2") else "")


def _convert(call: Call) -> str:
    return quantities.convert(call.positional)


def _value(call: Call) -> str:
    return quantities.value(call.positional, call.named)


def _fraction(call: Call) -> str:
    return quantities.fraction(call.positional)


def _power(call: Call) -> str:
    return quantities.power(call.get("1"))


def _chemical(call: Call) -> str:
    return quantities.chemical(call.positional)


_NAMED_RULES: dict[str, Rule] = {
    "1": _argument("1", "text", "content"),
    "2": _argument("2", "text", "1"),
    "3": _argument("3", "2", "1"),
    "12": _argument("2", "1"),
    "join": _join,
    "concatenate": _concatenate,
    "last": _last,
    "lines": _lines,
    "commas": _commas,
    "title": _title,
    "interlanguage": _interlanguage,
    "not_translated": _not_translated,
    "century_fr": _french_century,
    "quote": _quote,
    "inline_quote": _inline_quote,
    "date": _english_date,
    "as_of": _as_of,
    "circa": _circa,
    "convert": _convert,
    "value": _value,
    "fraction": _fraction,
    "power": _power,
    "chemical": _chemical,
    "adjective_de": _named_language,
    "century_ca": _century("segle"),
    "century_es": _century("siglo"),
    "century_pt": _century("século"),
    "hour_fr": _hour,
    "incise_fr": _aside,
    "roman_fr": _reign,
    "superscript": _superscript,
    "currency": _currency,
    "nihongo": _nihongo,
}


def _table(code: str) -> dict[str, Rule]:
    return {
        name: _NAMED_RULES[rule]
        for rule, names in ARGUMENTS.get(code, {}).items()
        for name in names.split("|")
    }


_RULES = _table("")
_OF_LANGUAGE = {code: _table(code) for code in
                "bg ca cs da de en es fr hr hu it nl pl pt ro ru sl sr sv uk".split()}  # fmt: skip
