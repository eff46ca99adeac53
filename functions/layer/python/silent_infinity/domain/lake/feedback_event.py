"""What the lake is told of explicit feedback: everything but the words.

`schemas/feedback_event.schema.json` and the columns of `bronze_feedback` are made from the dataclass.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FEEDBACK_SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class FeedbackEvent:
    """One piece of feedback. `rating` is 1-5, `nps` 0-10, `created_at` ISO 8601 in UTC.

    `turn_id` is None for feedback about a session as a whole. `rating_variant_id` is the way of asking, if it
    is known that the session was asked that way.
    """

    schema_version: int
    feedback_id: str
    turn_id: str | None
    session_id: str
    user_id_hash: str
    created_at: str
    rating: float | None = None
    nps: int | None = None
    rating_variant_id: str | None = None


_STORED = ("feedback_id", "turn_id", "session_id", "user_id_hash", "created_at", "rating", "nps")


def from_stored(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event of feedback as its table holds it, where what was not given is missing.

    Whatever else the item has, the words above all, stays behind. Nothing is checked here.
    """
    given = {name: item.get(name) for name in (*_STORED, "rating_variant_id")}
    return {"schema_version": FEEDBACK_SCHEMA_VERSION, **given}
