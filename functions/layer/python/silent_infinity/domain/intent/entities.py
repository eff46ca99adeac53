"""What a message names: people by their relation, times, places, feelings, activities, events, body, topics.

An entity is a type and where it stands, never its words: what is recorded and logged must not quote anyone.
"""

import re
from dataclasses import dataclass
from typing import Final

from silent_infinity.domain.intent.words import entity_words, spoken_words, word_spans

MOST: Final = 40
"""Entities of one message. A longer list would say nothing more of it."""

_UNIT: Final = r"(?:minute|hour|day|night|week|weekend|month|year|decade)s?"
_COUNT: Final = (
    r"(?:\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty)"
)
_TIME: Final = re.compile(
    rf"\b(?:\d{{1,2}}(?::\d\d)? ?[ap]\.?m\b|\d{{1,2}}:\d\d\b|(?:19|20)\d\d\b"
    rf"|{_COUNT} {_UNIT}(?: ago| now)?\b)",
    re.IGNORECASE,
)
_MOST_CHARACTERS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Entity:
    """Something of `type` is named from character `start` to before character `end` of the message."""

    type: str
    start: int
    end: int


def entities(text: str) -> tuple[Entity, ...]:
    """Return what the first 2,000 characters of `text` name, in order and without overlaps, 40 at most."""
    read = text[:_MOST_CHARACTERS]
    found = [Entity("time", match.start(), match.end()) for match in _TIME.finditer(read)]
    taken = found.copy()
    spoken, named = spoken_words(read), entity_words()
    spans: list[tuple[int, int]] = []
    index = 0
    while index < len(spoken):
        entity = named.at(spoken, index)
        if entity is None:
            index += 1
            continue
        kind, size = entity
        spans = spans or word_spans(read)  # many messages name nothing
        one = Entity(kind, spans[index][0], spans[index + size - 1][1])
        index += size
        if not any(one.start < other.end and other.start < one.end for other in taken):
            found.append(one)
    return tuple(sorted(found, key=lambda entity: entity.start))[:MOST]


def together(own: tuple[Entity, ...], others: tuple[Entity, ...]) -> tuple[Entity, ...]:
    """Return `own` entities and those of `others` that meet none of them, in order, 40 at most."""
    added = [
        other
        for other in others
        if not any(other.start < entity.end and entity.start < other.end for entity in own)
    ]
    return tuple(sorted((*own, *added), key=lambda entity: entity.start))[:MOST]


def types(found: tuple[Entity, ...]) -> tuple[str, ...]:
    """Return which types there are among `found`, by name."""
    return tuple(sorted({entity.type for entity in found}))
