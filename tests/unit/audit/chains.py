"""Histories of a variant, for the tests of their verification."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from silent_infinity.domain.audit import AuditEntry, digest
from silent_infinity.domain.audit_verification import Finding, Flaw, verify_chain
from silent_infinity.domain.registry.commands import Action, RecordChange
from silent_infinity.domain.registry.recording import recorded
from silent_infinity.domain.variant_records import VariantRecord

KEY = ("STARTER_POOL_SIZE", "five")


@dataclass(frozen=True)
class Chain:
    """A history: its entries, and the row after each of them."""

    entries: tuple[AuditEntry, ...]
    rows: tuple[VariantRecord, ...]

    def anchors(self, *lengths: int) -> list[tuple[int, str]]:
        """Return the anchors that were set when the chain had these lengths."""
        return [(length, self.rows[length - 1].audit_head) for length in lengths if length]


def chain(length: int, key: tuple[str, str] = KEY) -> Chain:
    """Return a history of so many entries, as changes leave it."""
    entries: list[AuditEntry] = []
    rows: list[VariantRecord] = []
    for number in range(length):
        before = rows[-1] if rows else None
        after = VariantRecord(*key, "staged", f"Text {number}", number / 2, config={"size": number})
        row, entry = recorded(
            RecordChange(Action.UPDATE if before else Action.CREATE, before, after),
            at=f"2026-11-21T09:00:{number:02}+00:00",
            actor="operator:1",
            reason="A reason that is long enough",
            request_id=f"request-{number}",
        )
        rows.append(row)
        entries.append(entry)
    return Chain(tuple(entries), tuple(rows))


def rewritten(entry: AuditEntry, **facts: Any) -> AuditEntry:
    """Return the entry as a forger leaves it who changes facts and computes the hash anew."""
    document = json.dumps({**entry.facts, **facts}, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return replace(entry, document=document, hash=digest(document))


def relinked(entries: Sequence[AuditEntry]) -> list[AuditEntry]:
    """Return the entries as a forger leaves them who numbers and links all of them anew."""
    previous, found = "0" * 64, []
    for number, entry in enumerate(entries, start=1):
        forged = replace(rewritten(entry, sequence=number, previous_hash=previous), sequence=number)
        found.append(forged)
        previous = forged.hash
    return found


def flaws(
    entries: Sequence[AuditEntry],
    row: VariantRecord | None,
    anchors: Sequence[tuple[int, str]] = (),
    key: tuple[str, str] = KEY,
) -> set[tuple[Flaw, int]]:
    """Return what the verification finds, without whose it is."""
    found: Sequence[Finding] = verify_chain(key, entries, row, anchors)
    return {(finding.flaw, finding.sequence) for finding in found}
