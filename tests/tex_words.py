r"""Compare the words of a cleaned paper with those on the pages that pdflatex sets.

A word is invented where the cleaned text holds it as prose and the pages do not. Words that
no page shows for a good reason are counted by that reason (``CAUSES``) and not as invented.
"""

from __future__ import annotations

import collections
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Iterator

from pasture.sources.arxiv.latex.tokens import Lexer, Lexicon

CAUSES = {
    "name": "an argument that TeX never prints: a key, a file, a length, an option in brackets",
    "formula": "in a formula, whose letters are set one by one",
    "drawing": "in a drawing, a plot or a diagram",
    "open test": "in a branch of a test that only TeX can decide, such as a page number",
    "unknown command": "an argument of a command that is neither LaTeX's own nor known here",
    "unknown environment": "in an environment that is neither LaTeX's own nor known here",
    "broken": "on the pages, but with spaces or hyphens within it, or joined with others",
    "escape": "a command within a listing that lets some out of it",
    "letters": "letters that pdftotext gives otherwise: accents, ligatures, other scripts",
}


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# How many arguments of a command are names, of those that LaTeX or a common package prints not.
_SILENT = {
    1: _names(
        r"""
        label ref eqref pageref autoref cref Cref nameref vref prettyref cite citep citet citealp
        citealt citeauthor citeyear citeyearpar parencite textcite footcite autocite supercite
        fullcite nocite includegraphics input include bibliography bibliographystyle index vspace
        hspace pagestyle thispagestyle usepackage hypersetup lstset color pagenumbering tikzset
        pgfplotsset captionsetup definecolor usetikzlibrary setstretch linespread selectlanguage
        graphicspath hyphenation phantom hphantom vphantom arraystretch cline cmidrule stepcounter
        refstepcounter newcounter newlength hypertarget glossary includepdf lstinputlisting
        geometry sisetup usefont documentclass RequirePackage addbibresource printbibliography
        setmainfont newtheorem theoremstyle numberwithin allowdisplaybreaks value arabic roman
        alph Alph Roman counterwithin counterwithout DeclareGraphicsExtensions foreignlanguage
        textcolor colorbox rule vskip hskip bibitem acrodef newacronym setlist urlstyle
        crefname Crefname tcbset mdfsetup inputminted verbatiminput rotatebox scalebox titleformat
        titlespacing fontsize penalty columnbreak multicolumn hyperlink hyperref
        gls Gls glspl Glspl acrshort acrlong acrfull ac acp SI qty num si unit ce begin end
        excludecomment includecomment fbox@ special pdfinfo markboth markright typeout message
        PackageWarning ClassWarning DeclareUnicodeCharacter newsavebox savebox usebox sbox
        DeclareMathSymbol DeclareSymbolFont newfontfamily includesvg subimport import
        makebox@ vref fancyhf lhead rhead chead lfoot rfoot cfoot fancyhead fancyfoot
        listfiles setbeamertemplate setbeamercolor setbeamerfont usetheme usecolortheme
        usefonttheme useinnertheme useoutertheme mode pause@ lstloadlanguages enlargethispage
        AddToShipoutPicture pgfkeys tikzstyle bookmarksetup
        """
    ),
    2: _names(
        r"""
        setlength addtolength setcounter addtocounter resizebox settowidth settoheight
        fcolorbox pdfbookmark multirow renewcommand@ numberwithin definecolorset
        raisebox@ pgfmathsetmacro DeclareCaptionLabelSeparator restylefloat floatstyle
        newfloat setkeys PassOptionsToPackage addtocontents selectfont
        """
    ),
    3: _names(
        "definecolor providecolor addcontentsline contentsline DeclareCaptionFormat "
        "newglossaryentry"
    ),
}
_SILENT_ARGUMENTS = {name: number for number, names in _SILENT.items() for name in names} | {
    "href": 1,
    "multicolumn": 2,
    "fontsize": 2,
    "foreignlanguage": 1,
    "rule": 2,
    "multirow": 2,
    "hyperlink": 1,
}
# Environments whose first arguments are names: column types, sizes, labels.
_ENVIRONMENT_ARGUMENTS = {
    **dict.fromkeys(_names("tabular array longtable minipage multicols supertabular"), 1),
    **dict.fromkeys(_names("tabularx tabular* tabulary xltabular wrapfigure wraptable"), 2),
    **dict.fromkeys(_names("thebibliography list adjustwidth spacing otherlanguage"), 1),
    **dict.fromkeys(_names("subequations rotate turn adjustbox mdframed tcolorbox"), 0),
}
_FORMULAS = _names(
    """
    equation equation* align align* eqnarray eqnarray* gather gather* multline multline* math
    displaymath alignat alignat* flalign flalign* dmath dmath* IEEEeqnarray IEEEeqnarray* array
    subequations@ prooftree empheq
    """
)
_DRAWINGS = _names(
    """
    tikzpicture picture pspicture pspicture* axis forest circuitikz tikzcd asy asydef feynmandiagram
    filecontents filecontents* pgfpicture psfrags fmffile fmfgraph fmfgraph* xy diagram bytefield
    comment chronology ganttchart scope musicdefs music eqlist@ luacode dot2tex scontents
    """
)
# Commands of LaTeX and of common packages that print their arguments as prose.
_PRINTING = _names(
    r"""
    section subsection subsubsection paragraph subparagraph chapter part caption footnote
    footnotetext emph textbf textit texttt textsc textrm textsf textsl textup textmd textnormal
    underline mbox fbox makebox framebox parbox text title author date thanks section* subsection*
    subsubsection* chapter* part* paragraph* caption* item textsuperscript textsubscript uline sout
    marginpar MakeUppercase MakeLowercase uppercase lowercase enquote href textcolor colorbox
    multicolumn multirow centerline leftline rightline hbox vbox raisebox rotatebox scalebox
    resizebox foreignlanguage hyperref subcaption frametitle framesubtitle textquote subtitle
    institute abstract em bf it tt sc rm sf small large Large normalsize footnotesize scriptsize
    tiny huge LARGE par noindent centering item hfill quad qquad medskip bigskip smallskip and
    newline linebreak newpage clearpage dots ldots LaTeX TeX LaTeXe copyright textbackslash
    bfseries itshape ttfamily sffamily rmfamily scshape slshape upshape mdseries normalfont
    hline toprule midrule bottomrule tabularnewline maketitle appendix indent relax bgroup egroup
    begingroup endgroup protect null leavevmode strut shortstack mathrm operatorname smash
    BibTeX textless textgreater textbar slash S P dag ddag pounds today textasciitilde
    raggedright raggedleft sloppy tableofcontents Huge ignorespaces unskip nobreak break hss
    vfill hfil vfil eject allowbreak textquotesingle textendash textemdash
    """
)
_PROSE_ENVIRONMENTS = _names(
    """
    abstract itemize enumerate description center quote quotation verse figure figure* table table*
    tabular tabular* tabularx longtable minipage flushleft flushright titlepage theorem lemma proof
    definition remark corollary proposition example multicols landscape sloppypar trivlist list
    small footnotesize large document thebibliography appendix appendices verbatim verbatim*
    Verbatim lstlisting minted alltt frame block acknowledgments acknowledgements tabbing
    """
)
_ACCENTS = re.compile(
    r"\\(?:[\"'`^~=.]|[cvuHdbkrt](?![A-Za-z]))[ ]?\{?(?:\\([ij])(?![A-Za-z])|([A-Za-z]))\}?"
)
_LETTERS = {"ss": "ß", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "ae": "æ", "AE": "Æ", "aa": "å"}
_LETTERS |= {"AA": "Å", "oe": "œ", "OE": "Œ", "i": "i", "j": "j"}
_LETTER_COMMAND = re.compile(r"\\(ss|o|O|l|L|ae|AE|aa|AA|oe|OE|i|j)(?![A-Za-z])[ ]?(?:\{\})?")
# Commands whose arguments no cleaned text should hold: what they hold counts as prose.
_MACHINERY = re.compile(
    r"[iI]f|x?def\Z|[ge]def\Z|let\Z|(?:re)?new(?:command|environment|document|minted|mint|if)"
    r"|lstnew|Declare(?!Math|Graphics|Unicode|Caption)|Define|Custom|Recustom|(?:New|Renew|Provide)"
    r"(?:Document|Expandable|TColor|TCB|Environ)|At(?:Begin|End)|Process|Execute|PassOptions|provide"
)
_WORD = re.compile(r"[^\W\d_]{3,}")
_RULE = re.compile(r"(?:\s*(?:width|height|depth)\s*(?:-?[\d.]+\s*[a-z]{2}|\\[A-Za-z@]+))*")
_LIGATURES = re.compile(r"ff[il]?|f[il]")  # some fonts have them without names
_BLANK = re.compile(r"\s*")


@dataclasses.dataclass(frozen=True, slots=True)
class Word:
    """A word of a cleaned text, and the cause that keeps it off the pages; empty for prose."""

    text: str
    cause: str
    place: int


def read_words(text: str, lexicon: Lexicon = Lexicon()) -> Iterator[Word]:
    """Read the words of a cleaned text of three letters or more, with what each is there for."""
    text = _ACCENTS.sub(lambda m: m[1] or m[2], text)
    text = _LETTER_COMMAND.sub(lambda m: _plain(_LETTERS[m[1]]), text)
    yield from _Words(text, lexicon).read()


class _Words:
    def __init__(self, text: str, lexicon: Lexicon, place: int = 0) -> None:
        self.lexer = Lexer(text, lexicon)
        self.lexicon = lexicon
        self.place = place  # where the text starts in the whole one
        self.text = text
        self.environments: list[str] = []
        self.groups: list[tuple[str, list[str]]] = []
        """For each open group its cause, and the causes of the arguments behind it."""
        self.in_formula = False
        self.num_tests = 0  # conditionals whose branches both stand in the text
        self.pending: list[str] = []  # causes of the arguments that follow

    def read(self) -> Iterator[Word]:
        while True:
            place = self.lexer.pos
            token = self.lexer.next()
            if token is None:
                return
            if token[0] == "\\" and len(token) > 1 and token[1].isalpha():
                yield from self.command(token, place)
            elif token == "{":
                cause = self.pending.pop(0) if self.pending else self.here()
                self.groups.append((cause, self.pending))
                self.pending = []
            elif token == "}":
                self.pending = self.groups.pop()[1] if self.groups else []
                if self.pending:
                    self.skip_option()
                if not self.text.startswith("{", self._after_blank()):
                    self.pending = []
            elif token == "$":
                if self.text.startswith("$", self.lexer.pos):
                    self.lexer.pos += 1
                self.in_formula = not self.in_formula
            elif token in ("\\[", "\\("):
                self.in_formula = True
            elif token in ("\\]", "\\)"):
                self.in_formula = False
            elif token == "\\\\":
                self.skip_option()
            else:
                if "\n\n" in token:
                    self.in_formula = False
                if self.pending and token.strip():
                    self.pending = []
                yield from self.words(token, place, self.here())

    def here(self) -> str:
        if self.groups and self.groups[-1][0]:
            return self.groups[-1][0]
        if self.in_formula or any(name in _FORMULAS for name in self.environments):
            return "formula"
        if any(name in _DRAWINGS for name in self.environments):
            return "drawing"
        if self.num_tests:
            return "open test"
        if any(name not in _PROSE_ENVIRONMENTS for name in self.environments):
            return "unknown environment"
        return ""

    def listing(self, text: str, place: int, cause: str, head: str) -> Iterator[Word]:
        """Read the words of verbatim text, in which a command may stand for itself or escape."""
        escape = re.search(r"commandchars=\\?(.)", head)
        marks = ("\\", escape[1] if escape else "\\")
        for word in self.words(text, place, cause):
            before = text[word.place - self.place - place - 1 :][:1]
            is_command = before in marks and word.place > self.place + place
            yield dataclasses.replace(word, cause=cause or ("escape" if is_command else ""))

    def words(self, text: str, place: int, cause: str) -> Iterator[Word]:
        for match in _WORD.finditer(text):
            yield Word(match[0], cause, self.place + place + match.start())

    def _after_blank(self) -> int:
        blank = _BLANK.match(self.text, self.lexer.pos)
        return blank.end() if blank else self.lexer.pos

    def skip_option(self) -> list[str]:
        """Pass over options in brackets and a star."""
        found = []
        text = self.text
        while True:
            pos = self._after_blank()
            if "\n\n" in text[self.lexer.pos : pos] or text[pos : pos + 1] not in ("[", "*"):
                return found
            if text[pos] == "*":
                self.lexer.pos = pos + 1
                continue
            depth, end = 0, pos + 1
            while end < len(text) and end - pos < 20_000 and (text[end] != "]" or depth > 0):
                depth += (text[end] == "{") - (text[end] == "}")
                end += 1
            if text[end : end + 1] != "]":
                return found
            found.append(text[pos + 1 : end])
            self.lexer.pos = end + 1

    def command(self, token: str, place: int) -> Iterator[Word]:
        name = re.match(r"\\([A-Za-z]+)", token)
        assert name
        word = name[1]
        if len(token) > len(name[0]):  # verbatim text
            if word == "begin":
                option = r"(?:\[(?:[^][]|\[[^]]*\])*\])?"
                head = re.match(rf"\\begin\s*\{{[^}}]*\}}\s*?{option}(?:\{{[^}}\n]*\}})?", token)
                place += head.end() if head else 0
                inside = token[head.end() if head else 0 :]
                environment = re.search(r"\{([^}]*)\}", token)
                drawn = environment is not None and environment[1] in _DRAWINGS
                inside = re.sub(r"\\end\s*\{[^}]*\}\Z", "", inside)
                cause = "drawing" if drawn else ""
                yield from self.listing(inside, place, cause, head[0] if head else "")
            elif word in ("verb", "Verb", "lstinline", "mintinline"):
                head = re.match(r"\\\w+\*?(?:\[(?:\\.|[^]])*\])?(?:\{\w+\}(?=.))?", token)
                start = head.end() if head else 0
                yield from self.listing(token[start:], place + start, "", token[:start])
            elif word == "href":
                pass
            else:
                yield from self.words(token[len(name[0]) :], place, "name")
            return
        if word in ("begin", "end"):
            match = re.compile(r"\s*\{([^{}]*)\}").match(self.text, self.lexer.pos)
            if match is None:
                return
            self.lexer.pos = match.end()
            if word == "begin":
                self.environments.append(match[1])
                self.skip_option()
                self.pending = ["name"] * _ENVIRONMENT_ARGUMENTS.get(match[1], 0)
                if match[1] not in _PROSE_ENVIRONMENTS | _FORMULAS | _DRAWINGS:
                    self.pending = ["unknown environment"] * 3
            elif match[1] in self.environments:
                while self.environments.pop() != match[1]:
                    pass
            return
        if word == "fi":
            self.num_tests = max(self.num_tests - 1, 0)
        elif word.startswith("if") and not self.text.startswith("{", self._after_blank()):
            self.num_tests += 1
        options = [] if word in ("left", "right", "big", "Big") else self.skip_option()
        printed = word in ("item", "twocolumn", "and")
        for option in options:
            if printed:
                yield from _Words(option, self.lexicon, place).read()
            else:
                yield from self.words(option, place, "name")
        if word in ("vrule", "hrule"):
            rule = _RULE.match(self.text, self.lexer.pos)
            yield from self.words(rule[0] if rule else "", self.lexer.pos, "name")
            self.lexer.pos = rule.end() if rule else self.lexer.pos
        here = self.here()
        if word in _SILENT_ARGUMENTS:
            self.pending = ["name"] * _SILENT_ARGUMENTS[word] + [here] * 4
        elif word in _PRINTING or here or _MACHINERY.match(word):
            if word in ("text", "mbox", "textrm", "intertext", "textbf", "textit", "hbox"):
                self.pending = ["" if here == "formula" else here]
            else:
                self.pending = [here] * 5
        else:
            self.pending = ["unknown command"] * 9
        if word in _SILENT_ARGUMENTS and _SILENT_ARGUMENTS[word] == 0:
            self.pending = []
        if self.pending and not self.text.startswith("{", self._after_blank()):
            self.pending = []


def invented(
    text: str, pages: str, lexicon: Lexicon = Lexicon()
) -> tuple[collections.Counter[str], list[Word]]:
    """Count the words of a cleaned text by what became of them, and list the invented ones.

    The keys of the counter are ``words`` (all), ``on the pages``, those of ``CAUSES`` and
    ``invented``.
    """
    on_pages = _page_words(pages)
    squeezed = "".join(sorted_letters(pages))
    counts: collections.Counter[str] = collections.Counter()
    found: list[Word] = []
    for word in read_words(text, lexicon):
        counts["words"] += 1
        plain = _plain(word.text)
        if plain in on_pages:
            counts["on the pages"] += 1
        elif word.cause:
            counts[word.cause] += 1
        elif plain in squeezed:
            counts["broken"] += 1
        elif not word.text.isascii() or _LIGATURES.sub("", plain) in squeezed:
            counts["letters"] += 1
        else:
            counts["invented"] += 1
            found.append(word)
    return counts, found


def _page_words(pages: str) -> set[str]:
    plain = _plain(pages)
    joined = re.sub(r"-\s*\n\s*", "", plain)
    return set(_WORD.findall(plain)) | set(_WORD.findall(joined))


def sorted_letters(pages: str) -> Iterator[str]:
    """The letters of the pages in their order, without what stands between."""
    return (letter for letter in _plain(pages) if letter.isalpha())


def _plain(text: str) -> str:
    """Lower case, without accents and ligatures."""
    decomposed = unicodedata.normalize("NFKD", text.replace("ı", "i").replace("ß", "ss"))
    return "".join(c for c in decomposed if not unicodedata.combining(c)).lower()


def can_set() -> bool:
    """Tell whether both programs are installed."""
    return bool(shutil.which("pdflatex") and shutil.which("pdftotext"))


def set_pages(main: pathlib.Path, seconds: int = 60) -> str | None:
    """Set a source with pdflatex in its folder: the text of its pages; None where it fails."""
    folder = main.parent
    latex = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape"]
    environment = {**os.environ, "openout_any": "p", "max_print_line": "200"}
    try:
        run = subprocess.run(
            [*latex, main.name],
            cwd=folder,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=seconds,
            env=environment,
        )
        pdf = folder / f"{main.stem}.pdf"
        if run.returncode != 0 or not pdf.exists():
            return None
        pages = subprocess.run(
            ["pdftotext", "-nopgbrk", "-enc", "UTF-8", pdf.name, "-"],
            cwd=folder,
            capture_output=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return None
    return pages.stdout.decode("utf-8", "replace") if pages.returncode == 0 else None
