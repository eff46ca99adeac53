"""Turn events and feedback as they are stored, and as their streams tell of them."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from silent_infinity.adapters.aws.items import to_item
from tests.support.world import TELLING, World


@cache
def _recorded() -> Mapping[str, Any]:
    world = World()
    world.turn(TELLING)
    [event] = world.events()
    return event


def turn_item(turn_id: str = "turn-1", **changes: Any) -> dict[str, Any]:
    """Return the item of a turn that was really recorded, with some of its values changed."""
    return {**_recorded(), "turn_id": turn_id, "expires_at": 1_800_000_000, **changes}


def feedback_item(feedback_id: str = "feedback-1", **changes: Any) -> dict[str, Any]:
    """Return the item of feedback with words in it."""
    return {
        "feedback_id": feedback_id,
        "session_id": "session-1",
        "user_id_hash": "user-1",
        "created_at": "2026-11-21T09:00:00+00:00",
        "feedback_date": "2026-11-21",
        "expires_at": 1_800_000_000,
        "turn_id": "turn-1",
        "rating": 4,
        "text": "It helped to write it down",
        **changes,
    }


def stream_record(item: Mapping[str, Any], number: int = 0, name: str = "INSERT") -> dict[str, Any]:
    """Return what a stream tells of an item that was written."""
    key = "feedback_id" if "feedback_id" in item else "turn_id"
    image = to_item(item)
    return {
        "eventID": f"event-{number}",
        "eventName": name,
        "dynamodb": {
            "Keys": {key: image[key]},
            "NewImage": image,
            "SequenceNumber": str(1000 + number),
            "StreamViewType": "NEW_IMAGE",
        },
    }
