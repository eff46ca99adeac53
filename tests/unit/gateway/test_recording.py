"""Every attempt at a model leaves a record, and none of them a word."""

import json
import logging
from typing import Any

import pytest

from silent_infinity.domain.payload import to_payload
from silent_infinity.domain.turn import ModelCall, Usage, Utterance, usage_of
from silent_infinity.ports.llm import ModelError, ModelReply, ModelTimeoutError, TransientModelError
from tests.unit.adapters.doubles import a_reply
from tests.unit.gateway.gateways import HAIKU, SONNET, Provider, World, answers, asked, fails

CANARY = "canaryq7x"
THROTTLED = TransientModelError("bedrock:ThrottlingException")


@pytest.fixture
def world() -> World:
    """Shared stores and a clock that stands still."""
    return World()


def script(*outcomes: Any) -> Any:
    """Return a behaviour that does one after the other."""
    left = list(outcomes)

    def behave(request: Any) -> ModelReply:
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome if isinstance(outcome, ModelReply) else answers(request)

    return behave


def test_a_reply_brings_the_record_of_its_call(world: World) -> None:
    """Lineage: which model, which prompt, what it cost, how long it took."""

    def takes_a_second(request: Any) -> ModelReply:
        world.clock.advance(1)
        return a_reply(model_id=SONNET, usage=Usage(100, 20, 3, 4, 0.0006), llm_ttft_ms=350)

    reply = world.gateway(Provider(takes_a_second)).complete(asked(prompt_id="p/v1", prompt_sha="ab"))

    assert reply.calls == (
        ModelCall(
            turn_class="TC4",
            model_asked=SONNET,
            model_answered=SONNET,
            provider="scripted",
            prompt_id="p/v1",
            prompt_sha="ab",
            tokens_input=100,
            tokens_output=20,
            tokens_cache_read=3,
            tokens_cache_write=4,
            cost_usd=0.0006,
            ttft_ms=350,
            total_ms=1_000,
            outcome="ok",
        ),
    )


def test_failed_attempts_are_in_the_record_of_the_reply(world: World) -> None:
    """With their codes, in their order, and what they were: a retry, a fallback."""
    provider = Provider(script(THROTTLED, a_reply("", usage=Usage(100, 0, cost_usd=0.0003)), None))
    reply = world.gateway(provider).complete(asked(fallback_models=("claude-opus-4-7",)))

    assert [(call.outcome, call.model_asked, call.notes) for call in reply.calls] == [
        ("bedrock:ThrottlingException", SONNET, ()),
        ("empty", SONNET, ("retry:1",)),
        ("ok", "claude-opus-4-7", ("fallback",)),
    ]
    assert usage_of(reply.calls) == reply.usage == Usage(200, 20, cost_usd=0.0009)


def test_when_nobody_answers_the_error_brings_the_record(world: World) -> None:
    """The cost of a crisis reply that was guarded is spent, though nothing came of it."""
    guarded = a_reply("no", finish_reason="content_filtered", usage=Usage(100, 20, cost_usd=0.0006))
    gateway = world.gateway(Provider(script(THROTTLED, guarded)))

    with pytest.raises(ModelError) as caught:
        gateway.complete(asked(turn_class="TC6"))

    assert [call.outcome for call in caught.value.calls] == ["bedrock:ThrottlingException", "guarded"]
    assert usage_of(caught.value.calls).cost_usd == 0.0006


def test_what_other_wrappers_refuse_is_recorded_too(world: World) -> None:
    """Why nobody was asked is what an operator looks for."""
    gateway = world.gateway(Provider(fails(THROTTLED)))
    for _ in range(3):
        reply = gateway.complete(asked())

    assert [call.outcome for call in reply.calls] == ["breaker:open"]


def test_a_reduced_call_says_so(world: World) -> None:
    """Its quality is not to be compared with others."""
    world.spend.used["spend#session#session-1"] = 40_000
    reply = world.gateway(Provider()).complete(asked(turn_class="TC3", model_id=SONNET))

    [call] = reply.calls
    assert (call.model_asked, call.model_answered) == (SONNET, HAIKU)
    assert call.notes == ("budget:reduced",)


def test_the_composers_words_are_no_call(world: World) -> None:
    """It is no provider and costs nothing."""
    assert world.gateway(None).complete(asked()).calls == ()


def test_metrics_count_calls_by_model_and_outcome(world: World) -> None:
    """With few values of each dimension: a code for every error would be a metric for every error."""
    gateway = world.gateway(
        Provider(script(THROTTLED, None, ModelTimeoutError("bedrock:timeout"), ModelError("bedrock:odd")))
    )
    gateway.complete(asked())
    gateway.complete(asked(turn_class="TC3"))
    gateway.complete(asked(turn_class="TC3"))

    outcomes = {
        outcome: world.measured("ModelCalls", model=SONNET, outcome=outcome, environment="test")
        for outcome in ("ok", "transient", "timeout", "error")
    }
    assert outcomes == dict.fromkeys(outcomes, 1)
    assert world.measured("ModelCostMicroUsd", model=SONNET) == 600
    assert len([entry for entry in world.metrics.flushed if entry.name == "ModelLatency"]) == 4


def test_no_word_reaches_records_metrics_or_logs(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Even if a provider's adapter put one into an error."""
    caplog.set_level(logging.DEBUG)
    provider = Provider(fails(TransientModelError(f"it said {CANARY}, and more")))
    gateway = world.gateway(provider)
    request = asked(message=CANARY, messages=(Utterance("user", CANARY),), turn_class="TC6")
    records: list[ModelCall] = []
    for _ in range(4):
        with pytest.raises(ModelError) as caught:
            gateway.complete(request)
        records += caught.value.calls

    said = json.dumps([to_payload(records), [repr(entry) for entry in world.metrics.flushed], caplog.text])
    assert records
    assert CANARY not in said
    assert records[0].outcome == "TransientModelError"
    assert CANARY not in repr((world.spend.used, world.breakers.states))
