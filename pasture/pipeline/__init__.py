"""Recipes, the graph of their stages, and running them on Apache Beam."""
