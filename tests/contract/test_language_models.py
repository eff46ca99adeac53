"""One suite for every language model: what the chain relies on, whoever answers.

Each provider is asked in both of its forms, streamed and whole, over HTTP in its documented wire format.
"""

import logging
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from silent_infinity.adapters.llm.composed import ComposedModel
from silent_infinity.adapters.llm.deadline import DeadlineModel
from silent_infinity.adapters.llm.streamed import refused
from silent_infinity.domain.turn import SystemBlock, Usage
from silent_infinity.ports.llm import (
    LanguageModel,
    LiveModelForbiddenError,
    ModelError,
    ModelReply,
    ModelRequest,
    ModelTimeoutError,
    TransientModelError,
)
from tests.contract.http_fake import HttpFake, running
from tests.contract.models import SECRET, WallClock, asked
from tests.contract.wire import DIALECTS, Dialect, Said
from tests.contract.wire.dialect import Timing

PROMPT = "canaryq7x: you listen."
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["level"],
    "properties": {"level": {"type": "integer", "minimum": 0, "maximum": 4}},
}
TRANSIENT = (429, 500, 503)
FINAL = (400, 401, 403, 404)


@pytest.fixture
def fake() -> Iterator[HttpFake]:
    """A server in the provider's place."""
    with running() as server:
        yield server


@pytest.fixture(params=DIALECTS, ids=lambda dialect: dialect.name)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """One provider after the other, in each of its forms."""
    chosen: Dialect = request.param
    return chosen


@pytest.fixture
def model(dialect: Dialect, fake: HttpFake) -> LanguageModel:
    """The adapter, in front of the fake."""
    return dialect.connect(fake.url)


def request_for(dialect: Dialect, seconds: float = 5.0, **changes: Any) -> ModelRequest:
    """Return a request in the form that the dialect speaks."""
    values = {"system": (SystemBlock(PROMPT),), "stream": dialect.stream, **changes}
    return asked(seconds, **values)


def failure(model: LanguageModel, request: ModelRequest) -> ModelError:
    """Return the error of a call, which has to be one, and quotes nobody."""
    with pytest.raises(ModelError) as caught:
        model.complete(request)
    shown = "".join(traceback.format_exception(caught.value))
    for text in (SECRET, PROMPT, "key-1"):
        assert text not in shown
        assert text not in repr(vars(caught.value))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return caught.value


def test_a_reply_with_four_kinds_of_tokens_and_their_price(
    dialect: Dialect, fake: HttpFake, model: LanguageModel
) -> None:
    """Fresh input, output, what was read from a cache and what was written to one each have a price, and a
    write has one for five minutes and one for an hour: the cost is exact to the token.
    """
    fake.answer(dialect.says(Said()))

    reply = model.complete(request_for(dialect))

    assert reply.text == "You keep coming back to it."
    assert (reply.model_id, reply.provider, reply.finish_reason) == (
        "claude-sonnet-4-6",
        dialect.provider,
        "stop",
    )
    assert reply.usage == dialect.usage
    assert reply.notes == ()
    assert not refused(reply)


def test_times_are_those_of_the_first_piece_and_of_the_end(
    dialect: Dialect, fake: HttpFake, model: LanguageModel
) -> None:
    """A reply that is read as a whole has its first token when it has its last."""
    fake.answer(dialect.says(Said(pieces=("One ", "two ", "three.")), Timing(before=0.05, between=0.04)))

    reply = model.complete(request_for(dialect))

    assert 50 <= reply.llm_ttft_ms <= reply.llm_complete_ms < 2_000
    if dialect.stream:
        assert reply.llm_complete_ms - reply.llm_ttft_ms >= 70
    else:
        assert reply.llm_complete_ms - reply.llm_ttft_ms < 30


def test_a_reply_whose_usage_is_missing_is_estimated_and_says_so(
    dialect: Dialect, fake: HttpFake, model: LanguageModel
) -> None:
    """Counted as nothing, a server that keeps its counts to itself would go through every budget."""
    fake.answer(dialect.says(Said(pieces=("word " * 300,), counts=None)))

    reply = model.complete(request_for(dialect, system=(SystemBlock("word " * 600),)))

    assert "usage-estimated" in reply.notes
    assert 600 <= reply.usage.tokens_input <= 1_200
    assert 300 <= reply.usage.tokens_output <= 600
    assert reply.usage.cost_usd > 0


def test_a_reply_that_was_cut_ends_with_a_whole_sentence(
    dialect: Dialect, fake: HttpFake, model: LanguageModel
) -> None:
    """Half a sentence at the end says less than none; the reason stays visible for the validation."""
    fake.answer(dialect.says(Said(("You keep coming back. ", "And then you"), ends="length")))

    reply = model.complete(request_for(dialect))

    assert (reply.text, reply.finish_reason) == ("You keep coming back.", "length")
    assert not refused(reply)


def test_a_cut_answer_in_json_is_handed_on_as_it_is(
    dialect: Dialect, fake: HttpFake, model: LanguageModel
) -> None:
    """It has no sentences, and whoever reads it has to see that it is broken."""
    fake.answer(dialect.says(Said(('{"told": "It ends. ', "Her"), ends="length")))

    reply = model.complete(request_for(dialect, response_schema=SCHEMA))

    assert reply.text == '{"told": "It ends. Her'


def test_a_guard_of_the_provider_is_no_reply(dialect: Dialect, fake: HttpFake, model: LanguageModel) -> None:
    """Whatever words come with it, the chain goes on; what it has cost is counted."""
    fake.answer(dialect.says(Said(("I cannot help with that.",), ends="refused")))

    reply = model.complete(request_for(dialect))

    assert refused(reply)
    assert reply.finish_reason not in ("stop", "length")
    assert reply.usage == dialect.usage


@pytest.mark.parametrize("pieces", [(), ("",), ("  \n",)], ids=["no piece", "empty", "blank"])
def test_an_empty_reply_is_no_reply(
    dialect: Dialect, fake: HttpFake, model: LanguageModel, pieces: tuple[str, ...]
) -> None:
    """A model that says nothing must not leave a person in front of an empty bubble."""
    fake.answer(dialect.says(Said(pieces)))

    reply = model.complete(request_for(dialect))

    assert reply.text == ""
    assert refused(reply)


@pytest.mark.parametrize("status", TRANSIENT)
def test_what_may_pass_is_transient(
    dialect: Dialect, fake: HttpFake, model: LanguageModel, status: int
) -> None:
    """Throttling and a provider in trouble: the wrapper asks once more, the adapter never does."""
    fake.answer(dialect.fails(status, SECRET))

    error = failure(model, request_for(dialect))

    assert type(error) is TransientModelError
    assert str(error).startswith(f"{dialect.provider}:")
    assert len(fake.received) == 1


@pytest.mark.parametrize("status", FINAL)
def test_what_cannot_pass_is_final(
    dialect: Dialect, fake: HttpFake, model: LanguageModel, status: int
) -> None:
    """A retry of what cannot succeed costs the next model's time."""
    fake.answer(dialect.fails(status, SECRET))

    error = failure(model, request_for(dialect))

    assert type(error) is ModelError
    assert len(fake.received) == 1


def test_a_provider_that_never_begins_is_a_time_out(
    dialect: Dialect, fake: HttpFake, model: LanguageModel
) -> None:
    """The person's time is the request's deadline, not an SDK's default of ten minutes."""
    fake.answer(dialect.says(Said(), Timing(before=20)))
    started = time.monotonic()

    error = failure(model, request_for(dialect, 0.5))

    assert type(error) is ModelTimeoutError
    assert time.monotonic() - started < 2


def test_a_provider_that_falls_silent_in_the_middle_is_a_time_out(
    dialect: Dialect, fake: HttpFake, model: LanguageModel
) -> None:
    """The connection stays open and nothing comes: a load balancer's favourite."""
    fake.answer(dialect.says(Said(), Timing(between=20)))
    started = time.monotonic()

    error = failure(model, request_for(dialect, 0.5))

    assert type(error) is ModelTimeoutError
    assert time.monotonic() - started < 2


def test_a_body_that_is_cut_off_is_transient(dialect: Dialect, fake: HttpFake, model: LanguageModel) -> None:
    """The connection is lost before the end that was announced."""
    fake.answer(dialect.says(Said(ends=None, counts=None), Timing(truncated=True)))

    assert type(failure(model, request_for(dialect))) is TransientModelError


def test_a_reply_without_an_end_is_transient(dialect: Dialect, fake: HttpFake, model: LanguageModel) -> None:
    """It arrived in good order and is not complete: half a reply is not served as a whole one."""
    fake.answer(dialect.says(Said(ends=None)))

    error = failure(model, request_for(dialect))

    assert type(error) is TransientModelError
    assert str(error) == f"{dialect.provider}:truncated"


@pytest.mark.parametrize(
    ("dialect", "what"),
    [(dialect, what) for dialect in DIALECTS for what in dialect.garbage()],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_what_is_not_of_the_documented_form_is_transient(dialect: Dialect, fake: HttpFake, what: str) -> None:
    """A proxy's page, half a deployment: the next one in the chain answers, and nothing escapes the chain."""
    fake.answer(dialect.garbage()[what])

    error = failure(dialect.connect(fake.url), request_for(dialect, 1.5))

    assert type(error) is TransientModelError
    assert str(error).startswith(f"{dialect.provider}:")


def test_a_provider_that_is_not_there_is_transient(dialect: Dialect) -> None:
    """A region away for a moment, or a laptop whose model server is not running."""
    error = failure(dialect.connect("http://127.0.0.1:9"), request_for(dialect))

    assert type(error) is TransientModelError


def test_no_call_leaves_this_machine_in_a_test_run(dialect: Dialect) -> None:
    """The adapter as it is deployed points at the world: a test must never spend money or send words away."""
    with pytest.raises(LiveModelForbiddenError):
        dialect.deployed().complete(request_for(dialect))


def test_a_request_that_is_too_late_is_not_sent(
    dialect: Dialect, fake: HttpFake, model: LanguageModel
) -> None:
    """Money would be spent on a reply that nobody can wait for."""
    error = failure(model, request_for(dialect, -1))

    assert type(error) is ModelTimeoutError
    assert fake.received == []


def test_instructions_and_words_go_out_apart_and_in_order(
    dialect: Dialect, fake: HttpFake, model: LanguageModel
) -> None:
    """Roles and order are what keeps a person's words from becoming instructions."""
    fake.answer(dialect.says(Said()))

    model.complete(request_for(dialect, system=(SystemBlock("You listen."), SystemBlock("Mirror."))))

    told, spoken = dialect.texts(fake.received[0].body)
    assert told == "You listen.\n\nMirror."
    assert spoken == [("user", "hello"), ("assistant", "Hello. How are you?"), ("user", SECRET)]


def test_a_knob_that_a_model_lacks_is_dropped_and_noted(
    dialect: Dialect, fake: HttpFake, model: LanguageModel
) -> None:
    """Opus 4.7 refuses a request with a temperature: a crisis reply must not fail over a tuning knob."""
    fake.answer(dialect.says(Said()))

    reply = model.complete(request_for(dialect, model_id="claude-opus-4-7"))

    assert "temperature" not in repr(fake.received[0].body)
    assert reply.notes == ("temperature-dropped",)


def test_a_model_that_writes_less_is_asked_for_less(
    dialect: Dialect, fake: HttpFake, model: LanguageModel
) -> None:
    """A limit above the model's own is an error at the provider."""
    fake.answer(dialect.says(Said()))

    reply = model.complete(request_for(dialect, max_tokens=100_000))

    assert "64000" in repr(fake.received[0].body)
    assert reply.notes == ("max-tokens-lowered",)


NOT_SERVED = {"bedrock": "gpt-4.1-mini", "anthropic": "mistral-large"}
"""An OpenAI-style server serves what it is started with: everything in the catalogue has a name there."""


@pytest.mark.parametrize(
    "dialect", [d for d in DIALECTS if d.provider in NOT_SERVED], ids=lambda dialect: dialect.name
)
def test_a_model_that_the_provider_does_not_serve_is_an_error(
    dialect: Dialect, fake: HttpFake, model: LanguageModel
) -> None:
    """The chain goes on at once instead of asking for what is not there."""
    error = failure(model, request_for(dialect, model_id=NOT_SERVED[dialect.provider]))

    assert (type(error), str(error)) == (ModelError, f"{dialect.provider}:not-served")
    assert fake.received == []


def test_a_model_nobody_knows_costs_nothing_and_says_so(
    dialect: Dialect, fake: HttpFake, model: LanguageModel
) -> None:
    """A wrong price would spoil every experiment on cost; a missing one is visible."""
    fake.answer(dialect.says(Said()))

    reply = model.complete(request_for(dialect, model_id="a-new-model"))

    assert reply.model_id == "a-new-model"
    assert reply.usage.cost_usd == 0
    assert reply.usage.total_tokens == dialect.usage.total_tokens
    assert reply.notes == ("price-unknown",)


def test_a_schema_is_enforced_or_the_reply_says_that_it_was_not(
    dialect: Dialect, fake: HttpFake, model: LanguageModel
) -> None:
    """Whoever reads the answer checks it either way; the note tells why it failed more often."""
    fake.answer(dialect.says(Said(('{"level": 2}',))))

    reply = model.complete(request_for(dialect, response_schema=SCHEMA))

    sent = "json_schema" in repr(fake.received[0].body)
    assert sent == (dialect.provider != "openai_compatible")
    assert reply.notes == (() if sent else ("schema-not-enforced",))
    assert reply.text == '{"level": 2}'


def test_nothing_is_logged_about_a_call(
    dialect: Dialect, fake: HttpFake, model: LanguageModel, caplog: pytest.LogCaptureFixture
) -> None:
    """SDKs like to log requests; words of a prompt or a person never reach a log."""
    with caplog.at_level(logging.INFO):
        fake.answer(dialect.says(Said((SECRET,))))
        model.complete(request_for(dialect))
        fake.answer(dialect.fails(500, SECRET))
        failure(model, request_for(dialect))

    assert SECRET not in caplog.text
    assert PROMPT not in caplog.text


STREAMED = [dialect for dialect in DIALECTS if dialect.stream]


@pytest.mark.parametrize("dialect", STREAMED, ids=lambda dialect: dialect.name)
def test_a_slow_teaching_reply_is_served_up_to_its_last_sentence(
    dialect: Dialect, fake: HttpFake, model: LanguageModel
) -> None:
    """For a long answer, most of it now is better than another one later. What it cost is estimated: the
    provider counts at the end, which nobody waited for.
    """
    pieces = ("Sleep comes in cycles. ", "Each lasts ", *["on "] * 90)
    fake.answer(dialect.says(Said(pieces), Timing(between=0.1)))

    reply = model.complete(request_for(dialect, 0.8, turn_class="TC5"))

    assert (reply.text, reply.finish_reason) == ("Sleep comes in cycles.", "length")
    assert reply.notes == ("partial", "usage-estimated")
    assert reply.usage.tokens_output >= 8
    assert reply.usage.cost_usd > 0


@pytest.mark.parametrize("dialect", STREAMED, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize(
    ("turn_class", "first"),
    [("TC4", "You keep coming back. "), ("TC5", "You keep coming back ")],
    ids=["a mirror is served whole", "no whole sentence yet"],
)
def test_other_slow_replies_are_time_outs(
    dialect: Dialect, fake: HttpFake, model: LanguageModel, turn_class: str, first: str
) -> None:
    """Half a mirror says something else than the whole one."""
    fake.answer(dialect.says(Said((first, *["on "] * 90)), Timing(between=0.1)))

    error = failure(model, request_for(dialect, 0.7, turn_class=turn_class))

    assert (type(error), str(error)) == (ModelTimeoutError, f"{dialect.provider}:deadline")


@pytest.mark.parametrize("dialect", STREAMED, ids=lambda dialect: dialect.name)
def test_a_stream_that_drips_cannot_hold_a_turn(
    dialect: Dialect, fake: HttpFake, model: LanguageModel
) -> None:
    """Bytes that make up no event reset the read time-out each time: only the hard deadline ends that."""
    whole = dialect.says(Said())
    drops = tuple(bytes([byte]) for byte in b"".join(whole.pieces))
    fake.answer(replace(whole, pieces=drops, seconds_between=0.1))
    started = time.monotonic()

    with pytest.raises(ModelTimeoutError, match=r"^deadline:left-behind$"):
        DeadlineModel(model, WallClock()).complete(request_for(dialect, 0.7))

    assert time.monotonic() - started < 1.5


def test_the_composer_keeps_the_same_contract() -> None:
    """The last resort is a model like any other: text, an end, times, and no cost."""
    reply: ModelReply = ComposedModel(WallClock()).complete(asked(message="My sister moved away last week."))

    assert reply.text.strip()
    assert not refused(reply)
    assert (reply.provider, reply.finish_reason, reply.usage) == ("composer", "stop", Usage())
    assert 0 <= reply.llm_ttft_ms <= reply.llm_complete_ms


def test_the_composer_leaves_crises_to_vetted_text() -> None:
    """Invariant 2: it mirrors words, and these must not be mirrored."""
    error = failure(ComposedModel(WallClock()), asked(turn_class="TC6"))

    assert type(error) is ModelError
