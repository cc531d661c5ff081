"""Templates whose content is part of the sentence: rendered from their own arguments.

A template's real text stands on its own page, which a dump of articles need not hold, and may
run programs. So a template that ``wikitext_template_names`` does not list shows nothing, and the
listed ones show what their arguments say.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

from pasture.sources.wikipedia import wikitext_quantities as quantities
from pasture.sources.wikipedia.wikitext_tags import GONE
from pasture.sources.wikipedia.wikitext_template_names import LANGUAGE_NAMES, QUOTES, RULES, TEXTS

MAX_ARGUMENTS = 200
"""Most arguments that are read of one template; ours. The listed ones have far fewer."""

_FRENCH_ORDINAL = re.compile(
    r"(?P<number>\d{1,4}|[ivxlc]{1,7})(?P<end>er|re|ère|e|è|ème|nd|nde)(?P<century> siècle)?"
)
_WORDS = (
    "text", "quote", "texte", "texto", "zitat", "cytat", "citat", "tekst", "текст", "цитата",
    "testo", "contenu", "extrait", "cita",
)  # fmt: skip
_SPEAKERS = (
    "author", "auteur", "autor", "автор", "sign", "autore", "forfatter", "källa", "source",
)  # fmt: skip
_CURRENCIES = {"usd": "US$", "gbp": "£", "eur": "€", "inr": "₹", "indian rupee": "₹", "jpy": "¥"}


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

    def values(self) -> list[str]:
        """The positional arguments that are not empty."""
        return [value for value in self.positional if value]


Rule = Callable[[Call], str]


def render(arguments: list[str], page: Page) -> str:
    """Return what a template shows; its name is the first of the raw arguments."""
    name = arguments[0].strip().replace("_", " ").lower()
    if ":" in name:
        return _function(name, arguments, page)
    language = page.language
    if name in _TEXTS[language]:
        return _TEXTS[language][name] or GONE
    rule = _OF_LANGUAGE[language].get(name) or _family(name, language)
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
    word = name.partition(":")[0]
    first = arguments[0].strip()[len(word) + 1 :].strip()
    if word in ("subst", "safesubst"):
        return render([first, *arguments[1:]], page)
    if word == "formatnum":
        first = quantities.group_digits(first, page.language)
    elif word == "lc":
        first = first.lower()
    elif word == "uc":
        first = first.upper()
    elif word not in ("lcfirst", "ucfirst", "#formatdate", "#dateformat"):
        return GONE
    return first or GONE


def _family(name: str, language: str) -> Rule | None:
    """Rules for names of which a part varies."""
    if name.startswith(("lang-", "lang ")):
        return _language_label
    if language == "fr" and _FRENCH_ORDINAL.fullmatch(name):
        return _french_ordinal
    return None


def _argument(*keys: str) -> Rule:
    return lambda call: call.get(*keys)


def _language_label(call: Call) -> str:
    """``{{lang-de|Berlin}}``: the language's name, where it is known, and the words."""
    text = call.get("1", "text")
    code = re.split(r"[- ]", call.name, maxsplit=1)[1]
    label = LANGUAGE_NAMES.get(call.page.language, {}).get(code)
    return f"{label} {text}" if label and text else text


def _german_adjective(call: Call) -> str:
    """``{{enS|bell}}`` of the German wiki: an adjective and the words."""
    text = call.get("1")
    label = LANGUAGE_NAMES["de"].get(call.name[:-1])
    return f"{label} {text}" if label and text else text


def _french_ordinal(call: Call) -> str:
    """``{{XIXe siècle}}`` and ``{{1er}}`` of the French wiki, whose text is their name."""
    match = _FRENCH_ORDINAL.fullmatch(call.name)
    assert match is not None  # _family has matched it
    return f"{match['number'].upper()}{match['end']}{match['century'] or ''}"


def _french_century(call: Call) -> str:
    """``{{s|XIX|e}}``, ``{{s2-|V|e|VI|e}}``, ``{{-s|II|e}}``: centuries by Roman numerals."""
    numerals: list[str] = []
    for value in call.values():
        if value.lower() in ("e", "er", "re", "ème", "è"):
            numerals = [*numerals[:-1], numerals[-1] + value] if numerals else []
        else:
            numerals.append(value)
    if not numerals:
        return ""
    words = " et ".join(value if value[-1].islower() else f"{value}e" for value in numerals)
    before = " av. J.-C." if call.name.startswith("-") else ""
    return f"{words} {'siècles' if len(numerals) > 1 else 'siècle'}{before}"


def _century(word: str) -> Rule:
    return lambda call: f"{word} {call.get('1')}" if call.get("1") else ""


def _quote(call: Call) -> str:
    """A block quotation: the words, then who said them."""
    words, speaker = call.get("1", *_WORDS), call.get("2", *_SPEAKERS)
    if not words:
        return ""
    return f"\n{words}\n— {speaker}\n" if speaker else f"\n{words}\n"


def _inline_quote(call: Call) -> str:
    opening, closing = QUOTES[call.page.language]
    text = call.get("1", "text", "texte")
    return f"{opening}{text}{closing}" if text else ""


def _as_of(call: Call) -> str:
    when = quantities.date(call.positional)
    start = "as of" if call.named.get("lc") else "As of"
    return call.named.get("alt") or (f"{start} {when}" if when else "")


def _circa(call: Call) -> str:
    first, second = call.get("1"), call.get("2")
    return f"c. {first} – c. {second}" if second else f"c. {first}".rstrip()


def _french_hour(call: Call) -> str:
    """``{{heure|20|30}}`` of the French wiki."""
    hours, minutes = call.get("1"), call.get("2")
    return f"{hours} h {minutes}".rstrip() if hours else ""


def _french_aside(call: Call) -> str:
    """``{{incise|words}}`` of the French wiki; a second argument says that a stop follows."""
    words = call.get("1")
    return f"– {words}" if call.get("2", "stop") else f"– {words} –"


def _german_height(call: Call) -> str:
    """``{{Höhe|114|DE-NHN}}`` of the German wiki."""
    return f"{call.get('1')} m" if call.get("1") else ""


def _currency(call: Call) -> str:
    """``{{US$|5}}``: the sign, or the code, and the figure."""
    figure = call.get("1")
    return f"{_CURRENCIES.get(call.name, call.name.upper())}{figure}" if figure else ""


def _nihongo(call: Call) -> str:
    """``{{nihongo|English|kanji|reading}}``: the words, the original in brackets."""
    words = call.get("1")
    inside = ", ".join(part for part in (call.get("2").rstrip(", "), call.get("3")) if part)
    return f"{words} ({inside})" if words and inside else words or inside


_SHAPES: dict[str, Rule] = {
    "first": _argument("1", "text", "content"),
    "second": _argument("2", "text", "1"),
    "second_or_first": _argument("2", "1"),
    "join": lambda call: " ".join(call.values()),
    "concatenate": lambda call: "".join(call.positional),
    "lines": lambda call: "\n".join(f"* {value}" for value in call.values()),
    "commas": lambda call: ", ".join(call.values()),
    "title": lambda call: call.page.title,
    "interlanguage": _argument("lt", "label", "1"),
    "not_translated": _argument("текст", "2", "треба", "1"),
    "quote": _quote,
    "inline_quote": _inline_quote,
    "date": lambda call: quantities.date(call.positional),
    "as_of": _as_of,
    "circa": _circa,
    "convert": lambda call: quantities.convert(call.positional, call.page.language),
    "value": lambda call: quantities.value(call.positional, call.named),
    "fraction": lambda call: quantities.fraction(call.positional),
    "power": lambda call: quantities.power(call.get("1")),
    "chemical": lambda call: quantities.chemical(call.positional),
    "superscript": lambda call: f"<sup>{call.get('1')}</sup>",
    "adjective_de": _german_adjective,
    "metres_de": _german_height,
    "century_ca": _century("segle"),
    "century_es": _century("siglo"),
    "century_pt": _century("século"),
    "century_fr": _french_century,
    "hour_fr": _french_hour,
    "aside_fr": _french_aside,
    "unit_fr": lambda call: quantities.french_unit(call.positional),
    "currency": _currency,
    "nihongo": _nihongo,
    "number": lambda call: quantities.group_digits(call.get("1"), call.page.language),
    "isbn": lambda call: f"ISBN {call.get('1')}" if call.get("1") else "",
}


def _rules(code: str) -> dict[str, Rule]:
    return {
        name: _SHAPES[shape]
        for table in (RULES[""], RULES[code])
        for shape, names in table.items()
        for name in names.split("|")
    }


# A language's own rules win over those of every language.
_OF_LANGUAGE = {code: _rules(code) for code in RULES if code}
_TEXTS = {code: TEXTS[""] | TEXTS.get(code, {}) for code in RULES if code}
