"""Money on the deployed system: every call is charged once, and a day's cap holds whoever comes at once.

As in the fault matrix, the generate function has a table of counters of its own.
"""

import logging
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx

from local.stack.stack import LocalStack
from silent_infinity.adapters.aws.breakers import DynamoBreakerStore
from silent_infinity.adapters.aws.spend import DynamoSpendStore
from silent_infinity.adapters.llm.budget import SpendPolicy
from silent_infinity.adapters.llm.composition import Gateway, GatewayStores, Parts
from silent_infinity.adapters.llm.openai_compatible import OpenAICompatibleModel
from silent_infinity.adapters.memory.metrics import MemoryMetrics
from silent_infinity.adapters.system.clock import SystemClock
from silent_infinity.domain.budget import micro_usd, most_input_tokens, most_micro_usd
from silent_infinity.domain.gateway import gateway_rules
from silent_infinity.domain.limits import utc_day
from silent_infinity.domain.spend import day_key
from silent_infinity.domain.turn import SystemBlock, Utterance
from silent_infinity.ports.clock import unix_ms
from silent_infinity.ports.llm import ModelReply, ModelRequest
from tests.e2e.conftest import Client
from tests.e2e.counters import Counters
from tests.e2e.test_faults import Functions, functions  # noqa: F401 -- the last is a fixture
from tests.e2e.test_model_faults import (  # noqa: F401 -- two are fixtures
    CEILING_SECONDS,
    MESSAGES,
    PROVIDER,
    SONNET,
    counters,
    own_counters,
)
from tests.support.model_server import Behaviour, ModelServer
from tests.support.world import MIRROR, TELLING

logger = logging.getLogger(__name__)

CALLERS = 50
UNFINISHED = Behaviour("Dear [name], thank you for your message. [insert a reflection]")
"""A draft that no validation lets through."""


def test_a_request_that_is_repeated_is_charged_once(
    person: Client,
    model_server: ModelServer,
    counters: Counters,  # noqa: F811
) -> None:
    """Over a bad connection the same message comes three times at once and once more."""
    key = str(uuid.uuid4())
    with ThreadPoolExecutor(3) as pool:
        answers = [
            response.json() for response in pool.map(lambda _: person.turn(TELLING, key=key), range(3))
        ]
    answers.append(person.turn(TELLING, key=key).json())

    assert len({answer["turn_id"] for answer in answers}) == 1
    recorded = counters.recorded(answers[0])
    assert recorded.outcomes == ["ok"]
    assert len(model_server.requests) == 1
    assert recorded.tokens > 0
    assert counters.agree([recorded])


def test_each_call_of_a_turn_is_charged_once(
    person: Client,
    model_server: ModelServer,
    counters: Counters,  # noqa: F811
) -> None:
    """A retry, a draft that does not pass and a second attempt: three calls, two of which cost something."""
    replies = iter([Behaviour(status=500), UNFINISHED, Behaviour(MIRROR)])
    model_server.script = lambda _messages: next(replies)

    answer = person.turn(TELLING).json()

    assert answer["reply"] == {"text": MIRROR, "kind": "answer"}
    recorded = counters.recorded(answer)
    assert recorded.outcomes == [f"{PROVIDER}:http-500", "ok", "ok"]
    assert recorded.event["attempts"] == 2
    assert recorded.adds_up()
    assert [call["tokens_output"] for call in recorded.calls[1:]] == [
        UNFINISHED.output_tokens,
        Behaviour(MIRROR).output_tokens,
    ]
    assert counters.agree([recorded])


def test_a_turn_that_is_recorded_later_is_charged_once(
    person: Client,
    functions: Functions,  # noqa: F811
    model_server: ModelServer,
    counters: Counters,  # noqa: F811
) -> None:
    """Its record waits in the queue; meanwhile the person sends the message again."""
    key = str(uuid.uuid4())
    with functions.with_variable("Feedback", "TURN_EVENTS_TABLE", "no-such-table"):
        first = person.turn(TELLING, key=key).json()
    again = person.turn(TELLING, key=key).json()

    assert again == first
    recorded = counters.recorded(first, patience_seconds=30)
    assert recorded.outcomes == ["ok"]
    assert len(model_server.requests) == 1
    assert counters.agree([recorded])


def test_a_days_cap_holds_for_fifty_callers_at_once(
    stack: LocalStack,
    model_server: ModelServer,
    counters: Counters,  # noqa: F811
) -> None:
    """Fifty threads behind five gateways, which know of each other through the table alone.

    Each calls twice, and asks again although it was refused. One in ten is in a crisis: those calls are
    counted, and made whatever is spent.
    """
    cap = 300_000
    model_server.script = lambda _messages: Behaviour(MIRROR, prompt_tokens=2_800, first_byte_seconds=0.2)
    gateways = [_gateway(stack, model_server, counters, cap) for _ in range(5)]
    begin = threading.Barrier(CALLERS)

    def call(caller: int) -> list[tuple[str, ModelReply]]:
        turn_class = "TC6" if caller % 10 == 0 else "TC4"
        begin.wait()
        return [
            (turn_class, gateways[caller % len(gateways)].complete(_request(turn_class))) for _ in range(2)
        ]

    started = time.monotonic()
    with ThreadPoolExecutor(CALLERS) as pool:
        replies = [reply for made in pool.map(call, range(CALLERS)) for reply in made]

    assert all(reply.text for _, reply in replies)
    crises = [reply for turn_class, reply in replies if turn_class == "TC6"]
    assert {reply.provider for reply in crises} == {PROVIDER}
    served = [reply for turn_class, reply in replies if turn_class == "TC4" and reply.provider == PROVIDER]
    refused = [reply for turn_class, reply in replies if turn_class == "TC4" and reply not in served]
    spent = sum(micro_usd(reply.usage) for reply in served)
    of_crises = sum(micro_usd(reply.usage) for reply in crises)
    logger.info(
        "%d callers, %.1f s: %d of %d calls served for %d of %d micro-dollars, %d of crises for %d",
        CALLERS,
        time.monotonic() - started,
        len(served),
        len(served) + len(refused),
        spent,
        cap,
        len(crises),
        of_crises,
    )
    assert served
    assert refused
    assert all("budget:day" in reply.notes for reply in refused)
    assert not any("budget:unavailable" in reply.notes for _, reply in replies)
    assert spent <= cap
    deadline = time.monotonic() + 10
    while counters.reserved("spend#day#") and time.monotonic() < deadline:
        time.sleep(0.1)  # the crises' counts are written beside their calls
    assert counters.reserved("spend#day#") == []
    assert counters.used("spend#day#") == spent + of_crises


def _request(turn_class: str) -> ModelRequest:
    return ModelRequest(
        system=(SystemBlock("Listen. " * 900, "1h"),),
        messages=(Utterance("user", TELLING),),
        model_id=SONNET,
        max_tokens=384,
        temperature=0.7,
        deadline_ms=unix_ms(SystemClock().now()) + 20_000,
        turn_class=turn_class,
        message=TELLING,
        seed=uuid.uuid4().hex,
    )


def _gateway(stack: LocalStack, server: ModelServer, counted: Counters, cap: int) -> Gateway:
    """Return a gateway as a process has it, over the deployed store and the scripted provider."""
    clock, rules = SystemClock(), gateway_rules()
    client = stack.client("dynamodb")
    return Gateway(
        Parts(
            clock=clock,
            metrics=MemoryMetrics(),
            provider=OpenAICompatibleModel(clock, base_url=server.base_url),
            provider_name=PROVIDER,
            stores=GatewayStores(
                breakers=lambda: DynamoBreakerStore(client, counted.name),
                spend=lambda: DynamoSpendStore(client, counted.name),
            ),
            spend=SpendPolicy(day_micro_usd=cap),
            rules=replace(rules, spend=replace(rules.spend, spent_ms=0)),
        )
    )


def test_when_the_day_is_almost_spent_everybody_is_answered_and_crises_by_a_model(
    stack: LocalStack,
    functions: Functions,  # noqa: F811
    model_server: ModelServer,
    counters: Counters,  # noqa: F811
) -> None:
    """Fifty people over HTTP, as many at a time as a small machine bears, when the day's cap has room for six
    reservations.
    """
    model_server.script = lambda _messages: Behaviour(MIRROR, prompt_tokens=2_800)
    Client(stack, f"measured-{uuid.uuid4().hex[:12]}").turn(TELLING)
    reservation = _reservation(model_server.requests[-1])
    model_server.forget()
    counters.forget()
    cap, room = 1_000_000, 6 * reservation
    counters.spend(day_key(utc_day(unix_ms(SystemClock().now())), 0), cap - room)

    people = [Client(stack, f"one-of-many-{uuid.uuid4().hex[:12]}") for _ in range(CALLERS)]

    def turn(place: int) -> tuple[float, httpx.Response]:
        crisis = place % 10 == 0
        started = time.monotonic()
        response = people[place].turn(MESSAGES["TC6" if crisis else "TC4"], locale="en-US")
        return time.monotonic() - started, response

    with (
        functions.with_variable("Generate", "DAILY_SPEND_CAP_USD", "1"),
        ThreadPoolExecutor(4) as pool,
    ):
        turns = list(pool.map(turn, range(CALLERS)))

    answers = [response.json() for _, response in turns]
    recorded = [counters.recorded(answer) for answer in answers]
    assert {response.status_code for _, response in turns} == {200}
    assert max(seconds for seconds, _ in turns) < CEILING_SECONDS
    kinds = {place: answer["reply"]["kind"] for place, answer in enumerate(answers)}
    assert {kinds[place] for place in range(0, CALLERS, 10)} == {"crisis"}
    for place in range(0, CALLERS, 10):
        # On a busy machine the model may be too slow for a crisis, but money never stands before it.
        assert recorded[place].calls
        assert not any(outcome.startswith("budget") for outcome in recorded[place].outcomes)
    others = [place for place in range(CALLERS) if place % 10]
    assert {kinds[place] for place in others} == {"answer", "fallback"}
    spent = sum(recorded[place].settled_micro_usd for place in others)
    logger.info(
        "%d people: %d model answers, %d composed, slowest %.1f s; spent %d where there was room for "
        "%d, one reservation is %d",
        CALLERS,
        sum(kinds[place] == "answer" for place in others),
        sum(kinds[place] == "fallback" for place in others),
        max(seconds for seconds, _ in turns),
        spent,
        room,
        reservation,
    )
    assert spent <= room + reservation
    fallbacks = [recorded[place] for place in others if kinds[place] == "fallback"]
    # The function that asks may run out of time on a busy machine, and its calls with it; the turn says so.
    asked = [turn for turn in fallbacks if "generate" not in turn.degraded]
    assert len(asked) > len(others) / 2
    for each in asked:
        assert each.outcomes == ["budget:day"], each.degraded
        assert "budget" in each.degraded
        assert each.event["budget_level"] == "minimal"


def _reservation(asked: list[dict[str, str]]) -> int:
    """Return what is reserved for such a request, in millionths of a dollar."""
    system, *spoken = asked
    return most_micro_usd(
        model_id=SONNET,
        provider=PROVIDER,
        day=utc_day(unix_ms(SystemClock().now())),
        input_tokens=most_input_tokens(
            [SystemBlock(system["content"])], [Utterance(said["role"], said["content"]) for said in spoken]
        ),
        max_tokens=384,
        cache_ttls=["1h"],
    )
