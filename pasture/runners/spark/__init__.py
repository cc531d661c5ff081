"""A Beam runner on PySpark: ``--runner=spark``."""
