"""Publish what the lake computed of variants, where the operators' API reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from silent_infinity.domain.lake.published import GoldError, variant_days
from silent_infinity.domain.payload import PayloadError, from_payload, to_payload
from silent_infinity.ports.query_results import QueryResults
from silent_infinity.ports.variant_metrics import VariantMetrics

SUMS, HISTOGRAMS = "gold_variant_days", "gold_histograms"


@dataclass(frozen=True, slots=True)
class PublishRequest:
    """Days, both included, and the statements that have read their rows: table to id of the statement."""

    first: str
    last: str
    queries: Mapping[str, str]

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "PublishRequest":
        """Read the state's input.

        Raises:
            PayloadError: a field or a statement is missing.
        """
        request = from_payload(cls, event)
        if not all(request.queries.get(table) for table in (SUMS, HISTOGRAMS)):
            raise PayloadError(f"queries has to name the statements of {SUMS} and {HISTOGRAMS}")
        return request


@dataclass(frozen=True, slots=True)
class Published:
    """How many days of variants were written."""

    variant_days: int

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output."""
        payload: dict[str, Any] = to_payload(self)
        return payload


class PublishMetrics:
    """Replaces the figures of days. Run again, it writes the same."""

    def __init__(self, *, results: QueryResults, metrics: VariantMetrics) -> None:
        self._results = results
        self._metrics = metrics

    def __call__(self, request: PublishRequest) -> Published:
        """Write the figures of the days, and remove those of variants that gold no longer has.

        Raises:
            GoldError: a row is not as its table says, or of another day. Nothing was written.
            StoreUnavailableError: rows cannot be read or not all were written; run again.
        """
        days = variant_days(
            self._results.rows(request.queries[SUMS]), self._results.rows(request.queries[HISTOGRAMS])
        )
        first, last = date.fromisoformat(request.first), date.fromisoformat(request.last)
        if not all(first <= day.day <= last for day in days):
            raise GoldError("a row of gold is of a day that was not asked for")
        self._metrics.replace(first, last, days)
        return Published(len(days))
