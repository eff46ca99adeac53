"""A chain of models, each asked when those before it had no reply."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from silent_infinity.adapters.llm.streamed import refused
from silent_infinity.domain.turn import ModelCall, Usage
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.llm import BudgetSpentError, LanguageModel, ModelError, ModelReply, ModelRequest


@dataclass(frozen=True, slots=True)
class Link:
    """A model in the chain, such as a provider.

    It is asked for the request's model and then for each of its fallback models, or once only if it
    `ignores_model_id`. `reserve_ms` is the time that earlier calls leave for each of its own. What
    `costs_nothing` is asked even when a budget is spent.
    """

    model: LanguageModel
    reserve_ms: int = 0
    ignores_model_id: bool = False
    costs_nothing: bool = False

    def steps(self, request: ModelRequest) -> Iterator[tuple["Link", str]]:
        """Yield what the link is asked for, in order."""
        yield self, request.model_id
        if not self.ignores_model_id:
            for name in request.fallback_models:
                yield self, name


class FallbackModel:
    """A `LanguageModel` that asks one after another until there is text that can be served.

    The reply's notes name the error codes of those before; its usage includes what their refused replies
    cost. When nobody has a reply, the error carries all the codes. Reply and error carry the calls of all.
    """

    def __init__(self, links: Sequence[Link], clock: Clock) -> None:
        self._links = tuple(links)
        self._clock = clock

    def complete(self, request: ModelRequest) -> ModelReply:
        steps = [step for link in self._links for step in link.steps(request)]
        codes: list[str] = []
        calls: tuple[ModelCall, ...] = ()
        wasted = Usage()
        spent = False
        for place, (link, name) in enumerate(steps):
            if spent and not link.costs_nothing:
                continue
            reserve_ms = sum(later.reserve_ms for later, _ in steps[place + 1 :])
            deadline_ms = request.deadline_ms - reserve_ms
            if reserve_ms and deadline_ms <= unix_ms(self._clock.now()):
                codes.append("chain:no-time")
                continue
            try:
                reply = link.model.complete(replace(request, model_id=name, deadline_ms=deadline_ms))
            except ModelError as error:
                codes.append(str(error))
                calls += _marked(error.calls, place)
                spent = spent or isinstance(error, BudgetSpentError)
                continue
            calls += _marked(reply.calls, place)
            if refused(reply):
                wasted += reply.usage
                codes.append(f"{reply.provider}:{'guarded' if reply.text.strip() else 'empty'}")
                continue
            return replace(
                reply,
                usage=reply.usage + wasted,
                fallback_used=reply.fallback_used or place > 0,
                notes=(*codes, *reply.notes),
                calls=calls,
            )
        failure = ModelError(",".join(codes) or "chain:nobody")
        failure.calls = calls
        raise failure


def _marked(calls: tuple[ModelCall, ...], place: int) -> tuple[ModelCall, ...]:
    """Note of the calls that they were not the first choice."""
    if not place:
        return calls
    return tuple(replace(call, notes=("fallback", *call.notes)) for call in calls)
