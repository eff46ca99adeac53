"""A change of a row as it is stored: with its version raised, and with its entry in the variant's chain."""

from dataclasses import replace
from typing import Any

from silent_infinity.domain.audit import GENESIS, AuditEntry, audit_entry
from silent_infinity.domain.payload import to_payload
from silent_infinity.domain.registry.commands import RecordChange
from silent_infinity.domain.variant_records import VariantRecord

_BOOKKEEPING = ("version", "audit_count", "audit_head")


def audited_state(record: VariantRecord) -> dict[str, Any]:
    """Return the row as audit entries show it: without version, length and head of its chain."""
    state: dict[str, Any] = to_payload(record)
    return {name: value for name, value in state.items() if name not in _BOOKKEEPING}


def recorded(
    change: RecordChange,
    *,
    at: str,
    actor: str,
    reason: str,
    request_id: str,
    effective_at: str | None = None,
) -> tuple[VariantRecord, AuditEntry]:
    """Return the row to store and the audit entry that goes with it. Times are ISO 8601, UTC."""
    before, after = change.before, change.after
    entry = audit_entry(
        category=after.category,
        variant_id=after.variant_id,
        sequence=before.audit_count + 1 if before else 1,
        previous_hash=(before.audit_head if before else "") or GENESIS,
        at=at,
        actor=actor,
        action=str(change.action),
        reason=reason,
        request_id=request_id,
        before=audited_state(before) if before else None,
        after={**audited_state(after), **(change.noted or {})},
        effective_at=effective_at,
    )
    version = before.version + (not change.keeps_version) if before else 1
    return replace(after, version=version, audit_count=entry.sequence, audit_head=entry.hash), entry
