"""Vetted crisis replies: written in advance, chosen without a model.

Every text meets the obligations that `reply_guard` checks. Placeholders are `$lines` (the locale's help lines
in words, with their cost and hours) and `$emergency` (whom to call in danger where the person is).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from string import Template
from typing import Any, Final, Literal

from silent_infinity import data
from silent_infinity.domain.crisis.help_lines import (
    HelpLine,
    emergency_in_words,
    for_locale,
    lines_in_words,
)
from silent_infinity.domain.crisis.reply_language import reply_language

ReplyKind = Literal["passive", "active", "imminent", "other", "check_in"]

KINDS: Final[tuple[ReplyKind, ...]] = ("passive", "active", "imminent", "other", "check_in")
# More than two ways to reach someone are hard to take in when in distress.
_LINES_IN_WORDS: Final = 2


@dataclass(frozen=True, slots=True)
class VettedReply:
    """A reply that may be served as it stands."""

    reply_id: str
    text: str


def kind_for(level: int, *, check_in: bool = False, about_other: bool = False) -> ReplyKind:
    """Return the kind of reply for an effective level of 2-4.

    `about_other`: the person writes for somebody else who is at risk. It yields to a check-in and to levels
    above 2.
    """
    if check_in:
        return "check_in"
    if level >= 4:
        return "imminent"
    if level == 3:
        return "active"
    return "other" if about_other else "passive"


def choose_reply(kind: ReplyKind, locale: str, used_reply_ids: Sequence[str], seed: str) -> VettedReply:
    """Return a reply of `kind` for `locale`, in the language that answers it (`reply_language`): the same for
    the same arguments, and none twice before all were used.

    `used_reply_ids` are the ids served in this session, oldest first (ids of other kinds and languages do no
    harm); `seed` is anything that changes from turn to turn, such as the turn id.
    """
    templates = _replies(reply_language(locale))[kind]
    ids = [template["id"] for template in templates]
    chosen = _least_used(ids, used_reply_ids, seed)
    return VettedReply(chosen, render(templates[ids.index(chosen)]["text"], locale))


def _least_used(ids: Sequence[str], used: Sequence[str], seed: str) -> str:
    fewest = min(used.count(reply_id) for reply_id in ids)
    fresh = [reply_id for reply_id in ids if used.count(reply_id) == fewest]
    # When a round begins anew, its first reply must not be the one just read.
    if len(fresh) > 1 and used and used[-1] in fresh:
        fresh.remove(used[-1])
    return fresh[int.from_bytes(sha256(seed.encode()).digest()[:8], "big") % len(fresh)]


def render(template: str, locale: str) -> str:
    """Return a reply template with the locale's help lines and emergency number in words.

    Raises:
        KeyError: the template has a placeholder that is not known.
    """
    return Template(template).substitute(
        lines=lines_in_words(named_lines(locale)), emergency=emergency_in_words(locale)
    )


def named_lines(locale: str) -> tuple[HelpLine, ...]:
    """Return the lines that a reply names: the first two, of which one is always open if the country has any
    such line.
    """
    lines = for_locale(locale)
    named = lines[:_LINES_IN_WORDS]
    if any(line.always_open for line in named):
        return named
    return (*named[:-1], next(line for line in lines if line.always_open))


def reply_ids(kinds: Collection[ReplyKind] = KINDS, language: str = "en") -> tuple[str, ...]:
    """Return the ids of all replies of `kinds` in a reply language."""
    return tuple(reply["id"] for kind in kinds for reply in _replies(language)[kind])


def _replies(language: str) -> dict[ReplyKind, Sequence[dict[str, str]]]:
    loaded: dict[str, Any] = data.load(f"crisis_replies/{language}.json")
    replies: dict[ReplyKind, Sequence[dict[str, str]]] = loaded["replies"]
    return replies
