"""The errors that Pasture raises on purpose.

PastureError
    ConfigError     a recipe, option or mixture that cannot work; found before any work starts
    InputError      raw input that is missing, or too broken to go on
    ModelError      a model file that is missing, damaged, or cannot be trained from the data
    StageError      a stage that cannot run, or whose output is not what its manifest says
    StorageError    a file or bucket that cannot be listed, read or written
    FetchError      raw data that cannot be fetched from where it is published

A bad *record* raises none of these: it becomes a ``Rejected`` (sources/base.py), is counted,
and stands in the audit output.
"""


class PastureError(Exception):
    """An error with a message for the user: what happened, where, and what to do."""


class ConfigError(PastureError, ValueError):
    """A recipe, option or mixture that cannot work."""


class InputError(PastureError):
    """Raw input that is missing, or too broken to go on."""


class ModelError(PastureError):
    """A model that is missing, damaged, or cannot be trained from the data."""


class StageError(PastureError):
    """A stage that cannot run, or whose output is not what its manifest says."""


class StorageError(PastureError):
    """A file or bucket that cannot be listed, read or written."""


class FetchError(PastureError):
    """Raw data that cannot be fetched from where it is published."""
