"""Implementations in the memory of one process, for tests, benchmarks and trials."""
