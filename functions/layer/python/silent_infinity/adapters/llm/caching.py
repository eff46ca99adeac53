"""Where a provider is told to keep the instructions, so that the next call reads them for a tenth.

https://platform.claude.com/docs/en/build-with-claude/prompt-caching
"""

from collections.abc import Sequence

from silent_infinity.domain.models import Model
from silent_infinity.domain.turn import SystemBlock

MOST_POINTS = 4
CHARACTERS_PER_TOKEN = 2
"""A safe lower bound for prose in any script that is written with letters. A prefix that turns out to be too
short is not written and not charged, so marking one too many costs nothing; one too few costs a whole prefix.
"""

_BY_LIFE = ("5m", "1h")


def cache_points(blocks: Sequence[SystemBlock], model: Model | None) -> tuple[str | None, ...]:
    """Return for each block how long the prefix that ends with it is to be kept, or None.

    Only prefixes that the model may be able to keep get a point, and at most `MOST_POINTS` of them, the
    longest ones. A longer life never comes after a shorter one, which providers refuse: the later point keeps
    the earlier prefix as well, so the earlier point is left out.
    """
    points: list[str | None] = []
    characters = 0
    for block in blocks:
        characters += len(block.text)
        points.append(_life(block, model, characters))
    longest, left = -1, MOST_POINTS
    for place in reversed(range(len(points))):
        life = points[place]
        if life is None:
            continue
        if left == 0 or _BY_LIFE.index(life) < longest:
            points[place] = None
            continue
        longest, left = _BY_LIFE.index(life), left - 1
    return tuple(points)


def _life(block: SystemBlock, model: Model | None, characters: int) -> str | None:
    if block.cache_ttl is None or model is None or not model.cache_ttls:
        return None
    if characters < model.min_cacheable_tokens * CHARACTERS_PER_TOKEN:
        return None
    return block.cache_ttl if block.cache_ttl in model.cache_ttls else model.cache_ttls[0]


def longest_life(points: Sequence[str | None]) -> str:
    """Return the life for which writes are priced where the provider does not tell them apart."""
    return "1h" if "1h" in points else "5m"
