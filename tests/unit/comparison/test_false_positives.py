"""Where nothing differs, one test in twenty says that it does: no more, and no fewer."""

import numpy as np
import pytest
from scipy import stats

from silent_infinity.domain.comparison import compare
from silent_infinity.domain.variant_sums import Sums

SIMULATIONS = 2000
ALPHA = 0.05
LEAST, MOST = (int(stats.binom.ppf(tail, SIMULATIONS, ALPHA)) for tail in (0.0005, 0.9995))
"""How many of 2,000 come out below .05: 70 to 134, in 999 of 1,000 seeds."""


def false_positives(drawn: list[tuple[Sums, Sums]]) -> int:
    """Return how many comparisons of what does not differ have p < .05."""
    found = [compare({"m": a}, {"m": b})[0].p for a, b in drawn]
    assert None not in found
    return sum(p is not None and p < ALPHA for p in found)


def mean(sample: np.ndarray) -> Sums:
    """Return the sums of values."""
    return Sums("mean", len(sample), float(sample.sum()), float((sample**2).sum()))


@pytest.mark.parametrize("of_rate", [0.5, 0.86], ids=["one in two", "completion"])
def test_of_rates(of_rate: float) -> None:
    """Two arms of unlike size, served the same."""
    random = np.random.default_rng(20261121)
    a = random.binomial(1000, of_rate, SIMULATIONS)
    b = random.binomial(700, of_rate, SIMULATIONS)
    count = false_positives(
        [(Sums("rate", 1000, int(x)), Sums("rate", 700, int(y))) for x, y in zip(a, b, strict=True)]
    )

    assert LEAST <= count <= MOST


@pytest.mark.parametrize(
    ("of_a", "of_b", "spread"),
    [
        pytest.param(30, 30, 1.0, id="like"),
        pytest.param(60, 12, 4.0, id="the smaller arm spreads four times as far"),
    ],
)
def test_of_means(of_a: int, of_b: int, spread: float) -> None:
    """Unlike spreads in arms of unlike size are what Student's own test gets wrong, and Welch's does not."""
    random = np.random.default_rng(20261122)
    drawn = [
        (mean(random.normal(900, 50, of_a)), mean(random.normal(900, 50 * spread, of_b)))
        for _ in range(SIMULATIONS)
    ]

    assert LEAST <= false_positives(drawn) <= MOST


def test_of_values_that_are_far_from_normal() -> None:
    """Costs and latencies are skewed; with 500 units, as a promotion asks for, it no longer matters."""
    random = np.random.default_rng(20261123)
    drawn = [
        (mean(random.lognormal(6.5, 0.8, 500)), mean(random.lognormal(6.5, 0.8, 500)))
        for _ in range(SIMULATIONS)
    ]

    assert LEAST <= false_positives(drawn) <= MOST


def test_looking_every_night_finds_what_is_not_there() -> None:
    """Why the table of p values carries a statement: thirty looks are wrong far more often than one."""
    random = np.random.default_rng(20261124)
    nights, units = 30, 50
    a = random.binomial(units, 0.5, (SIMULATIONS, nights)).cumsum(axis=1)
    b = random.binomial(units, 0.5, (SIMULATIONS, nights)).cumsum(axis=1)
    n = units * np.arange(1, nights + 1)
    fooled = 0
    for seen_a, seen_b in zip(a, b, strict=True):
        looks = (
            compare({"m": Sums("rate", int(of), int(x))}, {"m": Sums("rate", int(of), int(y))})[0].p
            for of, x, y in zip(n, seen_a, seen_b, strict=True)
        )
        fooled += any(p is not None and p < ALPHA for p in looks)

    assert fooled > 4 * ALPHA * SIMULATIONS
