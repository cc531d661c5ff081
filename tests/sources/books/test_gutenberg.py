"""The wrapping of Project Gutenberg's files: every form of mark, header and note."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.sources.books import gutenberg, gutenberg_notes
from pasture.sources.books.gutenberg import Header

BODY = """THE LAMPLIGHTER

CHAPTER I

The lamps of Orchard Street were lit at dusk, one by one, by a man who
had never been seen to hurry. He carried his ladder as other men carry
a child.

THE END"""

NEW_TOP = """The Project Gutenberg EBook of The Lamplighter, by A. Nobody

This eBook is for the use of anyone anywhere at no cost and with
almost no restrictions whatsoever.

Title: The Lamplighter

Author: A. Nobody

Release Date: March 4, 2005 [EBook #4321]

Language: English

Character set encoding: ASCII

"""
LICENCE = """

Updated editions will replace the previous one--the old editions
will be renamed.

Project Gutenberg-tm is a registered trademark.

*** START: FULL LICENSE ***

THE FULL PROJECT GUTENBERG LICENSE
"""
OLD_TOP = """**The Project Gutenberg Etext of The Lamplighter, by A. Nobody**
*****This file should be named lamp10.txt or lamp10.zip*****

We need your donations more than ever!

***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***
Why is this "Small Print!" statement here?  You know: lawyers.

"""

# Each form of the wrapping; {} is the book.
FORMS = {
    "starred, this": NEW_TOP
    + "*** START OF THIS PROJECT GUTENBERG EBOOK THE LAMPLIGHTER ***\n\n{}\n\n"
    + "*** END OF THIS PROJECT GUTENBERG EBOOK THE LAMPLIGHTER ***"
    + LICENCE,
    "starred, the": NEW_TOP
    + "*** START OF THE PROJECT GUTENBERG EBOOK THE LAMPLIGHTER ***\n\n{}\n\n"
    + "*** END OF THE PROJECT GUTENBERG EBOOK THE LAMPLIGHTER ***"
    + LICENCE,
    "starred, no blank": NEW_TOP
    + "***START OF THE PROJECT GUTENBERG EBOOK THE LAMPLIGHTER***\n\n{}\n\n"
    + "***END OF THE PROJECT GUTENBERG EBOOK THE LAMPLIGHTER***"
    + LICENCE,
    "starred, etext": NEW_TOP
    + "*** START OF THE PROJECT GUTENBERG ETEXT, THE LAMPLIGHTER ***\n\n{}\n\n"
    + "*** END OF THE PROJECT GUTENBERG ETEXT, THE LAMPLIGHTER ***",
    "starred, lower case": NEW_TOP
    + "*** Start of the Project Gutenberg eBook The Lamplighter ***\n\n{}\n\n"
    + "*** End of the Project Gutenberg eBook The Lamplighter ***",
    "mark over two lines": NEW_TOP
    + "*** START OF THE PROJECT GUTENBERG EBOOK THE LAMPLIGHTER, OR,\n"
    + "THE LONG STREET ***\n\n{}\n\n"
    + "*** END OF THE PROJECT GUTENBERG EBOOK THE LAMPLIGHTER, OR,\nTHE LONG STREET ***",
    "old end line before the mark": NEW_TOP
    + "*** START OF THIS PROJECT GUTENBERG EBOOK THE LAMPLIGHTER ***\n\n{}\n\n\n"
    + "End of Project Gutenberg's The Lamplighter, by A. Nobody\n\n"
    + "*** END OF THIS PROJECT GUTENBERG EBOOK THE LAMPLIGHTER ***"
    + LICENCE,
    "old end line over two lines": NEW_TOP
    + "*** START OF THIS PROJECT GUTENBERG EBOOK THE LAMPLIGHTER ***\n\n{}\n\n\n"
    + "End of the Project Gutenberg EBook of The Lamplighter, by\nA. Nobody\n\n"
    + "*** END OF THIS PROJECT GUTENBERG EBOOK THE LAMPLIGHTER ***",
    "small print of 1993": OLD_TOP
    + "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\n{}\n\n"
    + "End of the Project Gutenberg Etext of The Lamplighter\n",
    "small print of 2001": OLD_TOP
    + "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.07/27/01*END*\n\n{}\n\n"
    + "End of Project Gutenberg's Etext of The Lamplighter, by A. Nobody\n",
    "small print of 2002": OLD_TOP
    + "*END THE SMALL PRINT! FOR PUBLIC DOMAIN EBOOKS*Ver.02/11/02*END*\n\n{}\n\n"
    + "End of this Project Gutenberg etext of The Lamplighter\n",
    "small print with a blank": OLD_TOP
    + "*END* THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\n{}\n\n"
    + "The End of the Project Gutenberg Etext of The Lamplighter\n".removeprefix("The "),
    "small print indented": OLD_TOP
    + "   *END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\n{}\n",
    "small print without stars": OLD_TOP
    + "ENDTHE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTSVer.04.29.93END\n\n{}\n\n"
    + "**End of The Project Gutenberg Etext of The Lamplighter**\n",
    "small print behind the book": "The Project Gutenberg EBook of The Lamplighter\n\n"
    + "Title: The Lamplighter\n\nAuthor: A. Nobody\n\nRelease Date: March, 2005 [EBook #4321]\n\n"
    + "*** START OF THE PROJECT GUTENBERG EBOOK, THE LAMPLIGHTER ***\n\n{}\n\n"
    + "*** END OF THE PROJECT GUTENBERG EBOOK, THE LAMPLIGHTER ***\n\n"
    + "This file should be named lamp10.txt or lamp10.zip\n\n"
    + "***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN EBOOKS**START***\n\nlawyers\n\n"
    + "*END THE SMALL PRINT! FOR PUBLIC DOMAIN EBOOKS*Ver.02/11/02*END*\n",
    "small print behind, no start mark": "The Project Gutenberg Etext of The Lamplighter\n\n"
    + "{}\n\n***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***\n\nlawyers\n\n"
    + "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n",
    "top line only": "The Project Gutenberg Etext of The Lamplighter, by A. Nobody\n\n{}\n\n"
    + "End of the Project Gutenberg Etext of The Lamplighter\n",
    "end of this etext": "The Project Gutenberg Etext of The Lamplighter\n\n{}\n\n"
    + "End of this Etext of The Lamplighter\n",
    "no end": NEW_TOP + "*** START OF THIS PROJECT GUTENBERG EBOOK THE LAMPLIGHTER ***\n\n{}\n",
    "German": NEW_TOP
    + "***START OF THE PROJECT GUTENBERG EBOOK DER LATERNENMANN***\n\n{}\n\n"
    + 'Ende dieses Project Gutenberg Etextes "Der Laternenmann"\n\n'
    + "***END OF THE PROJECT GUTENBERG EBOOK DER LATERNENMANN***",
    "German, old": OLD_TOP
    + "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\n{}\n\n"
    + "Ende dieses Projekt Gutenberg Etextes Der Laternenmann, von A. Nobody.\n",
    "French": NEW_TOP
    + "*** START OF THIS PROJECT GUTENBERG EBOOK L'ALLUMEUR ***\n\n{}\n\n"
    + "Fin du Projet Gutenberg de L'allumeur, par A. Nobody\n\n"
    + "*** END OF THIS PROJECT GUTENBERG EBOOK L'ALLUMEUR ***",
    "French, old": OLD_TOP
    + "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\n{}\n\n"
    + "Fin de Project Gutenberg Etext: L'allumeur\n",
    "French, translated marks": NEW_TOP
    + "*** DÉBUT DE CE PROJET GUTENBERG L'ALLUMEUR ***\n\n{}\n\n"
    + "*** FIN DE CE PROJET GUTENBERG L'ALLUMEUR ***",
    "Dutch": NEW_TOP
    + "*** START OF THIS PROJECT GUTENBERG EBOOK DE LANTAARNOPSTEKER ***\n\n{}\n\n"
    + "Einde van Project Gutenberg's De lantaarnopsteker, door A. Nobody\n\n"
    + "*** END OF THIS PROJECT GUTENBERG EBOOK DE LANTAARNOPSTEKER ***",
    "Spanish": NEW_TOP
    + "*** START OF THIS PROJECT GUTENBERG EBOOK EL FAROLERO ***\n\n{}\n\n"
    + "Fin del Proyecto Gutenberg de El farolero\n",
    "Italian": NEW_TOP
    + "*** START OF THIS PROJECT GUTENBERG EBOOK IL LAMPIONAIO ***\n\n{}\n\n"
    + "Fine del Progetto Gutenberg di Il lampionaio\n",
    "Portuguese": NEW_TOP
    + "*** START OF THIS PROJECT GUTENBERG EBOOK O ACENDEDOR ***\n\n{}\n\n"
    + "Fim do Projeto Gutenberg de O acendedor\n",
    "small print without its article": OLD_TOP
    + "*END*SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\n{}\n\n"
    + "The End of the Project Gutenberg Etext of The Lamplighter, by A. Nobody\n",
    "small print over two lines": OLD_TOP
    + "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*\nVer.04.29.93*END*\n\n{}\n\n"
    + "This ends the Project Gutenberg Etext of The Lamplighter\n",
    "no end, licence behind": NEW_TOP
    + "*** START OF THIS PROJECT GUTENBERG EBOOK THE LAMPLIGHTER ***\n\n{}\n"
    + LICENCE,
    "small print, no end, licence behind": OLD_TOP
    + "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\n{}\n"
    + LICENCE.replace("-tm", "™"),
    "no start": NEW_TOP + "{}\n\n*** END OF THIS PROJECT GUTENBERG EBOOK THE LAMPLIGHTER ***",
    "Swedish": NEW_TOP
    + "*** START OF THIS PROJECT GUTENBERG EBOOK LYKTTÄNDAREN ***\n\n{}\n\n"
    + "Slut på Project Gutenbergs Lykttändaren\n",
    "Finnish": NEW_TOP
    + "*** START OF THIS PROJECT GUTENBERG EBOOK LAMPUNSYTYTTÄJÄ ***\n\n{}\n\n"
    + "*** END OF THIS PROJECT GUTENBERG EBOOK LAMPUNSYTYTTÄJÄ ***",
}


@pytest.mark.parametrize("form", FORMS)
def test_cuts_every_form_of_wrapping(form):
    parts = gutenberg.cut(FORMS[form].replace("{}", BODY))
    assert (parts.marked, [body.strip() for body in parts.bodies]) == (True, [BODY])


def test_tells_the_volumes_of_one_file_apart():
    volume = FORMS["starred, the"]
    text = volume.replace("{}", "VOLUME ONE") + "\n\n" + volume.replace("{}", "VOLUME TWO")
    assert gutenberg.cut(text).bodies == ("VOLUME ONE", "VOLUME TWO")


@pytest.mark.parametrize(
    "sentence",
    [
        "Start of the Project Gutenberg story: it began with a typewriter.",
        'He read aloud: "*** START OF THE PROJECT GUTENBERG EBOOK ***" and laughed.',
        "The end of Project Gutenberg's first decade came without a party.",
        "He was fond of Project Gutenberg and of small print.",
        "In the end of the Project Gutenberg Etext of which we spoke, she dies.",
    ],
)
def test_a_sentence_that_names_project_gutenberg_survives(sentence):
    book = BODY.replace("CHAPTER I", f"CHAPTER I\n\n{sentence}")
    for form in ("starred, the", "small print of 1993"):
        (body,) = gutenberg.cut(FORMS[form].replace("{}", book)).bodies
        assert body.strip() == book


def test_a_file_without_marks_is_not_marked():
    parts = gutenberg.cut(BODY)
    assert (parts.marked, parts.bodies) == (False, (BODY,))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            NEW_TOP,
            Header("The Lamplighter", "A. Nobody", "en", 4321, datetime.datetime(2005, 3, 4)),
        ),
        (OLD_TOP, Header("The Lamplighter", "A. Nobody")),
        (
            "Title: The Lamplighter\n       or, The Street\n\nAuthor: Nobody\n\n"
            "Posting Date: June 25, 2008 [EBook #11]\nRelease Date: June, 1998\n\n"
            "Language: French and English\n",
            Header(
                "The Lamplighter or, The Street",
                "Nobody",
                "fr",
                11,
                datetime.datetime(1998, 6, 1),
            ),
        ),
        (
            "The Project Gutenberg eBook, The Lamplighter, by A. Nobody\n\nLanguage: sv\n"
            "Release date: February 30, 2004 [eBook #7]\n",
            Header("The Lamplighter", "A. Nobody", "sv", 7),
        ),
        (
            "Official Release Date: October 31, 1993\n",
            Header(released=datetime.datetime(1993, 10, 31)),
        ),
        ("Language: Klingon\n", Header()),
        ("", Header()),
    ],
)
def test_parse_header(header, expected):
    found = gutenberg.parse_header(header)
    released = found.released and found.released.replace(tzinfo=None)
    assert (found.title, found.author, found.language, found.number, released) == (
        expected.title,
        expected.author,
        expected.language,
        expected.number,
        expected.released,
    )


@pytest.mark.parametrize(
    "notice",
    [
        "** This is a COPYRIGHTED Project Gutenberg eBook, Details Below **",
        "**This is a COPYRIGHTED Project Gutenberg Etext, Details Below**",
        "***START** SMALL PRINT! for COPYRIGHT PROTECTED ETEXTS ***",
        "HOWEVER, THIS IS NEITHER SHAREWARE NOR PUBLIC DOMAIN.",
    ],
)
def test_copyrighted_is_told_from_the_wrapping_only(notice):
    text = FORMS["starred, the"]
    assert gutenberg.is_copyrighted(gutenberg.cut(notice + "\n\n" + text))
    assert not gutenberg.is_copyrighted(gutenberg.cut(text))
    assert not gutenberg.is_copyrighted(gutenberg.cut(text.replace("{}", notice)))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"caf\xc3\xa9", "café"),
        (b"\xef\xbb\xbfcaf\xc3\xa9", "café"),
        (
            b"Character set encoding: ISO-8859-1\ncaf\xe9",
            "Character set encoding: ISO-8859-1\ncafé",
        ),
        (
            b"Character set encoding: ISO-8859-1\n\x93a\x94",
            "Character set encoding: ISO-8859-1\n“a”",
        ),
        (
            b"Character set encoding: ISO-8859-1\ncaf\xc3\xa9",
            "Character set encoding: ISO-8859-1\ncafé",
        ),
        (b"Character set encoding: ISO Latin-2\n\xb1", "Character set encoding: ISO Latin-2\n±"),
        (b"Character set encoding: ISO-8859-2\n\xb1", "Character set encoding: ISO-8859-2\ną"),
        (b"Character set encoding: CP-1251\n\xe4\xe0", "Character set encoding: CP-1251\nда"),
        (b"Character set encoding: ASCII\ncaf\xe9", "Character set encoding: ASCII\ncafé"),
        (b"no header \x81", "no header \x81"),
        ("\ufeffcafé".encode("utf-16-le"), "café"),
        (b"one\r\ntwo\rthree\x0cfour\x1a", "one\ntwo\nthree\nfour"),
        (b"", ""),
    ],
)
def test_decode(data, text):
    assert gutenberg.decode(data) == text


# What stands at the top of a book, inside the marks, and must go.
CREDITS = [
    "Produced by Jane Roe and the Online Distributed\nProofreading Team at http://www.pgdp.net",
    "E-text prepared by Jane Roe",
    "This etext was prepared by Jane Roe, Nowhere, Ohio.",
    "This etext was produced from the 1908 edition\nby Jane Roe, email roe@example.com",
    "Transcribed from the 1908 Small and Sons edition by Jane Roe",
    "Scanned and proofed by Jane Roe.",
    "This eBook was produced by Jane Roe\nand the Distributed Proofreaders.",
    "HTML version by Jane Roe.",
    "Etext scanned by Jane Roe",
    "This Project Gutenberg Etext was prepared by Jane Roe.",
    "Note: Project Gutenberg also has an HTML version of this\n      file. See 4321-h.htm.",
    "Note: Images of the original pages are available through\n      the Internet Archive.",
    "Credits: Jane Roe and an anonymous volunteer",
    "[Transcriber's Note: The spelling of the original\n[1871] is kept.]",
    "Transcriber's Note:\n\n    Misprints have been corrected.\n\n    Italics are _so_.",
    "Transcribers Note: Obvious typesetter errors are corrected.\n\n"
    "Throughout this text, words between underscores were in italics.\n\n-----------",
    "+-----------------------------+\n| Transcriber's Note:         |\n"
    "|                             |\n"
    "| Hyphenation as in the book. |\n+-----------------------------+",
    "[This text uses UTF-8 (Unicode) file encoding. If quotes\nappear as garbage, change.]",
    "Dieser Etext wurde von Jane Roe erstellt.",
    "Produit par Jane Roe",
    "Ce document fut présenté en lecture par Jane Roe",
    "Produzido por Jane Roe",
    "Geproduceerd door Jane Roe",
    "[Redactor's Note: the notes stand at the end.]",
    "[NOTE: There is a short list of bookmarks at the end of the file.]",
    "This and all associated files of various formats will be found in:\nhttp://example.org/1/",
    "This Etext is in German.",
    "This book content was graciously contributed by the Gutenberg Projekt-DE.",
    'Dieses Buch wurde uns freundlicherweise vom "Gutenberg Projekt-DE" zur Verfügung gestellt.',
    "[Note au lecteur de ce fichier digital: Les coquilles\nont été corrigées.]",
    "Nota de editor: Devido à existência de erros tipográficos, foram\ntomadas decisões.",
    "NOTE DEL TRASCRITTORE:\n\nCorretti gli errori.",
    "Tuottanut: Jane Roe",
    "Készítette: Jane Roe",
    "[Portions of this header are copyright (C) 2001 by a director\nand may be reprinted only.]\n"
    "[Project Gutenberg is a TradeMark and may not be used in sales\nwithout permission.]",
    "[Chapters 1-6:  mostly scanned by Jane Roe,\nproofread and submitted by John Doe.",
    "[Chapters 1-6:  mostly scanned by Jane Roe.]\n\nThe Lamplighter, continued (Chapters 20-24)\n"
    "Scanned by Jane Roe\nProofread by John Doe",
    "[Note: See also etext #219 which is a different version of this eBook]",
    "E-text Editor: Jane Roe, Ph.D.",
    "This etext was originally created at Roe College, and has\nbeen modified since.",
    "  Au lecteur.\n\n    Le texte en italiques est indiqué _ainsi_.",
]


@pytest.mark.parametrize("credit", CREDITS)
def test_removes_credits_at_the_top(credit):
    assert gutenberg_notes.strip_notes(f"\n\n{credit}\n\n\n\n\n{BODY}").strip() == BODY


def test_removes_credits_one_after_another_and_the_rules_between():
    top = "\n\n* * * * *\n\n".join(CREDITS[:3])
    assert gutenberg_notes.strip_notes(f"{top}\n\n* * *\n\n{BODY}").strip() == BODY


@pytest.mark.parametrize(
    "first",
    [
        "[Illustration: Page 1, page 2 and page 3 of the original manuscript,\nin italic hands]",
        "Produced in haste, this book was never corrected.",
        "This book was written in the winter of my discontent.",
        "*       *       *",
        "+----------+\n| A MENU   |\n+----------+",
        "[A room. Evening. Enter two clerks.]",
        "NOTE",
    ],
)
def test_keeps_a_first_page_that_only_looks_like_a_credit(first):
    text = f"{first}\n\n\n{BODY}"
    assert gutenberg_notes.strip_notes(text) == text


FRONT = "THE LAMPLIGHTER\n\nA Tale\n\nby A. Nobody\n\n\n"


PREFACE = (
    "PREFACE\n\nThis tale was told to me by a man who had lit the lamps of Orchard Street for\n"
    "forty years, and who never in his life had been seen to hurry on their account.\n\n"
)


def test_removes_a_transcribers_note_behind_the_contents():
    contents = "CONTENTS\n\n" + "\n".join(f"Chapter {i}, of lamps    {i}" for i in range(400))
    note = "Transcriber's Note:\n\n    Misprints have been corrected.\n    Spelling is kept.\n\n\n"
    book = "\n\n".join([BODY] * 200)
    for front in (PREFACE, PREFACE + contents + "\n\n\n"):
        text = FRONT + front + note + book
        assert gutenberg_notes.strip_notes(text).split() == (FRONT + front + book).split()


@pytest.mark.parametrize(
    "line",
    [
        "Note of the transcriber who sat in the court, he said, was lost to us.",
        "Proofread by lamplight, the letter\nstill held a fault.",
        "Produced by Mr. Small at the Theatre Royal",
    ],
)
def test_keeps_what_only_sounds_like_a_note_behind_the_first_prose(line):
    text = f"{FRONT}{PREFACE}{line}\n\n{BODY}"
    assert gutenberg_notes.strip_notes(text) == text


@pytest.mark.parametrize(
    "note",
    [
        "Produced by Jane Roe and John Doe",
        "E-text prepared by Jane Roe and the Online Distributed\nProofreading Team",
        "TRANSCRIBER'S NOTE\n\nMisprints have been corrected.",
        "+----------------------+\n| Transcriber's Notes: |\n| Spelling is kept.    |\n"
        "+----------------------+",
        "Anmerkungen zur Transkription:\n\nDruckfehler wurden korrigiert.",
    ],
)
def test_removes_credits_and_notes_among_the_title_pages(note):
    text = f"{FRONT}{note}\n\n\n\n{BODY}"
    assert gutenberg_notes.strip_notes(text).split() == (FRONT + BODY).split()


@pytest.mark.parametrize(
    "page",
    [
        "Produced by Mr. Small at the Theatre Royal on the first of May",
        "Produced by A. Small\nCopyright, 1908",
        "NOTE\n\nThis text was printed from the author's papers.",
        "Au lecteur",
        "Edited by A. Small",
    ],
)
def test_keeps_title_pages_that_only_look_like_credits(page):
    text = f"{FRONT}{page}\n\n\n\n{BODY}"
    assert gutenberg_notes.strip_notes(text) == text


def test_keeps_what_stands_behind_the_first_page_of_prose():
    text = f"{FRONT}{BODY}\n\n\nE-text prepared by Jane Roe\n\n\n{BODY}"
    assert gutenberg_notes.strip_notes(text) == text


def test_removes_what_an_editor_and_a_publisher_put_between_the_books():
    text = (
        "ACT V\n\n<<THIS ELECTRONIC VERSION OF THE COMPLETE WORKS IS COPYRIGHT\n1990.>>\n\nExeunt"
        "\n\n\nETEXT EDITOR'S BOOKMARKS:\n\nA lamp is a small sun\nLadders are for the young\n\n\n"
        "PART TWO"
    )
    assert gutenberg_notes.strip_notes(text).split() == ["ACT", "V", "Exeunt", "PART", "TWO"]


ENDINGS = [
    "Transcriber's Notes\n\n\nPage 12: 'teh' corrected to 'the'.\n\nPage 14: a comma was missing.",
    "TRANSCRIBER'S NOTE:\n\nSpelling is as printed.",
    "Errata noted by transcriber:\n\n... to good ends.\n  _full stop missing_",
    "Errata\n\nIn the text <ae> is unchanged.\n\n  nox gives way  [nxo]",
    "    +------------------------------+\n    | Typographical errors corrected in text: |\n"
    "    | Page 2: logic amended        |\n    +------------------------------+",
    "Anmerkungen zur Transkription:\n\nSeite 3: korrigiert.",
    "Opmerkingen van de bewerker\n\nBlz. 4: verbeterd.",
    "Produced by Jane Roe",
    "       *       *       *",
    "Scanner's Note\n\nTwo misprints were corrected.",
    "Note de transcription:\n\nLes coquilles ont été corrigées.",
    "Afskriverens bemærkninger:\n\nTrykfejl er rettet.",
    "[Anmerkungen zur Transkription: Es wurde korrigiert.\n\nSeite 3: [»Lampe«] in »Lampen«]",
    "COLOPHON\n\n\nAvailability\n\nThis eBook is for the use of anyone anywhere.\n\n\n"
    "Corrections\n\n    3    teh    the",
]


@pytest.mark.parametrize("ending", ENDINGS)
def test_removes_notes_at_the_bottom(ending):
    assert gutenberg_notes.strip_notes(f"{BODY}\n\n\n\n{ending}\n") == BODY


@pytest.mark.parametrize(
    "ending",
    [
        "ERRATA\n\nOn the third leaf, for Thames read Tamar.",
        "COLOPHON\n\nSet in Caslon and printed on laid paper.",
        "INDEX\n\nLamp, 3, 4\nLadder, 9",
        "Transcriber's Notes\n\nShort.\n\n\n\n" + "But the lamplighter came back in spring. " * 8,
    ],
)
def test_keeps_a_last_page_that_is_the_books_own(ending):
    text = f"{BODY}\n\n\n\n{ending}"
    assert gutenberg_notes.strip_notes(text) == text.rstrip()


def test_removes_notes_in_brackets_within_the_text():
    text = "He said it.[Transcriber's Note: so in the\noriginal.] Then [a door] shut.[TN: sic]"
    assert gutenberg_notes.strip_notes(text) == "He said it. Then [a door] shut."


@pytest.mark.parametrize(
    ("body", "leak"),
    [
        (BODY, None),
        ("He gave to Project Gutenberg, and read Gutenberg's Bible.", None),
        ("the Project Gutenberg Literary Archive Foundation", "Project Gutenberg Literary Archive"),
        ("Project Gutenberg-tm works", "Project Gutenberg-tm"),
        ("a\n*** START: FULL LICENSE ***", "*** START: FULL LICENSE"),
        ("***START**THE SMALL PRINT!**", "THE SMALL PRINT!"),
    ],
)
def test_find_leak(body, leak):
    assert gutenberg.find_leak(body) == leak


_PIECES = st.sampled_from(
    [
        *FORMS.values(),
        *CREDITS,
        *ENDINGS,
        BODY,
        NEW_TOP,
        OLD_TOP,
        LICENCE,
        "*",
        "[",
        "]",
        "\n",
        "\n\n",
    ]
)


@given(st.lists(st.one_of(_PIECES, st.text(max_size=20)), max_size=8))
@settings(max_examples=50, deadline=None)
def test_any_text_is_cut_into_parts_of_itself(pieces):
    text = gutenberg.decode("".join(pieces).encode("utf-8", "replace"))
    parts = gutenberg.cut(text)
    assert sum(map(len, (parts.header, *parts.bodies, parts.footer))) <= len(text) + 3 * 10
    gutenberg.parse_header(parts.header)
    for body in parts.bodies:
        assert len(gutenberg_notes.strip_notes(body)) <= len(body)


@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_any_bytes_decode_to_text_or_raise_unicode_errors(data):
    try:
        text = gutenberg.decode(data)
    except UnicodeDecodeError:
        assert data.startswith((b"\xff\xfe", b"\xfe\xff"))
    else:
        text.encode("utf-8")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit",
    [
        "*",
        "\n",
        " ",
        "[",
        "* ",
        "\n ",
        "*** START OF ",
        "+---\n|",
        "Title: by by ",
        "End of Project ",
        "[Transcriber's note ",
        "Transcriber's Note\n\n",
        "Produced by x\n\n",
        "a\n\n",
        "-\n\n",
        "*** START OF THE PROJECT GUTENBERG\n",
        "\n\n*** END OF THE PROJECT GUTENBERG ***\n",
        "*END*THE SMALL PRINT!\n",
        "This etext was ",
        "Updated editions will replace the previous one\n",
        "COLOPHON\n\n",
        "[Transcriber's Note: [\n\n",
        "ETEXT EDITOR'S BOOKMARKS\n\n",
        "TRANSCRIBER'S NOTE\n\n\n\n\n",
        "this the text ",
        "Produced by x\n\n---\n\n",
    ],
)
def test_hostile_repetition_takes_linear_time(unit):
    text = unit * (2_000_000 // len(unit))
    parts = gutenberg.cut(text)
    gutenberg.parse_header(text)
    for body in parts.bodies[:3]:
        gutenberg_notes.strip_notes(body)
    gutenberg_notes.strip_notes("Produced by x\n\n" + text)
    gutenberg.find_leak(text)
