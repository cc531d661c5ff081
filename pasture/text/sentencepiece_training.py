"""SentencePiece's trainer in a process of its own, whose memory is given back at its end.

It needs about seven times the text that it learns from, and a run goes on for hours after it.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable

# The program of that process: lines come in, the model goes out; options as JSON.
_PROGRAM = """
import io, json, sys, sentencepiece
lines = io.TextIOWrapper(sys.stdin.buffer, "utf-8", newline="\\n")
model = io.BytesIO()
try:
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(line[:-1] for line in lines),
        model_writer=model,
        **json.loads(sys.argv[1]),
    )
except RuntimeError as error:
    sys.exit(str(error))
sys.stdout.buffer.write(model.getvalue())
"""


def train_pieces(lines: Iterable[str], **options: str | float) -> bytes:
    """Train a SentencePiece model on lines; return the model.

    Args:
        lines: The text; a line feed would end a line too early.
        options: Of ``SentencePieceTrainer.train``.

    Raises:
        RuntimeError: The trainer gave up, and said this; or its process was killed.
    """
    command = [sys.executable, "-c", _PROGRAM, json.dumps(options)]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(  # noqa: S603 (this Python, no shell)
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with contextlib.suppress(BrokenPipeError):  # the exit status tells more
                for line in lines:
                    process.stdin.write(f"{line}\n".encode())
                process.stdin.close()
            model = process.stdout.read()
        except BaseException:
            process.kill()
            raise
        status = process.wait()
        said.seek(0)
        message = said.read().decode("utf-8", "replace").strip()
    if status < 0:
        name = signal.Signals(-status).name
        raise RuntimeError(f"its process was killed ({name}), most likely as memory ran out")
    if status > 0:
        raise RuntimeError(message)
    return model
