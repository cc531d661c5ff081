from __future__ import annotations

import io
import os
import signal

import pytest
import sentencepiece

from pasture.text.sentencepiece_training import train_pieces
from tests.processes import running

LINES = [f"the {a} sheep of the {b} pasture\r{a}{b}" for a in range(30) for b in range(30)]
OPTIONS = {"model_type": "bpe", "vocab_size": 60, "minloglevel": 2, "num_threads": 1}

PROGRAM = "SentencePieceTrainer"  # in the command line of the process that trains


def test_the_model_is_the_one_that_the_trainer_makes_in_this_process():
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES), model_writer=model, **OPTIONS
    )
    assert train_pieces(LINES, **OPTIONS) == model.getvalue()


def test_what_the_trainer_says_is_told():
    with pytest.raises(RuntimeError, match="Vocabulary size too high"):
        train_pieces(LINES, **{**OPTIONS, "vocab_size": 100_000})


def test_a_process_that_is_killed_is_told_of():
    def lines():
        yield from LINES
        [trainer] = running(os.getpid(), PROGRAM)
        os.kill(trainer, signal.SIGKILL)

    with pytest.raises(RuntimeError, match=r"killed \(SIGKILL\), most likely as memory ran out"):
        train_pieces(lines(), **OPTIONS)


def test_no_process_stays_where_reading_the_lines_fails():
    def lines():
        yield from LINES
        assert len(running(os.getpid(), PROGRAM)) == 1
        raise ValueError("unreadable")

    with pytest.raises(ValueError, match="unreadable"):
        train_pieces(lines(), **OPTIONS)
    assert running(os.getpid(), PROGRAM) == []
