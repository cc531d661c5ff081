"""Which licence files and headers are kept, told from those that only look like them."""

from __future__ import annotations

import pathlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.sample.github import read_bundle
from pasture.sources.github import licenses, spdx
from pasture.sources.github.source import GitHub
from pasture.text.code_languages import COMMENTS

ALLOWED = GitHub(inputs=()).licenses


def notice(name: str) -> str:
    return read_bundle(f"=== LICENSE <- {name} 2020 Ada Example\n")[1][0].data.decode()


MIT = notice("MIT")
BSD3 = notice("BSD-3-Clause")
APACHE_NOTICE = notice("Apache-2.0")
GPL3_NOTICE = notice("GPL-3.0")
APACHE = (pathlib.Path(__file__).parents[3] / "LICENSE").read_text(encoding="utf-8")

CLAUSE_3 = BSD3[BSD3.index("3. Neither") : BSD3.index("THIS SOFTWARE")]
BSD2 = BSD3.replace(CLAUSE_3, "")
BSD4 = BSD3.replace(
    "3. Neither",
    "3. All advertising materials mentioning features or use of this software must display "
    "the following acknowledgement: This product includes software developed by Ada.\n\n"
    "4. Neither",
)
MIT_CONDITION = MIT[MIT.index(", subject to") : MIT.index("THE SOFTWARE IS")]
MIT0 = MIT.replace(MIT_CONDITION, ".\n\n")
X11 = MIT + (
    "\nExcept as contained in this notice, the name of Ada Example shall not be used in "
    "advertising or otherwise to promote the sale, use or other dealings in this Software "
    "without prior written authorization from Ada Example.\n"
)
ISC = (
    "ISC License\n\nCopyright (c) 2020 Ada Example\n\nPermission to use, copy, modify, and/or "
    "distribute this software for any purpose with or without fee is hereby granted, provided "
    "that the above copyright notice and this permission notice appear in all copies.\n\n"
    'THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO '
    "THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT "
    "SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR "
    "ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF "
    "CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE "
    "OR PERFORMANCE OF THIS SOFTWARE.\n"
)
BSD0 = ISC.replace(
    ", provided that the above copyright notice and this permission notice appear in all copies",
    "",
).replace("ISC License", "BSD Zero Clause License")


def commented(text: str, marker: str = "//") -> str:
    return "".join(f"{marker} {line}".rstrip() + "\n" for line in text.splitlines())


KEPT = {
    "mit": (MIT, "MIT"),
    "mit, one line a paragraph": (
        "\n\n".join(part.replace("\n", " ") for part in MIT.split("\n\n")),
        "MIT",
    ),
    "mit in capitals": (MIT.upper(), "MIT"),
    "mit without title": (MIT.partition("\n\n")[2], "MIT"),
    "mit, British": (MIT.replace("License", "Licence"), "MIT"),
    "mit, curly quotes": (MIT.replace('"Software"', "\u201cSoftware\u201d"), "MIT"),
    "mit, typographic quotes of TeX": (MIT.replace('"AS IS"', "``AS IS''"), "MIT"),
    "mit, owner named": (
        MIT.replace("THE\nAUTHORS OR COPYRIGHT HOLDERS", "ADA EXAMPLE").replace(
            "AUTHORS OR COPYRIGHT HOLDERS", "ADA EXAMPLE"
        ),
        "MIT",
    ),
    "mit, non-infringement": (MIT.replace("NONINFRINGEMENT", "NON-INFRINGEMENT"), "MIT"),
    "mit, next paragraph": (
        MIT.replace(
            "permission notice shall", "permission notice (including the next paragraph) shall"
        ),
        "MIT",
    ),
    "mit, all rights reserved": (MIT.replace("Ada Example", "Ada. All rights reserved."), "MIT"),
    "mit, many authors": (
        MIT.replace("Ada Example", "Ada\nCopyright (c) 2019 Björn <b@example.org>\n(c) 李雷"),
        "MIT",
    ),
    "mit as comment": (commented(MIT, " *"), "MIT"),
    "mit as Markdown": ("# License\n\n> " + MIT.replace("\n", "\n> "), "MIT"),
    "mit, crlf": (MIT.replace("\n", "\r\n"), "MIT"),
    "mit, scoped": ("Except where otherwise noted, this is under the following.\n" + MIT, "MIT"),
    "mit-0": (MIT0, "MIT-0"),
    "x11": (X11, "X11"),
    "bsd-2": (BSD2, "BSD-2-Clause"),
    "bsd-3": (BSD3, "BSD-3-Clause"),
    "bsd-3, bullets": (
        BSD3.replace("1. R", "* R").replace("2. R", "* R").replace("3. N", "* N"),
        "BSD-3-Clause",
    ),
    "bsd-3, letters": (
        BSD3.replace("1. R", "(a) R").replace("2. R", "(b) R").replace("3. N", "(c) N"),
        "BSD-3-Clause",
    ),
    "bsd-3, organisation": (
        BSD3.replace("the copyright holder nor", "the University of Somewhere nor"),
        "BSD-3-Clause",
    ),
    "bsd-3, regents": (
        BSD3.replace("COPYRIGHT HOLDERS AND", "REGENTS AND").replace(
            "COPYRIGHT HOLDER OR", "REGENTS OR"
        ),
        "BSD-3-Clause",
    ),
    "bsd-3, name of the author": (
        BSD3.replace(
            "Neither the name of the copyright holder nor the names of its contributors\n   may",
            "The name of the author may not",
        ),
        "BSD-3-Clause",
    ),
    "bsd-2, views": (
        BSD2 + "\nThe views and conclusions contained in the software and documentation are those "
        "of the authors and should not be interpreted as representing official policies, either "
        "expressed or implied, of the Example Project.\n",
        "BSD-2-Clause",
    ),
    "bsd-3, titled new": ("New BSD License\n\n" + BSD3, "BSD-3-Clause"),
    "0bsd": (BSD0, "0BSD"),
    "apache": (APACHE, "Apache-2.0"),
    "apache, cut before the appendix": (APACHE[: APACHE.index("APPENDIX")], "Apache-2.0")
    if "APPENDIX" in APACHE
    else (APACHE, "Apache-2.0"),
    "apache notice": (APACHE_NOTICE, "Apache-2.0"),
    "apache, pointer": ("Licensed under the Apache License, Version 2.0.", "Apache-2.0"),
    "mit, pointer": ("This project is released under the MIT license.\n", "MIT"),
    "bsd, pointer": ("Distributed under the 3-clause BSD license.\n", "BSD-3-Clause"),
    "either": (
        "This software is made available under the terms of either of the licenses found in "
        "LICENSE.APACHE or LICENSE.BSD.",
        "Apache-2.0 OR LicenseRef-BSD",
    ),
    "both texts": (MIT + "\n\n" + BSD3, "BSD-3-Clause AND MIT"),
    "dual with gpl": (
        "You may use this under either of two licenses, the MIT license or the GNU General "
        "Public License, version 2 or later.\n",
        "MIT",
    ),
    "dual with gpl, text follows": (
        "Dual licensed under the MIT or GPL version 2 licenses.\n\n" + MIT,
        "MIT",
    ),
    "spdx only": ("SPDX-License-Identifier: MIT\n", "MIT"),
}

DROPPED = {
    "empty": "",
    "prose": "Ask Ada before you use this.",
    "copyright only": "Copyright (c) 2020 Ada Example. All rights reserved.",
    "isc": ISC,
    "bsd-4": BSD4,
    "gpl-3 notice": GPL3_NOTICE,
    "gpl by name": "GNU GENERAL PUBLIC LICENSE\nVersion 2, June 1991\n",
    "lgpl": GPL3_NOTICE.replace("GNU General", "GNU Lesser General"),
    "agpl": GPL3_NOTICE.replace("GNU General", "GNU Affero General"),
    "mpl": "This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0.",
    "epl": "Eclipse Public License - v 2.0",
    "cddl": "COMMON DEVELOPMENT AND DISTRIBUTION LICENSE (CDDL) Version 1.0",
    "cc-by": "Creative Commons Attribution 4.0 International",
    "cc-by-nc": "This work is licensed under CC BY-NC 4.0.",
    "cc0": "CC0 1.0 Universal",
    "unlicense": "This is free and unencumbered software released into the public domain.",
    "public domain": "This work is in the public domain.",
    "wtfpl": "DO WHAT THE FUCK YOU WANT TO PUBLIC LICENSE",
    "zlib": "This software is provided 'as-is', without any express or implied warranty. In no "
    "event will the authors be held liable for any damages.",
    "boost": "Boost Software License - Version 1.0",
    "psf": "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2",
    "artistic": "The Artistic License 2.0",
    "perl": "You may redistribute this under the same terms as Perl itself.",
    "proprietary": "This software is proprietary and confidential. Unauthorized copying of this "
    "file, via any medium, is strictly prohibited.",
    "eula": "END USER LICENSE AGREEMENT. By installing you accept these terms.",
    "busl": "Business Source License 1.1",
    "sspl": "Server Side Public License VERSION 1",
    "elastic": "Elastic License 2.0",
    "polyform": "PolyForm Noncommercial License 1.0.0",
    "json": MIT + "\nThe Software shall be used for Good, not Evil.\n",
    "json inside": MIT.replace(
        "THE SOFTWARE IS", "The Software shall be used for Good, not Evil.\n\nTHE SOFTWARE IS"
    ),
    "commons clause": '"Commons Clause" License Condition v1.0\n\n' + MIT,
    "apache with commons clause": APACHE + "\nCommons Clause License Condition v1.0\n",
    "mit, non-commercial": MIT.replace(
        "free of charge, to", "free of charge, for non-commercial use, to"
    ),
    "mit, no selling": MIT + "\nYou may not sell copies of the Software.\n",
    "mit, sell struck out": MIT.replace(
        "sublicense, and/or sell\ncopies of the Software",
        "sublicense copies of the Software, but not sell it",
    ),
    "mit, academic": MIT + "\nThis software is for academic use only.\n",
    "mit, research": BSD3 + "\nUse is limited to research purposes.\n",
    "mit, fee": MIT + "\nCompanies pay a yearly subscription.\n",
    "mit, ethics": MIT + "\nThe Software must not be used to harm people.\n",
    "mit, termination": MIT + "\nThe author may terminate this license at any time.\n",
    "mit, Chinese clause": MIT + "\n本软件仅供学习，禁止商业用途。\n",
    "mit, German clause": MIT + "\nDie kommerzielle Nutzung ist verboten.\n",
    "bsd, military": BSD3 + "\nMilitary use is excluded.\n",
    "bsd, clear": BSD3.replace(
        "THIS SOFTWARE IS PROVIDED",
        "NO EXPRESS OR IMPLIED LICENSES TO ANY PARTY'S PATENT RIGHTS ARE "
        "GRANTED BY THIS LICENSE. THIS SOFTWARE IS PROVIDED",
        1,
    ),
    "half of mit": MIT[: len(MIT) // 2],
    "most of mit": MIT[: len(MIT) * 7 // 10],
    "a choice that leaves a part out": "Dual licensed under the MIT or BSD licenses.\n"
    + "The author thanks everybody who helped.\n" * 20
    + "The folder fast is under the GNU General Public License.\n",
    "mit and gpl": MIT + "\nThe files in src/fast are under the GNU General Public License.\n",
    "mit then gpl": MIT + "\n\n" + GPL3_NOTICE,
    "bsd and lgpl part": BSD3 + "\nPortions are licensed under the LGPL v2.1.\n",
    "gpl or later is no choice": "Licensed under the GPL, version 2, or (at your option) any "
    "later version.",
    "either version of gpl": MIT + "\n" + GPL3_NOTICE,
    "spdx gpl": "SPDX-License-Identifier: GPL-2.0-only\n",
    "copyleft dual": "Dual licensed under the GPL or the LGPL.",
    "mit or commercial": "MIT for individuals; a commercial license is needed for companies.\n"
    + MIT,
    "hpnd": "Permission to use, copy, modify and distribute this software and its documentation "
    "for any purpose and without fee is hereby granted, provided that the notice appears.",
    "openssl": "OpenSSL License\n",
    "nvidia": "NVIDIA CORPORATION and its licensors retain all intellectual property and "
    "proprietary rights in and to this software.",
}


@pytest.mark.parametrize(("text", "expected"), KEPT.values(), ids=KEPT)
def test_keeps(text: str, expected: str) -> None:
    expression = licenses.of_license_file(text)
    assert expression is not None
    assert spdx.permitted(expression, ALLOWED) == expected


@pytest.mark.parametrize("text", DROPPED.values(), ids=DROPPED)
def test_drops(text: str) -> None:
    expression = licenses.of_license_file(text)
    assert expression is None or spdx.permitted(expression, ALLOWED) is None


def test_the_table_is_large_enough() -> None:
    assert len(KEPT) + len(DROPPED) >= 60


HEADERS = {
    "none": ("int main(void) { return 0; }\n", "C", None),
    "copyright only": ("// Copyright 2020 Ada. All rights reserved.\nint x;\n", "C", None),
    "points at the licence file": (
        "// Use of this source code is governed by a license that can be found in the\n"
        "// LICENSE file.\n",
        "Go",
        None,
    ),
    "spdx": ("/* SPDX-License-Identifier: BSD-2-Clause */\nint x;\n", "C", "BSD-2-Clause"),
    "spdx choice": (
        "// SPDX-License-Identifier: GPL-2.0-only OR MIT\n",
        "Rust",
        "GPL-2.0-only OR MIT",
    ),
    "spdx with": (
        "// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\n",
        "C++",
        "Apache-2.0 WITH LLVM-exception",
    ),
    "spdx in html": ("<!-- SPDX-License-Identifier: MIT -->\n", "HTML", "MIT"),
    "spdx malformed": ("# SPDX-License-Identifier: MIT OR\n", "Python", "LicenseRef-malformed"),
    "mit in full": (commented(MIT) + "\nint x;\n", "C", "MIT"),
    "mit in full, paragraphs apart": (
        commented(MIT.partition("\n\n")[2], "#").replace("\n#\n", "\n\n") + "\nimport os\n",
        "Python",
        "MIT",
    ),
    "mit in full, python": (commented(MIT, "#") + "\nimport os\n", "Python", "MIT"),
    "bsd in a block": ("/*\n" + commented(BSD3, " *") + " */\nint x;\n", "C", "BSD-3-Clause"),
    "apache notice": (commented(APACHE_NOTICE, "--") + "\nSELECT 1;\n", "SQL", "Apache-2.0"),
    "gpl notice": (commented(GPL3_NOTICE, "#") + "\nimport os\n", "Python", "GPL"),
    "gpl after the package line": (
        "package org.example;\n\n/*\n" + commented(GPL3_NOTICE, " *") + " */\nclass A {}\n",
        "Java",
        "GPL",
    ),
    "gpl in a docstring": ('"""Tools.\n\n' + GPL3_NOTICE + '"""\nimport os\n', "Python", "GPL"),
    "gpl in a string of code": ('NAMES = ["GNU General Public License"]\n', "Python", None),
    "gpl in C code": ('const char *name = "GNU General Public License";\n', "C", None),
    "library of gnu": ("# Wraps the GNU readline library.\nimport os\n", "Python", None),
    "jquery": (
        "/*!\n * Dual licensed under the MIT or GPL Version 2 licenses.\n */\n",
        "JavaScript",
        "MIT OR GPL",
    ),
    "rust": (
        "// Licensed under the Apache License, Version 2.0 <LICENSE-APACHE or\n"
        "// http://www.apache.org/licenses/LICENSE-2.0> or the MIT license <LICENSE-MIT or\n"
        "// http://opensource.org/licenses/MIT>, at your option. This file may not be copied,\n"
        "// modified, or distributed except according to those terms.\n",
        "Rust",
        "Apache-2.0 OR MIT",
    ),
    "based on": ("# Based on code that is licensed under the MIT license.\n", "Python", None),
    "based on gpl": ("# Derived from a program licensed under the GPL.\n", "Python", "GPL"),
    "proprietary": (
        "// Proprietary and confidential. Unauthorized copying of this file is prohibited.\n",
        "C",
        "Proprietary",
    ),
    "confidential clients": (
        "# Confidential clients send a secret; see the license of the server.\n",
        "Python",
        None,
    ),
    "non-commercial": (
        commented(MIT) + "// For non-commercial use.\nint x;\n",
        "C",
        "MIT AND LicenseRef-restricted",
    ),
    "internal use": (
        commented(APACHE_NOTICE, "#") + '"""For internal use only; no guarantees."""\n',
        "Python",
        "Apache-2.0",
    ),
    "dunder": ('__license__ = "GPL-3.0-only"\n', "Python", "GPL-3.0-only"),
    "title of Markdown": ("# GNU General Public License\n\nSome words.\n", "Markdown", None),
}


@pytest.mark.parametrize(("text", "language", "expected"), HEADERS.values(), ids=HEADERS)
def test_headers(text: str, language: str, expected: str | None) -> None:
    found = licenses.of_source_file(text, language)
    assert (None if found is None else spdx.to_text(found.expression)) == expected


def test_a_header_below_the_head_is_not_read() -> None:
    padding = "\n" * licenses.HEAD_CHARS
    assert licenses.of_source_file(padding + "# Licensed under the GPL\n", "Python") is None


@pytest.mark.parametrize(
    "text",
    [
        "license " * 500_000,
        "(" * 2_000_000,
        "SPDX-License-Identifier: " + "(" * 100_000,
        "SPDX-License-Identifier: MIT " * 50_000,
        "permission is hereby granted free of charge " * 100_000,
        "either " * 300_000,
        "x" * 10_000_000,
        "1. " * 1_000_000,
        " " * 10_000_000,
        "".join(f"SPDX-License-Identifier: a{n}\n" for n in range(20_000)),
        "a\n" * 1_000_000,
    ],
    ids=lambda text: text[:20],
)
def test_hostile_texts_take_bounded_time(text: str) -> None:
    start = time.process_time()
    licenses.of_license_file(text)
    licenses.of_source_file("# license\n# " + text, "Python")
    assert time.process_time() - start < 5


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(sorted(COMMENTS)), st.text(max_size=300))
def test_no_comment_of_any_language_breaks_the_detector(language: str, noise: str) -> None:
    comments = COMMENTS[language]
    markers = [*comments.line, *(end for block in comments.blocks for end in block)]
    text = "\n".join(f"{marker} license {noise} {marker}" for marker in markers)
    stated = licenses.of_source_file(text, language)
    assert stated is None or isinstance(spdx.to_text(stated.expression), str)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=300), st.sampled_from([MIT, BSD3, GPL3_NOTICE, ""]))
def test_no_text_breaks_the_detector(noise: str, text: str) -> None:
    licenses.of_license_file(noise + text + noise)
    licenses.of_source_file("# license " + noise + "\n" + commented(text, "#"), "Python")
