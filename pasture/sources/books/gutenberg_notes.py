"""Credits and transcriber's notes: what the makers of an electronic text say of their work.

They stand inside Project Gutenberg's marks, and in books that other collections took from it:
at the top ("Produced by ..."), among the title pages, at the bottom (lists of corrected
misprints), and in brackets anywhere. A paragraph at the top goes if it opens like a credit or a
note. Behind the first one that does not, up to the first page of prose, only what names its
makers beyond doubt goes; a note with the transcriber's name goes behind that too, as it may stand
behind the table of contents. A note at the bottom goes only if nothing in it reads like the book's
own prose.
"""

from __future__ import annotations

import re

_TRANSCRIBER = (
    r"(?:E-?text\s)?(?:Transcri(?:ber|bor|ption|ptor)|Scanner|Typist|Proofreader|Redactor"
    r"|Digiti[sz]er|E-?text\sEditor)(?:['’]?s['’]?)?"
)
# A transcriber's note by its name, in the languages whose volunteers leave some.
_NAMED_NOTE = rf"""
    {_TRANSCRIBER}\s(?:end[- ]?)?(?:notes?|comments?|remarks?)\b
    | (?:end[- ]?)?notes?\s(?:by|of|from)\sthe\stranscriber
    | notes?\s(?:de|du|sur\sla|de\sla)\stranscri | notes?\sau\slecteur\sde\sce\sfichier
    | (?:anmerkung(?:en)?|hinweise?)\s(?:zur|der|des)\s(?:transkri|bearbeit)
    | opmerkingen?\svan\sde\s(?:bewerker|transcri) | nota[s]?\s(?:del?|de\sla|do|da)\stranscri
    | nota\sde\seditor\W+devido\s.{{0,60}}tipogr | not[ae]\sdel\strascri
    | anm(?:ä|a)rkning(?:ar)?\s(?:av|till)\stranskri | transkriberar\w*\sanm
    | (?:af|ud)skriverens\s(?:bem|not) | uwagi\s(?:transkryb|do\swydania\selektron)
"""

# How a credit paragraph opens. The verbs are bound to "by" within a few words, so that "This
# book was produced in haste" stays.
_MADE = (
    r"(?:prepared|produced|created|scanned|typed|transcribed|digiti[sz]ed|proofread|proofed"
    r"|converted|provided|donated|contributed|entered|keyed|submitted|updated|corrected|edited"
    r"|first posted|formatted|re-?posted|released|generated)"
)
_EDITION = (
    r"(?:e-?text|e-?book|electronic (?:text|edition|version)|project gutenberg e-?(?:text|book)"
    r"|html (?:file|version|edition)|(?:text|ascii|pdf|word) (?:file|version)|file|text|book"
    r"|edition|transcription|version)"
)
_CREDIT = re.compile(
    rf"""\A[\W_]{{0,4}}(?:
    (?:{_EDITION}[ ])?(?:was[ ])?(?:originally[ ])?{_MADE}
        (?:(?:,[ ]|[ ](?:and|or|&)[ ]){_MADE}){{0,4}}(?:[ ][\w-]+){{0,4}}[ ]by\b
    | (?:this|the|an?|first|second|additional|original|special)[ ](?:[\w-]+[ ]){{0,3}}?{_EDITION}
        [ ](?:was|were|is|has[ ]been|had[ ]been)[ ](?:[\w-]+[ ]){{0,3}}?{_MADE}\b.{{0,300}}?
        \b(?:by|from|on[ ](?:january|february|march|april|may|june|july|august|september
        |october|november|december))\b
    | transcribed[ ]from[ ]the\b.{{0,300}}?\bby\b
    | e-?text[ ](?:prepared|produced|created|scanned|transcribed)\b
    | credits?:[ ]
    | e-?text[ ]editor:[ ]
    | this[ ]e-?text[ ]was[ ](?:originally[ ])?(?:created|prepared)[ ]at\b
    | \[?portions[ ]of[ ]this[ ]header[ ]are[ ]copyright\b
    | \[?project[ ]gutenberg[ ]is[ ]a[ ]trademark\b
    | \[?chapters?[ ][\divxlc, -]{{1,20}}:?[ ]+(?:mostly[ ])?(?:scanned|typed)[ ]by\b
    | (?:note:[ ]{{1,9}})?project[ ]gutenberg[ ](?:also[ ])?has\b
    | (?:note:[ ]{{1,9}})?images[ ]of[ ]the[ ]original[ ]pages\b
    | note:[ ]{{1,9}}.{{0,200}}?(?:html[ ]version|project[ ]gutenberg|www\.|\be-?(?:text|book)\b)
    | this[ ]and[ ]all[ ]associated[ ]files\b
    | html[ ]version[ ]by\b
    | (?:the[ ])?(?:project[ ]gutenberg['’]?s?[ ])?(?:online[ ])?distributed[ ]proofread
    | (?:\*+[ ]*)?this[ ]file[ ]should[ ]be[ ]named\b
    | (?:the[ ])?project[ ]gutenberg(?:['’]s)?[ ]e-?(?:text|book)[ ]of\b
    | this[ ]e-?text[ ]is[ ]in[ ][a-z]+[.]?$
    | we[ ]are[ ]releasing[ ]two[ ]versions[ ]of[ ]this[ ]e-?text
    | this[ ]book[ ]content[ ]was[ ]graciously\b
    | dieses[ ]buch[ ]wurde[ ]uns[ ]freundlicherweise\b
    | (?:dieser|dieses|diese)[ ](?:e-?text|e-?book|projekt|digitale)\b.{{0,100}}?
        (?:erstellt|hergestellt|bereitgestellt|wurde)
    | erstellt[ ]von\b | produziert[ ]von\b
    | produit[ ]par\b | cr[eé]dits?[ ]:[ ]
    | ce[ ](?:document|texte|livre)\b.{{0,40}}?(?:fut|est|a[ ][eé]t[eé])[ ]
        (?:pr[eé]sent|produit|pr[eé]par|num[eé]ris)
    | producido[ ]por\b | este[ ](?:texto|libro)[ ].{{0,30}}?(?:fue|ha[ ]sido)[ ](?:prep|prod|digit)
    | produzido[ ]por\b | prodotto[ ]da\b | questo[ ]e-?(?:book|text)\b
    | geproduceerd[ ]door\b | dit[ ]e-?(?:book|boek|text)[ ](?:is|werd)\b
    | tuotta(?:nut|neet|ja\w*):?[ ] | készítette:?[ ] | wersja[ ]elektroniczna[ ]
    | producerad[ ]av\b | produceret[ ]af\b
    )""",
    re.I | re.X,
)
_NOTE_HEADING = re.compile(
    rf"""\A[\W_]{{0,6}}(?:
    {_NAMED_NOTE}
    | errata[ ]noted[ ]by[ ](?:the[ ])?transcriber
    | typographical[ ]errors[ ]corrected[ ]in\b
    | (?:\w+[ ])?corrections[ ]made[ ](?:to|in)[ ](?:the|this)[ ](?:e-?text|text|e-?book)
    | this[ ](?:e-?text|text|file)[ ](?:uses|includes|contains|is[ ]in|is[ ]encoded)\b
    | au[ ]lecteur\b | production[ ]notes?:
    | note:[ ]there[ ]is[ ]a[ ]short[ ]list[ ]of[ ]bookmarks\b
    )""",
    re.I | re.X,
)
_FRONT_NOTE = re.compile(rf"\A[\W_]{{0,60}}(?:{_NAMED_NOTE})", re.I | re.X)
_ERRATA = re.compile(r"[\W_]{0,6}(?:errata|typographical errors|corrections?)[\W_]{0,6}$", re.I)
# What notes speak of, and books rarely do.
_NOTE_WORDS = re.compile(
    r"transcri|transkri|e-?text\b|e-?bo[eo]k\b|\bthis text\b|\bthe original\b"
    r"|\bin the original|\bunderscore"
    r"|\bitalic|\btypo|\bspell?(?:ing|ed|t)\b|\bpunctuation|\bhyphen|\bmisprint|\bprinter['’]?s?\b"
    r"|\bunicode|\butf-8|\blatin-1|\bascii|\bhtml\b|\bcorrected|\bunchanged|\bas printed"
    r"|\bretained|\bdieresis|\bdiacritic|\berrat|\bmissing|\bchanged to|\bamended|\bquotation mark"
    r"|\bpage \d|\bp\. ?\d|remplac|corrig[eé]|coquille|korrigiert|geändert|verbeter|gewijzigd"
    r"|\.png|\bfootnote|\bfinal page|\bdo not occur|\bin bold\b|gras comme",
    re.I,
)
# What only a transcriber's list of errata speaks of; the printer's own has none of it.
_TRANSCRIBER_WORDS = re.compile(r"transcri|e-?text\b|punctuation|unchanged|missing|utf-8", re.I)
_INLINE_NOTE = re.compile(
    rf"\[[*_ ]{{0,3}}(?:{_NAMED_NOTE}|TN\b[ ]?:|Note[ ]Project[ ]Gutenberg\b)[^\[\]]{{0,2000}}\]",
    re.I | re.X,
)
# What one editor left behind each book, and what stands between the plays of one collection.
_INSERTS = re.compile(
    r"^[ \t]*(?:E-?TEXT|PG)[ ]EDITOR['’]?S[ ]BOOKMARKS:?[ \t]*\n\s*\S[^\n]*(?:\n[ \t]*\S[^\n]*)*"
    r"|<<THIS[ ]ELECTRONIC[ ]VERSION[ ]OF[ ]THE[ ]COMPLETE[ ]WORKS[^<>]{0,1500}>>",
    re.M,
)
_INSERT_WORDS = ("S BOOKMARKS", "<<THIS ELECTRONIC")
_COLOPHON = re.compile(r"colo(?:ph|f)on\W{0,3}$", re.I)
_COLOPHON_WORDS = re.compile(
    r"\b(?:this ebook is for the use of|dit eboek is voor|(?:produced|geproduceerd) (?:by|door))",
    re.I,
)
_PARAGRAPH = re.compile(r"\S[^\n]*(?:\n[ \t]*\S[^\n]*)*")  # its first indent left out
_RULE = re.compile(r"[-*_=~+\s·•]+")
_PICTURE = re.compile(r"\A\[\W*(?:illustration|frontispiece|footnote|music|image|map)\b", re.I)
_BOX_TOP = re.compile(r"\A[ \t]*\+[-=]{3,}\+?")

# The makers by what they do or are called: what a title page of print cannot hold.
_MAKERS = re.compile(
    r"distributed proofread|\bpgdp\b|\be-?texts?\b|\be-?books?\b|project gutenberg"
    r"|internet archive|hathi ?trust|\bscann(?:ed|ing)\b|page images|\bhtml\b",
    re.I,
)
_BARE_CREDIT = re.compile(
    r"(?i:produced by)(?: (?:[A-Z][\w.'’-]*,?|and|&|the|de|van|von)){1,12}\.?"
)

_CREDIT_LINE = re.compile(
    r"(?:scanned|proofread|re-?proofed|typed|keyed|margination)\b.{0,60}\bby\b", re.I
)

_MAX_FRONT = 6_000  # characters from the top in which credits among title pages are looked for
_MAX_NAMED = 30_000  # the same for notes by name, if in the first quarter: a long list of contents
_PROSE_WORDS = 25  # a paragraph that long ends the title pages, if it ends like a sentence
_MAX_NOTE = 12_000  # characters; the longest notes seen are about 6,000
_MAX_COLOPHON = 500  # characters behind its heading in which a colophon says what it is
_MAX_LAST = 20  # credits and rules in a row at the end
_MAX_OPENING = 4_000  # how much of a paragraph is looked at


def strip_notes(text: str) -> str:
    """Remove credits and notes from the top, the bottom and the brackets of a book."""
    if any(word in text for word in _INSERT_WORDS):
        text = _INSERTS.sub("", text)
    text = _strip_front(_strip_top(text))
    return _INLINE_NOTE.sub("", _strip_bottom(text))


def _strip_top(text: str) -> str:
    """Remove the credits and notes that open a book, and the rules around them."""
    end = 0
    match = _PARAGRAPH.search(text)
    while match is not None:
        first_line, newline, _ = match[0].partition("\n")
        if _RULE.fullmatch(first_line):
            # A line of stars goes with the notes around it, so it waits for what comes next.
            match = _PARAGRAPH.search(text, match.start() + len(first_line) + len(newline))
            continue
        stop = _end_of_note(text, match)
        if stop is None:
            break
        end = stop
        match = _PARAGRAPH.search(text, end)
    begin = end
    while end and (match := _PARAGRAPH.search(text, begin)) and _RULE.fullmatch(match[0]):
        begin = match.end()
    return text[begin:]


def _strip_front(text: str) -> str:
    """Remove the credits and notes that stand among the title pages."""
    kept, position, end = [], 0, 0
    is_front = True
    while (match := _PARAGRAPH.search(text, end)) and match.start() < _MAX_NAMED:
        is_front = is_front and match.start() < _MAX_FRONT
        is_early = match.start() < len(text) // 4
        stop = None
        if is_front:
            stop = _end_of_front_note(text, match)
        elif is_early:
            stop = _end_of_named_note(text, match)
        is_front = is_front and (stop is not None or not _opens_prose(match[0]))
        end = match.end() if stop is None else stop
        if stop is not None:
            kept.append(text[position : match.start()])
            position = stop
    return "".join([*kept, text[position:]])


def _end_of_front_note(text: str, match: re.Match[str]) -> int | None:
    """Find the end of a credit or note among the title pages; None where it may be the book's."""
    opening = _flat(match[0])
    is_named = _FRONT_NOTE.match(opening)
    is_credit = _CREDIT.match(opening) and (
        _MAKERS.search(opening)
        or (_BARE_CREDIT.fullmatch(opening) and _stands_alone(text, match.start(), match.end()))
    )
    return _end_of_note(text, match) if is_named or is_credit else None


def _end_of_named_note(text: str, match: re.Match[str]) -> int | None:
    """Find the end of a note whose heading, a line of its own, names the transcriber."""
    first_line = _flat(match[0].split("\n", 1)[0])
    is_named = len(first_line.split()) <= 4 and _FRONT_NOTE.match(first_line)
    return _end_of_note(text, match) if is_named else None


def _opens_prose(paragraph: str) -> bool:
    """Tell whether a paragraph is a page's text rather than a title, a list or an imprint."""
    return len(paragraph.split()) >= _PROSE_WORDS and paragraph.rstrip()[-1] in ".!?:\"'’”»"


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Tell whether two blank lines or more stand before and behind a paragraph."""
    around = re.compile(r"\n[ \t]*\n[ \t]*\n")
    before = text[max(0, start - 20) : start]
    return bool(around.search(before) and around.match(text[end : end + 20]))


def _end_of_note(text: str, match: re.Match[str]) -> int | None:
    """Find the end of the credit or note that opens with this paragraph; None if it is neither."""
    opening = _flat(match[0])
    first_line = match[0].split("\n", 1)[0]
    if opening.startswith("["):
        if _PICTURE.match(opening):
            return None
        end = _end_of_bracket(text, match.start())
        is_open = "]" not in match[0] and _CREDIT.match(opening)
        return match.end() if end is None and is_open else end
    if _BOX_TOP.match(first_line):
        return _end_of_box(text, match.start())
    if _NOTE_HEADING.match(opening):
        return _end_of_section(text, match)
    credit_lines = sum(bool(_CREDIT_LINE.match(line)) for line in match[0].split("\n"))
    return match.end() if _CREDIT.match(opening) or credit_lines >= 2 else None


def _flat(paragraph: str) -> str:
    return " ".join(paragraph[:_MAX_OPENING].split())


def _end_of_bracket(text: str, start: int) -> int | None:
    """Find the bracket that closes a note in brackets, if it is a note."""
    start = text.index("[", start)
    depth = 0
    for mark in re.finditer(r"[\[\]]", text[start : start + _MAX_NOTE]):
        depth += 1 if mark[0] == "[" else -1
        if depth == 0:
            note = _flat(text[start + 1 : start + mark.start()])
            is_note = (
                _NOTE_HEADING.match(note)
                or _CREDIT.match(note)
                or len({found.lower() for found in _NOTE_WORDS.findall(note)}) >= 3
            )
            return start + mark.end() if is_note else None
    return None


def _end_of_box(text: str, start: int) -> int | None:
    """Find the lower edge of a note in a box of dashes and bars, if it is a note."""
    lines = text[start : start + _MAX_NOTE].split("\n")
    position = start + len(lines[0])
    inside: list[str] = []
    for line in lines[1:]:
        position += 1 + len(line)
        if _BOX_TOP.match(line):
            note = _flat(" ".join(inside))
            is_note = _NOTE_HEADING.match(note) or len(_NOTE_WORDS.findall(note)) >= 3
            return position if is_note else None
        if not line.strip().startswith("|"):
            return None
        inside.append(line.strip(" \t|"))
    return None


def _end_of_section(text: str, heading: re.Match[str]) -> int:
    """Find the end of a note that has a heading but no brackets.

    The paragraphs behind the heading belong to the note while they are set in from it, or speak
    of what notes speak of. Three blank lines or a rule end it in any case.
    """
    end = heading.end()
    indent = _indent(text, heading)
    limit = heading.start() + _MAX_NOTE
    heading_only = "\n" not in heading[0] and len(heading[0].split()) <= 6
    while (match := _PARAGRAPH.search(text, end)) and match.end() <= limit:
        gap = text.count("\n", end, match.start())
        if gap > 3 or _RULE.fullmatch(match[0]):
            break
        is_set_in = _indent(text, match) > indent
        if not (is_set_in or heading_only or _NOTE_WORDS.search(_flat(match[0]))):
            break
        if match[0].isupper():
            break  # a title
        heading_only = False
        end = match.end()
    return end


def _indent(text: str, paragraph: re.Match[str]) -> int:
    return paragraph.start() - (text.rfind("\n", 0, paragraph.start()) + 1)


def _strip_bottom(text: str) -> str:
    """Remove the notes and credits that close a book."""
    tail_start = max(len(text) - max(len(text) // 5, 20_000), 0)
    paragraphs = list(_PARAGRAPH.finditer(text, tail_start))
    prose = (index for index in reversed(range(len(paragraphs))) if _is_prose(paragraphs[index]))
    last_prose = next(prose, -1)
    for index, match in enumerate(paragraphs):
        if match.start() == tail_start and tail_start:
            continue  # cut in two
        if _is_closing_note(text, match, behind_prose=index > last_prose):
            text = text[: match.start()]
            break
    return _strip_last_credits(text)


def _is_closing_note(text: str, match: re.Match[str], *, behind_prose: bool) -> bool:
    """Tell whether a note begins with this paragraph that goes on to the end of the book."""
    opening = _flat(match[0].lstrip(" \t+-=|\n"))
    if _COLOPHON.match(opening):
        return bool(_COLOPHON_WORDS.search(text, match.end(), match.end() + _MAX_COLOPHON))
    if opening.startswith("["):
        if len(text) - match.start() > _MAX_NOTE or not _NOTE_HEADING.match(opening):
            return False
        end = _end_of_bracket(text, match.start())
        return end is not None and not text[end:].strip()
    if not behind_prose:
        return False
    return bool(_NOTE_HEADING.match(opening)) or bool(
        _ERRATA.match(opening) and _TRANSCRIBER_WORDS.search(text, match.end())
    )


def _is_prose(match: re.Match[str]) -> bool:
    """Tell whether a paragraph reads like a book rather than like a list of corrections."""
    paragraph = _flat(match[0])
    return len(paragraph.split()) >= 30 and not _NOTE_WORDS.search(paragraph)


def _strip_last_credits(text: str) -> str:
    """Remove credits and rules at the very end, where a note stood or stands."""
    for _ in range(_MAX_LAST):
        text = text.rstrip()
        start = max(text.rfind("\n\n"), text.rfind("\n \n"), len(text) - _MAX_OPENING)
        last = text[start:].strip("\n") if start > 0 else ""
        if not last or not (_RULE.fullmatch(last) or _CREDIT.match(_flat(last))):
            break
        text = text[:start]
    return text
