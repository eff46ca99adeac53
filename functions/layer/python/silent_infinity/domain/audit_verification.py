"""Whether the history of a variant is whole: each entry, their order, their end, the row and the anchors.

What is compared is always the hash of a document as it is read now, never a hash that somebody stored.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from silent_infinity.domain.audit import CHAIN_VERSION, GENESIS, AuditEntry, digest
from silent_infinity.domain.payload import PayloadError, from_payload
from silent_infinity.domain.registry.recording import audited_state
from silent_infinity.domain.variant_records import VariantRecord


class Flaw(StrEnum):
    """What is wrong with a history."""

    CHANGED = "changed"
    """The document is not the one that was hashed, or it is none."""
    FOREIGN = "foreign"
    """The entry lies under a key that its document contradicts: another variant, number or time."""
    REMOVED = "removed"
    """There is no entry of this number, but there are later ones."""
    REORDERED = "reordered"
    """The entry does not follow from the one before it."""
    TRUNCATED = "truncated"
    """The row counts entries from this number on, and they are not there."""
    FORGED = "forged"
    """The row does not count the entries from this number on."""
    HEAD = "head"
    """The row names another hash than that of the last entry."""
    ROW = "row"
    """The row is gone, or not as the last entry left it."""
    ANCHOR = "anchor"
    """An anchor names another hash for this number, or a number that is not there."""
    UNAUDITED = "unaudited"
    """The row has no history, and no anchor names it as one from before the log."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One flaw, and the number of the entry that it is about."""

    category: str
    variant_id: str
    flaw: Flaw
    sequence: int


def verify_chain(
    key: tuple[str, str],
    entries: Sequence[AuditEntry],
    row: VariantRecord | None,
    anchors: Sequence[tuple[int, str]] = (),
) -> tuple[Finding, ...]:
    """Return what is wrong with a variant's history; nothing for one that is whole.

    Args:
        key: category and id of the variant.
        entries: the entries as they are stored under the variant's key, in the order of their numbers.
        row: the variant's row; None if there is none.
        anchors: lengths and last hashes that the chain had.
    """
    found = [*_of_entries(key, entries), *_of_the_row(entries, row), *_of_anchors(entries, anchors)]
    # Two rules may see the same thing.
    return tuple(Finding(*key, flaw, sequence) for flaw, sequence in dict.fromkeys(found))


def _of_entries(key: tuple[str, str], entries: Sequence[AuditEntry]) -> Iterator[tuple[Flaw, int]]:
    due, last_hash = 1, GENESIS
    for entry in entries:
        if entry.sequence < due:
            # A second entry of a number, or a key that holds none.
            yield Flaw.FOREIGN, entry.sequence
            continue
        facts = _facts(entry)
        if digest(entry.document) != entry.hash or facts is None:
            yield Flaw.CHANGED, entry.sequence
        elif _place(facts) != (*key, entry.sequence, entry.at):
            yield Flaw.FOREIGN, entry.sequence
        if entry.sequence > due:
            yield Flaw.REMOVED, due
        elif facts is not None and facts.get("previous_hash") != last_hash:
            yield Flaw.REORDERED, entry.sequence
        due, last_hash = entry.sequence + 1, digest(entry.document)


def _of_the_row(entries: Sequence[AuditEntry], row: VariantRecord | None) -> Iterator[tuple[Flaw, int]]:
    last = max(entries, key=lambda entry: entry.sequence, default=None)
    length = last.sequence if last else 0
    if row is None:
        if last:
            yield Flaw.ROW, length
        return
    if length < row.audit_count:
        yield Flaw.TRUNCATED, length + 1
    elif length > row.audit_count:
        yield Flaw.FORGED, row.audit_count + 1
    elif (digest(last.document) if last else "") != row.audit_head:
        yield Flaw.HEAD, length
    elif last and not _left_as(_facts(last), row):
        yield Flaw.ROW, length


def _of_anchors(
    entries: Sequence[AuditEntry], anchors: Sequence[tuple[int, str]]
) -> Iterator[tuple[Flaw, int]]:
    hashes = {entry.sequence: digest(entry.document) for entry in entries}
    for count, head in anchors:
        if count and hashes.get(count) != head:
            yield Flaw.ANCHOR, count


def _facts(entry: AuditEntry) -> Mapping[str, Any] | None:
    """Return what the document says, or None if it is no entry of a kind that is known."""
    try:
        facts = json.loads(entry.document)
    except (ValueError, RecursionError):
        return None
    known = isinstance(facts, dict) and facts.get("chain_version") == CHAIN_VERSION
    return facts if known else None


def _place(facts: Mapping[str, Any]) -> tuple[Any, ...]:
    return facts.get("category"), facts.get("variant_id"), facts.get("sequence"), facts.get("at")


def _left_as(facts: Mapping[str, Any] | None, row: VariantRecord) -> bool:
    """Whether the row is as an entry says.

    What the entry says is read as a row first: the fields that rows did not have then are at their defaults.
    """
    try:
        after = from_payload(VariantRecord, facts["after"] if facts else {})
    except (PayloadError, KeyError, TypeError, ValueError):
        return False
    return audited_state(after) == audited_state(row)
