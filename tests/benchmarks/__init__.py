"""Benchmarks: every budget of the design beside a floor or a peer that was measured in the same run.

A wall-clock time never fails a benchmark; a wrong result does.
"""
