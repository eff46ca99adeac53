"""Variants, changes, entries and promotions as operators see them (`schemas/admin_*.schema.json`)."""

import json
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from silent_infinity.domain.audit import AuditEntry
from silent_infinity.domain.comparison import CONFIDENCE, LOOKED_AT_EVERY_NIGHT, NOTES, MetricComparison
from silent_infinity.domain.lake.histograms import Histogram
from silent_infinity.domain.payload import to_payload
from silent_infinity.domain.registry.commands import Decision
from silent_infinity.domain.registry.view import in_force, is_experiment
from silent_infinity.domain.variant_categories import SESSION, categories
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.domain.variant_sums import DayOfVariant, merged, merged_counts, merged_histograms

_OF_AN_ENTRY = ("actor", "action", "reason", "request_id", "before", "after", "effective_at", "previous_hash")
APPLIED, WAITING, APPROVAL_REQUESTED = "applied", "waiting", "approval_requested"


def etag(record: VariantRecord) -> dict[str, str]:
    """Return the header that names the version of the row."""
    return {"ETag": f'"{record.version}"'}


def variant_document(stored: VariantRecord, now: datetime) -> dict[str, Any]:
    """Return the variant as it is in force at `now`."""
    record = in_force(stored, now)
    category = categories().get(record.category)
    document: dict[str, Any] = to_payload(record)
    del document["pending"]
    return {
        **document,
        "in_force": {"status": record.status, "rollout_percent": record.rollout_percent},
        "cooldown": _cooldown(record, now),
        "critical": bool(category and category.critical),
        "unit": category.unit if category else SESSION,
        "running": is_experiment(record),
    }


def _cooldown(record: VariantRecord, now: datetime) -> dict[str, Any] | None:
    if record.pending is None:
        return None
    left = (datetime.fromisoformat(record.pending.effective_at) - now).total_seconds()
    return {**to_payload(record.pending), "seconds_left": max(0, math.ceil(left))}


def change_document(
    action: str, decision: Decision, records: Sequence[VariantRecord], now: datetime
) -> dict[str, Any]:
    """Return what a change did. `records` are the rows that were stored, in the order of the decision's."""
    waits = decision.effective_at is not None
    return {
        "action": action,
        "outcome": WAITING if waits else APPROVAL_REQUESTED if decision.promotion else APPLIED,
        "variant": variant_document(records[0], now),
        "also_changed": [
            {
                "category": record.category,
                "variant_id": record.variant_id,
                "action": str(change.action),
                "status": in_force(record, now).status,
                "rollout_percent": in_force(record, now).rollout_percent,
                "version": record.version,
            }
            for change, record in zip(decision.changes[1:], records[1:], strict=True)
        ],
        "effective_at": decision.effective_at,
        "promotion": to_payload(decision.promotion),
    }


def entry_document(entry: AuditEntry) -> dict[str, Any]:
    """Return an audit entry. One whose text is damaged is shown as well: that is what a log is read for."""
    try:
        facts = json.loads(entry.document)
    except (ValueError, RecursionError):
        facts = None
    facts = facts if isinstance(facts, dict) else {}
    return {**to_payload(entry), **{name: facts.get(name) for name in _OF_AN_ENTRY}}


QUANTILES = {"p50": 0.5, "p95": 0.95}
"""What is shown of a histogram of latencies."""


def figures(days: Sequence[DayOfVariant]) -> dict[str, Any]:
    """Return the counts, and units and mean or rate of every metric, with quantiles where there are some."""
    histograms = merged_histograms(days)
    return {
        "counts": to_payload(merged_counts(days)) if any(day.counts for day in days) else None,
        "metrics": {
            metric: {
                "kind": found.kind,
                "n": found.n,
                "value": finite(found.average),
                **_quantiles(histograms.get(metric)),
            }
            for metric, found in merged(days).items()
        },
    }


def _quantiles(histogram: Histogram | None) -> dict[str, float | None]:
    if histogram is None:
        return {}
    return {name: histogram.quantile(share) for name, share in QUANTILES.items()}


def finite(value: float | None) -> float | None:
    """Return the number, or None where JSON has none for it."""
    return value if value is not None and math.isfinite(value) else None


def comparison_document(metrics: Sequence[MetricComparison]) -> dict[str, Any]:
    """Return the comparison of two variants, with what its p values may be used for."""
    return {
        "confidence": CONFIDENCE,
        "statement": LOOKED_AT_EVERY_NIGHT,
        "metrics": [
            {
                **to_payload(metric),
                "explanation": NOTES[metric.note],
                "enough_units": metric.enough_units,
            }
            for metric in metrics
        ],
    }
