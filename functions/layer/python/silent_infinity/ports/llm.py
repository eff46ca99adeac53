"""The one wire method of every language model, real, composed or wrapped."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from silent_infinity.domain.turn import ModelCall, SystemBlock, Usage, Utterance


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What a model is asked. `deadline_ms` (epoch milliseconds) is hard: later answers are worthless.

    `message` is what the person wrote, undelimited, for models that need no prompt; the last of `messages`
    carries it delimited. `seed` makes the choices of offline models repeatable. `fallback_models` are the
    catalogue ids to try, in order, when `model_id` does not answer. `session_id` says whose budget the call
    is charged to; empty where there is no session. `response_schema` is the JSON Schema that the answer has
    to keep: providers that can are told to enforce it, and the caller checks it all the same. `stream` asks
    for the answer in pieces, which is what tells when the first token came. `prompt_id` and `prompt_sha` name
    the instructions for the record of the call.
    """

    system: tuple[SystemBlock, ...]
    messages: tuple[Utterance, ...]
    model_id: str
    max_tokens: int
    temperature: float
    deadline_ms: int
    turn_class: str
    message: str
    seed: str
    fallback_models: tuple[str, ...] = ()
    session_id: str = ""
    response_schema: Mapping[str, Any] | None = None
    stream: bool = True
    prompt_id: str = ""
    prompt_sha: str = ""

    @property
    def system_text(self) -> str:
        """All instructions as one text, for providers that take no blocks."""
        return "\n\n".join(block.text for block in self.system)


@dataclass(frozen=True, slots=True)
class ModelReply:
    """What a model answered. `finish_reason` is `stop`, `length` or the provider's own word for a refusal.

    `calls` are all attempts that were made for it; `usage` is what they cost together.
    """

    text: str
    model_id: str
    provider: str
    usage: Usage
    finish_reason: str
    llm_ttft_ms: int
    llm_complete_ms: int
    fallback_used: bool = False
    retry_count: int = 0
    notes: tuple[str, ...] = ()
    calls: tuple[ModelCall, ...] = ()


class ModelError(RuntimeError):
    """A model did not answer. The message is a code, never text of a prompt, a person or a provider.

    `calls` are the attempts that were made.
    """

    calls: tuple[ModelCall, ...] = ()


class TransientModelError(ModelError):
    """The same request may succeed a little later: throttling, an overloaded or unreachable provider."""


class ModelTimeoutError(TransientModelError):
    """The deadline passed before the answer was there."""


class LiveModelForbiddenError(ModelError):
    """A test run tried to call a model beyond this machine."""


class BudgetSpentError(ModelError):
    """No budget is left for a model: no other model may be asked in its place."""


class LanguageModel(Protocol):
    """Anything that answers a ModelRequest: a provider, the composer, or a wrapper around models."""

    def complete(self, request: ModelRequest) -> ModelReply:
        """Return the model's reply before the deadline.

        Raises:
            ModelError: there is no reply.
        """
        ...
