"""A simulated day of a key pool, in virtual time: see benchmarks/pool_efficiency.py."""
