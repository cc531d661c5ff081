"""Recipes: what is accepted, and how the rest is refused."""

from __future__ import annotations

import pytest
import yaml

from pasture.errors import ConfigError
from pasture.graph import build_graph
from pasture.recipes.layers import builtin_recipes, find_recipe
from pasture.recipes.load import load_recipe

C4 = {"inputs": ["c4/*.json.gz"]}


def load(tmp_path, body):
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump(body))
    return load_recipe(str(path))


@pytest.mark.parametrize("name", sorted(builtin_recipes()))
def test_built_in_recipes_load_and_make_a_graph(name):
    recipe = load_recipe(name, "/data")
    keys = list(build_graph(recipe))
    assert len(recipe.sources) == (1 if name == "c4_from_crawl" else 7)
    assert sum(key.startswith("tokens/") for key in keys) == len(recipe.sources)
    assert keys.index("tokenizer") < keys.index("tokens/c4")


def test_the_llama_recipe_has_the_stages_of_the_paper():
    recipe = load_recipe("llama", "/data")
    steps = {
        (name, stage.name): [step.name for step in stage.steps] or [stage.dedup.name]
        for name, source in recipe.sources.items()
        for stage in source.stages
    }
    assert steps["common_crawl", "10-lines"] == ["duplicate_lines"]
    assert steps["common_crawl", "40-quality"] == [
        "perplexity_buckets",
        "keep_buckets",
        "reference_classifier",
        "keep_references",
    ]
    assert recipe.sources["books"].stages[0].dedup.min_similarity == 0.9
    assert recipe.tokenizer.training.vocab_size == 32_000
    assert recipe.budget_tokens == 1.4e12


def test_c4_from_a_crawl_has_the_steps_of_c4_in_their_order():
    (source,) = load_recipe("c4_from_crawl", "/data").sources.values()
    assert source.stages[0].plain() == {"duplicate_urls": {"keep": "newest", "against": []}}
    assert [s.dedup.name if s.dedup else [x.name for x in s.steps] for s in source.stages] == [
        "duplicate_urls",
        ["c4_lines"],
        "duplicate_lines",
        "duplicate_spans",
        ["c4_pages", "language_id", "keep_languages"],
    ]


def test_a_stage_waits_for_the_models_that_its_steps_need():
    graph = build_graph(load_recipe("llama", "/data"))
    assert graph["documents/common_crawl/30-perplexity"].upstream == (
        "documents/common_crawl/20-language",
        "models/ngram",
    )
    assert graph["models/ngram"].upstream == ("documents/wikipedia/10-exact",)
    assert graph["models/reference"].upstream == (
        "documents/common_crawl/30-perplexity",
        "documents/wikipedia/00-extract",
    )
    assert graph["models/cutoffs"].upstream == ("documents/common_crawl/30-perplexity",)


def test_relative_inputs_lie_under_the_root(tmp_path):
    recipe = load(tmp_path, {"name": "x", "mixture": "llama", "sources": {"c4": C4}})
    assert recipe.sources["c4"].source.inputs == (f"{tmp_path}/c4/*.json.gz",)
    elsewhere = load_recipe(str(tmp_path / "r.yaml"), "gs://bucket/raw")
    assert elsewhere.sources["c4"].source.inputs == ("gs://bucket/raw/c4/*.json.gz",)


def test_extends_lays_a_recipe_over_another(tmp_path):
    body = {
        "extends": "llama",
        "name": "mine",
        "sources": {"books": None, "c4": {"stages": {"40-near": None}}},
    }
    recipe = load(tmp_path, body)
    assert "books" not in recipe.sources
    assert [stage.name for stage in recipe.sources["c4"].stages] == [
        "10-language",
        "20-rules",
        "30-exact",
    ]


def with_c4(**changes):
    return {"name": "x", "mixture": "llama", "sources": {"c4": {**C4, **changes}}}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"name": "x", "mixture": "llama", "sources": {}}, "sources: name at least one source"),
        ({"name": "x", "mixture": "llama"}, "the key 'sources' is missing"),
        ({**with_c4(), "sauces": 1}, "unknown key 'sauces'; did you mean sources"),
        ({**with_c4(), "mixture": "lama"}, "did you mean llama"),
        ({**with_c4(), "extends": "lama"}, "unknown recipe 'lama'; did you mean llama"),
        (
            {"name": "x", "mixture": "llama", "sources": {"c5": C4}},
            r"sources\.c5: unknown source 'c5'; did you mean c4",
        ),
        (with_c4(options={"speed": 1}), r"sources\.c4\.options: unknown key 'speed'"),
        (with_c4(inputs=[]), r"sources\.c4\.inputs: name at least one"),
        (with_c4(stages={"language": {"steps": []}}), "a stage is called NN-name"),
        (with_c4(stages={"00-extract": {"steps": []}}), "a stage is called NN-name"),
        (with_c4(stages={"10-x": {"stops": []}}), "unknown kind of stage 'stops'; did you"),
        (with_c4(stages={"10-x": {"steps": []}}), "expected a list of steps"),
        (
            with_c4(stages={"10-x": {"steps": ["language-id"]}}),
            "unknown step 'language-id'; did you mean language_id",
        ),
        (
            with_c4(stages={"10-x": {"steps": [{"keep_languages": {"langs": ["en"]}}]}}),
            r"keep_languages: unknown key 'langs'; did you mean languages",
        ),
        (
            with_c4(stages={"10-x": {"steps": ["perplexity"]}}),
            "models.ngram: no path is given, and the source wikipedia",
        ),
        (
            with_c4(stages={"10-x": {"exact_duplicates": {"keep": "last"}}}),
            "'last' is none of 'first'",
        ),
    ],
)
def test_refuses_what_cannot_work(tmp_path, body, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, body)


def test_models_that_wait_for_each_other_are_refused(tmp_path):
    # The n-gram model is trained on the source whose own stage needs it.
    body = {
        "name": "x",
        "mixture": "llama",
        "sources": {"c4": {**C4, "stages": {"10-x": {"steps": ["perplexity"]}}}},
        "models": {"ngram": {"source": "c4"}},
    }
    with pytest.raises(ConfigError, match="wait for each other"):
        build_graph(load(tmp_path, body))


def test_names_the_nearest_built_in_recipe():
    with pytest.raises(ConfigError, match="unknown name 'llamma'; did you mean llama"):
        find_recipe("llamma")
    with pytest.raises(ConfigError, match=r"there is no recipe file absent\.yaml"):
        find_recipe("absent.yaml")


def test_a_mixture_that_lacks_a_source_is_refused(tmp_path):
    (tmp_path / "m.yaml").write_text(
        yaml.safe_dump({"name": "m", "tokens": 1, "sources": {"books": {"proportion": 1.0}}})
    )
    with pytest.raises(ConfigError, match="gives no proportion for c4"):
        load(tmp_path, {**with_c4(), "mixture": "m.yaml"})
