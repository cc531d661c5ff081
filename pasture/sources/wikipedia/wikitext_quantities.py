"""Quantities, dates and formulas that stand in templates, as text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pasture.sources.wikipedia.wikitext_template_names import DIGIT_GROUPS

_NUMBER = re.compile(r"[-+−–]?[\d.,]+(?:e[-+]?\d+)?(?:[+ ]?\d{1,9}/\d{1,9})?")
_RANGE_WORDS = {
    "to": " to ", "and": " and ", "or": " or ", "by": " by ", "x": " × ", "×": " × ", "-": "–",
    "–": "–", "to(-)": " to ", "to about": " to about ", "+/-": " ± ", "±": " ± ", "*": " × ",
    "and(-)": " and ", "xx": " × ",
}  # fmt: skip
_UNITS = {
    "km2": "km²", "m2": "m²", "cm2": "cm²", "mm2": "mm²", "km3": "km³", "m3": "m³", "cm3": "cm³",
    "sqmi": "sq mi", "sqft": "sq ft", "sqyd": "sq yd", "sqin": "sq in", "cuft": "cu ft",
    "cuin": "cu in", "cumi": "cu mi", "c": "°C", "f": "°F", "mph": "mph", "kph": "km/h",
    "kn": "knots", "nmi": "nautical miles", "foot": "feet", "ftin": "ft", "mile": "miles",
    "m3/s": "m³/s", "cuft/s": "cu ft/s", "/km2": "/km²", "/sqmi": "/sq mi", "lt": "long tons",
    "e6acre": "million acres", "e3acre": "thousand acres", "e6km2": "million km²", "l": "L",
    "impgal": "imp gal", "usgal": "US gal", "e6usgal": "million US gal", "lb-f": "lbf", "kg/m3":
    "kg/m³", "e6cuyd": "million cu yd", "e6m3": "million m³", "hp": "hp", "°c": "°C", "°f": "°F",
    "mpgimp": "mpg-imp", "mpgus": "mpg-US", "lbft": "lb⋅ft", "lb.ft": "lb⋅ft",
}  # fmt: skip
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_SUBSCRIPT = str.maketrans("0123456789+-", "₀₁₂₃₄₅₆₇₈₉₊₋")
_SUPERSCRIPT = str.maketrans("0123456789+-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")


def convert(arguments: Sequence[str], language: str) -> str:
    """``{{convert|5|to|7|km|mi}}``: the figures as given, with their unit."""
    text = ""
    for argument in arguments[:12]:
        if _NUMBER.fullmatch(argument):
            figure = group_digits(argument, language)
            text += figure if not text or text[-1:] in " –" else f" {figure}"
        elif argument in _RANGE_WORDS:
            text = text.rstrip() + _RANGE_WORDS[argument]
        else:
            unit = _UNITS.get(argument.lower(), argument)
            return f"{text}{unit}" if unit.startswith("/") else f"{text} {unit}".strip()
    return text.strip()


def value(arguments: Sequence[str], named: Mapping[str, str]) -> str:
    """``{{val|1.5|0.2|e=6|u=kg}}`` and its like: figure, uncertainty, power of ten, unit."""
    figures = [argument for argument in arguments if argument]
    if not figures:
        return ""
    text = figures[0]
    if len(figures) > 1:
        separator = " ± " if re.fullmatch(r"[\d.]+", figures[1]) else " "
        text += separator + figures[1]
    if exponent := named.get("e", ""):
        text += power(exponent)
    unit = named.get("u") or named.get("ul") or ""
    return f"{text} {_UNITS.get(unit.lower(), unit)}" if unit else text


def french_unit(arguments: Sequence[str]) -> str:
    """``{{unité|892|km|2}}`` of the French wiki: a figure, then units each with its exponent."""
    if not arguments or not arguments[0]:
        return ""
    parts = [re.sub(r"(?<=\d)\.(?=\d)", ",", group_digits(arguments[0], "fr"))]
    for unit, exponent in zip(arguments[1:8:2], [*arguments[2:8:2], ""], strict=False):
        if unit:
            parts.append(unit + exponent.translate(_SUPERSCRIPT))
    return " ".join(parts)


def group_digits(number: str, language: str) -> str:
    """``{{formatnum:3769495}}``: the figure as the language groups its digits."""
    match = re.fullmatch(r"([-−]?)(\d{4,18})(?:\.(\d{1,18}))?", number)
    if not match or (len(match[2]) == 4 and language != "en"):
        return number
    whole = f"{int(match[2]):,}".replace(",", DIGIT_GROUPS[language])
    mark = "." if language == "en" else ","
    return match[1] + whole + (mark + match[3] if match[3] else "")


def power(exponent: str) -> str:
    """``{{e|6}}``: times ten to the sixth."""
    return f"×10{exponent.translate(_SUPERSCRIPT)}" if exponent else ""


def fraction(arguments: Sequence[str]) -> str:
    """``{{frac|1|2}}`` is 1/2, ``{{frac|3|1|2}}`` is 3 1/2, ``{{frac|4}}`` is 1/4."""
    figures = [argument for argument in arguments if argument]
    if len(figures) == 1:
        return f"1/{figures[0]}"
    if len(figures) == 2:
        return "/".join(figures)
    return f"{figures[0]} {figures[1]}/{figures[2]}" if figures else ""


def chemical(arguments: Sequence[str]) -> str:
    """``{{chem|H|2|O}}`` and ``{{chem2|H2O}}``: digits behind a symbol stand low."""
    joined = "".join(arguments[:40])
    return re.sub(
        r"(?<=[A-Za-z)\]])\d+", lambda match: match[0].translate(_SUBSCRIPT), joined[:1000]
    )


def date(arguments: Sequence[str]) -> str:
    """``{{start date|1788|2|22}}``: 22 February 1788; other words as they are."""
    words = [argument for argument in arguments[:6] if argument and "=" not in argument]
    if not words:
        return ""
    year, *rest = words
    month = rest[0] if rest else ""
    if not (re.fullmatch(r"-?\d{1,4}", year) and re.fullmatch(r"0?[1-9]|1[0-2]", month)):
        return " ".join(words[:3])
    name = _MONTHS[int(month) - 1]
    day = rest[1] if len(rest) > 1 and re.fullmatch(r"\d{1,2}", rest[1]) else ""
    return f"{int(day)} {name} {year}" if day else f"{name} {year}"
