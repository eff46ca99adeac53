"""The fault matrix of the models: whatever a provider does, people get a reply in time, and pay for it once.

The generate function gets a table of counters of its own here: breakers that other tests tripped, and what
the sentinel spends, are in another one. Times are logged: `--log-cli-level=INFO` shows them.
"""

import logging
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from local.stack.stack import LocalStack
from silent_infinity.domain.gateway import gateway_rules
from silent_infinity.domain.initial_variants import initial_variants
from silent_infinity.domain.variants import bucket
from tests.e2e.conftest import Client, Tables
from tests.e2e.counters import Counters
from tests.e2e.test_faults import ACTIVE_RISK, Functions, functions  # noqa: F401 -- the last is a fixture
from tests.support.model_server import Behaviour, ModelServer
from tests.support.world import MIRROR, TELLING

logger = logging.getLogger(__name__)

CEILING_SECONDS = 28.0
PROVIDER = "openai_compatible"
HAIKU, SONNET = "claude-haiku-4-5", "claude-sonnet-4-6"
CANARY = "canarydraft"
"""Stands in every draft that must not be served."""

MESSAGES = {
    "TC3": "made pancakes for dinner because why not",
    "TC4": TELLING,
    "TC5": "How does breathing slowly calm the body down?",
    "TC6": "Lately I wish I could fall asleep and not wake up again.",
}
"""A message of each class that a model answers."""

ASKED = {
    ("TC3", HAIKU): [HAIKU, SONNET],
    ("TC3", SONNET): [SONNET],
    ("TC4", SONNET): [SONNET, SONNET],
    ("TC5", SONNET): [SONNET, SONNET],
}
"""Who is asked, in order, when all fail in a way that may pass: by class, and the model of its variant."""


@pytest.fixture(scope="module")
def own_counters(stack: LocalStack, functions: Functions, tables: Tables) -> Iterator[Counters]:  # noqa: F811
    """Counters that nobody but this module's turns writes to."""
    counters = Counters(stack, tables)
    with functions.with_variable("Generate", "LIMITS_TABLE", counters.name):
        # On a busy machine a function's first process may not be there in time.
        first = Client(stack, f"first-{uuid.uuid4().hex[:12]}")
        warm = any(first.turn(TELLING).json()["reply"]["kind"] == "answer" for _ in range(5))
        assert warm
        yield counters
    counters.remove()


@pytest.fixture
def counters(own_counters: Counters) -> Counters:
    """The counters at nothing, and all breakers closed."""
    own_counters.forget()
    return own_counters


@dataclass(frozen=True)
class Fault:
    """What the provider does, and what the record of a call says then. None: nobody listens at its port.

    A `final` fault is not tried again, but another model may know better.
    """

    behaviour: Behaviour | None
    outcome: str
    final: bool = False


DRAFT = f"{CANARY} {MIRROR}"
FAULTS = {
    "killed": Fault(None, f"{PROVIDER}:unreachable"),
    "killed in the middle of a stream": Fault(Behaviour(DRAFT, dies_after=20), f"{PROVIDER}:truncated"),
    "429": Fault(Behaviour(status=429), f"{PROVIDER}:http-429"),
    "429, quota spent": Fault(
        Behaviour(status=429, error="insufficient_quota"), f"{PROVIDER}:http-429", final=True
    ),
    "500": Fault(Behaviour(status=500), f"{PROVIDER}:http-500"),
    "503": Fault(Behaviour(status=503), f"{PROVIDER}:http-503"),
    "529": Fault(Behaviour(status=529), f"{PROVIDER}:http-529"),
    "garbage body": Fault(Behaviour(body=f"<html>{CANARY}</html>\n\n".encode()), f"{PROVIDER}:truncated"),
    "garbage event": Fault(Behaviour(body=f"data: {CANARY}\n\n".encode()), f"{PROVIDER}:malformed"),
    "half an event": Fault(
        Behaviour(body=b'data: {"choices": [{"delta": {"content": "' + CANARY.encode() + b"\n\n"),
        f"{PROVIDER}:malformed",
    ),
    "empty reply": Fault(Behaviour(""), "empty", final=True),
    "stopped by the provider's guard": Fault(
        Behaviour(DRAFT, finish="content_filter"), "guarded", final=True
    ),
    "refusal": Fault(Behaviour(DRAFT, refusal=f"{CANARY} I cannot."), "guarded", final=True),
}
CASES = [
    *((("TC4", SONNET), name) for name in FAULTS),
    *(
        (case, name)
        for case in (("TC3", HAIKU), ("TC3", SONNET), ("TC5", SONNET))
        for name in ("killed", "killed in the middle of a stream", "500", "garbage event", "empty reply")
    ),
]


@pytest.mark.parametrize(
    ("case", "name"), CASES, ids=lambda value: value if isinstance(value, str) else "-".join(value)
)
def test_a_fault_of_the_provider_still_ends_in_a_reply(
    case: tuple[str, str], name: str, person: Client, model_server: ModelServer, counters: Counters
) -> None:
    """In time, of the right kind, without a word of the draft, recorded once, and charged as it was used."""
    (turn_class, model), fault = case, FAULTS[name]
    behaviour = fault.behaviour
    session = {"session_id": _small_talk_session(person, model)} if turn_class == "TC3" else {}
    if behaviour is not None:
        model_server.script = lambda _messages: behaviour
    started = time.monotonic()

    with model_server.gone() if behaviour is None else nullcontext():
        response = person.turn(MESSAGES[turn_class], locale="en-US", **session)

    seconds = time.monotonic() - started
    logger.info("%s, %s: %.2f s, %d requests", turn_class, name, seconds, len(model_server.requests))
    assert response.status_code == 200
    assert seconds < CEILING_SECONDS
    assert CANARY not in response.text
    answer = response.json()
    assert answer["turn_class"] == turn_class
    assert answer["reply"]["kind"] == "fallback"
    recorded = counters.recorded(answer)
    asked = list(dict.fromkeys(ASKED[case])) if fault.final else ASKED[case]
    assert model_server.asked == ([] if behaviour is None else asked)
    assert recorded.outcomes == [fault.outcome] * len(asked)
    assert [call["model_asked"] for call in recorded.calls] == asked
    assert "model" in recorded.degraded
    assert recorded.adds_up()
    assert counters.agree([recorded])


def _small_talk_session(person: Client, model: str) -> str:
    """Greet until a session falls to the model: Haiku is a canary, and has one in five."""
    (canary,) = (arm for arm in initial_variants() if arm.category == "SMALL_TALK_MODEL" and arm.ranges)
    for _ in range(120):
        session_id = str(person.turn("Hello!", locale="en-US").json()["session_id"])
        place = bucket(canary.seed, canary.category, session_id)
        if any(start <= place < end for start, end in canary.ranges) == (model == canary.variant_id):
            return session_id
    raise AssertionError(f"no session fell to {model}")


def test_a_crisis_is_met_with_vetted_words_when_the_model_fails(
    person: Client,
    functions: Functions,  # noqa: F811
    model_server: ModelServer,
    counters: Counters,
) -> None:
    """The same faults for TC6, in a process that knows of none before: it goes by what it meets itself."""
    with functions.with_variable("Generate", "ANOTHER_PROCESS", "crisis"):
        answers = {}
        for name in ("killed", "killed in the middle of a stream", "garbage event"):
            behaviour = FAULTS[name].behaviour or Behaviour(DRAFT)
            model_server.script = lambda _messages, behaviour=behaviour: behaviour  # type: ignore[misc]
            model_server.forget()
            started = time.monotonic()
            with model_server.gone() if name == "killed" else nullcontext():
                response = person.turn(MESSAGES["TC6"], locale="en-US")
            seconds = time.monotonic() - started
            logger.info("TC6, %s: %.2f s, %d requests", name, seconds, len(model_server.requests))
            assert response.status_code == 200
            assert seconds < CEILING_SECONDS
            assert CANARY not in response.text
            answers[name] = response.json()

    for name, answer in answers.items():
        assert (answer["turn_class"], answer["reply"]["kind"]) == ("TC6", "crisis"), name
        assert "988" in answer["reply"]["text"], name
        assert answer["crisis"]["resources"], name
    recorded = [counters.recorded(answer) for answer in answers.values()]
    assert [turn.outcomes for turn in recorded] == [
        [FAULTS["killed"].outcome] * 2,
        [FAULTS["killed in the middle of a stream"].outcome] * 2,
        ["breaker:open"],
    ]
    assert all(turn.adds_up() for turn in recorded)
    assert counters.agree(recorded)


def test_a_reply_of_another_model_is_paid_for_and_not_served(
    person: Client, model_server: ModelServer, counters: Counters
) -> None:
    """TC4 is never served by Haiku, whoever puts it there."""
    model_server.script = lambda _messages: Behaviour(DRAFT, model=HAIKU)

    response = person.turn(TELLING)

    assert response.json()["reply"]["kind"] == "fallback"
    assert CANARY not in response.text
    recorded = counters.recorded(response.json())
    assert recorded.outcomes == ["guard:never-family"]
    assert [call["model_answered"] for call in recorded.calls] == [HAIKU]
    assert recorded.settled_micro_usd > 0
    assert recorded.adds_up()
    assert counters.agree([recorded])


def test_slow_providers_hand_over_before_the_ceiling(
    stack: LocalStack, model_server: ModelServer, counters: Counters
) -> None:
    """Nothing at all for a minute, or a word now and then: the class's time is all that anybody waits."""
    silent = Behaviour(DRAFT, first_byte_seconds=60)
    dripping = Behaviour(f"{DRAFT} " * 20, drip_seconds=0.5)
    script = {"TC3": dripping, "TC4": silent, "TC5": dripping, "TC6": silent}
    model_server.script = lambda messages: next(
        behaviour
        for turn_class, behaviour in script.items()
        if MESSAGES[turn_class] in messages[-1]["content"]
    )

    people = {turn_class: Client(stack, f"patient-{uuid.uuid4().hex[:12]}") for turn_class in script}

    def turn(turn_class: str) -> tuple[float, httpx.Response]:
        started = time.monotonic()
        response = people[turn_class].turn(MESSAGES[turn_class], locale="en-US")
        return time.monotonic() - started, response

    with ThreadPoolExecutor(len(script)) as pool:
        turns = dict(zip(script, pool.map(turn, script), strict=True))

    for turn_class, (seconds, response) in turns.items():
        logger.info(
            "%s, %s: %.2f s", turn_class, "dripping" if script[turn_class] is dripping else "silent", seconds
        )
        answer = response.json()
        assert response.status_code == 200, turn_class
        assert seconds < CEILING_SECONDS, turn_class
        assert CANARY not in response.text, turn_class
        assert answer["reply"]["kind"] == ("crisis" if turn_class == "TC6" else "fallback"), turn_class
    recorded = [counters.recorded(response.json()) for _, response in turns.values()]
    assert all(turn.adds_up() for turn in recorded)
    assert counters.agree(recorded)


def test_the_breaker_opens_for_everybody_and_closes_after_one_probe(
    person: Client,
    functions: Functions,  # noqa: F811
    model_server: ModelServer,
    counters: Counters,
) -> None:
    """A provider that is down is left alone: nobody waits for it, and it is not asked to death."""
    rules = gateway_rules().breaker
    key = f"{PROVIDER}/{SONNET}"
    model_server.script = lambda _messages: Behaviour(status=500)
    while not counters.breaker(key).get("open_until_ms"):
        assert len(model_server.requests) < rules.failures
        person.turn(TELLING)
    opened = time.monotonic()
    assert len(model_server.requests) == rules.failures

    refused = [_timed(person, TELLING), _timed(person, TELLING)]
    with functions.with_variable("Generate", "ANOTHER_PROCESS", "1"):
        # A version of its own has processes of its own, which know of the failures from the table only.
        elsewhere = person.turn(TELLING).json()
    assert len(model_server.requests) == rules.failures
    for seconds, answer in refused:
        logger.info("breaker open: %.2f s", seconds)
        assert answer["reply"]["kind"] == "fallback"
        assert counters.recorded(answer).outcomes == ["breaker:open"]
        assert "model" in counters.recorded(answer).degraded
    assert counters.recorded(elsewhere).outcomes == ["breaker:open"]

    crisis = person.turn(MESSAGES["TC6"], locale="en-US").json()
    assert crisis["reply"]["kind"] == "crisis"
    assert "988" in crisis["reply"]["text"]

    model_server.script = lambda _messages: Behaviour(MIRROR)
    model_server.forget()
    time.sleep(max(0.0, opened + (rules.open_ms + rules.seen_ms) / 1000 - time.monotonic()))
    probe, free = person.turn(TELLING).json(), person.turn(TELLING).json()

    assert [answer["reply"]["text"] for answer in (probe, free)] == [MIRROR, MIRROR]
    assert model_server.asked == [SONNET, SONNET]
    state = counters.breaker(key)
    assert (state["open_until_ms"], state["failures"]) == (0, 0)


def _timed(person: Client, message: str) -> tuple[float, dict[str, Any]]:
    started = time.monotonic()
    answer: dict[str, Any] = person.turn(message).json()
    return time.monotonic() - started, answer


@pytest.mark.parametrize("part", ["Generate", "Capture"])
def test_without_counters_turns_go_on(
    part: str,
    person: Client,
    functions: Functions,  # noqa: F811
    counters: Counters,
) -> None:
    """A table of numbers must not decide about a conversation, least of all about a crisis."""
    with functions.with_variable(part, "LIMITS_TABLE", "no-such-table"):
        answer = person.turn(TELLING).json()
        crisis = person.turn(ACTIVE_RISK, locale="en-US").json()

    assert answer["reply"] == {"text": MIRROR, "kind": "answer"}
    mark = {"Generate": "budget", "Capture": "limits"}[part]
    assert mark in counters.recorded(answer).degraded
    assert crisis["reply"]["kind"] == "crisis"
    assert "988" in crisis["reply"]["text"]
