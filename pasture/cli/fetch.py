"""``pasture fetch``: the public raw data of the seven sources."""

from __future__ import annotations

import sys
from typing import Any

import click

from pasture.cli.base import json_option


@click.command()
@click.argument("source", metavar="SOURCE", required=False)
@click.option("--to", "folder", metavar="DIR", help="Local folder that a recipe is run on later.")
@click.option("--limit", type=click.IntRange(1), help="Fetch at most so many files.")
@click.option("--list", "listed", is_flag=True, help="List the sources: size, licence, terms.")
@click.option("--dry-run", is_flag=True, help="Show what would be fetched; fetch nothing.")
@click.option("--yes", is_flag=True, help="Agree to the terms; needed where there is no terminal.")
@click.option("--crawl", metavar="NAME", help="common_crawl: the crawl, CC-MAIN-2019-09.")
@click.option("--kind", metavar="wet|warc", help="common_crawl: texts or HTML.  [default: wet]")
@click.option("--segments", type=click.IntRange(1), help="common_crawl: the first so many.")
@click.option("--split", metavar="NAME", help="c4: train or validation.  [default: train]")
@click.option("--variant", metavar="NAME", help="c4: folder of the data set.  [default: en]")
@click.option("--revision", metavar="NAME", help="c4: branch or commit.  [default: main]")
@click.option(
    "--language",
    "languages",
    metavar="CODE",
    multiple=True,
    help="wikipedia, books: only this language. May be repeated.",
)
@click.option("--date", metavar="YYYYMMDD", help="wikipedia: of the dumps.  [default: latest]")
@click.option("--single-stream", is_flag=True, help="wikipedia: dumps without an index.")
@click.option("--catalogue", "catalogue_url", metavar="URL", help="books: another catalogue.")
@click.option("--since", metavar="YYYY-MM", help="arxiv: first month of papers.")
@click.option("--until", metavar="YYYY-MM", help="arxiv: last month of papers.")
@click.option(
    "--site",
    "sites",
    metavar="HOST",
    multiple=True,
    help="stackexchange: this site. May be repeated.  [default: the 28 largest]",
)
@click.option("--item", metavar="NAME", help="stackexchange: item of archive.org.")
@click.option("--repositories", metavar="FILE", help="github: list of owner/name@ref, one a line.")
@click.option("--base-url", metavar="URL", help="A mirror, laid out as the publisher's own host.")
@click.option("--contact", default="", metavar="ADDRESS", help="Yours, for the user agent.")
@click.option("--connections", type=click.IntRange(1, 16), help="Files at the same time.")
@click.option(
    "--interval", type=click.FloatRange(0), help="Seconds between two requests to a host."
)
@click.option(
    "--bandwidth", type=click.FloatRange(0, min_open=True), help="Most megabytes a second."
)
@click.option("--ignore-robots", is_flag=True, help="Do not read the host's robots.txt.")
@json_option
def fetch(
    source: str | None,
    folder: str | None,
    listed: bool,
    single_stream: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    contact: str,
    connections: int | None,
    interval: float | None,
    bandwidth: float | None,
    ignore_robots: bool,
    **given: Any,
) -> None:
    """Fetch the public raw data of SOURCE to DIR, laid out as the built-in recipes expect.

    \b
      pasture fetch common_crawl --to raw --crawl CC-MAIN-2019-09 --limit 8
      pasture fetch wikipedia --to raw --language en --dry-run
      pasture fetch github --to raw --repositories repositories.txt

    It shows the terms and the size first. Stopped or broken off, it goes on where it was.
    """
    from pasture.console.fetching import FetchOptions, fetch_or_list

    given = {name: value for name, value in given.items() if value not in (None, ())}
    if single_stream:
        given["multistream"] = False
    options = FetchOptions(
        yes, dry_run, as_json, contact, connections, interval, bandwidth, ignore_robots
    )
    sys.exit(fetch_or_list(source, folder, listed, given, options))
