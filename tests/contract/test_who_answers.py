"""A server may put another model in the place of the one that was asked: the reply says who answered."""

from dataclasses import replace

import pytest

from silent_infinity.adapters.llm.anthropic import AnthropicModel
from silent_infinity.adapters.llm.openai_compatible import OpenAICompatibleModel
from silent_infinity.ports.llm import LanguageModel
from tests.contract.http_fake import Answer, HttpFake, running
from tests.contract.models import WallClock, asked
from tests.contract.wire import Said
from tests.contract.wire.chat import Chat
from tests.contract.wire.messages import Messages

NAMES = {
    "another of the catalogue": ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
    "the one that was asked": ("claude-sonnet-4-6", "claude-sonnet-4-6"),
    "a snapshot that nobody knows": ("claude-sonnet-4-6-20990101", "claude-sonnet-4-6"),
}
"""What the server calls itself, and who the reply says it was. Asked is Sonnet."""


def _by(name: str, answer: Answer) -> Answer:
    """Return the answer as a model of that name gives it."""
    named = tuple(piece.replace(b'"model": "m"', f'"model": "{name}"'.encode()) for piece in answer.pieces)
    assert named != answer.pieces
    return replace(answer, pieces=named)


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("dialect", ["chat", "messages"])
@pytest.mark.parametrize("name", NAMES)
def test_the_reply_names_the_model_that_answered(name: str, dialect: str, *, stream: bool) -> None:
    """The guard that keeps Haiku from TC4 judges by it, and the price is that of who did the work."""
    calls_itself, expected = NAMES[name]
    with running() as fake:
        said = (Chat(stream=stream) if dialect == "chat" else Messages(stream=stream)).says(Said())
        fake.answer(_by(calls_itself, said))

        reply = _model(dialect, fake).complete(asked(stream=stream))

    assert reply.model_id == expected
    with running() as fake:
        fake.answer(said)
        usual = _model(dialect, fake).complete(asked(stream=stream))
    assert (reply.usage.cost_usd == usual.usage.cost_usd) is (expected == usual.model_id)


def _model(dialect: str, fake: HttpFake) -> LanguageModel:
    if dialect == "chat":
        return OpenAICompatibleModel(WallClock(), base_url=f"{fake.url}/v1", api_key="key-1")
    return AnthropicModel(WallClock(), api_key="key-1", base_url=fake.url)
