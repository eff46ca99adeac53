"""The gate about crises: an arm with more of them is neither promoted nor kept.

They are so rare that a margin in points bears too much: where four sessions in a thousand lead to one, twice
as many are within one point. So the arm passes only if it is also shown not to have so many times as many (or
not even slightly more in points, where there are hardly any), and not while there are more than chance likes.
It fails if the margin is broken, or where the test of every night (`domain/lake/regression.py`) finds more,
however few points that is.
"""

from dataclasses import replace
from typing import Final

from silent_infinity.domain.distributions import hypergeometric_upper
from silent_infinity.domain.lake.slos import rules as slos
from silent_infinity.domain.promotion.evidence import GateResult, Verdict
from silent_infinity.domain.promotion.gates import words
from silent_infinity.domain.promotion.gates.comparisons import no_worse
from silent_infinity.domain.promotion.gates.figures import GateFigures
from silent_infinity.domain.promotion.gates.rules import Gate
from silent_infinity.domain.promotion.statistics.rare_events import not_as_frequent_p

SUSPICIOUS: Final = 0.05
"""Fisher's one-sided p of one look, below which the arm waits. It can only hold back, so that no correction
for looks is needed."""

METHOD: Final = "asymptotic confidence sequence; likelihood ratio of the rates; Fisher's exact test"


def no_more(gate: Gate, figures: GateFigures) -> GateResult:
    """Judge whether the arm has more crises than production."""
    found = no_worse(gate, figures)
    if found.estimate is None or found.high is None or found.verdict is Verdict.FAILED:
        return found
    mine, theirs = _counts(found)
    p_more = _p_of_more(mine, theirs)
    nightly = slos().crisis_regression
    begin = found.sentence.partition(". ")[0]
    if p_more < nightly.alpha and mine[0] >= nightly.least_flagged:
        sentence = f"{begin}. There are more than with production, and that is not chance."
        return replace(
            found, verdict=Verdict.FAILED, sentence=sentence, p=p_more, regression=True, method=METHOD
        )
    hardly_any = found.high <= gate.slight
    p = max(found.p or 0.0, 0.0 if hardly_any else not_as_frequent_p(mine, theirs, gate.ratio))
    times = "twice" if gate.ratio == 2 else f"{gate.ratio:g} times"
    found = replace(found, p=p, method=METHOD)
    if found.verdict is not Verdict.PASSED:
        return found
    if p > gate.alpha:
        said = f"That they are {times} as many cannot be ruled out yet."
        return replace(found, verdict=Verdict.NOT_ENOUGH_DATA, sentence=f"{begin}. {said}")
    if is_suspicious(found):
        said = "They are more than chance likes: it waits until that is clear."
        return replace(found, verdict=Verdict.NOT_ENOUGH_DATA, sentence=f"{begin}. {said}")
    bound = words.distance(gate.slight if hardly_any else gate.margin, found.unit)
    said = f"They are shown not to be more by {bound}{'' if hardly_any else f', nor {times} as many'}."
    return replace(found, sentence=f"{begin}. {said}")


def is_suspicious(found: GateResult) -> bool:
    """Whether an arm has more crises than chance likes: no step is taken on such a night."""
    return found.estimate is not None and _p_of_more(*_counts(found)) < SUSPICIOUS


def _counts(found: GateResult) -> tuple[tuple[int, int], tuple[int, int]]:
    """The crises and units of the arm, and of production."""
    arm, production = found.arm_value or 0.0, found.production_value or 0.0
    return (
        (round(arm * found.n_arm), found.n_arm),
        (round(production * found.n_production), found.n_production),
    )


def _p_of_more(arm: tuple[int, int], production: tuple[int, int]) -> float:
    return hypergeometric_upper(arm[0], arm[1], arm[0] + production[0], arm[1] + production[1])
