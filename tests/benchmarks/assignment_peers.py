"""Assigns units with another SDK. Runs in the peers' own environment.

The argument is the SDK's name; the work is read from stdin: `{features: {key: [[name, share, configuration],
...]}, units, repetitions}`, the shares of a feature adding up to 1. The median microseconds of each unit over
all features go to stdout. Nothing is fetched or sent.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

Features = Mapping[str, Sequence[tuple[str, float, Mapping[str, Any]]]]
Assign = Callable[[str], list[Any]]


def growthbook(features: Features) -> Assign:
    """Return what evaluates every feature: an experiment, or a plain value where there is one arm."""
    # By name: the development environment, where types are checked, does not have it.
    sdk_class: Any = import_module("growthbook").GrowthBook
    definitions = {
        key: {
            "defaultValue": {"variant_id": arms[0][0], "config": arms[0][2]},
            "rules": [
                {
                    "key": key,
                    "hashVersion": 2,
                    "hashAttribute": "id",
                    "variations": [{"variant_id": name, "config": config} for name, _, config in arms],
                    "weights": [share for _, share, _ in arms],
                }
            ]
            if len(arms) > 1
            else [],
        }
        for key, arms in features.items()
    }
    sdk = sdk_class(features=definitions)

    def assign(unit: str) -> list[Any]:
        sdk.set_attributes({"id": unit})
        return [sdk.get_feature_value(key, None) for key in features]

    return assign


def openfeature(features: Features) -> Assign:
    """Return what asks the SDK's client for every flag of its own provider in memory, which assigns nobody:
    a flag has one value there.
    """
    api: Any = import_module("openfeature.api")
    memory: Any = import_module("openfeature.provider.in_memory_provider")
    context: Any = import_module("openfeature.evaluation_context").EvaluationContext
    flags = {key: memory.InMemoryFlag(arms[0][0], {arms[0][0]: arms[0][2]}) for key, arms in features.items()}
    api.set_provider_and_wait(memory.InMemoryProvider(flags))
    client = api.get_client()

    def assign(unit: str) -> list[Any]:
        of_unit = context(unit)
        return [client.get_object_value(key, None, of_unit) for key in features]

    return assign


def unleash(features: Features) -> Assign:
    """Return what asks an offline client, started from a cache, for the variant of every toggle."""
    client_class: Any = import_module("UnleashClient").UnleashClient
    cache: Any = import_module("UnleashClient.cache").FileCache("bench", directory=tempfile.mkdtemp())
    toggles = [
        {
            "name": key,
            "type": "experiment",
            "enabled": True,
            "strategies": [
                {
                    "name": "flexibleRollout",
                    "parameters": {"rollout": "100", "stickiness": "userId", "groupId": key},
                    "variants": [
                        {
                            "name": name,
                            "weight": round(share * 1000),
                            "stickiness": "userId",
                            "payload": {"type": "json", "value": json.dumps(config)},
                        }
                        for name, share, config in arms
                    ],
                }
            ],
        }
        for key, arms in features.items()
    ]
    cache.bootstrap_from_dict({"version": 2, "features": toggles})
    client = client_class(
        url="http://127.0.0.1:9/api",
        app_name="bench",
        cache=cache,
        disable_metrics=True,
        disable_registration=True,
    )
    client.initialize_client(fetch_toggles=False)

    def assign(unit: str) -> list[Any]:
        context = {"userId": unit}
        found = [client.get_variant(key, context) for key in features]
        return [variant if variant["enabled"] else None for variant in found]

    return assign


def main() -> None:
    """Measure what was asked for."""
    work = json.load(sys.stdin)
    assign = {"growthbook": growthbook, "openfeature": openfeature, "unleash": unleash}[sys.argv[1]](
        work["features"]
    )
    samples: list[list[float]] = [[] for _ in work["units"]]
    for _ in range(work["repetitions"]):
        for place, unit in enumerate(work["units"]):
            started = time.perf_counter_ns()
            chosen = assign(unit)
            samples[place].append((time.perf_counter_ns() - started) / 1000)
            if None in chosen:
                raise RuntimeError("the SDK left a feature unassigned")
    json.dump([statistics.median_low(each) for each in samples], sys.stdout)
    sys.stdout.flush()


main()
