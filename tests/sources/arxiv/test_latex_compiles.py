r"""The expanded papers compile without the authors' macros, and TeX sets the same words.

Each paper is set twice with pdflatex: as it is, and expanded, behind nothing but its class and
packages. And no text of the sample holds a word that its pages lack. Skipped where no pdflatex
(Debian: texlive-latex-base) is installed; a paper that it cannot set as it is, is skipped too.
"""

from __future__ import annotations

import contextlib
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile

import pytest

from pasture.sample import arxiv as sample
from pasture.sources.arxiv.latex import NotCleaned, clean_submission
from pasture.sources.arxiv.latex.files import Submission
from pasture.sources.arxiv.source import submission_files
from pasture.sources.containers.archives import Limits, Member, read_members
from tests.tex_words import can_set, invented, set_pages

pytestmark = pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="no pdflatex here: install texlive-latex-base"
)

PAPERS: dict[str, dict[str, str]] = {
    "arguments_and_operators": {
        "main.tex": r"""\documentclass{article}
\usepackage{amsmath,amssymb}
\newcommand{\R}{\mathbb{R}}
\newcommand{\norm}[2][2]{\lVert #2 \rVert_{#1}}
\newcommand*\half{\tfrac12}
\newcommand{\pair}[2]{\langle #1, #2\rangle}
\newcommand{\both}[1]{\pair{#1}{\norm{#1}}}
\DeclareMathOperator{\diam}{diam}
\DeclareMathOperator*{\argmin}{arg\,min}
\begin{document}
\section{Arguments} % a comment
Let $x \in \R^n$ with $\norm{x} \le 1$ and $\norm[\infty]{x} > 0$; then $\half\both{x+y}$ and
$\both y\half$. We have \emph{$\diam A$ and $\diam(B)$}, 50\% of
\[ \argmin_{x \in \R} \norm[p]{x - \half} = \pair ab. \]
\end{document}
"""
    },
    "delimited_definitions": {
        "main.tex": r"""\documentclass{article}
\def\unit#1 #2;{#1\,\textrm{#2}}
\def\span(#1,#2){from #1 to #2}
\def\eps{\varepsilon}
\let\ep\eps
\edef\base{3}
\def\three#1#2#3{#3-#2-#1}
\newcommand{\defvec}[1]{\expandafter\newcommand\csname v#1\endcsname{\mathbf{#1}}}
\defvec{x}\defvec{y}
\begin{document}
\section{Delimiters}
It weighs \unit 12 kg; and goes \span(one,{two, or three}), \three abc and \three1{2}{3}.
A \base{} and a \base. {\def\base{4}Now \base, and {\gdef\eps{\alpha}}} again \base: $\eps x\ep y$,
$\vx\vy$ and $\vx a$.
\end{document}
"""
    },
    "environments": {
        "main.tex": r"""\documentclass{article}
\newenvironment{claim}[1][Claim]{\par\medskip\noindent\textbf{#1.} }{\hfill$\diamond$\par}
\newenvironment{finding}{\begin{quote}\itshape}{\end{quote}}
\newcommand{\be}{\begin{equation}}
\newcommand{\ee}{\end{equation}}
\newcommand{\row}[3]{#1 & #2 & #3 \\}
\newenvironment{steps}{\begin{enumerate}\setlength{\itemsep}{0pt}}{\end{enumerate}}
\begin{document}
\section{Environments}
\begin{claim}
The numbers satisfy
\be
T_n = 4T_{n-1} . \label{t}
\ee
\end{claim}
\begin{claim}[Growth]\begin{finding}They grow.\end{finding}\end{claim}
\begin{steps}
\item first
\item second
\end{steps}
\begin{tabular}{lrr}\hline
\row{one}{1}{$\frac12$}
\row{two}{2}{4}\hline
\end{tabular}
\end{document}
"""
    },
    "several_files": {
        "paper.tex": r"""\documentclass{article}
\usepackage{shortcuts}
\input{macros}
\begin{document}
\input{sections/intro}
\include{sections/main}
\piece{crossing}
\end{document}
""",
        "macros.tex": "\\newcommand{\\E}{\\mathbb{E}} % expectation\n"
        "\\newcommand{\\prob}[1]{\\mathbb{P}\\left( #1 \\right)}\n"
        "\\newcommand{\\piece}[1]{\\input{parts/#1}}\n",
        "shortcuts.sty": "\\ProvidesPackage{shortcuts}\n\\RequirePackage{amsmath}\n"
        "\\RequirePackage{amssymb}\n\\def\\sc@half{\\tfrac{1}{2}}\n\\newcommand{\\half}{\\sc@half}\n",
        "sections/intro.tex": "\\section{Ladders}\nUp with probability $\\half$ % or down\n"
        "at each step, %\nand no other.\n\n% a line of its own\nIt forgets.\n",
        "sections/main.tex": "\\section{Crossing}\n\\[\\prob{\\tau>n}\\le\\E X.\\]\n",
        "parts/crossing.tex": "At last $\\prob A=\\half$.\n",
    },
    "modes_and_spaces": {
        "main.tex": r"""\documentclass{article}
\usepackage{xspace}
\def\msun{\ifmmode M_\odot\else$M_\odot$\fi}
\newcommand{\kms}{\ensuremath{\,\mathrm{km\,s^{-1}}}}
\newcommand{\lw}{\textsc{Legwork}\xspace}
\newif\ifdraft\draftfalse
\newcommand{\todo}[1]{\ifdraft\textbf{[#1]}\fi}
\newcommand{\sys}{Relay}
\begin{document}
\section{Modes of \lw}
With \lw we find 3\msun, $3\msun$, \lw, 5\kms and $5\kms$ by \lw. See\todo{where?} \sys{} and
\sys\ and \sys now\footnote{As \lw did.} in \verb|\sys % \lw|:
\begin{verbatim}
\sys 100% of \lw % kept
\end{verbatim}
\iffalse Not \sys. \fi
Done \emph\sys.
\end{document}
"""
    },
    "arguments_without_braces": {
        "main.tex": r"""\documentclass{article}
\newcommand{\x}{x_1}
\newcommand{\unit}{[0,1]}
\newcommand{\name}{Old mill}
\begin{document}
\section{Braces}
$\frac\x\x + \frac1\x + \frac{\x}\x\x + \sqrt\x$ at the \textbf\name.
\begin{itemize}
\item \unit{} is closed.
\end{itemize}
\begin{tabular}{c}
a\\
\unit
\end{tabular}
\end{document}
"""
    },
    "stars_and_options": {
        "main.tex": r"""\documentclass{article}
\usepackage{amsmath}
\makeatletter
\newcommand{\seq}{\@ifstar{\seq@long}{\seq@short}}
\newcommand{\seq@short}[1]{(#1_n)}
\newcommand{\seq@long}[1]{(#1_1, #1_2, \ldots)}
\makeatother
\NewDocumentCommand{\inner}{s m m}
  {\IfBooleanTF{#1}{\left\langle #2, #3\right\rangle}{\langle #2, #3\rangle}}
\NewDocumentCommand{\deriv}{O{x} m}{\frac{\partial #2}{\partial #1}}
\let\oldvec\vec
\renewcommand{\vec}[1]{\oldvec{\mathbf{#1}}}
\providecommand{\vec}[1]{#1}
\newcommand{\head}[1]{\paragraph{On #1.}}
\begin{document}
\section{Stars}
Take $\seq{a}$ and $\seq*{a}$, $\inner{f}{g}$ and $\inner*{f}{\deriv[t]{\vec v}}$, $\deriv f$.
\renewcommand{\head}[1]{\paragraph{About #1.}}
\head{stars}
Few\newcommand{\few}[1][few]{(#1)} \few and \few[{[many]}].
\end{document}
"""
    },
}
SAMPLE_PAPERS = ("2401.00101", "2401.00104", "2401.00106", "2401.00203", "2401.00404")

# No page numbers, which would stand between the words, and not on the same pages.
START = r"""\makeatletter\let\ps@plain\ps@empty\let\ps@firstpage\ps@empty\makeatother
\pagestyle{empty}\begin{document}"""
_PACKAGE = re.compile(r"(?m)^\\(?:documentclass|usepackage|RequirePackage)(?:\[[^]]*\])?\{(.*)\}")


@pytest.mark.parametrize("files", PAPERS.values(), ids=PAPERS)
def test_sets_the_same_words(files: dict[str, str], tmp_path: pathlib.Path) -> None:
    encoded = {name: text.encode() for name, text in files.items()}
    original, expanded = set_twice(encoded, tmp_path)
    assert expanded == original


@pytest.mark.parametrize("paper_id", SAMPLE_PAPERS)
def test_sets_the_words_of_the_body(paper_id: str, tmp_path: pathlib.Path) -> None:
    """A paper with a title and a bibliography keeps what stands between them."""
    sample.write(str(tmp_path))
    with tarfile.open(tmp_path / sample.NAME) as tar:
        member = tar.extractfile(f"2401/{paper_id}.gz")
        assert member
        original, expanded = set_twice(submission_files(member.read()), tmp_path)
    assert len(expanded) > len(original) / 2
    assert expanded in original


def sample_papers(folder: pathlib.Path) -> dict[str, dict[str, bytes]]:
    """The submissions of the sample that have LaTeX, by their names."""
    sample.write(str(folder))
    papers: dict[str, dict[str, bytes]] = {}
    for member in read_members(str(folder / sample.NAME), Limits()):
        if isinstance(member, Member) and member.name.endswith(".gz"):
            with contextlib.suppress(NotCleaned):
                papers[member.name] = submission_files(member.data)
    return papers


with tempfile.TemporaryDirectory() as _folder:
    GOLDEN = {name: {k: v.encode() for k, v in files.items()} for name, files in PAPERS.items()}
    GOLDEN |= sample_papers(pathlib.Path(_folder))


@pytest.mark.skipif(not can_set(), reason="no pdftotext here: install poppler-utils")
@pytest.mark.parametrize("files", GOLDEN.values(), ids=GOLDEN)
def test_holds_no_word_that_the_pages_lack(files: dict[str, bytes], tmp_path: pathlib.Path) -> None:
    try:
        paper = clean_submission(files)
    except NotCleaned as error:
        pytest.skip(f"gives no text: {error.reason}")
    for name, data in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    pages = set_pages(tmp_path / paper.main)
    if pages is None:
        pytest.skip("pdflatex cannot set it as it is")
    _, words = invented(paper.text, pages, Submission(files).lexicon)
    assert [word.text for word in words] == []


def set_twice(files: dict[str, bytes], folder: pathlib.Path) -> tuple[str, str]:
    """Set a submission as it is, and expanded: the words of each."""
    paper = clean_submission(files)
    assert not paper.unexpanded
    as_it_is, bare = folder / "as_it_is", folder / "bare"
    for name, data in files.items():
        path = as_it_is / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    main = as_it_is / paper.main
    main.write_text(main.read_text("utf-8").replace("\\begin{document}", START, 1), "utf-8")
    bare.mkdir()
    document = f"{packages(files)}\n{START}\n{paper.text}\n\\end{{document}}\n"
    (bare / paper.main).write_text(document, "utf-8")
    return words(main), words(bare / paper.main)


def packages(files: dict[str, bytes]) -> str:
    """The lines of a submission that load its class and packages, its own apart."""
    sources = "\n".join(data.decode() for data in files.values())
    lines = [m for m in _PACKAGE.finditer(sources) if f"{m[1]}.sty" not in files]
    lines.sort(key=lambda line: "documentclass" not in line[0])
    return "\n".join(line[0].replace("RequirePackage", "usepackage") for line in lines)


def words(main: pathlib.Path) -> str:
    """Set a paper: the words on its pages without the spaces between; empty without pdftotext."""
    folder = main.parent
    latex = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape"]
    run = subprocess.run([*latex, main.name], cwd=folder, capture_output=True, timeout=60)
    assert run.returncode == 0, run.stdout.decode("latin-1")[-2000:]
    if shutil.which("pdftotext") is None:
        return ""
    pages = subprocess.run(
        ["pdftotext", "-nopgbrk", main.with_suffix(".pdf").name, "-"],
        cwd=folder,
        capture_output=True,
        check=True,
        timeout=60,
    )
    return "".join(pages.stdout.decode().split())
