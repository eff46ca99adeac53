"""The arms that a night compares."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity.domain.lake.arms import Arm
from silent_infinity.domain.lake.running_arms import RunningArm, running_arms
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.pending import Pending
from silent_infinity.domain.variant_categories import categories
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.domain.variants import BUCKETS, Variant, compile_plan

NOW = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)
YESTERDAY = date(2026, 11, 20)
CATEGORY = next(name for name, one in categories().items() if not one.crisis and not one.pool)
POOL = next(name for name, one in categories().items() if one.pool)
CRISIS = next(name for name, one in categories().items() if one.crisis)


def row(
    variant_id: str, status: str, changed: str = "2026-11-01T10:00:00+00:00", **fields: object
) -> VariantRecord:
    """A row of the registry."""
    base = VariantRecord(CATEGORY, variant_id, status, last_modified=changed)
    return replace(base, **fields)  # type: ignore[arg-type] # fields of the record


PRODUCTION = row("base", "production")
ARM = row("arm", "staged", "2026-11-10T23:59:00+00:00", rollout_percent=20, ranges=((0, 2_000),), version=4)


def found(*records: VariantRecord, day: date = YESTERDAY, now: datetime = NOW) -> tuple[RunningArm, ...]:
    """The running arms of these rows."""
    return running_arms({record.key: record for record in records}, now, day)


def test_an_arm_is_compared_from_the_first_whole_day_after_its_last_change() -> None:
    """A day with two rollouts, or half a day, would look like a lopsided assignment."""
    [arm] = found(PRODUCTION, ARM)

    assert arm == RunningArm(CATEGORY, "arm", "2026-11-11", ("base",), 4, 0.2, 0.8, "2026-11-11", "all")
    assert arm.arm == Arm(CATEGORY, "arm", date(2026, 11, 11), ("base",))


def test_asking_for_its_promotion_does_not_begin_the_comparison_anew() -> None:
    """Figures that a promotion is decided on must not be thrown away by asking for it."""
    since = "2026-11-10T23:59:00+00:00"
    asked = replace(
        ARM, last_modified="2026-11-19T08:00:00+00:00", measured_since=since, promotion_id="promotion-1"
    )
    [arm] = found(PRODUCTION, asked)

    assert (arm.since, arm.shares_since) == ("2026-11-11", "2026-11-11")


def test_a_change_of_production_begins_the_comparison_anew() -> None:
    """The days before would compare with something else."""
    [arm] = found(replace(PRODUCTION, last_modified="2026-11-15T00:00:00+00:00"), ARM)

    assert arm.since == "2026-11-16"


def test_another_arm_changes_the_shares_and_not_the_comparison() -> None:
    """Who is compared with whom stays; how many there should be does not."""
    other = row(
        "other", "experimental", "2026-11-18T08:00:00+00:00", rollout_percent=10, ranges=((5_000, 6_000),)
    )
    first, second = found(PRODUCTION, ARM, other)

    assert (first.since, first.shares_since) == ("2026-11-11", "2026-11-19")
    assert (second.variant_id, second.share) == ("other", 0.1)
    assert first.production_share == pytest.approx(0.7)


@pytest.mark.parametrize(
    "record",
    [
        row("arm", "retired", rollout_percent=20, ranges=((0, 2_000),)),
        row("arm", "experimental", rollout_percent=0),
        row("arm", "staged", "2026-11-20T00:00:00+00:00", rollout_percent=20, ranges=((0, 2_000),)),
        row("arm", "staged", "", rollout_percent=20, ranges=((0, 2_000),)),
        row("arm", "staged", "2026-11-01T10:00:00", rollout_percent=20, ranges=((0, 2_000),)),
        row("arm", "staged", rollout_percent="much", ranges=((0, 2_000),)),
    ],
    ids=["retired", "serves nobody", "began today", "without a time", "without a zone", "damaged"],
)
def test_what_does_not_run_is_not_compared(record: VariantRecord) -> None:
    """A row that cannot be read must not keep the others."""
    assert found(PRODUCTION, record) == ()
    assert [arm.variant_id for arm in found(PRODUCTION, record, replace(ARM, variant_id="sound"))] == [
        "sound"
    ]


def test_production_that_arrives_is_an_arm() -> None:
    """Below a hundred percent it shares production with the incumbent, and is held against it."""
    arriving = row("next", "production", rollout_percent=50, ranges=((0, 5_000),))
    [arm] = found(PRODUCTION, arriving)

    assert (arm.variant_id, arm.production, arm.share) == ("next", ("base",), 0.5)


def test_a_pool_is_production_together() -> None:
    """Its members share the rest of the traffic."""
    pool = [replace(row(name, "production", pool_rank=rank), category=POOL) for rank, name in enumerate("ba")]
    [arm] = found(*pool, replace(ARM, category=POOL))

    assert arm.production == ("b", "a")


def test_a_second_production_where_there_is_no_pool_serves_nobody() -> None:
    """As the assignment has it."""
    [arm] = found(PRODUCTION, row("base2", "production"), ARM)

    assert arm.production == ("base",)


def test_crisis_categories_have_no_arms() -> None:
    """Nothing but production serves there, whatever a row says."""
    assert found(replace(PRODUCTION, category=CRISIS), replace(ARM, category=CRISIS)) == ()


def test_a_category_without_production_has_nothing_to_compare_with() -> None:
    """There the service fails, and alarms of its own ring."""
    assert found(ARM) == ()


def test_a_pending_change_counts_from_when_it_takes_effect() -> None:
    """It was asked for a day earlier, and nobody has touched the row since."""
    waiting = Pending(
        "c", "ramp", "2026-11-13T09:00:00+00:00", "o", "2026-11-14T09:00:00+00:00",
        {"rollout_percent": 40, "ranges": [[0, 4_000]]},
    )  # fmt: skip
    record = replace(ARM, pending=waiting)
    [before] = found(
        PRODUCTION, record, day=date(2026, 11, 13), now=datetime(2026, 11, 14, 1, 30, tzinfo=UTC)
    )
    [after] = found(PRODUCTION, record)

    assert (before.since, before.share) == ("2026-11-11", 0.2)
    assert (after.since, after.share) == ("2026-11-15", 0.4)


def test_rows_go_through_json() -> None:
    """They are kept in the lake, and handed from state to state."""
    [arm] = found(PRODUCTION, ARM)

    assert from_payload(RunningArm, to_payload(arm)) == arm


@given(
    st.lists(st.tuples(st.sampled_from(["v1", "v2", "v3"]), st.integers(1, 3_000)), min_size=1, max_size=3)
)
@settings(max_examples=25, deadline=None)
def test_shares_are_those_of_the_assignment(arms: list[tuple[str, int]]) -> None:
    """Also where arms have seeds of their own: a wrong share would be an alarm every night."""
    start = 0
    records = [PRODUCTION]
    for number, (seed, width) in enumerate(arms):
        records.append(
            row(
                f"arm{number}",
                "staged",
                rollout_percent=width / 100,
                ranges=((start, start + width),),
                seed=seed,
            )
        )
        start += width
    told = {arm.variant_id: arm.share for arm in found(*records)}
    plan = compile_plan(from_payload(Variant, to_payload(record)) for record in records)
    people = 4_000
    served = [
        plan.choose(CATEGORY, session_id=str(n), user_id=str(n)).assigned.variant_id for n in range(people)
    ]

    for variant_id, share in told.items():
        spread = 6 * (share * (1 - share) / people) ** 0.5 + 1 / BUCKETS
        assert abs(served.count(variant_id) / people - share) < spread
