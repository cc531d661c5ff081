"""A shim: Dataflow workers install the package from here (``--setup_file``)."""

import setuptools

setuptools.setup()
