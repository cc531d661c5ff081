"""Exports: documents, tokens and trained models in the formats of other tools."""

from __future__ import annotations

import click

from pasture.cli.base import (
    absolute,
    echo,
    json_option,
)


@click.command()
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


@click.command("export-model")
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
