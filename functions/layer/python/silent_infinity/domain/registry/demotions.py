"""What a measurement asks for: a variant to be taken back without a person."""

import re
from dataclasses import dataclass

_TRIGGER = re.compile(r"[a-z][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class Demotion:
    """What is to be taken back, and why.

    `trigger` names what measured (`rollup`, `alarm`); the audit log has it as the actor `system:<trigger>`.
    The same `request_id` is the same demotion, however often it comes.
    """

    category: str
    variant_id: str
    reason: str
    trigger: str
    request_id: str

    @property
    def actor(self) -> str:
        """Who the audit log says it was."""
        return f"system:{self.trigger if _TRIGGER.fullmatch(self.trigger) else 'automation'}"

    @property
    def key(self) -> str:
        """The idempotency key: one trigger may name several variants."""
        return f"{self.request_id} {self.category}/{self.variant_id}"
