"""The command line. Each command checks its words, calls one function, and shows the result.

Heavy imports stand inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import click

from pasture import __version__
from pasture.cli import audit, export, fetch, mixture, models, recipes, run, steps, train
from pasture.cli.base import CONTEXT, Group


@click.group(
    cls=Group,
    context_settings=CONTEXT,
    commands=[
        run.sources,
        run.sample,
        run.doctor,
        run.plan,
        run.run,
        run.status,
        audit.audit,
        audit.clusters,
        audit.explain,
        audit.trace,
        audit.compare,
        audit.verify,
        audit.report,
        mixture.mixture,
        models.models,
        models.tokenizer,
        train.train,
        train.generate,
        train.import_,
        export.export,
        export.export_model,
        fetch.fetch,
        recipes.recipe,
        steps.steps,
    ],
)
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
