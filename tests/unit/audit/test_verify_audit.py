"""The check of the whole log: what it looks at, what it says, and that it can run beside changes."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from silent_infinity.adapters.memory.variant_store import (
    MemoryAnchors,
    MemoryAuditLog,
    MemoryVariantStore,
)
from silent_infinity.domain.audit import Heads
from silent_infinity.domain.audit_verification import Finding, Flaw
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.audit_log import AuditPage
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.usecases.verify_audit import VerifyAudit
from tests.contract.registry_stores import RECORD, Registry, grow, memory_registry

OTHER = replace(RECORD, variant_id="ten")
OLD = VariantRecord("LLM_MODEL", "old", "staged")


@dataclass
class Check:
    """A check over a registry in memory."""

    registry: Registry = field(default_factory=memory_registry)
    anchors: MemoryAnchors = field(default_factory=MemoryAnchors)

    @property
    def store(self) -> MemoryVariantStore:
        """The store that can be tampered with."""
        assert isinstance(self.registry.store, MemoryVariantStore)
        return self.registry.store

    @property
    def verify(self) -> VerifyAudit:
        """The use case."""
        return VerifyAudit(store=self.store, log=self.registry.log, anchors=self.anchors)


@pytest.fixture
def check() -> Check:
    """Two variants with a history and one from before there was a log."""
    made = Check()
    made.store.records[OLD.key] = OLD
    grow(made.registry, 3)
    grow(made.registry, 2, OTHER)
    return made


def test_what_is_whole_is_found_whole(check: Check) -> None:
    """With counts, so that "nothing wrong" cannot mean "nothing looked at"."""
    found = check.verify()

    assert found.ok
    assert (found.variants, found.entries) == (3, 5)
    assert found.unaudited == ("LLM_MODEL/old",)
    assert found.heads == {
        f"{row.category}/{row.variant_id}": (row.audit_count, row.audit_head)
        for row in check.store.records.values()
    }
    assert found.heads["LLM_MODEL/old"] == (0, "")
    assert found.anchored_until is None


def test_a_row_without_a_history_is_old_only_if_the_first_anchor_knew_it(check: Check) -> None:
    """A row that somebody puts in past the log would be served to people, with nobody having made it."""
    check.anchors.put(Heads("2026-11-20T03:15:00+00:00", check.verify().heads))
    put_in = replace(OLD, variant_id="put-in")
    check.store.records[put_in.key] = put_in

    found = check.verify()
    again = check.verify(put_in.key)

    assert found.findings == again.findings == (Finding("LLM_MODEL", "put-in", Flaw.UNAUDITED, 0),)
    assert not found.ok
    assert "LLM_MODEL/put-in" not in found.heads
    assert found.unaudited == ("LLM_MODEL/old",)
    assert check.verify(OLD.key).ok


def test_an_old_row_that_begins_its_history_stays_whole(check: Check) -> None:
    """Its first change comes after the anchor that knew it without any."""
    check.anchors.put(Heads("2026-11-20T03:15:00+00:00", check.verify().heads))
    grow(check.registry, 1, OLD)

    found = check.verify(OLD.key)

    assert (found.ok, found.entries, found.unaudited) == (True, 1, ())


def test_one_variant_is_checked_alone(check: Check) -> None:
    """An operator who looks at one need not wait for all, nor hear of others."""
    check.store.entries[OTHER.key].pop()
    check.anchors.put(Heads("2026-11-20T03:15:00+00:00", {"STARTER_POOL_SIZE/ten": (1, "no hash")}))
    check.anchors.put(Heads("2026-11-21T03:15:00+00:00", {"LLM_MODEL/old": (0, "")}))

    assert check.verify(RECORD.key).ok
    assert check.verify(RECORD.key).variants == 1
    assert check.verify(RECORD.key).anchored_until is None
    assert check.verify(OTHER.key).findings == (
        Finding(*OTHER.key, Flaw.TRUNCATED, 2),
        Finding(*OTHER.key, Flaw.ANCHOR, 1),
    )
    assert check.verify(OTHER.key).anchored_until == "2026-11-20T03:15:00+00:00"


def test_what_anchors_name_is_checked_against_all_of_them(check: Check) -> None:
    """A forger has time to wait for one night's anchor; the nights before remember."""
    grown = check.verify().heads
    check.anchors.put(Heads("2026-11-20T03:15:00+00:00", grown))
    kept = check.store.entries[RECORD.key][:1]
    first = kept[0]
    check.store.entries[RECORD.key] = kept
    check.store.records[RECORD.key] = replace(
        check.store.records[RECORD.key], description="Change 0", audit_count=1, audit_head=first.hash
    )
    check.anchors.put(Heads("2026-11-21T03:15:00+00:00", {"STARTER_POOL_SIZE/five": (1, first.hash)}))

    found = check.verify()

    assert found.findings == (Finding(*RECORD.key, Flaw.ANCHOR, 3),)
    assert found.anchored_until == "2026-11-21T03:15:00+00:00"
    assert "STARTER_POOL_SIZE/five" not in found.heads
    assert "STARTER_POOL_SIZE/ten" in found.heads


def test_a_variant_whose_row_is_gone_is_looked_at(check: Check) -> None:
    """Deleting the row together with its history must not be the way out, nor the row alone."""
    check.anchors.put(Heads("2026-11-20T03:15:00+00:00", check.verify().heads))
    del check.store.records[RECORD.key], check.store.entries[RECORD.key]
    del check.store.records[OTHER.key]
    grow(check.registry, 1, replace(RECORD, variant_id="unanchored"))
    del check.store.records[RECORD.category, "unanchored"]

    assert set(check.verify().findings) == {
        Finding(*RECORD.key, Flaw.ANCHOR, 3),
        Finding(*OTHER.key, Flaw.ROW, 2),
        Finding(RECORD.category, "unanchored", Flaw.ROW, 1),
    }


class _Busy(MemoryAuditLog):
    """A log whose variant is changed each time its history is about to be read."""

    def __init__(self, store: MemoryVariantStore, changes: list[Callable[[], object]]) -> None:
        super().__init__(store)
        self.changes = changes

    def history(
        self, category: str, variant_id: str, *, limit: int = 1000, cursor: str | None = None
    ) -> AuditPage:
        if self.changes:
            self.changes.pop()()
        return super().history(category, variant_id, limit=limit, cursor=cursor)


def test_a_change_during_the_check_is_no_flaw(check: Check) -> None:
    """Row and entries are read one after the other; an alarm about that would be a false one."""
    changes: list[Callable[[], object]] = [lambda: grow(check.registry, 1)] * 3
    log = _Busy(check.store, changes)

    found = VerifyAudit(store=check.store, log=log, anchors=check.anchors)(RECORD.key)

    assert found.ok
    assert not changes
    assert found.entries == 6
    assert found.heads == {"STARTER_POOL_SIZE/five": (6, check.store.records[RECORD.key].audit_head)}


def test_a_flaw_that_stays_is_one(check: Check) -> None:
    """However much changes meanwhile."""
    del check.store.entries[RECORD.key][0]
    log = _Busy(check.store, [lambda: grow(check.registry, 1)] * 2)

    found = VerifyAudit(store=check.store, log=log, anchors=check.anchors)(RECORD.key)

    assert found.findings == (Finding(*RECORD.key, Flaw.REMOVED, 1),)


def test_long_histories_are_read_to_their_end(check: Check) -> None:
    """An end that is not read is not checked."""
    long = grow(check.registry, 1203)

    found = check.verify()

    assert found.ok
    assert found.entries == long.audit_count + 2
    del check.store.entries[RECORD.key][1100]
    assert check.verify().findings == (Finding(*RECORD.key, Flaw.REMOVED, 1101),)


@pytest.mark.parametrize("down", ["store", "anchors"])
def test_what_cannot_be_read_is_not_found_whole(check: Check, down: str) -> None:
    """ "Nothing wrong" must never mean "could not look"."""
    getattr(check, down).unavailable = True

    with pytest.raises(StoreUnavailableError):
        check.verify()
