"""Begin the workflow of a promotion: one execution takes it, every other one leaves it alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.promotion.outcomes import OPEN
from silent_infinity.domain.variant_categories import categories, registry_rules
from silent_infinity.ports.promotions import Promotions

TAKEN: Final = "taken"
BUSY: Final = "busy"
CLOSED: Final = "closed"

SAMPLE: Final = "sample"
GOLDEN: Final = "golden"
"""Where the evidence comes from: people who are served, or golden sets where nothing is tried on people."""


@dataclass(frozen=True, slots=True)
class OpenPromotionRequest:
    """`execution` is the ARN of the execution that would work on the promotion."""

    promotion_id: str
    execution: str

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "OpenPromotionRequest":
        """Read the state's input.

        Raises:
            PayloadError: a field is missing.
        """
        return from_payload(cls, event)


@dataclass(frozen=True, slots=True)
class PromotionOpened:
    """`outcome` is TAKEN, BUSY (another execution has it) or CLOSED (there is nothing to do any more).

    `route` is SAMPLE or GOLDEN. `approval_seconds` is how long a person is waited for, `watch_seconds` how
    long a step is watched before the next one.
    """

    outcome: str
    category: str = ""
    variant_id: str = ""
    route: str = SAMPLE
    approval_seconds: int = 0
    watch_seconds: int = 0

    def to_payload(self) -> dict[str, Any]:
        """Return the fields as JSON."""
        payload: dict[str, Any] = to_payload(self)
        return payload


class OpenPromotion:
    """Takes promotions for executions."""

    def __init__(self, *, promotions: Promotions, approval_seconds: int, watch_seconds: int) -> None:
        """Take the promotions, and how long is waited for a person and between two steps, in seconds."""
        self._promotions = promotions
        self._approval_seconds = approval_seconds
        self._watch_seconds = watch_seconds

    def __call__(self, request: OpenPromotionRequest) -> PromotionOpened:
        """Take the promotion for the execution. Asking again has the same answer.

        Raises:
            StoreUnavailableError: it is not known whether it was taken.
        """
        taken = self._promotions.take(request.promotion_id, request.execution)
        promotion = self._promotions.find(request.promotion_id)
        if promotion is None or promotion.status != OPEN:
            return PromotionOpened(CLOSED)
        return PromotionOpened(
            TAKEN if taken else BUSY,
            category=promotion.category,
            variant_id=promotion.variant_id,
            route=GOLDEN if categories()[promotion.category].crisis else SAMPLE,
            approval_seconds=self._approval_seconds,
            watch_seconds=watched_for(promotion.category, self._watch_seconds),
        )


def watched_for(category: str, watch_seconds: int) -> int:
    """Return the seconds from a step to the look at what it did: it may have to wait for a cooldown first."""
    return watch_seconds + (registry_rules().cooldown_seconds if categories()[category].critical else 0)
