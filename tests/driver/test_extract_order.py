"""The order in which an extraction's units go to the workers."""

from __future__ import annotations

import gzip
import json

from pasture.graph import Context, build_graph
from pasture.recipes.load import load_recipe


def test_the_largest_units_come_first_with_the_index_that_they_have(raw):
    """Local workers are dealt the units in turn, so their shares come out even."""
    row = {"text": "A lamp, a ladder. " * 40, "timestamp": "2019-04-25T12:00:00Z", "url": "u"}
    folder = next(raw.rglob("*.json.gz")).parent
    for number, count in enumerate((1, 400, 20)):
        name = f"c4-train.9000{number}-of-90003.json.gz"
        lines = (json.dumps({**row, "url": f"http://{i}.x.org"}) for i in range(count))
        (folder / name).write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    recipe = load_recipe(str(raw / "recipe.yaml"))
    context = Context(recipe, "")
    units = context.units("c4")
    elements = build_graph(recipe)["documents/c4/00-extract"].elements(context)
    sizes = [unit.bytes for _, unit in elements]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) >= 3
    assert dict(elements) == dict(enumerate(units))
