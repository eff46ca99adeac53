"""When a person is told that this is an AI: when a session begins, and every three hours while it goes on.

Decided from times alone, before anything is known of the message, so that every kind of reply carries the
notice and a repeated turn carries the same one. What laws ask for, with sources: docs/safety.md.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from silent_infinity import data
from silent_infinity.domain.crisis.reply_language import reply_language

Reason = Literal["start", "interval"]


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A notice that is due, in words. `reason` is `start` or `interval`."""

    text: str
    reason: str


def disclosure_due(disclosed_at: str, now: datetime, locale: str) -> Disclosure | None:
    """Return the notice that goes with the reply to a message of `now`, or None if none is due.

    `disclosed_at` (ISO 8601 with its offset) is when the session's last notice was given; empty if it has had
    none, and so is what cannot be read. A session that is taken up again after hours is told as one that has
    gone on for as long.
    """
    try:
        since = now - datetime.fromisoformat(disclosed_at)
    except (ValueError, TypeError):
        return Disclosure(notice("start", locale), "start")
    if since >= timedelta(seconds=int(_source()["interval_seconds"])):
        return Disclosure(notice("interval", locale), "interval")
    return None


def notice(reason: Reason, locale: str) -> str:
    """Return the words of a notice in the language that answers a locale."""
    return str(_source()["texts"][reply_language(locale)][reason])


def _source() -> dict[str, Any]:
    loaded: dict[str, Any] = data.load("disclosures.json")
    return loaded
