"""Batches, run: each line as a request of its owner's, in what the pool has to spare."""
