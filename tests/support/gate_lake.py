"""A lake with one arm, its production, another arm, and people who answered; and the registry of that."""

from datetime import UTC, datetime
from typing import Any

from silent_infinity.domain.lake.metrics import metrics
from silent_infinity.domain.registry.commands import PromotionRequest
from silent_infinity.domain.variant_records import VariantRecord
from tests.support.registry import variant

NOW = datetime(2026, 11, 17, 2, 30, tzinfo=UTC)
CATEGORY, ARM, BASE = "SMALL_TALK_MODEL", "claude-haiku-4-5", "claude-sonnet-4-6"
SINCE, LAST = "2026-11-11", "2026-11-16"
CHANGED = "2026-11-10T15:00:00+00:00"


def sums(metric: str, kind: str, units: int, total: float, **facts: Any) -> dict[str, Any]:
    """A row of gold but for its day and its variant."""
    counts = {
        "units": units,
        "sessions": units,
        "users": units,
        "turns": 3 * units,
        "exposed_turns": 3 * units,
    }
    pairs = {"numerator": total, "denominator": 3.0 * units, "numerator_squares": total, "cross": 3.0 * total}
    return {
        "metric": metric, "kind": kind, "unit": "session", **counts, "crisis_turns": 0, "mixed_units": 0,
        "n": units, "total": total, "squares": total, **pairs, "denominator_squares": 9.0 * units, **facts,
    }  # fmt: skip


def tables(*, since: str = SINCE, last: str = LAST) -> dict[str, list[dict[str, Any]]]:
    """A lake with one arm, its production, another arm, and people who answered."""
    variants = {ARM: 1_000, BASE: 4_000}
    experiments = [
        {"category": CATEGORY, "arm_id": ARM, "variant_id": name, "since": since, "dt": dt}
        | sums(metric.name, metric.kind, units, units / 2)
        for dt in ("2026-11-15", last)
        for name, units in variants.items()
        for metric in metrics()
    ]
    other = [{**row, "arm_id": "other", "variant_id": "other", "units": 77} for row in experiments]
    histograms = [
        {"category": CATEGORY, "variant_id": name, "metric": metric, "bin": place, "n": 10, "dt": dt}
        for name in (*variants, "other")
        for metric in ("latency_total_ms", "nps")
        for place in (5, 6)
        for dt in ("2026-11-10", SINCE, last, "2026-11-17")
    ]
    days = [
        {"category": category, "variant_id": name, "dt": dt} | sums(metric, "rate", units, units * 1.0)
        for dt in ("2026-10-17", "2026-10-18", last)
        for category, name, metric, units in (
            ("SERVICE", "all", "json_parse", 600),
            ("SERVICE", "all", "turns", 9),
            (CATEGORY, ARM, "turns", 210),
            (CATEGORY, BASE, "turns", 790),
        )
    ]
    return {
        "gold_experiments": [*experiments, *other],
        "gold_histograms": histograms,
        "gold_variant_days": days,
        "silver_turns": [turn(f"s{number}", BASE if number % 2 else ARM) for number in range(10)]
        + [turn("mixed", ARM), turn("mixed", BASE), turn("crisis", ARM, level=2)],
        "silver_feedback": [
            *(answer(f"s{number}", f"u{number}", number) for number in range(4)),
            answer("s0", "u0", 9, second=30),
            answer("s4", "", 8),
            answer("mixed", "u7", 10),
            answer("crisis", "u8", 10),
            answer("nobody-knows", "u9", 10),
            {**answer("s5", "u5", 3), "nps": None},
        ],
    }


def turn(session: str, variant_id: str, *, level: int = 0) -> dict[str, Any]:
    """A turn that was exposed to a variant."""
    return {
        "session_id": session, "exposures": {CATEGORY: variant_id}, "screened": True,
        "crisis_flag_level": level, "dt": "2026-11-12",
    }  # fmt: skip


def answer(session: str, person: str, nps: int, *, second: int = 0) -> dict[str, Any]:
    """An answer to the question of NPS."""
    return {
        "feedback_id": f"{session}-{person}-{second}", "session_id": session, "user_id_hash": person,
        "created_at": f"2026-11-13T10:00:{second:02d}.000Z", "nps": nps, "dt": "2026-11-13",
    }  # fmt: skip


def rows() -> dict[tuple[str, str], VariantRecord]:
    """The registry: the arm as a canary with a promotion, and its production."""
    arm = variant(
        CATEGORY, ARM, "canary", 20, ranges=[[0, 2_000]], measured_since=CHANGED, last_modified=CHANGED,
        promotion_id="promotion-1", version=7,
    )  # fmt: skip
    base = variant(CATEGORY, BASE, "production", 100, last_modified="2026-10-01T00:00:00+00:00")
    return {row.key: row for row in (arm, base)}


PROMOTION = PromotionRequest(
    promotion_id="promotion-1", category=CATEGORY, variant_id=ARM, from_status="canary",
    to_status="production", rollout_percent=50, requested_by="operator:ada",
    requested_at="2026-11-14T09:00:00+00:00", reason="Because it is cheaper.", variant_version=7,
)  # fmt: skip
