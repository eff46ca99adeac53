"""What the gates say of figures: shared cases, and what must hold whatever the figures are."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity.adapters.statistics.scipy_tests import ScipyTests
from silent_infinity.domain.promotion.evidence import GateResult, Group, Verdict
from silent_infinity.domain.promotion.gates.criteria import asked_of
from silent_infinity.domain.promotion.gates.evaluation import Found, evaluate
from silent_infinity.domain.promotion.gates.figures import Division, GateFigures, Misses, Side
from silent_infinity.domain.promotion.gates.rules import PHASES
from silent_infinity.domain.variant_categories import CANARY, PRODUCTION, categories
from silent_infinity.domain.variant_sums import Counts, Pairs, Sums
from silent_infinity.usecases.evaluate_gates import classical_of
from tests.support.gate_figures import figures
from tests.support.vectors import description, load_vectors

CASES = load_vectors("promotion_gates.json")


def judged(
    found: GateFigures,
    *,
    stage: str = PRODUCTION,
    phase: str = "entry",
    criteria: dict[str, Any] | None = None,
) -> Found:
    """What the gates say, with the tests that production uses."""
    asked = asked_of(found.category, stage, phase, criteria or {})
    return evaluate(asked, found, classical_of(ScipyTests(), asked.plan, found))


def gate(found: Found, name: str) -> GateResult:
    """The result of one gate."""
    [one] = [each for each in found.gates if each.gate == name]
    return one


@pytest.mark.parametrize("case", CASES, ids=description)
def test_gates_say_what_a_person_would(case: dict[str, Any]) -> None:
    """These cases are the promise of the gates: what passes, what fails, what waits, what is taken back."""
    words = dict(case["given"])
    how = {name: words.pop(name) for name in ("stage", "phase", "criteria") if name in words}
    found = judged(figures(**words), **how)
    expected = case["expect"]

    assert (found.verdict, found.regression) == (expected["verdict"], expected["regression"]), found.summary
    assert {name: gate(found, name).verdict for name in expected["gates"]} == expected["gates"]
    assert {name: gate(found, name).sentence for name in expected.get("says", {})} == expected.get("says", {})


def test_there_are_cases_of_every_gate_in_every_verdict_that_it_has() -> None:
    """A gate whose failure no case shows may never fail."""
    seen = {(name, verdict) for case in CASES for name, verdict in case["expect"]["gates"].items()}
    both = {"sample_ratio", "screen_answers", "live_misses", "golden", "crisis", "completion", "p50_latency"}
    both |= {"first_token_small_talk", "cost_per_session", "primary", "nps"}
    verdicts = {Verdict.PASSED, Verdict.FAILED, Verdict.NOT_ENOUGH_DATA}

    assert {(name, str(verdict)) for name in both for verdict in verdicts} - seen == set()


COUNT = st.integers(0, 50_000)
NUMBER = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True), st.floats(0, 50_000), st.just(0.0), st.just(-1.0)
)
SUMS = st.builds(
    Sums,
    st.sampled_from(["mean", "rate", "mean+rate", ""]),
    COUNT,
    NUMBER,
    NUMBER,
    st.one_of(st.none(), st.builds(Pairs, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER)),
)
METRICS = (
    "completion",
    "crisis_flag",
    "cost_usd",
    "latency_total_ms",
    "latency_first_token_ms",
    "satisfaction",
)
SIDES = st.builds(
    Side,
    st.builds(Counts, units=COUNT, sessions=COUNT),
    st.dictionaries(st.sampled_from(METRICS), SUMS),
    st.dictionaries(
        st.sampled_from(["latency_total_ms", "latency_first_token_ms", "nps"]),
        st.sampled_from(["", "0:1", "3:700 9:2", "10:50", "150:4000 151:9000"]),
    ),
)
ANYTHING = st.builds(
    GateFigures,
    category=st.sampled_from(sorted(categories())),
    variant_id=st.just("arm"),
    version=st.just(1),
    collected_on=st.just("2026-11-17"),
    lack=st.sampled_from(["", "", "not_yet", "cohort"]),
    since=st.just("2026-11-11"),
    as_of=st.sampled_from(["2026-11-10", "2026-11-11", "2026-11-16"]),
    arm=SIDES,
    others=SIDES,
    division=st.builds(
        Division,
        st.dictionaries(st.sampled_from(["arm", "base", "other"]), st.integers(-1, 50_000)),
        st.dictionaries(st.sampled_from(["arm", "base", "other"]), st.floats(0, 1)),
    ),
    screen=st.one_of(st.none(), SUMS),
    misses=st.builds(Misses, st.integers(-5, 9_000), st.integers(-5, 9_000)),
)


@settings(max_examples=150, deadline=None)
@given(ANYTHING, st.sampled_from([CANARY, PRODUCTION]), st.sampled_from(PHASES))
def test_whatever_the_figures_are_there_is_an_answer_in_finite_numbers(
    found: GateFigures, stage: str, phase: str
) -> None:
    """A night that failed over a strange figure would fail again and again, and the page shows all."""
    result = judged(found, stage=stage, phase=phase)
    numbers = [
        number
        for each in result.gates
        for number in (each.estimate, each.low, each.high, each.p, each.threshold, each.arm_value)
        if number is not None
    ]

    # Crisis categories have one step only, so that nothing is watched.
    assert result.gates or categories()[found.category].crisis
    assert all(each.sentence and " nan " not in each.sentence for each in result.gates)
    assert all(map(math.isfinite, numbers))
    assert [each.group for each in result.gates] == sorted(
        (each.group for each in result.gates), key=list(Group).index
    )


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([name for name, one in categories().items() if not one.crisis]),
    st.sampled_from([CANARY, PRODUCTION]),
    st.sampled_from(PHASES),
    st.integers(0, 499),
)
def test_nothing_passes_on_nothing(category: str, stage: str, phase: str, units: int) -> None:
    """Silence is no yes: neither figures that are not there, nor those of fewer than the sample asks for."""
    nobody: dict[str, Any] = {
        "arm": Side(),
        "others": Side(),
        "division": Division(),
        "screen": None,
        "golden": None,
    }
    empty = replace(figures(category=category), misses=Misses(), **nobody)
    few = figures(category=category, arm={"units": units}, production={"units": units})

    assert judged(empty, stage=stage, phase=phase).verdict is Verdict.NOT_ENOUGH_DATA
    assert {each.verdict for each in judged(empty, stage=stage).gates} == {Verdict.NOT_ENOUGH_DATA}
    assert judged(few, stage=stage, phase=phase).verdict is not Verdict.PASSED


@settings(max_examples=60, deadline=None)
@given(st.integers(15, 47), st.integers(6, 80), st.integers(2, 8))
def test_what_was_shown_stays_shown_with_more_of_the_same(of_fifty: int, fifties: int, times: int) -> None:
    """More people who do the same make a verdict surer: it must not turn back into waiting, or over."""
    # In whole units, so that more of them are the same share.
    before, after = (
        judged(figures(arm={"completion": of_fifty / 50, "units": n}, production={"units": 4 * n}))
        for n in (50 * fifties, 50 * fifties * times)
    )

    for name in ("completion", "primary"):
        first, later = gate(before, name), gate(after, name)
        assert first.verdict in {Verdict.NOT_ENOUGH_DATA, later.verdict}


@settings(max_examples=60, deadline=None)
@given(st.floats(0.5, 0.7), st.floats(0.0, 0.2))
def test_a_worse_arm_is_never_judged_better(rate: float, worse: float) -> None:
    """From passed over waiting to failed there is one way, and it is downhill."""
    order = [Verdict.FAILED, Verdict.NOT_ENOUGH_DATA, Verdict.PASSED]
    one, other = (
        gate(judged(figures(arm={"completion": each})), "completion") for each in (rate, rate - worse)
    )

    assert order.index(other.verdict) <= order.index(one.verdict)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.001, 0.2), st.floats(0.0, 0.2))
def test_a_criterion_never_makes_a_gate_laxer(margin: float, other: float) -> None:
    """Whoever writes pass criteria could otherwise wave through what the gate is there for."""
    usual = gate(judged(figures(arm={"completion": 0.66})), "completion")
    asked = {"completion_rate_drop_max": margin, "crisis_rise_max": other}
    own = gate(judged(figures(arm={"completion": 0.66}), criteria=asked), "completion")
    order = [Verdict.FAILED, Verdict.NOT_ENOUGH_DATA, Verdict.PASSED]

    assert order.index(own.verdict) <= order.index(usual.verdict)
    assert own.threshold is not None
    assert -own.threshold <= 0.05


def test_a_threshold_has_the_sign_of_what_it_is_held_against() -> None:
    """The page draws it beside the interval: on the wrong side, a good arm would look like a bad one."""
    found = judged(figures())

    assert gate(found, "completion").threshold == -0.05
    assert gate(found, "crisis").threshold == 0.01
    assert gate(found, "primary").threshold == 0
