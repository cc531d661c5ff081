"""Estimating a run from a sample: which units are chosen, and how what they took grows."""

import dataclasses

import pytest

from pasture.driver.estimate import Extrapolation, estimate, planned_jobs
from pasture.driver.measure import JobRate, Rates, StageRate, choose_units, measure
from pasture.driver.run import Silent
from pasture.errors import ConfigError
from pasture.graph import build_graph
from pasture.recipes.load import load_recipe
from pasture.sample import write_sample
from pasture.sources.base import InputShard

KEYS = [
    "documents/books/00-extract",
    "documents/books/10-near",
    "tokenizer",
    "tokens/books",
]
RECIPE = """
name: test
mixture: llama
sources:
  books:
    inputs: [books/gutenberg/*.txt]
    stages:
      10-near: {near_duplicates: {max_removed: 1}}
tokenizer: {training: {sample_bytes: 4000, vocab_size: 400}}
tokens: {shard_bytes: 1000}
"""


def units(*sizes):
    return [InputShard((f"{n}.gz",), bytes=size) for n, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("sizes", "most", "chosen"),
    [
        ([10, 20, 30], 60, [0, 1, 2]),
        ([10] * 10, 30, [1, 5, 8]),
        ([50, 20, 90], 10, [1]),
        ([5, 100, 5, 5, 5], 30, [2]),
    ],
    ids=["all", "spread", "smallest", "one"],
)
def test_chooses_whole_units_of_about_the_wanted_size(sizes, most, chosen):
    found = choose_units(units(*sizes), most)
    assert found == [units(*sizes)[place] for place in chosen]


def test_leaves_files_out_of_a_unit_of_many():
    unit = InputShard(("a", "b", "c"), bytes=30, sizes=(10, 10, 10), versions=(None,) * 3)
    (cut,) = choose_units([unit], 20)
    assert cut == dataclasses.replace(
        unit, paths=("a", "b"), sizes=(10, 10), versions=(None, None), bytes=20
    )


@pytest.fixture
def recipe(tmp_path):
    write_sample(str(tmp_path))
    (tmp_path / "test.yaml").write_text(RECIPE)
    return load_recipe(str(tmp_path / "test.yaml"), str(tmp_path))


@pytest.fixture
def rates():
    stages = {
        KEYS[0]: StageRate(2.0, 1000, 5, 0, 300),
        KEYS[1]: StageRate(4.0, 2000, 5, 100, 200),
        KEYS[2]: StageRate(1.0, 2000, 0, 0, 50),
        KEYS[3]: StageRate(0.5, 1, 0, 0, 80),
    }
    jobs = (
        JobRate((KEYS[0],), 6.0, 5.0, 1000, 100),
        JobRate((KEYS[1],), 7.0, 6.0, 2000, 100),
        JobRate((KEYS[2],), 1.0, 1.0, 700, 500),
        JobRate((KEYS[3],), 5.0, 4.0, 900, 100),
    )
    return Rates("test", 2, 2, {"books": 1000}, stages, jobs)


def test_a_job_is_what_is_ready_at_the_same_time(recipe):
    jobs = [[node.key for node in job] for job in planned_jobs(build_graph(recipe))]
    assert jobs == [[key] for key in KEYS]


def test_time_grows_with_the_input_and_the_start_of_a_job_does_not(recipe, rates):
    """Outside of the steps the jobs took 5, 5 and 4.75 s: 5 s is the fixed cost."""
    found = Extrapolation(recipe, rates, 2, {"books": 10_000}).estimate({"books": 10})
    assert [job.fixed_seconds for job in found.jobs] == [5, 5, 0, 5]
    assert found.jobs[0].seconds == pytest.approx(5 + 2.0 * 10 / 2)
    assert found.stages()[KEYS[0]].bytes_in == 10_000
    assert found.disk_bytes == 3000 + 2000 + 50 + 800


def test_no_more_workers_help_than_there_are_shards(recipe, rates):
    found = Extrapolation(recipe, rates, 8, {"books": 10_000}).estimate({"books": 4})
    assert found.stages()[KEYS[0]].seconds == pytest.approx(2.0 * 10 / 4)


def test_a_model_grows_up_to_its_ceiling(recipe, rates):
    """The tokenizer draws 4,000 bytes at most, and had 2,000."""
    tenfold = Extrapolation(recipe, rates, 2, {"books": 10_000})
    assert tenfold.model_growth(build_graph(recipe)["tokenizer"]) == pytest.approx(2)
    found = tenfold.estimate({"books": 10})
    assert found.stages()["tokenizer"].seconds == pytest.approx(2)
    assert found.jobs[2].memory == 500 + 200 * 2


def test_what_is_shuffled_adds_to_the_memory_of_its_job(recipe, rates):
    small, large = (
        Extrapolation(recipe, rates, 2, {"books": size}).estimate({"books": 10})
        for size in (1000, 1_000_000)
    )
    assert small.jobs[1].memory == 2000
    assert large.jobs[1].memory > 2000 + 99_000
    assert large.jobs[0].memory == 1000


def test_a_deduplication_within_blocks_holds_one_block_at_a_time(rates, tmp_path):
    write_sample(str(tmp_path))
    stage = "{duplicate_spans: {scope_shards: %d}}"
    body = RECIPE.replace("{near_duplicates: {max_removed: 1}}", stage)
    found = []
    for scope in (0, 20):
        (tmp_path / "test.yaml").write_text(body % scope)
        blocks = load_recipe(str(tmp_path / "test.yaml"), str(tmp_path))
        found.append(Extrapolation(blocks, rates, 2, {"books": 1_000_000}).estimate({"books": 100}))
    whole, blocks = (plan.jobs[1] for plan in found)
    assert (whole.runs, blocks.runs) == (1, 5)
    assert blocks.fixed_seconds == 5 * whole.fixed_seconds
    assert blocks.memory - 2000 < (whole.memory - 2000) / 4


def test_rates_of_another_recipe_are_refused(recipe, rates):
    other = dataclasses.replace(rates, stages={}, recipe="other")
    with pytest.raises(ConfigError, match="measure this recipe with --measure"):
        estimate(recipe, other, 2)


def test_measures_every_stage_and_writes_it_down(recipe, tmp_path):
    found = measure(recipe, str(tmp_path / "out"), Silent(), sample_bytes=20_000)
    assert sorted(found.stages) == sorted(KEYS)
    assert [job.keys for job in found.jobs] == [(key,) for key in KEYS]
    assert 0 < found.raw_bytes["books"] <= 20_000
    assert found.stages[KEYS[1]].rows > 0
    assert found.stages[KEYS[1]].shuffled_bytes > 0
    found.write(str(tmp_path / "rates.json"))
    assert Rates.read(str(tmp_path / "rates.json")) == found
    whole = estimate(recipe, found, 1)
    assert whole.seconds > 0
    assert whole.stages()[KEYS[0]].bytes_in > found.raw_bytes["books"]
