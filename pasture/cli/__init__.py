"""The command line. Each command checks its words, calls one function, and shows the result.

Heavy imports stand inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import click

from pasture import __version__
from pasture.cli.base import (
    CONTEXT,
    Group,
    absolute,
    echo,
    input_option,
    json_option,
    output_of,
    root_of,
)
from pasture.cli.fetch import fetch
from pasture.cli.recipes import recipe
from pasture.cli.steps import steps
from pasture.errors import ConfigError


@click.group(cls=Group, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="pasture")
def main() -> None:
    """Rebuild the pretraining corpus of LLaMA from raw sources.

    \b
    A first run, on a sample that comes with the program:
      pasture sample raw                     write raw input of all seven sources
      pasture run raw/recipe.yaml --output corpus
      pasture report corpus                  what was kept, what was dropped, and why
      pasture train corpus                   a tiny LLaMA on it

    \b
    With your own input (folders common_crawl/, c4/, ... under a root):
      pasture plan llama --input gs://my-bucket/raw
      pasture run llama --input gs://my-bucket/raw --output gs://my-bucket/corpus -- --runner=...
    """


@main.command()
@json_option
def sources(as_json: bool) -> None:
    """List the sources: what they read, under which terms, and the paper's section."""
    from pasture.console.plans import show_sources

    show_sources(as_json)


@main.command()
@click.argument("folder", metavar="DIR")
@click.option(
    "--with-installed-packages",
    is_flag=True,
    help="Also archive the Python packages installed here, as GitHub input.",
)
def sample(folder: str, with_installed_packages: bool) -> None:
    """Write the bundled raw sample of all seven sources, and its recipe, to DIR."""
    from pasture.sample import write_sample

    write_sample(folder, with_installed_packages=with_installed_packages)
    echo(f"wrote raw input of seven sources and {folder}/recipe.yaml; now run:")
    echo(f"  pasture run {folder}/recipe.yaml --output corpus")


@main.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check this installation: what works, what is missing, and the command that mends it.

    Exit code 1 where the core cannot work. Uses no network.
    """
    from pasture.console.doctor import run_doctor

    sys.exit(run_doctor(as_json))


workers_option = click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 256),
    help="Worker processes of the local runner.",
)


@main.command()
@click.argument("recipe")
@input_option
@click.option("--output", metavar="DIR", help="Show what is done there already.")
@click.option(
    "--measure",
    is_flag=True,
    help="Run RECIPE on a sample of its inputs, in a temporary folder, and estimate the whole.",
)
@click.option(
    "--rates",
    metavar="FILE",
    help="Estimate by what --measure wrote here; with --measure, where it writes to.",
)
@click.option(
    "--sample-megabytes",
    default=16.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Raw megabytes of each source to measure on.",
)
@workers_option
@json_option
def plan(
    recipe: str,
    root: str | None,
    output: str | None,
    measure: bool,
    rates: str | None,
    sample_megabytes: float,
    workers: int,
    as_json: bool,
) -> None:
    """Show the stages, jobs, shards and bytes of RECIPE, or estimate a run.

    RECIPE is a YAML file or a built-in name (llama, llama2, llama3, c4_from_crawl, sample).

    \b
    Time, memory, shuffle and disk of a run to come, and its progress while it goes on:
      pasture plan llama --input raw --measure --workers 8 --rates rates.json
      pasture run llama --input raw --output corpus --workers 8 --rates rates.json
    """
    from pasture.console.plans import measure_recipe, show_estimate, show_plan
    from pasture.pipeline.estimate import estimate
    from pasture.pipeline.measure import Rates
    from pasture.pipeline.run import plan as plan_run
    from pasture.recipes.load import load_recipe

    loaded = load_recipe(recipe, root_of(recipe, root))
    if not measure and rates is None:
        show_plan(plan_run(loaded, absolute(output)), as_json)
        return
    if measure:
        measured = measure_recipe(loaded, workers, round(sample_megabytes * 1e6), as_json)
        if rates is not None:
            measured.write(absolute(rates) or "")
    else:
        measured = Rates.read(absolute(rates) or "")
    show_estimate(estimate(loaded, measured, workers), as_json)


@main.command()
@click.argument("recipe")
@input_option
@click.option("--output", metavar="DIR", required=True, help="Folder or bucket of the output.")
@click.option("--source", metavar="S", help="Only this source, and what it needs.")
@click.option("--until", metavar="STAGE", help="Only up to a stage (20-language), or 'documents'.")
@click.option("--force", is_flag=True, help="Make stages anew whose config or input changed.")
@click.option(
    "--allow-removal",
    metavar="SOURCE/STAGE",
    multiple=True,
    help="Go on although this deduplication removes more than its max_removed. May be repeated.",
)
@workers_option
@click.option("--rates", metavar="FILE", help="What plan --measure wrote, to tell the time left.")
@json_option
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
def run(
    recipe: str,
    root: str | None,
    output: str,
    source: str | None,
    until: str | None,
    force: bool,
    allow_removal: tuple[str, ...],
    workers: int,
    rates: str | None,
    as_json: bool,
    flags: tuple[str, ...],
) -> None:
    """Run every stage of RECIPE that is not done yet. Safe to stop and to run again.

    RECIPE is a YAML file or a built-in name (llama, llama2, llama3, c4_from_crawl, sample). What
    stands after -- goes to Beam untouched: -- --runner=DataflowRunner --project=...
    """
    from pasture.console.outputs import show_summary
    from pasture.console.progress import RunProgress
    from pasture.pipeline.estimate import estimate
    from pasture.pipeline.measure import Rates
    from pasture.pipeline.run import run_recipe
    from pasture.recipes.load import load_recipe

    loaded = load_recipe(recipe, root_of(recipe, root))
    expected = None
    if rates is not None:
        expected = estimate(loaded, Rates.read(absolute(rates) or ""), workers)
    with RunProgress(quiet=as_json, expected=expected) as progress:
        run_recipe(
            loaded,
            absolute(output) or "",
            source=source,
            until=until,
            force=force,
            allow_removal=allow_removal,
            workers=workers,
            flags=flags,
            progress=progress,
        )
    show_summary(output_of(output), as_json)


@main.command()
@click.argument("folder", metavar="DIR")
@json_option
def status(folder: str, as_json: bool) -> None:
    """Show what is finished in DIR: every stage and model, with its counts."""
    from pasture.console.outputs import show_status

    show_status(output_of(folder), as_json)


@main.command()
@click.argument("folder", metavar="DIR")
@click.option("--source", metavar="S", help="Only this source.")
@click.option("--reason", metavar="R", help="Only this reason: too_short, or extract/redirect.")
@click.option("--kept", is_flag=True, help="Show kept documents instead.")
@click.option("--lines", is_flag=True, help="Show lines removed from kept documents instead.")
@click.option(
    "-n", "count", default=20, show_default=True, type=click.IntRange(1), help="How many to show."
)
@click.option(
    "--characters",
    default=600,
    show_default=True,
    type=click.IntRange(0),
    help="How much of each text.",
)
@json_option
def audit(
    folder: str,
    source: str | None,
    reason: str | None,
    kept: bool,
    lines: bool,
    count: int,
    characters: int,
    as_json: bool,
) -> None:
    """Show dropped documents of DIR with the rule that dropped them, spread over the output."""
    from pasture.console.outputs import show_audit

    if kept and lines:
        raise click.UsageError("--kept and --lines exclude each other")
    show_audit(
        output_of(folder),
        source,
        reason,
        "kept documents" if kept else "removed lines" if lines else "dropped documents",
        count,
        characters,
        as_json,
    )


@main.command()
@click.argument("folder", metavar="DIR")
@click.option("--source", metavar="S", help="Only this source.")
@click.option("--stage", metavar="STAGE", help="Only this stage: 50-exact.")
@click.option(
    "-n", "count", default=10, show_default=True, type=click.IntRange(1), help="How many clusters."
)
@click.option("--to", "path", metavar="FILE", help="Write all duplicates to this Parquet file.")
@json_option
def clusters(
    folder: str, source: str | None, stage: str | None, count: int, path: str | None, as_json: bool
) -> None:
    """Show the largest clusters of duplicates of DIR, or write all of them to a file.

    A cluster is a document that stays and those that were dropped for it. The file has a row for
    each dropped document: its id, the kept document's id (kept_id), and their similarity.
    """
    from pasture.console.outputs import show_clusters, write_all_clusters

    output = output_of(folder)
    if path is not None:
        write_all_clusters(output, source, stage, absolute(path) or "", as_json)
    else:
        show_clusters(output, source, stage, count, as_json)


@main.command()
@click.argument("folder", metavar="DIR")
@click.argument("document", metavar="ID|URL")
@json_option
def explain(folder: str, document: str, as_json: bool) -> None:
    """Tell what each stage measured and decided of one document."""
    from pasture.console.outputs import show_explanation

    show_explanation(output_of(folder), document, as_json)


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which training run of DIR is meant."""
    for option in reversed(
        (
            click.option(
                "--checkpoint",
                metavar="PATH",
                help="Checkpoint of the run.  [default: the newest of DIR, where no option below "
                "is given]",
            ),
            click.option("--model", help="Preset that the run trained.  [default: tiny]"),
            click.option("--seed", type=int, help="Seed of the run.  [default: 0]"),
            click.option(
                "--context-length", type=click.IntRange(1), help="[default: the preset's]"
            ),
            click.option("--batch-tokens", type=click.IntRange(1), help="[default: the preset's]"),
        )
    ):
        command = option(command)
    return command


@main.command()
@click.argument("folder", metavar="DIR")
@click.option("--step", type=click.IntRange(1), help="Step, from 1 as metrics.jsonl counts them.")
@click.option("--row", type=click.IntRange(0), help="Sequence of the step's batch, from 0.")
@click.option("--shard", metavar="PATH", help="Token shard, instead of a step and a row.")
@click.option("--offset", type=click.IntRange(0), help="Place of a token in the shard, from 0.")
@run_options
@click.option("--ranks", default=1, show_default=True, type=click.IntRange(1))
@click.option("--rank", default=0, show_default=True, help="The rank whose row it is, of --ranks.")
@json_option
def trace(
    folder: str,
    step: int | None,
    row: int | None,
    shard: str | None,
    offset: int | None,
    checkpoint: str | None,
    ranks: int,
    rank: int,
    as_json: bool,
    **run: Any,
) -> None:
    """Name the documents behind a training sequence of DIR, and what let each of them in.

    \b
      pasture trace corpus --step 1200 --row 3
      pasture trace corpus --shard tokens/books/train-00000-of-00002.arrow --offset 81920
    """
    from pasture.console.traces import run_settings, show_trace, show_trace_of_shard

    output = output_of(folder)
    if shard is not None and offset is not None and step is None and row is None:
        show_trace_of_shard(output, shard, offset, as_json)
    elif step is not None and row is not None and shard is None and offset is None:
        if rank >= ranks:
            raise click.UsageError(f"--rank {rank} is not one of {ranks}")
        options = {name: value for name, value in run.items() if value is not None}
        settings = run_settings(output, absolute(checkpoint), options)
        sampler = settings.sampler(output.root)
        show_trace(output, sampler, step, row * ranks + rank, as_json)
    else:
        raise click.UsageError("give --step and --row, or --shard and --offset")


@main.command()
@click.argument("first", metavar="DIR_A")
@click.argument("second", metavar="DIR_B")
@json_option
def compare(first: str, second: str, as_json: bool) -> None:
    """Show where the counts of two outputs differ, by stage and reason."""
    from pasture.console.outputs import show_comparison

    show_comparison(output_of(first), output_of(second), as_json)


@main.command()
@click.argument("folder", metavar="DIR")
@json_option
def verify(folder: str, as_json: bool) -> None:
    """Check every file of DIR against its manifest: bytes, rows, schema, counts.

    Exits with 1 where anything is wrong.
    """
    from pasture.console.outputs import show_verification

    if not show_verification(output_of(folder), as_json):
        raise SystemExit(1)


@main.command()
@click.argument("folder", metavar="DIR")
@click.option("--to", "path", metavar="FILE", help="Where to write it.  [default: DIR/report.html]")
def report(folder: str, path: str | None) -> None:
    """Write the HTML report of DIR: funnels, languages, lengths, tokens, examples."""
    from pasture import storage
    from pasture.report.data import gather
    from pasture.report.page import render

    output = output_of(folder)
    target = path or storage.join(output.root, "report.html")
    with storage.atomic_write(target) as stream:
        stream.write(render(gather(output)).encode())
    echo(f"wrote {target}")


@main.group(cls=Group)
def mixture() -> None:
    """Show, plan and check mixtures: sampling proportions, tokens, epochs."""


@mixture.command("show")
@click.argument("name", default="llama")
@json_option
def mixture_show(name: str, as_json: bool) -> None:
    """Show the mixture NAME (llama, llama2, llama3, sample, or a YAML file)."""
    from pasture.console.mixtures import show_mixture

    show_mixture(name, as_json)


@mixture.command("plan")
@click.argument("folder", metavar="DIR", required=False)
@click.option("--mixture", "name", default="llama", show_default=True, help="Name or YAML file.")
@click.option("--tokens", "budget", type=float, default=None, help="Token budget, such as 1.4e12.")
@click.option(
    "--max-epochs",
    type=float,
    help="Lower the sources that would be seen more often; the others take it up.",
)
@click.option(
    "--temperature",
    type=float,
    metavar="T",
    help="Weigh sources by tokens^(1/T) instead: 1 is by size, high is all alike.",
)
@click.option(
    "--epochs",
    metavar="SOURCE=N,...",
    help="Take epochs instead, and work out proportions and budget.",
)
@click.option("--to", metavar="FILE", help="Write the mixture, for a recipe.")
@click.option("--apply", is_flag=True, help="Make it DIR's mixture.yaml, which is trained by.")
@json_option
def mixture_plan(
    folder: str | None,
    name: str,
    budget: float | None,
    max_epochs: float | None,
    temperature: float | None,
    epochs: str | None,
    to: str | None,
    apply: bool,
    as_json: bool,
) -> None:
    """Plan tokens and epochs per source for the token shards of DIR.

    Without DIR, for the token counts that the mixture's publication implies.

    \b
      pasture mixture plan corpus --tokens 2e9 --max-epochs 4
      pasture mixture plan corpus --tokens 2e9 --temperature 3.3 --to mine.yaml
      pasture mixture plan corpus --epochs c4=1,books=2.5
    """
    from pasture.console.mixtures import show_mixture_plan
    from pasture.manifests.mixture import PlanOptions

    show_mixture_plan(
        None if folder is None else output_of(folder),
        name,
        budget,
        as_json,
        options=PlanOptions(max_epochs, temperature, _epochs(epochs)),
        to=absolute(to),
        apply=apply,
    )


def _epochs(text: str | None) -> dict[str, float] | None:
    """Read ``c4=1,books=2.5``."""
    if text is None:
        return None
    try:
        pairs = (part.split("=") for part in text.split(","))
        return {name.strip(): float(value) for name, value in pairs}
    except ValueError as error:
        raise ConfigError(f"--epochs: expected SOURCE=N,SOURCE=N, got {text!r}") from error


@mixture.command("drawn")
@click.argument("folder", metavar="DIR")
@click.option(
    "--steps", type=click.IntRange(1), help="Steps of the run.  [default: the checkpoint's]"
)
@run_options
@json_option
def mixture_drawn(
    folder: str, steps: int | None, checkpoint: str | None, as_json: bool, **run: Any
) -> None:
    """Show what a run on DIR has drawn of each source by some step, beside the mixture."""
    from pasture.console.mixtures import show_mixture_drawn
    from pasture.console.traces import run_settings

    output = output_of(folder)
    options = {name: value for name, value in run.items() if value is not None}
    settings = run_settings(output, absolute(checkpoint), options)
    steps = steps or settings.steps
    if steps is None:
        raise click.UsageError("give --steps, or a checkpoint")
    show_mixture_drawn(settings.sampler(output.root), steps, as_json)


@mixture.command("check")
@click.argument("folder", metavar="DIR", required=False)
@json_option
def mixture_check(folder: str | None, as_json: bool) -> None:
    """Compare with table 1 of the LLaMA paper: the realised mixture of DIR, or our arithmetic."""
    from pasture.console.mixtures import show_mixture_check

    show_mixture_check(None if folder is None else output_of(folder), as_json)


@main.group(cls=Group)
def models() -> None:
    """Train the models that filters use, on what a run has cleaned or on your own labels."""


@models.group(cls=Group, name="train")
def models_train() -> None:
    """Train a model from the documents of a run, and write it with its card."""


to_option = click.option(
    "--to", "target", metavar="PATH", required=True, help="Folder or file that the model goes to."
)


@models_train.command("ngram")
@click.argument("folder", metavar="DIR")
@to_option
@click.option("--source", default="wikipedia", show_default=True, help="Source to train on.")
@click.option("--languages", default="en", show_default=True, help="Codes, with commas between.")
@click.option(
    "--vocabulary",
    default=65_536,
    show_default=True,
    type=click.IntRange(300),
    help="Pieces of the SentencePiece model.",
)
def models_train_ngram(
    folder: str, target: str, source: str, languages: str, vocabulary: int
) -> None:
    """Train 5-gram models on the last documents of a source: PATH/{language}.arpa.bin."""
    from pasture.console.text import show_json
    from pasture.pipeline.train_models import ngram

    codes = tuple(code.strip() for code in languages.split(",") if code.strip())
    show_json(ngram(output_of(folder), absolute(target) or "", source, codes, vocabulary))


@models_train.command("reference")
@click.argument("folder", metavar="DIR")
@to_option
@click.option("--pages", default="common_crawl", show_default=True, help="Source of the pages.")
@click.option(
    "--citations", default="wikipedia", show_default=True, help="Source whose documents cite URLs."
)
@click.option("--min-positives", default=50, show_default=True, type=click.IntRange(2))
def models_train_reference(
    folder: str, target: str, pages: str, citations: str, min_positives: int
) -> None:
    """Train the classifier of pages that Wikipedia cites: the fastText model PATH."""
    from pasture.console.text import show_json
    from pasture.pipeline.train_models import reference

    show_json(reference(output_of(folder), absolute(target) or "", pages, citations, min_positives))


@models_train.command("language")
@click.argument("folder", metavar="DIR")
@to_option
@click.option(
    "--source",
    default="wikipedia",
    show_default=True,
    help="Source whose documents have a language.",
)
def models_train_language(folder: str, target: str, source: str) -> None:
    """Train language identification on documents of known language: the fastText model PATH."""
    from pasture.console.text import show_json
    from pasture.pipeline.train_models import language

    show_json(language(output_of(folder), absolute(target) or "", source))


@models_train.command("quality")
@click.argument("labelled", metavar="FILE")
@to_option
@click.option("--positive", default="good", show_default=True, help="The label of good documents.")
@click.option("--min-positives", default=50, show_default=True, type=click.IntRange(2))
def models_train_quality(labelled: str, target: str, positive: str, min_positives: int) -> None:
    """Train a quality classifier on labelled documents: the fastText model PATH.

    FILE has a JSON object a line, {"text": ..., "label": ...}; .gz is read too. The labels may
    come from people or from any model (Llama 3 used Llama 2's). Name the model as
    models.reference.path in a recipe to drop documents by its score.
    """
    from pasture.console.text import show_json
    from pasture.pipeline.train_models import quality

    show_json(quality(absolute(labelled) or "", absolute(target) or "", positive, min_positives))


@main.group(cls=Group)
def tokenizer() -> None:
    """Train a tokenizer, or measure one."""


@tokenizer.command("train")
@click.argument("folder", metavar="DIR")
@to_option
@click.option(
    "--mixture",
    "mixture_name",
    default="llama",
    show_default=True,
    help="How much of each source the sample has.",
)
@click.option("--vocab-size", default=32_000, show_default=True, type=click.IntRange(300))
@click.option(
    "--sample-bytes",
    default=200_000_000,
    show_default=True,
    type=click.IntRange(1),
    help="Text that it is trained on.",
)
@click.option("--seed", default=0, show_default=True)
def tokenizer_train(
    folder: str, target: str, mixture_name: str, vocab_size: int, sample_bytes: int, seed: int
) -> None:
    """Train a SentencePiece BPE tokenizer on the last documents of DIR: PATH/tokenizer.model."""
    from pasture.console.text import show_json
    from pasture.pipeline.train_models import tokenizer as train_one

    show_json(
        train_one(
            output_of(folder),
            absolute(target) or "",
            mixture_name,
            vocab_size=vocab_size,
            sample_bytes=sample_bytes,
            seed=seed,
        )
    )


@tokenizer.command("fertility")
@click.argument("folder", metavar="DIR")
@click.option("--tokenizer", "path", metavar="FILE", help="Tokenizer.  [default: that of DIR]")
@click.option(
    "--sample-bytes",
    default=4_000_000,
    show_default=True,
    type=click.IntRange(1),
    help="Text of each source, about.",
)
@click.option("--seed", default=0, show_default=True)
@json_option
def tokenizer_fertility(
    folder: str, path: str | None, sample_bytes: int, seed: int, as_json: bool
) -> None:
    """Measure bytes per token by source and language, beside what LLaMA's table 1 implies."""
    from pasture.console.mixtures import show_fertility
    from pasture.pipeline.train_models import tokenizer_fertility as measure

    rows = measure(output_of(folder), absolute(path), sample_bytes, seed)
    show_fertility(rows, as_json)


@main.command()
@click.argument("folder", metavar="DIR", required=False)
@click.option("--model", default="tiny", show_default=True, help="Preset: tiny, 125m, 1b, 7b ...")
@click.option("--steps", type=click.IntRange(1), default=None, help="Optimizer steps.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--context-length", type=click.IntRange(1), help="[default: the preset's]")
@click.option("--batch-tokens", type=click.IntRange(1), help="Of a step.  [default: the preset's]")
@click.option("--micro-batch", type=click.IntRange(1), help="Sequences of one forward pass.")
@click.option("--learning-rate", type=float, help="Its peak.  [default: the preset's]")
@click.option(
    "--schedule",
    type=click.Choice(["cosine", "wsd"]),
    help="How it falls: along a cosine, or linearly at the end.  [default: cosine]",
)
@click.option("--warmup-steps", type=click.IntRange(0), help="Steps up to the peak.")
@click.option("--decay", type=float, help="Share of the steps in which wsd falls.  [default: 0.1]")
@click.option("--final-rate", type=float, help="Share of the peak at the end.  [default: 0.1]")
@click.option("--mask-documents", is_flag=True, help="Let tokens see their own document only.")
@click.option("--init", metavar="CHECKPOINT", help="Begin with the weights of this checkpoint.")
@click.option("--checkpoint-every", type=click.IntRange(1), help="Steps.  [default: 1000]")
@click.option("--keep-checkpoints", type=click.IntRange(1), help="[default: 2]")
@click.option("--validate-every", type=click.IntRange(1), help="Steps.  [default: at the end]")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="[default: auto]")
@click.option("--compile", is_flag=True, help="Compile the model.")
@click.option(
    "--recompute",
    type=click.Choice(["none", "selective", "full"]),
    help="What the backward pass computes again, to save memory.  [default: none]",
)
@click.option("--tp", type=click.IntRange(1), help="Processes that share each layer.  [default: 1]")
@click.option("--async-tp", is_flag=True, help="Overlap their messages with computation.")
@click.option("--peak-flops", type=float, help="A device's operations per second, for MFU.")
@click.option("--tensorboard", is_flag=True, help="Write metrics for TensorBoard too.")
@click.option("--run", metavar="NAME", help="Keep its checkpoints in DIR/runs/NAME.")
@click.option("--extend", is_flag=True, help="Go on with more --steps than the run began with.")
@click.option("--plan", "plan_only", is_flag=True, help="Tell time and memory; train nothing.")
@click.option("--gpus", type=click.IntRange(1), default=8, show_default=True, help="With --plan.")
@click.option("--tokens-per-gpu-second", type=float, help="With --plan.  [default: from 45% MFU]")
@click.option("--gpu-memory", type=float, default=80.0, show_default=True, help="GB, with --plan.")
@json_option
def train(
    folder: str | None,
    plan_only: bool,
    gpus: int,
    tokens_per_gpu_second: float | None,
    gpu_memory: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Train a LLaMA on the token shards of DIR, sampled by its mixture; resumes where it was.

    \b
      pasture train corpus
      torchrun --nproc-per-node 8 -m pasture.cli train corpus --model 7b --tp 2 --compile
      pasture train --plan --model 65b --gpus 2048 --tokens-per-gpu-second 380

    Under torchrun the processes shard the model (FSDP), and --tp of them share each layer.
    """
    from pasture.console.training import run_training, show_training_plan

    given = {k: value for k, value in options.items() if value is not None and value is not False}
    if "init" in given:
        given["init"] = absolute(given["init"])
    if plan_only:
        show_training_plan(given, gpus, tokens_per_gpu_second, gpu_memory, as_json)
    elif folder is None:
        raise click.UsageError("give DIR, or --plan")
    else:
        run_training(output_of(folder), given, as_json)


@main.command()
@click.argument("checkpoint")
@click.option("--prompt", default="", help="Text to go on from.")
@click.option("--max-tokens", default=100, show_default=True, type=click.IntRange(1))
@click.option("--temperature", default=0.8, show_default=True, type=click.FloatRange(0))
@click.option("--top-p", default=0.95, show_default=True, type=click.FloatRange(0, 1))
@click.option("--seed", type=int, default=0, show_default=True)
def generate(
    checkpoint: str, prompt: str, max_tokens: int, temperature: float, top_p: float, seed: int
) -> None:
    """Sample text from CHECKPOINT (a folder checkpoints/step-...)."""
    from pasture.trainer.generate import generate as generate_text

    echo(
        generate_text(
            absolute(checkpoint) or "",
            prompt,
            max_tokens=max_tokens,
            temperature=temperature,
            top_p=top_p,
            seed=seed,
        )
    )


@main.command()
@click.argument("folder", metavar="DIR")
@click.option(
    "--format",
    "name",
    metavar="FORMAT",
    help="jsonl, parquet, huggingface, mds, webdataset, megatron or nanogpt.",
)
@click.option("--to", "target", metavar="DIR|URL", help="Folder or bucket of the export.")
@click.option("--source", "sources", metavar="S", multiple=True, help="Only this source.")
@click.option(
    "--stage",
    "stages",
    metavar="STAGE",
    multiple=True,
    help="A stage (20-exact, c4/20-exact), 'documents' for the last one of each source, or "
    "'tokens'.  [default: documents; tokens for megatron and nanogpt]",
)
@click.option(
    "--option",
    "options",
    metavar="KEY=VALUE",
    multiple=True,
    help="An option of the format, such as compression=gzip.",
)
@click.option("--push", metavar="NAMESPACE/NAME", help="Upload a huggingface export to the Hub.")
@click.option("--public", is_flag=True, help="With --push: make a new repository public.")
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, 256), help="Worker processes."
)
@json_option
def export(
    folder: str,
    name: str | None,
    target: str | None,
    sources: tuple[str, ...],
    stages: tuple[str, ...],
    options: tuple[str, ...],
    push: str | None,
    public: bool,
    workers: int,
    as_json: bool,
) -> None:
    """Export documents or tokens of DIR in the format of another tool.

    \b
      pasture export corpus --format jsonl --to corpus-jsonl --option compression=gzip
      pasture export corpus --format huggingface --to dataset --push my-name/my-corpus
      pasture export corpus --format megatron --source c4 --to gs://my-bucket/c4

    An export that was stopped continues where it stopped. --source, --stage and --option may be
    repeated. A model is exported by "pasture export-model".
    """
    from pasture.console.exports import run_export

    run_export(
        absolute(folder) or "",
        name,
        absolute(target),
        sources=sources,
        stages=stages,
        options=options,
        push=push,
        public=public,
        workers=workers,
        as_json=as_json,
    )


@main.command("export-model")
@click.argument("checkpoint")
@click.option(
    "--to",
    "folder",
    metavar="DIR",
    default=None,
    help="Where to write the model.  [default: CHECKPOINT-hf]",
)
def export_model(checkpoint: str, folder: str | None) -> None:
    """Export CHECKPOINT to the Hugging Face LlamaForCausalLM layout."""
    from pasture.trainer.export import export as write_model

    target = folder or checkpoint.rstrip("/") + "-hf"
    write_model(absolute(checkpoint) or "", absolute(target) or "")
    echo(f"wrote {target}")


@main.command("import")
@click.argument("folder", metavar="MODEL")
@click.option("--to", "checkpoint", metavar="CHECKPOINT", required=True, help="Where to write it.")
def import_(folder: str, checkpoint: str) -> None:
    """Import MODEL, a folder in the Hugging Face LlamaForCausalLM layout, as a checkpoint.

    \b
      pasture import Llama-2-7b-hf --to llama2-7b
      pasture train corpus --model llama2-7b --init llama2-7b
    """
    from pasture.trainer.import_model import import_model

    config = import_model(absolute(folder) or "", absolute(checkpoint) or "")
    echo(f"wrote {checkpoint}: {config.num_parameters:,} parameters")


main.add_command(fetch)
main.add_command(recipe)
main.add_command(steps)
