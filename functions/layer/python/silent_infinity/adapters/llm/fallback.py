"""A chain of models, each asked when those before it had no reply."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from silent_infinity.adapters.llm.streamed import refused
from silent_infinity.domain.turn import Usage
from silent_infinity.domain.turn_classes import turn_classes
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.llm import LanguageModel, ModelError, ModelReply, ModelRequest


def requested(request: ModelRequest) -> str | None:
    """Return the model that the request names."""
    return request.model_id


def class_fallback(request: ModelRequest) -> str | None:
    """Return the first model that the turn class falls back to and that the request does not name, if any."""
    models = turn_classes()[request.turn_class].fallback_models
    return next((name for name in models if name != request.model_id), None)


@dataclass(frozen=True, slots=True)
class Link:
    """A model in the chain.

    `model_id` says which model it is asked for; None leaves the link out. `reserve_ms` is what those who come
    before leave it of the time.
    """

    model: LanguageModel
    model_id: Callable[[ModelRequest], str | None] = requested
    reserve_ms: int = 0


class FallbackModel:
    """A `LanguageModel` that asks one link after another until there is text that can be served.

    The reply's notes name the error codes of those before; its usage includes what their refused replies
    cost. When nobody has a reply, the error carries all the codes.
    """

    def __init__(self, links: Sequence[Link], clock: Clock) -> None:
        self._links = tuple(links)
        self._clock = clock

    def complete(self, request: ModelRequest) -> ModelReply:
        chain = [(link, name) for link in self._links if (name := link.model_id(request)) is not None]
        codes: list[str] = []
        wasted = Usage()
        for place, (link, name) in enumerate(chain):
            reserve_ms = sum(later.reserve_ms for later, _ in chain[place + 1 :])
            deadline_ms = request.deadline_ms - reserve_ms
            if reserve_ms and deadline_ms <= unix_ms(self._clock.now()):
                codes.append("chain:no-time")
                continue
            try:
                reply = link.model.complete(replace(request, model_id=name, deadline_ms=deadline_ms))
            except ModelError as error:
                codes.append(str(error))
                continue
            if refused(reply):
                wasted += reply.usage
                codes.append(f"{reply.provider}:{'guarded' if reply.text.strip() else 'empty'}")
                continue
            return replace(
                reply,
                usage=reply.usage + wasted,
                fallback_used=reply.fallback_used or place > 0,
                notes=(*codes, *reply.notes),
            )
        raise ModelError(",".join(codes))
