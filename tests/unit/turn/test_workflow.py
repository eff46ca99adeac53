"""The turn, row by row of its table: what is answered when all is well, and when something is not."""

from typing import Any

import pytest

from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.domain.variant_categories import categories
from silent_infinity.ports.limits import LimitPolicy
from silent_infinity.ports.llm import ModelError
from tests.support.world import MIRROR, TELLING, ScriptedModel, World

QUESTION = "How does breathing slowly calm the body down?"
ACTIVE_RISK = "I want to die and I have been planning it."
IMMINENT = "I have the pills here and I am going to end my life tonight."


def _valid(name: str, value: Any) -> None:
    assert [str(violation) for violation in JsonSchemaValidator().violations(name, value)] == []


@pytest.fixture
def world() -> World:
    """A world in which everything is up and the model writes well."""
    return World(ScriptedModel(MIRROR))


def test_a_message_gets_a_validated_answer_and_leaves_one_complete_event(world: World) -> None:
    """The happy path: screened, understood, generated, validated, recorded."""
    response = world.turn(TELLING, locale="en-GB", client={"page_path": "/talk", "network_ms": 40})

    answer = response["body"]
    assert response["status_code"] == 200
    assert answer["reply"] == {"text": MIRROR, "kind": "answer"}
    assert answer["turn_class"] == "TC4"
    assert answer["crisis"] == {"level": 1, "resources": []}  # sad, and nothing more
    _valid("turn_answer", answer)
    [event] = world.events()
    _valid("turn_event", event)
    assert event["active_variants"].keys() == categories().keys()
    assert event["exposures"] == {"LLM_MODEL": "claude-sonnet-4-6", "SYSTEM_PROMPT": "v2-sha-current"}
    assert event["page_url"] == "/talk"
    assert event["latency_ms"]["network_ms"] == 40
    assert event["tokens_input"] == 100
    assert event["prompt_sha"]
    assert event["degraded"] == []


def test_earlier_turns_are_what_the_model_is_told(world: World) -> None:
    """A conversation that forgets is none."""
    session_id = world.turn(TELLING)["body"]["session_id"]
    world.turn("She has not called me back since then either.", session_id=session_id)

    asked = world.model.requests[-1]  # type: ignore[attr-defined]  # the scripted model keeps requests
    assert "funeral" in asked.messages[0].text
    assert asked.messages[1].text == MIRROR
    assert world.events()[-1]["turn_number"] == 2


def test_a_greeting_is_answered_without_a_model(world: World) -> None:
    """Templates cost nothing and come at once."""
    answer = world.turn("Hello!")["body"]

    assert answer["reply"]["kind"] == "template"
    assert answer["usage"]["model_id"] == "none"
    assert world.model.requests == []  # type: ignore[attr-defined]  # the scripted model keeps requests


def test_an_unclear_message_is_asked_about_once_and_never_twice_in_a_row(world: World) -> None:
    """Being asked again and again what one means is a reason to leave."""
    first = world.turn("asdf")["body"]
    second = world.turn("qwer", session_id=first["session_id"])["body"]

    assert first["reply"]["kind"] == "clarification"
    assert second["reply"]["kind"] != "clarification"


def test_a_secret_is_refused_kindly_and_stored_without_it(world: World) -> None:
    """Whoever pastes a key must not find it in a store, nor send it to a model."""
    secret = "AKIA" + "IOSFODNN7EXAMPLE"
    answer = world.turn(f"my key is {secret} can you keep it")["body"]

    assert answer["reply"]["kind"] == "refusal"
    assert world.model.requests == []  # type: ignore[attr-defined]  # the scripted model keeps requests
    assert secret not in repr(world.store)
    assert world.events()[0]["guardrail_triggered"] is True


def test_a_crisis_is_answered_with_help_lines_and_production_variants_only(world: World) -> None:
    """The generated crisis reply does not meet its obligations here, so the vetted one is served."""
    answer = world.turn(ACTIVE_RISK)["body"]

    assert answer["crisis"]["level"] == 3
    assert answer["reply"]["kind"] == "crisis"
    assert "988" in answer["reply"]["text"]
    assert any("988" in line["contact"] for line in answer["crisis"]["resources"])
    assert world.events()[0]["active_variants"]["LLM_MODEL"] == "claude-sonnet-4-6"
    assert world.events()[0]["turn_class"] == "TC6"


def test_an_imminent_crisis_is_answered_at_once_with_vetted_words(world: World) -> None:
    """No model is waited for when minutes count."""
    answer = world.turn(IMMINENT)["body"]

    assert answer["crisis"]["level"] == 4
    assert "988" in answer["reply"]["text"]
    assert world.model.requests == []  # type: ignore[attr-defined]  # the scripted model keeps requests


@pytest.mark.parametrize("message", [ACTIVE_RISK, IMMINENT])
@pytest.mark.parametrize(
    "down",
    [set(), {"intent"}, {"generate"}, {"validate"}, {"record"}, {"capture"}, {"screen"}, {"queue", "record"}],
)
def test_a_crisis_is_never_missed_because_a_part_was_down(message: str, down: set[str]) -> None:
    """The promise of the whole product, for every single part."""
    world = World(ScriptedModel(MIRROR))
    world.down = down

    response = world.turn(message)

    assert response["status_code"] == 200
    assert response["body"]["crisis"]["level"] >= 3
    assert response["body"]["crisis"]["resources"]
    assert response["body"]["reply"]["kind"] == "crisis"
    assert "988" in response["body"]["reply"]["text"]


def test_a_crisis_is_never_limited(world: World) -> None:
    """Whoever has used up everything and says this now is answered now."""
    world = World(
        ScriptedModel(MIRROR),
        LimitPolicy(turns_per_minute=1, burst=1, tokens_per_day=3000, reserve_tokens=2500),
    )
    world.turn(TELLING)

    assert world.turn(TELLING)["status_code"] == 429
    crisis = world.turn(ACTIVE_RISK)
    assert crisis["status_code"] == 200
    assert crisis["body"]["reply"]["kind"] == "crisis"


def test_over_a_limit_the_person_is_told_when_and_where_to_turn(world: World) -> None:
    """A 429 without help lines would be a closed door."""
    world = World(
        ScriptedModel(MIRROR),
        LimitPolicy(turns_per_minute=6, burst=1, tokens_per_day=10**9, reserve_tokens=1),
    )
    world.turn(TELLING)

    limited = world.turn(TELLING)

    assert limited["status_code"] == 429
    assert 1 <= int(limited["headers"]["Retry-After"]) <= 10
    assert limited["body"]["help"]["resources"]
    _valid("problem", limited["body"])


def test_the_crisis_flow_holds_until_three_calm_turns(world: World) -> None:
    """One calm sentence does not mean that it is over; and once it is over, the conversation goes on."""
    session_id = world.turn("I wish I would not wake up tomorrow.")["body"]["session_id"]

    kinds = [world.turn(TELLING, session_id=session_id)["body"] for _ in range(4)]

    assert [body["crisis"]["level"] for body in kinds[:3]] == [2, 2, 2]
    assert kinds[3]["crisis"]["level"] < 2
    assert kinds[3]["reply"]["kind"] == "answer"


def test_vetted_replies_do_not_repeat_in_a_session(world: World) -> None:
    """Copied text reads as abandonment."""
    session_id = world.turn(IMMINENT)["body"]["session_id"]
    texts = {world.turn(IMMINENT, session_id=session_id)["body"]["reply"]["text"] for _ in range(3)}

    assert len(texts) == 3


def test_without_a_screen_nothing_generated_is_served_and_help_lines_come_along(world: World) -> None:
    """No hit of the red flags is no all-clear."""
    world.down = {"screen"}

    answer = world.turn(TELLING)["body"]

    assert answer["reply"]["kind"] == "fallback"
    assert answer["crisis"]["resources"]
    assert world.model.requests == []  # type: ignore[attr-defined]  # the scripted model keeps requests
    assert "screen" in world.events()[0]["degraded"]
    assert world.events()[0]["exposures"] == {}


def test_a_session_in_crisis_flow_stays_there_while_the_screen_is_down(world: World) -> None:
    """What could end the flow is down, so it does not end; nor does an unscreened turn count as calm."""
    session_id = world.turn(ACTIVE_RISK)["body"]["session_id"]
    world.down = {"screen"}
    answer = world.turn(TELLING, session_id=session_id)["body"]

    assert answer["crisis"]["level"] == 3
    assert answer["reply"]["kind"] == "crisis"
    assert world.store.sessions[session_id].posture.calm_turns == 0


def test_without_intent_the_reply_mirrors(world: World) -> None:
    """Reflecting needs no understanding of what is wanted."""
    world.down = {"intent"}

    answer = world.turn(TELLING)["body"]

    assert answer["turn_class"] == "TC4"
    assert answer["reply"]["kind"] == "answer"
    assert "intent" in world.events()[0]["degraded"]


def test_a_weak_draft_is_written_again_with_what_was_wrong(world: World) -> None:
    """One more attempt, told what failed, and both are paid for in the record."""
    world = World(ScriptedModel("As an AI language model, [insert name], you should", MIRROR))

    answer = world.turn(TELLING)["body"]

    assert answer["reply"]["text"] == MIRROR
    assert answer["quality"]["attempts"] == 2
    assert answer["usage"]["tokens_input"] == 200
    first, second = world.model.requests  # type: ignore[attr-defined]  # the scripted model keeps requests
    assert second.system_text != first.system_text


def test_two_weak_drafts_end_with_the_composer(world: World) -> None:
    """What is not good enough is not served, and the person still gets a reply."""
    world = World(ScriptedModel("[insert reply]"))

    answer = world.turn(TELLING)["body"]

    assert answer["reply"]["kind"] == "fallback"
    assert "[insert" not in answer["reply"]["text"]
    assert "funeral" in answer["reply"]["text"]


@pytest.mark.parametrize("message", [TELLING, QUESTION])
def test_with_every_provider_down_the_composer_answers(message: str) -> None:
    """Invariant 5: always an answer."""
    world = World(ScriptedModel(ModelError("down")))

    response = world.turn(message)

    assert response["status_code"] == 200
    assert response["body"]["reply"]["kind"] == "fallback"
    assert response["body"]["reply"]["text"]
    assert "model" in world.events()[0]["degraded"]


@pytest.mark.parametrize("down", ["generate", "validate"])
def test_with_generation_or_validation_down_the_person_still_gets_a_reply(world: World, down: str) -> None:
    """Unvalidated text is never served."""
    world.down = {down}

    answer = world.turn(TELLING)["body"]

    assert answer["reply"]["kind"] == "fallback"
    assert answer["reply"]["text"] != MIRROR
    assert down in world.events()[0]["degraded"]


def test_somebody_elses_session_does_not_exist(world: World) -> None:
    """404, not 403: whether a session exists is nobody else's business."""
    session_id = world.turn(TELLING)["body"]["session_id"]

    refused = world.turn(TELLING, session_id=session_id, subject="person-2")

    assert refused["status_code"] == 404
    assert refused["body"]["type"] == "urn:silent-infinity:problem:session-not-found"
    assert len(world.events()) == 1


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"message": "x" * 4001}, "/message"),
        ({"message": "  \n "}, "/message"),
        ({"message": "a", "extra": 1}, ""),
    ],
)
def test_an_invalid_request_is_told_where_and_never_what(
    world: World, body: dict[str, Any], path: str
) -> None:
    """Validation errors never quote the text."""
    refused = world.turn(**body)

    assert refused["status_code"] == 400
    assert refused["body"]["violations"][0]["path"] == path
    assert "xxx" not in str(refused["body"])


def test_an_access_token_is_no_id_token(world: World) -> None:
    """ID tokens only, everywhere: checked behind the authorizer too."""
    from silent_infinity.usecases.capture_message import CaptureRequest

    request = CaptureRequest(
        body={"message": "hi"},
        subject="person-1",
        token_use="access",
        claim_key="claim-1",
        execution_id="execution-1",
    )

    captured = world.capture_message(request)

    assert captured.response is not None
    assert captured.response.status_code == 401
