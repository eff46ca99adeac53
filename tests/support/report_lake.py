"""A lake with invented gold tables, for the weekly report: plausible figures, the same for the same seed."""

import json
import math
import random
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from local.athena.engine import Engine
from local.athena.tables import FolderCatalog
from local.athena.types import duckdb_of_hive
from silent_infinity.domain.lake.histograms import bin_of
from silent_infinity.domain.lake.metrics import EVERYTHING, RATE, SERVICE, metrics
from silent_infinity.domain.lake.refined import REFINED
from silent_infinity.domain.weeks import Week

Row = dict[str, Any]

WEEK = Week.of("2026-W46")
DAYS = 63
CRISIS_SHARE = 0.009
ARM = ("LLM_MODEL", "sonnet-warm", "sonnet-default")
CLASSES = {
    "TC1": ("CRISIS_DETECTOR_MODEL", "haiku-screen", "claude-haiku-4-5", 0.0009, 0.25),
    "TC3": ("SMALL_TALK_MODEL", "haiku-small-talk", "claude-haiku-4-5", 0.0006, 0.22),
    "TC4": ("LLM_MODEL", "sonnet-default", "claude-sonnet-4-6", 0.0061, 0.5),
    "TC5": ("LLM_MODEL", "sonnet-warm", "claude-sonnet-4-6", 0.0093, 0.2),
    "TC6": ("CRISIS_FLOW_MODEL", "sonnet-crisis", "claude-sonnet-4-6", 0.0102, 0.01),
}
INTENTS = {
    "venting": 0.38,
    "question": 0.2,
    "small_talk": 0.14,
    "greeting": 0.12,
    "gratitude": 0.09,
    "farewell": 0.07,
}
FAILURES = {
    "fallback": 0.006,
    "degraded": 0.011,
    "quality": 0.024,
    "rewritten": 0.031,
    "low_rating": 0.004,
    "slow": 0.0015,
}
LEVELS = {
    "latency_total_ms": 2900.0,
    "latency_first_token_ms": 640.0,
    "cost_usd": 0.031,
    "turns": 5.4,
    "rating": 4.12,
    "quality": 0.87,
    "tokens_input": 2350.0,
    "tokens_output": 164.0,
    "satisfaction": 0.81,
    "return_7d": 0.34,
    "completion": 0.92,
    "regeneration": 0.06,
    "fallback": 0.012,
    "degraded": 0.019,
    "json_parse": 0.997,
    "crisis_flag": 0.011,
    "guard_trigger": 0.021,
}


def rows(
    week: Week = WEEK, *, seed: int = 1, sessions: int = 260, drifted: bool = False
) -> dict[str, list[Row]]:
    """Return the rows of each table for the weeks before and in `week`; `dt` is a column like the others.

    With `drifted` people of the week itself come with questions instead of what weighs on them.
    """
    chance = random.Random(seed)
    last = week.days[-1]
    found: dict[str, list[Row]] = {table.name: [] for table in REFINED}
    for back in reversed(range(DAYS)):
        one = last - timedelta(days=back)
        weekday = 0.86 if one.weekday() >= 5 else 1.0
        growth = 1 + 0.004 * (DAYS - back)
        count = round(sessions * weekday * growth * chance.uniform(0.94, 1.06))
        _day(
            found,
            chance,
            one,
            count,
            INTENTS if not (drifted and back < 7) else {"question": 0.7, "venting": 0.3},
        )
        if back < 14:
            found["silver_turns"] += _turns(chance, one, count)
    return found


def engine(folder: Path, tables: Mapping[str, Iterable[Row]]) -> Engine:
    """Write the tables into an empty folder, register their days, and return what runs statements."""
    catalog = FolderCatalog.of(folder, REFINED)
    with duckdb.connect() as connection:
        for table in REFINED:
            written = list(tables.get(table.name, ()))
            if not written:
                continue
            names = list(written[0])
            types = {column.name: column.type for column in (*table.columns, *table.partitions)}
            columns = {name: duckdb_of_hive(types[name]) for name in names}
            lines = folder / f"{table.name}.jsonl"
            lines.write_text("".join(f"{json.dumps(row)}\n" for row in written), encoding="utf-8")
            made = connection.read_json(str(lines), columns=columns, format="newline_delimited")
            place = catalog.folder(f"s3://lake/{table.prefix}run=1/")
            place.parent.mkdir(parents=True, exist_ok=True)
            made.write_parquet(str(place), partition_by=["dt"])
            lines.unlink()
            for dt in {row["dt"] for row in written}:
                catalog.swap(table.name, (dt,), f"s3://lake/{table.prefix}run=1/dt={dt}/")
    return Engine(catalog)


def run(lake: Engine, statement: str) -> list[dict[str, str | None]]:
    """Run a statement; values are text, as Athena gives them."""
    outcome = lake.run(statement)
    names = [column.name for column in outcome.columns]
    return [
        {name: None if value is None else str(value) for name, value in zip(names, row, strict=True)}
        for row in outcome.rows
    ]


def _day(
    found: dict[str, list[Row]], chance: random.Random, one: date, count: int, intents: Mapping[str, float]
) -> None:
    dt = one.isoformat()
    turns = round(count * 5.4 * chance.uniform(0.97, 1.03))
    repeated, late = chance.randint(0, 12), chance.randint(0, 4)
    found["gold_arrivals"].append(
        {
            "received": turns + repeated,
            "turns": turns,
            "duplicates": repeated,
            "invalid": 0,
            "late": late,
            "dt": dt,
        }
    )
    base = {"users": round(count * 0.82), "turns": turns, "exposed_turns": turns, "crisis_turns": 0}
    for metric in metrics():
        found["gold_variant_days"].append({
            "category": SERVICE, "variant_id": EVERYTHING, **_sums(chance, metric.name, metric.kind, count),
            "sessions": count, **base, "dt": dt,
        })  # fmt: skip
    for name, level in (("latency_total_ms", 2600), ("latency_first_token_ms", 610)):
        for value in (level * math.exp(chance.gauss(0, 0.42)) for _ in range(40)):
            found["gold_histograms"].append({
                "category": SERVICE, "variant_id": EVERYTHING, "metric": name,
                "bin": bin_of(value), "n": max(1, turns // 40), "dt": dt,
            })  # fmt: skip
    for name, (category, variant, model, price, part) in CLASSES.items():
        for intent, share in intents.items():
            calls = round(turns * part * share * chance.uniform(0.9, 1.1))
            found["gold_costs"].append({
                "intent": intent, "turn_class": name, "model_id": model, "provider": "bedrock",
                "category": category, "variant_id": variant, "calls": calls, "turns": calls,
                "tokens_input": 400 * calls, "tokens_output": 160 * calls, "tokens_cache_read": 1900 * calls,
                "tokens_cache_write": 50 * calls, "cost_usd": price * calls, "dt": dt,
            })  # fmt: skip
            if name != "TC1":
                found["gold_intents"].append({"intent": intent, "turn_class": name, "turns": calls, "dt": dt})
            for failure, rate in FAILURES.items() if name in {"TC4", "TC5"} else ():
                bad = round(calls * rate * chance.uniform(0.3, 2))
                if bad:
                    found["gold_failures"].append({
                        "failure": failure, "intent": intent, "turn_class": name, "model_id": model,
                        "turns": bad, "example_turn_id": f"019a-{dt}-{intent}-{failure}", "dt": dt,
                    })  # fmt: skip
    category, arm, production = ARM
    since = date.fromisoformat(dt).replace(day=1)
    spent = (one - since).days + 1
    for variant, part in ((arm, 0.2), (production, 0.8)):
        for metric in metrics():
            lift = {"rating": 1.012, "latency_total_ms": 1.031, "cost_usd": 1.06}.get(metric.name, 1.0)
            units = round(spent * count * part)
            found["gold_experiments"].append({
                "category": category, "arm_id": arm, "variant_id": variant, "since": since.isoformat(),
                **_sums(chance, metric.name, metric.kind, units, lift if variant == arm else 1.0),
                "unit": "session", "units": units, "mixed_units": units // 150, "dt": dt,
            })  # fmt: skip


def _sums(chance: random.Random, name: str, kind: str, n: int, lift: float = 1.0) -> Row:
    level = LEVELS[name] * lift
    if kind == RATE:
        noise = math.sqrt(level * (1 - level) * n)
        total = min(n, max(0, round(level * n + chance.gauss(0, 0.6) * noise)))
        return {"metric": name, "kind": kind, "n": n, "total": float(total), "squares": 0.0}
    spread = 0.12 if name in {"rating", "quality"} else 0.5
    mean = level * (1 + chance.gauss(0, 0.7) * spread / math.sqrt(max(1, n)))
    return {
        "metric": name, "kind": kind, "n": n, "total": mean * n,
        "squares": n * mean * mean * (1 + spread * spread),
    }  # fmt: skip


def _turns(chance: random.Random, one: date, count: int) -> list[Row]:
    dt = one.isoformat()
    made = []
    for number in range(count):
        crisis = chance.random() < CRISIS_SHARE
        made += [
            {
                "turn_id": f"{dt}-{number}-{turn}",
                "session_id": f"session-{dt}-{number}",
                "user_id_hash": f"pseudonym-{chance.randrange(2000)}",
                "crisis_flag_level": 3 if crisis and turn == 1 else 0,
                "screened": True,
                "fallback_used": chance.random() < 0.004,
                "referrals": int(crisis and turn == 1),
                "dt": dt,
            }
            for turn in range(chance.randint(2, 9))
        ]
    return made
