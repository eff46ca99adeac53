"""Holds the tables of a lake against the reference."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from silent_infinity.domain.lake.arms import Arm
from tests.support import lake_reference as reference
from tests.support.lake import Lake
from tests.support.lake_reference import Arrived, Row
from tests.support.lake_traffic import by_arrival

COSTS = (
    "calls",
    "turns",
    "tokens_input",
    "tokens_output",
    "tokens_cache_read",
    "tokens_cache_write",
    "cost_usd",
)


def fill(lake: Lake, arrived: Arrived) -> None:
    """Write what arrived, an object a day and stream."""
    for day, rows in by_arrival(arrived.turns).items():
        lake.arrive(day, turns=rows)
    for day, rows in by_arrival(arrived.feedback).items():
        lake.arrive(day, feedback=rows)


def days(first: date, last: date) -> list[date]:
    """Return the days from `first` to `last`."""
    return [first + timedelta(number) for number in range((last - first).days + 1)]


def same(found: Any, expected: Any) -> bool:
    """Whether two values are equal, doubles up to their last digits."""
    if isinstance(found, float) or isinstance(expected, float):
        return math.isclose(found, expected, rel_tol=1e-14, abs_tol=1e-15)
    return bool(found == expected)


def differences(found: Mapping[Any, Row], expected: Mapping[Any, Row]) -> list[str]:
    """Return what is different, in words."""
    said = [f"missing: {key}" for key in expected.keys() - found.keys()]
    said += [f"too many: {key}" for key in found.keys() - expected.keys()]
    for key in found.keys() & expected.keys():
        for name, value in expected[key].items():
            if not same(found[key][name], value):
                said.append(f"{key} {name}: {found[key][name]!r} instead of {value!r}")
    return sorted(said)


def compare(
    lake: Lake, arrived: Arrived, first: date, last: date, *, through: date, arms: Sequence[Arm] = ()
) -> list[str]:
    """Return every difference between the refined tables of these days and the reference."""
    wanted = days(first, last)
    turns = reference.silver_turns(arrived)
    within = [turn for turn in turns if first <= turn.day <= last]
    units = reference.units(turns, wanted, through)
    said = differences(
        _by(lake.rows("silver_turns"), "turn_id"),
        {(turn.event["turn_id"],): _silver(turn) for turn in within},
    )
    said += differences(
        _by(lake.rows("unit_days"), "dt", "category", "variant_id", "unit_id"),
        {
            (day.isoformat(), *rest): {
                "turns": unit.turns,
                "exposed_turns": unit.exposed,
                "crisis_turns": unit.crises,
                "returned": unit.returned,
                "sessions": len(unit.sessions),
            }
            for (day, *rest), unit in units.items()
        },
    )
    said += differences(
        _by(lake.rows("gold_variant_days"), "dt", "category", "variant_id", "metric"),
        {(day.isoformat(), *rest): row for (day, *rest), row in reference.variant_days(units).items()},
    )
    expected = {}
    for arm in arms:
        variants = (arm.variant_id, *arm.production)
        for key, row in reference.experiment(units, arm.category, variants, arm.since).items():
            expected[arm.category, arm.variant_id, *key] = row
    said += differences(
        _by(lake.rows("gold_experiments"), "category", "arm_id", "variant_id", "metric"), expected
    )
    feedback = {row["feedback_id"]: row for _, row in arrived.feedback}
    given = [
        row for row in feedback.values() if first.isoformat() <= row["created_at"][:10] <= last.isoformat()
    ]
    said += differences(
        _by(lake.rows("silver_feedback"), "feedback_id"),
        {(row["feedback_id"],): row for row in map(_given, given)},
    )
    said += differences(
        _by(lake.rows("gold_histograms"), "dt", "category", "variant_id", "metric", "bin"),
        {
            (day.isoformat(), *rest): {"n": n}
            for (day, *rest), n in reference.histograms(within, given).items()
        },
    )
    said += differences(
        _by(
            lake.rows("gold_costs"),
            "dt",
            "intent",
            "turn_class",
            "model_id",
            "provider",
            "category",
            "variant_id",
        ),
        {
            (day.isoformat(), *rest): dict(zip(COSTS, row, strict=True))
            for (day, *rest), row in reference.costs(within).items()
        },
    )
    said += differences(
        _by(lake.rows("gold_intents"), "dt", "intent", "turn_class"),
        {(day.isoformat(), *rest): {"turns": n} for (day, *rest), n in reference.intents(within).items()},
    )
    said += differences(
        _by(lake.rows("gold_failures"), "dt", "failure", "intent", "turn_class", "model_id"),
        {
            (day.isoformat(), *rest): {"turns": len(ids), "example_turn_id": min(ids)}
            for (day, *rest), ids in reference.failures(within).items()
        },
    )
    said += differences(
        _by(lake.rows("gold_arrivals"), "dt"),
        {(day.isoformat(),): row for day, row in reference.arrivals(arrived).items() if first <= day <= last},
    )
    return said


def _given(row: Row) -> Row:
    return {
        name: row[name] for name in ("feedback_id", "turn_id", "session_id", "rating", "nps", "created_at")
    }


def _silver(turn: reference.Turn) -> Row:
    kept = ("session_id", "user_id_hash", "exposures", "cost_usd", "intent", "crisis_flag_level", "attempts")
    return {
        **{name: turn.event.get(name) for name in kept},
        "dt": turn.day.isoformat(),
        "received_at": turn.at,
        "latency_total_ms": turn.latency.get("total_ms"),
        "rating": turn.rating,
        "rating_variant_id": turn.rating_variant_id,
        "rated_at": turn.rated_at,
        "continued": turn.continued,
        "screened": turn.screened,
        "screen_answer": turn.screen_answer,
    }


def _by(rows: Iterable[Row], *names: str) -> dict[tuple[Any, ...], Row]:
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = tuple(row[name] for name in names)
        assert key not in found, f"two rows of {key}"
        found[key] = row
    return found
