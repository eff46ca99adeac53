"""Small registries of variants, commands, and what becomes of them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from silent_infinity.domain.initial_variants import initial_variant_rows
from silent_infinity.domain.payload import from_payload
from silent_infinity.domain.registry.commands import Action, Command, Decision, RecordChange
from silent_infinity.domain.registry.recording import recorded
from silent_infinity.domain.registry.view import Key
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.variant_store import RegistryWrite

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
REASON = "Because the test says so."
OPERATOR = "operator:test"

Registry = dict[Key, VariantRecord]


@cache
def usual_config(category: str) -> dict[str, Any]:
    """Return the configuration of a category's production variant in the initial population."""
    rows = (row for row in initial_variant_rows() if row["category"] == category)
    return dict(next(row["config"] for row in rows if row["status"] == "production"))


def variant(category: str, variant_id: str, status: str, percent: float = 0, **fields: Any) -> VariantRecord:
    """Return a row, with a configuration that may serve people unless another is given."""
    row = {
        "config": usual_config(category),
        "seed": variant_id,
        "created_at": NOW.isoformat(),
        "created_by": OPERATOR,
        **fields,
    }
    identity = {"category": category, "variant_id": variant_id, "status": status, "rollout_percent": percent}
    return from_payload(VariantRecord, {**row, **identity})


def registry(rows: Iterable[VariantRecord]) -> Registry:
    """Return the rows by category and id."""
    return {row.key: row for row in rows}


def populated(rows: Iterable[VariantRecord]) -> RegistryWrite:
    """Return the write by which an empty store comes to its first rows."""
    pairs = [
        recorded(
            RecordChange(Action.CREATE, None, row),
            at=NOW.isoformat(),
            actor="system:initial-population",
            reason=REASON,
            request_id="seed",
        )
        for row in rows
    ]
    return RegistryWrite(0, [row for row, _ in pairs], [entry for _, entry in pairs])


def command(action: Action, category: str, variant_id: str, **fields: Any) -> Command:
    """Return a command with a reason and an actor."""
    return Command(
        **{
            "action": action,
            "category": category,
            "variant_id": variant_id,
            "actor": OPERATOR,
            "reason": REASON,
            "request_id": "request-1",
            **fields,
        }
    )


def carried_out(
    records: Mapping[Key, VariantRecord], decision: Decision, ask: Command, now: datetime
) -> Registry:
    """Return the rows as a store has them after the decision: versions and audit chains go on."""
    after = dict(records)
    for change in decision.changes:
        row, _ = recorded(
            change,
            at=now.isoformat(),
            actor=ask.actor,
            reason=ask.reason,
            request_id=ask.request_id,
            effective_at=decision.effective_at,
        )
        after[row.key] = row
    return after


def without_bookkeeping(row: VariantRecord) -> VariantRecord:
    """Return the row without what counts and names its changes, to compare what it means."""
    return replace(
        row,
        version=0,
        audit_count=0,
        audit_head="",
        last_modified="",
        last_modified_by="",
        measured_since="",
    )
