"""Executes a notebook: ``python -m tests.notebooks docs/first-look.ipynb`` writes its outputs anew.

The notebooks of the documentation print text only, so that no Jupyter is needed to run them.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pathlib
import sys
import tempfile
from typing import Any


def read(path: pathlib.Path) -> dict[str, Any]:
    """Read a notebook."""
    body: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return body


def execute(notebook: dict[str, Any], folder: pathlib.Path) -> list[str]:
    """Run the code cells in order in a folder; return what each prints."""
    names: dict[str, object] = {"__name__": "__main__"}
    printed = []
    before = pathlib.Path.cwd()
    os.chdir(folder)
    try:
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                with contextlib.redirect_stdout(io.StringIO()) as stream:
                    exec(compile("".join(cell["source"]), "cell", "exec"), names)
                printed.append(stream.getvalue())
    finally:
        os.chdir(before)
    return printed


def outputs(notebook: dict[str, Any]) -> list[str]:
    """Return the text that a notebook holds as the output of each code cell."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return ["".join(text for out in cell["outputs"] for text in out["text"]) for cell in cells]


def main() -> None:
    """Execute the notebooks that are named, and write their outputs into them."""
    for name in sys.argv[1:]:
        path = pathlib.Path(name)
        notebook = read(path)
        with tempfile.TemporaryDirectory() as folder:
            printed = iter(execute(notebook, pathlib.Path(folder)))
        count = 0
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                count += 1
                text = next(printed).splitlines(keepends=True)
                stream = {"name": "stdout", "output_type": "stream", "text": text}
                cell["execution_count"] = count
                cell["outputs"] = [stream] if text else []
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
