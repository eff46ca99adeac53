"""Personal data by Amazon Comprehend (DetectPiiEntities).

https://docs.aws.amazon.com/comprehend/latest/APIReference/API_DetectPiiEntities.html, which knows English and
Spanish and takes 100,000 bytes. It needs the IAM action `comprehend:DetectPiiEntities`.
"""

from collections.abc import Callable
from typing import Any, Final

from silent_infinity.adapters.aws.text_guard_calls import ask, client
from silent_infinity.domain.guards.personal_data import Span
from silent_infinity.ports.text_guard import Direction, Opinion, TextGuardError

LANGUAGES: Final = frozenset({"en", "es"})
ENOUGH: Final = 0.85
"""The confidence from which an entity counts. A reply from which harmless words are missing reads oddly."""

LARGEST: Final = 100_000
"""Bytes of UTF-8 that one call takes."""

_TYPES: Final = {
    **{"EMAIL": "EMAIL", "PHONE": "PHONE", "NAME": "NAME", "ADDRESS": "ADDRESS", "USERNAME": "USERNAME"},
    **{"URL": "URL", "IP_ADDRESS": "IP_ADDRESS", "MAC_ADDRESS": "MAC_ADDRESS"},
    **{"CREDIT_DEBIT_NUMBER": "CREDIT_CARD", "CREDIT_DEBIT_CVV": "CREDIT_CARD"},
    **{"INTERNATIONAL_BANK_ACCOUNT_NUMBER": "IBAN", "SWIFT_CODE": "BANK_ACCOUNT"},
    **{"BANK_ACCOUNT_NUMBER": "BANK_ACCOUNT", "BANK_ROUTING": "BANK_ACCOUNT"},
    **{"PASSPORT_NUMBER": "PASSPORT", "DRIVER_ID": "DRIVER_LICENSE", "LICENSE_PLATE": "VEHICLE_PLATE"},
    **dict.fromkeys(
        (
            *("SSN", "US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER", "UK_NATIONAL_INSURANCE_NUMBER"),
            *("UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER", "UK_NATIONAL_HEALTH_SERVICE_NUMBER", "IN_AADHAAR"),
            *("IN_PERMANENT_ACCOUNT_NUMBER", "IN_VOTER_NUMBER", "CA_SOCIAL_INSURANCE_NUMBER"),
            *("CA_HEALTH_NUMBER", "IN_NREGA"),
        ),
        "NATIONAL_ID",
    ),
}
"""Its types as the project names them. What is not here (ages, dates, times) identifies nobody by itself."""


def _comprehend() -> Any:
    return client("comprehend")


class ComprehendGuard:
    """A `TextGuard` that finds personal data and blocks nothing."""

    def __init__(self, make: Callable[[], Any] = _comprehend) -> None:
        self._client = make

    def judge(self, text: str, direction: Direction, locale: str) -> Opinion:
        language = locale.replace("_", "-").split("-")[0].lower()
        if language not in LANGUAGES or not text.strip():
            return Opinion()
        if len(text.encode("utf-8", "replace")) > LARGEST:
            raise TextGuardError("TextSizeLimitExceeded")
        answer = ask(self._client().detect_pii_entities, Text=text, LanguageCode=language)
        return Opinion(spans=_spans(answer, len(text)))


def _spans(answer: Any, size: int) -> tuple[Span, ...]:
    try:
        found = [
            Span(
                entity["BeginOffset"],
                entity["EndOffset"],
                _TYPES[entity["Type"]],
                f"comprehend.{entity['Type'].lower()}",
            )
            for entity in answer["Entities"]
            if entity["Type"] in _TYPES and entity["Score"] >= ENOUGH
        ]
    except (KeyError, TypeError):
        raise TextGuardError("MalformedAnswer") from None
    if any(not 0 <= span.start < span.end <= size for span in found):
        raise TextGuardError("MalformedAnswer")
    return tuple(sorted(found, key=lambda span: (span.start, span.end)))
