"""The gate about whether people would recommend it (NPS): ranks of answers, no averages of them."""

from dataclasses import dataclass
from typing import Final

from silent_infinity.domain.promotion.evidence import GateResult, Verdict
from silent_infinity.domain.promotion.gates import words
from silent_infinity.domain.promotion.gates.figures import GateFigures
from silent_infinity.domain.promotion.gates.results import nothing, result, too_few
from silent_infinity.domain.promotion.gates.rules import Gate

METRIC: Final = "nps"
METHOD: Final = "rank-sum, corrected for the number of looks (Bonferroni)"
EVEN: Final = 0.5


@dataclass(frozen=True, slots=True)
class Ranks:
    """The probability that an answer of the arm is higher than one of production's, equal ones half, with
    bounds and p.
    """

    estimate: float
    low: float
    high: float
    p: float | None = None


def level(gate: Gate) -> float:
    """Return the α of the two-sided interval of one look: either bound misses in `alpha` of all looks."""
    return 2 * gate.alpha / gate.looks


def rank_sum(gate: Gate, figures: GateFigures, ranks: Ranks | None) -> GateResult:
    """Judge whether answers are lower than production's by less than the margin.

    Args:
        gate: the gate.
        figures: with the answers; there is one of each person.
        ranks: what the test of one look says, with an interval at `level`; None if it could not be made.
    """
    if figures.lack:
        return nothing(gate, figures)
    n_arm, n_production = (side.histogram(METRIC).count for side in (figures.arm, figures.others))
    if ranks is None or min(n_arm, n_production) < max(gate.least, 1):
        return too_few(gate, "answers", n_arm, n_production, unit="share")
    limit = EVEN - gate.margin
    if ranks.low >= limit:
        verdict, said = Verdict.PASSED, "It is shown not to be much worse."
    elif ranks.high < limit:
        verdict, said = Verdict.FAILED, "It is shown to be worse."
    else:
        verdict, said = Verdict.NOT_ENOUGH_DATA, "That it is worse cannot be ruled out yet."
    return result(
        gate,
        verdict,
        f"Of two people who answered, one of each side, the variant's gave the higher answer in"
        f" {words.percent(round(ranks.estimate, 3))} of cases, ties as half; {words.percent(EVEN)} would be"
        f" no difference. {said}",
        unit="share",
        estimate=ranks.estimate,
        low=ranks.low,
        high=ranks.high,
        confidence=1 - level(gate),
        p=ranks.p,
        threshold=limit,
        n_arm=n_arm,
        n_production=n_production,
        counted="answers",
        regression=verdict is Verdict.FAILED,
        method=METHOD,
    )
