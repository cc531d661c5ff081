"""CCNet's mode against CCNet's published behaviour, page by page and line by line."""

from __future__ import annotations

import pytest
import yaml

from pasture.driver.run import run_recipe
from pasture.filters.fasttext_models import load
from pasture.filters.language import default_model
from pasture.manifests.outputs import Output, kept_rows
from pasture.recipes.load import load_recipe
from tests import ccnet_rules

pytestmark = pytest.mark.real_data

FILES = 4


@pytest.mark.parametrize(
    ("options", "group"), [({}, FILES), ({"scope_files": 2}, 2), ({"scope_files": 1}, 1)]
)
def test_wet_pages_keep_the_lines_and_have_the_language_that_ccnet_gives_them(
    real_data, tmp_path, options, group
):
    paths = sorted((real_data / "common_crawl").glob("*.warc.wet.gz"))
    assert len(paths) == FILES
    body = {
        "name": "ccnet",
        "mixture": "llama",
        "sources": {
            "common_crawl": {
                "inputs": ["common_crawl/*.warc.wet.gz"],
                "stages": {
                    "10-lines": {"duplicate_lines": options},
                    "20-language": {"steps": [{"language_id": {"mode": "ccnet"}}]},
                },
            }
        },
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(body))
    recipe = load_recipe(str(tmp_path / "recipe.yaml"), str(real_data))
    run_recipe(recipe, str(tmp_path / "out"), until="documents")
    rows = [row for _, row in kept_rows(Output(str(tmp_path / "out")), "common_crawl")]

    model = load(default_model())
    pages = list(ccnet_rules.deduplicate([list(ccnet_rules.read_wet(p)) for p in paths], group))
    assert len(pages) > 600
    assert {row["id"]: row["text"].split("\n") for row in rows} == {
        page.id: page.lines for page in pages
    }
    found = [(row["language"], round(row["language_score"], 6)) for row in rows]
    assert found == [ccnet_rules.identify(model, page.lines) for page in pages]
