"""The registry of variants in DynamoDB, remembered in the process for a short while."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from silent_infinity.adapters.aws.calls import call
from silent_infinity.adapters.aws.items import from_item
from silent_infinity.domain.registry.in_force import in_force
from silent_infinity.domain.variant_categories import RETIRED
from silent_infinity.domain.variants import AssignmentPlan, Variant, compile_plan
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.errors import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

VARIANT_PREFIX = "VARIANT#"
"""What the hash keys of variants begin with. The state of the registry lies in the same table."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What was last made of the rows, and until when it holds if they do not change."""

    variants: Sequence[Variant]
    plan: AssignmentPlan
    complete: bool
    until: datetime | None


class DynamoVariantRegistry:
    """A `VariantRegistry` over the table with `VARIANT#<category>` and the variant's id as keys.

    The table holds some hundred small items, so one scan is cheaper than a query for each status. `initial`
    is what a category falls back to while the table has no production variant for it; a store that is down is
    asked again after `keep_seconds` only, so that not every turn waits for it. A pending change takes effect
    on time in what is remembered, too.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        clock: Clock,
        initial: Callable[[], Iterable[Variant]],
        keep_seconds: float = 5.0,
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._initial = initial
        self._keep = timedelta(seconds=keep_seconds)
        self._lock = Lock()
        self._rows: Sequence[Mapping[str, Any]] | None = None
        self._known: _Known | None = None
        self._asked_at: datetime | None = None
        self._answered = False

    @property
    def stale(self) -> bool:
        known = self._known
        return known is not None and not (self._answered and known.complete)

    def active(self) -> Sequence[Variant]:
        return self._current().variants

    def plan(self) -> AssignmentPlan:
        return self._current().plan

    def _current(self) -> _Known:
        with self._lock:
            now = self._clock.now()
            if self._asked_at is None or now - self._asked_at >= self._keep:
                self._ask()
                self._asked_at = now
            if self._known is None or (self._known.until is not None and now >= self._known.until):
                self._known = self._understood(now)
            return self._known

    def _ask(self) -> None:
        try:
            rows = self._read()
        except StoreUnavailableError:
            self._answered = False
            return
        self._answered = True
        # Most refreshes bring what was known: the plan is kept then.
        if rows != self._rows:
            self._rows, self._known = rows, None

    def _understood(self, now: datetime) -> _Known:
        found = in_force(self._rows or (), now)
        initial = [variant for variant in self._initial() if variant.status != RETIRED]
        if self._rows is None:
            return _Known(tuple(initial), compile_plan(initial), complete=False, until=None)
        missing = _missing(found.variants, initial)
        variants = (*found.variants, *missing)
        return _Known(
            variants,
            compile_plan(variants),
            complete=not (found.broken or missing),
            until=found.next_change,
        )

    def _read(self) -> list[dict[str, Any]]:
        pages = self._client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True)
        items = (item for page in call(lambda: list(pages)) for item in page["Items"])
        # The table also holds the state of the registry.
        return [row_of(item) for item in items if item["pk"]["S"].startswith(VARIANT_PREFIX)]


def row_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item's row, named as its key is and not as it says: under the name of another one it would be
    served, and neither the history of that one nor its own would show it.
    """
    category = item["pk"]["S"].removeprefix(VARIANT_PREFIX)
    return {**from_item(item), "category": category, "variant_id": item["sk"]["S"]}


def _missing(stored: Iterable[Variant], initial: Iterable[Variant]) -> tuple[Variant, ...]:
    """Return the initial production variants of categories in which the table has none."""
    served = {variant.category for variant in stored if variant.is_default}
    return tuple(variant for variant in initial if variant.is_default and variant.category not in served)
