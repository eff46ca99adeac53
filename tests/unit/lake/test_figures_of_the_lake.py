"""From simulated turns to messages and demotions, over the real statements: every column fits its reader."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local.simulation import bronze
from local.simulation.effects import parsed
from local.simulation.scenario import Scenario, Share, registry
from local.simulation.simulation import all_arrivals
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.lake import MemoryQueryResults
from silent_infinity.adapters.memory.variant_metrics import MemoryVariantMetrics
from silent_infinity.adapters.memory.variant_store import MemoryVariantStore
from silent_infinity.domain.lake import statements
from silent_infinity.domain.lake.metrics import metrics
from silent_infinity.domain.lake.running_arms import RunningArm, running_arms
from silent_infinity.domain.lake.slos import Place
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.domain.variant_sums import merged, merged_counts, merged_histograms
from silent_infinity.usecases.evaluate_rollup import EvaluateRollup, Evaluation, EvaluationRequest
from silent_infinity.usecases.publish_metrics import PublishMetrics, PublishRequest
from tests.support.lake import Lake

LAST = date(2026, 11, 20)
DAYS = 5
NOW = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)
HARMFUL, HARMLESS = "claude-opus-4-7", "same-again"
RUNNING = "claude-haiku-4-5"  # an arm of small talk in the initial registry
TABLES = ("gold_variant_days", "gold_histograms", "gold_experiments")


@dataclass(frozen=True)
class Night:
    """A lake with its figures published, and what was made of them."""

    metrics: MemoryVariantMetrics
    results: Mapping[str, list[dict[str, str | None]]]
    arms: tuple[RunningArm, ...]
    evaluation: Evaluation
    published: int


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    """Five days of an arm that brings people to a crisis, and of one that is production by another name."""
    root: Path = tmp_path_factory.mktemp("lake")
    effects = (parsed(f"LLM_MODEL:{HARMFUL}:crisis_flag:+0.08"),)
    shares = (Share("LLM_MODEL", HARMFUL, 20), Share("COMPOSE_POSITION", HARMLESS, 20))
    scenario = Scenario(2500, DAYS, LAST, 7, registry(effects, shares), effects)
    bronze.empty_tables(root / "lake")
    bronze.write(root / "lake", all_arrivals(scenario))
    changed = (scenario.first - timedelta(days=1)).isoformat() + "T12:00:00+00:00"
    rows = [
        from_payload(VariantRecord, {**to_payload(one), "last_modified": changed})
        for one in scenario.variants
    ]
    store = MemoryVariantStore(FixedClock(NOW), rows)
    arms = running_arms(store.snapshot().records, NOW, LAST)
    lake = Lake(root)
    lake.refresh(scenario.first, LAST, through=LAST, arms=[each.arm for each in arms])
    results = {
        table: [
            {name: None if value is None else str(value) for name, value in row.items()}
            for row in lake.run(
                statements.gold_rows(table, LAST if table == "gold_experiments" else scenario.first, LAST)
            )
        ]
        for table in TABLES
    }
    figures = MemoryVariantMetrics()
    reader = MemoryQueryResults(dict(results))
    queries = {table: table for table in TABLES}
    event = {"first": scenario.first.isoformat(), "last": LAST.isoformat(), "queries": queries}
    published = PublishMetrics(results=reader, metrics=figures)(PublishRequest.from_event(event))
    evaluate = EvaluateRollup(
        results=reader,
        metrics=figures,
        registry=store,
        clock=FixedClock(NOW),
        place=Place("test", "us-east-1", "workgroup", "database"),
    )
    judged: dict[str, Any] = {
        "date": LAST.isoformat(), "act": True, "queries": queries, "arms": to_payload(arms),
    }  # fmt: skip
    return Night(
        figures, results, arms, evaluate(EvaluationRequest.from_event(judged)), published.variant_days
    )


def test_the_harmful_arm_is_taken_back_and_the_harmless_one_stays(night: Night) -> None:
    """Eight crises more in a hundred sessions, found in five days of 100 sessions each."""
    assert [(each.category, each.variant_id) for each in night.arms] == [
        ("COMPOSE_POSITION", HARMLESS),
        ("LLM_MODEL", HARMFUL),
        ("SMALL_TALK_MODEL", RUNNING),
    ]
    assert [each.variant_id for each in night.evaluation.regressions] == [HARMFUL]
    assert "crisis-regression" in {breach.name for breach in night.evaluation.breaches}


def test_units_divide_as_the_traffic_does(night: Night) -> None:
    """The simulation assigns as the service does, and the statements lose no side's units."""
    assert "sample-ratio" not in {breach.name for breach in night.evaluation.breaches}
    counted = {
        (row["arm_id"], row["variant_id"]): int(row["units"] or 0)
        for row in night.results["gold_experiments"]
    }
    assert len(counted) == 6
    assert min(counted.values()) > 100


def test_every_metric_of_every_day_is_published(night: Night) -> None:
    """With the service as a whole beside the variants."""
    days = night.metrics.days("SERVICE", "all", LAST - timedelta(days=DAYS - 1), LAST)
    sums, histograms = merged(days), merged_histograms(days)
    known = {metric.name for metric in metrics()}

    assert len(days) == DAYS
    assert sums.keys() <= known
    assert known - sums.keys() <= {"return_7d"}
    assert {"latency_total_ms", "latency_first_token_ms"} <= histograms.keys()
    keys = {(row["category"], row["variant_id"], row["dt"]) for row in night.results["gold_variant_days"]}
    drawn = {(row["category"], row["variant_id"], row["dt"]) for row in night.results["gold_histograms"]}
    assert night.published == len(keys | drawn)


def test_histograms_and_sums_are_of_the_same_turns(night: Night) -> None:
    """What is in one and not in the other would make a median and a mean of different people."""
    days = night.metrics.days("SERVICE", "all", LAST - timedelta(days=DAYS - 1), LAST)
    total = merged_histograms(days)["latency_total_ms"]
    pairs = merged(days)["latency_total_ms"].pairs

    assert pairs is not None
    assert total.count == pairs.denominator == merged_counts(days).exposed_turns
    median, mean = total.quantile(0.5), pairs.numerator / pairs.denominator
    assert median is not None
    assert 0.2 * mean < median < 2 * mean
