"""Manifests of stages, mixtures, and a look into the output of a run; built-in recipes as data."""
