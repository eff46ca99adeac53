"""Assignment of variants, beside the bare hashes and beside the GrowthBook SDK."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from local.tools.locations import REPOSITORY, venv_python
from silent_infinity.domain.initial_variants import initial_variants
from silent_infinity.domain.variants import Variant, assign, bucket
from tests.benchmarks.figures import NANOSECONDS_PER_US, Result, Row, median, percentile
from tests.benchmarks.peer_tools import peers
from tests.benchmarks.workshop import Workshop

UNITS = 2000
REPETITIONS = 5
CATEGORIES = 17
MOST_US = 40
PEER = Path(__file__).with_name("growthbook_peer.py")


def run(workshop: Workshop) -> Result:
    """Measure assignment for thousands of units, then the peer on the same experiments."""
    units = [f"unit-{number:05d}" for number in range(UNITS)]
    present, planned = initial_variants(), synthetic_variants()
    stored = {name: arm.variant_id for name, arm in assign(planned, units[0]).items()}
    folder = peers(workshop.progress)
    with workshop.progress.step("Assigning variants"):
        growthbook = _peer(folder, planned, units) if folder else []
        now = _timed(lambda unit: assign(present, unit), units)
        bare_now = _timed(lambda unit: _hashes(present, unit), units)
        all_of_them = _timed(lambda unit: assign(planned, unit), units)
        bare = _timed(lambda unit: _hashes(planned, unit), units)
        kept = _timed(lambda unit: assign(planned, unit, stored), units)
        if folder:  # before and after ours: neither side alone gets the quieter moment
            again = _peer(folder, planned, units)
            growthbook = [min(pair) for pair in zip(growthbook, again, strict=True)]
    categories = len({variant.category for variant in present})
    return Result(
        title=f"one unit in all categories, and in the {CATEGORIES} of the design",
        floor="the bare SHA-256 buckets of the same categories; the row of GrowthBook has its SDK instead",
        rows=(
            Row(
                what=f"{categories} categories of today ({len(present)} variants), p50",
                value=percentile(now, 50),
                unit="µs",
                floor=percentile(bare_now, 50),
            ),
            Row(
                what=f"{CATEGORIES} categories ({len(planned)} variants), p50",
                value=percentile(all_of_them, 50),
                unit="µs",
                floor=percentile(bare, 50),
                most=MOST_US,
            ),
            Row(what=f"{CATEGORIES} categories, p99", value=percentile(all_of_them, 99), unit="µs"),
            Row(
                what=f"{CATEGORIES} categories that the session has already, p50",
                value=percentile(kept, 50),
                unit="µs",
            ),
            Row(
                what=f"{CATEGORIES} categories beside the GrowthBook SDK, p50",
                value=percentile(all_of_them, 50),
                unit="µs",
                floor=percentile(growthbook, 50) if growthbook else None,
                most_times_floor=1,
            ),
        ),
        notes=(
            f"{UNITS} units, each the median of {REPETITIONS}. The synthetic categories have a production "
            "variant and two arms of 10 % each, with configurations like those of today.",
            "GrowthBook (its version is pinned in tests/benchmarks/requirements.txt) runs the same "
            "experiments with the same shares in an environment of its own: features are loaded once, then "
            "the attributes of each unit are set and every feature is evaluated. It is measured before and "
            "after ours; for each unit its better time counts.",
        ),
    )


def synthetic_variants() -> tuple[Variant, ...]:
    """Return 17 categories with a production variant and two running arms each."""
    found = []
    for number in range(CATEGORIES):
        category = f"CATEGORY_{number:02d}"
        config = {"model_id": f"model-{number}", "max_tokens": 1024, "temperature": 0.7}
        found += [
            Variant(category, "production", "production", rollout_percent=80, config=config),
            Variant(category, "first", "canary", rollout_percent=10, ranges=((0, 1000),), config=config),
            Variant(category, "second", "canary", rollout_percent=10, ranges=((1000, 2000),), config=config),
        ]
    return tuple(found)


def _hashes(variants: Sequence[Variant], unit: str) -> list[int]:
    return [bucket(v.seed, v.category, unit) for v in variants if v.status == "production"]


def _timed(call: Callable[[str], object], units: Sequence[str]) -> list[float]:
    """Return the median microseconds of `call` for each unit."""
    samples: list[list[float]] = [[] for _ in units]
    for _ in range(REPETITIONS):
        for place, unit in enumerate(units):
            started = time.perf_counter_ns()
            call(unit)
            samples[place].append((time.perf_counter_ns() - started) / NANOSECONDS_PER_US)
    return [median(each) for each in samples]


def _peer(folder: Path, variants: Sequence[Variant], units: Sequence[str]) -> list[float]:
    """Return the median microseconds of the SDK for each unit."""
    experiments: dict[str, dict[str, list[Any]]] = {}
    for variant in variants:
        experiment = experiments.setdefault(variant.category, {"variations": [], "weights": []})
        experiment["variations"].append({"variant_id": variant.variant_id, "config": variant.config})
        experiment["weights"].append(variant.rollout_percent / 100)
    work = {"experiments": experiments, "units": list(units), "repetitions": REPETITIONS}
    command = [str(venv_python(folder)), "-P", str(PEER)]
    run = subprocess.run(  # noqa: S603 - the interpreter and the script are this project's own
        command,
        input=json.dumps(work),
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
        env={"PATH": os.environ.get("PATH", "")},
    )
    found: list[float] = json.loads(run.stdout)
    return found
