"""The registry of variants in DynamoDB, remembered in the process for a short while."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from silent_infinity.adapters.aws.calls import call
from silent_infinity.adapters.aws.items import from_item
from silent_infinity.domain.payload import PayloadError, from_payload
from silent_infinity.domain.variant_categories import RETIRED
from silent_infinity.domain.variants import AssignmentPlan, Variant, compile_plan
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.errors import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoVariantRegistry:
    """A `VariantRegistry` over the table with `VARIANT#<category>` and the variant's id as keys.

    The table holds some hundred small items, so one scan is cheaper than a query for each status. `initial`
    is what a category falls back to while the table has no production variant for it; a store that is down is
    asked again after `keep_seconds` only, so that not every turn waits for it.
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
        self._known: tuple[Variant, ...] | None = None
        self._plan = compile_plan(())
        self._read_at: datetime | None = None
        self._stale = False

    @property
    def stale(self) -> bool:
        return self._stale

    def active(self) -> Sequence[Variant]:
        return self._current()[0]

    def plan(self) -> AssignmentPlan:
        return self._current()[1]

    def _current(self) -> tuple[Sequence[Variant], AssignmentPlan]:
        with self._lock:
            now = self._clock.now()
            if self._known is None or self._read_at is None or now - self._read_at >= self._keep:
                self._known, self._stale = self._refreshed()
                self._plan = compile_plan(self._known)
                self._read_at = now
            return self._known, self._plan

    def _refreshed(self) -> tuple[tuple[Variant, ...], bool]:
        try:
            rows = self._rows()
        except StoreUnavailableError:
            known = self._known if self._known is not None else _live(self._initial())
            return known, True
        stored, broken = _parsed(rows)
        missing = _missing(stored, _live(self._initial()))
        return (*_live(stored), *missing), bool(broken or missing)

    def _rows(self) -> list[dict[str, Any]]:
        pages = self._client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True)
        return [from_item(item) for page in call(lambda: list(pages)) for item in page["Items"]]


def _parsed(rows: Iterable[Mapping[str, Any]]) -> tuple[list[Variant], int]:
    """Return the variants and the number of bad rows, which must not take the good ones with them."""
    variants: list[Variant] = []
    broken = 0
    for row in rows:
        try:
            variants.append(from_payload(Variant, row))
        except (PayloadError, TypeError, ValueError):
            broken += 1
    return variants, broken


def _live(variants: Iterable[Variant]) -> tuple[Variant, ...]:
    return tuple(variant for variant in variants if variant.status != RETIRED)


def _missing(stored: Iterable[Variant], initial: Iterable[Variant]) -> tuple[Variant, ...]:
    """Return the initial production variants of categories in which the table has none."""
    served = {variant.category for variant in stored if variant.is_default}
    return tuple(variant for variant in initial if variant.is_default and variant.category not in served)
