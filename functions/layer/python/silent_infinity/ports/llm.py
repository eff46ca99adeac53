"""The one wire method of every language model, real, composed or wrapped."""

from dataclasses import dataclass
from typing import Protocol

from silent_infinity.domain.turn import Usage, Utterance


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What a model is asked. `deadline_ms` (epoch milliseconds) is hard: later answers are worthless.

    `message` is what the person wrote, undelimited, for models that need no prompt; the last of `messages`
    carries it delimited. `seed` makes the choices of offline models repeatable. `fallback_models` are the
    catalogue ids to try, in order, when `model_id` does not answer.
    """

    system: str
    messages: tuple[Utterance, ...]
    model_id: str
    max_tokens: int
    temperature: float
    deadline_ms: int
    turn_class: str
    message: str
    seed: str
    cache_system_prompt: bool = False
    fallback_models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelReply:
    """What a model answered. `finish_reason` is `stop`, `length` or the provider's own word for a refusal."""

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


class ModelError(RuntimeError):
    """A model did not answer. The message is a code, never text of a prompt, a person or a provider."""


class TransientModelError(ModelError):
    """The same request may succeed a little later: throttling, an overloaded or unreachable provider."""


class ModelTimeoutError(TransientModelError):
    """The deadline passed before the answer was there."""


class LiveModelForbiddenError(ModelError):
    """A test run tried to call a model beyond this machine."""


class LanguageModel(Protocol):
    """Anything that answers a ModelRequest: a provider, the composer, or a wrapper around models."""

    def complete(self, request: ModelRequest) -> ModelReply:
        """Return the model's reply before the deadline.

        Raises:
            ModelError: there is no reply.
        """
        ...
