"""A change as it is stored: its version, and its place in the variant's chain."""

from dataclasses import replace

from silent_infinity.domain.audit import GENESIS
from silent_infinity.domain.payload import from_payload
from silent_infinity.domain.pending import Pending
from silent_infinity.domain.registry.commands import Action, RecordChange
from silent_infinity.domain.registry.recording import audited_state, recorded
from silent_infinity.domain.variant_records import VariantRecord

NEW = VariantRecord("LLM_MODEL", "a", "experimental", description="first", ranges=((0, 100),))
FACTS = {"at": "2026-11-21T09:00:00+00:00", "actor": "operator:o", "reason": "To see it", "request_id": "r"}


def test_a_new_row_begins_a_chain() -> None:
    """Nothing came before it, and the entry says so."""
    row, entry = recorded(RecordChange(Action.CREATE, None, NEW), **FACTS)

    assert (row.version, row.audit_count, row.audit_head) == (1, 1, entry.hash)
    assert entry.facts["previous_hash"] == GENESIS
    assert entry.facts["before"] is None
    assert replace(row, audit_count=0, audit_head="") == NEW


def test_a_change_goes_on_where_the_row_was() -> None:
    """Whatever the change itself says of version and chain: a stale copy must not take them back."""
    row, first = recorded(RecordChange(Action.CREATE, None, NEW), **FACTS)
    change = RecordChange(Action.UPDATE, row, replace(NEW, description="second", version=9))
    changed, second = recorded(change, **FACTS, effective_at="2026-11-21T09:05:00+00:00")

    assert (changed.version, changed.audit_count, changed.audit_head) == (2, 2, second.hash)
    assert second.facts["previous_hash"] == first.hash
    assert second.facts["action"] == "update"
    assert second.facts["effective_at"] == "2026-11-21T09:05:00+00:00"
    assert second.facts["before"]["description"] == "first"
    assert second.facts["after"]["description"] == "second"


def test_a_row_from_before_the_audit_log_begins_its_chain_with_its_first_change() -> None:
    """Its version goes on; its entry shows what it was before."""
    old = replace(NEW, version=4)

    row, entry = recorded(RecordChange(Action.PAUSE, old, replace(old, ranges=())), **FACTS)

    assert (row.version, row.audit_count) == (5, 1)
    assert entry.facts["previous_hash"] == GENESIS
    assert entry.facts["before"]["ranges"] == [[0, 100]]


def test_what_an_entry_shows_is_the_whole_row_but_its_bookkeeping() -> None:
    """The hash of an entry cannot be in the entry; all else has to be, or a change of it would not show."""
    pending = Pending("c", "update", "t", "operator:o", "t", {"rollout_percent": 5})
    record = replace(NEW, pending=pending, version=3, audit_count=2, audit_head="f" * 64)

    state = audited_state(record)

    assert from_payload(VariantRecord, state) == replace(record, version=1, audit_count=0, audit_head="")
