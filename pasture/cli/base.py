"""What every command group shares: errors as messages, and options that many commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from pasture.errors import ConfigError, PastureError
from pasture.text.visible import visible

if TYPE_CHECKING:
    import logging

    from pasture.manifests.outputs import Output

TRAINER_MODULES = ("torch", "safetensors", "tensorboard")
"""Modules that commands import and only the extra ``[trainer]`` brings."""
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def echo(text: str, *, err: bool = False) -> None:
    """Write a line, the control characters in it as symbols."""
    click.echo(visible(text), err=err)


def _log_handler() -> logging.Handler:
    """Make a handler that writes one line of each record, without a traceback."""
    import logging

    class Line(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            echo(record.getMessage().partition("\n")[0], err=True)

    return Line()


class Group(click.Group):
    """A group whose commands turn our own errors into a message and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command: 1 for an error, 2 for bad usage or configuration."""
        import logging

        # What our own loggers warn of, the commands show as notes; Beam warns at import of
        # optional packages that nobody asked for.
        logging.getLogger().setLevel(logging.ERROR)
        logging.getLogger("apache_beam").setLevel(logging.WARNING)
        # Beam also logs, with its traceback, each error that it raises.
        for name in ("common", "worker.sdk_worker", "portability.fn_api_runner"):
            logging.getLogger(f"apache_beam.runners.{name}").setLevel(logging.CRITICAL)
        logging.basicConfig(handlers=[_log_handler()])
        logging.getLogger("pasture").setLevel(logging.CRITICAL)
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            echo(f"error: {error}", err=True)
            ctx.exit(2)
        except PastureError as error:
            echo(f"error: {error}", err=True)
            ctx.exit(1)
        except ModuleNotFoundError as error:
            if error.name not in TRAINER_MODULES:
                raise
            echo(f"error: {error.name} is not installed: pip install 'pasture[trainer]'", err=True)
            ctx.exit(1)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --json to a command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(command)


def output_of(folder: str) -> Output:
    """Open an output."""
    from pasture import storage
    from pasture.manifests.outputs import Output

    return Output(storage.absolute(folder))


def absolute(path: str | None) -> str | None:
    """Make a path absolute, for worker processes."""
    from pasture import storage

    return None if path is None else storage.absolute(path)


input_option = click.option(
    "--input",
    "root",
    metavar="ROOT",
    help="Folder or bucket under which the recipe's relative inputs lie.  [default: the recipe's "
    "own folder; the current one for a built-in recipe]",
)


def root_of(recipe: str, root: str | None) -> str:
    """The folder of the inputs: as named, or the recipe's own; "." for a built-in recipe."""
    from pasture import storage
    from pasture.recipes.layers import builtin_recipes

    if root is not None:
        return storage.absolute(root)
    if recipe in builtin_recipes() or "/" not in recipe:
        return storage.absolute(".")
    return storage.absolute(recipe.rsplit("/", 1)[0])
