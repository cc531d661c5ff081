"""Pasture rebuilds the pretraining corpus of LLaMA from raw public sources."""

__version__ = "0.1.0"
