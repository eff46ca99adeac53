"""What guards share: outcomes, findings, and patterns that are data."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from silent_infinity import data


class Outcome(StrEnum):
    """What a check decides about a text. A check that has nothing to say passes."""

    PASS = "pass"  # noqa: S105 - the opposite of a secret: an outcome
    BLOCK = "block"
    MODIFY = "modify"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that fired. `rule_id` is counted and recorded, so it never changes; it never holds text of the
    person.
    """

    rule_id: str
    outcome: Outcome
    text: str = ""
    """The changed text, for `MODIFY` only."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern of `data/guards.json` with its identifier and what stands in for a match."""

    rule_id: str
    pattern: re.Pattern[str]
    replacement: str = ""
    own_words: bool = False
    """Whether the person's own words, said back, are exempt."""
    classes: frozenset[str] = frozenset()
    """The turn classes that the rule holds for; empty means all."""
    unless: re.Pattern[str] | None = None
    """A context in which the rule does not hold, such as a disclosure where a demand is looked for."""


@cache
def rules(group: str) -> tuple[Rule, ...]:
    """Return the rules of one group of `data/guards.json`, compiled once per process.

    Patterns are compiled as they stand; those of secrets are case-sensitive, all others meet folded text.
    """
    return tuple(
        Rule(
            rule_id=entry["id"],
            pattern=re.compile(entry["pattern"]),
            replacement=entry.get("replacement", ""),
            own_words=entry.get("own_words", False),
            classes=frozenset(entry.get("classes", ())),
            unless=re.compile(entry["unless"]) if "unless" in entry else None,
        )
        for entry in data.load("guards.json")[group]
    )
