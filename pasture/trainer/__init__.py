"""A minimal LLaMA trainer on the token shards of a run."""
