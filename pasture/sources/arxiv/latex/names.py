"""The names of LaTeX that are told apart, as lists of words."""

from __future__ import annotations


def words(text: str, prefix: str = "") -> frozenset[str]:
    """The words of a text, each behind a prefix."""
    return frozenset(prefix + word for word in text.split())


STRUCTURE = words(
    """
    part chapter section subsection subsubsection paragraph subparagraph appendix abstract begin
    end document item par caption label footnote maketitle documentclass usepackage bibliography
    bibliographystyle printbibliography bibitem thebibliography input include newcommand
    renewcommand providecommand def let if else fi bgroup egroup begingroup endgroup relax left
    right verb ensuremath xspace \\ % & # $ _ { } - / , @
    """,
    "\\",
) | {"\\ "}
"""Commands that carry the structure of every paper, whatever a paper makes of them."""

STRUCTURE_ENVIRONMENTS = words(
    """
    document abstract figure figure* table table* tabular tabular* array equation equation* align
    align* eqnarray eqnarray* gather gather* multline multline* matrix pmatrix bmatrix cases split
    itemize enumerate description center quote quotation verse minipage thebibliography verbatim
    verbatim* lstlisting proof appendix appendices acknowledgments acknowledgements
    """
)
"""Environments that keep LaTeX's meaning, whatever a paper makes of them."""

LOOKS = words(
    """
    tiny scriptsize footnotesize small normalsize large Large LARGE huge Huge title author date
    thanks and address email affiliation keywords cite citep citet ref pageref eqref url href
    textbf textit emph texttt textsc textrm textsf rm bf it tt sf sl sc em baselinestretch
    arraystretch figurename
    text mbox tablename refname abstractname contentsname appendixname thesection
    thesubsection thefigure thetable theequation thepage labelitemi ps quotation today hline vec
    bar hat tilde footnoterule tableofcontents listoffigures newpage clearpage cleardoublepage
    pagestyle thispagestyle index marginpar qed
    """,
    "\\",
)
"""Commands whose look a style file changes; the text keeps their common names."""

MACHINERY = words(
    """
    catcode lccode uccode futurelet afterassignment aftergroup read write immediate everypar output
    scantokens loop repeat lowercase uppercase advance directlua
    """,
    "\\",
)
"""Commands that act on what TeX does next: a body with one of them is no text."""

DECLARATIONS = words(
    """
    it bf rm sl sf tt sc em itshape slshape scshape upshape bfseries mdseries rmfamily sffamily
    ttfamily normalfont tiny scriptsize footnotesize small normalsize large Large LARGE huge color
    centering raggedright
    """,
    "\\",
)
"""Commands that hold until the group ends."""

VERBATIM_ENVIRONMENTS = words(
    """
    verbatim verbatim* Verbatim Verbatim* BVerbatim LVerbatim SaveVerbatim lstlisting
    minted alltt luacode luacode* pycode sagesilent sageblock asy
    dotgraph
    """
)
"""Environments whose text is not TeX."""

HIDDEN_ENVIRONMENTS = words("comment filecontents filecontents* VerbatimOut verbatimwrite")
"""Environments that print nothing: comments, and text that goes to a file."""

MATH_ENVIRONMENTS = words(
    """
    equation equation* align align* eqnarray eqnarray* gather gather* multline multline* alignat
    alignat* flalign flalign* displaymath math dmath dmath*
    """
)
TEXT_COMMANDS = words(
    """
    text mbox hbox textrm textbf textit textsf texttt textsc textup textnormal intertext
    shortintertext tag
    """,
    "\\",
)
"""Commands whose argument is text, in a formula too."""

UNKNOWN_TESTS = words(
    "ifvmode ifhmode ifinner ifvoid ifhbox ifvbox ifeof ifcat iffontchar ifincsname", "\\"
)
"""Conditionals whose outcome depends on more than the source."""

PDFTEX_TESTS = words("ifpdf ifPDFTeX ifpdftex", "\\")
OTHER_ENGINE_TESTS = words(
    "ifxetex ifXeTeX ifluatex ifLuaTeX ifLuaHBTeX ifvtex ifVTeX ifptex ifuptex iftutex", "\\"
)
"""Tests of the engine: arXiv sets papers with pdfTeX."""

LATEX_FLAGS = words(
    """
    @twocolumn @twoside @titlepage @openright @openbib @compatibility @filesw @mainmatter @tempswa
    @restonecol @inlabel @newlist @nobreak @noskipsec @minipage @afterindent @firstcolumn
    @mparswitch @reversemargin @specialpage @partsw @eqnsw @ignore @inmath @nmbrlist @insert
    """
)
"""Flags of LaTeX and its classes, which are off unless an option of their name is given."""

SET_FLAGS = words("@filesw @mainmatter @afterindent @firstcolumn @eqnsw")
"""Those that are on at first."""

NO_SPACE_BEFORE = words("/ @ space bgroup egroup footnote footnotemark xspace , ; : !", "\\") | {
    "\\ "
}
r"""Commands before which ``\xspace`` writes no space."""

SECTIONS = words("part chapter section subsection subsubsection")
PARAGRAPHS = words("paragraph subparagraph")
BIBLIOGRAPHY = words("bibliography printbibliography printbibheading putbib bibitem nobibliography")
"""Commands with which a bibliography starts."""

BIBLIOGRAPHY_SETTINGS = words("bibliographystyle nocite")

REFERENCE_TITLES = frozenset(
    {
        *("references", "reference", "cited references", "references cited", "works cited"),
        *("references and notes", "notes and references", "bibliography", "literature"),
        *("literature cited", "literatur", "literaturverzeichnis", "références", "bibliographie"),
        *("referencias", "bibliografía", "riferimenti bibliografici", "bibliografia"),
        *("список литературы", "литература"),
    }
)
"""Headings of a bibliography, in lower case."""

BACK_MATTER = (
    *("acknowledg", "appendi", "author contribution", "bibliograph", "code availability"),
    *("competing interest", "conflict of interest", "conflicts of interest", "data availability"),
    *("funding", "reference", "supplement", "supporting information"),
)
"""How headings of back matter start. A paper whose first heading is one is a letter without
sections, cut by the fallback."""

DEFINED = (
    (STRUCTURE - {"\\chapter"})
    | LOOKS
    | MACHINERY
    | DECLARATIONS
    | TEXT_COMMANDS
    | words(
        """
        alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau
        upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega
        varepsilon vartheta varpi varrho varsigma varphi infty partial nabla sum prod int frac sqrt
        cdot times to le ge leq geq ne neq in subset cup cap forall exists neg land lor
        mathrm mathbf mathit mathsf mathtt mathcal mathnormal operator@font
        LaTeX LaTeXe TeX copyright dag ddag pounds S P o O l L ss ae AE oe OE aa AA i j b c d k r t
        u v H textasciitilde textbackslash textsuperscript textsubscript dots ldots cdots quad
        qquad hspace vspace hskip vskip kern hfill vfill hfil vfil par noindent indent newline
        linebreak pagebreak nolinebreak nopagebreak fbox framebox makebox parbox raisebox rule
        line vector circle put multiput footnotemark footnotetext tableofcontents
        listoffigures listoftables pagenumbering markboth markright newpage cleardoublepage
        numberline contentsline addcontentsline addtocontents protect
        newcounter setcounter addtocounter stepcounter refstepcounter value arabic roman Roman alph
        Alph fnsymbol newlength setlength addtolength newsavebox sbox savebox usebox
        newtheorem nocite @ifnextchar @ifstar @ifundefined @firstoftwo @secondoftwo @gobble
        @startsection @makecaption @maketitle @title @author @date @thefnmark @thanks @empty
        textwidth textheight columnwidth linewidth hsize vsize oddsidemargin topmargin parindent
        parskip baselineskip lineskip tabcolsep arraycolsep arrayrulewidth columnsep paperwidth
        paperheight c@page c@section c@subsection c@equation c@figure c@table c@footnote
        thefootnote thesubsubsection theparagraph fnum@figure fnum@table jobname year month day
        time today pdfoutput pdftexversion pdfcompresslevel pdfstrcmp pdfinfo pdfminorversion
        eTeXversion protected unless numexpr dimexpr detokenize unexpanded ifdefined ifcsname
        NewDocumentCommand ProvideDocumentCommand AddToHook IfFormatAtLeastTF
        """,
        "\\",
    )
)
"""Names that have a meaning in every paper, as far as papers test them. ``\\chapter`` is none: only
books have it."""
