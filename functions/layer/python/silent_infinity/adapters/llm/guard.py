"""The families of models that must not serve a class are refused by the gateway itself."""

from silent_infinity.domain.turn_classes import may_ask, may_be_served_by, turn_classes
from silent_infinity.ports.llm import LanguageModel, ModelError, ModelReply, ModelRequest

REFUSED = "guard:never-family"


class GuardModel:
    """The second line behind `turn_classes.model_for`: whatever asks, and however it came to ask this.

    It stands inside of everything that may exchange the model. `server_model` is the one model of a server
    that has no other, empty elsewhere; it is what answers, so it is what is judged.
    """

    def __init__(self, inner: LanguageModel, server_model: str = "") -> None:
        self._inner = inner
        self._server_model = server_model

    def complete(self, request: ModelRequest) -> ModelReply:
        rules = turn_classes()[request.turn_class]
        asked_well = (
            may_be_served_by(rules, self._server_model)
            if self._server_model
            else may_ask(rules, request.model_id)
        )
        if not asked_well:
            raise ModelError(REFUSED)
        reply = self._inner.complete(request)
        if not may_be_served_by(rules, reply.model_id):
            raise AnsweredByAnotherError(REFUSED, reply)
        return reply


class AnsweredByAnotherError(ModelError):
    """A server has answered with a model that it was not asked for. The answer has to be paid for."""

    def __init__(self, code: str, reply: ModelReply) -> None:
        super().__init__(code)
        self.reply = reply
