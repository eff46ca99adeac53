"""The sentinel on the deployed system: it sees every turn that is worth it, and no turn suffers from it."""

import json
import time
import uuid
from collections.abc import Callable, Iterator

import pytest

from local.model_server import MODEL_ALIAS
from local.stack.stack import LocalStack
from silent_infinity.domain.sentinel import Observation
from tests.e2e.conftest import Client, Tables
from tests.e2e.test_faults import ACTIVE_RISK, Functions, functions  # noqa: F401 -- the last is a fixture
from tests.e2e.test_privacy import logged
from tests.support.model_server import Behaviour, ModelServer
from tests.support.small_model import small_model_served
from tests.support.world import MIRROR, TELLING

PATIENCE = 45.0
"""Seconds. The emulator's one poller serves every queue and stream, one invocation after the other."""


def noticed(crisis_level: int) -> Behaviour:
    """Return an observation of grief with that level."""
    return Behaviour(
        json.dumps(
            {
                "emotion": "grief",
                "valence": -0.6,
                "speech_act": "telling",
                "frustration": 0.2,
                "crisis_level": crisis_level,
            }
        )
    )


def test_a_turn_is_observed_after_it_was_answered(
    person: Client, tables: Tables, model_server: ModelServer
) -> None:
    """The stream, the filter, the function, the model and the item beside the turn."""
    model_server.sentinel_script = lambda _messages: noticed(1)

    answer = person.turn(TELLING).json()

    assert answer["reply"] == {"text": MIRROR, "kind": "answer"}
    item = tables.observation(answer, PATIENCE)
    assert item is not None
    assert set(item) == {"pk", "sk", *Observation.__dataclass_fields__}
    assert (item["emotion"], item["crisis_level"]) == ({"S": "grief"}, {"N": "1"})
    assert (item["miss"], item["model_id"]) == ({"BOOL": False}, {"S": "claude-haiku-4-5"})
    [messages] = [asked for asked in model_server.observations if TELLING in asked[-1]["content"]]
    assert MIRROR.split(".", maxsplit=1)[0] in messages[-1]["content"]


def test_a_template_is_not_observed(person: Client, tables: Tables, model_server: ModelServer) -> None:
    """The filter of the mapping lets it go by: no invocation, no call."""
    greeted = person.turn("Hello!").json()
    assert greeted["reply"]["kind"] == "template"
    told = person.turn(TELLING, session_id=greeted["session_id"]).json()

    assert tables.observation(told, PATIENCE) is not None
    assert tables.observation(greeted) is None
    assert not any("Hello!" in asked[-1]["content"] for asked in model_server.observations)


FAULTS = {
    "killed": Behaviour(status=500),
    "nonsense": Behaviour("I believe that they are sad."),
    "time-out": Behaviour("one two three four five six seven", drip_seconds=1.0),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_model_costs_one_observation_and_nothing_else(
    fault: str, person: Client, tables: Tables, model_server: ModelServer, stack: LocalStack
) -> None:
    """The person has the reply, the turn is skipped and counted, and the next one is observed."""
    model_server.sentinel_script = lambda _messages: FAULTS[fault]
    skipped = person.turn(TELLING).json()
    _wait_until(lambda: bool(model_server.observations))
    model_server.sentinel_script = lambda _messages: noticed(0)
    later = person.turn(TELLING, session_id=skipped["session_id"]).json()

    assert tables.observation(later, PATIENCE) is not None
    assert tables.observation(skipped) is None
    for answer in (skipped, later):
        assert answer["reply"] == {"text": MIRROR, "kind": "answer"}
        assert tables.event(answer["turn_id"]) is not None
    reason = {"killed": "provider", "nonsense": "unreadable", "time-out": "timeout"}[fault]
    lines = [line for text in logged(stack) for line in text.splitlines() if skipped["turn_id"] in line]
    assert any(f'"outcome":"{reason}"' in line.replace(": ", ":") for line in lines)


def test_a_miss_reaches_the_people_on_call_without_a_word_of_it(
    person: Client, tables: Tables, model_server: ModelServer, stack: LocalStack
) -> None:
    """What the screen let through is looked at by a human being who knows where to look."""
    stack.outbox_messages()
    model_server.sentinel_script = lambda _messages: noticed(3)
    canary = f"canarymiss{uuid.uuid4().hex}"

    answer = person.turn(f"{TELLING} {canary}").json()

    item = tables.observation(answer, PATIENCE)
    assert item is not None
    assert item["miss"] == {"BOOL": True}
    [mail] = [each for each in stack.outbox_messages() if answer["turn_id"] in each["Message"]]
    facts = json.loads(mail["Message"])
    assert (facts["screened_level"], facts["sentinel_level"]) == (answer["crisis"]["level"], 3)
    assert canary not in json.dumps(mail)
    assert canary not in "".join(logged(stack))


def test_a_crisis_turn_is_observed_too(person: Client, tables: Tables, model_server: ModelServer) -> None:
    """And is no miss where the screen was right."""
    model_server.sentinel_script = lambda _messages: noticed(4)

    item = tables.observation(person.turn(ACTIVE_RISK).json(), PATIENCE)

    assert item is not None
    assert (item["miss"], item["screened_level"]) == ({"BOOL": False}, {"N": "3"})


def test_deleting_a_session_deletes_what_was_observed(person: Client, tables: Tables) -> None:
    """Through the API; nothing of the session is left but its tombstone."""
    answer = person.turn(TELLING).json()
    assert tables.observation(answer, PATIENCE) is not None

    deleted = person.request("DELETE", f"/v1/sessions/{answer['session_id']}")

    assert deleted.json()["turns_deleted"] == 1
    ours = f"SESSION#{answer['session_id']}"
    left = [item["sk"]["S"] for item in tables.items("Conversations") if item["pk"]["S"] == ours]
    assert left == ["META"]


@pytest.fixture(scope="module")
def small_model() -> Iterator[str]:
    """The base URL of the local stack's own small model."""
    with small_model_served() as base_url:
        yield base_url


def test_the_small_model_really_answers(
    small_model: str,
    person: Client,
    tables: Tables,
    functions: Functions,  # noqa: F811 -- the fixture of that name
) -> None:
    """JSON that the schema forces, from a model that somebody else wrote and a server that is not ours.

    Reading the instructions for the first time may take it longer than it has: then that turn is skipped, and
    the next one is quicker because the server has kept them.
    """
    with (
        functions.with_variable("Sentinel", "LLM_MODEL_ID", MODEL_ALIAS),
        functions.with_variable("Sentinel", "LLM_BASE_URL", small_model),
    ):
        items = []
        for _ in range(4):
            items.append(tables.observation(person.turn(TELLING).json(), 15))
            if items[-1] is not None:
                break

    item = items[-1]
    assert item is not None
    assert item["model_id"] == {"S": MODEL_ALIAS}
    assert int(item["tokens_output"]["N"]) > 10
    assert -1 <= float(item["valence"]["N"]) <= 1


def _wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)
