"""The registry of variants, as those who change it read and write it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from silent_infinity.domain.audit import AuditEntry
from silent_infinity.domain.registry.commands import PromotionClosed, PromotionRequest
from silent_infinity.domain.variant_records import VariantRecord

OUTCOME_SECONDS = 24 * 3600
"""How long an idempotency key of a change is remembered."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All variants, retired ones included, and the registry's version before they were read.

    Every write that goes with this version fails if anything was changed in between: a decision over several
    rows (who owns which buckets, how many experiments run) is as good as when it was made. Rows are as they
    are stored: a pending change that is due is still in `pending`.
    """

    version: int
    records: Mapping[tuple[str, str], VariantRecord]


@dataclass(frozen=True, slots=True)
class StoredOutcome:
    """The answer to a change, kept under the caller's idempotency key. `expires_at` is in epoch seconds."""

    key: str
    body_hash: str
    status_code: int
    body: str
    expires_at: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RegistryWrite:
    """What is written together, or not at all.

    `records` are the rows after the change, each with its version raised by one and its audit head being the
    hash of its entry in `entries` (same order). Behind their entries are those of `noted`: rows of which only
    the audit chain grows, at the version that they had. `outcome` is absent for changes without a key.
    `closed` are promotions that the change ends.
    """

    registry_version: int
    records: Sequence[VariantRecord]
    entries: Sequence[AuditEntry]
    outcome: StoredOutcome | None = None
    promotion: PromotionRequest | None = None
    closed: Sequence[PromotionClosed] = ()
    noted: Sequence[VariantRecord] = ()


class VariantSnapshots(Protocol):
    """Reads the registry, consistently. May raise StoreUnavailableError."""

    def snapshot(self) -> Snapshot:
        """Return every variant."""
        ...


class VariantStore(VariantSnapshots, Protocol):
    """Reads and changes the registry. Every method may raise StoreUnavailableError; reads are consistent."""

    def apply(self, write: RegistryWrite) -> None:
        """Write everything, or nothing.

        Raises:
            ConflictError: the registry was changed since the snapshot, a row's version (of `noted`: its count
                of entries) is not one below what is written, an audit entry is there already, or the
                idempotency key was used meanwhile.
        """
        ...

    def outcome(self, key: str) -> StoredOutcome | None:
        """Return the answer that was given under an idempotency key and has not expired."""
        ...
