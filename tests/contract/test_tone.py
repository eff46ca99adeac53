"""Every reader of tone behind the port: the project's own words, and Comprehend's over HTTP.

Wire formats: https://docs.aws.amazon.com/comprehend/latest/APIReference/API_DetectSentiment.html and
https://docs.aws.amazon.com/comprehend/latest/APIReference/API_DetectEntities.html
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config

from silent_infinity import bootstrap
from silent_infinity.adapters.aws.comprehend_tone import LARGEST, ComprehendTone
from silent_infinity.adapters.system.clock import SystemClock
from silent_infinity.adapters.tone.own import OwnTone
from silent_infinity.adapters.tone.timely import LEFT_BEHIND, TimelyTone
from silent_infinity.domain.intent.entities import Entity
from silent_infinity.domain.intent.sentiment import Sentiment
from silent_infinity.ports.tone import Tone, ToneError, ToneReader
from silent_infinity.settings import Settings
from silent_infinity.usecases.detect_intent import DetectIntent, IntentRequest
from tests.contract.http_fake import Answer, HttpFake, json_answer, running
from tests.contract.models import SECRET

TEXT = f"I am so happy, I will see my sister on Sunday. {SECRET}"
SUNDAY = (TEXT.index("Sunday"), TEXT.index("Sunday") + len("Sunday"), "time")


def felt(label: str = "POSITIVE", positive: float = 0.9, negative: float = 0.02) -> dict[str, Any]:
    """Return a sentiment as Comprehend sends it."""
    scores = {"Positive": positive, "Negative": negative, "Neutral": 0.05, "Mixed": 0.03}
    return {"Sentiment": label, "SentimentScore": scores}


def named(*entities: tuple[str, int, int, float]) -> dict[str, Any]:
    """Return entities as Comprehend sends them."""
    return {
        "Entities": [
            {"Type": kind, "BeginOffset": start, "EndOffset": end, "Score": score, "Text": SECRET}
            for kind, start, end, score in entities
        ]
    }


@pytest.fixture
def fake() -> Iterator[HttpFake]:
    """A server in the service's place."""
    with running() as server:
        yield server


def comprehend(fake: HttpFake) -> ComprehendTone:
    """Return the adapter with a client as deployed, with shorter waits."""
    config = Config(
        connect_timeout=0.3, read_timeout=0.4, retries={"mode": "standard", "total_max_attempts": 1}
    )
    make: Any = boto3.client
    return ComprehendTone(lambda: make("comprehend", endpoint_url=fake.url, config=config))


@dataclass
class Subject:
    """A reader, and what makes the service behind it answer about `TEXT`."""

    reader: ToneReader
    prepare: Callable[[], None]


@pytest.fixture(params=["own", "comprehend", "comprehend in time"])
def subject(request: pytest.FixtureRequest, fake: HttpFake) -> Subject:
    """Each reader in turn."""
    if request.param == "own":
        return Subject(OwnTone(), lambda: None)
    reader: ToneReader = comprehend(fake)
    if request.param == "comprehend in time":
        reader = TimelyTone(reader)

    def prepare() -> None:
        fake.answer(json_answer(felt()), json_answer(named(("DATE", *SUNDAY[:2], 0.99))))

    return Subject(reader, prepare)


def test_a_happy_message_sounds_happy_and_its_day_is_found_where_it_stands(subject: Subject) -> None:
    """Whoever reads it, experiments and prompts see the same kinds of thing."""
    subject.prepare()
    tone = subject.reader.read(TEXT, "en-GB")

    assert tone.sentiment is not None
    assert tone.sentiment.label == "positive"
    assert 0.2 <= tone.sentiment.score <= 1.0
    assert SUNDAY in [(entity.start, entity.end, entity.type) for entity in tone.entities]


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([json_answer({"__type": "ThrottlingException", "message": SECRET}, 429)], "ThrottlingException"),
        ([json_answer({"__type": "AccessDeniedException", "message": SECRET}, 403)], "AccessDeniedException"),
        ([Answer((b"<html>",), 503)], None),
        ([Answer((b"",))], None),
        ([json_answer({})], "MalformedAnswer"),
        ([json_answer(felt("ECSTATIC"))], "MalformedAnswer"),
        ([json_answer(felt(positive=7.0))], "MalformedAnswer"),
        ([json_answer(felt()), json_answer({})], "MalformedAnswer"),
        ([json_answer(felt()), json_answer(named(("DATE", 3, 4000, 0.99)))], "MalformedAnswer"),
        ([json_answer(felt()), json_answer({"__type": "X", "message": SECRET}, 500)], None),
    ],
    ids=[
        *("throttled", "denied", "5xx", "empty", "shape", "label", "score"),
        *("named shape", "beside", "named 5xx"),
    ],
)
def test_a_failure_is_a_code_and_quotes_nothing(
    answers: list[Answer], code: str | None, fake: HttpFake
) -> None:
    """What a person wrote must not come back in an error, and half a reading is none."""
    # The first operation's answer may be the failure; then the second is never asked.
    usable = answers if len(answers) > 1 else [answers[0], json_answer(named())]
    fake.answer(*usable)
    with pytest.raises(ToneError) as raised:
        comprehend(fake).read(TEXT, "en-US")

    assert code is None or str(raised.value) == code
    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None


def test_each_operation_is_asked_once_in_the_language_of_the_person(fake: HttpFake) -> None:
    """Of a language that it does not know it has nothing to say, and is not asked."""
    fake.answer(json_answer(felt("NEUTRAL", 0.1, 0.1)), json_answer(named()))
    reader = comprehend(fake)

    assert reader.read(TEXT, "es-MX") == Tone(Sentiment("neutral", 0.0))
    assert reader.read(TEXT, "sw-KE") == Tone()
    assert reader.read("  ", "en-US") == Tone()
    assert [call.headers["x-amz-target"].rpartition(".")[2] for call in fake.received] == [
        "DetectSentiment",
        "DetectEntities",
    ]
    assert {call.body["LanguageCode"] for call in fake.received} == {"es"}


def test_what_comprehend_is_unsure_of_or_what_the_project_has_no_name_for_is_left_alone(
    fake: HttpFake,
) -> None:
    """Brands and quantities say nothing about a person's day."""
    fake.answer(
        json_answer(felt()),
        json_answer(named(("QUANTITY", 0, 1, 0.99), ("PERSON", 2, 4, 0.5), ("LOCATION", 5, 7, 0.9))),
    )

    assert comprehend(fake).read(TEXT, "en-US").entities == (Entity("place", 5, 7),)


def test_a_text_that_is_too_long_is_not_sent(fake: HttpFake) -> None:
    """The service would refuse it after the upload."""
    with pytest.raises(ToneError, match=r"^TextSizeLimitExceeded$"):
        comprehend(fake).read("a" * (LARGEST + 1), "en-US")

    assert fake.received == []


class Slow:
    """A reader that takes its time."""

    def read(self, text: str, locale: str) -> Tone:
        time.sleep(3.0)
        return Tone()


class Broken:
    """A reader that fails as nobody expects, with the text in its message."""

    def read(self, text: str, locale: str) -> Tone:
        raise RuntimeError(text)


@pytest.mark.parametrize(("inner", "code"), [(Slow(), LEFT_BEHIND), (Broken(), "RuntimeError")])
def test_the_turn_goes_on_in_time_with_its_own_reading_and_says_so(inner: ToneReader, code: str) -> None:
    """A reading is nice to have: nobody waits for it, and nobody is told a text by its failure."""
    reader = TimelyTone(inner, seconds=0.2)
    with pytest.raises(ToneError, match=rf"^{code}$"):
        reader.read(TEXT, "en-US")

    started = time.monotonic()
    understood = DetectIntent(clock=SystemClock(), second_reading=("comprehend_sentiment", reader))(
        IntentRequest(TEXT)
    )

    assert time.monotonic() - started < 1.5
    assert understood.to_payload()["degraded"] == ["comprehend_sentiment"]
    assert understood.intent.sentiment.label == "positive"


def test_a_second_reading_adds_to_the_own_one(fake: HttpFake) -> None:
    """What the project's own words have found stays; the service's sentiment is the better one."""
    start = TEXT.index(SECRET)
    fake.answer(
        json_answer(felt("MIXED", 0.5, 0.4)),
        json_answer(named(("PERSON", start, start + 3, 0.95), ("DATE", *SUNDAY[:2], 0.95))),
    )
    plain = DetectIntent(clock=SystemClock())(IntentRequest(TEXT)).intent
    both = DetectIntent(clock=SystemClock(), second_reading=("x", comprehend(fake)))(
        IntentRequest(TEXT)
    ).intent

    assert both.sentiment == Sentiment("mixed", 0.1)
    assert set(both.entities) == {*plain.entities, Entity("person", start, start + 3)}
    assert both.degraded == ()


def test_nobody_else_reads_unless_the_environment_says_so() -> None:
    """Messages leave the account's own functions only by an operator's decision."""
    assert bootstrap.second_reading(Settings({})) is None
    assert bootstrap.second_reading(Settings({"COMPREHEND_SENTIMENT": "off"})) is None

    name, reader = bootstrap.second_reading(Settings({"COMPREHEND_SENTIMENT": "on"})) or ("", None)

    assert name == "comprehend_sentiment"
    assert isinstance(reader, TimelyTone)
