"""A guardrail of Amazon Bedrock (ApplyGuardrail), as an operator has made it in the console or by API.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html. It needs the IAM
action `bedrock:ApplyGuardrail` on the one guardrail. Its content filters are hate, insults, sexual, violence,
misconduct and prompt attack: there is none for self-harm, so it can never stand in for the crisis screen.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from silent_infinity.adapters.aws.text_guard_calls import ask, client
from silent_infinity.domain.guards.personal_data import Span
from silent_infinity.ports.text_guard import Direction, Opinion, TextGuardError

_SOURCES: Final = {Direction.MESSAGE: "INPUT", Direction.REPLY: "OUTPUT"}
_BLOCKED: Final = "BLOCKED"
_TYPES: Final = {
    **{"CREDIT_DEBIT_CARD_NUMBER": "CREDIT_CARD", "CREDIT_DEBIT_CARD_CVV": "CREDIT_CARD"},
    **{"INTERNATIONAL_BANK_ACCOUNT_NUMBER": "IBAN", "US_BANK_ACCOUNT_NUMBER": "BANK_ACCOUNT"},
    **{"US_PASSPORT_NUMBER": "PASSPORT", "DRIVER_ID": "DRIVER_LICENSE", "LICENSE_PLATE": "VEHICLE_PLATE"},
    **{"US_SOCIAL_SECURITY_NUMBER": "NATIONAL_ID", "UK_NATIONAL_INSURANCE_NUMBER": "NATIONAL_ID"},
    **{"CA_SOCIAL_INSURANCE_NUMBER": "NATIONAL_ID"},
}
_POLICIES: Final = (
    ("content", "contentPolicy", "filters", "type"),
    ("topic", "topicPolicy", "topics", "type"),
    ("word", "wordPolicy", "customWords", ""),
    ("word", "wordPolicy", "managedWordLists", "type"),
    ("pii", "sensitiveInformationPolicy", "piiEntities", "type"),
    ("pii", "sensitiveInformationPolicy", "regexes", ""),
)


def _bedrock_runtime() -> Any:
    return client("bedrock-runtime")


class BedrockGuardrail:
    """A `TextGuard`. `identifier` and `version` name the guardrail."""

    def __init__(self, identifier: str, version: str, make: Callable[[], Any] = _bedrock_runtime) -> None:
        self._identifier = identifier
        self._version = version
        self._client = make

    def judge(self, text: str, direction: Direction, locale: str) -> Opinion:
        if not text.strip():
            return Opinion()
        answer = ask(
            self._client().apply_guardrail,
            guardrailIdentifier=self._identifier,
            guardrailVersion=self._version,
            source=_SOURCES[direction],
            content=[{"text": {"text": text}}],
        )
        try:
            if answer["action"] == "NONE":
                return Opinion()
            return Opinion(tuple(dict.fromkeys(_blocks(answer))), tuple(_spans(answer, text)))
        except (KeyError, TypeError, AttributeError):
            raise TextGuardError("MalformedAnswer") from None


def _blocks(answer: Any) -> Iterator[str]:
    """Yield a rule id for each thing that blocks. Words and topics are an operator's own, and not named."""
    for assessment in answer["assessments"]:
        for name, policy, entries, key in _POLICIES:
            for entry in assessment.get(policy, {}).get(entries, ()):
                if entry["action"] == _BLOCKED:
                    kind = entry[key].lower() if key and name != "topic" else ""
                    yield f"bedrock_guardrail.{name}" + (f".{kind}" if kind else "")


def _spans(answer: Any, text: str) -> Iterator[Span]:
    """Yield where the personal data stands: the service says what it is, and not where."""
    taken: list[Span] = []
    for assessment in answer["assessments"]:
        for entry in assessment.get("sensitiveInformationPolicy", {}).get("piiEntities", ()):
            kind, value = entry["type"], entry["match"]
            if entry["action"] == _BLOCKED or kind in ("AGE", "DATE_TIME") or not value:
                continue
            taken.extend(
                Span(
                    match.start(),
                    match.end(),
                    _TYPES.get(kind, kind),
                    f"bedrock_guardrail.pii.{kind.lower()}",
                )
                for match in re.finditer(re.escape(value), text)
            )
    end = 0
    for span in sorted(taken, key=lambda span: (span.start, -span.end)):
        if span.start >= end:
            yield span
            end = span.end
