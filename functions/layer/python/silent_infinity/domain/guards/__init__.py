"""Small checks before and after generation, each of which passes, blocks or modifies, under a stable rule
id.
"""

from silent_infinity.domain.guards.after import AFTER, ReplyContext, review
from silent_infinity.domain.guards.base import Finding, Outcome
from silent_infinity.domain.guards.before import BEFORE, InputVerdict, check_message, redact

__all__ = [
    "AFTER",
    "BEFORE",
    "Finding",
    "InputVerdict",
    "Outcome",
    "ReplyContext",
    "check_message",
    "redact",
    "review",
]
