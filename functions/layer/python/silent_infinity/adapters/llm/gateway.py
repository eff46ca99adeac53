"""The usual way to put the wrappers around a provider."""

from silent_infinity.adapters.llm.deadline import DeadlineModel
from silent_infinity.adapters.llm.fallback import FallbackModel, Link
from silent_infinity.adapters.llm.retry import RetryModel
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.llm import LanguageModel

RESERVE_MS = 3000
"""What a model leaves for the one that it falls back to: enough for a short reply of a fast model."""


def gateway(clock: Clock, *providers: LanguageModel) -> LanguageModel:
    """Return the providers, in order, as one model with retry, hard deadline and fallback."""
    links = [Link(DeadlineModel(RetryModel(provider, clock), clock), RESERVE_MS) for provider in providers]
    return FallbackModel(links, clock)
