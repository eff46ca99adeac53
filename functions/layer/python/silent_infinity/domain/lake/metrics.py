"""The metrics by which variants and the service are judged: definitions, as `data/metrics.json` has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from silent_infinity.data import load
from silent_infinity.domain.payload import from_payload

MEAN, RATE = "mean", "rate"
RATIO, SUM = "ratio", "sum"
ANY, ALL, MOST = "any", "all", "most"
EXPOSED, AFTER_EXPOSURE, USER_RETURN = "exposed", "after_exposure", "user_return"
LOWER, HIGHER, NONE = "lower", "higher", "none"

EVERY_TURN = "1"
"""The denominator that counts exposed turns."""

SERVICE, EVERYTHING = "SERVICE", "all"
"""The category and the variant under which the figures of the service as a whole stand."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; the notes of `data/metrics.json` say what the fields mean."""

    name: str
    title: str
    kind: str
    unit: str
    direction: str
    population: str
    scale: int
    numerator: str = ""
    denominator: str = ""
    value: str = ""
    unit_success: str = ""


@cache
def metrics() -> tuple[Metric, ...]:
    """Return the metrics in the order of their file."""
    return tuple(from_payload(Metric, row) for row in load("metrics.json")["metrics"])


@cache
def by_name() -> Mapping[str, Metric]:
    """Return the metrics by their names."""
    return {metric.name: metric for metric in metrics()}
