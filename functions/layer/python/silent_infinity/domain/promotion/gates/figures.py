"""What was collected of an arm and its production: the payload between collecting and judging."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from silent_infinity.domain.lake.histograms import Histogram
from silent_infinity.domain.promotion.evidence import GoldenEvidence
from silent_infinity.domain.variant_sums import Counts, Sums

NOT_SERVED: Final = "not_served"
"""The variant serves nobody, or has for less than a whole day."""
NOT_YET: Final = "not_yet"
"""The lake has no figures of the arm as it is now."""
COHORT: Final = "cohort"
"""The arm is served to some people only, so that production's are others than the arm's."""
OTHER_COHORT: Final = "other_cohort"
"""Another arm of the category is, so that nobody can say how the traffic should divide."""


@dataclass(frozen=True, slots=True)
class Side:
    """The arm, or all of production together: sums over units by metric, and histograms as text."""

    counts: Counts = Counts()
    metrics: Mapping[str, Sums] = field(default_factory=dict)
    histograms: Mapping[str, str] = field(default_factory=dict)

    def histogram(self, metric: str) -> Histogram:
        """Return a histogram; an empty one where there is none.

        Raises:
            ValueError: it is no text of a histogram.
        """
        return Histogram.from_text(self.histograms.get(metric, ""))


@dataclass(frozen=True, slots=True)
class Division:
    """How units divided, by variant, on the days `first` to `last`, and how the traffic did."""

    units: Mapping[str, int] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    first: str = ""
    last: str = ""


@dataclass(frozen=True, slots=True)
class Misses:
    """Of `judged` turns of the service, `missed` were a risk that the screen had not seen."""

    judged: int = 0
    missed: int = 0


@dataclass(frozen=True, slots=True)
class GateFigures:
    """All that gates are judged by. Days are ISO 8601, UTC; `collected_on` is the day of the look.

    `version` is that of the variant's row, `unit` what its category counts (session or user). `since` to
    `as_of` are the days of both sides; empty where the lake has none, and `lack` says why. `screen` are the
    sums of `json_parse` of the service.
    """

    category: str
    variant_id: str
    version: int
    collected_on: str
    unit: str = "session"
    lack: str = ""
    since: str = ""
    as_of: str = ""
    production: tuple[str, ...] = ()
    arm: Side = Side()
    others: Side = Side()
    division: Division = Division()
    division_lack: str = ""
    screen: Sums | None = None
    misses: Misses = Misses()
    golden: GoldenEvidence | None = None
