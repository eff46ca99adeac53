"""The audit log and its anchors, for those who read it. Only a `VariantStore` appends."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from silent_infinity.domain.audit import AuditEntry, Heads


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, and where to go on (opaque; None at the end)."""

    entries: Sequence[AuditEntry]
    cursor: str | None = None


class AuditLog(Protocol):
    """What was done to variants. Every method may raise StoreUnavailableError."""

    def history(
        self, category: str, variant_id: str, *, limit: int = 1000, cursor: str | None = None
    ) -> AuditPage:
        """Return a variant's entries, oldest first, as they are stored, whether they fit together or not.

        Raises:
            ValueError: the cursor is not one of this method's.
        """
        ...

    def recent(self, *, limit: int, cursor: str | None = None) -> AuditPage:
        """Return the entries of all variants, newest first.

        Raises:
            ValueError: the cursor is not one of this method's.
        """
        ...


class AuditAnchors(Protocol):
    """Heads of all chains, kept where nobody can change them. May raise StoreUnavailableError."""

    def put(self, heads: Heads) -> None:
        """Keep the heads. Those of the same moment are written once; a second write adds nothing."""
        ...

    def all(self) -> Sequence[Heads]:
        """Return all kept heads, oldest first."""
        ...
