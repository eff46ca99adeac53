"""Show operators the registry of variants and the promotions."""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from silent_infinity.domain.cursors import from_cursor, to_cursor
from silent_infinity.domain.payload import to_payload
from silent_infinity.domain.problems import HttpResponse, ok
from silent_infinity.domain.registry import problems, refusals
from silent_infinity.domain.registry.documents import (
    etag,
    figures,
    variant_document,
)
from silent_infinity.domain.registry.requests import OperatorRequest
from silent_infinity.domain.registry.view import View, is_experiment
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.promotions import Promotions
from silent_infinity.ports.validation import SchemaValidator
from silent_infinity.ports.variant_metrics import VariantMetrics
from silent_infinity.ports.variant_store import VariantStore
from silent_infinity.usecases.operator_queries import (
    MOST_ITEMS,
    Key,
    checked_query,
)

_LIST = "variants"
METRIC_DAYS = 7
"""Whole days that the figures of one variant cover, beside what there is of today."""


class ReadRegistry:
    """The reading routes. Every method may raise Refusal, and StoreUnavailableError."""

    def __init__(
        self,
        *,
        store: VariantStore,
        promotions: Promotions,
        metrics: VariantMetrics,
        validator: SchemaValidator,
        clock: Clock,
    ) -> None:
        self._store = store
        self._promotions = promotions
        self._metrics = metrics
        self._validator = validator
        self._clock = clock

    def variants(self, request: OperatorRequest) -> HttpResponse:
        """List variants as they are in force, in the order of categories and ids."""
        query = checked_query(self._validator, "admin_query_variants", request.query)
        after = _place(query.get("cursor"))
        now = self._clock.now()
        held = View.of(self._store.snapshot().records, now).records
        keys = sorted(key for key, record in held.items() if _is_listed(record, query))
        start = bisect_right(keys, after) if after else 0
        end = start + query.get("limit", MOST_ITEMS)
        return ok(
            {
                "variants": [variant_document(held[key], now) for key in keys[start:end]],
                "next_cursor": to_cursor(_LIST, keys[end - 1]) if end < len(keys) else None,
            }
        )

    def variant(self, request: OperatorRequest) -> HttpResponse:
        """Show one variant, with its figures of the last days and those of production."""
        now = self._clock.now()
        records = self._store.snapshot().records
        key = request.path["category"], request.path["variant_id"]
        if key not in records:
            raise refusals.variant_not_found()
        today = now.date()
        first = today - timedelta(days=METRIC_DAYS)
        default = View.of(records, now).default(key[0])
        other = default.variant_id if default and default.key != key else None
        return ok(
            {
                **variant_document(records[key], now),
                "metrics_7d": {
                    "from": first.isoformat(),
                    "to": today.isoformat(),
                    **self._figures(key, first, today),
                    "production": other
                    and {"variant_id": other, **self._figures((key[0], other), first, today)},
                },
            },
            headers=etag(records[key]),
        )

    def promotions(self, request: OperatorRequest) -> HttpResponse:
        """Show promotions, newest first."""
        query = checked_query(self._validator, "admin_query_promotions", request.query)
        try:
            page = self._promotions.newest(
                status=query.get("status"), limit=query.get("limit", MOST_ITEMS), cursor=query.get("cursor")
            )
        except ValueError:
            raise problems.invalid([{"path": "/cursor", "keyword": "format"}]) from None
        return ok({"promotions": [to_payload(each) for each in page.promotions], "next_cursor": page.cursor})

    def _figures(self, key: Key, first: date, last: date) -> dict[str, Any]:
        return figures(self._metrics.days(*key, first, last))


def _place(cursor: str | None) -> Key | None:
    if cursor is None:
        return None
    try:
        category, variant_id = from_cursor(_LIST, cursor, 2)
    except ValueError:
        raise problems.invalid([{"path": "/cursor", "keyword": "format"}]) from None
    return category, variant_id


def _is_listed(record: VariantRecord, query: Mapping[str, Any]) -> bool:
    return (
        query.get("category") in (None, record.category)
        and query.get("status") in (None, record.status)
        and query.get("running") in (None, is_experiment(record))
    )
