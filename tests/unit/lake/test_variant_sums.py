"""Days of a variant, added up."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.lake.histograms import Histogram
from silent_infinity.domain.variant_sums import (
    Counts,
    DayOfVariant,
    Pairs,
    Sums,
    merged,
    merged_counts,
    merged_histograms,
)

FIRST = date(2026, 11, 1)
PAIRS = Pairs(1.0, 2.0, 3.0, 4.0, 5.0)

days = st.lists(
    st.builds(
        DayOfVariant,
        st.just("LLM_MODEL"),
        st.just("a"),
        st.integers(0, 30).map(lambda n: FIRST + timedelta(days=n)),
        st.dictionaries(
            st.sampled_from(["cost_usd", "completion"]),
            st.builds(
                Sums,
                st.just("mean"),
                st.integers(0, 1000),
                st.integers(0, 1000).map(float),
                st.integers(0, 1000).map(float),
                st.just(PAIRS),
            ),
        ),
        st.none() | st.builds(Counts, *[st.integers(0, 1000)] * 7),
        st.dictionaries(st.just("latency_total_ms"), st.just(Histogram({1: 2, 3: 4}))),
    ),
    max_size=6,
)


@given(all_days=days, at=st.integers(0, 6))
def test_it_does_not_matter_where_days_are_split(all_days: list[DayOfVariant], at: int) -> None:
    """A week is seven days, or three and four."""
    parts = [part for part in (all_days[:at], all_days[at:]) if part]
    weeks = [
        DayOfVariant("LLM_MODEL", "a", FIRST, merged(part), merged_counts(part), merged_histograms(part))
        for part in parts
    ]

    assert merged(weeks) == merged(all_days)
    assert merged_counts(weeks) == merged_counts(all_days)
    assert merged_histograms(weeks) == merged_histograms(all_days)


def test_pairs_are_added_one_by_one() -> None:
    """Exchanged, a numerator would be a denominator."""
    two = [
        DayOfVariant("LLM_MODEL", "a", FIRST, {"m": Sums("mean", 1, 1.0, pairs=pairs)})
        for pairs in (PAIRS, Pairs(10.0, 20.0, 30.0, 40.0, 50.0))
    ]

    assert merged(two)["m"].pairs == Pairs(11.0, 22.0, 33.0, 44.0, 55.0)


def test_a_day_from_before_there_were_pairs_leaves_none() -> None:
    """Those of the other days alone would be a ratio of some days, beside a mean of all."""
    old, new = (
        DayOfVariant("LLM_MODEL", "a", FIRST, {"m": Sums("mean", 1, 1.0, pairs=pairs)})
        for pairs in (None, PAIRS)
    )

    assert merged([old, new])["m"].pairs is None


def test_no_days_have_no_counts() -> None:
    """Nought of everything."""
    assert merged_counts([]) == Counts()
