"""A small raw sample of every source, written to a folder in the sources' own formats.

All texts were written for this package. ``pasture sample DIR`` calls ``write_sample``.
"""

from __future__ import annotations

import importlib.resources

from pasture import storage


def write_sample(folder: str, *, with_installed_packages: bool = False) -> None:
    """Write the raw files of all seven sources, and the recipe that reads them.

    Args:
        folder: Where they go; a folder for each source, and ``recipe.yaml``.
        with_installed_packages: Add the Python packages that are installed here to the GitHub
            source, for more code than the sample holds.
    """
    from pasture.sample import arxiv, books, c4, common_crawl, github, stackexchange, wikipedia

    common_crawl.write(storage.join(folder, "common_crawl"))
    c4.write(storage.join(folder, "c4"))
    github.write(storage.join(folder, "github"))
    wikipedia.write(storage.join(folder, "wikipedia"))
    books.write(storage.join(folder, "books"))
    arxiv.write(storage.join(folder, "arxiv"))
    stackexchange.write(storage.join(folder, "stackexchange"))
    if with_installed_packages:
        github.write_installed_packages(storage.join(folder, "github"))
    recipe = importlib.resources.files("pasture.manifests") / "recipes" / "sample.yaml"
    with storage.atomic_write(storage.join(folder, "recipe.yaml")) as stream:
        stream.write(recipe.read_bytes())
