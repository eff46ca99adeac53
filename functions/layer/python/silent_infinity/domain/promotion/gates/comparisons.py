"""Gates about a metric of the arm beside production's, or beside a bound. All hold at any look."""

from collections.abc import Sequence
from typing import Final

from silent_infinity.domain.comparison import NOTES
from silent_infinity.domain.lake.metrics import HIGHER, LOWER, Metric, by_name
from silent_infinity.domain.promotion.evidence import GateResult, Verdict
from silent_infinity.domain.promotion.gates import words
from silent_infinity.domain.promotion.gates.figures import GateFigures
from silent_infinity.domain.promotion.gates.results import nothing, result, too_few
from silent_infinity.domain.promotion.gates.rules import Gate
from silent_infinity.domain.promotion.statistics.estimates import (
    Estimate,
    NotComparableError,
    difference,
    level,
)
from silent_infinity.domain.promotion.statistics.holm import holm
from silent_infinity.domain.promotion.statistics.non_inferiority import Judged, beside_limit, non_inferiority
from silent_infinity.domain.promotion.statistics.sequential import always_valid_p, confidence_sequence
from silent_infinity.domain.variant_sums import Sums

SEQUENCE: Final = "asymptotic confidence sequence"
HOLM: Final = f"{SEQUENCE}, p corrected by Holm"
_EMPTY: Final = Sums("", 0, 0.0)


def no_worse(gate: Gate, figures: GateFigures) -> GateResult:
    """Judge whether the arm is worse than production by less than the margin."""
    arm, production, silent = _sides(gate, figures)
    if silent:
        return silent
    metric = by_name()[gate.metric]
    limit = gate.margin if gate.direction == LOWER else -gate.margin
    shared = _shared(figures, arm, production, limit)
    try:
        apart = difference(arm, production)
        judged = non_inferiority(apart, gate.margin, gate.direction, alpha=gate.alpha)
    except NotComparableError as error:
        return _unjudged(gate, error, shared)
    said = {
        Verdict.PASSED: "It is shown not to be worse by more than {}.",
        Verdict.FAILED: "It is shown to be worse by more than {}.",
        Verdict.NOT_ENOUGH_DATA: "That it is worse by more than {} cannot be ruled out yet.",
    }[judged.verdict].format(words.distance(gate.margin, metric.unit))
    return _judged(gate, f"{_compared(metric, shared, figures)} {said}", apart, judged, shared)


def per_session(gate: Gate, figures: GateFigures) -> GateResult:
    """Judge the arm's sum by session beside a threshold.

    Where the units are people, the interval is that of the sum by person, divided by the sessions that a
    person had. That is a little too wide, as long as who comes more often also costs more.
    """
    arm, production, silent = _sides(gate, figures)
    if silent:
        return silent
    sessions, theirs = figures.arm.counts.sessions, figures.others.counts.sessions
    if min(sessions, theirs) <= 0:
        return too_few(gate, "sessions", sessions, theirs)
    metric = by_name()[gate.metric]
    value, other = arm.total / sessions, production.total / theirs
    shared = {
        **_shared(figures, arm, production, gate.threshold),
        "arm_value": value,
        "production_value": other,
        "is_level": True,
    }
    bound = words.value(gate.threshold, metric.unit)
    mine, theirs_too = (words.value(each, metric.unit) for each in (value, other))
    begin = f"A session costs {mine}; with production {theirs_too}."
    try:
        of_unit, scale = level(arm), arm.n / sessions
    except NotComparableError as error:
        if error.note != "no-variation" or not 0 <= value <= gate.threshold:
            return _unjudged(gate, error, shared)
        return result(
            gate, Verdict.PASSED, f"{begin} At most {bound} is borne.", estimate=value, low=value, high=value,
            method="all values are the same", **shared,
        )  # fmt: skip
    estimate = Estimate(of_unit.value * scale, of_unit.variance * scale * scale, of_unit.size)
    judged = beside_limit(estimate, gate.threshold, gate.direction, alpha=gate.alpha)
    said = {
        Verdict.PASSED: f"It is shown to be at most {bound}.",
        Verdict.FAILED: f"It is shown to be more than {bound}.",
        Verdict.NOT_ENOUGH_DATA: f"That it is more than {bound} cannot be ruled out yet.",
    }[judged.verdict]
    # Where production is not shown to be cheaper, taking the arm back would help nobody.
    harms = judged.verdict is Verdict.FAILED and value > other and _is_worse(gate, arm, production)
    return _judged(gate, f"{begin} {said}", estimate, judged, shared, regression=harms)


def better(gate: Gate, figures: GateFigures) -> GateResult:
    """Judge whether the arm is better than production, with one test for both directions."""
    arm, production, silent = _sides(gate, figures)
    if silent:
        return silent
    metric = by_name()[gate.metric]
    shared = _shared(figures, arm, production, 0.0)
    try:
        apart = difference(arm, production)
    except NotComparableError as error:
        return _unjudged(gate, error, shared)
    p = always_valid_p(apart)
    verdict = _shown(p, gate.alpha, apart, gate.direction)
    said = {
        Verdict.PASSED: "It is shown to be better.",
        Verdict.FAILED: "It is shown to be worse.",
        Verdict.NOT_ENOUGH_DATA: "Chance alone may explain that.",
    }[verdict]
    return _two_sided(
        gate, f"{_compared(metric, shared, figures)} {said}", verdict, apart, p=p, method=SEQUENCE, **shared
    )


def secondary(gates: Sequence[Gate], figures: GateFigures) -> tuple[GateResult, ...]:
    """Judge several metrics at once: each fails only if it is shown to be worse, corrected for their number.

    The intervals are those of each by itself, so that one that leaves out 0 may still pass.
    """
    asked: dict[str, tuple[Estimate, dict[str, object]]] = {}
    found: dict[str, GateResult] = {}
    for gate in gates:
        arm, production, silent = _sides(gate, figures)
        if silent:
            found[gate.name] = silent
            continue
        shared = _shared(figures, arm, production, 0.0)
        try:
            asked[gate.name] = difference(arm, production), shared
        except NotComparableError as error:
            found[gate.name] = _unjudged(gate, error, shared)
    corrected = holm({name: always_valid_p(apart) for name, (apart, _) in asked.items()})
    for gate in gates:
        if gate.name not in asked:
            continue
        apart, shared = asked[gate.name]
        p = corrected[gate.name]
        shown = _shown(p, gate.alpha, apart, gate.direction)
        said = {
            Verdict.PASSED: "It is shown to be better.",
            Verdict.FAILED: "It is shown to be worse.",
            Verdict.NOT_ENOUGH_DATA: "It is not shown to be worse.",
        }[shown]
        verdict = Verdict.FAILED if shown is Verdict.FAILED else Verdict.PASSED
        sentence = f"{_compared(by_name()[gate.metric], shared, figures)} {said}"
        found[gate.name] = _two_sided(gate, sentence, verdict, apart, p=p, method=HOLM, **shared)
    return tuple(found[gate.name] for gate in gates)


def _is_worse(gate: Gate, arm: Sums, production: Sums) -> bool:
    try:
        apart = difference(arm, production)
    except NotComparableError:
        return False
    return non_inferiority(apart, 0.0, gate.direction, alpha=gate.alpha).verdict is Verdict.FAILED


def _sides(gate: Gate, figures: GateFigures) -> tuple[Sums, Sums, GateResult | None]:
    """Return both sides, and what to answer if there is nothing to judge."""
    if figures.lack:
        return _EMPTY, _EMPTY, nothing(gate, figures)
    arm = figures.arm.metrics.get(gate.metric, _EMPTY)
    production = figures.others.metrics.get(gate.metric, _EMPTY)
    if min(arm.n, production.n) < max(gate.least, 1):
        return arm, production, too_few(gate, words.UNITS[figures.unit], arm.n, production.n)
    return arm, production, None


def _shared(figures: GateFigures, arm: Sums, production: Sums, threshold: float) -> dict[str, object]:
    return {
        "arm_value": arm.average,
        "production_value": production.average,
        "n_arm": arm.n,
        "n_production": production.n,
        "counted": words.UNITS[figures.unit],
        "threshold": threshold,
    }


def _compared(metric: Metric, shared: dict[str, object], figures: GateFigures) -> str:
    arm, production = shared["arm_value"], shared["production_value"]
    if not isinstance(arm, float) or not isinstance(production, float):
        return NOTES["no-figures"]
    return words.compared(metric, arm, production, figures.unit)


def _shown(p: float, alpha: float, apart: Estimate, direction: str) -> Verdict:
    if p > alpha:
        return Verdict.NOT_ENOUGH_DATA
    return Verdict.PASSED if (apart.value > 0) == (direction == HIGHER) else Verdict.FAILED


def _judged(
    gate: Gate,
    sentence: str,
    estimate: Estimate,
    judged: Judged,
    shared: dict[str, object],
    *,
    regression: bool | None = None,
) -> GateResult:
    return result(
        gate,
        judged.verdict,
        sentence,
        estimate=estimate.value,
        low=judged.low,
        high=judged.high,
        confidence=judged.confidence,
        p=judged.p_good,
        regression=judged.verdict is Verdict.FAILED if regression is None else regression,
        method=SEQUENCE,
        **shared,
    )


def _two_sided(
    gate: Gate,
    sentence: str,
    verdict: Verdict,
    apart: Estimate,
    **facts: object,
) -> GateResult:
    bounds = confidence_sequence(apart, gate.alpha)
    return result(
        gate,
        verdict,
        sentence,
        estimate=apart.value,
        low=bounds.low,
        high=bounds.high,
        confidence=1 - gate.alpha,
        regression=verdict is Verdict.FAILED,
        **facts,
    )


def _unjudged(gate: Gate, error: NotComparableError, shared: dict[str, object]) -> GateResult:
    # Sums that contradict each other may have averages that are no numbers.
    facts = {**shared, "arm_value": None, "production_value": None}
    return result(gate, Verdict.NOT_ENOUGH_DATA, NOTES[error.note], **facts)
