"""Figures of variants, in memory."""

from collections.abc import Iterable, Sequence
from datetime import date

from silent_infinity.domain.variant_sums import DayOfVariant
from silent_infinity.ports.errors import StoreUnavailableError


class MemoryVariantMetrics:
    """A `VariantMetrics`. `unavailable` makes every call fail."""

    def __init__(self) -> None:
        self.unavailable = False
        self._days: dict[tuple[str, str, date], DayOfVariant] = {}

    def days(self, category: str, variant_id: str, first: date, last: date) -> Sequence[DayOfVariant]:
        self._enter()
        found = (
            day
            for (of_category, of_variant, on), day in self._days.items()
            if (of_category, of_variant) == (category, variant_id) and first <= on <= last
        )
        return tuple(sorted(found, key=lambda day: day.day))

    def put(self, day: DayOfVariant) -> None:
        self._enter()
        self._days[day.category, day.variant_id, day.day] = day

    def put_all(self, days: Iterable[DayOfVariant]) -> None:
        for day in days:
            self.put(day)

    def replace(self, first: date, last: date, days: Iterable[DayOfVariant]) -> None:
        self._enter()
        self._days = {key: day for key, day in self._days.items() if not first <= day.day <= last}
        self.put_all(days)

    def _enter(self) -> None:
        if self.unavailable:
            raise StoreUnavailableError("Unavailable")
