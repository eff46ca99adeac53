"""When the notice that this is an AI is due, and what it says."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity import data
from silent_infinity.domain.crisis.reply_language import LANGUAGES
from silent_infinity.domain.disclosure import disclosure_due, notice

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOURS = timedelta(hours=3)


def _reason(disclosed_at: str, now: datetime = NOW) -> str | None:
    due = disclosure_due(disclosed_at, now, "en-US")
    return due.reason if due else None


@pytest.mark.parametrize(
    ("since", "reason"),
    [
        (timedelta(0), None),
        (HOURS - timedelta(microseconds=1), None),
        (HOURS, "interval"),
        (timedelta(days=2), "interval"),
        (timedelta(seconds=-5), None),
    ],
)
def test_the_notice_comes_back_after_three_hours(since: timedelta, reason: str | None) -> None:
    """New York and California say three hours; a clock that runs behind must not repeat it at once."""
    assert _reason((NOW - since).isoformat()) == reason


@pytest.mark.parametrize("disclosed_at", ["", "yesterday", "2026-11-21T11:59:59"])
def test_whoever_was_never_told_is_told(disclosed_at: str) -> None:
    """A time that cannot be read, or says not where, is none: once too often does no harm."""
    assert _reason(disclosed_at) == "start"


def test_the_interval_is_the_one_that_the_laws_name() -> None:
    """A longer one would break them without a test that fails."""
    assert data.load("disclosures.json")["interval_seconds"] <= 3 * 3600


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", ["start", "interval"])
def test_the_notice_says_in_every_language_that_this_is_no_human_being(language: str, reason: str) -> None:
    """New York asks for just that: that one is not communicating with a human."""
    no_human = {
        "en": "not a human being",
        "es": "no un ser humano",
        "fr": "non un être humain",
        "de": "kein Mensch",
        "pt": "não um ser humano",
        "hi": "इंसान नहीं",
        "hi-Latn": "insaan nahin",
    }
    text = notice("start" if reason == "start" else "interval", language)

    assert no_human[language] in text
    assert {"en": "AI", "de": "KI", "hi": "AI", "hi-Latn": "AI"}.get(language, "IA") in text


def test_the_notice_is_in_the_language_of_the_person() -> None:
    """A notice that cannot be read discloses nothing."""
    assert len({notice("start", language) for language in LANGUAGES}) == len(LANGUAGES)
    assert notice("start", "es-419") == notice("start", "es-MX")
    assert notice("start", "ja-JP") == notice("start", "en")


@given(st.lists(st.integers(min_value=0, max_value=5 * 3600), max_size=40))
def test_nobody_writes_for_three_hours_without_being_told_again(pauses: list[int]) -> None:
    """Whatever the rhythm of a session: at any message, the last notice is less than three hours old."""
    now, told_at = NOW, ""
    for pause in pauses:
        now += timedelta(seconds=pause)
        due = disclosure_due(told_at, now, "en-US")
        assert due is None or not told_at or now - datetime.fromisoformat(told_at) >= HOURS
        told_at = now.isoformat() if due else told_at

        assert now - datetime.fromisoformat(told_at) < HOURS
