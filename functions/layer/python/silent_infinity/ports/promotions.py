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
    """Reads promotions. May raise StoreUnavailableError."""

    def newest(
        self, *, status: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> PromotionPage:
        """Return promotions, newest first, of one status if one is named.

        Raises:
            ValueError: the cursor is not one of this method's.
        """
        ...
