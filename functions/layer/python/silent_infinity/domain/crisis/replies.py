"""Vetted crisis replies: written in advance, chosen without a model.

Every text meets the obligations that `reply_guard` checks. Placeholders are `$lines` (the locale's help lines
in words) and `$emergency` (what to dial where the person is).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from string import Template
from typing import Any, Final, Literal

from silent_infinity import data
from silent_infinity.domain.crisis.help_lines import HelpLine, emergency_number, for_locale

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
    """Return a reply of `kind` for `locale`: the same for the same arguments, and none twice before all were
    used.

    `used_reply_ids` are the ids served in this session, oldest first (ids of other kinds do no harm); `seed`
    is anything that changes from turn to turn, such as the turn id.
    """
    templates: Sequence[dict[str, str]] = _source()["replies"][kind]
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
    number = emergency_number(locale)
    return Template(template).substitute(
        lines=lines_in_words(for_locale(locale)),
        emergency=f"call {number}" if number else "call your local emergency number",
    )


def lines_in_words(lines: Sequence[HelpLine]) -> str:
    """Return at most two lines as a clause that follows "you can"."""
    return ", or ".join(f"{line.wording} ({line.name})" for line in lines[:_LINES_IN_WORDS])


def reply_ids(kinds: Collection[ReplyKind] = KINDS) -> tuple[str, ...]:
    """Return the ids of all replies of `kinds`."""
    replies: dict[ReplyKind, Sequence[dict[str, str]]] = _source()["replies"]
    return tuple(reply["id"] for kind in kinds for reply in replies[kind])


def _source() -> dict[str, Any]:
    loaded: dict[str, Any] = data.load("crisis_replies.json")
    return loaded
