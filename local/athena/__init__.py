"""Athena on a laptop: Trino's SQL carried over to DuckDB, over Parquet files in folders.

It exists so that the statements which the lake runs on AWS run unchanged in tests, in the bench and behind
the emulator's Athena. `transpile` is about the language, `engine` about tables, files and what a statement
writes, `grammar` and `limits` about what AWS would refuse that this engine would take.

Nothing that is deployed may import this package.
"""
