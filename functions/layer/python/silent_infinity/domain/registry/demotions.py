"""What a measurement asks for, a variant to be taken back without a person, and what becomes of it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from silent_infinity.domain.payload import to_payload

_TRIGGER = re.compile(r"[a-z][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class Demotion:
    """What is to be taken back, and why.

    `trigger` names what measured (`rollup`, `alarm`); the audit log has it as the actor `system:<trigger>`.
    The same `request_id` is the same demotion, however often it comes. With `spares_production` the variant
    was measured against others of its category: if it is production, it is what they were compared with.
    """

    category: str
    variant_id: str
    reason: str
    trigger: str
    request_id: str
    spares_production: bool = False

    @property
    def actor(self) -> str:
        """Who the audit log says it was."""
        return f"system:{self.trigger if _TRIGGER.fullmatch(self.trigger) else 'automation'}"

    @property
    def key(self) -> str:
        """The idempotency key: one trigger may name several variants."""
        return f"{self.request_id} {self.category}/{self.variant_id}"


class Outcome(StrEnum):
    """What became of a demotion."""

    DEMOTED = "demoted"
    ALREADY = "already_demoted"
    PERSON_NEEDED = "person_needed"
    COMPARED_WITH = "compared_with"


@dataclass(frozen=True, slots=True)
class Demoted:
    """What became of one variant. `restored` is what serves in its place, if it was production."""

    category: str
    variant_id: str
    outcome: Outcome
    restored: str | None = None

    def to_payload(self) -> dict[str, Any]:
        """Return the fields as JSON."""
        payload: dict[str, Any] = to_payload(self)
        return payload
