"""Evidence for intents: the patterns of `data/intent.json`, each with a weight.

Two kinds of rule. An *exact* rule must explain the whole message (a greeting that goes on to tell something
is no greeting); a *cue* is found anywhere and adds up.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from silent_infinity import data

TURN_CLASS: Final[dict[str, str]] = {
    "greeting": "TC3",
    "thanks": "TC3",
    "goodbye": "TC3",
    "help_request": "TC3",
    "identity": "TC3",
    "small_talk": "TC3",
    "sharing": "TC4",
    "venting": "TC4",
    "celebrating": "TC4",
    "continuation": "TC4",
    "unclear": "TC4",
    "question": "TC5",
    "learning": "TC5",
    "coping_request": "TC5",
}
"""The turn class that answers each intent."""

INTENTS: Final[tuple[str, ...]] = tuple(TURN_CLASS)

ROUTES: Final[frozenset[str]] = frozenset({"template", "template_if_exact", "clarify", "generate"})
"""What may answer an intent without a model: a template if the intent is sure, or only if a rule explains the
whole message; a clarifying question; nothing.
"""


@dataclass(frozen=True, slots=True)
class Cue:
    """A pattern that speaks for `intent` with `weight`."""

    intent: str
    weight: float
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Rules:
    """All evidence, compiled.

    `exact` cues must match a whole folded message without its punctuation; `cues` are found anywhere, and
    their weights add up per intent. `feeling_laden` texts are never answered from a template, because someone
    is telling something. `rhetorical` questions tell rather than ask: they want to be heard. `despair` before
    a farewell makes it a heavy one, and so do the words of one `for_good`. `sad_signs` are emoji that say a
    feeling by themselves. A `plea` asks for help and says nothing else.

    `routes` says how each intent is answered. `template_at` is the confidence from which a learned intent may
    be answered from a template, `clarify_below` that under which a person is asked what they mean rather than
    answered beside the point.
    """

    exact: tuple[Cue, ...]
    cues: tuple[Cue, ...]
    feeling_laden: re.Pattern[str]
    rhetorical: re.Pattern[str]
    despair: re.Pattern[str]
    for_good: re.Pattern[str]
    sad_signs: frozenset[str]
    plea: re.Pattern[str]
    routes: Mapping[str, str]
    template_at: float
    clarify_below: float


@cache
def rules() -> Rules:
    """Return the rules of `data/intent.json`, compiled once per process.

    Raises:
        ValueError: an intent has no route, or one that there is not.
    """
    raw = data.load("intent.json")
    parts: dict[str, str] = raw["parts"]

    def compiled(pattern: str) -> re.Pattern[str]:
        return re.compile(_PART.sub(lambda match: parts[match[1]], pattern))

    def cues(entries: list[dict[str, Any]]) -> tuple[Cue, ...]:
        return tuple(Cue(entry["intent"], entry["weight"], compiled(entry["pattern"])) for entry in entries)

    if set(raw["routes"]) != set(INTENTS) or not set(raw["routes"].values()) <= ROUTES:
        raise ValueError("intent.json: every intent needs a route that there is")
    return Rules(
        exact=cues(raw["exact"]),
        cues=cues(raw["cues"]),
        feeling_laden=compiled(raw["feeling_laden"]),
        rhetorical=compiled(raw["rhetorical"]),
        despair=compiled(raw["despair"]),
        sad_signs=frozenset(raw["sad_signs"]),
        for_good=compiled(raw["for_good"]),
        plea=compiled(raw["plea"]),
        routes=raw["routes"],
        template_at=raw["template_at"],
        clarify_below=raw["clarify_below"],
    )


def cue_signs(folded: str) -> list[str]:
    """Return the names of the cues and of the other patterns that `folded` has, for the learned model."""
    own = rules()
    found = [f"cue {place}" for place, cue in enumerate(own.cues) if cue.pattern.search(folded)]
    if own.feeling_laden.search(folded):
        found.append("feeling laden")
    if own.rhetorical.search(folded):
        found.append("rhetorical")
    return found


_PART: Final = re.compile(r"<<(\w+)>>")
