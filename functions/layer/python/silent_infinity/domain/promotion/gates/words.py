"""How a gate says what it found: numbers and units in a sentence that a person understands."""

from typing import Final

from silent_infinity.data import load
from silent_infinity.domain.lake.figures_shown import shown
from silent_infinity.domain.lake.metrics import RATE, Metric
from silent_infinity.domain.promotion.gates.figures import COHORT, NOT_SERVED, NOT_YET

UNITS: Final = {"session": "sessions", "user": "people"}
_ONE: Final = {"session": "session", "user": "person"}

LACKS: Final = {
    NOT_SERVED: "It has served nobody for a whole day as it is now: there is nothing to compare.",
    NOT_YET: "The lake has no figures of it as it is now; the next night may bring them.",
    COHORT: "It is served to a part of the people only, who may be unlike the others: serve it to all first.",
}
"""Why nothing can be compared, for people."""


def compared(metric: Metric, arm: float, production: float, unit: str) -> str:
    """Return a metric of the arm beside production's, as a sentence."""
    phrase = load("gates.json")["phrases"][metric.name]
    if metric.kind == RATE:
        of = _of(arm, production)
        mine, other = _count(arm * of), _count(production * of)
        # Who gave no rating is not among those of whom the rate is.
        whom = " ".join(filter(None, (load("gates.json")["among"].get(metric.name), UNITS[unit])))
        return f"Of {of:,} {whom}, {mine} {phrase}; with production {other}."
    said = phrase.format(value=value(arm, metric.unit), unit=_ONE[unit])
    return f"{said}; with production {value(production, metric.unit)}."


def value(number: float, unit: str) -> str:
    """Return a level of a metric with its unit. A share that is no rate has no percent: it is a mark."""
    return f"{number:.3f}" if unit == "share" else shown(number, unit)


def distance(number: float, unit: str) -> str:
    """Return how far two values are apart, without a sign: shares in points."""
    size = abs(number)
    if unit != "share":
        return shown(size, unit)
    points = _count(size * 100)
    return f"{points} point" if points == "1" else f"{points} points"


def percent(share: float) -> str:
    """Return a share as a percentage with the digits that it has, up to three."""
    return f"{share * 100:.3f}".rstrip("0").rstrip(".") + " %"


def _of(*rates: float) -> int:
    """Return how many one speaks of, so that a rate is a number that one can picture."""
    largest = max(rates)
    return 100 if largest >= 0.1 else 1_000 if largest >= 0.01 else 10_000


def _count(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
