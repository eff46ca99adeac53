"""Assigns units with the GrowthBook SDK. Runs in the peers' own environment: work on stdin, times on stdout.

Work: `{experiments: {key: {variations, weights}}, units, repetitions}`. Times: the median microseconds of
each unit over all experiments.
"""

import json
import statistics
import sys
import time
from importlib import import_module
from typing import Any


def main() -> None:
    """Measure what was asked for."""
    # By name: the development environment, where types are checked, does not have it.
    growthbook: Any = import_module("growthbook")
    work = json.load(sys.stdin)
    features = {
        key: {
            "defaultValue": None,
            "rules": [{"key": key, "hashVersion": 2, "hashAttribute": "id", **experiment}],
        }
        for key, experiment in work["experiments"].items()
    }
    sdk = growthbook.GrowthBook(features=features)
    samples: list[list[float]] = [[] for _ in work["units"]]
    for _ in range(work["repetitions"]):
        for place, unit in enumerate(work["units"]):
            started = time.perf_counter_ns()
            sdk.set_attributes({"id": unit})
            chosen = {key: sdk.get_feature_value(key, None) for key in features}
            samples[place].append((time.perf_counter_ns() - started) / 1000)
            if None in chosen.values():
                raise RuntimeError("the SDK left an experiment unassigned")
    json.dump([statistics.median_low(each) for each in samples], sys.stdout)


main()
