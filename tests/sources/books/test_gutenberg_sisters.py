"""The wrapping of the projects in Australia, Canada and Germany."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.sources.books import gutenberg_sisters
from pasture.sources.books.gutenberg import Header

BODY = "THE LAMPLIGHTER\n\nCHAPTER I\n\n" + "\n\n".join(
    f"In the year {year} the lamps of Orchard Street were lit at dusk, one by one, by a man who\n"
    "had never been seen to hurry, and nobody thanked him for it."
    for year in range(1860, 1890)
)
AUSTRALIA = """Project Gutenberg Australia



Title: The Lamplighter
Author: A. Nobody
* A Project Gutenberg of Australia eBook *
eBook No.: 0100021.txt
Edition: 1
Language: English
Date first posted: November 2001

This eBook was produced by: Jane Roe

Production notes: Italics are underscored.

Project Gutenberg of Australia eBooks come from printed editions which are
in the public domain in Australia.

Copyright laws are changing all over the world.

This eBook is made available at no cost and with almost no restrictions.

To contact Project Gutenberg of Australia go to http://gutenberg.net.au


Title: The Lamplighter
Author: A. Nobody




"""
CANADA = """* A Project Gutenberg Canada Ebook *

This ebook is made available at no cost and with very few
restrictions.

This work is in the Canadian public domain, but may be
under copyright in some countries.

Title: The Lamplighter
Author: Nobody, A. (1850-1910)
Date of first publication: 1890
Place and date of edition used as base for this ebook:
   Toronto: Small and Sons, 1890
Date last updated: 7 May 2008
Project Gutenberg Canada ebook #114

This ebook was produced by: Jane Roe


"""
GERMANY = """Projekt Gutenberg-DE

type\tnovelette
author\tA. Nobody
title\tDer Laternenmann
publisher\tKlein Verlag
corrector\tjane@example.org
projectid\td34c0cb9


"""
ENGLISH = Header("The Lamplighter", "A. Nobody", "en")
CANADIAN = Header("The Lamplighter", "Nobody, A. (1850-1910)")
GERMAN = Header("Der Laternenmann", "A. Nobody", "de")

FORMS = {
    "Australia": (AUSTRALIA, "\n\n\nProject Gutenberg Australia\n", ENGLISH, "0100021"),
    "Australia, end line": (
        AUSTRALIA,
        "\n\nEnd of this Project Gutenberg of Australia eBook\nThe Lamplighter\n",
        ENGLISH,
        "0100021",
    ),
    "Australia, no footer": (AUSTRALIA, "\n", ENGLISH, "0100021"),
    "Canada": (CANADA, "\n\n\n[End of The Lamplighter, by A. Nobody]\n", CANADIAN, "114"),
    "Canada, title marked": (
        CANADA,
        "\n\n[The end of _The Lamplighter_\nby A. Nobody]\n",
        CANADIAN,
        "114",
    ),
    "Distributed Proofreaders Canada": (
        CANADA.replace("Project Gutenberg Canada Ebook", "Distributed Proofreaders Canada eBook")
        .replace("Project Gutenberg Canada ebook #114", "Faded Page eBook #20150101"),
        "\n\n[The end of The Lamplighter by A. Nobody]\n",
        CANADIAN,
        "20150101",
    ),
    "Germany": (GERMANY, "\n\nProjekt Gutenberg-DE\n", GERMAN, "d34c0cb9"),
    "Germany, a sentence": (
        "Dieser Text wurde vom Projekt Gutenberg-DE\n(gutenberg.spiegel.de) bereitgestellt.\n\n",
        "\n",
        Header(language="de"),
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_cuts_every_form_of_wrapping(form):
    header, footer, facts, number = FORMS[form]
    book = gutenberg_sisters.cut(header + BODY + footer)
    assert (book.body.strip(), book.header, book.number) == (BODY, facts, number)


@pytest.mark.parametrize(
    ("form", "licence"),
    [
        ("Australia", "LicenseRef-public-domain-AU"),
        ("Canada", "LicenseRef-public-domain-CA"),
        ("Germany", "LicenseRef-public-domain-DE"),
    ],
)
def test_each_project_has_its_licence(form, licence):
    assert gutenberg_sisters.cut(FORMS[form][0] + BODY).project.license == licence


@pytest.mark.parametrize(
    "text",
    [
        "",
        BODY,
        BODY + "\n\nHe gave to Project Gutenberg of Australia.",
        # Project Gutenberg's own files thank the others.
        'Dieses Buch wurde uns vom "Projekt Gutenberg-DE" gegeben.\n\n'
        "*** START OF THE PROJECT GUTENBERG EBOOK X ***\n\n" + BODY,
        "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\n"
        "A Project Gutenberg of Australia eBook\n\n" + BODY,
    ],
)
def test_other_files_are_not_theirs(text):
    assert gutenberg_sisters.cut(text) is None


def test_a_chapter_near_the_top_that_names_the_project_stays():
    story = BODY.replace("1866", "of Project Gutenberg Canada")
    book = gutenberg_sisters.cut(CANADA + story)
    assert book.body.strip() == story


_PIECES = st.sampled_from([AUSTRALIA, CANADA, GERMANY, BODY, "[", "]", "\n\n", "Title: x\n"])


@given(st.lists(st.one_of(_PIECES, st.text(max_size=20)), max_size=6))
@settings(max_examples=50, deadline=None)
def test_any_body_is_a_part_of_its_text(pieces):
    text = "".join(pieces)
    book = gutenberg_sisters.cut(text)
    assert book is None or book.body in text


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", ["[The end of ", "* ", "\n", "Title: \n\n", "type\t", "a "])
def test_hostile_repetition_takes_linear_time(unit):
    for top in (AUSTRALIA, CANADA, GERMANY):
        gutenberg_sisters.cut(top + unit * (2_000_000 // len(unit)))
