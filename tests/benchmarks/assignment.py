"""Assignment of variants, beside bare hashes and beside the SDKs of others."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext

from local.tools.locations import REPOSITORY, venv_python
from silent_infinity.adapters.memory.variants import MemoryVariants
from silent_infinity.adapters.openfeature.provider import FeatureFlagProvider
from silent_infinity.domain.initial_variants import initial_variants
from silent_infinity.domain.variant_categories import categories
from silent_infinity.domain.variants import BUCKETS, Variant, bucket, compile_plan
from tests.benchmarks.figures import NANOSECONDS_PER_US, Result, Row, median, percentile
from tests.benchmarks.peer_tools import peers
from tests.benchmarks.workshop import Workshop

UNITS = 2000
REPETITIONS = 5
COMPILATIONS = 200
MOST_US = 40
ARM_BUCKETS = 1000
PEER = Path(__file__).with_name("assignment_peers.py")
PEERS = {
    "growthbook": "GrowthBook SDK",
    "openfeature": "OpenFeature SDK, its provider in memory (assigns nobody)",
    "unleash": "Unleash SDK, offline",
}


@dataclass(frozen=True)
class Timing:
    """What one way of assigning took: its microseconds for each unit, all categories together."""

    what: str
    times: Sequence[float]
    most: float | None = None

    @property
    def p50(self) -> float:
        """The median over the units."""
        return percentile(self.times, 50)


def run(workshop: Workshop) -> Result:
    """Measure assignment for thousands of units, then the peers on the same features."""
    units = [f"unit-{number:05d}" for number in range(UNITS)]
    present = tuple(variant for variant in initial_variants() if variant.status != "retired")
    busy = busiest(present)
    names = list(categories())
    folder = peers(workshop.progress)
    with workshop.progress.step("Assigning variants"):
        before = _of_peers(folder, busy, units)
        floor = _timed(lambda unit: [bucket("v1", name, unit) for name in names], units)
        ours = _ours(present, busy, units)
        one_hash = _timed(_one_hash, units)
        compiled = [_microseconds(lambda: compile_plan(busy)) for _ in range(COMPILATIONS)]
        # Before and after ours: neither side alone gets the quieter moment.
        others = _better(before, _of_peers(folder, busy, units))
    main, floor_us = ours[1], percentile(floor, 50)
    timings = (
        *ours,
        Timing("bare: one SHA-256 for each category", floor),
        Timing("bare: one SHA-256 for the unit", one_hash),
        *(Timing(PEERS[name], times) for name, times in others.items()),
    )
    rows = [
        Row(what=f"{each.what}, p50", value=each.p50, unit="µs", floor=floor_us, most=each.most)
        for each in timings
    ]
    rows.insert(2, Row(what=f"{main.what}, p99", value=percentile(main.times, 99), unit="µs"))
    if "growthbook" in others:
        rows.append(
            Row(
                what="ours in the worst case beside the GrowthBook SDK, p50",
                value=main.p50,
                unit="µs",
                floor=percentile(others["growthbook"], 50),
                most_times_floor=1,
            )
        )
    rows += [
        Row(
            what=f"{each.what}: evaluations a second",
            value=len(names) / each.p50 * 1e6,
            unit="1/s",
            floor=len(names) / floor_us * 1e6,
            more_is_better=True,
        )
        for each in timings
    ]
    rows.append(
        Row(what="compiling the plan of the worst case, once a change", value=median(compiled), unit="µs")
    )
    return Result(
        title=f"one unit in all {len(names)} categories",
        floor="the bare SHA-256 buckets of as many categories; the row beside GrowthBook has its SDK instead",
        rows=tuple(rows),
        notes=_notes(len(present), len(busy), set(PEERS) - set(others)),
    )


def busiest(present: Sequence[Variant]) -> tuple[Variant, ...]:
    """Return what production has, and two running arms of 10 % in every category that may have any."""
    found = [variant for variant in present if variant.is_default]
    for name, category in categories().items():
        if not category.crisis:
            config = next(variant.config for variant in found if variant.category == name)
            found += [
                Variant(
                    name,
                    f"arm-{number}",
                    "canary",
                    rollout_percent=100 * ARM_BUCKETS / BUCKETS,
                    ranges=((number * ARM_BUCKETS, (number + 1) * ARM_BUCKETS),),
                    config=config,
                )
                for number in range(2)
            ]
    return tuple(found)


def _ours(present: Sequence[Variant], busy: Sequence[Variant], units: Sequence[str]) -> list[Timing]:
    """Return the timings of this project: today, in the worst case, with a session's own, through flags."""
    today, plan = compile_plan(present), compile_plan(busy)
    stored = {name: variant.variant_id for name, variant in plan.assign(session_id="s", user_id="u").items()}
    with _client(busy) as client:
        flags = _timed(lambda unit: _flags(client, unit), units)
    return [
        Timing(
            f"ours, the {len(present)} variants of today",
            _timed(lambda unit: today.assign(session_id=unit, user_id=unit, returning=True), units),
            MOST_US,
        ),
        Timing(
            f"ours, the worst case of {len(busy)} variants",
            _timed(lambda unit: plan.assign(session_id=unit, user_id=unit, returning=True), units),
            MOST_US,
        ),
        Timing(
            "ours, the worst case, what the session has already",
            _timed(
                lambda unit: plan.assign(session_id=unit, user_id=unit, returning=True, stored=stored), units
            ),
            MOST_US,
        ),
        Timing("ours, the worst case, through OpenFeature", flags),
    ]


@contextmanager
def _client(variants: Sequence[Variant]) -> Iterator[OpenFeatureClient]:
    api.set_provider_and_wait(FeatureFlagProvider(MemoryVariants(variants)))
    try:
        yield api.get_client()
    finally:
        api.clear_providers()


def _flags(client: OpenFeatureClient, unit: str) -> list[object]:
    context = EvaluationContext(unit, {"user_id": unit, "returning": True})
    return [client.get_object_value(name, {}, context) for name in categories()]


def _one_hash(unit: str) -> int:
    return int.from_bytes(sha256(unit.encode()).digest(), "big") % BUCKETS


def _microseconds(call: Callable[[], object]) -> float:
    started = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - started) / NANOSECONDS_PER_US


def _timed(call: Callable[[str], object], units: Sequence[str]) -> list[float]:
    """Return the median microseconds of `call` for each unit."""
    samples: list[list[float]] = [[] for _ in units]
    for _ in range(REPETITIONS):
        for place, unit in enumerate(units):
            started = time.perf_counter_ns()
            call(unit)
            samples[place].append((time.perf_counter_ns() - started) / NANOSECONDS_PER_US)
    return [median(each) for each in samples]


def _better(first: dict[str, list[float]], second: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return the better time of each unit, for the peers that ran both times."""
    return {
        name: [min(pair) for pair in zip(times, second[name], strict=True)]
        for name, times in first.items()
        if name in second
    }


def _of_peers(
    folder: Path | None, variants: Sequence[Variant], units: Sequence[str]
) -> dict[str, list[float]]:
    """Return the median microseconds for each unit, of each peer that runs here."""
    if folder is None:
        return {}
    work = json.dumps({"features": _features(variants), "units": list(units), "repetitions": REPETITIONS})
    found = {}
    for name in PEERS:
        done = subprocess.run(  # noqa: S603 - the interpreter and the script are this project's own
            [str(venv_python(folder)), "-P", str(PEER), name],
            input=work,
            capture_output=True,
            text=True,
            check=False,
            cwd=REPOSITORY,
            env={"PATH": os.environ.get("PATH", "")},
        )
        if done.returncode == 0:
            found[name] = json.loads(done.stdout)
    return found


def _features(variants: Sequence[Variant]) -> dict[str, list[tuple[str, float, dict[str, object]]]]:
    """Return name, share and configuration of each variant. Production shares what the arms leave."""
    found = {}
    for category in categories():
        of_category = [variant for variant in variants if variant.category == category]
        arms = [variant for variant in of_category if variant.ranges]
        pool = [variant for variant in of_category if variant.is_default]
        rest = (100 - sum(arm.rollout_percent for arm in arms)) / 100 / len(pool)
        found[category] = [(variant.variant_id, rest, variant.config) for variant in pool] + [
            (arm.variant_id, arm.rollout_percent / 100, arm.config) for arm in arms
        ]
    return found


def _notes(today: int, worst: int, missing: set[str]) -> tuple[str, ...]:
    notes = [
        f"{UNITS} units, each the median of {REPETITIONS}; every figure is for all categories of one unit. "
        f"Today is the initial population ({today} variants that are not retired, the pool of ratings among "
        f"them). The worst case ({worst}) adds two arms of 10 % to what production has in every category but "
        "those of the crisis path, which have none; at most five arms may ever run at once.",
        "Peers (versions in tests/benchmarks/requirements.txt) have the same variants with the same shares "
        "and configurations, plain values in the categories of the crisis path, and an environment of their "
        "own. They are measured before and after ours; for each unit the better time counts. The session and "
        "the person are one identity for them.",
    ]
    if missing:
        notes.append(f"Left out, because they did not run here: {', '.join(sorted(missing))}.")
    return tuple(notes)
