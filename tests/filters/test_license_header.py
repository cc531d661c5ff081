"""Licence headers go; code, tool lines and documentation stay, byte for byte."""

from __future__ import annotations

import ast
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.filters.license_header import HEAD_CHARS, strip_header
from pasture.records import RemovedLines
from pasture.text.code_languages import COMMENTS

APACHE = [
    "Copyright 2020 Ada Example",
    "",
    'Licensed under the Apache License, Version 2.0 (the "License");',
    "you may not use this file except in compliance with the License.",
    "You may obtain a copy of the License at",
    "",
    "    http://www.apache.org/licenses/LICENSE-2.0",
    "",
    "Unless required by applicable law or agreed to in writing, software",
    'distributed under the License is distributed on an "AS IS" BASIS,',
    "WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.",
    "See the License for the specific language governing permissions and",
    "limitations under the License.",
]


def lines_of(marker: str) -> str:
    return "".join(f"{marker} {line}".rstrip() + "\n" for line in APACHE)


def block_of(opener: str, marker: str, closer: str) -> str:
    return f"{opener}\n" + lines_of(marker) + f"{closer}\n"


GOLDEN = {
    "Python": ("#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n", lines_of("#"), "import os\n"),
    "C": ("", block_of("/*", " *", " */"), "#include <stdio.h>\n#define A 1\n"),
    "C++": ("", lines_of("//"), "#pragma once\n\n// A list.\nclass List;\n"),
    "Go": ("", lines_of("//"), "//go:build linux\n\n// Package p does.\npackage p\n"),
    "Java": ("", block_of("/*", " *", " */"), "package a.b;\n\n/** A class. */\nclass A {}\n"),
    "JavaScript": ('"use strict";\n', block_of("/**", " *", " */"), "const a = 1;\n"),
    "TypeScript": ("", lines_of("//"), "/// <reference path='a'/>\nlet a: string;\n"),
    "Rust": ("", lines_of("//"), "//! Crate documentation.\n\nuse std::fmt;\n"),
    "Ruby": ("# frozen_string_literal: true\n\n", lines_of("#"), "require 'set'\n"),
    "Perl": ("#!/usr/bin/perl -w\n", lines_of("#"), "use strict;\n"),
    "PHP": ("<?php\n", block_of("/**", " *", " */"), "namespace App;\n"),
    "Shell": ("#!/bin/sh -e\n", lines_of("#"), "echo copyright 2020\n"),
    "SQL": ("", lines_of("--"), "SELECT 1; -- one row a visit\n"),
    "Haskell": ("{-# LANGUAGE GADTs #-}\n", block_of("{-", "", "-}"), "module A where\n"),
    "Lua": ("", block_of("--[[", "", "]]"), "local a = {}\n"),
    "HTML": ("<!DOCTYPE html>\n", block_of("<!--", "", "-->"), "<html></html>\n"),
    "XML": ('<?xml version="1.0"?>\n', block_of("<!--", "", "-->"), "<a><!-- b --></a>\n"),
    "CSS": ('@charset "utf-8";\n', block_of("/*", " *", " */"), "a { color: red }\n"),
    "Markdown": ("", block_of("<!--", "", "-->"), "# Copyright law\n\nLicensed under what?\n"),
    "TeX": ("", lines_of("%"), "\\documentclass{article}\n"),
    "MATLAB": ("", lines_of("%"), "function a = b(c)\n"),
    "Fortran": ("", lines_of("!"), "program a\nend program\n"),
    "Fortran 77": ("", lines_of("C"), "      PROGRAM A\n      END\n"),
    "Clojure": ("", lines_of(";;"), "(ns a.b)\n"),
    "OCaml": ("", block_of("(*", "", "*)"), "let a = 1\n"),
    "Batch": ("", lines_of("REM"), "@echo off\r\ncopy a b\r\n"),
    "Vim script": ("", lines_of('"'), 'let a = "copyright"\n'),
    "Visual Basic": ("", lines_of("'"), "Module A\nEnd Module\n"),
    "Dockerfile": ("# syntax=docker/dockerfile:1\n", lines_of("#"), "FROM scratch\n"),
    "CMake": ("", lines_of("#"), "project(a)\n"),
    "R": ("", lines_of("#"), "library(stats)\n"),
    "Erlang": ("", lines_of("%%"), "-module(a).\n"),
    "Racket": ("#lang racket\n", lines_of(";"), "(define a 1)\n"),
}


@pytest.mark.parametrize(("language", "parts"), GOLDEN.items(), ids=GOLDEN)
@pytest.mark.parametrize("gap", ["", "\n", "\n\n"])
@pytest.mark.parametrize("crlf", [False, True])
def test_golden(language: str, parts: tuple[str, str, str], gap: str, crlf: bool) -> None:
    before, header, body = parts
    if crlf:
        before, header, body, gap = (
            part.replace("\r\n", "\n").replace("\n", "\r\n") for part in (before, header, body, gap)
        )
    rest, lines = strip_header(before + header + gap + body, language)
    kept_gap = "" if not before or before.endswith(("\n\n", "\r\n\r\n")) else gap
    assert rest == before + kept_gap + body
    assert len(lines) >= header.count("\n")


@pytest.mark.parametrize(("language", "parts"), GOLDEN.items(), ids=GOLDEN)
def test_a_file_without_header_is_unchanged(language: str, parts: tuple[str, str, str]) -> None:
    text = parts[0] + parts[2]
    assert strip_header(text, language) == (text, RemovedLines())


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        # Documentation beside the header stays.
        (
            "Python",
            "# sort.py: sorts things\n#\n# Copyright 2020 Ada\n#\n# Stable and slow.\nimport os\n",
            "# sort.py: sorts things\n#\n# Stable and slow.\nimport os\n",
        ),
        (
            "C",
            "/* list.c -- linked lists\n * Copyright (C) 2020 Ada\n */\nint a;\n",
            "/* list.c -- linked lists\n */\nint a;\n",
        ),
        (
            "C",
            "/* Copyright (C) 2020 Ada\n *\n * Linked lists.\n */\nint a;\n",
            "/*\n * Linked lists.\n */\nint a;\n",
        ),
        (
            "Java",
            "/**\n * A shape.\n *\n * Licensed under the MIT license. */\nclass A {}\n",
            "/**\n * A shape.\n *\n */\nclass A {}\n",
        ),
        (
            "Python",
            "#\n# Copyright 2020 Ada\n#\n# Sorts things.\n#\nimport os\n",
            "# Sorts things.\n#\nimport os\n",
        ),
        ("Python", "# ----( LICENSE )----\n# Copyright 2020 Ada\nimport os\n", "import os\n"),
        # A field ends at the next field.
        (
            "Vim script",
            '" Language: Foo\n" License: MIT\n" Last Change: 2020\n\nlet a = 1\n',
            '" Language: Foo\n" Last Change: 2020\n\nlet a = 1\n',
        ),
        (
            "PHP",
            "<?php\n/**\n * @author Ada\n * @license MIT\n */\n",
            "<?php\n/**\n * @author Ada\n */\n",
        ),
        # Lines that tools read stay, even inside the header.
        (
            "Python",
            "# Copyright 2020 Ada\n# pylint: disable=invalid-name\nimport os\n",
            "# pylint: disable=invalid-name\nimport os\n",
        ),
        ("Go", "// Copyright 2020 Ada\n//go:build x\n\npackage p\n", "//go:build x\n\npackage p\n"),
        # A second header below the first goes as well.
        (
            "C",
            "/* Copyright 2020 Ada */\n\n/* Linked lists. */\n\n/* Copyright 2021 Bob */\nint a;\n",
            "/* Linked lists. */\n\nint a;\n",
        ),
        # Nothing after the first line of code is a header.
        ("C", "int a;\n/* Copyright 2020 Ada */\n", None),
        ("C", "#ifndef A\n#define A\n/* Copyright 2020 Ada */\n#endif\n", None),
        ("C", "/* Copyright 2020 Ada */ int a;\n", None),
        ("C", "/* Copyright 2020 Ada\nint a;\n", None),
        ("C", "#include <copyright.h>\n", None),
        ("Python", '"""Copyright 2020 Ada."""\nimport os\n', None),
        ("Python", "#!/usr/bin/copyright\nimport os\n", None),
        ("Python", "copyright = 1  # Copyright 2020\n", None),
        ("Markdown", "# Copyright\n\nLicensed under the MIT license.\n", None),
        ("Haskell", "{-# LANGUAGE Copyright #-}\nmodule A where\n", None),
        ("Pascal", "{$COPYRIGHT 'Ada'}\nprogram a;\n", None),
        ("reStructuredText", ".. Copyright 2020 Ada\n\nTitle\n=====\n", None),
        ("Unheard-of", "# Copyright 2020 Ada\n", None),
        (None, "# Copyright 2020 Ada\n", None),
        ("Python", "", None),
        ("Python", "# Copyright 2020 Ada", ""),
        ("Python", "# Copyright 2020 Ada\n", ""),
        ("Python", "# A module that checks permissions.\nimport os\n", None),
        ("Python", "# This reads licence plates.\nimport os\n", None),
    ],
)
def test_cases(language: str | None, text: str, expected: str | None) -> None:
    assert strip_header(text, language)[0] == (text if expected is None else expected)


def test_a_header_longer_than_the_head_stays() -> None:
    text = "/* Copyright\n" + " * words\n" * HEAD_CHARS + " */\nint a;\n"
    assert strip_header(text, "C") == (text, RemovedLines())


@pytest.mark.parametrize("language", sorted(COMMENTS))
def test_long_lines_take_bounded_time(language: str) -> None:
    comments = COMMENTS[language]
    line = "".join(f"{marker} " for marker in (*comments.line, *sum(comments.blocks, ())))
    start = time.process_time()
    for text in ("license ", line + "copyright ", "(c) part of the ", "\n", line + "\n"):
        hostile = line + text * (10_000_000 // len(text))
        rest, _ = strip_header(hostile, language)
        assert len(rest) <= len(hostile)
    assert time.process_time() - start < 5


def test_what_lies_beyond_the_head_is_untouched() -> None:
    body = "int a;\r\n" + "// Copyright \x0c\x85\u2028 x\n" * HEAD_CHARS
    rest, lines = strip_header("// Copyright 2020 Ada\n\n" + body, "C")
    assert (rest, lines.texts) == (body, ["// Copyright 2020 Ada", ""])


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "# Copyright 2020",
                "# words",
                "#",
                "",
                "x = 1",
                "'''",
                '"""',
                "#!/bin/sh",
                "# licensed under",
            ]
        ),
        max_size=12,
    )
)
def test_python_code_is_never_changed(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        before = ast.dump(ast.parse(text))
    except (SyntaxError, ValueError):
        return
    assert ast.dump(ast.parse(strip_header(text, "Python")[0])) == before


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(sorted(COMMENTS)), st.text(max_size=200), st.booleans())
def test_what_is_left_are_lines_of_the_file(language: str, noise: str, first: bool) -> None:
    markers = [*COMMENTS[language].line, *(b[0] for b in COMMENTS[language].blocks), ""]
    text = "\n".join(f"{marker} Copyright 2020 {noise}" for marker in markers)
    text = noise + text if first else text + noise
    rest, _ = strip_header(text, language)
    assert len(rest) <= len(text)
    bare = {opener.strip() for b in COMMENTS[language].blocks for opener in b} | {"/**"}
    assert all(line in text.split("\n") or line.strip() in bare for line in rest.split("\n"))
