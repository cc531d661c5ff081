"""Embeddings: trained on a run's own texts, near for texts of one topic, equal each time."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from pasture.driver.run import run_recipe
from pasture.errors import ConfigError, ModelError
from pasture.filters.scores import Embed
from pasture.manifests.outputs import Output
from pasture.models.embedding import EmbeddingModel
from pasture.recipes.load import load_recipe
from pasture.records import Document, documents_to_batch

TOPICS = (
    "the hive and its honey with a queen and workers in the comb",
    "the hull and its keel with a mast and sails in the harbour",
)
RECIPE = {
    "name": "topics",
    "models": {
        "vectors": {
            "kind": "embedding",
            "stages": ["topics/00-extract"],
            "training": {"fasttext": {"dim": 8, "epoch": 20, "bucket": 1000, "min_count": 1}},
        }
    },
    "sources": {
        "topics": {
            "kind": "documents",
            "inputs": ["*.txt"],
            "stages": {"10-embed": {"steps": [{"embed": {"model": "vectors"}}]}},
        }
    },
}


@pytest.fixture
def recipe(tmp_path):
    for number in range(40):
        text = f"{TOPICS[number % 2]} {number}"
        (tmp_path / f"{number:02}.txt").write_text(text)
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    return load_recipe(str(tmp_path / "recipe.yaml"))


def test_a_run_trains_vectors_and_embeds_its_documents(recipe, tmp_path):
    for name in ("one", "two"):
        run_recipe(recipe, str(tmp_path / name), until="documents")
    files = [tmp_path / name / "models" / "vectors" / "vectors.bin" for name in ("one", "two")]
    assert files[0].read_bytes() == files[1].read_bytes()
    output = Output(str(tmp_path / "one"))
    stage = output.stages("topics")[-1]
    ((_, path),) = stage.paths(output.stage_folder(stage))
    import pyarrow.parquet as pq

    vectors = np.array(pq.read_table(path)["embedding"].to_pylist())
    assert vectors.shape == (40, 8)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    likeness = vectors @ vectors.T
    assert likeness[0, 2::2].min() > likeness[0, 1::2].max()
    step = Embed(model=str(files[0]))
    step.setup()
    empty = step.annotate(documents_to_batch([Document("1", "s", " ")], step.new_columns()))
    assert empty["embedding"].to_pylist() == [None]


def test_a_classifier_is_no_embedding(tmp_path):
    from pasture.filters.label_training import LabelTraining, train_classifier

    examples = [(str(n % 2), f"{TOPICS[n % 2]} {n}") for n in range(60)]
    path = str(tmp_path / "m.bin")
    train_classifier(examples, path=path, config=LabelTraining(min_examples=20))
    with pytest.raises(ModelError, match="no whole, fastText model of word vectors: it is a class"):
        Embed(model=path).setup()


def test_an_embedding_has_a_path_or_stages():
    with pytest.raises(ConfigError, match="either path or stages"):
        EmbeddingModel()
