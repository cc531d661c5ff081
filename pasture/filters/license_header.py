"""Removes the licence and copyright comments at the start of a source file.

Only comments before the first line of code are looked at, by the comment syntax of the file's
language, and only paragraphs that speak of a licence or a copyright go: from the first such
line to the end of its paragraph. What a comment says beside that stays, with its opener and
closer. Lines that tools read (``#!``, encodings, ``<?php``, ``//go:build``, modelines) stay,
and every byte from the first line of code on is unchanged.
"""

from __future__ import annotations

import functools
import re

from pasture.records import RemovedLines
from pasture.text.code_languages import COMMENTS, Comments

HEAD_CHARS = 16_384
"""Start of a file in which a header is looked for; ours. A full GPL notice and the Apache
licence's notice have under 1,500 characters, MIT and BSD in full under 2,000."""

MAX_LINE = 2000
"""Start of a line that is searched for legal words; ours. It bounds the time of a search."""

_LEGAL = re.compile(
    r"(?i)copyright|©|\(c\)|spdx-|all rights reserved|public domain"
    r"|\blicen[cs]ed? (?:under|by|to|as|from|is|for|terms|agreement|version|file|and|v?\d)"
    r"|\b(?:the|this|a|mit|bsd|apache|gnu|gpl|public|isc|x11|mpl|following|style|same) licen[cs]e"
    r"|\blicen[cs]es?/|\blicen[cs]e\s*[:=]|@licen[cs]e|\blicensed\b|^\W*licen[cs]e\W*$|sublicen[cs]e"
    r"|\blicen[cs]e\b.*\b(?:found|text|details|information|copy|obtain)"
    r"|\b(?:gnu|general) public|\bgpl|under the terms|free software|without warranty|warranties"
    r"|merchantab|fitness for a|\bin no event\b|[\"'`“]as[ -]is|permission is hereby|redistribut"
    r"|unless required by applicable law|you may not use this file|you may obtain a copy"
    r"|should have received a copy|distributed in the hope that|neither the name|permission notice"
    r"|may be used to endorse"
    r"|permission to use,? copy|provided that the (?:above|following)|\bconfidential\b"
    r"|\bproprietary\b|opensource\.org|trademarks? of|part of the .{1,40} project\W*under"
)

# A line that begins a new field, such as "Last Change:" or "@author", ends what came before.
_FIELD = re.compile(r"@\w+|[A-Z][\w /-]{0,24}:(?:\s|$)")

# Comments and lines that a tool reads, or that must stand where they stand.
_DIRECTIVE = re.compile(
    r"^(?:#!|<\?|<!doctype|\{-#|\{\$|\(\*\$|/\*!\d|['\"]use strict['\"]|@charset|#lang\b|"
    r"(?:[#/;%*\"'!-]+\s*)(?:go:build|\+build|-\*-|vim?:|ex:|pylint|pytype|flake8|noqa|type:|mypy|"
    r"pyright|frozen_string_literal|encoding\b|coding[:=]|eslint|@flow|@ts-|@jsx|jshint|jslint|"
    r"globals? |clang-format|nolint|rubocop|yamllint|shellcheck|prettier|syntax=|cython:|"
    r"distutils:|warn_indent|typed:|sourcemappingurl|@prettier|tslint|istanbul|checkstyle))",
    re.IGNORECASE,
)
# Comments that a language keeps for documentation, where others follow the header directly.
_DOCUMENTATION = ("///", "//!", "#'", "-- |", "--|")
_DECORATION = " \t\r/*#;%-!<>=|+~^.{}\"'_:"


def strip_header(text: str, language: str | None) -> tuple[str, RemovedLines]:
    """Remove the licence header of a file: the rest, and the lines that went or changed."""
    comments = COMMENTS.get(language or "")
    if comments is None:
        return text, RemovedLines()
    head = text[:HEAD_CHARS]
    lines = head.split("\n")
    if len(head) < len(text):
        lines.pop()  # it goes on behind the head, so it is not known whole
    kept: list[str | None] = list(lines)
    at = 0
    while at < len(lines):
        bare = lines[at].strip()
        if not bare or _DIRECTIVE.match(bare):
            at += 1
            continue
        end = _comment_end(lines, at, comments)
        if end is None:
            break
        _cut(kept, at, end, comments)
        at = end
    removed = RemovedLines()
    for number, (before, after) in enumerate(zip(lines, kept, strict=True)):
        if before != after:
            removed.add(number, before, "licence_header")
    if not removed:
        return text, removed
    rest = text[sum(map(len, lines)) + len(lines) :] if len(head) < len(text) else None
    body = "\n".join(line for line in kept if line is not None)
    return (body if rest is None else body + "\n" + rest if body else rest), removed


def _comment_end(lines: list[str], at: int, comments: Comments) -> int | None:
    """The line after the comment that starts at a line; None where code starts there."""
    bare = lines[at].strip()
    for opener, closer in comments.blocks:
        if bare.startswith(opener):
            search = bare[len(opener) :]
            for index in range(at, len(lines)):
                _, found, after = search.partition(closer)
                if found:
                    return None if after.strip() else index + 1
                search = lines[index + 1] if index + 1 < len(lines) else ""
            return None  # never closed
    end = at
    while end < len(lines) and _is_comment_line(lines[end], comments):
        if end > at and _begins_anew(lines[end - 1].strip(), lines[end].strip()):
            break
        end += 1
    return end if end > at else None


def _begins_anew(before: str, line: str) -> bool:
    """Tell whether a comment line is none of the comment above it: documentation, a directive."""
    is_documentation = line.startswith(_DOCUMENTATION)
    return is_documentation != before.startswith(_DOCUMENTATION) or bool(_DIRECTIVE.match(line))


def _is_comment_line(line: str, comments: Comments) -> bool:
    bare = line.strip().lower()
    if any(bare.startswith(opener) for opener, _ in comments.blocks):
        return False
    # "rem" alone is an empty remark: the markers that are words end in a space.
    return (bare + " ").startswith(comments.line) or (line + "\n").startswith(comments.column_one)


def _cut(kept: list[str | None], start: int, end: int, comments: Comments) -> None:
    """Cut the legal paragraphs out of the comment at ``[start, end)``."""
    lines = [line or "" for line in kept[start:end]]
    block = next((b for b in comments.blocks if lines[0].strip().startswith(b[0])), None)
    if block is None:
        bodies = [_after_marker(line, comments) for line in lines]
    else:
        bodies = [line.strip(_DECORATION) for line in lines]
        bodies[0] = lines[0].strip().removeprefix(block[0]).strip(_DECORATION)
        last = lines[-1] if len(lines) > 1 else bodies[0]
        bodies[-1] = last.partition(block[1])[0].strip(_DECORATION)
    legal = [bool(body) and _is_legal(body) for body in bodies]
    if not any(legal):
        return
    drop = [False] * len(lines)
    cutting = False
    for index, body in enumerate(bodies):
        goes_on = cutting and body and not _FIELD.match(body)
        cutting = legal[index] or bool(goes_on)
        drop[index] = cutting
    if all(gone or not body for gone, body in zip(drop, bodies, strict=True)):
        _drop_whole(kept, start, end)
        return
    # Empty comment lines go with the paragraph before them, or, at the top, after them.
    first = next(index for index, body in enumerate(bodies) if body)
    drop[:first] = [drop[first]] * first
    for index in range(1, len(lines)):
        drop[index] |= not bodies[index] and drop[index - 1]
    for index, line in enumerate(lines):
        if drop[index]:
            kept[start + index] = _bare_ends(line, index, len(lines), block)


@functools.lru_cache(maxsize=4096)  # the same lines stand in file after file
def _is_legal(body: str) -> bool:
    return _LEGAL.search(body, 0, MAX_LINE) is not None


def _after_marker(line: str, comments: Comments) -> str:
    bare = line.strip()
    for marker in (*comments.line, *comments.column_one):
        if bare.lower().startswith(marker.strip().lower()):
            return bare[len(marker.strip()) :].strip(_DECORATION)
    return bare.strip(_DECORATION)


def _bare_ends(line: str, index: int, count: int, block: tuple[str, str] | None) -> str | None:
    """What stays of a dropped line: the opener or closer of its block comment."""
    if block is None or 0 < index < count - 1:
        return None
    end = "\r" if line.endswith("\r") else ""
    indent = line[: len(line) - len(line.lstrip())]
    if index == 0:
        opener = block[0] + ("*" if line.strip().startswith("/**") else "")
        return indent + opener + end
    return indent + block[1] + end


def _drop_whole(kept: list[str | None], start: int, end: int) -> None:
    """Drop a whole comment, and the empty lines after it unless they part what is around it."""
    for index in range(start, end):
        kept[index] = None
    before = next((line for line in reversed(kept[:start]) if line is not None), None)
    if before is None or not before.strip():
        while end < len(kept) - 1 and not (kept[end] or "").strip():
            kept[end] = None
            end += 1
