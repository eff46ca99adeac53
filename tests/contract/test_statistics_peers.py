"""The statistics of promotions beside those of kept packages, which are too large or too pinned to ship.

Every figure that somebody may be promoted on is computed here a second time by somebody else's code.
"""

from typing import Any

import pytest
from scipy import stats

from silent_infinity.adapters.statistics.scipy_tests import ScipyTests
from silent_infinity.domain.comparison import compare
from silent_infinity.domain.promotion.statistics.estimates import (
    Estimate,
    difference,
    level,
)
from silent_infinity.domain.promotion.statistics.holm import holm
from silent_infinity.domain.promotion.statistics.sample_ratio import sample_ratio_p
from silent_infinity.domain.promotion.statistics.sequential import (
    TUNED_AT,
    always_valid_p,
    confidence_sequence,
)
from silent_infinity.domain.variant_sums import MEAN, RATE, Sums
from silent_infinity.ports.classical_tests import OneLook
from tests.support.statistics_peers import ask

MEANS = (
    (Sums(MEAN, 500, 600.0, 1500.0), Sums(MEAN, 700, 800.0, 2000.0)),
    (Sums(MEAN, 1000, 42.0, 3.0), Sums(MEAN, 9000, 351.0, 24.5)),
    (Sums(MEAN, 640, 640 * 1900.0, 640 * (1900.0**2 + 700.0**2)), Sums(MEAN, 6000, 1.2e7, 2.7e10)),
)
RATES = (
    (Sums(RATE, 2000, 1480), Sums(RATE, 2000, 1400)),
    (Sums(RATE, 5000, 3400), Sums(RATE, 45000, 31500)),
    (Sums(RATE, 600, 12), Sums(RATE, 5400, 54)),
)
HISTOGRAMS = (
    ([1, 0, 2, 0, 3, 9, 11, 20, 41, 33, 60], [3, 1, 4, 2, 6, 20, 25, 60, 90, 70, 95]),
    ([9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 31], [0, 0, 0, 0, 0, 40, 0, 0, 0, 0, 0]),
    ([5, 9, 3, 1, 0, 0, 0, 1, 0, 0, 2], [4, 12, 2, 0, 0, 3, 0, 0, 1, 0, 0]),
)
COUNTS = (
    ([450, 4500], [0.1, 0.9]),
    ([1203, 9450], [0.1, 0.9]),
    ([3300, 3400, 3300], [1 / 3, 1 / 3, 1 / 3]),
    ([250, 5000, 5100], [0.05, 0.475, 0.475]),
)


def side(sums: Sums) -> dict[str, Any]:
    """Return sums as the peers read them."""
    squares = sums.total if sums.kind == RATE else sums.squares
    return {"kind": sums.kind, "n": sums.n, "total": sums.total, "squares": squares}


def spotify_side(sums: Sums) -> dict[str, Any]:
    """Return sums as columns of a table."""
    return {name: value for name, value in side(sums).items() if name != "kind"}


def tuning(arm: Sums, production: Sums, estimate: Estimate) -> float:
    """Return the units at which the peer has to be tuned to be as ours: it counts those of both arms."""
    return TUNED_AT * (arm.n + production.n) / estimate.size


def as_tested(answer: dict[str, float]) -> tuple[float, float, float, float]:
    """Return the figures of an answer."""
    return answer["estimate"], answer["low"], answer["high"], answer["p"]


def figures(tested: OneLook) -> tuple[float, float, float, float | None]:
    """Return the figures of ours in the same order."""
    return tested.estimate, tested.low, tested.high, tested.p


def as_peers_have_it(arm: Estimate, production: Estimate) -> Estimate:
    """Return the difference with the plain sum of both variances: ours is a little more careful."""
    size = arm.size * production.size / (arm.size + production.size)
    return Estimate(arm.value - production.value, arm.variance + production.variance, size)


def plain_rate(sums: Sums) -> Estimate:
    """Return a rate with the variance that a rate of 0 has none of."""
    rate = sums.total / sums.n
    return Estimate(rate, rate * (1 - rate) / sums.n, sums.n)


def test_the_confidence_sequence_is_that_of_gbstats() -> None:
    """Interval and always-valid p of means and rates, to the last digits."""
    cases = [
        *((arm, production, level) for arm, production in MEANS),
        *((arm, production, plain_rate) for arm, production in RATES),
    ]
    estimates = [as_peers_have_it(of(arm), of(production)) for arm, production, of in cases]
    answers = ask(
        [
            {
                "peer": "gbstats_sequential",
                "arm": side(arm),
                "production": side(production),
                "tuning": tuning(arm, production, estimate),
            }
            for (arm, production, _), estimate in zip(cases, estimates, strict=True)
        ]
    )

    assert min(answer["p"] for answer in answers) < 0.05 < max(answer["p"] for answer in answers)
    for estimate, answer in zip(estimates, answers, strict=True):
        bounds = confidence_sequence(estimate)
        ours = (estimate.value, bounds.low, bounds.high, always_valid_p(estimate))
        assert ours == pytest.approx(as_tested(answer), rel=1e-9)


def test_a_difference_is_a_little_more_careful_than_the_peers() -> None:
    """The spread of a small arm is not trusted when all units together spread more; where arms are alike, as
    here, that costs little.
    """
    cases = [
        (difference(arm, production), level(arm), level(production)) for arm, production in MEANS + RATES
    ]

    for estimate, arm, production in cases:
        plain = as_peers_have_it(arm, production)
        assert (estimate.value, estimate.size) == (plain.value, plain.size)
        assert plain.variance <= estimate.variance <= 1.25 * plain.variance


def test_the_sample_ratio_is_that_of_the_papers_author() -> None:
    """ssrm-test is written by an author of the paper; a mismatch stops a promotion."""
    answers = ask(
        [
            {"peer": "ssrm", "counted": counted, "shares": shares, "concentration": concentration}
            for counted, shares in COUNTS
            for concentration in (100.0, 1000.0)
        ]
    )
    ours = [
        sample_ratio_p(counted, shares, concentration=concentration)
        for counted, shares in COUNTS
        for concentration in (100.0, 1000.0)
    ]

    assert min(answers) < 0.001 < max(answers)
    assert ours == pytest.approx(answers, rel=1e-7)


def test_holm_is_that_of_statsmodels_and_of_spotify_confidence() -> None:
    """Two packages, one with p values and one with whole metrics."""
    p = [0.01, 0.04, 0.03, 0.03, 0.5, 0.0, 1.0, 0.012]
    metrics = {
        f"m{place}": {"arm": spotify_side(arm), "production": spotify_side(production)}
        for place, (arm, production) in enumerate(RATES)
    }
    of_statsmodels, of_spotify = ask(
        [{"peer": "statsmodels_holm", "p": p}, {"peer": "spotify_holm", "metrics": metrics}]
    )

    assert list(holm({str(place): each for place, each in enumerate(p)}).values()) == pytest.approx(
        of_statsmodels
    )
    raw = {name: values[0] for name, values in of_spotify.items()}
    assert holm(raw) == pytest.approx({name: values[1] for name, values in of_spotify.items()})


def test_welch_is_that_of_gbstats_and_of_spotify_confidence() -> None:
    """And that of the table which operators read, which has no SciPy."""
    answers = ask(
        [
            question
            for arm, production in MEANS
            for question in (
                {"peer": "gbstats_welch", "arm": side(arm), "production": side(production)},
                {
                    "peer": "spotify_difference",
                    "arm": spotify_side(arm),
                    "production": spotify_side(production),
                    "method": "t-test",
                },
            )
        ]
    )

    for place, (arm, production) in enumerate(MEANS):
        ours = figures(ScipyTests().welch(arm, production))
        assert ours == pytest.approx(as_tested(answers[2 * place]), rel=1e-7)
        assert ours == pytest.approx(as_tested(answers[2 * place + 1]), rel=1e-7)
        table = compare({"m": production}, {"m": arm})[0]
        assert ours == pytest.approx((table.difference, table.low, table.high, table.p), rel=1e-7)


def test_two_proportions_are_those_of_statsmodels() -> None:
    """Newcombe's interval and the pooled z test; and those of the table which operators read."""
    answers = ask(
        [
            {
                "peer": "statsmodels_proportions",
                "arm": {"n": arm.n, "total": arm.total},
                "production": {"n": production.n, "total": production.total},
            }
            for arm, production in RATES
        ]
    )

    for (arm, production), answer in zip(RATES, answers, strict=True):
        ours = figures(ScipyTests().two_proportions(arm, production))
        assert ours == pytest.approx(as_tested(answer), rel=1e-9)
        table = compare({"m": production}, {"m": arm})[0]
        assert ours == pytest.approx((table.difference, table.low, table.high, table.p), rel=1e-9)


def test_exact_bounds_are_those_of_statsmodels() -> None:
    """None missed of 3,000 says at most one in a thousand: the rule of three, and the gate of live misses."""
    asked = [(0, 3000, 0.05), (2, 3000, 0.05), (3000, 3000, 0.05), (11, 40, 0.01)]
    answers = ask(
        [{"peer": "statsmodels_binomial", "events": e, "trials": n, "alpha": a} for e, n, a in asked]
    )

    for (events, trials, alpha), answer in zip(asked, answers, strict=True):
        ours = (
            ScipyTests().binomial_lower(events, trials, alpha),
            ScipyTests().binomial_upper(events, trials, alpha),
        )
        assert ours == pytest.approx(answer, rel=1e-9)
    assert ScipyTests().binomial_upper(0, 3000) < 0.001


def test_the_rank_sum_is_that_of_statsmodels_and_of_scipy() -> None:
    """From counts as statsmodels does it, from the answers themselves as SciPy does."""
    answers = ask([{"peer": "statsmodels_rank_sum", "arm": x, "production": y} for x, y in HISTOGRAMS])

    for (x, y), answer in zip(HISTOGRAMS, answers, strict=True):
        tested = ScipyTests().rank_sum(dict(enumerate(x)), dict(enumerate(y)))
        estimate, low, high, p = as_tested(answer)
        assert figures(tested) == pytest.approx(
            (estimate, max(low, 0.0), min(high, 1.0), p), rel=1e-9, abs=1e-12
        )
        given = [[value for value, n in enumerate(counts) for _ in range(n)] for counts in (x, y)]
        assert tested.p == pytest.approx(stats.brunnermunzel(*given).pvalue, rel=1e-9, abs=1e-12)
        u = stats.mannwhitneyu(*given).statistic
        assert tested.estimate == pytest.approx(u / (sum(x) * sum(y)))
