"""Gates about the median of a latency.

The histograms hold turns, and turns of one session are alike. The bounds of a median are therefore made for
the number of independent turns that they are worth at the very least (`effective_count`): as if every turn of
a unit took the same time. The share of turns below the true median is one half; the confidence sequence of
that share says between which ranks the median lies, at any look, and the histogram which times these are, to
the edges of its bins. The bounds of a difference take the worse of both sides, each with half of α.
"""

from dataclasses import dataclass
from typing import Final

from silent_infinity.domain.lake.histograms import GAMMA
from silent_infinity.domain.promotion.evidence import GateResult, Verdict
from silent_infinity.domain.promotion.gates import words
from silent_infinity.domain.promotion.gates.figures import GateFigures, Side
from silent_infinity.domain.promotion.gates.results import nothing, result, too_few
from silent_infinity.domain.promotion.gates.rules import Gate
from silent_infinity.domain.promotion.statistics.estimates import Estimate, effective_count
from silent_infinity.domain.promotion.statistics.sequential import confidence_sequence

METHOD: Final = "confidence sequence of the median's rank, turns of a unit as one"


@dataclass(frozen=True, slots=True)
class Median:
    """A median with its bounds, in ms."""

    value: float
    low: float
    high: float


def no_worse(gate: Gate, figures: GateFigures) -> GateResult:
    """Judge whether the arm's median is longer than production's by less than a share of production's."""
    silent = _silent(gate, figures, both=True)
    if silent:
        return silent
    arm = median(figures.arm, gate.metric, gate.alpha / 2)
    production = median(figures.others, gate.metric, gate.alpha / 2)
    shared = _shared(gate, figures)
    if arm is None or production is None:
        return _too_wide(gate, shared)
    limit = gate.margin * production.value if gate.relative else gate.margin
    low, high = arm.low - production.high, arm.high - production.low
    verdict = _verdict(low, high, limit)
    said = {
        Verdict.PASSED: "It is shown not to be longer by more than {}.",
        Verdict.FAILED: "It is shown to be longer by more than {}.",
        Verdict.NOT_ENOUGH_DATA: "That it is longer by more than {} cannot be ruled out yet.",
    }[verdict].format(words.percent(gate.margin) if gate.relative else words.value(limit, "ms"))
    return result(
        gate,
        verdict,
        f"Half of the replies are there within {words.value(arm.value, 'ms')}; with production within"
        f" {words.value(production.value, 'ms')}. {said}",
        estimate=arm.value - production.value,
        low=low,
        high=high,
        confidence=1 - 2 * gate.alpha,
        threshold=limit,
        arm_value=arm.value,
        production_value=production.value,
        regression=verdict is Verdict.FAILED,
        method=METHOD,
        **shared,
    )


def at_most(gate: Gate, figures: GateFigures) -> GateResult:
    """Judge the arm's median beside a threshold. Production is shown beside it and not judged."""
    silent = _silent(gate, figures, both=False)
    if silent:
        return silent
    arm = median(figures.arm, gate.metric, gate.alpha)
    shared = _shared(gate, figures)
    if arm is None:
        return _too_wide(gate, shared)
    other = figures.others.histogram(gate.metric).quantile(0.5)
    verdict = _verdict(arm.low, arm.high, gate.threshold)
    bound = words.value(gate.threshold, "ms")
    said = {
        Verdict.PASSED: f"It is shown to be at most {bound}.",
        Verdict.FAILED: f"It is shown to be more than {bound}.",
        Verdict.NOT_ENOUGH_DATA: f"That it is more than {bound} cannot be ruled out yet.",
    }[verdict]
    beside = "" if other is None else f"; with production {words.value(other, 'ms')}"
    return result(
        gate,
        verdict,
        f"Half of the first tokens are there within {words.value(arm.value, 'ms')}{beside}. {said}",
        estimate=arm.value,
        low=arm.low,
        high=arm.high,
        confidence=1 - 2 * gate.alpha,
        threshold=gate.threshold,
        arm_value=arm.value,
        production_value=other,
        is_level=True,
        regression=verdict is Verdict.FAILED and _is_longer(gate, figures),
        method=METHOD,
        **shared,
    )


def median(side: Side, metric: str, alpha: float) -> Median | None:
    """Return a median, each of whose bounds misses with a probability of alpha at all looks together; None if
    too little is known for both bounds.
    """
    histogram, independent = side.histogram(metric), _independent(side, metric)
    if not histogram.count or independent < 2:
        return None
    ranks = confidence_sequence(Estimate(0.5, 0.25 / independent, independent), alpha, each_side=True)
    if ranks.low <= 0 or ranks.high >= 1:
        return None
    middle = histogram.quantile(0.5)
    low, high = histogram.bin_at(ranks.low), histogram.bin_at(ranks.high)
    if middle is None or low is None or high is None:
        return None
    return Median(middle, _lower_edge(low), GAMMA**high)


def _is_longer(gate: Gate, figures: GateFigures) -> bool:
    arm, production = (median(side, gate.metric, gate.alpha / 2) for side in (figures.arm, figures.others))
    return arm is not None and production is not None and arm.low > production.high


def _independent(side: Side, metric: str) -> float:
    sums = side.metrics.get(metric)
    if not sums or not sums.pairs or not sums.pairs.denominator > 0:
        return 0.0
    # A day whose histogram is missing has told the sums of its turns, and nothing of their times.
    drawn = min(1.0, side.histogram(metric).count / sums.pairs.denominator)
    return effective_count(sums.pairs) * drawn


def _lower_edge(number: int) -> float:
    return float(GAMMA ** (number - 1)) if number else 0.0


def _verdict(low: float, high: float, limit: float) -> Verdict:
    if high <= limit:
        return Verdict.PASSED
    return Verdict.FAILED if low > limit else Verdict.NOT_ENOUGH_DATA


def _silent(gate: Gate, figures: GateFigures, *, both: bool) -> GateResult | None:
    if figures.lack:
        return nothing(gate, figures)
    n_arm, n_production = (_units(side, gate.metric) for side in (figures.arm, figures.others))
    if (min(n_arm, n_production) if both else n_arm) < gate.least:
        return too_few(gate, words.UNITS[figures.unit], n_arm, n_production)
    return None


def _units(side: Side, metric: str) -> int:
    sums = side.metrics.get(metric)
    return sums.n if sums and side.histograms.get(metric) else 0


def _shared(gate: Gate, figures: GateFigures) -> dict[str, object]:
    return {
        "n_arm": _units(figures.arm, gate.metric),
        "n_production": _units(figures.others, gate.metric),
        "counted": words.UNITS[figures.unit],
    }


def _too_wide(gate: Gate, shared: dict[str, object]) -> GateResult:
    sentence = "Too few independent turns to say between which times the median lies."
    return result(gate, Verdict.NOT_ENOUGH_DATA, sentence, method=METHOD, **shared)
