"""The programming and markup languages of source files: names, file names, comment syntax.

``detect`` names the language of a file by its name and, without an extension, by its ``#!``
line. ``COMMENTS`` says how each language writes comments; the licence detector (sources) and
the header remover (filters) both read it. A language whose ``#`` is no comment, such as C or
Markdown, does not list it, so neither ``#include`` nor a title is ever taken for a comment.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Literal

Kind = Literal["code", "markup", "data"]


@dataclasses.dataclass(frozen=True, slots=True)
class Comments:
    """How a language writes comments.

    Args:
        line: Markers that make the rest of the line a comment.
        blocks: Pairs of opener and closer.
        column_one: Markers that count in the first column only (fixed-form Fortran, COBOL).
    """

    line: tuple[str, ...] = ()
    blocks: tuple[tuple[str, str], ...] = ()
    column_one: tuple[str, ...] = ()


_C_BLOCK = ("/*", "*/")
_C = Comments(("//",), (_C_BLOCK,))
_CSS = Comments((), (_C_BLOCK,))
_HASH = Comments(("#",))
_HASH_C = Comments(("#", "//"), (_C_BLOCK,))
_DASH = Comments(("--",))
_LISP = Comments((";",), (("#|", "|#"),))
_PERCENT = Comments(("%",))
_XML = Comments((), (("<!--", "-->"),))
_ML = Comments((), (("(*", "*)"),))
_NONE = Comments()

# Name, kind, comments, extensions and whole file names. An extension that several languages
# share stands at the commonest one; `_by_content` tells the rest apart.
_TABLE: tuple[tuple[str, Kind, Comments, str], ...] = (
    ("Ada", "code", _DASH, ".adb .ads"),
    ("Agda", "code", Comments(("--",), (("{-", "-}"),)), ".agda"),
    ("Apex", "code", _C, ".apex .trigger"),
    ("AppleScript", "code", Comments(("--", "#"), (("(*", "*)"),)), ".applescript"),
    ("Assembly", "code", Comments((";", "//"), (_C_BLOCK,)), ".asm .s .nasm"),
    ("Awk", "code", _HASH, ".awk"),
    ("Batch", "code", Comments(("::", "rem ", "@rem "), ()), ".bat .cmd"),
    ("BibTeX", "data", _PERCENT, ".bib"),
    ("C", "code", _C, ".c .h"),
    ("C#", "code", _C, ".cs .csx"),
    ("C++", "code", _C, ".cpp .hpp .c++ .h++ .cc .hh .cxx .hxx .ipp .tpp .C .H .ino"),
    ("CMake", "code", Comments(("#",), (("#[[", "]]"),)), ".cmake CMakeLists.txt"),
    ("COBOL", "code", Comments(("*>",), (), ("      *",)), ".cob .cbl .cpy"),
    ("CSS", "markup", _CSS, ".css"),
    ("CSV", "data", _NONE, ".csv .tsv .psv"),
    ("CUDA", "code", _C, ".cu .cuh"),
    ("Clojure", "code", _LISP, ".clj .cljs .cljc .edn"),
    ("CoffeeScript", "code", Comments(("#",), (("###", "###"),)), ".coffee Cakefile"),
    ("Common Lisp", "code", _LISP, ".lisp .lsp .cl .asd"),
    ("Coq", "code", _ML, ".coq"),
    ("Crystal", "code", _HASH, ".cr"),
    ("Cython", "code", _HASH, ".pyx .pxd .pxi"),
    ("D", "code", Comments(("//",), (_C_BLOCK, ("/+", "+/"))), ".d .di"),
    ("Dart", "code", _C, ".dart"),
    ("Dockerfile", "code", _HASH, ".dockerfile Dockerfile Containerfile"),
    ("Elixir", "code", _HASH, ".ex .exs"),
    ("Elm", "code", Comments(("--",), (("{-", "-}"),)), ".elm"),
    ("Emacs Lisp", "code", _LISP, ".el .emacs"),
    ("Erlang", "code", _PERCENT, ".erl .hrl rebar.config"),
    ("F#", "code", Comments(("//",), (("(*", "*)"),)), ".fs .fsi .fsx"),
    ("Fortran", "code", Comments(("!",)), ".f90 .f95 .f03 .f08"),
    (
        "Fortran 77",
        "code",
        Comments(("!",), (), ("c ", "C ", "*", "c\n", "C\n", "c\r", "C\r", "c*", "C*", "c-", "C-")),
        ".f .for .fpp .f77 .ftn",
    ),
    ("GLSL", "code", _C, ".glsl .vert .frag .geom .comp .hlsl .wgsl .metal"),
    ("Go", "code", _C, ".go"),
    ("GraphQL", "code", _HASH, ".graphql .gql"),
    ("Groovy", "code", _C, ".groovy .gradle .gvy Jenkinsfile"),
    ("HCL", "code", _HASH_C, ".tf .hcl .tfvars"),
    ("HTML", "markup", _XML, ".html .htm .xhtml"),
    ("Haskell", "code", Comments(("--",), (("{-", "-}"),)), ".hs .lhs .hsc"),
    ("INI", "data", Comments((";", "#")), ".ini .cfg .conf .properties .editorconfig .gitconfig"),
    ("Idris", "code", Comments(("--",), (("{-", "-}"),)), ".idr"),
    ("JSON", "data", _NONE, ".json .jsonl .ndjson .geojson .webmanifest .map .ipynb .avsc"),
    ("Java", "code", _C, ".java"),
    ("JavaScript", "code", _C, ".js .jsx .mjs .cjs .es6"),
    ("Julia", "code", Comments(("#",), (("#=", "=#"),)), ".jl"),
    ("Kotlin", "code", _C, ".kt .kts"),
    ("Less", "markup", _C, ".less"),
    ("Lua", "code", Comments(("--",), (("--[[", "]]"),)), ".lua .rockspec"),
    ("MATLAB", "code", Comments(("%",), (("%{", "%}"),)), ".matlab"),
    ("Makefile", "code", _HASH, ".mk .mak Makefile makefile GNUmakefile Kbuild"),
    ("Markdown", "markup", _XML, ".md .markdown .mdown .mkd"),
    ("Meson", "code", _HASH, "meson.build meson_options.txt"),
    ("Nim", "code", Comments(("#",), (("#[", "]#"),)), ".nim .nims .nimble"),
    ("Nix", "code", Comments(("#",), (_C_BLOCK,)), ".nix"),
    ("OCaml", "code", _ML, ".ml .mli .mll .mly"),
    ("Objective-C", "code", _C, ".m .mm"),
    ("PHP", "code", _HASH_C, ".php .php3 .php4 .php5 .phps .phpt .phtml"),
    ("Pascal", "code", Comments(("//",), (("{", "}"), ("(*", "*)"))), ".pas .dpr .lpr"),
    ("Perl", "code", _HASH, ".pl .pm .perl .pod .t cpanfile"),
    ("PowerShell", "code", Comments(("#",), (("<#", "#>"),)), ".ps1 .psd1 .psm1"),
    ("Prolog", "code", Comments(("%",), (_C_BLOCK,)), ".pro .prolog .plt"),
    ("Protocol Buffer", "code", _C, ".proto .thrift"),
    ("Puppet", "code", _HASH, ".pp .epp"),
    ("Python", "code", _HASH, ".py .pyi .pyw .wsgi SConstruct SConscript wscript"),
    ("QML", "code", _C, ".qml"),
    ("R", "code", _HASH, ".r .rprofile"),
    ("Racket", "code", _LISP, ".rkt .rktl"),
    ("Roff", "markup", Comments(('.\\"', "'\\\"", '\\"')), ".man .1 .2 .3 .5 .7 .8"),
    ("Ruby", "code", Comments(("#",), (("=begin", "=end"),)), ".rb .rake .gemspec .ru"),
    ("Rust", "code", _C, ".rs"),
    ("SCSS", "markup", _C, ".scss .sass"),
    ("SQL", "code", Comments(("--",), (_C_BLOCK,)), ".sql .psql .pgsql .plsql"),
    ("SVG", "data", _XML, ".svg"),
    ("Scala", "code", _C, ".scala .sc .sbt"),
    ("Scheme", "code", _LISP, ".scm .ss .sld"),
    ("Shell", "code", _HASH, ".sh .bash .zsh .ksh .command .fish .bats .csh .tcsh"),
    ("Smali", "code", _HASH, ".smali"),
    ("Solidity", "code", _C, ".sol"),
    ("Standard ML", "code", _ML, ".sml .fun"),
    ("Starlark", "code", _HASH, ".bzl .star BUILD BUILD.bazel WORKSPACE"),
    ("Stylus", "markup", _C, ".styl"),
    ("Svelte", "code", _XML, ".svelte"),
    ("Swift", "code", _C, ".swift"),
    ("TOML", "data", _HASH, ".toml Pipfile"),
    ("Tcl", "code", _HASH, ".tcl .tk"),
    ("TeX", "markup", _PERCENT, ".tex .sty .cls .ltx .dtx"),
    ("Text", "data", _NONE, ".txt .text .log"),
    ("TypeScript", "code", _C, ".ts .tsx .mts .cts"),
    ("VHDL", "code", _DASH, ".vhd .vhdl"),
    ("Vala", "code", _C, ".vala"),
    ("Verilog", "code", _C, ".v .vh .sv .svh"),
    ("Vim script", "code", Comments(('"',)), ".vim vimrc .vimrc _vimrc .gvimrc"),
    ("Visual Basic", "code", Comments(("'", "rem ")), ".vb .vbs .bas .frm"),
    ("Vue", "code", _XML, ".vue"),
    ("XML", "markup", _XML, ".xml .xsd .xsl .xslt .xaml .rng .wsdl .plist"),
    ("YAML", "data", _HASH, ".yaml .yml .clang-format .clang-tidy"),
    ("Zig", "code", Comments(("//",)), ".zig .zon"),
    ("reStructuredText", "markup", _NONE, ".rst .rest"),
)
_MORE_NAMES = {
    "Ruby": "Gemfile Rakefile Vagrantfile Guardfile Podfile Fastfile Brewfile .irbrc",
    "Shell": ".bashrc .bash_profile .bash_aliases .bash_logout .profile .zshrc .zshenv .zprofile "
    ".envrc PKGBUILD",
}

COMMENTS: dict[str, Comments] = {name: comments for name, _, comments, _ in _TABLE}
KINDS: dict[str, Kind] = {name: kind for name, kind, _, _ in _TABLE}

_BY_NAME = {word: name for name, _, _, words in _TABLE for word in words.split()}
_BY_NAME |= {word: name for name, words in _MORE_NAMES.items() for word in words.split()}

# The program of a "#!" line, without digits and dots: python3.11 is "python".
_INTERPRETERS = {
    "ash bash dash fish ksh sh zsh csh tcsh bats": "Shell",
    "python pypy pythonw": "Python",
    "node nodejs deno bun": "JavaScript",
    "ts-node tsx": "TypeScript",
    "ruby jruby macruby rake": "Ruby",
    "perl": "Perl",
    "php": "PHP",
    "lua luajit": "Lua",
    "tclsh wish expect": "Tcl",
    "awk gawk mawk nawk": "Awk",
    "Rscript": "R",
    "julia": "Julia",
    "groovy": "Groovy",
    "scala": "Scala",
    "make gmake": "Makefile",
    "runhaskell runghc stack": "Haskell",
    "escript": "Erlang",
    "elixir": "Elixir",
    "guile racket": "Scheme",
    "sbcl clisp": "Common Lisp",
    "swipl": "Prolog",
    "osascript": "AppleScript",
    "pwsh": "PowerShell",
    "crystal": "Crystal",
    "swift": "Swift",
    "ocaml": "OCaml",
}
_BY_INTERPRETER = {
    program: name for programs, name in _INTERPRETERS.items() for program in programs.split()
}

_OBJECTIVE_C = re.compile(
    r"^[ \t]*(?:#import|#include|@interface|@implementation|@import|//|/\*)", re.M
)


def detect(path: str, text: str) -> str | None:
    """Name the language of a file, or None: by its name, then by its ``#!`` line."""
    base = path.rpartition("/")[2]
    language = _BY_NAME.get(base)
    if language is None:
        stem, dot, extension = base.rpartition(".")
        if dot and stem:
            key = "." + extension
            language = _BY_NAME.get(key) or _BY_NAME.get(key.lower())
        if language is None and base.startswith(("Dockerfile.", "Makefile.")):
            language = base.partition(".")[0]
    if language is None:
        return _by_interpreter(text) if text.startswith("#!") else None
    return _by_content(language, base, text)


def _by_content(language: str, base: str, text: str) -> str:
    """Settle the extensions that two languages share."""
    if language == "Objective-C" and base.endswith(".m"):
        return language if _OBJECTIVE_C.search(text, 0, 2000) else "MATLAB"
    if language == "TypeScript" and text.lstrip()[:5] == "<?xml":
        return "XML"  # translations of Qt
    if language == "Roff" and not text.startswith((".", "'")):
        return "Text"
    return language


def _by_interpreter(text: str) -> str | None:
    words = text[2:200].partition("\n")[0].split()
    if words and words[0].rpartition("/")[2] == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    if not words:
        return None
    program = words[0].rpartition("/")[2]
    return _BY_INTERPRETER.get(program) or _BY_INTERPRETER.get(program.rstrip("0123456789.-"))
