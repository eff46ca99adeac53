"""Sentiment and entities by Amazon Comprehend (DetectSentiment, DetectEntities).

https://docs.aws.amazon.com/comprehend/latest/APIReference/API_DetectSentiment.html takes 5,000 bytes, and
https://docs.aws.amazon.com/comprehend/latest/APIReference/API_DetectEntities.html 100,000. They need the IAM
actions of the same names.
"""

from collections.abc import Callable
from typing import Any, Final

from silent_infinity.adapters.aws.text_guard_calls import ask, client
from silent_infinity.domain.intent.entities import Entity
from silent_infinity.domain.intent.sentiment import Sentiment
from silent_infinity.ports.text_guard import TextGuardError
from silent_infinity.ports.tone import Tone, ToneError

LANGUAGES: Final = frozenset({"ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "pt"})
"""Those that both operations know; Chinese has two and comes by script, so it is left out."""

LARGEST: Final = 5_000
"""Bytes of UTF-8 that DetectSentiment takes."""

ENOUGH: Final = 0.8
"""The confidence from which an entity counts."""

_TYPES: Final = {"PERSON": "person", "LOCATION": "place", "DATE": "time", "EVENT": "event"}
"""Its types as the project names them. What is not here (brands, quantities) tells nothing of a day."""

_LABELS: Final = frozenset({"positive", "negative", "neutral", "mixed"})


def _comprehend() -> Any:
    return client("comprehend")


class ComprehendTone:
    """A `ToneReader` that asks both operations, one after the other."""

    def __init__(self, make: Callable[[], Any] = _comprehend) -> None:
        self._client = make

    def read(self, text: str, locale: str) -> Tone:
        language = locale.replace("_", "-").split("-")[0].lower()
        if language not in LANGUAGES or not text.strip():
            return Tone()
        if len(text.encode("utf-8", "replace")) > LARGEST:
            raise ToneError("TextSizeLimitExceeded")
        service = self._client()
        try:
            felt = ask(service.detect_sentiment, Text=text, LanguageCode=language)
            named = ask(service.detect_entities, Text=text, LanguageCode=language)
        except TextGuardError as error:
            raise ToneError(str(error)) from None
        return Tone(_sentiment(felt), _entities(named, len(text)))


def _sentiment(answer: Any) -> Sentiment:
    try:
        label = answer["Sentiment"].lower()
        scores = answer["SentimentScore"]
        score = round(float(scores["Positive"]) - float(scores["Negative"]), 2)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ToneError("MalformedAnswer") from None
    if label not in _LABELS or not -1.0 <= score <= 1.0:
        raise ToneError("MalformedAnswer")
    return Sentiment(label, score)


def _entities(answer: Any, size: int) -> tuple[Entity, ...]:
    try:
        found = [
            Entity(_TYPES[entity["Type"]], entity["BeginOffset"], entity["EndOffset"])
            for entity in answer["Entities"]
            if entity["Type"] in _TYPES and entity["Score"] >= ENOUGH
        ]
        if any(not 0 <= entity.start < entity.end <= size for entity in found):
            raise ToneError("MalformedAnswer")
    except (KeyError, TypeError):
        raise ToneError("MalformedAnswer") from None
    return tuple(sorted(found, key=lambda entity: entity.start))
