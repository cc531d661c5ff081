"""Every stage of the sample recipe, translated for Dataflow with no service there to ask."""

from __future__ import annotations

import socket

import apache_beam as beam
import pytest

from pasture.driver.run import add_stage
from pasture.graph import BeamNode, Context, build_graph
from pasture.recipes.load import load_recipe
from pasture.runners.options import beam_options

FLAGS = [
    "--runner=DataflowRunner",
    "--dry_run=True",
    "--no_auth",
    "--project=my-project",
    "--region=us-central1",
    "--staging_location=gs://my-bucket/staging",
    "--temp_location=gs://my-bucket/temp",
    "--sdk_location=container",
    "--sdk_container_image=us-docker.pkg.dev/my-project/pasture/worker:1",
    "--resource_hints=min_ram=8GB",
]


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(self, address):
        raise AssertionError(f"a dry run connects to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def translate(raw, output):
    """Translate one job with every Beam stage of the recipe; give what Dataflow would get."""
    context = Context(load_recipe(str(raw / "recipe.yaml")), str(output))
    pipeline = beam.Pipeline(options=beam_options(FLAGS))
    keys = []
    for key, node in build_graph(context.recipe).items():
        if isinstance(node, BeamNode):
            elements = node.elements(context)
            pending = frozenset(index for index, _ in elements)
            folder = node.stage_folder(context, len(pending))
            add_stage(pipeline, context, node, folder, elements, pending)
            keys.append(key)
    pipeline.run()
    return keys, pipeline.runner.proto_pipeline


def test_every_stage_translates_with_labels_of_its_own(sample_raw, sample_output):
    keys, job = translate(sample_raw, sample_output)
    names = [transform.unique_name for transform in job.components.transforms.values()]
    assert len(keys) > 20
    for key in keys:
        assert key.replace("/", ".") in names
    ours = [name for name in names if ".Shards/" not in name]  # Beam's own Create is below those
    assert not [name for name in ours if "lambda at" in name], "a label that moves with the code"
    again = translate(sample_raw, sample_output)[1]
    assert names == [transform.unique_name for transform in again.components.transforms.values()]


def test_the_workers_image_and_memory_are_what_was_asked_for(sample_raw, sample_output):
    _, job = translate(sample_raw, sample_output)
    images = {
        environment.payload.decode(errors="replace")
        for environment in job.components.environments.values()
    }
    assert all("us-docker.pkg.dev/my-project/pasture/worker:1" in image for image in images)
    hints = {
        key: value
        for environment in job.components.environments.values()
        for key, value in environment.resource_hints.items()
    }
    assert hints == {"beam:resources:min_ram_bytes:v1": b"8000000000"}
