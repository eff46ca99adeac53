"""Vetted texts that need no model, looked up by name and locale with a fallback to English.

Which of several texts is served depends on a seed only, so a retried turn says the same thing again.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

from silent_infinity import data

_FALLBACK_LOCALE = "en"


class TemplateError(KeyError):
    """No template of that name exists in any locale."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A text for the person, with an identifier that stays stable while the text does."""

    reply_id: str
    text: str


@cache
def _catalogue() -> dict[str, dict[str, list[dict[str, str]]]]:
    templates: dict[str, dict[str, list[dict[str, str]]]] = data.load("templates.json")["templates"]
    return templates


def choose(name: str, locale: str, seed: str, avoid: Collection[str] = ()) -> Reply:
    """Return one text of the template `name` for `locale` (BCP 47), the same one for the same seed.

    Texts in `avoid` (what the session has just heard) are passed over while another one is left.

    Raises:
        TemplateError: there is no template of that name.
    """
    texts = _texts(name, locale)
    fresh = [text for text in texts if text["text"] not in avoid] or texts
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    chosen = fresh[int.from_bytes(digest[:4], "big") % len(fresh)]
    return Reply(chosen["id"], chosen["text"])


def all_replies() -> list[tuple[str, str, Reply]]:
    """Return every text as (template name, locale, reply), for reviews and tests."""
    return [
        (name, locale, Reply(text["id"], text["text"]))
        for name, locales in _catalogue().items()
        for locale, texts in locales.items()
        for text in texts
    ]


def _texts(name: str, locale: str) -> list[dict[str, Any]]:
    locales = _catalogue().get(name)
    if locales is None:
        raise TemplateError(name)
    tag = locale.replace("_", "-").lower()
    while tag:
        if tag in locales:
            return locales[tag]
        tag = tag.rpartition("-")[0]
    return locales[_FALLBACK_LOCALE]
