"""What the 20 Wikipedias of the LLaMA paper call things: namespaces, redirects, sections.

English names work in every wiki, so each language lists only its own. Names are lower case, one
space between words. A name counts for its own wiki (and English) only: "Medium" is a namespace
in German and the start of an article's title in Dutch.
"""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Language:
    """The words of one Wikipedia that steer its cleaning; English's included.

    Args:
        code: ISO 639 code, which is also the subdomain.
        files: Namespaces of files and media, whose links vanish with their captions.
        categories: Namespaces of categories, whose links vanish.
        sections: Headings of sections that are lists of pointers rather than prose.
        disambiguation: Templates that make a page a disambiguation page.
        suffixes: What stands in brackets behind the title of a disambiguation page.
    """

    code: str
    files: frozenset[str]
    categories: frozenset[str]
    sections: frozenset[str]
    disambiguation: frozenset[str]
    suffixes: frozenset[str]


_FILES = {
    "en": "file|image|media",
    "bg": "файл|картинка|медия",
    "ca": "fitxer|imatge|mèdia|multimèdia",
    "cs": "soubor|obrázek|média|médium",
    "da": "fil|billede|medie",
    "de": "datei|bild|medium",
    "es": "archivo|imagen|medio",
    "fr": "fichier|média",
    "hr": "datoteka|slika|mediji|medija",
    "hu": "fájl|kép|média",
    "it": "immagine",
    "nl": "bestand|afbeelding",
    "pl": "plik|grafika",
    "pt": "ficheiro|arquivo|imagem|multimédia|multimídia",
    "ro": "fișier|fişier|imagine",
    "ru": "файл|изображение|медиа|картинка",
    "sl": "slika|datoteka|medij",
    "sr": "датотека|слика|медиј|медија|datoteka|slika|medij|medija",
    "sv": "fil|bild",
    "uk": "файл|зображення|медіа",
}

_CATEGORIES = {
    "en": "category",
    "bg": "категория",
    "ca": "categoria",
    "cs": "kategorie",
    "da": "kategori",
    "de": "kategorie",
    "es": "categoría|categoria",
    "fr": "catégorie|categorie",
    "hr": "kategorija",
    "hu": "kategória",
    "it": "categoria",
    "nl": "categorie",
    "pl": "kategoria",
    "pt": "categoria",
    "ro": "categorie",
    "ru": "категория",
    "sl": "kategorija",
    "sr": "категорија|kategorija",
    "sv": "kategori",
    "uk": "категорія|категория",
}

# Where a heading may also head prose ("Works", "Discography"), it is not listed.
_SECTIONS = {
    "en": "see also|references|reference|external links|external link|notes|footnotes|citations"
    "|notes and references|references and notes|notes and citations|citations and notes"
    "|footnotes and references|references and footnotes|sources|bibliography|further reading"
    "|literature|works cited|references and further reading|further reading and references"
    "|references and sources|sources and references|sources and further reading"
    "|bibliography and further reading|notes and sources|general references|cited references"
    "|references cited|literature cited|general sources|cited works|cited sources|works consulted"
    "|explanatory notes|informational notes|footnotes and citations|notes and further reading"
    "|references and external links|external links and references|external sources|links"
    "|external resources|related pages|related articles|source notes|endnotes|further information"
    "|inline citations|general bibliography|primary sources|secondary sources|gallery"
    "|image gallery|photo gallery|picture gallery|bibliographies|additional reading|weblinks"
    "|external link and references|notes, citations, and references|notes, references, sources"
    "|reference notes|notes & references|references & notes|footnote|web links",
    "bg": "вижте също|виж също|източници|външни препратки|бележки|литература|бележки и източници"
    "|източници и бележки|използвана литература|цитирани източници|допълнителна литература"
    "|библиография|външни връзки|препратки|галерия|за повече информация|използвани източници",
    "ca": "vegeu també|referències|enllaços externs|notes|bibliografia|notes i referències"
    "|referències i notes|fonts|galeria|galeria d'imatges|bibliografia complementària"
    "|per a més informació|vegeu|vegeu també:|bibliografia addicional|enllaços|fonts i referències"
    "|articles relacionats",
    "cs": "související články|reference|externí odkazy|odkazy|poznámky|literatura|galerie"
    "|poznámky a reference|zdroje|podívejte se též|podívejte se také|viz též|viz také|prameny"
    "|použitá literatura|bibliografie|fotogalerie|související|další literatura|obrázky",
    "da": "se også|referencer|eksterne henvisninger|eksterne links|noter|kilder|litteratur"
    "|noter og referencer|henvisninger|fodnoter|kilder og noter|galleri|billeder|kildehenvisninger"
    "|bibliografi|eksterne kilder|kilder og henvisninger|noter og henvisninger|videre læsning"
    "|eksterne kilder/henvisninger|kilder/referencer|billedgalleri|links|kilder og referencer",
    "de": "siehe auch|einzelnachweise|weblinks|literatur|anmerkungen|quellen|fußnoten"
    "|anmerkungen und einzelnachweise|einzelnachweise und anmerkungen|quellen und einzelnachweise"
    "|belege|nachweise|galerie|bilder|weblink|bibliographie|bibliografie|quelle|referenzen"
    "|literatur und quellen|quellen und literatur|quellenangaben|literatur und weblinks"
    "|weiterführende literatur|fotos|bildergalerie|einzelbelege|quellen und anmerkungen"
    "|einzelnachweise und fußnoten|weiterführende informationen|anmerkung|externe links",
    "es": "véase también|referencias|enlaces externos|notas|bibliografía|notas y referencias"
    "|referencias y notas|fuentes|galería|galería de imágenes|lectura adicional|vínculos externos"
    "|enlace externo|referencia|bibliografía adicional|bibliografía utilizada|citas"
    "|notas al pie|notas aclaratorias|lecturas adicionales|bibliografía complementaria"
    "|bibliografía y referencias|referencias bibliográficas|véase|bibliografía recomendada"
    "|bibliografía consultada|fuentes y bibliografía|notas y fuentes|galería fotográfica",
    "fr": "voir aussi|références|liens externes|notes|bibliographie|notes et références|sources"
    "|annexes|articles connexes|lien externe|galerie|notes et sources|références et notes"
    "|pour approfondir|sources et références|notes, sources et références|article connexe"
    "|références bibliographiques|liens internes|lien interne|annexe|bibliographie sommaire"
    "|galerie d'images|galerie de photos|sources et bibliographie|bibliographie indicative"
    "|liens et documents externes|compléments|source|note|filmographie sélective et sources"
    "|bibliographie et sources|orientation bibliographique|bibliographie complémentaire|liens",
    "hr": "vidi još|izvori|vanjske poveznice|bilješke|literatura|poveznice|galerija|izvor|napomene"
    "|bibliografija|povezani članci|vidi|reference|vanjske veze|također pogledajte"
    "|bilješke i izvori"
    "|izvori i bilješke|vanjska poveznica|unutrašnje poveznice|unutarnje poveznice"
    "|dodatna literatura",
    "hu": "lásd még|jegyzetek|források|külső hivatkozások|további információk|irodalom|hivatkozások"
    "|kapcsolódó szócikkek|forrás|képek|galéria|képgaléria|megjegyzések|bibliográfia"
    "|felhasznált irodalom|külső linkek|fordítás|további irodalom|ajánlott irodalom|lábjegyzetek"
    "|jegyzetek és források|források és jegyzetek|szakirodalom|magyarázatok|további források",
    "it": "voci correlate|note|bibliografia|collegamenti esterni|altri progetti|fonti|riferimenti"
    "|galleria d'immagini|galleria|galleria fotografica|note e riferimenti|annotazioni|riferimenti"
    "|fonti e bibliografia|link esterni|esplicative|bibliografiche|note esplicative|vedi anche"
    "|approfondimenti|fonti bibliografiche|collegamento esterno|riferimenti bibliografici",
    "nl": "zie ook|referenties|externe links|externe link|noten|bronnen|literatuur|voetnoten"
    "|bronnen, noten en/of referenties|bronnen en referenties|referentie|bron|galerij|afbeeldingen"
    "|bibliografie|literatuurlijst|verwijzingen|fotogalerij|noten en referenties|externe bronnen"
    "|bronvermelding|externe verwijzingen|verder lezen|geraadpleegde literatuur"
    "|literatuurverwijzingen"
    "|bronnen en externe links|zie verder|referenties en noten",
    "pl": "zobacz też|przypisy|linki zewnętrzne|bibliografia|uwagi|źródła|literatura|galeria"
    "|uwagi i przypisy|przypisy i uwagi|literatura dodatkowa|link zewnętrzny|zobacz także"
    "|literatura uzupełniająca|odnośniki|galeria zdjęć|literatura przedmiotu|objaśnienia",
    "pt": "ver também|referências|ligações externas|notas|bibliografia|notas e referências"
    "|referências e notas|ligação externa|links externos|fontes|galeria|leitura adicional"
    "|leituras adicionais|veja também|referência|galeria de imagens|bibliografia adicional"
    "|referências bibliográficas|bibliografia complementar|galeria de fotos|notas de rodapé"
    "|leitura complementar|ver ainda|bibliografia recomendada|fontes e referências|ligações",
    "ro": "vezi și|vezi şi|referințe|referinţe|legături externe|note|bibliografie|note și referințe"
    "|note şi referinţe|surse|galerie|galerie de imagini|lectură suplimentară|lecturi suplimentare"
    "|imagini|legătură externă|bibliografie suplimentară|note bibliografice|surse bibliografice"
    "|referințe și note|linkuri externe|a se vedea și|galerie foto|bibliografie selectivă",
    "ru": "см. также|примечания|ссылки|литература|источники|библиография|галерея|сноски"
    "|смотрите также|комментарии|примечания и источники|внешние ссылки|см. также:"
    "|источники и ссылки"
    "|ссылки и источники|литература и источники|литература и ссылки|ссылки и литература"
    "|источники и литература|рекомендуемая литература|фотогалерея|использованная литература"
    "|дополнительная литература|список литературы|смотри также",
    "sl": "glej tudi|sklici|zunanje povezave|opombe|viri|literatura|reference|opombe in sklici"
    "|sklici in opombe|viri in literatura|galerija|nadaljnje branje|glejte tudi|zunanja povezava"
    "|viri in sklici|bibliografija|povezave|viri in opombe|dodatno branje|sklici in viri",
    "sr": "види још|референце|спољашње везе|напомене|извори|литература|галерија|белешке|види"
    "|белешке и референце|спољне везе|додатна литература|библиографија|извор|спољашња веза"
    "|vidi još|reference|spoljašnje veze|napomene|izvori|literatura|galerija|beleške|vidi"
    "|спољашње везе и литература|напомене и референце|види такође|погледати још|pogledati još",
    "sv": "se även|referenser|externa länkar|noter|källor|litteratur|fotnoter|externa källor"
    "|vidare läsning|galleri|bilder|källor och referenser|noter och referenser|källhänvisningar"
    "|tryckta källor|webbkällor|bibliografi|extern länk|referenser och noter|anmärkningar|källa"
    "|allmänna källor|länkar|kommentarer och referenser|bildgalleri|anmärkningar och referenser",
    "uk": "див. також|примітки|посилання|література|джерела|зовнішні посилання|галерея|виноски"
    "|див. також:|примітки та джерела|джерела та література|бібліографія|джерела та посилання"
    "|джерела й посилання|література та джерела|коментарі|дивіться також|дивись також|список джерел"
    "|джерела і посилання|джерела та примітки|література та посилання|додаткова література"
    "|рекомендована література|першоджерела|посилання та джерела",
}

# Templates of surname and given-name pages are left out: those pages describe the name.
_DISAMBIGUATION = {
    "en": "disambiguation|disambig|disamb|dab|disambiguation page|hndis|hndisambig|geodis"
    "|human name disambiguation|place name disambiguation|geo-dis|numberdis|schooldis|roaddis"
    "|school disambiguation|road disambiguation|hospitaldis|hospital disambiguation|letterdisambig"
    "|letter disambiguation|letter-number combination disambiguation|letter-numbercombdisambig"
    "|airport disambiguation|callsigndis|call sign disambiguation|mathdab|taxonomy disambiguation"
    "|mathematical disambiguation|species latin name disambiguation|species latin name abbreviation"
    " disambiguation|station disambiguation|biology disambiguation|chinese title disambiguation"
    "|church disambiguation|genus disambiguation|portal disambiguation|disambiguation cleanup"
    "|military unit disambiguation|music disambiguation|opus number disambiguation|phonetics"
    " disambiguation|political party disambiguation|synagogue disambiguation|caselaw disambiguation"
    "|county disambiguation|locality disambiguation|township disambiguation|2cc|3cc",
    "bg": "пояснение|дисамбиг|пояснителна страница|disambig",
    "ca": "desambiguació|desambigua|disambigua|biografia desambiguació|acrònim desambiguació",
    "cs": "rozcestník|disambig|rozcestník - příjmení|rozcestník - číslo|rozcestník - kostel"
    "|rozcestník - dvě písmena|rozcestník - tři písmena|rozcestník - 2|rozcestník - 3",
    "da": "flertydig|disambig|flertydig2|persondisambig|flertydigt navn",
    "de": "begriffsklärung|bks|begriffsklarung|begriffsklärungsseite",
    "es": "desambiguación|desambig|des|desambiguacion|disambig",
    "fr": "homonymie|homonyme|disambig|internationalisation|paronymie"
    "|homonymie de personne|homonymie dynastique|homonymie de clubs sportifs"
    "|homonymie de nom romain"
    "|personnes homonymes|bandeau standard pour page d'homonymie|arrondissements homonymes"
    "|batailles homonymes|cantons homonymes|films homonymes|titres homonymes|unités homonymes"
    "|villes homonymes|édifices religieux homonymes|gouvernements homonymes|navires homonymes"
    "|clubs homonymes|guerres homonymes|parlements homonymes|routes homonymes|lieux homonymes"
    "|rues homonymes|saints homonymes|isomérie|homonymie d'édifices religieux|paronymie"
    "|homonymie d'établissements scolaires ou universitaires",
    "hr": "razdvojba|višeznačnost|disambig",
    "hu": "egyért|egyértelműsítő lap|egyért-redir|egyértelműsítő|egyertlap|egyért2",
    "it": "disambigua|disambig|disambigua cognome",
    "nl": "dp|doorverwijspagina|disambig|dpintro|dp-achternaam|neutraal|dp2",
    "pl": "ujednoznacznienie|disambig|strona ujednoznaczniająca|disambigr|disambigc|disambiga"
    "|miejscowości ujednoznacznienie",
    "pt": "desambiguação|desambig|disambig|desambigtop|desambiguação-inicio|dab"
    "|desambiguação de nomes",
    "ro": "dezambiguizare|disambig|dez|dezambig|dezambiguare|disambiguare|hndis",
    "ru": "неоднозначность|disambig|многозначность|неоднозначность1|список однофамильцев|дизамбиг"
    "|однофамильцы|тёзки|неоднозначность тип|лиды неоднозначности|геонеоднозначность",
    "sl": "razločitev|disambig|razločitev-ime|razločitev osebe",
    "sr": "вишезначна одредница|вишезначна|disambig|višeznačna odrednica|вишезначност|višeznačnost",
    "sv": "förgrening|gren|disambig|förgreningssida|namnförgrening|trebokstavsförgrening",
    "uk": "disambig|неоднозначність|багатозначність|багатозначні терміни|список однойменних статей"
    "|disambiguation|неоднозначне прізвище",
}
_SUFFIXES = {
    "en": "disambiguation",
    "bg": "пояснение",
    "ca": "desambiguació",
    "cs": "rozcestník",
    "da": "flertydig",
    "de": "begriffsklärung",
    "es": "desambiguación",
    "fr": "homonymie",
    "hr": "razdvojba",
    "hu": "egyértelműsítő lap",
    "it": "disambigua",
    "nl": "doorverwijspagina",
    "pl": "ujednoznacznienie",
    "pt": "desambiguação",
    "ro": "dezambiguizare",
    "ru": "значения",
    "sl": "razločitev",
    "sr": "вишезначна одредница",
    "sv": "olika betydelser",
    "uk": "значення",
}

# Union over all languages: a redirect page holds nothing else, so no confusion is possible.
REDIRECTS = (
    "redirect|виж|пренасочване|redirecció|přesměruj|omdirigering|omstilling|weiterleitung"
    "|redirección|redireccion|redirection|preusmjeri|preusmjeravanje|átirányítás|rinvia|rinvio"
    "|rimando|doorverwijzing|patrz|przekieruj|tam|redirecionamento|redirecteaza|перенаправление"
    "|перенапр|preusmeritev|преусмери|преусмерење|preusmeri|перенаправлення|redirecciona"
)

# Prefixes of interlanguage links, which stand at the end of old articles and name the same
# article elsewhere. The larger wikis; a link with a label stays as its label.
_CODES = """
aa ab af ak als am an ang ar arc arz as ast av ay az azb ba bar bat-smg bcl be be-tarask
be-x-old bg bh bi bm bn bo bpy br bs bug bxr ca cbk-zam cdo ce ceb ch cho chr chy ckb co
cr crh cs csb cu cv cy da de diq dsb dv dz ee el eml en eo es et eu ext fa ff fi fiu-vro
fj fo fr frp frr fur fy ga gag gan gd gl glk gn gom got gu gv ha hak haw he hi hif ho hr
hsb ht hu hy hz ia id ie ig ii ik ilo io is it iu ja jbo jv ka kaa kab kbd kg ki kj kk
kl km kn ko koi kr krc ks ksh ku kv kw ky la lad lb lbe lez lg li lij lmo ln lo lrc lt
ltg lv mai map-bms mdf mg mh mhr mi min mk ml mn mo mr mrj ms mt mus mwl my myv mzn na
nah nap nb nds nds-nl ne new ng nl nn no nov nrm nso nv ny oc om or os pa pag pam pap
pcd pdc pfl pi pih pl pms pnb pnt ps pt qu rm rmy rn ro roa-rup roa-tara ru rue rw sa
sah sc scn sco sd se sg sh si simple sk sl sm sn so sq sr srn ss st stq su sv sw szl ta
te tet tg th ti tk tl tn to tpi tr ts tt tum tw ty tyv udm ug uk ur uz ve vec vep vi vls
vo wa war wo wuu xal xh xmf yi yo za zea zh zh-classical zh-min-nan zh-yue zu
"""
WIKI_CODES = frozenset(_CODES.split())


def _words(table: dict[str, str], code: str) -> frozenset[str]:
    return frozenset(table["en"].split("|")) | frozenset(table[code].split("|"))


LANGUAGES = {
    code: Language(
        code,
        files=_words(_FILES, code),
        categories=_words(_CATEGORIES, code),
        sections=_words(_SECTIONS, code),
        disambiguation=_words(_DISAMBIGUATION, code),
        suffixes=_words(_SUFFIXES, code),
    )
    for code in sorted(_FILES)
}
"""The 20 languages of the LLaMA paper, section 2.1, by code."""
