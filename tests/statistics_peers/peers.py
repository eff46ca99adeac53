"""Computes statistics with the packages of others. Runs in their own environment.

A list of cases is read from stdin, each `{peer: name of a function here, ...its arguments}`; the list of what
they return goes to stdout. Nothing is fetched or sent.
"""

import json
import sys
from importlib import import_module
from typing import Any

Figures = dict[str, Any]


def _by_name(name: str) -> Any:
    # By name: the development environment, where types are checked, does not have these.
    return import_module(name)


def _gbstats_statistic(side: Figures) -> Any:
    models = _by_name("gbstats.models.statistics")
    if side["kind"] == "rate":
        return models.ProportionStatistic(n=side["n"], sum=side["total"])
    return models.SampleMeanStatistic(n=side["n"], sum=side["total"], sum_squares=side["squares"])


def gbstats_sequential(arm: Figures, production: Figures, tuning: float) -> Figures:
    """Return the asymptotic confidence sequence of the difference and its p value."""
    tests = _by_name("gbstats.frequentist.tests")
    config = tests.SequentialConfig(
        difference_type="absolute", alpha=0.05, sequential_tuning_parameter=tuning
    )
    test = tests.SequentialTwoSidedTTest(_gbstats_statistic(production), _gbstats_statistic(arm), config)
    low, high = test.confidence_interval
    return {"estimate": test.point_estimate, "low": low, "high": high, "p": test.p_value}


def gbstats_welch(arm: Figures, production: Figures) -> Figures:
    """Return Welch's test."""
    tests = _by_name("gbstats.frequentist.tests")
    config = tests.FrequentistConfig(difference_type="absolute", alpha=0.05)
    test = tests.TwoSidedTTest(_gbstats_statistic(production), _gbstats_statistic(arm), config)
    low, high = test.confidence_interval
    return {"estimate": test.point_estimate, "low": low, "high": high, "p": test.p_value}


def _spotify(rows: list[Figures], method: str, correction: str, *, metric: bool) -> Any:
    frame = _by_name("pandas").DataFrame([{**row, "method": method} for row in rows])
    experiment = _by_name("spotify_confidence").Experiment(
        data_frame=frame,
        numerator_column="total",
        numerator_sum_squares_column="squares",
        denominator_column="n",
        categorical_group_columns=["side"],
        metric_column="metric" if metric else None,
        treatment_column="side",
        correction_method=correction,
        interval_size=0.95,
        method_column="method",
    )
    return experiment.difference(
        level_1="production", level_2="arm", groupby="metric" if metric else None, absolute=True
    )


def spotify_difference(arm: Figures, production: Figures, method: str) -> Figures:
    """Return the difference of two sides by `t-test` or `z-test`."""
    rows = [{**arm, "side": "arm"}, {**production, "side": "production"}]
    found = _spotify(rows, method, "bonferroni", metric=False).iloc[0]
    return {
        "estimate": found["difference"],
        "low": found["ci_lower"],
        "high": found["ci_upper"],
        "p": found["p-value"],
    }


def spotify_holm(metrics: dict[str, dict[str, Figures]]) -> Figures:
    """Return the p value and the adjusted p of each metric."""
    rows = [
        {**side, "side": name, "metric": metric}
        for metric, sides in metrics.items()
        for name, side in sides.items()
    ]
    found = _spotify(rows, "z-test", "holm", metric=True)
    return {row["metric"]: [row["p-value"], row["adjusted p-value"]] for _, row in found.iterrows()}


def statsmodels_holm(p: list[float]) -> list[float]:
    """Return the adjusted p values."""
    return list(_by_name("statsmodels.stats.multitest").multipletests(p, method="holm")[1])


def statsmodels_proportions(arm: Figures, production: Figures) -> Figures:
    """Return Newcombe's interval and the pooled z test."""
    proportion = _by_name("statsmodels.stats.proportion")
    low, high = proportion.confint_proportions_2indep(
        arm["total"], arm["n"], production["total"], production["n"], method="newcomb", compare="diff"
    )
    p = proportion.proportions_ztest([arm["total"], production["total"]], [arm["n"], production["n"]])[1]
    estimate = arm["total"] / arm["n"] - production["total"] / production["n"]
    return {"estimate": estimate, "low": low, "high": high, "p": p}


def statsmodels_binomial(events: int, trials: int, alpha: float) -> list[float]:
    """Return both one-sided exact bounds."""
    confint = _by_name("statsmodels.stats.proportion").proportion_confint
    return list(confint(events, trials, alpha=2 * alpha, method="beta"))


def statsmodels_rank_sum(arm: list[int], production: list[int]) -> Figures:
    """Return P(X > Y) + ½ P(X = Y) of two lists of counts, over the same values."""
    compare = _by_name("statsmodels.stats.nonparametric").rank_compare_2ordinal
    found = compare(arm, production, ddof=1, use_t=True)
    low, high = found.conf_int(alpha=0.05)
    return {"estimate": found.prob1, "low": low, "high": high, "p": found.test_prob_superior().pvalue}


def ssrm(counted: list[int], shares: list[float], concentration: float) -> float:
    """Return 1 / the Bayes factor against the shares, at most 1."""
    numpy, module = _by_name("numpy"), _by_name("ssrm_test.ssrm_test")
    posteriors = module.sequential_posteriors(
        numpy.array([counted]),
        numpy.array(shares),
        dirichlet_probability=numpy.array(shares),
        dirichlet_concentration=concentration,
    )
    return min(1.0, 1 / float(module.bayes_factor(posteriors[-1])))


def group_sequential(first: int, last: int) -> list[float]:
    """Return the two-sided boundaries (z) of a Lan-DeMets plan of a look each night, spending α as t³."""
    numpy = _by_name("numpy")
    solver = _by_name("spotify_confidence.analysis.frequentist.sequential_bound_solver")
    times = numpy.arange(first, last + 1) / last
    return list(solver.bounds(t=times, alpha=0.05, rho=3.0, ztrun=8.0, sides=2).df["zb"])


PEERS = {
    peer.__name__: peer
    for peer in (
        gbstats_sequential,
        gbstats_welch,
        spotify_difference,
        spotify_holm,
        statsmodels_holm,
        statsmodels_proportions,
        statsmodels_binomial,
        statsmodels_rank_sum,
        ssrm,
        group_sequential,
    )
}


def main() -> None:
    """Compute what was asked for."""
    cases = json.load(sys.stdin)
    answers = [PEERS[case.pop("peer")](**case) for case in cases]
    json.dump(answers, sys.stdout, default=float)


main()
