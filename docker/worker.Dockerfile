# The image in which Beam's workers run Pasture: Beam's own, with the package and its models' code.
#
#   docker build --file docker/worker.Dockerfile --tag REGISTRY/pasture-worker:1 .
#
# Python's minor version and Beam's version must be those of the machine that starts the run.
ARG PYTHON=3.11
ARG BEAM=2.77.0
FROM apache/beam_python${PYTHON}_sdk:${BEAM} AS wheels

# KenLM is compiled, here and not in the image that results.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        g++ libboost-program-options-dev libboost-thread-dev \
    && rm -rf /var/lib/apt/lists/*
COPY scripts/companions /pasture/scripts/
COPY packages /pasture/packages
RUN /pasture/scripts/companions python /wheels
COPY setup.cfg setup.py pyproject.toml README.md LICENSE /pasture/
COPY pasture /pasture/pasture
RUN pip wheel --no-deps --wheel-dir /wheels /pasture

FROM apache/beam_python${PYTHON}_sdk:${BEAM}
COPY constraints.txt /
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --no-cache-dir --only-binary :all: --constraint /constraints.txt \
        --find-links /wheels 'pasture[gcs,s3]' \
    && rm /constraints.txt \
    && python -c 'import pasture.driver.run'
