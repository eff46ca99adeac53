"""The turn over HTTP: what clients rely on, through the real authorizer, templates and state machine."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from tests.e2e.conftest import Client, Tables
from tests.support.model_server import Behaviour, ModelServer
from tests.support.world import MIRROR, TELLING

EDGE_MESSAGES = {
    "apostrophes": "I don't know why it's so hard; my mum's gone and I can't sleep in her house.",
    "quotes and backslashes": 'He said "you\'re fine" and wrote C:\\temp\\notes and a / and a \\" to me.',
    "line ends": "First I lost the job.\nThen the flat.\r\n\r\n\tAnd now my brother is not talking to me.",
    "emoji": "My cat died yesterday 🐈\u200d⬛💔 and the flat is so quiet 👨\u200d👩\u200d👧 without her.",
    "template language": "My boss wrote $input.body #set($x = 1) #if(true) ${y} $$ and I feel small at work.",
    "Hindi, 4,000 characters": ("मैं पिछले कुछ दिनों से बहुत थका हुआ महसूस कर रहा हूँ। " * 80)[:4000],
    "markup": "<b>My dad</b> & I argue <script>alert(1)</script> every Sunday, and I dread it.",
}


def _valid(name: str, value: object) -> None:
    assert [str(violation) for violation in JsonSchemaValidator().violations(name, value)] == []


def test_a_message_is_answered_and_recorded(person: Client, tables: Tables) -> None:
    """The main job, end to end."""
    response = person.turn(TELLING, locale="en-US", client={"page_path": "/talk", "device_class": "mobile"})

    answer = response.json()
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    _valid("turn_answer", answer)
    assert answer["reply"] == {"text": MIRROR, "kind": "answer"}
    event = tables.event(answer["turn_id"])
    assert event is not None
    assert event["device_class"] == {"S": "mobile"}
    assert event["reply_kind"] == {"S": "answer"}


@pytest.mark.parametrize("name", EDGE_MESSAGES)
def test_every_message_goes_through_unharmed(name: str, person: Client) -> None:
    """What a person wrote is stored as it was written: nothing between client and store may touch it."""
    message = EDGE_MESSAGES[name]
    response = person.turn(message)
    assert response.status_code == 200
    session = person.request("GET", f"/v1/sessions/{response.json()['session_id']}").json()

    assert session["turns"][0]["message"] == message.replace("\r\n", "\n").strip()
    assert session["turns"][0]["reply"]["text"] == response.json()["reply"]["text"]


@pytest.mark.parametrize(
    ("level", "message"),
    [
        (0, "This homework is killing me, what should I cook tonight?"),
        (1, "Everything feels hopeless and grey lately and I cry every evening after work."),
        (2, "I wish I would not wake up tomorrow."),
        (3, "I want to die and I have been planning it."),
        (4, "I am going to end my life tonight, this is goodbye."),
    ],
)
def test_every_crisis_level_is_met_as_it_should_be(level: int, message: str, person: Client) -> None:
    """From level 2 on with help lines and a crisis reply; below it as any other turn."""
    answer = person.turn(message, locale="en-US").json()

    assert answer["crisis"]["level"] == level
    assert (answer["reply"]["kind"] == "crisis") is (level >= 2)
    assert bool(answer["crisis"]["resources"]) is (level >= 2)
    if level >= 2:
        assert "988" in answer["reply"]["text"]


def test_the_same_key_gives_the_same_reply_and_one_event(person: Client, tables: Tables) -> None:
    """A retry over a bad connection must not say something else, nor count twice."""
    key = str(uuid.uuid4())
    with ThreadPoolExecutor(5) as pool:
        responses = list(pool.map(lambda _: person.turn(TELLING, key=key), range(5)))
    late = person.turn(TELLING, key=key)

    assert {response.status_code for response in [*responses, late]} == {200}
    assert all(response.json() == late.json() for response in responses)
    session = responses[0].json()["session_id"]
    events = [event for event in tables.items("TurnEvents") if event["session_id"]["S"] == session]
    assert len(events) == 1


def test_a_key_cannot_be_used_for_two_messages(person: Client) -> None:
    """422, and never the reply to the other message."""
    key = str(uuid.uuid4())
    person.turn(TELLING, key=key)

    refused = person.turn("Something else that I wanted to tell you about work.", key=key)

    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    _valid("problem", refused.json())


def test_a_conversation_goes_on_in_its_session(person: Client, model_server: ModelServer) -> None:
    """The second turn knows of the first."""
    first = person.turn(TELLING).json()
    second = person.turn(
        "She has not called me back since then either.", session_id=first["session_id"]
    ).json()

    assert second["session_id"] == first["session_id"]
    assert any("funeral" in message["content"] for message in model_server.requests[-1])


def test_a_session_of_somebody_else_is_not_found(person: Client, other_person: Client) -> None:
    """Neither to write to, nor to read, nor to delete."""
    session_id = person.turn(TELLING).json()["session_id"]

    refusals = [
        other_person.turn(TELLING, session_id=session_id),
        other_person.request("GET", f"/v1/sessions/{session_id}"),
        other_person.request("DELETE", f"/v1/sessions/{session_id}"),
        other_person.request("POST", "/v1/feedback", json={"session_id": session_id, "nps": 1}),
    ]

    assert [refusal.status_code for refusal in refusals] == [404] * 4
    for refusal in refusals:
        _valid("problem", refusal.json())
    assert person.request("GET", f"/v1/sessions/{session_id}").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": ""},
        {"message": "x" * 4001},
        {"message": 7},
        {"message": "canary-7f3a hello", "unknown": True},
        {"message": "canary-7f3a hello", "session_id": "not-a-session"},
        {"message": "canary-7f3a hello", "client": {"page_path": "/a?token=1"}},
    ],
    ids=[
        "nothing",
        "empty",
        "too long",
        "a number",
        "unknown field",
        "malformed session",
        "query in the path",
    ],
)
def test_an_invalid_request_is_refused_without_quoting_it(body: dict[str, object], person: Client) -> None:
    """400 with help lines; never a word of the message."""
    refused = person.request("POST", "/v1/turns", json=body)

    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"
    _valid("problem", refused.json())
    assert refused.json()["help"]["resources"]
    assert "canary" not in refused.text
    assert "xxx" not in refused.text


@pytest.mark.parametrize("content", [b"{", b"not json", b'["message"]'])
def test_what_is_no_json_object_is_refused(content: bytes, person: Client) -> None:
    """The request template would otherwise hand on whatever was sent."""
    refused = person.request(
        "POST", "/v1/turns", content=content, headers={"Content-Type": "application/json"}
    )

    assert refused.status_code == 400
    _valid("problem", refused.json())


def test_without_a_token_nobody_gets_in_but_everybody_is_told_where_help_is(person: Client) -> None:
    """401 with help lines, on every route that needs one."""
    for method, path in [
        ("POST", "/v1/turns"),
        ("POST", "/v1/feedback"),
        ("GET", f"/v1/sessions/{uuid.uuid4()}"),
    ]:
        refused = person.request(method, path, json={"message": "hi"}, headers={"Authorization": "nonsense"})

        assert refused.status_code == 401
        _valid("problem", refused.json())
        assert refused.json()["help"]["resources"]


def test_health_needs_no_token(stack: object) -> None:
    """A load balancer or an uptime check has none."""
    from local.stack.stack import LocalStack

    assert isinstance(stack, LocalStack)
    response = httpx.get(f"{stack.api_url}/v1/health")

    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


def test_greetings_and_unclear_messages_need_no_model(person: Client, model_server: ModelServer) -> None:
    """A template and a clarifying question, each at once."""
    greeting = person.turn("Hello!").json()
    unclear = person.turn("asdf", session_id=greeting["session_id"]).json()

    assert greeting["reply"]["kind"] == "template"
    assert unclear["reply"]["kind"] == "clarification"
    assert model_server.requests == []


def test_a_weak_reply_is_written_again(person: Client, model_server: ModelServer) -> None:
    """The second attempt is told what was wrong with the first."""
    replies = [Behaviour("As an AI language model, [insert name]"), Behaviour(MIRROR)]
    model_server.script = lambda _messages: replies.pop(0)

    answer = person.turn(TELLING).json()

    assert answer["reply"] == {"text": MIRROR, "kind": "answer"}
    assert answer["quality"]["attempts"] == 2


def test_two_weak_replies_fall_back_to_the_composer(person: Client, model_server: ModelServer) -> None:
    """Nothing weak is served, and nobody is left without words."""
    model_server.script = lambda _messages: Behaviour("[insert reply here]")

    answer = person.turn(TELLING).json()

    assert answer["reply"]["kind"] == "fallback"
    assert "funeral" in answer["reply"]["text"]


def test_feedback_is_tied_to_its_turn(person: Client, tables: Tables) -> None:
    """A rating that cannot be joined to what was rated is worth nothing."""
    answer = person.turn(TELLING).json()
    body = {
        "session_id": answer["session_id"],
        "turn_id": answer["turn_id"],
        "rating": 4,
        "text": "That helped.",
    }

    stored = person.request("POST", "/v1/feedback", json=body)
    unknown = person.request(
        "POST", "/v1/feedback", json={**body, "turn_id": "0193a5a0-0000-7000-8000-000000000001"}
    )
    empty = person.request("POST", "/v1/feedback", json={"session_id": answer["session_id"]})

    assert stored.status_code == 201
    [item] = [i for i in tables.items("Feedback") if i["feedback_id"]["S"] == stored.json()["feedback_id"]]
    assert item["turn_id"] == {"S": answer["turn_id"]}
    assert item["rating"] == {"N": "4"}
    assert unknown.status_code == 404
    assert empty.status_code == 400


def test_deleting_a_session_removes_every_word_of_it(person: Client, tables: Tables) -> None:
    """Messages, replies, feedback and replayable answers go; the event without words stays."""
    key = str(uuid.uuid4())
    message = "canary-del my sister and I have not spoken since the funeral and I keep going over it."
    answer = person.turn(message, key=key).json()
    person.request(
        "POST",
        "/v1/feedback",
        json={"session_id": answer["session_id"], "text": "canary-del thanks"},
    )

    deleted = person.request("DELETE", f"/v1/sessions/{answer['session_id']}")

    assert deleted.status_code == 200
    assert deleted.json()["turns_deleted"] == 1
    for name in ("Conversations", "Feedback", "Idempotency", "TurnEvents"):
        assert "canary-del" not in json.dumps(tables.items(name))
    assert tables.event(answer["turn_id"]) is not None
    assert person.request("GET", f"/v1/sessions/{answer['session_id']}").status_code == 404
    assert person.turn(TELLING, session_id=answer["session_id"]).status_code == 404


def test_a_browser_may_ask_before_it_sends(person: Client) -> None:
    """CORS: the preflight names what is allowed."""
    preflight = person.request(
        "OPTIONS",
        "/v1/turns",
        headers={"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"},
    )

    assert preflight.status_code in (200, 204)
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "idempotency-key" in preflight.headers["access-control-allow-headers"].lower()
