"""Wikitext to text: a golden piece for each construct, several languages, and hostile input."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.sources.wikipedia.wiki_languages import LANGUAGES
from pasture.sources.wikipedia.wiki_references import cited_urls
from pasture.sources.wikipedia.wikitext import MAX_DEPTH, Site, to_text
from pasture.sources.wikipedia.wikitext_template_names import RULES
from pasture.sources.wikipedia.wikitext_templates import _SHAPES

SITES = {code: Site.of(language) for code, language in LANGUAGES.items()}
TABLE_LIST = "- a lamp\n- a ladder\n- a dusk\n\nText."
DEBRIS = ("[[", "]]", "{{", "}}", "<ref", "<!--", "{|", "|}", "__TOC__", "\x7f", "\x02", "\x03")


def clean(wikitext: str, code: str = "en", title: str = "Title") -> str:
    return to_text(wikitext, SITES[code], title)


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("A [[river]] runs.", "A river runs."),
        ("A [[river|stream]] runs.", "A stream runs."),
        ("Many [[river]]s run.", "Many rivers run."),
        ("The [[Mercury (planet)|]] glows.", "The Mercury glows."),
        ("See [[:Category:Rivers]].", "See Category:Rivers."),
        ("See [[#History]].", "See History."),
        ("See [[Tide#Cause]].", "See Tide#Cause."),
        ("The [[:de:Fluss|German page]].", "The German page."),
        ("A word [[wikt:river|river]].", "A word river."),
        ("Text.\n[[de:Fluss]]\n[[zh-min-nan:Hô]]", "Text."),
        ("Text.\n[[Category:Rivers| ]]", "Text."),
        ("A [[a|b|c]] d.", "A b|c d."),
        ("[[File:A.jpg|thumb|A [[red]] {{nowrap|old}} <br /> mill]]Text.", "Text."),
        ("[[Image:A.jpg|thumb|left|200px|See [http://a.example here]]]\nText.", "Text."),
        ("[[image:a.jpg|thumb|[[file:b.png|20px]] in [[x|y]]]]Text.", "Text."),
        ("[[Media:A.ogg|listen]] Text.", "Text."),
        ("At [http://a.example the site] now.", "At the site now."),
        ("At [http://a.example] now.", "At now."),
        ("At [//a.example/x site].", "At site."),
        ("At [mailto:a@b.example us].", "At us."),
        ("At [http://a.example the [old] site] now.", "At the [old] site now."),
        ("At http://a.example now.", "At http://a.example now."),
        ("He said [so].", "He said [so]."),
    ],
)
def test_links(wikitext, text):
    assert clean(wikitext) == text


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("A.<ref>B {{cite web|url=http://a.example}}</ref> C.", "A. C."),
        ('A.<ref name="x" /> C.', "A. C."),
        ("A.<ref name=x>B\nB</ref><ref name=y/> C.", "A. C."),
        ("A<REF>b</Ref>.", "A."),
        ("A.<ref>B {{broken</ref> C.", "A. C."),
        ("A.<ref>B, never closed. C.\nD.", "A.\nD."),
        ("A.<ref>B <ref>C</ref> D.", "A. D."),
        ("A.<ref>B</references> C.", "A. C."),
        ("A.<ref>B\nC. <ref>D</ref> E.", "A.\nC. E."),
        ("A.<references>\n<ref name=x>B</ref>\n</references>", "A."),
        ("A <!-- B --> C.", "A C."),
        ("A.\n<!-- B -->\nC.", "A.\nC."),
        ("A. <!-- B [[C]] {{D", "A."),
        ("<nowiki>[1]</nowiki> A<nowiki/>B", "[1] AB"),
        ("<pre>\nx  =  1\n</pre>", "x  =  1"),
        (
            '<syntaxhighlight lang="c">\nint a[2] = {1, 2};\n</syntaxhighlight>',
            "int a[2] = {1, 2};",
        ),
        ("<source lang=py>x &lt; 1 '''</source>", "x < 1 '''"),
        ("<gallery>\nFile:A.jpg|A\n</gallery>\nText.", "Text."),
        ("Text.\nFile:A.jpg|A caption", "Text."),
        ("<math>\\frac{{a}}{b}</math> is.", "$\\frac{ {a} }{b}$ is."),
        ("<chem>H2O</chem>", "$\\ce{H2O}$"),
        ("<timeline>x</timeline>Text.", "Text."),
        ("<table><tr><td>x</td></tr></table>Text.", "Text."),
        ("10<sup>6</sup> m<sup>2</sup> H<sub>2</sub>O", "10⁶ m² H₂O"),
        ("1<sup>er</sup> x<sub>max</sub>", "1er xmax"),
        ("A<br>B<br />\nC", "A\nB\nC"),
        ("<div class='x'>A <span style=\"a\">B</span></div> <s>C</s>", "A B C"),
        ("<poem>\nA\nB\n</poem>", "A\nB"),
        ("If a < b and c > d, <unknown>.", "If a < b and c > d, <unknown>."),
        ("{{Infobox\n|a=b\n|c={{d|e=[[f]]}}\n}}\nText.", "Text."),
        ("{|\n! A !! B\n|-\n| a || b\n|}\nText.", "Text."),
        (":{| class=x\n|\n{|\n| inner\n|}\n|}\nText.", "Text."),
        ("{{x|\n{|\n| a\n|}\n}}Text.", "Text."),
        (
            '{| width=100%\n|- valign=top\n| width="50%" |\n* a lamp\n* a ladder\n|\n'
            "* a dusk\n|}\nText.",
            TABLE_LIST,
        ),
        (
            '{| class="wikitable"\n|\n* a lamp and a ladder\n* a dusk\n|}',
            "- a lamp and a ladder\n- a dusk",
        ),
        ("{|\n! Lamps !! Uses and years of each\n|-\n|\n* a\n* b\n|}\nText.", "Text."),
        ('{| class="wikitable"\n! Lamps\n|-\n|\n* a lamp\n* a ladder\n|}\nText.', "Text."),
        ("{|\n|\n* only one item\n|}\nText.", "Text."),
        ("{{x|\n{|\n|\n* a lamp\n* a ladder\n|}\n}}Text.", "Text."),
        ("{{{1|default}}} text.", "text."),
        ("__NOTOC__Text.__FORCETOC__", "Text."),
        ("C has __FILE__ and __init__.", "C has __FILE__ and __init__."),
        ("A&nbsp;B &ndash; C &amp; D &lt;E&gt; &#233;", "A B – C & D <E> é"),
        ("'''A''' ''b'' '''''c'''''", "A b c"),
        ("Rock '''n''' roll''s''", "Rock n rolls"),
        ("Zero\u200bwidth\u00adand\u00a0blank", "Zerowidthand blank"),
        ("A\x00B\x7fC\x02D\r\nE", "ABCD\nE"),
    ],
)
def test_tags_templates_and_formatting(wikitext, text):
    assert clean(wikitext) == text


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("A ({{foo}}) b.", "A b."),
        ("A ({{foo}}, {{bar}}) b.", "A b."),
        ("A ({{foo}}; born 1900) b.", "A (born 1900) b."),
        ("A (born 1900; {{foo}}) b.", "A (born 1900) b."),
        ("A, {{foo}}, b.", "A, b."),
        ("A {{foo}} b.", "A b."),
        ("A {{foo}}, b.", "A, b."),
        ("A {{foo}}.", "A."),
        ("A, {{foo}}.", "A."),
        ("A – {{foo}}, b", "A, b"),
        ("A.{{foo}} B.", "A. B."),
        ("{{foo}} A.", "A."),
        ("f( ) and ( , ) stay", "f( ) and ( , ) stay"),
        ("* {{foo}}\n* b", "- b"),
        ("A\n{{foo}}\nb", "A\nb"),
        ("A\n\n{{foo}}\n\n\nb", "A\n\nb"),
    ],
)
def test_mends_what_a_cut_leaves(wikitext, text):
    assert clean(wikitext) == text


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("* a\n* b\n** c\n* d", "- a\n- b\n  - c\n- d"),
        ("# a\n# b\n## c\n# d", "1. a\n2. b\n  1. c\n3. d"),
        ("# a\nText\n# b", "1. a\nText\n1. b"),
        ("; term : meaning\n: more", "term: meaning\nmore"),
        (": indented\n:: twice", "indented\ntwice"),
        ("*[[a]]\n*'''b'''", "- a\n- b"),
        (" pre\n  x", "pre\n  x"),
    ],
)
def test_lists(wikitext, text):
    assert clean(wikitext) == text


def test_sections():
    wikitext = (
        "Lead.\n== A ==\nText a.\n=== A1 ===\n{{foo}}\n=== A2 ===\nText a2.\n== Empty ==\n\n"
        "== Parent ==\n=== Child ===\nText c.\n==See also==\n* [[X]]\n=== Sub ===\ny\n"
        "== Last<ref>r</ref> ==\nText l.\n== External links ==\n* [http://a.example a]\n"
    )
    assert clean(wikitext) == (
        "Lead.\n\nA\nText a.\n\nA2\nText a2.\n\nParent\n\nChild\nText c.\n\nLast\nText l."
    )


def test_a_deep_section_of_prose_stays_whatever_its_heading():
    prose = "Poets of the country wrote of its rivers. " * 6
    wikitext = f"Lead.\n== Culture ==\n=== Literature ===\n{prose}\n== Literature ==\n{prose}"
    assert clean(wikitext) == f"Lead.\n\nCulture\n\nLiterature\n{prose.strip()}"


@pytest.mark.parametrize(
    "heading", ["= A =", "== A ==", "==A==", "=== A ==", "====== A ======", "== A == "]
)
def test_headings(heading):
    assert clean(f"Lead.\n{heading}\nText.") == "Lead.\n\nA\nText."


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("{{Infobox\n| a = b\n\nText.\n== H ==\nMore.", "Text.\n\nH\nMore."),
        ("Text.\n{{broken|a\n== H ==\nMore.", "Text.\n\nH\nMore."),
        ("Text.\n{|\n| a\n| b\n== H ==\nMore.", "Text.\n\nH\nMore."),
        ("A [[b c d.\n== H ==\nMore [[e]].", "A b c d.\n\nH\nMore e."),
        ("A [[b|c d.\n\nMore [[e]].", "A c d.\n\nMore e."),
        ("[[File:A.jpg|thumb|b\n== H ==\nMore ]] c.", "H\nMore c."),
        ("[[File:A.jpg|thumb|caption\nText [[e]].", "Text e."),
        ("A ]] b }} c |} d.", "A b c d."),
        ("A {{x|[[b}} c.", "A c."),
        ("A {{{{{x}} b.", "A"),
        ("| name = value\nText.", "Text."),
        ("A --> b.", "A b."),
        ("A </ref> b <ref name=x.", "A b"),
        ("==\nText.", "Text."),
        ("== ==\nText.", "Text."),
    ],
)
def test_broken_markup(wikitext, text):
    assert " ".join(clean(wikitext).split()) == " ".join(text.split())


@pytest.mark.parametrize(
    ("code", "wikitext", "text"),
    [
        ("en", "{{convert|5|km|mi}}", "5 km"),
        ("en", "{{convert|5|to|7|km2|sqmi|abbr=on}}", "5 to 7 km²"),
        ("en", "{{cvt|10|C|F}}", "10 °C"),
        ("en", "{{convert|1064600|km2}}", "1,064,600 km²"),
        ("en", "{{convert|43.5|mpgimp|L/100 km mpgus|abbr=on}}", "43.5 mpg-imp"),
        ("en", "{{convert|45|lbft|Nm}}", "45 lb⋅ft"),
        ("en", "{{val|1.5|0.2|e=6|u=kg}}", "1.5 ± 0.2×10⁶ kg"),
        ("en", "{{frac|1|2}} {{frac|3|1|2}} {{frac|4}}", "1/2 3 1/2 1/4"),
        ("en", "{{chem|H|2|O}}", "H₂O"),
        ("en", "{{lang|de|Berg}}", "Berg"),
        ("en", "{{lang-la|aqua}}", "Latin: aqua"),
        ("en", "{{lang-xyz|aqua}}", "aqua"),
        ("en", "{{birth date|1788|2|22|df=y}}", "22 February 1788"),
        ("en", "{{start date|1788|2}}", "February 1788"),
        ("en", "{{As of|2014|lc=y}}", "as of 2014"),
        ("en", "{{circa|1500}}", "c. 1500"),
        ("en", "{{abbr|Mr.|Mister}} {{nowrap|a b}}", "Mr. a b"),
        ("en", "A{{snd}}b{{nbsp}}c", "A – b c"),
        ("en", "{{nihongo|Mount Fuji|富士山|Fujisan}}", "Mount Fuji (富士山, Fujisan)"),
        ("en", "{{ill|Grey Quay|de|Grauer Kai|lt=the quay}}", "the quay"),
        ("en", "{{blockquote|Words.|A. Person}}", "Words.\n— A. Person"),
        ("en", "{{US$|5}}", "US$5"),
        ("en", "{{nihongo|Anime|アニメ,|anime}} {{ISBN|0-19}}", "Anime (アニメ, anime) ISBN 0-19"),
        ("hu", "{{szám|180000}} {{szám|1234}}", "180 000 1234"),
        ("fr", "{{unité|123456.5|km|2}}", "123 456,5 km²"),
        ("ru", "{{число|1234567}}", "1 234 567"),
        ("en", "{{PAGENAME}} {{lc:ABC}} {{formatnum:1234567.5}}", "Title abc 1,234,567.5"),
        ("en", "{{#if:x|y|z}}A", "A"),
        ("en", "{{unknown|a}}A", "A"),
        ("en", "{{subst:nowrap|a}}", "a"),
        ("de", '{{"|Wort}} {{enS|word}}', "„Wort“ englisch word"),
        ("de", "{{formatnum:1234567}} {{Höhe|114|DE-NHN}}", "1.234.567 114 m"),
        ("fr", "au {{XIXe siècle}} et {{s-|V|e}}", "au XIXe siècle et Ve siècle"),
        ("fr", "au {{-s-|II}} ({{s2-|V|e|VI|e}})", "au IIe siècle av. J.-C. (Ve et VIe siècles)"),
        ("fr", "{{unité|892.5|km|2}} {{tmp|75|°C}}", "892,5 km² 75 °C"),
        ("fr", "{{date-|14|juillet|1789}} à {{heure|20|30}}", "14 juillet 1789 à 20 h 30"),
        ("fr", "A<ref>b</ref>{{,}}<ref>c</ref>.", "A."),
        ("fr", "{{citation|mots}} {{1er}}", "« mots » 1er"),
        ("es", "el {{siglo|XIII||s}} {{cita|Así.|Autor}}", "el siglo XIII\nAsí.\n— Autor"),
        ("it", "{{M|12|u=m}} {{formatnum:12345}}", "12 m 12.345"),
        ("pt", "no {{séc|XIX}} {{fmtn|25|km}}", "no século XIX 25 km"),
        ("ru", "({{lang-de|Berg}}) {{нп5|Гора|горе|en|Hill}}", "(нем. Berg) горе"),
        ("ru", "{{число|1234}} {{s|XX век}}", "1234 XX век"),
        ("uk", "{{lang-de|Berg}}", "нім. Berg"),
        ("ca", "{{segle|XIX}}", "segle XIX"),
        ("sr", "{{јез-нем|Berg}}", "Berg"),
        ("sv", "{{citat|Ord.}}", "Ord."),
        ("pl", "{{j|ang}} {{Cytat|Słowa.|Autor}}", "ang\nSłowa.\n— Autor"),
    ],
)  # fmt: skip
def test_templates_that_hold_text(code, wikitext, text):
    assert clean(wikitext, code) == text


def test_every_rule_has_a_shape_and_every_language_has_rules():
    assert {shape for table in RULES.values() for shape in table} <= set(_SHAPES)
    assert set(RULES) == {"", *LANGUAGES}


@pytest.mark.parametrize(
    ("code", "file", "category", "heading"),
    [
        ("bg", "Файл", "Категория", "Вижте също"),
        ("ca", "Fitxer", "Categoria", "Vegeu també"),
        ("cs", "Soubor", "Kategorie", "Související články"),
        ("da", "Fil", "Kategori", "Se også"),
        ("de", "Datei", "Kategorie", "Einzelnachweise"),
        ("es", "Archivo", "Categoría", "Véase también"),
        ("fr", "Fichier", "Catégorie", "Notes et références"),
        ("hr", "Datoteka", "Kategorija", "Vanjske poveznice"),
        ("hu", "Fájl", "Kategória", "További információk"),
        ("it", "Immagine", "Categoria", "Collegamenti esterni"),
        ("nl", "Bestand", "Categorie", "Zie ook"),
        ("pl", "Plik", "Kategoria", "Przypisy"),
        ("pt", "Ficheiro", "Categoria", "Ver também"),
        ("ro", "Fișier", "Categorie", "Legături externe"),
        ("ru", "Файл", "Категория", "См. также"),
        ("sl", "Slika", "Kategorija", "Sklici"),
        ("sr", "Датотека", "Категорија", "Спољашње везе"),
        ("sv", "Fil", "Kategori", "Externa länkar"),
        ("uk", "Файл", "Категорія", "Примітки"),
        ("en", "Image", "Category", "References"),
    ],
)
def test_words_of_every_language(code, file, category, heading):
    wikitext = (
        f"[[{file}:A.jpg|thumb|B [[c]]]]\n[[Image:D.jpg|E]]\nText.\n"
        f"== {heading} ==\n* F\n[[{category}:G]]\n"
    )
    assert clean(wikitext, code) == "Text."


def test_another_languages_namespace_is_a_title():
    assert clean("A [[Datei:B|c]].", "nl") == "A c."
    site = Site.of(LANGUAGES["nl"], {"datei": 6, "soort": 14, "overleg": 1})
    assert to_text("A [[Datei:B|c]] [[Soort:D]] [[Overleg:E|e]].", site) == "A e."


def test_apostrophe_before_italics():
    assert clean("L'''homme'' arrive.", "fr") == "L'homme arrive."
    assert clean("''''a'''", "en") == "'a"


PLAIN = st.lists(
    st.text("abc ÄŽш,.;()-0123456789'?!", max_size=60).map(lambda line: " ".join(line.split())),
    max_size=8,
).map(lambda lines: "\n".join(line for line in lines if "''" not in line))


@settings(max_examples=50, deadline=None)
@given(PLAIN)
def test_plain_text_stays(text):
    text = "\n".join(line for line in text.split("\n") if line[:1] not in (";", "|", "!"))
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    assert clean(text) == text.strip()


MARKUP = """[[ ]] {{ }} {{{ }}} {| |} |- | = == <ref> </ref> <ref/> <!-- --> <nowiki> </nowiki>
<math> </math> ''' '' [http://a ] File: Category: __TOC__ &lt; * # : ; ! ( ) , . a word {{nowrap|
{{convert|5|km}} {{lang-de| [[a|b]] <br> <table>"""
PIECES = st.sampled_from([*MARKUP.split(), " ", "\n", "\n\n", "\n==", "\x7f", "\x02"])


@settings(max_examples=100, deadline=None)
@given(st.lists(PIECES, max_size=60).map("".join), st.sampled_from(sorted(LANGUAGES)))
def test_never_raises_and_leaves_no_debris(wikitext, code):
    text = to_text(wikitext, SITES[code], "T")
    for mark in ("[[", "{{", "\x7f", "\x02", "\x03"):
        assert mark not in text or "<nowiki>" in wikitext


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=200))
def test_any_text(text):
    clean(text)


HOSTILE = {
    "open braces": "{{" * 200_000,
    "open braces with names": "{{a|" * 100_000,
    "open links": "[[" * 200_000,
    "open links with labels": "[[a|b" * 100_000,
    "close": "]]}}" * 100_000,
    "nested": "{{a|[[b|" * 50_000 + "]]}}" * 50_000,
    "nested links": "[[a|b " * 50_000 + "]]" * 50_000,
    "pipes": "|" * 500_000,
    "quotes": "'" * 500_000,
    "quote runs": "'' ''' " * 70_000,
    "open refs": "<ref>" * 100_000,
    "open refs then one close": "<ref>a" * 100_000 + "</ref>",
    "open tags": "<math><nowiki><pre>" * 30_000,
    "half tags": "<ref name=" * 50_000,
    "comments": "<!--" * 100_000,
    "comments closed": "<!---->" * 70_000,
    "tables": "\n{|" * 100_000,
    "table rows": "\n{|" + "\n| a || b" * 50_000,
    "external": "[http://a " * 50_000,
    "external nested": "[http://a [x] " * 40_000,
    "brackets": "([" * 200_000,
    "empty brackets": "({{a}}" * 80_000,
    "cuts": "{{a}}" * 100_000,
    "cuts with commas": "{{a}} , " * 60_000,
    "commas": "," * 500_000 + "{{a}}",
    "blanks": " " * 500_000 + "{{a}}",
    "blanks in a heading": "==" + " " * 300_000 + "x",
    "headings": "\n==" * 150_000,
    "equals": "=" * 500_000,
    "list marks": "*" * 500_000,
    "list lines": "\n*#:;" * 100_000,
    "entities": "&#x41" * 100_000,
    "underscores": "__A" * 150_000,
    "sup": "<sup>" * 100_000,
    "file lines": "\nFile:" * 80_000,
    "files": "[[File:a|" * 50_000,
    "digits": "{{chem|" + "A1" * 100_000 + "}}",
    "one line": "a [[b]] {{nowrap|c}} <ref>d</ref> " * 15_000,
    "urls": "http://" * 70_000,
    "archived": "https://web.archive.org/web/" * 20_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_takes_linear_time(name):
    """Half a megabyte takes at most some seconds, on a busy machine; quadratic takes minutes."""
    started = time.process_time()
    clean(HOSTILE[name])
    cited_urls(HOSTILE[name])
    assert time.process_time() - started < 6


def test_depth_is_bounded():
    deep = MAX_DEPTH * 3
    assert clean("{{nowrap|" * deep + "a" + "}}" * deep + " b") == "b"
    assert clean("[[" * deep + "a\n== H ==\nText.") == "H\nText."
    assert clean("{{nowrap|" * 20 + "a" + "}}" * 20) == "a"


@pytest.mark.parametrize(
    ("wikitext", "urls"),
    [
        ("A<ref>[http://a.example/x B]</ref>", ["http://a.example/x"]),
        ("<ref name=a>{{cite web|url=http://a.example/x|title=B}}</ref>", ["http://a.example/x"]),
        ("{{cite web|url = https://a.example/x }}", ["https://a.example/x"]),
        ("* [https://a.example/x?a=b&c=d Link]", ["https://a.example/x?a=b&c=d"]),
        ("[http://a.example/x Link] [http://a.example/x Again]", ["http://a.example/x"]),
        ("At http://a.example/x.", ["http://a.example/x"]),
        ("(http://a.example/x)", ["http://a.example/x"]),
        ("http://a.example/x_(y)", ["http://a.example/x_(y)"]),
        ("<!-- http://a.example/x -->", []),
        ("{{cite|url=http://a.example|archiveurl=https://web.archive.org/web/2012/http://a.example}}",
         ["http://a.example"]),
        ("[https://web.archive.org/web/20120101/http:/a.example/x Old]", ["http://a.example/x"]),
        ("[http://archive.is/abc Old] [https://www.webcitation.org/5x Old]", []),
        ("http://", []),
        ("[[River]]", []),
    ],
)  # fmt: skip
def test_cited_urls(wikitext, urls):
    assert cited_urls(wikitext) == urls
