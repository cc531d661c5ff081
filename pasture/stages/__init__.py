"""The stages of a run as Beam transforms, and the shards that they write."""
