"""Languages by file name, extension, content and ``#!`` line."""

from __future__ import annotations

import pytest

from pasture.text.code_languages import COMMENTS, KINDS, detect


@pytest.mark.parametrize(
    ("path", "text", "language"),
    [
        ("a.py", "", "Python"),
        ("deep/A.PY", "", "Python"),
        ("a.c", "", "C"),
        ("a.C", "", "C++"),
        ("a.h", "", "C"),
        ("a.S", "", "Assembly"),
        ("a.R", "", "R"),
        ("a.tar.ts", "", "TypeScript"),
        ("tr.ts", '<?xml version="1.0"?>', "XML"),
        ("a.m", "% words\nfunction b", "MATLAB"),
        ("a.m", '#import "a.h"\n', "Objective-C"),
        ("a.m", "\n// words\n", "Objective-C"),
        ("git.1", ".TH GIT 1\n", "Roff"),
        ("notes.1", "words\n", "Text"),
        ("Makefile", "", "Makefile"),
        ("sub/Dockerfile", "", "Dockerfile"),
        ("Dockerfile.test", "", "Dockerfile"),
        ("CMakeLists.txt", "", "CMake"),
        ("words.txt", "", "Text"),
        (".bashrc", "", "Shell"),
        (".gitignore", "", None),
        ("README", "", None),
        ("run", "#!/bin/sh\n", "Shell"),
        ("run", "#!/usr/bin/env python3.11\n", "Python"),
        ("run", "#! /usr/bin/env -S node --flag\n", "JavaScript"),
        ("run", "#!/usr/bin/env A=1 ruby\n", "Ruby"),
        ("run", "#!/usr/bin/perl -w\n", "Perl"),
        ("run", "#!/usr/bin/env\n", None),
        ("run", "#!\n", None),
        ("run", "#!/bin/unheard\n", None),
        ("", "#!/bin/sh\n", "Shell"),
        ("a.unheard", "#!/bin/bash\n", "Shell"),
    ],
)
def test_detect(path: str, text: str, language: str | None) -> None:
    assert detect(path, text) == language


def test_every_language_has_a_kind_and_comments() -> None:
    assert COMMENTS.keys() == KINDS.keys()
    assert all(opener and closer for c in COMMENTS.values() for opener, closer in c.blocks)


@pytest.mark.parametrize("language", ["C", "C++", "Markdown", "Rust", "Java", "Go", "CSS", "HTML"])
def test_a_number_sign_is_no_comment_everywhere(language: str) -> None:
    assert "#" not in COMMENTS[language].line
