"""Rows of which only the audit chain grows: at their version, in the registry's order, in one piece."""

from dataclasses import replace

import pytest

from silent_infinity.domain.audit_verification import verify_chain
from silent_infinity.domain.registry.commands import Action, RecordChange
from silent_infinity.domain.registry.recording import recorded
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.errors import ConflictError
from silent_infinity.ports.variant_store import RegistryWrite
from tests.contract.registry_stores import RECORD, Registry, grow


def noting(standing: VariantRecord, registry_version: int, *, fact: str = "clean") -> RegistryWrite:
    """Return the write of an entry that says something of a row and changes nothing of it."""
    record, entry = recorded(
        RecordChange(
            Action.RECORD_EVIDENCE, standing, standing, noted={"evidence": fact}, keeps_version=True
        ),
        at="2026-11-21T10:00:00+00:00",
        actor="operator:1",
        reason="A reason that is long enough",
        request_id="request-noted",
    )
    return RegistryWrite(registry_version, (), (entry,), noted=(record,))


@pytest.mark.parametrize("times", [1, 3])
def test_the_chain_grows_and_the_row_stays(times: int, registry: Registry) -> None:
    """Whoever read the version before may still change the row by it; the first version is no exception."""
    standing = grow(registry, times)
    version = registry.store.snapshot().version

    registry.store.apply(noting(standing, version))

    snapshot = registry.store.snapshot()
    row = snapshot.records[RECORD.key]
    entries = registry.log.history(*RECORD.key).entries
    assert (row.version, row.audit_count, snapshot.version) == (times, times + 1, version + 1)
    assert replace(row, audit_count=standing.audit_count, audit_head=standing.audit_head) == standing
    assert entries[-1].facts["after"]["evidence"] == "clean"
    assert verify_chain(RECORD.key, entries, row) == ()


def test_a_change_goes_on_from_there(registry: Registry) -> None:
    """The next entry names the noted one as the one before it."""
    standing = grow(registry, 2)
    registry.store.apply(noting(standing, registry.store.snapshot().version))

    row = grow(registry, 1)

    assert (row.version, row.audit_count) == (3, 4)
    assert verify_chain(RECORD.key, registry.log.history(*RECORD.key).entries, row) == ()


@pytest.mark.parametrize("behind", ["the registry", "the row"])
def test_what_was_decided_on_an_older_registry_is_not_noted(behind: str, registry: Registry) -> None:
    """Two entries of one number would break the chain; nothing of such a write is there."""
    before = grow(registry, 1)
    version = registry.store.snapshot().version
    standing = grow(registry, 1)
    late = noting(before, version + 1) if behind == "the row" else noting(standing, version)

    with pytest.raises(ConflictError):
        registry.store.apply(late)

    assert registry.store.snapshot().records[RECORD.key] == standing
    assert len(registry.log.history(*RECORD.key).entries) == 2


def test_of_a_row_that_is_not_there_nothing_is_noted(registry: Registry) -> None:
    """A row must not come about without what makes it one."""
    standing = replace(RECORD, version=1, audit_count=1, audit_head="0" * 64)

    with pytest.raises(ConflictError):
        registry.store.apply(noting(standing, 0))

    assert registry.store.snapshot().records == {}
