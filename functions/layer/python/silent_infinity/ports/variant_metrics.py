"""What the lake computed of each variant, for those who compare them."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Protocol

from silent_infinity.domain.variant_sums import DayOfVariant


class VariantMetrics(Protocol):
    """Reads and replaces days. Every method may raise StoreUnavailableError."""

    def days(self, category: str, variant_id: str, first: date, last: date) -> Sequence[DayOfVariant]:
        """Return the days from `first` to `last`, both included, that there are figures for, in order."""
        ...

    def put(self, day: DayOfVariant) -> None:
        """Write a day, in the place of what was there: a day that is computed again gives the same rows."""
        ...

    def put_all(self, days: Iterable[DayOfVariant]) -> None:
        """Write many days as `put` does, in no order. After an error some are written: write all again."""
        ...

    def replace(self, first: date, last: date, days: Iterable[DayOfVariant]) -> None:
        """Make `days` all that there is from `first` to `last`, both included: what is not among them goes.

        After an error something of both may be there: replace again, by the same days or by newer ones.
        """
        ...
