"""The registry of variants in memory, with its audit log, its promotions and the anchors."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import RLock
from typing import TypeVar

from silent_infinity.domain.audit import AuditEntry, Heads
from silent_infinity.domain.cursors import from_cursor, to_cursor
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.promotion.outcomes import OPEN
from silent_infinity.domain.registry.commands import PromotionRequest
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.audit_log import AuditPage
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.errors import ConflictError, StoreUnavailableError
from silent_infinity.ports.promotions import PromotionPage
from silent_infinity.ports.variant_store import RegistryWrite, Snapshot, StoredOutcome

T = TypeVar("T")

Key = tuple[str, str]
"""Category and id of a variant."""


class MemoryVariantStore:
    """A `VariantStore`. Its attributes are what the tables hold; while `unavailable`, every call fails.

    Entries are keyed by variant, in the order in which they were written.
    """

    def __init__(self, clock: Clock, records: Iterable[VariantRecord] = ()) -> None:
        self._clock = clock
        self._lock = RLock()
        self.version = 0
        self.records: dict[Key, VariantRecord] = {record.key: _stored(record) for record in records}
        self.entries: dict[Key, list[AuditEntry]] = {}
        self.promotions: dict[str, PromotionRequest] = {}
        self.outcomes: dict[str, StoredOutcome] = {}
        self.unavailable = False

    @contextmanager
    def using(self) -> Iterator[None]:
        """Hold the lock.

        Raises:
            StoreUnavailableError: the store is marked as unavailable.
        """
        with self._lock:
            if self.unavailable:
                raise StoreUnavailableError("Unavailable")
            yield

    def snapshot(self) -> Snapshot:
        with self.using():
            return Snapshot(self.version, dict(self.records))

    def apply(self, write: RegistryWrite) -> None:
        with self.using():
            self._check(write)
            self.version += 1
            for record in (*write.records, *write.noted):
                self.records[record.key] = _stored(record)
            for entry in write.entries:
                self.entries.setdefault((entry.category, entry.variant_id), []).append(entry)
            if write.outcome is not None:
                self.outcomes[write.outcome.key] = write.outcome
            if write.promotion is not None:
                self.promotions[write.promotion.promotion_id] = write.promotion
            for closed in write.closed:
                standing = self.promotions.get(closed.promotion_id)
                if standing is not None:
                    self.promotions[closed.promotion_id] = replace(
                        standing, status=closed.status, closed_at=closed.closed_at, closed_by=closed.closed_by
                    )

    def outcome(self, key: str) -> StoredOutcome | None:
        with self.using():
            found = self.outcomes.get(key)
            return found if found is not None and found.expires_at > self._now() else None

    def _check(self, write: RegistryWrite) -> None:
        if write.registry_version != self.version:
            raise ConflictError("registry")
        for record in write.records:
            standing = self.records.get(record.key)
            if record.version != (1 if standing is None else standing.version + 1):
                raise ConflictError("variant")
        for record in write.noted:
            standing = self.records.get(record.key)
            if standing is None or record.audit_count != standing.audit_count + 1:
                raise ConflictError("variant")
        for entry in write.entries:
            chain = self.entries.get((entry.category, entry.variant_id), ())
            if any(other.sequence == entry.sequence for other in chain):
                raise ConflictError("entry")
        if write.outcome is not None and self.outcome(write.outcome.key) is not None:
            raise ConflictError("outcome")
        if write.promotion is not None and write.promotion.promotion_id in self.promotions:
            raise ConflictError("promotion")

    def _now(self) -> float:
        return self._clock.now().timestamp()


class MemoryAuditLog:
    """An `AuditLog` over what a store's changes left."""

    def __init__(self, store: MemoryVariantStore) -> None:
        self._store = store

    def history(
        self, category: str, variant_id: str, *, limit: int = 1000, cursor: str | None = None
    ) -> AuditPage:
        with self._store.using():
            entries = list(self._store.entries.get((category, variant_id), ()))
        entries.sort(key=lambda entry: entry.sequence)
        return AuditPage(*_page(f"history:{category}/{variant_id}", entries, _entry_name, limit, cursor))

    def recent(self, *, limit: int, cursor: str | None = None) -> AuditPage:
        with self._store.using():
            entries = [entry for chain in self._store.entries.values() for entry in chain]
        entries.sort(key=_order, reverse=True)
        return AuditPage(*_page("recent", entries, _entry_name, limit, cursor))


class MemoryPromotions:
    """A `Promotions` over what a store's changes opened."""

    def __init__(self, store: MemoryVariantStore) -> None:
        self._store = store

    def find(self, promotion_id: str) -> PromotionRequest | None:
        with self._store.using():
            return self._store.promotions.get(promotion_id)

    def take(self, promotion_id: str, execution: str) -> bool:
        with self._store.using():
            standing = self._store.promotions.get(promotion_id)
            if standing is None or standing.status != OPEN or standing.execution not in ("", execution):
                return False
            self._store.promotions[promotion_id] = replace(standing, execution=execution)
            return True

    def note_evidence(self, promotion_id: str, evidence_hash: str) -> None:
        with self._store.using():
            standing = self._store.promotions.get(promotion_id)
            if standing is not None and standing.status == OPEN:
                self._store.promotions[promotion_id] = replace(standing, evidence_hash=evidence_hash)

    def of_variant(self, category: str, variant_id: str, since: str) -> Sequence[PromotionRequest]:
        with self._store.using():
            found = [
                one
                for one in self._store.promotions.values()
                if (one.category, one.variant_id) == (category, variant_id) and one.requested_at >= since
            ]
        return sorted(found, key=_newest, reverse=True)

    def newest(
        self, *, status: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> PromotionPage:
        with self._store.using():
            found = [one for one in self._store.promotions.values() if status in (None, one.status)]
        found.sort(key=_newest, reverse=True)
        return PromotionPage(*_page("promotions", found, lambda one: one.promotion_id, limit, cursor))


class MemoryAnchors:
    """An `AuditAnchors`. While `unavailable`, every call fails."""

    def __init__(self) -> None:
        self.kept: dict[str, Heads] = {}
        self.unavailable = False

    def put(self, heads: Heads) -> None:
        self._check()
        self.kept.setdefault(heads.at, heads)

    def all(self) -> Sequence[Heads]:
        self._check()
        return tuple(self.kept[at] for at in sorted(self.kept))

    def _check(self) -> None:
        if self.unavailable:
            raise StoreUnavailableError("Unavailable")


def _stored(record: VariantRecord) -> VariantRecord:
    """Return the row as a store gives it back: what it holds went through JSON."""
    return from_payload(VariantRecord, json.loads(json.dumps(to_payload(record))))


def _order(entry: AuditEntry) -> tuple[str, str, str, int]:
    return entry.at, entry.category, entry.variant_id, entry.sequence


def _newest(promotion: PromotionRequest) -> tuple[str, str]:
    return promotion.requested_at, promotion.promotion_id


def _entry_name(entry: AuditEntry) -> str:
    return f"{entry.category}/{entry.variant_id}/{entry.sequence}"


def _page(
    of: str, items: Sequence[T], name: Callable[[T], str], limit: int, cursor: str | None
) -> tuple[Sequence[T], str | None]:
    """Return the items behind the cursor's, and the cursor of the last of them if there are more."""
    start = 0
    if cursor is not None:
        (last,) = from_cursor(of, cursor, 1)
        names = [name(item) for item in items]
        if last not in names:
            raise ValueError("not a cursor of this list")
        start = names.index(last) + 1
    page = tuple(items[start : start + limit])
    more = start + limit < len(items)
    return page, to_cursor(of, (name(page[-1]),)) if more else None
