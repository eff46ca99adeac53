"""What the service and its variants have to hold (`data/slos.json`), and the message when they do not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from silent_infinity.data import load
from silent_infinity.domain.lake.histograms import Histogram
from silent_infinity.domain.lake.metrics import by_name
from silent_infinity.domain.lake.regression import RatioMismatch, RatioRules, Regression, RegressionRules
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.variant_sums import (
    DayOfVariant,
    Sums,
    merged,
    merged_counts,
    merged_histograms,
)

ALL, PRODUCTION, ARMS = "all", "production", "arms"
ANY_CATEGORY = "*"
VALUE, SHARE, PER_SESSION, DROP = "value", "share", "per_session", "drop"
QUANTILES = {"p50": 0.5, "p95": 0.95}
FIGURES = (VALUE, SHARE, PER_SESSION, DROP, *QUANTILES)
AT_LEAST, AT_MOST = "at_least", "at_most"
SUBJECT_LENGTH = 99
"""SNS takes subjects of fewer than 100 characters of ASCII."""

_DIFFERENCE = "difference"
COUNTED = {VALUE: "units", DROP: "units on the smaller side", PER_SESSION: "sessions"}


@dataclass(frozen=True, slots=True)
class Slo:
    """One bound; the notes of `data/slos.json` say what the fields mean."""

    name: str
    title: str
    category: str
    variants: str
    metric: str
    figure: str
    comparison: str
    threshold: float
    least_n: int
    days: int
    why: str
    do: str

    def first(self, last: date) -> date:
        """Return the first day of the window that ends with `last`."""
        return last - timedelta(days=self.days - 1)

    def holds(self, value: float) -> bool:
        """Whether a value is within the bound. The bound itself is."""
        return value >= self.threshold if self.comparison == AT_LEAST else value <= self.threshold


@dataclass(frozen=True, slots=True)
class Rules:
    """All of `data/slos.json`."""

    slos: tuple[Slo, ...]
    crisis_regression: RegressionRules
    sample_ratio: RatioRules


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure, and of how many units, turns or sessions it is."""

    value: float
    n: int


@dataclass(frozen=True, slots=True)
class Breach:
    """A message to the people on call: one bound that does not hold. `name` is the bound's."""

    name: str
    subject: str
    message: str

    def to_payload(self) -> dict[str, Any]:
        """Return the fields as JSON."""
        payload: dict[str, Any] = to_payload(self)
        return payload


@dataclass(frozen=True, slots=True)
class Place:
    """Where the figures are of: what a message says of its origin, so that people find the rest."""

    environment: str
    region: str
    workgroup: str
    database: str
    execution: str = ""

    def lines(self) -> tuple[str, ...]:
        """Return the addresses of the console, one a line."""
        console = f"https://{self.region}.console.aws.amazon.com"
        run = f"{console}/states/home?region={self.region}#/v2/executions/details/{self.execution}"
        return (
            *((f"The run: {run}",) if self.execution else ()),
            f"The tables: {console}/athena/home?region={self.region}#/query-editor"
            f" (workgroup {self.workgroup}, database {self.database})",
        )


@cache
def rules() -> Rules:
    """Return the rules, in the order of their file."""
    return from_payload(Rules, load("slos.json"))


def measured(
    slo: Slo, days: Sequence[DayOfVariant], production: Sequence[DayOfVariant] = ()
) -> Measured | None:
    """Return the figure that an SLO is about; None if there is none, or of too few.

    Args:
        days: of the variant (or variants) that it is about, within its window.
        production: the days of what a drop is measured against.
    """
    found = _figure(slo, days, production)
    return found if found is not None and found.n >= slo.least_n else None


def _figure(slo: Slo, days: Sequence[DayOfVariant], production: Sequence[DayOfVariant]) -> Measured | None:
    if slo.figure in QUANTILES:
        return _quantile(merged_histograms(days).get(slo.metric), QUANTILES[slo.figure])
    sums = merged(days).get(slo.metric)
    if sums is None:
        return None
    match slo.figure:
        case "share":
            return _ratio(sums, round(sums.pairs.denominator) if sums.pairs else 0)
        case "per_session":
            return _ratio(sums, merged_counts(days).sessions)
        case "drop":
            return _drop(sums, merged(production).get(slo.metric))
        case _:
            return None if sums.average is None else Measured(sums.average, sums.n)


def _quantile(histogram: Histogram | None, share: float) -> Measured | None:
    value = histogram.quantile(share) if histogram else None
    return Measured(value, histogram.count) if histogram and value is not None else None


def _ratio(sums: Sums, n: int) -> Measured | None:
    return Measured(sums.pairs.numerator / n, n) if sums.pairs and n else None


def _drop(sums: Sums, other: Sums | None) -> Measured | None:
    if sums.average is None or other is None or other.average is None:
        return None
    return Measured(other.average - sums.average, min(sums.n, other.n))


def breach_of(
    slo: Slo, found: Measured, of: str, last: date, place: Place, *, first: date | None = None
) -> Breach:
    """Return the message that an SLO does not hold.

    Args:
        of: what the figure is of, such as `LLM_MODEL/claude-haiku-4-5`.
        last: the last day of the window.
        first: the first one, if it is not the SLO's.
    """
    bound = "at least" if slo.comparison == AT_LEAST else "at most"
    unit = _DIFFERENCE if slo.figure == DROP else by_name()[slo.metric].unit
    value, limit = (_shown(number, unit) for number in (found.value, slo.threshold))
    first = first or slo.first(last)
    window = f"{last} (UTC)" if first == last else f"{first} to {last} (UTC)"
    return _breach(
        slo.name,
        f"{slo.name}, {of}: {value}, {bound} {limit} wanted",
        (
            f"{of}: {slo.title}.",
            "",
            f"Measured: {value}",
            f"Of: {found.n:,} {COUNTED.get(slo.figure, 'turns')}",
            f"Days: {window}",
            f"Bound: {bound} {limit}",
            f"Why: {slo.why}",
            "",
            f"What to do: {slo.do}",
        ),
        place,
    )


def regression_breach(found: Regression, last: date, place: Place, *, taken_back: str) -> Breach:
    """Return the message that an arm brings more people to a crisis. `taken_back` says what becomes of it."""
    of = f"{found.arm.category}/{found.arm.variant_id}"
    rates = [
        _shown(flagged / units, "share")
        for flagged, units in (
            (found.flagged, found.units),
            (found.production_flagged, found.production_units),
        )
    ]
    return _breach(
        "crisis-regression",
        f"crisis-regression, {of}: {rates[0]} beside {rates[1]}",
        (
            f"{of}: more of its units came to a crisis than of production's.",
            "",
            f"The arm: {found.flagged:,} of {found.units:,} units ({rates[0]})",
            f"Production: {found.production_flagged:,} of {found.production_units:,} units ({rates[1]})",
            f"Days: {found.arm.since} to {last} (UTC)",
            f"p: {found.p:.2g} (Fisher's exact test, one-sided); bound:"
            f" {rules().crisis_regression.alpha:.2g} a night",
            "",
            f"What becomes of it: {taken_back}",
        ),
        place,
    )


def ratio_breach(found: RatioMismatch, days: str, place: Place) -> Breach:
    """Return the message that units do not divide as the traffic does."""
    of = f"{found.arm.category}/{found.arm.variant_id}"
    return _breach(
        "sample-ratio",
        f"sample-ratio, {of}: units do not divide as the traffic",
        (
            f"{of}: its units and production's do not divide as the traffic does.",
            "",
            *(
                f"{variant}: {units:,} units, {found.expected[variant]:,.0f} expected"
                for variant, units in sorted(found.units.items())
            ),
            f"Days: {days} (UTC)",
            f"p: {found.p:.2g} (chi-square); bound: {rules().sample_ratio.p:g}",
            "",
            "What to do: trust no figure of this arm. Look for turns that fail, are not recorded or are not"
            " reported as exposed in one of the variants, for a model that is never asked (some may not serve"
            " some classes of turn), and for a category that was changed by hand.",
        ),
        place,
    )


def _breach(name: str, subject: str, lines: Iterable[str], place: Place) -> Breach:
    text = f"Silent Infinity ({place.environment}): {subject}"
    return Breach(name, _ascii(text)[:SUBJECT_LENGTH], "\n".join([*lines, "", *place.lines()]) + "\n")


def _ascii(text: str) -> str:
    return "".join(character if " " <= character <= "~" else "?" for character in text)


def _shown(value: float, unit: str) -> str:
    match unit:
        case "share":
            return f"{100 * value:.2f} %"
        case "difference":
            return f"{100 * value:.2f} points"
        case "usd":
            return f"{value:.4f} USD"
        case "ms":
            return f"{value:,.0f} ms"
        case _:
            return f"{value:,.4g} {unit}"
