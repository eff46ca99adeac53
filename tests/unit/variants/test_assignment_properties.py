"""What holds of assignment for every registry, every unit and every ramp."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from silent_infinity.domain.payload import to_payload
from silent_infinity.domain.registry.buckets import Range, resized
from silent_infinity.domain.registry.in_force import in_force
from silent_infinity.domain.variants import BUCKETS, AssignmentPlan, Variant, bucket, compile_plan
from tests.support.assignment import OF_THE_CRISIS_PATH, assigned_by_hand

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
# What makes a difference comes up more often.
STATUSES = (
    "experimental",
    "staged",
    "canary",
    "production",
    "production",
    "production",
    "retired",
    "retired",
)
COHORTS = ("all", "all", "all", "new_users", "returning", "paid", "free")
NAMES = ("LLM_MODEL", "CHAT_UI_LAYOUT", "RATING_VARIANT", "CRISIS_FLOW_MODEL")

units = st.text(max_size=40)
returning = st.sampled_from([True, False, None])


@st.composite
def registries(draw: st.DrawFn) -> list[Variant]:
    """Draw variants of a few categories: pools, arms whose ranges do not overlap, every status and cohort."""
    found: list[Variant] = []
    for category in draw(st.sets(st.sampled_from(NAMES), min_size=1)):
        taken: list[Range] = []
        for number in range(draw(st.integers(0, 6))):
            count = draw(st.sampled_from([0, 0, 100, 1000, 3000]))
            ranges = resized((), taken, count) if count <= BUCKETS - _size(taken) else ()
            taken += ranges
            found.append(
                Variant(
                    category,
                    f"v{number}",
                    draw(st.sampled_from(STATUSES)),
                    ranges=ranges,
                    target_cohort=draw(st.sampled_from(COHORTS)),
                    seed=draw(st.sampled_from(["v1", "v2"])),
                    pool_rank=draw(st.integers(0, 2)),
                    config={"value": number},
                )
            )
    return found


stored_assignments = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from([f"v{number}" for number in range(7)])
)


def _size(ranges: list[Range]) -> int:
    return sum(end - start for start, end in ranges)


def ids(
    plan: AssignmentPlan,
    unit: str,
    stored: dict[str, str] | None = None,
    returning: bool | None = None,
) -> dict[str, str]:
    """Return category to variant id for one who is session and person at once."""
    found = plan.assign(session_id=unit, user_id=unit, stored=stored, returning=returning)
    return {category: variant.variant_id for category, variant in found.items()}


def defaults(variants: list[Variant]) -> dict[str, set[str]]:
    """Return what production serves in each category."""
    found: dict[str, set[str]] = {}
    for variant in variants:
        if variant.status == "production" and not variant.ranges:
            found.setdefault(variant.category, set()).add(variant.variant_id)
    return found


@given(registries(), units, units, stored_assignments, returning)
def test_assignment_is_what_the_rules_give_when_they_are_followed_by_hand(
    variants: list[Variant], session: str, user: str, stored: dict[str, str], back: bool | None
) -> None:
    """The vectors are the edges that somebody thought of; this is the rest."""
    rows = [to_payload(variant) for variant in variants]
    case: dict[str, Any] = {
        "rows": rows,
        "session_id": session,
        "user_id": user,
        "stored": stored,
        "returning": back,
        "now": NOW.isoformat(),
    }
    found = compile_plan(in_force(rows, NOW).variants).assign(
        session_id=session, user_id=user, stored=stored, returning=back
    )

    assert {category: variant.variant_id for category, variant in found.items()} == assigned_by_hand(case)


@given(registries(), units, stored_assignments, returning)
def test_every_category_with_a_production_variant_has_exactly_one_answer(
    variants: list[Variant], unit: str, stored: dict[str, str], back: bool | None
) -> None:
    """A turn looks up its model by category and must find one, whatever the session was told before."""
    found = compile_plan(variants).assign(session_id=unit, user_id=unit, stored=stored, returning=back)
    known = {(variant.category, variant.variant_id): variant for variant in variants}

    assert set(found) == set(defaults(variants))
    for category, variant in found.items():
        assert variant == known[category, variant.variant_id].assigned()


@given(registries(), units, stored_assignments, returning)
def test_nobody_gets_what_is_retired_paused_or_not_for_them(
    variants: list[Variant], unit: str, stored: dict[str, str], back: bool | None
) -> None:
    """Not even a session that was assigned it before."""
    served = ids(compile_plan(variants), unit, stored, back).items()
    eligible = {"all", "returning"} if back else {"all", "new_users"} if back is False else {"all"}
    may_run = {
        (variant.category, variant.variant_id)
        for variant in variants
        if variant.status != "retired" and variant.ranges and variant.target_cohort in eligible
    }

    for category, variant_id in served:
        assert (category, variant_id) in may_run or variant_id in defaults(variants)[category]


@given(registries(), units, stored_assignments, returning)
def test_a_crisis_always_gets_the_first_production_variant(
    variants: list[Variant], unit: str, stored: dict[str, str], back: bool | None
) -> None:
    """Crisis safety is never an experiment: not in a crisis, and not in the categories of its path."""
    plan = compile_plan(variants)
    in_crisis = {category: variant.variant_id for category, variant in plan.production().items()}
    served = ids(plan, unit, stored, back)

    for category, pool in defaults(variants).items():
        ranks = {v.variant_id: (v.pool_rank, v.variant_id) for v in variants if v.category == category}
        assert in_crisis[category] == min(pool, key=lambda name: ranks[name])
        if category in OF_THE_CRISIS_PATH:
            assert served[category] == in_crisis[category]


@given(registries(), units, returning)
def test_a_session_keeps_what_it_was_assigned(variants: list[Variant], unit: str, back: bool | None) -> None:
    """The second turn of a conversation must not look different from the first."""
    plan = compile_plan(variants)
    first = ids(plan, unit, None, back)

    assert ids(plan, unit, first, back) == first


@given(registries(), st.randoms(use_true_random=False), units, stored_assignments, returning)
def test_the_order_of_the_rows_does_not_matter(
    variants: list[Variant], random: Any, unit: str, stored: dict[str, str], back: bool | None
) -> None:
    """A table's scan gives no order that anybody could rely on."""
    shuffled = list(variants)
    random.shuffle(shuffled)

    assert ids(compile_plan(shuffled), unit, stored, back) == ids(compile_plan(variants), unit, stored, back)


@given(registries(), units, units, stored_assignments, returning)
def test_one_category_alone_is_assigned_as_all_together_are(
    variants: list[Variant], session: str, user: str, stored: dict[str, str], back: bool | None
) -> None:
    """A flag that a client asks for by itself must agree with the turn's."""
    plan = compile_plan(variants)
    found = plan.assign(session_id=session, user_id=user, stored=stored, returning=back)
    alone = {
        category: plan.choose(
            category, session_id=session, user_id=user, stored=stored.get(category), returning=back
        ).assigned
        for category in found
    }

    assert alone == found


percents = st.integers(0, 40).map(lambda percent: percent * 100)


@given(percents, percents, percents, units)
def test_a_ramp_only_adds_units_and_the_way_back_only_removes_them(
    first: int, other: int, second: int, unit: str
) -> None:
    """Whoever changes arms in the middle of an experiment spoils both; the neighbour must not notice."""
    pool = [Variant("RATING_VARIANT", f"r-{n}", "production", pool_rank=n) for n in range(3)]
    before = resized((), (), first)
    beside = resized((), before, other)
    after = resized(before, beside, second)

    def chosen(ranges: tuple[Range, ...]) -> str:
        arm = Variant("RATING_VARIANT", "arm", "canary", ranges=ranges)
        neighbour = Variant("RATING_VARIANT", "neighbour", "canary", ranges=beside)
        return ids(compile_plan([*pool, arm, neighbour]), unit)["RATING_VARIANT"]

    then, now = chosen(before), chosen(after)
    if then != now:
        smaller, larger = (then, now) if second > first else (now, then)
        assert smaller.startswith("r-")
        assert larger == "arm"


@given(st.integers(0, BUCKETS), units)
def test_an_arm_serves_exactly_the_buckets_that_it_owns(count: int, unit: str) -> None:
    """A percent that is not a percent makes every comparison of arms wrong."""
    ranges = resized((), (), count)
    plan = compile_plan(
        [
            Variant("LLM_MODEL", "prod", "production"),
            Variant("LLM_MODEL", "arm", "canary", ranges=ranges, seed="arm"),
        ]
    )

    assert (ids(plan, unit)["LLM_MODEL"] == "arm") == (bucket("arm", "LLM_MODEL", unit) < count)


@given(registries(), units)
def test_a_plan_says_whether_it_asks_for_earlier_sessions(variants: list[Variant], unit: str) -> None:
    """The question costs a read of the store when a session opens, so it is not asked for nothing."""
    plan = compile_plan(variants)
    assume(not plan.asks_returning)
    answers = [ids(plan, unit, None, back) for back in (True, False, None)]

    assert answers[0] == answers[1] == answers[2]
