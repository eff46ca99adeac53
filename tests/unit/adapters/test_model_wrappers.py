"""Deadline, retry and fallback: wrappers that are models themselves."""

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest

from silent_infinity.adapters.llm.composed import ComposedModel
from silent_infinity.adapters.llm.deadline import DeadlineModel
from silent_infinity.adapters.llm.fallback import FallbackModel, Link
from silent_infinity.adapters.llm.lazy import LazyModel
from silent_infinity.adapters.llm.retry import RetryModel
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.domain.turn import Usage
from silent_infinity.ports.llm import (
    LiveModelForbiddenError,
    ModelError,
    ModelReply,
    ModelRequest,
    ModelTimeoutError,
    TransientModelError,
)
from tests.unit.adapters.doubles import START, START_MS, Doing, Script, Stuck, a_reply, a_request

HAIKU, SONNET = "claude-haiku-4-5", "claude-sonnet-4-6"


class WallClock:
    """The real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def in_seconds(seconds: float) -> int:
    """Return a deadline on the real clock."""
    return int((time.time() + seconds) * 1000)


def test_a_model_that_hangs_is_left_behind() -> None:
    """The person's answer must not wait for a provider that keeps a socket open."""
    stuck = Stuck()
    started = time.monotonic()

    with pytest.raises(ModelTimeoutError, match=r"^deadline:left-behind$"):
        DeadlineModel(stuck, WallClock()).complete(a_request(deadline_ms=in_seconds(0.3)))

    assert time.monotonic() - started < 1
    assert stuck.begun.is_set()
    stuck.let_go.set()


def test_the_inner_model_hears_of_an_earlier_deadline() -> None:
    """It needs a moment to hand over what it has, such as the sentences of a teaching reply."""
    clock = FixedClock(START)
    inner = Script(a_reply())

    DeadlineModel(inner, clock).complete(a_request(deadline_ms=START_MS + 5_000))

    assert inner.asked[0].deadline_ms == START_MS + 4_850


def test_a_generation_has_no_more_time_than_its_class_gives_it() -> None:
    """A teaching reply is cut after eight seconds, even when the workflow would allow twenty."""
    clock = FixedClock(START)
    inner = Script(a_reply())

    DeadlineModel(inner, clock).complete(a_request(turn_class="TC5", deadline_ms=START_MS + 20_000))

    assert inner.asked[0].deadline_ms == START_MS + 7_850


def test_without_time_the_inner_model_is_not_asked() -> None:
    """A call that cannot end in time only costs money."""
    inner = Script(a_reply())

    with pytest.raises(ModelTimeoutError, match=r"^deadline:no-time$"):
        DeadlineModel(inner, FixedClock(START)).complete(a_request(deadline_ms=START_MS + 100))

    assert inner.asked == []


@pytest.mark.parametrize(
    "error", [TransientModelError("x:busy"), LiveModelForbiddenError("no"), KeyError("k")]
)
def test_errors_cross_the_thread_as_they_are(error: Exception) -> None:
    """Retry and fallback decide by the kind of error; a bug must stay visible as a bug."""

    def fail(_request: ModelRequest) -> ModelReply:
        raise error

    with pytest.raises(type(error)) as caught:
        DeadlineModel(Doing(fail), WallClock()).complete(a_request(deadline_ms=in_seconds(5)))

    assert caught.value is error


def test_a_call_left_behind_does_not_keep_the_process_alive() -> None:
    """A process that cannot end is killed, and whatever it had to say is lost."""
    program = """
import time
from datetime import datetime, UTC
from silent_infinity.adapters.llm.deadline import DeadlineModel
from silent_infinity.ports.llm import ModelRequest, ModelTimeoutError
class Wall:
    def now(self): return datetime.now(UTC)
class Hangs:
    def complete(self, request): time.sleep(60)
request = ModelRequest((), (), "m", 1, 0.0, int(time.time() * 1000) + 300, "TC4", "", "")
try:
    DeadlineModel(Hangs(), Wall()).complete(request)
except ModelTimeoutError as error:
    print(error)
"""
    done = subprocess.run(  # noqa: S603 -- this very interpreter, with a program written above
        [sys.executable, "-c", program],
        env={"PYTHONPATH": "functions/layer/python"},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )

    assert done.stdout == "deadline:left-behind\n"


def test_many_calls_left_behind_leave_no_waiting_thread_when_they_end() -> None:
    """The threads end with their calls; nothing accumulates once the provider is back."""
    stuck = Stuck()
    for _ in range(3):
        with pytest.raises(ModelTimeoutError):
            DeadlineModel(stuck, WallClock()).complete(a_request(deadline_ms=in_seconds(0.2)))
    stuck.let_go.set()

    for thread in [thread for thread in threading.enumerate() if thread.name == "model-call"]:
        thread.join(2)
        assert not thread.is_alive()


def retrying(inner: Script, clock: FixedClock, pauses: list[float], luck: float = 0.5) -> RetryModel:
    """Return a retrying model that writes down its pauses."""
    return RetryModel(inner, clock, sleep=pauses.append, randomness=lambda: luck)


@pytest.mark.parametrize(("luck", "pause"), [(0.0, 0.075), (0.5, 0.15), (1.0, 0.225)])
def test_an_error_that_may_pass_is_tried_once_more(luck: float, pause: float) -> None:
    """With jitter: callers who were throttled together must not come back together."""
    inner = Script(TransientModelError("bedrock:ThrottlingException"), a_reply())
    pauses: list[float] = []

    reply = retrying(inner, FixedClock(START), pauses, luck).complete(a_request())

    assert reply == a_reply(retry_count=1, notes=("bedrock:ThrottlingException",))
    assert pauses == [pytest.approx(pause)]
    assert len(inner.asked) == 2


def test_the_second_failure_is_final() -> None:
    """The next one in the chain is waiting."""
    inner = Script(TransientModelError("a"), TransientModelError("b"))

    with pytest.raises(TransientModelError, match=r"^b$"):
        retrying(inner, FixedClock(START), []).complete(a_request())


def test_what_cannot_pass_is_not_tried_again() -> None:
    """A refused request is refused again."""
    inner = Script(ModelError("bedrock:ValidationException"))

    with pytest.raises(ModelError):
        retrying(inner, FixedClock(START), []).complete(a_request())

    assert len(inner.asked) == 1


@pytest.mark.parametrize(
    ("turn_class", "attempts"), [("TC1", 1), ("TC3", 1), ("TC4", 2), ("TC5", 2), ("TC6", 2)]
)
def test_the_class_decides_whether_there_is_a_retry(turn_class: str, attempts: int) -> None:
    """The crisis screen has one attempt; small talk goes to the other model instead."""
    inner = Script(TransientModelError("a"), TransientModelError("b"))

    with pytest.raises(TransientModelError):
        retrying(inner, FixedClock(START), []).complete(a_request(turn_class=turn_class))

    assert len(inner.asked) == attempts


def test_a_crisis_reply_is_tried_again_without_a_pause() -> None:
    """Seconds count there more than anywhere."""
    pauses: list[float] = []

    retrying(Script(TransientModelError("a"), a_reply()), FixedClock(START), pauses).complete(
        a_request(turn_class="TC6")
    )

    assert pauses == [0.0]


def test_a_retry_needs_time_to_be_of_use() -> None:
    """Less than a second is better left to the composer."""
    clock = FixedClock(START)
    inner = Script(TransientModelError("a"), a_reply(), clock=clock, takes=9.0)

    with pytest.raises(TransientModelError, match=r"^a$"):
        retrying(inner, clock, []).complete(a_request())

    assert len(inner.asked) == 1


def chain(*links: Link, clock: FixedClock | None = None) -> FallbackModel:
    """Return a chain on a clock that stands still unless a test moves it."""
    return FallbackModel(links, clock or FixedClock(START))


def test_the_first_reply_is_served_as_it_is() -> None:
    """Nothing that did not happen is reported."""
    second = Script(a_reply("other"))

    reply = chain(Link(Script(a_reply())), Link(second)).complete(a_request())

    assert reply == a_reply()
    assert second.asked == []


def test_the_fallback_models_come_after_the_requested_one() -> None:
    """Small talk goes from Haiku to Sonnet at the same provider before anybody composes."""
    provider = Script(TransientModelError("bedrock:ThrottlingException"), a_reply())

    reply = chain(Link(provider)).complete(a_request(model_id=HAIKU, fallback_models=(SONNET,)))

    assert [request.model_id for request in provider.asked] == [HAIKU, SONNET]
    assert reply.fallback_used is True
    assert reply.notes == ("bedrock:ThrottlingException",)


@pytest.mark.parametrize(
    ("refused", "note"),
    [
        (a_reply("  \n"), "scripted:empty"),
        (a_reply("I cannot", finish_reason="content_filtered"), "scripted:guarded"),
    ],
    ids=["empty", "guarded"],
)
def test_a_reply_that_cannot_be_served_is_no_reply(refused: ModelReply, note: str) -> None:
    """It has to be paid for all the same."""
    reply = chain(Link(Script(refused)), Link(Script(a_reply("Hello.")))).complete(a_request())

    assert reply.text == "Hello."
    assert reply.notes == (note,)
    assert reply.usage == Usage(20, 10, cost_usd=0.002)


def test_a_reply_cut_by_its_length_is_a_reply() -> None:
    """Validation decides what becomes of it."""
    cut = a_reply("You keep", finish_reason="length")

    assert chain(Link(Script(cut)), Link(Script())).complete(a_request()) == cut


def test_a_link_that_ignores_names_is_asked_once() -> None:
    """The composer has no other model to offer."""
    composer = Script(ModelError("composer:declines-crisis"))

    with pytest.raises(ModelError):
        chain(Link(composer, ignores_model_id=True)).complete(a_request(fallback_models=(SONNET, HAIKU)))

    assert len(composer.asked) == 1


def test_when_nobody_answers_the_error_names_every_reason() -> None:
    """An operator has to see which providers are down, and with what."""
    links = [Link(Script(ModelTimeoutError("bedrock:timeout"))), Link(Script(ModelError("openai:http-401")))]

    with pytest.raises(ModelError, match=r"^bedrock:timeout,openai:http-401$"):
        chain(*links).complete(a_request())


def test_each_leaves_time_for_those_who_come_after() -> None:
    """A slow first model must not use up what the second one needs."""
    clock = FixedClock(START)
    first = Script(ModelTimeoutError("first:timeout"), clock=clock, takes=4.8)
    second = Script(ModelTimeoutError("second:timeout"), clock=clock, takes=2.5)
    last = Script(a_reply())

    chain(Link(first, 2_500), Link(second, 2_500), Link(last, 200), clock=clock).complete(a_request())

    assert first.asked[0].deadline_ms == START_MS + 10_000 - 2_700
    assert second.asked[0].deadline_ms == START_MS + 10_000 - 200
    assert last.asked[0].deadline_ms == START_MS + 10_000


def test_a_link_whose_time_is_gone_is_skipped() -> None:
    """The composer answers in time instead of a model that would answer too late."""
    clock = FixedClock(START)
    first = Script(ModelTimeoutError("first:timeout"), clock=clock, takes=9.9)
    second = Script(a_reply("late"))

    reply = chain(Link(first), Link(second), Link(Script(a_reply("Hello.")), 200), clock=clock).complete(
        a_request()
    )

    assert second.asked == []
    assert reply.text == "Hello."
    assert reply.notes == ("first:timeout", "chain:no-time")


def test_a_bug_is_not_a_reason_to_fall_back() -> None:
    """Swallowed, it would look like an outage for ever."""

    def fail(_request: ModelRequest) -> ModelReply:
        raise KeyError("bug")

    with pytest.raises(KeyError):
        chain(Link(Doing(fail)), Link(Script(a_reply()))).complete(a_request())


@pytest.mark.parametrize("turn_class", ["TC3", "TC4", "TC5"])
def test_the_composer_always_has_a_reply(turn_class: str) -> None:
    """It is what is left when every provider is down, and it says the same thing to the same words."""
    composer = ComposedModel(FixedClock(START))
    request = a_request(turn_class=turn_class, message="I keep losing sleep over my exams.")

    reply = composer.complete(request)

    assert reply.text
    assert reply == composer.complete(request)
    assert (reply.provider, reply.model_id, reply.usage) == ("composer", "reflective-composer", Usage())


def test_the_composer_does_not_speak_in_a_crisis() -> None:
    """There, the last resort is text that people vetted."""
    with pytest.raises(ModelError, match=r"^composer:declines-crisis$"):
        ComposedModel(FixedClock(START)).complete(a_request(turn_class="TC6"))


def test_provider_deadline_retry_and_composer_together() -> None:
    """The chain as it is wired: a throttled provider, its retry, its other model, and then the composer."""
    clock = FixedClock(START)
    provider = Script(*[TransientModelError(f"bedrock:{number}") for number in range(4)])
    guarded = DeadlineModel(RetryModel(provider, clock, sleep=lambda _s: None), clock)

    reply = chain(Link(guarded, 2_500), Link(ComposedModel(clock), 200, ignores_model_id=True)).complete(
        a_request(fallback_models=("claude-opus-4-7",))
    )

    assert reply.provider == "composer"
    assert reply.fallback_used is True
    assert reply.notes == ("bedrock:1", "bedrock:3")


def test_a_lazy_model_is_made_by_the_first_request_and_kept() -> None:
    """Its SDK is what a cold start must not pay for, and a connection is worth keeping."""
    made: list[Script] = []

    def make() -> Script:
        made.append(Script(a_reply(), a_reply()))
        return made[-1]

    lazy = LazyModel(make)
    assert made == []
    lazy.complete(a_request())
    lazy.complete(a_request())

    assert [len(model.asked) for model in made] == [2]


def test_a_lazy_model_that_could_not_be_made_is_tried_again() -> None:
    """A key that could not be fetched once must not silence the model for the life of the process."""
    outcomes: list[Script | Exception] = [KeyError("no key"), Script(a_reply())]

    def make() -> Script:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    lazy = LazyModel(make)
    with pytest.raises(KeyError):
        lazy.complete(a_request())

    assert lazy.complete(a_request()).text


def test_a_lazy_model_is_made_once_by_requests_that_come_together() -> None:
    """One of them was left behind by its deadline while it was still importing the SDK."""
    made: list[Script] = []
    making = threading.Event()

    def make() -> Script:
        making.set()
        time.sleep(0.1)
        made.append(Script(a_reply(), a_reply()))
        return made[-1]

    lazy = LazyModel(make)
    first = threading.Thread(target=lazy.complete, args=(a_request(),))
    first.start()
    making.wait(5)
    lazy.complete(a_request())
    first.join()

    assert len(made) == 1
