"""Tells under which licence a text puts the files it speaks of: licence files and file headers.

A licence is recognised by its word sequences. Every run of five words of the standard text is
kept as a hash (``license_shingles``); the words of a file that lie in such a run are
*covered*, the others are the *rest*. The rest decides what a plain comparison cannot: a name
or a year there is harmless, a "non-commercial", a "must" or another licence's name is not, so
that "MIT, with one more clause" is never taken for MIT.

What is not recognised is unknown, and unknown is never permitted.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import re
import zlib
from collections.abc import Sequence

from pasture.sources.github import spdx
from pasture.sources.github.license_shingles import EXTRA, TEMPLATES
from pasture.sources.github.spdx import Expression
from pasture.text.code_languages import COMMENTS, Comments

SHINGLE_WORDS = 5
"""Words in a run; ours. Shorter runs stand in ordinary prose, longer ones break at a name."""

MIN_COMPLETE = 0.8
"""Share of a licence's runs that a text must hold; ours. Filling in the name of an owner and
rewording "authors or copyright holders" breaks up to 0.13 of BSD-3-Clause."""

MAX_LICENSE_CHARS = 200_000
"""Start of a licence file that is read; ours. The GPL-3.0 has 35,000 characters."""

HEAD_CHARS = 8192
"""Start of a source file in which its own licence is looked for; ours."""

ALTERED = "LicenseRef-restricted"
"""Stands for terms beyond a standard licence's: a field of use, a fee, a ban."""

_WORD = re.compile(r"\w+")
_BULLET = re.compile(r"(?m)^[^\w\n]*(?:\d{1,2}|[a-z]|i{1,3}|iv)[.)][ \t]")
_QUOTES = str.maketrans({"`": " ", "’": "'", "‘": "'", "“": '"', "”": '"', "\xad": None})

# Names of licences that are not Apache, BSD or MIT, in normalised words. The longer stands
# before the shorter that it contains.
_FOREIGN = re.compile(
    r"\b(?:(?P<AGPL>(?:gnu )?affero (?:gnu )?general public|agpl ?v?[123]?)"
    r"|(?P<LGPL>(?:gnu )?(?:lesser|library) (?:gnu )?(?:general )?public|lgpl ?v?[123]?)"
    r"|(?P<GPL>gnu (?:general )?public|general public license|gnu gpl|gpl ?v?[123]?)"
    r"|(?P<GFDL>gnu free documentation)"
    r"|(?P<MPL>mozilla public|mpl ?v?[12])"
    r"|(?P<EPL>eclipse public|eclipse distribution license v 2)"
    r"|(?P<CDDL>common development and distribution)"
    r"|(?P<CPL>common public license|ibm public license)"
    r"|(?P<EUPL>european union public)"
    r"|(?P<OSL>open software license|academic free license)"
    r"|(?P<MS>microsoft (?:public|reciprocal|limited public) license)"
    r"|(?P<CC0>cc0|creative commons zero)"
    r"|(?P<CC>creative commons|cc by[a-z0-9 ]{0,12})"
    r"|(?P<CommonsClause>commons clause)"
    r"|(?P<BUSL>business source license)"
    r"|(?P<SSPL>server side public)"
    r"|(?P<Elastic>elastic license)"
    r"|(?P<PolyForm>polyform)"
    r"|(?P<Hippocratic>hippocratic license)"
    r"|(?P<JSON>good not evil)"
    r"|(?P<BSD4>all advertising materials mentioning)"
    r"|(?P<Artistic>artistic license|same terms as perl)"
    r"|(?P<PSF>psf license|python software foundation license|cnri)"
    r"|(?P<Unicode>unicode (?:data files|license))"
    r"|(?P<OFL>sil open font)"
    r"|(?P<Unlicense>free and unencumbered software released into the public domain|unlicense\b)"
    r"|(?P<WTFPL>what the f\w+ you want to)"
    r"|(?P<Beerware>beer ?ware)"
    r"|(?P<BSL>boost software license|boost license|boost (?:or|and) )"
    r"|(?P<Zlib>zlib license|(?:this software is|the software is) provided as is without any "
    r"express(?:ed)? or implied warranty in no event)"
    r"|(?P<OpenRAIL>openrail|responsible ai)"
    r"|(?P<Llama>community license agreement)"
    r"|(?P<HPND>without (?:written agreement and without license or royalty|fee provided that)"
    r"|copy modify and distribute this software and its documentation)"
    r"|(?P<OpenSSL>openssl license|apache software license version 1)"
    r"|(?P<PublicDomain>public domain)"
    r"|(?P<Proprietary>proprietary (?:and|information|license|software|rights?|notice|to|material"
    r"|source)|confidential (?:and|information)|strictly confidential|trade secrets?|"
    r"unpublished (?:work|rights|proprietary|source|material)|end user license agreement|eula|"
    r"unauthori[sz]ed (?:copying|reproduction|distribution|duplication|use of this)))\b"
)

# Licences of the permitted families named in passing: "released under the MIT license".
_NAMED = re.compile(
    r"\b(?:(?P<apache>apache(?: software)? license(?: v(?:ersion)? ?2| 2)?|apache v?2(?: 0)?|"
    r"license apache|apache2?(?= (?:or|and) (?:the )?(?:mit|bsd))|"
    r"licensed under (?:the )?(?:terms of )?(?:the )?apache)"
    r"|(?P<mit0>mit 0|mit no attribution)"
    r"|(?P<mit>(?:mit|expat)(?: x11| style| expat)? licenses?|license mit|mit licensed|"
    r"licenses mit|mit(?= (?:or|and) (?:the )?(?:apache|bsd|gpl|\w*gpl))|"
    r"licensed under (?:the )?(?:terms of )?(?:the )?mit)"
    r"|(?P<bsd3>(?:bsd (?:3|three) clause|(?:3|three) clause bsd|new bsd|modified bsd|"
    r"revised bsd)(?: licenses?)?)"
    r"|(?P<bsd2>(?:bsd (?:2|two) clause|(?:2|two) clause bsd|simplified bsd)(?: license)?)"
    r"|(?P<bsd0>0bsd|zero clause bsd)"
    r"|(?P<isc>isc license|license isc)"
    r"|(?P<bsd>bsd licenses?|license bsd|licensed under (?:the )?(?:terms of )?(?:the )?bsd))\b"
)
_NAMED_IDS = {
    "apache": "Apache-2.0",
    "mit0": "MIT-0",
    "mit": "MIT",
    "bsd3": "BSD-3-Clause",
    "bsd2": "BSD-2-Clause",
    "bsd0": "0BSD",
    "isc": "ISC",
    "bsd": "LicenseRef-BSD",
}

# Terms of use beside a licence, in normalised words. Phrases count in headers too, where the
# rest is documentation; single words count in licence files only.
_PHRASES = (
    r"non ?commercial\w*|commercial (?:use|purposes?|license|redistribution|entit\w+)|"
    r"(?:research|academic|educational|evaluation|personal)(?: \w+)? "
    r"(?:use|purposes?)(?: only)?|not for (?:re)?distribution|do not (?:re)?distribute|"
    r"may not be (?:used|copied|reproduced|distributed|redistributed|modified|sold|disclosed)|"
    r"without (?:the )?(?:express |prior |explicit )+(?:written )?(?:permission|consent|approval)|"
    r"strictly prohibited|no (?:part|portion) of this|all use is prohibited|"
    r"no (?:permission|license|rights?) (?:is|are) granted|license fees?"
)
_RESTRICTED_PHRASE = re.compile(rf"\b(?:{_PHRASES})\b")
_RESTRICTED_WORD = re.compile(
    r"\b(?:not|only|must|shall|except(?:ion|ions)?|cannot|may not|without|unless|never|"
    r"prohibit\w*|forbid\w*|restrict\w*|condition\w*|require[sd]?|commercial\w*|noncommercial|"
    r"evil|military|weapons?|harm\w*|ethical\w*|permission\w*|consent|fees?|royalt\w+|pay|paid|"
    r"payment|subscription|revoke\w*|terminat\w*|illegal|unlawful|additional (?:terms|clause)|"
    r"sells?|selling|resell\w*|patents?)\b"
    r"|商业|商用|禁止|不得|仅供|仅限|営利|kommerziell|commerciale|comercial"
)
_CLAIM = re.compile(r"\b(?:copyright|license[ds]?|rights reserved)\b")
_NO_TERMS = frozenset({"PublicDomain", "Unlicense"})
"""What is in the public domain puts no terms on the rest of a text."""

_HARMLESS = re.compile(
    r"\b(?:except|unless) (?:when |where |as |if )?(?:otherwise |explicitly |stated )+"
    r"(?:stated|noted|specified|indicated|mentioned)?|\bwithout restriction\b"
    r"|\bmay not be copied modified or distributed except (?:according to|in compliance with)\b"
)
_LATER = re.compile(r"\b(?:either version|or at your option any later|any later version)\b")
_CHOICE = re.compile(
    r"\b(?:either|dual(?:ly)?|at your (?:option|choice)|your choice of|tri licensed|"
    r"(?:any|one) (?:one )?of the following licenses|"
    r"(?:mit|apache\w*|bsd|license|2 0|gpl\w*|clause) or (?:the )?(?:\w+ ){0,2}?"
    r"(?:mit|apache\w*|bsd|gpl\w*|lgpl\w*|license)|alternatively)\b"
)
_ATTRIBUTION = re.compile(
    r"\b(?:based on|derived from|adapted from|borrowed from|taken from|copied from|ported from|"
    r"inspired by|translated from|modified version of)\b"
)
_SPDX_TAG = re.compile(r"SPDX-License-Identifier:[ \t]*([^\r\n]{1,300})")
_PYTHON_FIELD = re.compile(r"""(?m)^__licen[cs]e__\s*=\s*["']([^"'\n]{2,200})["']""")
_TAG_END = re.compile(r"\*/|-->|\*\)|#\}|-\}|\"\"\"|'''|\]\]|[\"'`,;]")


def words_of(text: str) -> list[str]:
    """The words of a licence text: lower case, without bullets, spelled the American way."""
    text = _BULLET.sub(" ", text.translate(_QUOTES).lower())
    return [w.replace("licence", "license") for w in _WORD.findall(text.replace("_", " "))]


def shingles(words: Sequence[str]) -> list[int]:
    """Hash every run of five words, to 24 bits."""
    runs = zip(*(words[i:] for i in range(SHINGLE_WORDS)), strict=False)
    return [zlib.crc32(" ".join(run).encode()) & 0xFFFFFF for run in runs]


def pack(text: str) -> str:
    """Encode the runs of a standard text, as ``license_shingles`` keeps them."""
    found = sorted(set(shingles(words_of(text))))
    return base64.b85encode(b"".join(run.to_bytes(3, "big") for run in found)).decode()


def _unpack(packed: str) -> frozenset[int]:
    data = base64.b85decode(packed)
    return frozenset(int.from_bytes(data[i : i + 3], "big") for i in range(0, len(data), 3))


_TEMPLATES = tuple((id_, _unpack(packed)) for id_, packed in TEMPLATES)
_KNOWN = frozenset().union(_unpack(EXTRA), *(runs for _, runs in _TEMPLATES))


@dataclasses.dataclass(frozen=True, slots=True)
class _Parts:
    """A text taken apart: the licences it holds whole, and its other words."""

    whole: tuple[str, ...]
    rest: str


def _take_apart(words: list[str]) -> _Parts:
    runs = shingles(words)
    present = frozenset(runs)
    candidates = [
        (id_, template)
        for id_, template in _TEMPLATES
        if len(template & present) >= MIN_COMPLETE * len(template)
    ]
    whole: list[str] = []
    explained: frozenset[int] = frozenset()
    while candidates:
        # The licence that explains most of what is left and lacks least of its own text.
        gains = [
            (2 * len((template & present) - explained) - len(template), id_, template)
            for id_, template in candidates
        ]
        gain, id_, template = max(gains, key=lambda entry: entry[0])
        if gain <= 0:
            break
        explained |= template
        if id_ not in whole:
            whole.append(id_)
    if not whole:
        return _Parts((), " ".join(words))
    rest: list[str] = []
    covered_until = 0
    for index, word in enumerate(words):
        if index < len(runs) and runs[index] in _KNOWN:
            covered_until = index + SHINGLE_WORDS
        if index >= covered_until:
            rest.append(word)
        elif rest and rest[-1] != "\n":
            rest.append("\n")  # words on either side of a covered run are no neighbours
    return _Parts(tuple(whole), " ".join(rest))


def of_license_file(text: str) -> Expression | None:
    """The licence that a licence file states, or None where none is recognised."""
    tags = spdx_tags(text)
    words = words_of(text[:MAX_LICENSE_CHARS])
    parts = _take_apart(words)
    rest = _HARMLESS.sub(" ", parts.rest)
    found = _combine(parts, restricted=_RESTRICTED_WORD.search(rest) is not None)
    return tags if found is None else found


@dataclasses.dataclass(frozen=True, slots=True)
class Stated:
    """What a source file's own comments say of its licence.

    Args:
        expression: The licence.
        in_full: It stands there as text, standard notice or SPDX tag, not only by its name.
    """

    expression: Expression
    in_full: bool


@functools.lru_cache(maxsize=4096)  # a repository's files have the same few headers
def of_comment(text: str) -> Stated | None:
    """The licence that a comment puts its file under, or None.

    An ``SPDX-License-Identifier`` decides alone. A pointer without terms ("see the LICENSE
    file", "all rights reserved") says nothing, nor does the name of the licence of what the
    file is based on: the repository's licence holds.
    """
    tags = spdx_tags(text)
    if tags is not None:
        return Stated(tags, in_full=True)
    parts = _take_apart(words_of(text))
    rest = _in_licence_context(parts.rest)
    found = _combine(_Parts(parts.whole, rest), restricted=False)
    if found is None:
        return None
    if not parts.whole and _ATTRIBUTION.search(parts.rest) and not _FOREIGN.search(rest):
        return None
    return Stated(found, in_full=bool(parts.whole))


def spdx_tags(text: str) -> Expression | None:
    """The ``SPDX-License-Identifier`` lines of a text, all of which apply."""
    found = []
    for tag in _SPDX_TAG.findall(text, 0, MAX_LICENSE_CHARS):
        value = _TAG_END.split(tag, maxsplit=1)[0].strip()
        found.append(spdx.parse(value) or "LicenseRef-malformed")
    return spdx.all_of(found)


def _combine(parts: _Parts, restricted: bool) -> Expression | None:
    """Join what a text holds, and what its rest names, by AND, or by OR where it says so."""
    rest = _HARMLESS.sub(" ", _LATER.sub(" ", parts.rest))
    foreign, named = _names_in(rest)
    found = [*parts.whole, *(id_ for id_ in named if not _same_family(id_, parts.whole))]
    if not found:
        # The GPL's own text names its relatives; what it names first is what it is.
        return foreign[0] if foreign else ALTERED if restricted and _CLAIM.search(rest) else None
    foreign = [id_ for id_ in foreign if id_ not in _NO_TERMS]
    choice = _is_choice(rest, foreign)
    if _RESTRICTED_PHRASE.search(rest) or (restricted and not (choice and foreign)):
        return spdx.combine("AND", *found, *foreign, ALTERED)
    return spdx.combine("OR" if choice else "AND", *found, *foreign)


def _names_in(rest: str) -> tuple[list[str], list[str]]:
    """The licences that a text names: those of other families, and those of ours."""
    foreign = dict.fromkeys(str(match.lastgroup) for match in _FOREIGN.finditer(rest))
    named = dict.fromkeys(_NAMED_IDS[str(match.lastgroup)] for match in _NAMED.finditer(rest))
    return list(foreign), list(named)


def _is_choice(rest: str, foreign: list[str]) -> bool:
    """Tell whether one sentence offers a choice that takes in every foreign licence."""
    for match in _CHOICE.finditer(rest):
        offered, named = _names_in(rest[max(0, match.start() - 150) : match.end() + 250])
        if len(offered) + len(named) >= 2 and set(foreign) <= set(offered):
            return True
    return False


def _same_family(id_: str, whole: tuple[str, ...]) -> bool:
    """A title such as "New BSD License" above the BSD's own text adds no second licence."""
    family = id_.removeprefix("LicenseRef-")[:3]
    return any(family in other for other in whole) or (id_ == "MIT" and "X11" in whole)


_CONTEXT = re.compile(
    r"licen[cs]|copyright|\bterms\b|redistribut|free software|\bgnu\b|confidential|proprietary|"
    r"public domain|rights reserved|spdx|permission|unauthori|\bgpl\b"
)


def _in_licence_context(rest: str) -> str:
    """Keep the words near one that speaks of licences; the others are documentation."""
    spans: list[tuple[int, int]] = []
    for match in _CONTEXT.finditer(rest):
        start, end = max(0, match.start() - 60), match.end() + 80
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return " \n ".join(rest[start:end] for start, end in spans)


_HINTS = (
    "licen",
    "copyright",
    "spdx",
    "gpl",
    "general public",
    "proprietary",
    "confidential",
    "redistribut",
    "public domain",
    "unauthori",
)


def of_source_file(text: str, language: str) -> Stated | None:
    """The licence that a source file's own comments state, or None where they state none."""
    head = text[:HEAD_CHARS]
    lowered = head.lower()
    hints = [hint for hint in _HINTS if hint in lowered]
    if not hints:
        return None
    last = max(map(lowered.rfind, hints))
    comments = [of_comment(comment) for comment in legal_comments(head, last, language)]
    stated = [comment for comment in comments if comment is not None]
    if language == "Python" and not stated and (match := _PYTHON_FIELD.search(head)):
        field = spdx.parse(match[1])
        return None if field is None else Stated(field, in_full=False)
    found = spdx.all_of(comment.expression for comment in stated)
    return None if found is None else Stated(found, all(comment.in_full for comment in stated))


def legal_comments(head: str, last: int, language: str) -> list[str]:
    """The comments of the start of a file that speak of a licence.

    Such comments with only empty lines between them are one. Nothing is looked for beyond
    the comment that holds the position ``last``.
    """
    comments = COMMENTS.get(language, Comments())
    if language == "Python":
        comments = dataclasses.replace(comments, blocks=(('"""', '"""'), ("'''", "'''")))
    openers = tuple(opener for opener, _ in comments.blocks)
    found: list[str] = []
    comment: list[str] = []
    closer: str | None = None
    joins = False  # no code stands between the last legal comment and this one
    position = 0
    for line in [*head.split("\n"), "\0"]:
        bare = line.strip()
        opened = None
        if closer is None and bare.startswith(openers):
            opened = next((pair for pair in comments.blocks if bare.startswith(pair[0])), None)
        if closer is not None or opened is not None:
            comment.append(line)
            rest = bare if opened is None else bare[len(opened[0]) :]
            end = closer or (opened[1] if opened else "")
            closer = None if end in rest else end
        elif bare.lower().startswith(comments.line) or line.startswith(comments.column_one):
            comment.append(line)
        else:
            text = "\n".join(comment)
            comment = []
            if text and any(hint in text.lower() for hint in _HINTS):
                if joins:
                    found[-1] += "\n\n" + text
                else:
                    found.append(text)
                joins = True
            joins = joins and not bare
            if position > last:
                break
        position += len(line) + 1
    return found
