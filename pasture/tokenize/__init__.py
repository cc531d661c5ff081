"""The tokenizer, token shards, and the sampler that reads them."""
