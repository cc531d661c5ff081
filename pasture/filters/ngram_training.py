"""Trains the n-gram model of a language: SentencePiece pieces, then KenLM over them.

Writes ``{language}.sp.model``, ``{language}.arpa.bin`` and ``{language}.card.json``. The texts are
put in the order of their hashes first, so the same texts in any order give the same bytes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import pathlib
import statistics
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

from pasture import storage
from pasture.errors import ConfigError, ModelError
from pasture.filters.model_files import publish
from pasture.filters.ngram import NGRAMS, PIECES, NgramModel, open_model, perplexity
from pasture.filters.ngram_text import normalise
from pasture.filters.sampling import TextSample
from pasture.text.sentencepiece_training import train_pieces

# SentencePiece passes over lines of more than 4,192 bytes; a character has four at most.
_LINE_CHARACTERS = 1000


@dataclasses.dataclass(frozen=True)
class NgramTraining:
    """How an n-gram model is trained.

    Args:
        vocabulary: Pieces of the SentencePiece unigram model (CCNet: 65,536); fewer where the
            corpus carries no more, and then the card says so.
        character_coverage: Share of the characters that pieces must cover (CCNet: 0.9995).
        order: Longest n-gram (CCNet: 5).
        prune: For each order, the count up to which n-grams are left out, as lmplz takes it; the
            last number holds for the orders after it. CCNet prunes nothing. (0, 0, 1) makes a
            model a third as large.
        max_documents: Most texts used (CCNet: 1,000,000), drawn by hash.
        pieces_characters: Most characters that the SentencePiece model is trained on; ours, for
            memory, of which it takes about 21 bytes a character (measured).
        held_out: One text in so many is kept out of the training, to measure perplexity on.
        memory: What lmplz and build_binary may use for sorting, as they take it (CCNet: 8G).
        threads: Threads of SentencePiece's training. Another number gives another model.
        seed: Seed of the draw.
    """

    vocabulary: int = 65_536
    character_coverage: float = 0.9995
    order: int = 5
    prune: tuple[int, ...] = ()
    max_documents: int = 1_000_000
    pieces_characters: int = 100_000_000
    held_out: int = 50
    memory: str = "2G"
    threads: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        if list(self.prune) != sorted(self.prune) or len(self.prune) > self.order:
            raise ConfigError(f"prune: {self.prune} must rise, with {self.order} numbers at most")
        if self.held_out < 2:
            raise ConfigError(f"held_out: one text in {self.held_out} would leave none to learn")


def find_tool(name: str) -> str:
    """Return the path of one of KenLM's programs, from the package pasture-kenlm.

    Raises:
        ModelError: The package is not installed, or lacks the program.
    """
    try:
        import pasture_kenlm

        return str(pasture_kenlm.program(name))
    except (ImportError, FileNotFoundError) as error:
        raise ModelError(
            f"KenLM's {name} is missing ({error}); install it with "
            '"pip install --force-reinstall --no-deps pasture-kenlm"'
        ) from error


def train_ngram(
    texts: Iterable[str], *, language: str, folder: str, config: NgramTraining, work_folder: str
) -> dict[str, Any]:
    """Train the model of one language, and write it with its card, which is returned.

    Args:
        texts: Clean documents of the language; CCNet takes the openings of Wikipedia's articles.
        language: ISO 639 code, as language identification gives it.
        folder: Where the model goes, local or in a bucket.
        config: How it is trained.
        work_folder: A local folder for what is large and short-lived.

    Raises:
        ModelError: There is too little text, or a program of KenLM is missing or fails.
    """
    find_tool("lmplz"), find_tool("build_binary")
    pathlib.Path(work_folder).mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=work_folder) as temporary,
        tempfile.TemporaryFile(dir=work_folder) as spool,
    ):
        work = pathlib.Path(temporary)
        sample = TextSample(spool, config.max_documents, seed=config.seed)
        for line in filter(None, map(normalise, texts)):
            sample.add(line)
        entries = sample.entries()
        training = [entry for entry in entries if entry.key % config.held_out]
        held_out = [entry for entry in entries if not entry.key % config.held_out]
        if not training:
            raise ModelError(f"{language}: no text to train an n-gram model on")

        pieces, ngrams = work / f"{language}{PIECES}", work / f"{language}{NGRAMS}"
        vocabulary, seen = _train_pieces(map(sample.read, training), pieces, language, config)
        digest, tokens = _count_ngrams(map(sample.read, training), pieces, work / "arpa", config)
        counts = _ngram_counts(work / "arpa")
        _pack(work / "arpa", ngrams, config)
        measured = _measure(open_model(str(pieces), str(ngrams)), map(sample.read, held_out))
        card = {
            "kind": "ngram",
            "language": language,
            "documents": len(training),
            "characters": sum(entry.characters for entry in training),
            "tokens": tokens,
            "data_sha256": digest,
            "pieces_characters": seen,
            "vocabulary": vocabulary,
            "ngrams": counts,
            "held_out_documents": len(held_out),
            **measured,
            "training": dataclasses.asdict(config),
            "sha256": {
                file.name: publish(file, storage.join(folder, file.name))
                for file in (pieces, ngrams)
            },
            "notes": _notes(language, vocabulary, len(held_out), config),
        }
        storage.write_json(storage.join(folder, f"{language}.card.json"), card)
        return card


def _notes(language: str, vocabulary: int, held_out: int, config: NgramTraining) -> list[str]:
    """What the user should know about a model that is other than asked for."""
    notes = []
    if vocabulary < config.vocabulary:
        notes.append(
            f"the text in {language} carries {vocabulary:,} pieces, not {config.vocabulary:,}"
        )
    if not held_out:
        notes.append(f"the texts in {language} are too few to hold one out")
    return notes


def _train_pieces(
    lines: Iterable[str], path: pathlib.Path, language: str, config: NgramTraining
) -> tuple[int, int]:
    """Train the SentencePiece model; return its number of pieces and of characters seen."""
    import sentencepiece

    seen = 0

    def sentences() -> Iterator[str]:
        nonlocal seen
        for line in lines:
            if seen >= config.pieces_characters:
                return
            seen += len(line)
            yield from cut(line)

    try:
        model = train_pieces(
            sentences(),
            model_type="unigram",
            vocab_size=config.vocabulary,
            hard_vocab_limit=False,
            character_coverage=config.character_coverage,
            num_threads=config.threads,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise ModelError(
            f"{language}: SentencePiece cannot learn from the text: {error}"
        ) from error
    path.write_bytes(model)
    trained = sentencepiece.SentencePieceProcessor(model_proto=model)
    return int(trained.get_piece_size()), seen


def cut(line: str) -> Iterator[str]:
    """Cut a line at spaces into parts that SentencePiece's training does not pass over."""
    start = 0
    while len(line) - start > _LINE_CHARACTERS:
        end = line.rfind(" ", start + 1, start + _LINE_CHARACTERS)
        end = end if end > 0 else start + _LINE_CHARACTERS
        yield line[start:end]
        start = end
    yield line[start:]


def _count_ngrams(
    lines: Iterable[str], pieces: pathlib.Path, arpa: pathlib.Path, config: NgramTraining
) -> tuple[str, int]:
    """Feed the lines, as pieces, to lmplz; return their sha256 and number of pieces."""
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(str(pieces))
    command = [find_tool("lmplz"), "-o", str(config.order), "-S", config.memory]
    command += ["-T", f"{arpa.parent}/", "--vocab_estimate", str(config.vocabulary)]
    # Small corpora lack the counts that the discounts are estimated from. A run of characters
    # that the pieces do not cover may spell one of KenLM's symbols.
    command += ["--discount_fallback", "--skip_symbols", "--arpa", str(arpa)]
    if config.prune:
        command += ["--prune", *map(str, config.prune)]
    digest, tokens = hashlib.sha256(), 0
    with _running(command, arpa.parent / "lmplz.log") as stdin:
        for line in lines:
            digest.update(f"{line}\n".encode())
            encoded = processor.encode(line, out_type=str)
            tokens += len(encoded)
            stdin.write(f"{' '.join(encoded)}\n".encode())
    return digest.hexdigest(), tokens


@contextlib.contextmanager
def _running(command: list[str], messages: pathlib.Path) -> Iterator[io.BufferedWriter]:
    """Run a program and yield its standard input; what it says goes to a file."""
    with messages.open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603 (a program that find_tool found, no shell)
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=stderr
        )
        try:
            assert isinstance(process.stdin, io.BufferedWriter)
            with contextlib.suppress(BrokenPipeError):  # the exit status tells more
                yield process.stdin
                process.stdin.close()
            status = process.wait()
        finally:
            process.kill()
            process.wait()
    if status != 0:
        said = messages.read_text("utf-8", "replace").strip().splitlines()
        raise ModelError(f"{command[0]} failed ({status}): {said[-1] if said else 'no message'}")


def _pack(arpa: pathlib.Path, path: pathlib.Path, config: NgramTraining) -> None:
    """Pack the n-grams into a trie, probabilities and back-offs in 8 bits each."""
    command = [find_tool("build_binary"), "-T", f"{arpa.parent}/", "-S", config.memory]
    command += ["-q", "8", "-b", "8", "-a", "22", "trie", str(arpa), str(path)]
    with _running(command, arpa.parent / "build_binary.log"):
        pass


def _ngram_counts(arpa: pathlib.Path) -> list[int]:
    """Read the number of n-grams of each order from an ARPA file's head."""
    counts = []
    with arpa.open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("ngram "):
                counts.append(int(line.partition("=")[2]))
            elif counts:
                break
    return counts


def _measure(model: NgramModel, lines: Iterable[str]) -> dict[str, float | None]:
    """Measure the perplexity of held-out texts: of all together, and of the middle one."""
    scores = [model.log10(line) for line in lines]
    if not scores:
        return {"held_out_perplexity": None, "held_out_median_perplexity": None}
    log10, length = (sum(values) for values in zip(*scores, strict=True))
    return {
        "held_out_perplexity": perplexity(log10, int(length)),
        "held_out_median_perplexity": statistics.median_low(
            perplexity(log10, length) for log10, length in scores
        ),
    }
