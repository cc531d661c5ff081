"""The names of the templates that are rendered, by language and by rule.

``RULES`` maps a language (an empty code means every language) and a rule of
``wikitext_templates`` to names, lower case; ``TEXTS`` holds the templates that always show the
same. The choice follows what stands in running text most often; infoboxes, navigation, notices
and references are left out, and so show nothing.
"""

from __future__ import annotations

RULES: dict[str, dict[str, str]] = {
    "": {
        "first": "nowrap|nobr|small|smaller|big|bigger|larger|resize|abbr|mvar|math|sub|sup|em"
        "|strong|code|kbd|samp|var|mono|monospace|nobold|noitalic|normal|unicode|ipa|angbr"
        "|angle bracket|sic|not a typo|typo|as written|tooltip|hover title|abbrlink|flag|flagu"
        "|flagcountry|noflag|keypress|smallcaps|sc|smallcaps2|allcaps|bdo|vanchor|visible anchor"
        "|nee|underline|overline|strike|font color|poem|plainlist|flatlist|nts|dts|longitem"
        "|block indent|script|script/hebrew|midsize|center|linktext|grek|cyrl"
        "|latn|nowraplinks|nobreak|ship name|spell",
        "second": "lang|langue|color|colour|transl|transliteration|translit|rtl-lang|script lang"
        "|langx|wikt-lang|ltr",
        "second_or_first": "ssub|nom|displayed|longlink|sort|dtsa",
        "interlanguage": "ill|interlanguage link|illm|interlanguage link multi|link-interwiki",
        "lines": "unbulleted list|ubl|ublist|ubt|bulleted list|bulletedlist",
        "commas": "hlist|horizontal list|cslist|comma separated entries",
        "join": "sortname|sort name",
        "concatenate": "concat",
        "convert": "convert|cvt|convert2|conversion|conversie|convert/spell",
        "value": "val|number|num|gaps",
        "fraction": "frac|fraction|sfrac|fract|tfrac",
        "power": "e|10^",
        "chemical": "chem|chem2|chemical formula",
        "date": "start date|end date|birth date|death date|start date and age|birth-date"
        "|birth date and age|death-date|start-date|end-date|film date|dob|bda|release date"
        "|birth year and age|start date text",
        "as_of": "as of|asof",
        "circa": "circa|c.|ca.|ca",
        "quote": "quote|blockquote|cquote|quotation|rquote|quote box|bq|bquote|quotebox"
        "|centered pull quote|pull quote|poemquote|poem quote|verse translation",
        "inline_quote": "qi|inline quote",
        "title": "pagename|fullpagename|basepagename|subpagename",
        "number": "formatnum|formatnumber",
        "isbn": "isbn",
        "nihongo": "nihongo|nihongo2|nihongo3|nihongo foot|nihongo core|nihongo krt",
    },
    "bg": {
        "first": "нобр|малко|мфа",
        "number": "число",
        "second": "език",
        "quote": "цитат|цитат2",
        "convert": "конвертиране",
    },
    "ca": {
        "first": "nobr|afi|petit",
        "number": "xifra|format nombre",
        "second": "llengua|idioma",
        "quote": "citació|cita|cita destacada",
        "century_ca": "segle|segles|s",
        "value": "unitats|nombre",
        "interlanguage": "enllaç vermell",
    },
    "cs": {
        "first": "malé|výslovnost|partnerské město",
        "number": "číslo",
        "second": "cizojazyčně|jazyk",
        "second_or_first": "vjazyce2",
        "quote": "citát",
        "interlanguage": "překlad odkazu",
    },
    "da": {"first": "lille|hlang", "second": "sprog", "quote": "citat|citatboks"},
    "de": {
        "first": "kapitälchen|sperrschrift|lautschrift|zahl|formatzahl|polytonisch|hochgestellt"
        "|tiefgestellt|arabisch",
        "inline_quote": '"',
        "quote": "zitat|zitat-de|zitat-en|zitat-fr|zitat-la|zitat-it|zitat-es|zitat-ru",
        "fraction": "bruch",
        "adjective_de": "des|ens|frs|its|ess|las|rus|pls|css|grcs|els|nls|svs|das|hus|trs|ars|hes"
        "|pts|uks|ros|srs|hrs|sls|bgs|cas|jas|zhs",
        "metres_de": "höhe",
    },
    "en": {
        "first": "vr|music|oldstyle date|old style date|proper name|hanging indent",
        "currency": "us$|usd|gbp|£|eur|€|inr|a$|ca$|nz$|aud|cad|¥|jpy|cny|indian rupee",
    },
    "es": {
        "first": "versalita|esd|afi|formato número|número",
        "second": "idioma",
        "quote": "cita|cita2|citablock",
        "value": "unidad",
        "century_es": "siglo|siglos",
        "convert": "convertir",
        "date": "fecha",
    },
    "fr": {
        "first": "romain|petites capitales|pc|api|formule|souligner|lnobr|terme défini|texte|exp"
        "|indice|ind|couleur texte|minuscule|citation nécessaire|en exposant|vocabulaire"
        "|référence nécessaire|refnec|passage non neutre|phonétique|prénom|refsou|nobr romains",
        "second": "citation étrangère|citation bloc étrangère|couleur|police|texte coloré|taille",
        "second_or_first": "tri1|abréviation discrète|abrd|infobulle",
        "join": "date|date-|date de naissance|date de décès|date de naissance-|date de décès-"
        "|date républicaine|monnaie|souverain|souverain-",
        "unit_fr": "unité|nombre|tmp|unité/2",
        "hour_fr": "heure|h",
        "inline_quote": 'citation|guillemets|"|«',
        "quote": "citation bloc|début citation",
        "century_fr": "s|-s|s-|-s-|s2|-s2|s2-|-s2-|s mini|s mini-|siècle|siècles|sp|sp-",
        "interlanguage": "lien|lien rouge",
        "aside_fr": "incise|tiret",
    },
    "hr": {"first": "malo|fonetski|mala", "second": "jezik", "quote": "citat|navod"},
    "hu": {
        "first": "kis|kiskapitális",
        "number": "szám",
        "second": "nyelv",
        "quote": "idézet|idézet2|idézet 2",
        "convert": "átvált",
        "inline_quote": "idézőjel",
    },
    "it": {
        "first": "ta|tutto attaccato|afi|maiuscoletto|spiegazione|apici",
        "number": "numero",
        "second": "lingua",
        "value": "m|unità",
        "quote": "citazione|q",
        "superscript": "exp|apice",
    },
    "nl": {
        "first": "klein|afkorting|aut|kapitaal",
        "number": "getal",
        "second": "taal",
        "quote": "citaat",
        "commas": "hlijst",
        "lines": "vlijst",
        "interlanguage": "intern",
    },
    "pl": {
        "first": "j|małe|kapitaliki|k|skrót",
        "number": "liczba",
        "second": "w języku|obcy język",
        "quote": "cytat|cytat d|cytatd",
        "fraction": "ułamek",
    },
    "pt": {
        "first": "fonética|pequeno|afi|versalete|número|maiúsculas",
        "second": "língua",
        "join": "fmtn",
        "quote": "citação|citação2|citar2",
        "century_pt": "séc|século|séculos",
        "date": "dni|dtlink|data|dnibr|dtext",
        "convert": "converter",
        "interlanguage": "ligação interlíngua|il",
    },
    "ro": {"first": "mic|afi|număr", "second": "limba|lb", "quote": "citat", "date": "dată|data"},
    "ru": {
        "number": "число",
        "first": "нобр|s|мфа|кратко|мелко|подсказка|comment|капитель|разрядка|абс",
        "second": "язык|цвет",
        "join": "дата",
        "not_translated": "нп5|нп|нп2|нп3|нп4|не переведено|не переведено 5|не переведено 3"
        "|не переведено 4|iw",
        "quote": "цитата|врезка цитата|эпиграф",
        "fraction": "дробь",
        "inline_quote": 'кавычки|"',
    },
    "sl": {
        "first": "malo|manjše",
        "second": "jezik",
        "quote": "citat|navedek",
        "date": "datum",
        "convert": "pretvori",
    },
    "sr": {
        "number": "број",
        "first": "мфа|ипа|мало|нобр|јез-нем|јез-длс|јез-де|јез-ен|јез-енг|јез-рус|јез-лат"
        "|јез-фр|јез-франц|јез-итал|јез-ит|јез-шп|јез-мађ|јез-тур|јез-грч|јез-пољ|јез-укр|јез-чеш"
        "|јез-буг|јез-мкд|јез-хол|јез-порт|јез-рум",
        "second": "јез|језик",
        "quote": "цитат|citat",
        "date": "датум",
        "convert": "претвори",
    },
    "sv": {
        "first": "liten|ej fet|små kapitäler",
        "second": "språk",
        "quote": "citat|blockcitat",
        "date": "datum",
        "fraction": "bråk",
    },
    "uk": {
        "number": "число",
        "first": "нобр|s|мфа|менше|дрібно|comment|мфа-всі",
        "second": "мова|колір",
        "not_translated": "нп|нп2|нп3|нп4|нп5|не перекладено|iw",
        "quote": "цитата|епіграф",
        "fraction": "дріб",
    },
}

_DASH, _EM = "–", "—"
TEXTS: dict[str, dict[str, str]] = {
    "": {
        "!": "|", "=": "=", "'": "'", "'s": "'s", "`": "ʻ", "ndash": _DASH, "en dash": _DASH,
        "endash": _DASH, "spaced ndash": f" {_DASH} ", "snd": f" {_DASH} ", "spnd": f" {_DASH} ",
        "spaced en dash": f" {_DASH} ", "snds": f" {_DASH} ", "mdash": _EM, "em dash": _EM,
        "emdash": _EM, "spaced mdash": f" {_EM} ", "dash": f" {_DASH} ", "–": f" {_DASH} ",
        "—": f" {_EM} ", "nbsp": " ", "nnbsp": " ", "thinsp": " ", "spaces": " ", "space": " ",
        "nbs": " ", "zwsp": "", "wbr": "", "shy": "", "0": "", "·": " · ", "middot": " · ",
        "•": " • ", "bull": " • ", "bullet": " • ", "pipe": "|", "times": "×", "ellipsis": "…",
        "...": "…", "hamza": "ʼ", "ayin": "ʽ", "okina": "ʻ", "degree": "°", "°": "°",
        "increase": "▲", "decrease": "▼", "euro": "€", "prime": "′", "pi": "π", "(": "{", ")": "}",
        "no.": "No.", "sharp": "♯", "flat": "♭", "br": "\n", "break": "\n", "clear": "\n",
        "-": "\n", "crlf": "\n", "paragraph break": "\n\n", "pb": "\n\n", "parabr": "\n\n",
    },
    "fr": {
        "av jc": "av. J.-C.", "av. j.-c.": "av. J.-C.", "avjc": "av. J.-C.", "apjc": "apr. J.-C.",
        "ap. j.-c.": "apr. J.-C.", "n°": "no", "n°s": "nos", "mme": "Mme", "mlle": "Mlle",
        "m.": "M.", "mm.": "MM.", "dr": "Dr", "me": "Me", "pr": "Pr", "st": "St", "ste": "Ste",
        "cf.": "cf.", "p.": "p.", "vol.": "vol.", "er": "er", "ère": "ère", "ème": "e", "e": "e",
        "augmentation": "▲", "diminution": "▼", ",": "",
    },
    "it": {"m s.l.m.": "m s.l.m.", "a.c.": "a.C.", "d.c.": "d.C."},
    "ru": {
        "н. э.": "н. э.", "до н. э.": "до н. э.", "до нашей эры": "до нашей эры", "тире": " — ",
        "неразрывный пробел": " ",
    },
}  # fmt: skip

QUOTES = {
    "bg": ("„", "“"), "ca": ("«", "»"), "cs": ("„", "“"), "da": ("„", "“"), "de": ("„", "“"),
    "es": ("«", "»"), "fr": ("« ", " »"), "hr": ("„", "“"), "hu": ("„", "”"), "it": ("«", "»"),
    "nl": ("“", "”"), "pl": ("„", "”"), "pt": ("«", "»"), "ro": ("„", "”"), "ru": ("«", "»"),
    "sl": ("»", "«"), "sr": ("„", "“"), "sv": ("”", "”"), "uk": ("«", "»"), "en": ("“", "”"),
}  # fmt: skip
"""How each language opens and closes a quotation."""

DIGIT_GROUPS = {
    "bg": " ", "ca": ".", "cs": " ", "da": ".", "de": ".", "en": ",", "es": " ", "fr": " ",
    "hr": ".", "hu": " ", "it": ".", "nl": ".", "pl": " ", "pt": ".", "ro": ".", "ru": " ",
    "sl": ".", "sr": ".", "sv": " ", "uk": " ",
}  # fmt: skip
"""What each language puts between groups of three digits; the decimal mark is a comma but in
English."""


def _labels(text: str) -> dict[str, str]:
    return dict(entry.split(" ", 1) for entry in text.split("|"))


LANGUAGE_NAMES: dict[str, dict[str, str]] = {
    "bg": _labels(
        "de на немски:|en на английски:|es на испански:|fr на френски:|it на италиански:"
        "|la на латински:|el на гръцки:|ru на руски:|tr на турски:|sr на сръбски:|pl на полски:"
        "|grc на старогръцки:"
    ),
    "de": _labels(
        "ar arabisch|bg bulgarisch|ca katalanisch|cs tschechisch|da dänisch|de deutsch"
        "|el griechisch|en englisch|es spanisch|fr französisch|grc altgriechisch|he hebräisch"
        "|hr kroatisch|hu ungarisch|it italienisch|ja japanisch|la lateinisch|nl niederländisch"
        "|pl polnisch|pt portugiesisch|ro rumänisch|ru russisch|sl slowenisch|sr serbisch"
        "|sv schwedisch|tr türkisch|uk ukrainisch|zh chinesisch"
    ),
    "en": _labels(
        "ar Arabic:|bg Bulgarian:|ca Catalan:|cs Czech:|cy Welsh:|da Danish:|de German:|el Greek:"
        "|grc Ancient Greek:|es Spanish:|et Estonian:|eu Basque:|fa Persian:|fi Finnish:|fr French:"
        "|ga Irish:|gd Scottish Gaelic:|he Hebrew:|hi Hindi:|hr Croatian:|hu Hungarian:"
        "|hy Armenian:|is Icelandic:|it Italian:|ja Japanese:|ka Georgian:|ko Korean:|la Latin:"
        "|lt Lithuanian:|lv Latvian:|mk Macedonian:|nl Dutch:|no Norwegian:|pl Polish:"
        "|pt Portuguese:|ro Romanian:|ru Russian:|sa Sanskrit:|sk Slovak:|sl Slovene:|sq Albanian:"
        "|sr Serbian:|sv Swedish:|ta Tamil:|th Thai:|tr Turkish:|uk Ukrainian:|ur Urdu:"
        "|vi Vietnamese:|yi Yiddish:|zh Chinese:"
    ),
    "es": _labels(
        "ar en árabe,|ca en catalán,|de en alemán,|en en inglés,|fr en francés,|el en griego,"
        "|grc en griego antiguo,|it en italiano,|la en latín,|pl en polaco,|pt en portugués,"
        "|ru en ruso,|ja en japonés,|nl en neerlandés,|zh en chino,|uk en ucraniano,|he en hebreo,"
    ),
    "it": _labels(
        "ar in arabo|de in tedesco|en in inglese|es in spagnolo|fr in francese|el in greco"
        "|grc in greco antico|la in latino|pl in polacco|pt in portoghese|ru in russo"
        "|ja in giapponese|sl in sloveno|hr in croato|nl in olandese|ro in rumeno|sv in svedese"
        "|zh in cinese"
    ),
    "nl": _labels(
        "de Duits:|en Engels:|es Spaans:|fr Frans:|it Italiaans:|la Latijn:|pl Pools:|pt Portugees:"
        "|ru Russisch:|el Grieks:|fy Fries:|ja Japans:|zh Chinees:|tr Turks:|ar Arabisch:"
        "|cs Tsjechisch:"
    ),
    "pt": _labels(
        "de em alemão:|en em inglês:|es em espanhol:|fr em francês:|it em italiano:|la em latim:"
        "|el em grego:|grc em grego antigo:|ru em russo:|pl em polaco:|ja em japonês:|ar em árabe:"
    ),
    "ru": _labels(
        "ar араб.|be белор.|bg болг.|cs чеш.|da дат.|de нем.|el греч.|en англ.|es исп.|fi фин."
        "|fr фр.|grc др.-греч.|he ивр.|hu венг.|it итал.|ja яп.|la лат.|lt лит.|nl нидерл."
        "|pl польск.|pt порт.|ro рум.|sr серб.|sv швед.|tr тур.|uk укр.|zh кит."
    ),
    "uk": _labels(
        "ar араб.|be біл.|bg болг.|cs чеськ.|da дан.|de нім.|el грец.|en англ.|es ісп.|fi фін."
        "|fr фр.|grc дав.-гр.|he івр.|hu угор.|it італ.|ja яп.|la лат.|lt лит.|nl нід.|pl пол."
        "|pt порт.|ro рум.|ru рос.|sr серб.|sv швед.|tr тур.|zh кит."
    ),
}
"""What ``{{lang-xx|...}}`` puts before the words, by wiki and code of the language."""
