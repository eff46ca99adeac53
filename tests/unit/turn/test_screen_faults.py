"""The screen's model within whole turns: what a person gets, and what the record says of the call."""

import json

import pytest

from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.domain.crisis.model_screen import MODEL_SCREEN
from silent_infinity.domain.crisis.verdict import RISK_LEVEL
from silent_infinity.domain.initial_variants import initial_variants
from silent_infinity.domain.variants import production
from silent_infinity.ports.llm import LanguageModel, ModelError, ModelTimeoutError, TransientModelError
from tests.support.world import MIRROR, TELLING, ScriptedModel, World

ACTIVE = "I want to die and I have been planning it."
CANARY = "canaryq7x"
SAID = f"{TELLING} {CANARY}"

FAULTS: dict[str, str | ModelError] = {
    "time-out": ModelTimeoutError("scripted:timeout"),
    "5xx": TransientModelError("scripted:http-500"),
    "429": TransientModelError("scripted:http-429"),
    "refused": ModelError("scripted:http-400"),
    "malformed JSON": f'{{"level": 3, {CANARY}',
    "empty text": "",
    "wrong schema": f'{{"level": 3, "note": "{CANARY}"}}',
}


def a_world(screen_model: LanguageModel | None) -> World:
    """Return a world whose replies are good and whose screen asks this model."""
    return World(ScriptedModel(MIRROR), screen_model=screen_model)


def test_an_open_message_that_the_model_calls_a_risk_is_a_crisis_turn() -> None:
    """Vetted words and help lines, no experiment, and an event that tells why."""
    world = a_world(ScriptedModel('{"level": 3, "about_other": false}'))
    answer = world.turn(SAID)["body"]

    assert (answer["reply"]["kind"], answer["crisis"]["level"]) == ("crisis", 3)
    assert answer["crisis"]["resources"]
    [event] = world.events()
    assert (event["screened_level"], event["screen_rule_ids"]) == (3, [MODEL_SCREEN])
    assert event["active_variants"] == {
        category: variant.variant_id for category, variant in production(initial_variants()).items()
    }
    assert event["screen_model"] == {
        "model_id": "claude-haiku-4-5",
        "provider": "scripted",
        "prompt_id": "crisis_screen/v1",
        "tokens_input": 100,
        "tokens_output": 20,
        "tokens_cache_read": 0,
        "tokens_cache_write": 0,
        "cost_usd": 0.0006,
        "ms": 0,
        "level": 3,
        "error": None,
    }
    assert JsonSchemaValidator().violations("turn_event", event) == []


def test_a_session_that_the_model_opened_is_left_like_any_other() -> None:
    """The posture knows levels, not who found them."""
    model = ScriptedModel('{"level": 3, "about_other": false}', '{"level": 0, "about_other": false}')
    world = a_world(model)
    session_id = world.turn(SAID)["body"]["session_id"]
    kinds = [world.turn(TELLING, session_id=session_id)["body"]["reply"]["kind"] for _ in range(4)]

    assert kinds == ["crisis", "crisis", "crisis", "answer"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_model_leaves_the_turn_as_the_rules_see_it(fault: str) -> None:
    """A good answer to a calm message, one call, a mark, and nothing of the answer anywhere."""
    model = ScriptedModel(FAULTS[fault])
    world = a_world(model)
    response = world.turn(SAID)

    assert response["status_code"] == 200
    assert response["body"]["reply"] == {"text": MIRROR, "kind": "answer"}
    assert response["body"]["crisis"]["level"] < RISK_LEVEL
    assert len(model.requests) == 1
    [event] = world.events()
    assert event["degraded"] == [MODEL_SCREEN]
    assert (event["screen_model"]["level"], event["screen_model"]["model_id"]) == (None, "claude-haiku-4-5")
    assert event["screen_model"]["error"]
    assert CANARY not in json.dumps(event)
    assert CANARY not in str(world.metrics.flushed)
    assert [entry.value for entry in world.metrics.flushed if entry.name == "ModelScreens"] == [1]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_model_does_not_touch_what_the_rules_found(fault: str) -> None:
    """The model is not even asked."""
    model = ScriptedModel(FAULTS[fault])
    world = a_world(model)
    answer = world.turn(ACTIVE)["body"]

    assert (answer["reply"]["kind"], answer["crisis"]["level"]) == ("crisis", 3)
    assert model.requests == []
    assert MODEL_SCREEN not in world.events()[0]["degraded"]


@pytest.mark.parametrize(("message", "path"), [(ACTIVE, "red_flag"), (SAID, "unscreened")])
def test_a_screen_that_is_down_leaves_it_to_the_red_flags(message: str, path: str) -> None:
    """No verdict at all: the patterns of the state machine decide, and nobody's model is asked."""
    model = ScriptedModel('{"level": 0, "about_other": false}')
    world = a_world(model)
    world.down = {"screen"}
    answer = world.turn(message)["body"]

    assert answer["crisis"]["resources"]
    [event] = world.events()
    assert (event["path"], "screen" in event["degraded"]) == (path, True)
    assert event["screen_model"]["model_id"] == ""
    assert model.requests == []


def test_the_screens_tokens_are_not_the_persons() -> None:
    """Their daily budget is for what they ask for; being looked after does not use it up."""
    asked = a_world(ScriptedModel('{"level": 0, "about_other": false}'))
    alone = a_world(None)
    for world in (asked, alone):
        world.turn(TELLING)

    assert asked.events()[0]["tokens_input"] == alone.events()[0]["tokens_input"]
    assert [c.used_tokens for c in asked.store.counters.values()] == [
        c.used_tokens for c in alone.store.counters.values()
    ]


def test_the_state_gives_the_call_three_seconds_at_most() -> None:
    """The deadline that the model hears of is the call's own, not the four seconds of the state."""
    model = ScriptedModel('{"level": 0, "about_other": false}')
    world = a_world(model)
    world.turn(TELLING)

    now_ms = int(world.clock.now().timestamp() * 1000)
    assert model.requests[0].deadline_ms == now_ms + 3000
    assert model.requests[0].temperature == 0
