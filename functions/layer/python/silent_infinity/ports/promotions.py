"""Promotions that were asked for. A `VariantStore` opens them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from silent_infinity.domain.registry.commands import PromotionRequest


@dataclass(frozen=True, slots=True)
class PromotionPage:
    """Promotions, and where to go on (opaque; None at the end)."""

    promotions: Sequence[PromotionRequest]
    cursor: str | None = None


class Promotions(Protocol):
    """Reads promotions, and notes how far they are. Every method may raise StoreUnavailableError.

    What opens and ends a promotion is a change of the registry, and no method of this.
    """

    def find(self, promotion_id: str) -> PromotionRequest | None:
        """Return a promotion. Consistent."""
        ...

    def take(self, promotion_id: str, execution: str) -> bool:
        """Note the execution (its ARN) that works on an open promotion.

        Returns:
            Whether it has the promotion: False if another one has it, or it is not open. Asking again with
            the same execution is true again.
        """
        ...

    def note_evidence(self, promotion_id: str, evidence_hash: str) -> None:
        """Note the evidence that an open promotion was last looked at with. Closed ones stay as they are."""
        ...

    def of_variant(self, category: str, variant_id: str, since: str) -> Sequence[PromotionRequest]:
        """Return a variant's promotions that were asked for at `since` (ISO 8601, UTC) or later.

        The newest first; may be a moment behind.
        """
        ...

    def newest(
        self, *, status: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> PromotionPage:
        """Return promotions, newest first, of one status if one is named.

        Raises:
            ValueError: the cursor is not one of this method's.
        """
        ...
