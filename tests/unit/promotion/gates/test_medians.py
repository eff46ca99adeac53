"""The bounds of a median of turns that hang together, held against simulated people."""

import math
import random
from dataclasses import replace

import pytest

from silent_infinity.domain.lake.histograms import ACCURACY, GAMMA, Histogram, bin_of
from silent_infinity.domain.promotion.evidence import GateResult, Verdict
from silent_infinity.domain.promotion.gates import medians
from silent_infinity.domain.promotion.gates.figures import Side
from silent_infinity.domain.promotion.gates.rules import Gate
from silent_infinity.domain.variant_sums import Counts, Pairs, Sums
from tests.support.gate_figures import figures

METRIC = "latency_total_ms"
TRUE = 2_000.0
GATE = Gate(
    "p50", "Half", "guardrail", "median_no_worse", metric=METRIC, direction="lower", alpha=0.05, least=200,
    margin=0.2, relative=True,
)  # fmt: skip


def people(chance: random.Random, units: int, *, median: float = TRUE, alike: float = 1.0) -> Side:
    """Units of one to nine turns, whose times are alike within a unit (1: the same)."""
    bins: dict[int, int] = {}
    turns = squares = 0
    for _ in range(units):
        own = chance.gauss(0, 0.5)
        size = chance.randint(1, 9)
        turns, squares = turns + size, squares + size * size
        for _ in range(size):
            logarithm = alike * own + math.sqrt(1 - alike**2) * chance.gauss(0, 0.5)
            place = bin_of(median * math.exp(logarithm))
            bins[place] = bins.get(place, 0) + 1
    pairs = Pairs(0.0, float(turns), 0.0, float(squares), 0.0)
    sums = Sums("mean", units, median * units, median**2 * units, pairs)
    return Side(Counts(units=units), {METRIC: sums}, {METRIC: Histogram(bins).to_text()})


@pytest.mark.parametrize("alike", [1.0, 0.5, 0.0])
def test_the_true_median_lies_within_the_bounds_however_alike_turns_are(alike: float) -> None:
    """Turns that were counted as independent would give bounds that are far too narrow, and false alarms."""
    chance = random.Random(7)
    missed = 0
    for _ in range(120):
        found = medians.median(people(chance, 500, alike=alike), METRIC, 0.05)
        assert found is not None
        missed += not found.low <= TRUE <= found.high

    # Each bound may miss one in twenty times over all looks, and this is one look.
    assert missed <= 6


def test_days_whose_histogram_is_missing_make_the_bounds_no_narrower() -> None:
    """The sums would tell of four thousand people, and the times be those of two hundred."""
    whole, few = people(random.Random(5), 4_000), people(random.Random(6), 200)
    torn = replace(whole, histograms=few.histograms)

    surest, careful, of_few = (medians.median(side, METRIC, 0.05) for side in (whole, torn, few))

    assert surest is not None
    assert careful is not None
    assert of_few is not None
    assert careful.high - careful.low >= 0.8 * (of_few.high - of_few.low)
    assert careful.high - careful.low > 2 * (surest.high - surest.low)


def test_bounds_are_those_of_units_and_not_of_turns() -> None:
    """Four identical turns of each unit say no more than one."""
    once = people(random.Random(3), 600)
    four = Histogram({place: 4 * n for place, n in once.histogram(METRIC).bins.items()})
    pairs = once.metrics[METRIC].pairs
    assert pairs is not None
    more = Pairs(0.0, 4 * pairs.denominator, 0.0, 16 * pairs.denominator_squares, 0.0)
    often = Side(once.counts, {METRIC: Sums("mean", 600, 0.0, 0.0, more)}, {METRIC: four.to_text()})

    narrow, wide = medians.median(often, METRIC, 0.05), medians.median(once, METRIC, 0.05)
    assert narrow is not None
    assert wide is not None
    assert narrow.low == pytest.approx(wide.low, rel=2 * ACCURACY)
    assert narrow.high == pytest.approx(wide.high, rel=2 * ACCURACY)


def test_bounds_reach_to_the_edges_of_bins() -> None:
    """A median that all turns share is known to the bin, and not to the bin's middle."""
    one_bin = Side(
        Counts(units=900),
        {METRIC: Sums("mean", 900, 0.0, 0.0, Pairs(0.0, 900.0, 0.0, 900.0, 0.0))},
        {METRIC: "190:900"},
    )
    found = medians.median(one_bin, METRIC, 0.05)

    assert found is not None
    assert (found.low, found.high) == pytest.approx((GAMMA**189, GAMMA**190))


def test_the_bounds_of_a_difference_take_the_worse_of_both_sides() -> None:
    """Both medians are uncertain: the arm at its slowest beside production at its fastest."""
    chance = random.Random(5)
    arm, production = people(chance, 700), people(chance, 700)
    result = judged(arm, production)
    mine, theirs = (medians.median(side, METRIC, GATE.alpha / 2) for side in (arm, production))

    assert mine is not None
    assert theirs is not None
    assert result.low == pytest.approx(mine.low - theirs.high)
    assert result.high == pytest.approx(mine.high - theirs.low)
    assert result.threshold == pytest.approx(0.2 * theirs.value)


def test_no_difference_is_no_alarm_and_a_large_one_is() -> None:
    """Seeded: with 2,000 units a side an arm that is half as slow again is always found."""
    chance = random.Random(11)
    same = [judged(people(chance, 500), people(chance, 500)).verdict for _ in range(40)]
    slow = [judged(people(chance, 2_000, median=1.5 * TRUE), people(chance, 2_000)).verdict for _ in range(5)]

    assert Verdict.FAILED not in same
    assert set(slow) == {Verdict.FAILED}


@pytest.mark.parametrize("units", [0, 1, 5])
def test_too_few_units_have_no_bounds(units: int) -> None:
    """Ranks below the first and above the last turn are no times."""
    assert medians.median(people(random.Random(1), units), METRIC, 0.05) is None


def judged(arm: Side, production: Side) -> GateResult:
    """What the gate finds."""
    return medians.no_worse(GATE, replace(figures(category="SMALL_TALK_MODEL"), arm=arm, others=production))
