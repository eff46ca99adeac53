"""The circuit breaker as arithmetic."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.breaker import BreakerRules, BreakerState, Passage
from silent_infinity.domain.gateway import gateway_rules
from tests.support.vectors import description, load_vectors

RULES = BreakerRules(
    failures=4, window_ms=60_000, open_ms=15_000, probe_ms=10_000, seen_ms=2_000, fair_ms=1_500
)
START_MS = 1_795_000_000_000


def after(state: BreakerState, step: str, now_ms: int) -> BreakerState:
    """Return the state after one step."""
    match step:
        case "fail":
            return state.failed(RULES, now_ms)
        case "succeed":
            return state.succeeded()
        case "probe":
            return state.probing(RULES, now_ms)
        case "probe_fail":
            return state.probe_failed(RULES, now_ms)
        case "probe_succeed":
            return state.probe_succeeded()
        case _:
            return state.probe_released()


@pytest.mark.parametrize("case", load_vectors("breaker.json"), ids=description)
def test_what_happened_decides_who_may_pass(case: dict[str, Any]) -> None:
    """Every store and every process has to come to the same answer."""
    state = BreakerState()
    for step, seconds in case["steps"]:
        state = after(state, step, START_MS + int(seconds * 1000))

    assert state.passage(START_MS + int(case["passage_at"] * 1000)) is Passage(case["passage"])


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["fail", "succeed", "probe", "probe_fail", "probe_succeed", "probe_release"]),
        st.integers(0, 40_000),
    ),
    max_size=40,
)


@given(STEPS)
def test_it_is_never_shut_for_ever(steps: list[tuple[str, int]]) -> None:
    """Whatever has happened: when the times are over, somebody may call."""
    state, now_ms = BreakerState(), START_MS
    for step, pause_ms in steps:
        now_ms += pause_ms
        state = after(state, step, now_ms)

    later = now_ms + RULES.open_ms + RULES.probe_ms
    assert state.passage(later) is not Passage.REFUSED


@given(STEPS)
def test_every_change_has_a_version_of_its_own(steps: list[tuple[str, int]]) -> None:
    """Of two changes from one state, the store refuses the second by its version."""
    state, now_ms = BreakerState(), START_MS
    for step, pause_ms in steps:
        now_ms += pause_ms
        new = after(state, step, now_ms)
        assert new == state or new.version == state.version + 1
        state = new


def test_the_rules_that_ship_fit_together() -> None:
    """Four time-outs of eight seconds, one after the other, have to fall into one window."""
    rules = gateway_rules().breaker

    assert rules.failures * 8_000 < rules.window_ms
    assert rules.seen_ms < rules.open_ms
    assert rules.probe_ms >= 8_000
