"""Drift of the intents: the index and the test beside SciPy's, and what is called a drift."""

import math
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from silent_infinity.domain.lake.drift import (
    MAJOR,
    MODERATE,
    STABLE,
    TOO_FEW,
    baseline_days,
    chi_square,
    drift,
    rules,
    summary,
)
from silent_infinity.domain.weeks import Week

BEFORE = {"greeting": 2000, "venting": 5000, "question": 2000, "farewell": 1000}
NAMES = st.sampled_from(["greeting", "venting", "question", "farewell", "crisis", "other"])
COUNTS = st.dictionaries(NAMES, st.integers(0, 5000))


@given(before=COUNTS, now=COUNTS)
def test_the_index_is_never_below_zero_and_the_same_both_ways(
    before: dict[str, int], now: dict[str, int]
) -> None:
    """It is a sum of two divergences; a negative one would hide a drift elsewhere."""
    there, back = drift(before, now), drift(now, before)

    assert there.psi >= 0
    assert all(intent.part >= 0 for intent in there.intents)
    assert there.psi == pytest.approx(back.psi, rel=1e-12, abs=1e-15)
    assert there.p == pytest.approx(back.p, rel=1e-9)
    assert math.isfinite(there.psi)


@given(counts=COUNTS, times=st.integers(1, 20))
def test_more_of_the_same_is_no_drift(counts: dict[str, int], times: int) -> None:
    """A busy week is not another week."""
    found = drift(counts, {name: times * count for name, count in counts.items()})

    assert found.chi_square == pytest.approx(0, abs=1e-9)
    assert found.verdict in {STABLE, TOO_FEW}


def test_the_index_is_that_of_the_definition() -> None:
    """By hand, with counts so large that the half added to each is nothing."""
    before, now = {"a": 6_000_000, "b": 4_000_000}, {"a": 5_000_000, "b": 5_000_000}
    by_hand = (0.5 - 0.6) * math.log(0.5 / 0.6) + (0.5 - 0.4) * math.log(0.5 / 0.4)

    assert drift(before, now).psi == pytest.approx(by_hand, rel=1e-6)


@given(
    before=st.lists(st.integers(100, 5000), min_size=2, max_size=8),
    now=st.lists(st.integers(100, 5000), min_size=8, max_size=8),
)
def test_without_rare_intents_the_statistic_is_scipys(before: list[int], now: list[int]) -> None:
    """Homogeneity of two rows."""
    names = [f"intent{place}" for place in range(len(before))]
    rows = dict(zip(names, before, strict=True)), dict(zip(names, now, strict=False))
    expected = stats.chi2_contingency(np.array([list(row.values()) for row in rows]), correction=False)

    statistic, df = chi_square(*rows, 5)
    assert statistic == pytest.approx(expected.statistic, rel=1e-9)
    assert df == expected.dof
    assert drift(*rows).p == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-290)


def test_rare_intents_are_taken_together() -> None:
    """Three intents with one turn each would weigh as much as three common ones."""
    before = {"a": 1000, "b": 1000, "c": 1, "d": 2, "e": 0, "f": 3}
    now = {"a": 1000, "b": 1000, "c": 2, "d": 0, "e": 1, "f": 4}
    together = {"a": 1000, "b": 1000, "rest": 6}, {"a": 1000, "b": 1000, "rest": 7}

    assert chi_square(before, now, 5) == pytest.approx(chi_square(*together, 5))
    assert chi_square(before, now, 5)[1] == 2


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        (BEFORE, STABLE),
        ({**BEFORE, "venting": 5200}, STABLE),
        ({**BEFORE, "venting": 2300}, MODERATE),
        ({**BEFORE, "venting": 500, "question": 6000}, MAJOR),
        ({**BEFORE, "new": 4000}, MAJOR),
        ({"greeting": 100, "venting": 100, "question": 199, "farewell": 100}, TOO_FEW),
        ({}, TOO_FEW),
    ],
)
def test_what_is_called_a_drift(now: dict[str, int], verdict: str) -> None:
    """The limits of the data file, an intent that is new, and too few turns to say anything."""
    assert drift(BEFORE, now).verdict == verdict


def test_chance_alone_is_no_drift() -> None:
    """Of 2,000 weeks from one distribution none may raise an alert, though some indices are large."""
    generator = np.random.default_rng(7)
    shares = np.array([0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.04, 0.03, 0.02, 0.01])
    names = [f"intent{place}" for place in range(len(shares))]
    verdicts = []
    for _ in range(2000):
        before, now = (
            dict(zip(names, map(int, generator.multinomial(turns, shares)), strict=True))
            for turns in (2000, 500)
        )
        verdicts.append(drift(before, now).verdict)

    assert verdicts.count(MAJOR) == 0
    assert verdicts.count(MODERATE) <= 6  # p_below 0.001: two are expected if every index were large enough


def test_a_large_index_that_chance_explains_is_stable() -> None:
    """With sixty intents a few hundred turns give an index above a tenth without any drift."""
    generator = np.random.default_rng(1)
    before, now = (
        {f"intent{n}": int(count) for n, count in enumerate(generator.multinomial(600, [1 / 60] * 60))}
        for _ in range(2)
    )
    found = drift(before, now)

    assert found.psi > rules()["psi"]["moderate"]
    assert found.verdict == STABLE


def test_the_intent_that_moved_most_comes_first() -> None:
    """The report's reader starts there."""
    found = drift(BEFORE, {**BEFORE, "question": 4000})

    assert found.intents[0].name == "question"
    assert found.intents[0].share_before == pytest.approx(0.2)
    assert found.intents[0].share_now == pytest.approx(4000 / 12000)
    assert "question 20.0% to 33.3%" in summary(found)


def test_a_negative_count_is_refused() -> None:
    """It is a wrong rollup."""
    with pytest.raises(ValueError, match="fewer than 0"):
        drift({"a": -1}, {"a": 1})


def test_a_week_is_held_against_the_four_before_it_or_the_pinned_days() -> None:
    """A slow drift shows against pinned days only."""
    week = Week.of("2026-W47")
    pinned = {**rules(), "pinned": {"first": "2026-01-05", "last": "2026-02-01"}}

    assert baseline_days(week, {**rules(), "pinned": None}) == (date(2026, 10, 19), date(2026, 11, 15))
    assert baseline_days(week, pinned) == (date(2026, 1, 5), date(2026, 2, 1))
