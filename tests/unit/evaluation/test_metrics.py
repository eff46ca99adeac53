"""The figures that decide whether a screen may be trusted are themselves held against known values."""

import math
from collections.abc import Sequence
from itertools import pairwise, product
from statistics import variance

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.metrics import (
    ROC_POINTS,
    Rate,
    Times,
    auc,
    calibration,
    histogram,
    percentile,
    roc,
    wilson,
)

SCORES = st.lists(st.integers(0, 8).map(lambda n: n / 8), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        # Newcombe 1998 (Statistics in Medicine 17:857), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (10, 10, 0.7225, 1.0),
    ],
)
def test_the_interval_is_the_published_one(count: int, of: int, low: float, high: float) -> None:
    """An interval that is too narrow makes a screen look proven that is not."""
    assert wilson(count, of) == pytest.approx((low, high), abs=5e-5)


@settings(deadline=None)
@given(st.integers(1, 5000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_interval_holds_its_proportion_within_bounds(case: tuple[int, int]) -> None:
    """A bound below 0 or above 1, or on the wrong side, would be seen by nobody in a table of hundreds."""
    count, of = case

    low, high = wilson(count, of)
    mirrored_low, mirrored_high = wilson(of - count, of)

    assert 0 <= low <= count / of <= high <= 1
    assert low < high
    assert (mirrored_low, mirrored_high) == pytest.approx((1 - high, 1 - low))


@settings(deadline=None)
@given(st.integers(0, 50), st.integers(50, 500))
def test_more_of_the_same_narrows_the_interval(count: int, of: int) -> None:
    """Four times the messages must never know less."""
    low, high = wilson(count, of)
    closer_low, closer_high = wilson(4 * count, 4 * of)

    assert closer_high - closer_low < high - low


def test_a_proportion_of_nothing_is_not_zero() -> None:
    """No message of level 4 in the file: neither perfect nor hopeless, unknown."""
    assert Rate(0, 0).to_json() == {"value": None, "low": None, "high": None, "count": 0, "of": 0}
    with pytest.raises(ValueError, match="0 of 0"):
        wilson(0, 0)
    with pytest.raises(ValueError, match="3 of 2"):
        wilson(3, 2)


def test_the_area_of_a_published_example() -> None:
    """Hanley and McNeil 1982 (Radiology 143:29), table II: 58 normal and 51 abnormal, area .893."""
    abnormal = [1] * 3 + [2] * 2 + [3] * 2 + [4] * 11 + [5] * 33
    normal = [1] * 33 + [2] * 6 + [3] * 6 + [4] * 11 + [5] * 2

    area = auc(abnormal, normal)

    assert area is not None
    assert area.value == pytest.approx(0.893, abs=5e-4)
    assert area.low is not None
    assert area.high is not None
    assert area.low < 0.893 < area.high
    # Their standard error of .032, which another formula gave: the interval has to be of that size.
    assert (area.high - area.low) / (2 * 1.96) == pytest.approx(0.032, abs=0.003)


@settings(deadline=None)
@given(SCORES, SCORES)
def test_the_area_is_the_share_of_pairs_in_order(positives: list[float], negatives: list[float]) -> None:
    """Ranks are only a fast way to compare every pair."""
    pairs = [(p > n) + (p == n) / 2 for p, n in product(positives, negatives)]

    area = auc(positives, negatives)

    assert area is not None
    assert area.value == pytest.approx(sum(pairs) / len(pairs))
    assert area.low is None or area.high is None or 0 <= area.low <= area.value <= area.high <= 1


def test_the_areas_variance_is_delongs() -> None:
    """The components, by hand: one mean over the negatives for each positive, and the other way round."""
    positives, negatives = [0.9, 0.8, 0.35, 0.6], [0.1, 0.7, 0.35]

    def above(p: float, n: float) -> float:
        return (p > n) + (p == n) / 2

    by_positive = [sum(above(p, n) for n in negatives) / 3 for p in positives]
    by_negative = [sum(above(p, n) for p in positives) / 4 for n in negatives]
    error = math.sqrt(variance(by_positive) / 4 + variance(by_negative) / 3)
    value = sum(by_positive) / 4
    half = 1.959963984540054 * error / (value * (1 - value))

    area = auc(positives, negatives)

    assert area is not None
    assert area.low is not None
    assert math.log(area.low / (1 - area.low)) == pytest.approx(math.log(value / (1 - value)) - half)


@pytest.mark.parametrize(("positives", "negatives"), [([0.9, 0.8], [0.1, 0.2]), ([0.5], [0.4, 0.6])])
def test_no_interval_is_claimed_where_there_is_no_variance(
    positives: list[float], negatives: list[float]
) -> None:
    """Four messages in perfect order do not prove an area of exactly one."""
    area = auc(positives, negatives)

    assert area is not None
    assert area.low is None


def test_an_area_needs_both_classes() -> None:
    """A file of calm messages only has no ranking to judge."""
    assert auc([], [0.1]) is None
    assert auc([0.1], []) is None


@settings(deadline=None)
@given(SCORES, SCORES)
def test_the_curve_climbs_and_encloses_the_area(positives: list[float], negatives: list[float]) -> None:
    """The picture and the figure beside it must be of the same thing."""
    points = roc(positives, negatives)
    area = auc(positives, negatives)

    assert points[0][:2] == [0, 0]
    assert points[-1][:2] == [1, 1]
    assert all(a[0] <= b[0] and a[1] <= b[1] for a, b in pairwise(points))
    under = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points))
    assert area is not None
    assert under == pytest.approx(area.value, abs=1e-4)


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    """A summary of a hundred thousand lines is not to hold a hundred thousand points."""
    scores = [place / 5000 for place in range(5000)]

    points = roc(scores[1:], scores[:-1])

    assert len(points) == ROC_POINTS
    assert points[0][:2] == [0, 0]
    assert points[-1][:2] == [1, 1]


def test_calibration_by_hand() -> None:
    """Two bins: .2 where a quarter is true, with 4 of the 6 examples; .8 where half is, with 2."""
    scores = [0.1, 0.2, 0.2, 0.3, 0.7, 0.9]
    outcomes = [False, False, True, False, True, False]

    found = calibration(scores, outcomes, bins=2)

    assert found["ece"] == pytest.approx(4 / 6 * abs(0.2 - 0.25) + 2 / 6 * abs(0.8 - 0.5), abs=1e-6)
    assert found["brier"] == pytest.approx((0.01 + 0.04 + 0.64 + 0.09 + 0.09 + 0.81) / 6, abs=1e-6)
    assert [(row["from"], row["to"], row["of"], row["count"]) for row in found["bins"]] == [
        (0, 0.5, 4, 1),
        (0.5, 1, 2, 1),
    ]
    assert [row["mean_score"] for row in found["bins"]] == pytest.approx([0.2, 0.8])


def test_a_score_of_one_is_in_the_last_bin_and_beyond_one_is_refused() -> None:
    """A stage whose scores are no probabilities would otherwise fall out of the table unseen."""
    assert calibration([1.0], [True])["bins"][-1]["of"] == 1
    assert histogram([0.0, 0.05, 1.0]) == [1, 1, *[0] * 17, 1]
    with pytest.raises(ValueError, match="between 0 and 1"):
        calibration([1.01], [True])


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=60))
def test_no_example_is_lost_between_bins(examples: list[tuple[float, bool]]) -> None:
    """Edges are where binning goes wrong."""
    found = calibration([score for score, _ in examples], [outcome for _, outcome in examples])

    assert sum(row["of"] for row in found["bins"]) == len(examples)
    assert sum(histogram([score for score, _ in examples])) == len(examples)
    assert found["ece"] is None or 0 <= found["ece"] <= 1


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (50, 5), (51, 6), (99, 10), (100, 10)])
def test_a_percentile_is_a_time_that_something_took(percent: float, expected: float) -> None:
    """Nearest rank: between two samples nothing is invented."""
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], percent) == expected


def test_times_without_a_sample_are_unknown() -> None:
    """A stage that was never asked took no time, not zero time."""
    times = Times()
    assert times.to_json()["p99"] is None
    with pytest.raises(ValueError, match="needs samples"):
        percentile([], 50)
    samples: Sequence[float] = (1.0, 2.0, 9.0)
    for sample in samples:
        times.add(sample)

    found = times.to_json()
    assert (found["n"], found["mean"]) == (3, 4.0)
    assert [found[name] for name in ("min", "p25", "p50", "p75", "p99", "max")] == [1, 1, 2, 9, 9, 9]
