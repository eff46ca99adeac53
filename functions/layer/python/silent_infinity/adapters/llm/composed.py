"""The reflective composer as a model: no network, no cost, always there."""

from silent_infinity.domain.composer import compose
from silent_infinity.domain.turn import Usage
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.llm import ModelError, ModelReply, ModelRequest

PROVIDER = "composer"
MODEL_ID = "reflective-composer"


class ComposedModel:
    """A `LanguageModel` for every class but TC6, whose last resort is vetted text."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def complete(self, request: ModelRequest) -> ModelReply:
        if request.turn_class == "TC6":
            raise ModelError(f"{PROVIDER}:declines-crisis")
        started_ms = unix_ms(self._clock.now())
        text = compose(request.message, request.turn_class, request.seed)
        took_ms = unix_ms(self._clock.now()) - started_ms
        return ModelReply(text, MODEL_ID, PROVIDER, Usage(), "stop", took_ms, took_ms)
