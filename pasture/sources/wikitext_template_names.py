"""The names of the templates that are rendered, by language and by rule.

``ARGUMENTS`` maps a language (an empty code means every language) and a rule of
``wikitext_templates`` to names; ``TEXTS`` holds the templates that always show the same.
"""

from __future__ import annotations

ARGUMENTS: dict[str, dict[str, str]] = {
    "": {
        "1": "nowrap|nobr|small|smaller|big|bigger|larger|resize|abbr|mvar|math|sub|sup|em|strong"
        "|code|kbd|samp|var|mono|monospace|tt|nobold|noitalic|normal|unicode|ipa|angbr|angle bracket"
        "|sic|not a typo|typo|as written|tooltip|hover title|abbrlink|abbreviation|flag|flagu"
        "|flagcountry|flag country|noflag|keypress|key press|smallcaps|sc|smallcaps2|sc2|allcaps"
        "|bdo|vanchor|visible anchor|anchorable|nee|strong|underline|uline|overline|strike|font color"
        "|highlight|poem|plainlist|flatlist|nts|number table sorting|dts|sort dash|longitem|wikt-lang"
        "|visible|block indent|indent|nodots|fontcolor|big round|larger text|script|script/hebrew"
        "|asiantitle|zh-min|hebrew|arabic|ruby-ja|midsize|center|centre|align center|formatnum"
        "|first word|nowraplinks|nobreak|italic|italics|bold|dash separated|nobr|nowrap begin"
        "|text|trim|string|keep|unbulleted|lbl|okina|unq|ct|cyrl|grek|latn|semantics|mathfont"
        "|spell|linktext|wt|wikt|w|isbn?|ship name|legend inline",
        "2": "lang|langue|color|colour|font|transl|transliteration|translit|rtl-lang|script lang"
        "|langx|wikt-lang2|ltr|lang-x|foreign",
        "12": "sortname2|ssub|nom|displayed|longlink|sort|nts2|sh|dtsa",
        "interlanguage": "ill|interlanguage link|link-interwiki|illm|interlanguage link multi"
        "|ill-wd2|red link with example|iw2",
        "lines": "unbulleted list|ubl|ublist|unbulleted|bulleted list|plain list|bulletedlist",
        "commas": "hlist|horizontal list|flat list|cslist|comma separated entries",
        "join": "sortname|nobrjoin|spaces2|sort name",
        "concatenate": "linktext2|concat|nwr|nobr2",
        "convert": "convert|cvt|convert2|conv|conversion|conversie|convert/spell|cvt2",
        "value": "val|value|number|num|numero|gaps|ntsh2|physics val",
        "fraction": "frac|fraction|sfrac|fract|tfrac|sfrac2",
        "power": "e|10^",
        "chemical": "chem|chem2|chemf|chemical formula|chembox formula",
        "date": "start date|end date|birth date|death date|start date and age|birth-date|date"
        "|birth date and age|death-date|start-date|end-date|film date|dob|bda|release date"
        "|birth year|birth year and age|start date text",
        "as_of": "as of|asof",
        "circa": "circa|c.|ca.|fl.|ca|circa2",
        "quote": "quote|blockquote|cquote|quotation|rquote|quote box|bq|bquote|quotebox"
        "|long quote|centered pull quote|pull quote|poemquote|poem quote|verse translation",
        "inline_quote": "''|inline quote|qi",
        "title": "pagename|fullpagename|basepagename|subpagename|page name",
        "nihongo": "nihongo|nihongo2|nihongo3|nihongo foot|nihongo core|nihongo krt",
    },
    "bg": {
        "1": "нобр|без нов ред|число|малко|мфа|lang-link",
        "2": "език",
        "quote": "цитат|цитат2|цитатник",
        "convert": "конвертиране",
    },
    "ca": {
        "1": "nobr|xifra|afi|petit|bdsub|nowrap|format nombre",
        "2": "llengua|idioma",
        "quote": "citació|cita|cita destacada|cita bloc",
        "century_ca": "segle|segles|s|segle-",
        "value": "unitats|val|nombre",
        "interlanguage": "enllaç vermell|enlla no actiu",
    },
    "cs": {
        "1": "nowrap|malé|číslo|výslovnost|formátnum|nts",
        "2": "cizojazyčně|vjazyce2|cjz|jazyk",
        "quote": "citát|citace textu|cquote",
        "12": "vjazyce",
        "interlanguage": "překlad odkazu|wikiodkaz",
    },
    "da": {
        "1": "nowrap|lille|ipa2|unicode|hlang",
        "2": "sprog",
        "quote": "citat|citatboks|quote",
    },
    "de": {
        "1": "nowrap|kapitälchen|bruch2|sperrschrift|ipa|lautschrift|ers|vorlage unverlinkt|zahl"
        "|formatzahl|arabisch2|polytonisch|unicode|sic|nobr|\"-en2|hochgestellt|tiefgestellt|zdx"
        "|audioipa|textvorschlag|farbe",
        "2": "lang",
        "inline_quote": '"',
        "quote": "zitat|zitat-de|zitat-en|zitat-fr|zitat-la|zitat-it|zitat-es|zitat-ru|quotation"
        "|zitat-gr|zitat-el|zitat-nl|blockzitat",
        "fraction": "bruch",
        "adjective_de": "des|ens|frs|its|ess|las|rus|pls|css|grcs|els|nls|svs|das|hus|trs|ars|hes"
        "|pts|uks|ros|srs|hrs|sls|bgs|cas|jas|zhs",
        "value": "physik|höhe",
    },
    "en": {
        "1": "flagdeco|circle|em|hanging indent|visible anchor|vr|vanchor|respell inline|ae|esc"
        "|notatypo|proper name|dunno|lc:|oldstyle date|old style date|music|music note",
        "interlanguage": "link if exists|redlink|wp",
        "currency": "us$|usd|gbp|£|eur|€|inr|a$|ca$|nz$|aud|cad|¥|jpy|cny|indian rupee",
    },
    "es": {
        "1": "nowrap|versalita|esd|nobr|unidad2|afi|small|formato número|número|ac|a. c.|d. c.",
        "2": "lang|idioma",
        "quote": "cita|quote|cita2|cquote|citablock|bquote",
        "value": "unidad|val",
        "century_es": "siglo|s|siglos",
        "12": "enlace roto2",
        "convert": "convertir",
        "interlanguage": "enlace sin artículo",
        "date": "fecha|fecha de inicio",
    },
    "fr": {
        "1": "nobr|nobr romains|citation bleue|romain|petites capitales|pc|formatnum|api|formule"
        "|souligner|tmp|sp|lnobr|terme défini|texte|nowrap|abréviation discrète2|exp|indice|ind|e|er"
        "|abréviation|couleur texte|minuscule|citation nécessaire|citation étrangère2|en exposant"
        "|guillemets anglais2|x|refnec|référence nécessaire|passage non neutre|vocabulaire|phonétique"
        "|souverain2|souverain3|nom|prononcé|prénom|page h'|lien web2|refsou|passage à wikifier",
        "2": "lang|langue|citation étrangère|citation bloc étrangère|couleur|police|texte coloré"
        "|taille|foreign",
        "join": "date|date-|date de naissance|date de décès|unité|nombre|date de naissance-"
        "|date de décès-|date rapide|date républicaine|1er|monnaie",
        "hour_fr": "heure|h",
        "inline_quote": "citation|guillemets|\"|citation étrangère3|quote2|«|guil",
        "quote": "citation bloc|début citation|quote|cita|bloc citation|citation longue",
        "century_fr": "s|-s|s-|-s-|s2|-s2|s2-|-s2-|s mini|s mini-|siècle|siècles|sp-|sap|avjc siècle"
        "|xe siècle2",
        "interlanguage": "lien|langue lien|lien rouge|liens",
        "incise_fr": "incise|tiret",
        "fraction": "fraction|frac",
        "roman_fr": "souverain|souverain-|roman",
        "12": "page|tri1|tri|tri2|abréviation discrète|abrd|abr|infobulle|trad2",
    },
    "hr": {
        "1": "nowrap|malo|fonetski|mala",
        "2": "jezik|strjezik",
        "quote": "citat|navod",
        "date": "datum",
    },
    "hu": {
        "1": "szám|nowrap|kis|hiwiki|ipa|nemzetközi2|unicode|nwr|kiskapitális|kisbetű",
        "2": "nyelv|lang-hu2",
        "quote": "idézet|quote|idézet2|idézet 2|cquote",
        "convert": "átvált",
        "inline_quote": "idézőjel|magyarul2",
        "interlanguage": "ill-hu",
    },
    "it": {
        "1": "nowrap|ta|tutto attaccato|ipa|afi|maiuscoletto|formatnum|sbq|chiarire2|nobr|unicode"
        "|spiegazione|dec|numero|exp2|apici",
        "2": "lang|lingua",
        "value": "m|unità|val|converti2",
        "quote": "quote|citazione|q|quote2|cita2|blockquote",
        "power": "e",
        "superscript": "exp|apice",
        "interlanguage": "link-it",
    },
    "nl": {
        "1": "nowrap|klein|ipa|getal|unicode|afkorting|aut|small caps|kapitaal|vertaald",
        "2": "taal|lang",
        "quote": "citaat|citaat2|cquote|quote|blokcitaat",
        "date": "datum2",
        "commas": "hlijst",
        "lines": "vlijst|ulist",
        "interlanguage": "ill|intern",
    },
    "pl": {
        "1": "j|nowrap|małe|mała czcionka|ipa|liczba|nobr|frac2|fakt2|szkic|kapitaliki|obcy język2"
        "|unicode|k|wymowa2|skrót",
        "2": "lang|w języku|j.|obcy język",
        "quote": "cytat|cytat d|cquote|cytatd|cytat ramka",
        "fraction": "ułamek",
    },
    "pt": {
        "1": "nowrap|nobr|ipa|fonética|pequeno|afi|unicode|sc|versalete|número|small|maiúsculas",
        "2": "lang|língua",
        "join": "fmtn|unid",
        "quote": "citação|quote|citação2|cquote|quote1|quote2|citar2|bquote",
        "century_pt": "séc|século|sec|séculos",
        "date": "dni|dtlink|data|dnibr|dtext",
        "convert": "converter",
        "interlanguage": "ligação interlíngua|il|ligação vermelha",
    },
    "ro": {
        "1": "nowrap|mic|nobr|afi|ipa|număr|unicode",
        "2": "lang|limba|lb",
        "quote": "citat|quote|cquote|citat2",
        "date": "dată|data",
    },
    "ru": {
        "1": "nobr|нобр|число|s|мфа|ipa|nowrap|кратко|мало|мелко|нп|подсказка|comment|начало2|unicode"
        "|малые прописные|капитель|разрядка|r-2|не переведено2|абс|очень мелкий текст|число2",
        "2": "lang|язык|цвет|s2",
        "join": "дата|nobrjoin",
        "not_translated": "нп5|нп|нп3|нп4|не переведено|не переведено 5|не переведено 3|iw|iw5"
        "|не переведено 4|нп2",
        "quote": "цитата|quote|цитата2|врезка цитата|эпиграф|cquote",
        "12": "comment2|s-",
        "fraction": "дробь|frac",
        "inline_quote": "кавычки|«|\"",
    },
    "sl": {
        "1": "nowrap|malo|števil|ipa|manjše",
        "2": "jezik|lang",
        "quote": "citat|navedek|quote",
        "date": "datum",
        "convert": "pretvori",
    },
    "sr": {
        "1": "мфа|ипа|nowrap|мало|nobr|број|нобр|јез-нем|јез-длс|јез-де|јез-ен|јез-енг|јез-рус"
        "|јез-лат|јез-фр|јез-франц|јез-итал|јез-ит|јез-шп|јез-мађ|јез-тур|јез-грч|јез-пољ|јез-укр"
        "|јез-чеш|јез-бг|јез-буг|јез-мкд|јез-хол|јез-порт|јез-рум|јез-сл",
        "2": "јез|језик|lang",
        "quote": "цитат|цитат2|quote|citat",
        "date": "датум",
        "convert": "претвори",
    },
    "sv": {
        "1": "nowrap|liten|ipa|nobr|ej fet|unicode|nts|formatnum|små kapitäler|sfrac2",
        "2": "språk|lang",
        "quote": "citat|quote|cquote|blockcitat|citatblock",
        "date": "datum",
        "fraction": "bråk",
    },
    "uk": {
        "1": "nobr|нобр|число|s|мфа|ipa|nowrap|менше|дрібно|comment|мфа-всі|unicode|малі великі",
        "2": "lang|мова|колір",
        "not_translated": "нп|нп5|не перекладено|нп3|iw|iw5|нп2|нп4",
        "quote": "цитата|quote|cquote|цитування|цитата2|початок цитати2|епіграф",
        "fraction": "дріб",
    },
}  # fmt: skip

_DASH, _EM = "–", "—"
TEXTS = {
    "!": "|", "=": "=", "'": "'", "'s": "'s", "`": "ʻ", "' \"": "' \"", "ndash": _DASH,
    "en dash": _DASH, "endash": _DASH, "spaced ndash": f" {_DASH} ", "snd": f" {_DASH} ",
    "spnd": f" {_DASH} ", "spaced en dash": f" {_DASH} ", "snds": f" {_DASH} ", "mdash": _EM,
    "em dash": _EM, "emdash": _EM, "spaced mdash": f" {_EM} ", "dash": f" {_DASH} ", "–": f" {_DASH} ",
    "—": f" {_EM} ", "nbsp": " ", "nnbsp": " ", "thinsp": " ", "thin space": " ", "spaces": " ",
    "space": " ", "nbs": " ", "hsp": "", "zwsp": "", "wbr": "", "shy": "", "0": "", "·": " · ",
    "middot": " · ", "•": " • ", "bull": " • ", "bullet": " • ", "pipe": "|", "times": "×",
    "x": "×", "ellipsis": "…", "...": "…", "hamza": "ʼ", "ayin": "ʽ", "okina": "ʻ", "asper": "ʽ",
    "degree": "°", "°": "°", "increase": "▲", "decrease": "▼", "euro": "€", "ft": "ft", "sect": "§",
    "section link": "§", "prime": "′", "pi": "π", "yes": "Yes", "no": "No", "tick": "✓", ",": ",",
    "(": "{", ")": "}", "(-": "{", ")-": "}", "no.": "No.", "number sign": "#", "sharp": "♯",
    "flat": "♭", "br": "\n", "break": "\n", "clear": "\n", "-": "\n", "crlf": "\n", "paragraph break":
    "\n\n", "pb": "\n\n", "parabr": "\n\n", "m s.l.m.": "m s.l.m.", "m.ü.": "m ü. NN",
    "н. э.": "н. э.", "до н. э.": "до н. э.", "до нашей эры": "до нашей эры", "н.е.": "н. е.",
    "до н.е.": "до н. е.", "av jc": "av. J.-C.", "av. j.-c.": "av. J.-C.", "avjc": "av. J.-C.",
    "ap. j.-c.": "apr. J.-C.", "apjc": "apr. J.-C.", "jc": "J.-C.", "a.c.": "a. C.", "ac": "a. C.",
    "n°": "no", "n°s": "nos", "numéro": "no", "mme": "Mme", "mlle": "Mlle", "m.": "M.", "mm.": "MM.",
    "dr": "Dr", "me": "Me", "pr": "Pr", "st": "St", "ste": "Ste", "cf.": "cf.", "p.": "p.", "vol.": "vol.",
    "er": "er", "ère": "ère", "ème": "e", "ier": "Ier", "ire": "Ire", "iie": "IIe", "augmentation":
    "▲", "diminution": "▼", "km/h": "km/h", "m²": "m²", "km²": "km²", "prim": "′", "ad": "AD",
    "bc": "BC", "ce": "CE", "bce": "BCE",
}  # fmt: skip

QUOTES = {
    "bg": ("„", "“"), "ca": ("«", "»"), "cs": ("„", "“"), "da": ("„", "“"), "de": ("„", "“"),
    "es": ("«", "»"), "fr": ("« ", " »"), "hr": ("„", "“"), "hu": ("„", "”"), "it": ("«", "»"),
    "nl": ("“", "”"), "pl": ("„", "”"), "pt": ("«", "»"), "ro": ("„", "”"), "ru": ("«", "»"),
    "sl": ("»", "«"), "sr": ("„", "“"), "sv": ("”", "”"), "uk": ("«", "»"),
}  # fmt: skip


def _labels(text: str) -> dict[str, str]:
    return dict(entry.split(" ", 1) for entry in text.split("|"))


LANGUAGE_NAMES: dict[str, dict[str, str]] = {
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
    "de": _labels(
        "ar arabisch|bg bulgarisch|ca katalanisch|cs tschechisch|da dänisch|de deutsch|el griechisch"
        "|en englisch|es spanisch|fr französisch|grc altgriechisch|he hebräisch|hr kroatisch"
        "|hu ungarisch|it italienisch|ja japanisch|la lateinisch|nl niederländisch|pl polnisch"
        "|pt portugiesisch|ro rumänisch|ru russisch|sl slowenisch|sr serbisch|sv schwedisch"
        "|tr türkisch|uk ukrainisch|zh chinesisch"
    ),
    "es": _labels(
        "ar en árabe,|ca en catalán,|de en alemán,|en en inglés,|fr en francés,|el en griego,"
        "|grc en griego antiguo,|it en italiano,|la en latín,|pl en polaco,|pt en portugués,"
        "|ru en ruso,|ja en japonés,|nl en neerlandés,|zh en chino,|uk en ucraniano,|he en hebreo,"
    ),
    "it": _labels(
        "ar in arabo|de in tedesco|en in inglese|es in spagnolo|fr in francese|el in greco"
        "|grc in greco antico|la in latino|pl in polacco|pt in portoghese|ru in russo|ja in giapponese"
        "|sl in sloveno|hr in croato|nl in olandese|ro in rumeno|sv in svedese|zh in cinese"
    ),
    "nl": _labels(
        "de Duits:|en Engels:|es Spaans:|fr Frans:|it Italiaans:|la Latijn:|pl Pools:|pt Portugees:"
        "|ru Russisch:|el Grieks:|fy Fries:|ja Japans:|zh Chinees:|tr Turks:|ar Arabisch:|cs Tsjechisch:"
    ),
    "pt": _labels(
        "de em alemão:|en em inglês:|es em espanhol:|fr em francês:|it em italiano:|la em latim:"
        "|el em grego:|grc em grego antigo:|ru em russo:|pl em polaco:|ja em japonês:|ar em árabe:"
    ),
    "ru": _labels(
        "ar араб.|be белор.|bg болг.|cs чеш.|da дат.|de нем.|el греч.|en англ.|es исп.|fi фин.|fr фр."
        "|grc др.-греч.|he ивр.|hu венг.|it итал.|ja яп.|la лат.|lt лит.|nl нидерл.|pl польск."
        "|pt порт.|ro рум.|sr серб.|sv швед.|tr тур.|uk укр.|zh кит."
    ),
    "uk": _labels(
        "ar араб.|be біл.|bg болг.|cs чеськ.|de нім.|el грец.|en англ.|es ісп.|fi фін.|fr фр."
        "|grc дав.-гр.|he івр.|hu угор.|it італ.|ja яп.|la лат.|lt лит.|nl нід.|pl пол.|pt порт."
        "|ro рум.|ru рос.|sr серб.|sv швед.|tr тур.|zh кит."
    ),
    "bg": _labels(
        "de на немски:|en на английски:|es на испански:|fr на френски:|it на италиански:|la на латински:"
        "|el на гръцки:|ru на руски:|tr на турски:|sr на сръбски:|pl на полски:|grc на старогръцки:"
    ),
}
