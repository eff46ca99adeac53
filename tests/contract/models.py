"""What the tests of language models share."""

import time
from datetime import UTC, datetime
from typing import Any

from silent_infinity.domain.turn import SystemBlock, Utterance
from silent_infinity.ports.llm import ModelRequest

SECRET = "a sentence that a person wrote"


class WallClock:
    """The real time: these tests wait for sockets."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def asked(seconds: float = 5.0, **changes: Any) -> ModelRequest:
    """Return a request whose deadline is so many seconds away."""
    values: dict[str, Any] = {
        "system": (SystemBlock("You listen."),),
        "messages": (
            Utterance("user", "hello"),
            Utterance("assistant", "Hello. How are you?"),
            Utterance("user", SECRET),
        ),
        "model_id": "claude-sonnet-4-6",
        "max_tokens": 384,
        "temperature": 0.7,
        "deadline_ms": int((time.time() + seconds) * 1000),
        "turn_class": "TC4",
        "message": SECRET,
        "seed": "seed",
    }
    return ModelRequest(**{**values, **changes})
