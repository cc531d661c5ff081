"""The report of a run: one HTML page, self-contained, made from manifests and shards."""
