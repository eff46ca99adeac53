"""The OpenAI-compatible adapter against the real thing: llama.cpp with the small model of the local stack.

Everything else in this folder holds the adapters against what providers document. Here a server that nobody
here wrote answers, so that the fakes are known to be like something that exists.
"""

import json
from collections.abc import Iterator

import pytest

from local.model_server import MODEL_ALIAS
from silent_infinity.adapters.llm.openai_compatible import OpenAICompatibleModel
from silent_infinity.adapters.llm.streamed import refused
from silent_infinity.domain.turn import Utterance
from silent_infinity.ports.llm import ModelError
from tests.contract.models import WallClock, asked
from tests.support.small_model import small_model_served

PATIENCE = 60.0
"""Seconds: a machine that is busy with other tests writes slowly, and speed is not what is tested."""

VERDICT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["level", "about_other"],
    "properties": {
        "level": {"type": "integer", "minimum": 0, "maximum": 4},
        "about_other": {"type": "boolean"},
    },
}


@pytest.fixture(scope="module")
def model() -> Iterator[OpenAICompatibleModel]:
    """The adapter in front of a server that was just started."""
    with small_model_served() as base_url:
        yield OpenAICompatibleModel(WallClock(), base_url=base_url, model_override=MODEL_ALIAS)


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_a_real_reply_has_text_usage_and_times(model: OpenAICompatibleModel, stream: bool) -> None:
    """Nothing is estimated: llama.cpp counts, streamed or not, and tells what its cache saved."""
    first = model.complete(asked(PATIENCE, stream=stream, max_tokens=40))
    again = model.complete(asked(PATIENCE, stream=stream, max_tokens=40))

    for reply in (first, again):
        assert not refused(reply)
        assert (reply.model_id, reply.provider) == (MODEL_ALIAS, "openai_compatible")
        assert 1 <= reply.usage.tokens_output <= 40
        assert reply.usage.cost_usd == 0
        assert 0 < reply.llm_ttft_ms <= reply.llm_complete_ms
        assert reply.notes == ()
    assert again.usage.tokens_cache_read > 0
    sent = {reply.usage.tokens_input + reply.usage.tokens_cache_read for reply in (first, again)}
    assert len(sent) == 1


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_a_real_reply_is_cut_at_its_limit(model: OpenAICompatibleModel, stream: bool) -> None:
    """The limit of the turn class is what bounds a reply's price."""
    reply = model.complete(
        asked(PATIENCE, stream=stream, max_tokens=6, message="Tell me a long story about the sea.")
    )

    assert reply.usage.tokens_output <= 6
    assert reply.finish_reason in ("length", "stop")
    assert reply.notes == ()


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_a_real_answer_keeps_the_schema(model: OpenAICompatibleModel, stream: bool) -> None:
    """A model of 135 million parameters writes prose when asked for JSON; held to a schema, it cannot."""
    for _ in range(3):
        reply = model.complete(asked(PATIENCE, stream=stream, max_tokens=400, response_schema=VERDICT))

        answer = json.loads(reply.text)
        assert set(answer) == {"level", "about_other"}
        assert answer["level"] in range(5)
        assert answer["about_other"] in (True, False)
        assert reply.notes == ()


def test_a_prompt_that_is_too_long_is_final(model: OpenAICompatibleModel) -> None:
    """Asking again would not make it shorter; the error quotes nothing of it."""
    with pytest.raises(ModelError, match=r"^openai_compatible:http-400$") as caught:
        model.complete(asked(PATIENCE, messages=(*asked().messages[:2], _very_long())))

    assert type(caught.value) is ModelError


def _very_long() -> Utterance:
    return Utterance("user", "on and on " * 9_000)
