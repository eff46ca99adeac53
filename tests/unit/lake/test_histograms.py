"""Histograms of latencies: what their quantiles are worth, and that merging changes nothing."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from silent_infinity.domain.lake.histograms import ACCURACY, GAMMA, Histogram, added, bin_of, value_of

milliseconds = st.floats(0, 1e7)
counts = st.dictionaries(st.integers(0, 400), st.integers(1, 10**9), max_size=40).map(Histogram)


def histogram(values: list[float]) -> Histogram:
    """Return the histogram of values."""
    return added(Histogram({bin_of(value): 1}) for value in values)


@given(value=milliseconds)
@example(value=1.0)
@example(value=GAMMA)
@example(value=0.0)
def test_a_bin_says_what_lies_in_it(value: float) -> None:
    """To two in a hundred, which is what is promised of every quantile."""
    shown = value_of(bin_of(value))

    assert abs(shown - value) <= (ACCURACY * value if value > 1 else 1) * (1 + 1e-9)


@given(values=st.lists(milliseconds, min_size=1, max_size=200), share=st.floats(0, 1))
def test_a_quantile_is_numpys_lower_one_to_two_in_a_hundred(values: list[float], share: float) -> None:
    """NumPy has all the values; the histogram has a few hundred numbers."""
    found = histogram(values).quantile(share)
    rank = math.floor(share * (len(values) - 1))
    expected = float(np.sort(values)[rank])

    assert found is not None
    assert abs(found - expected) <= (ACCURACY * expected if expected > 1 else 1) * (1 + 1e-9)


@given(parts=st.lists(st.lists(milliseconds, max_size=30), max_size=5))
def test_days_merge_into_what_all_turns_give(parts: list[list[float]]) -> None:
    """The mean of seven daily medians is not the median of the week."""
    assert added(map(histogram, parts)) == histogram([value for part in parts for value in part])


@given(found=counts)
def test_text_holds_all_of_it(found: Histogram) -> None:
    """It is how a histogram is stored, and how the lake hands it over."""
    assert Histogram.from_text(found.to_text()) == found


@pytest.mark.parametrize("text", ["1", "1:", ":2", "a:1", "1:2:3", "1.5:1"])
def test_other_text_is_refused(text: str) -> None:
    """A histogram that lost a part would move every quantile and say nothing."""
    with pytest.raises(ValueError, match="invalid literal"):
        Histogram.from_text(text)


def test_no_values_have_no_quantile() -> None:
    """Nought would look like a very fast model."""
    assert Histogram().quantile(0.5) is None
    assert Histogram().share_above(1) is None


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_a_quantile_lies_between_none_and_all(share: float) -> None:
    """95 is a slip for 0.95."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        Histogram({1: 1}).quantile(share)


def test_the_share_above_a_limit_is_counted() -> None:
    """How many people waited longer than they should."""
    found = Histogram({bin_of(100): 6, bin_of(1000): 3, bin_of(5000): 1})

    assert found.share_above(2000) == 0.1
    assert found.share_above(500) == 0.4
    assert found.share_above(50) == 1.0
