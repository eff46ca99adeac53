"""Whole turns over the gateway: the real state machine, so that nothing is lost between two attempts."""

from typing import Any

from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.domain.turn import Usage
from silent_infinity.ports.llm import ModelReply, TransientModelError
from tests.support.world import START, TELLING
from tests.support.world import World as TurnWorld
from tests.unit.adapters.doubles import a_reply
from tests.unit.gateway.gateways import Provider, World


def test_a_turn_event_lists_the_calls_of_both_attempts() -> None:
    """The first reply is not good enough, and one attempt before it failed: three calls, one bill."""
    shared = World(clock=FixedClock(START))
    outcomes: list[Any] = [TransientModelError("bedrock:ThrottlingException"), "no", "no"]

    def behave(request: Any) -> ModelReply:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return a_reply(outcome, model_id=request.model_id, usage=Usage(100, 20, cost_usd=0.0006))

    turns = TurnWorld(model=shared.gateway(Provider(behave)), clock=shared.clock)
    answer = turns.turn(TELLING)["body"]

    [event] = turns.events()
    assert [call["outcome"] for call in event["model_calls"]] == ["bedrock:ThrottlingException", "ok", "ok"]
    assert [list(call["notes"]) for call in event["model_calls"]] == [[], ["retry:1"], []]
    assert event["attempts"] == 2
    assert event["cost_usd"] == answer["usage"]["cost_usd"] == 0.0012
    assert shared.day_used() == 1_200
    assert shared.in_flight() == 0


def test_a_turn_without_a_model_lists_no_calls() -> None:
    """Greetings are answered from templates."""
    turns = TurnWorld(model=World().gateway(Provider()))
    turns.turn("Hello!")

    [event] = turns.events()
    assert list(event["model_calls"]) == []
    assert event["budget_level"] == ""
