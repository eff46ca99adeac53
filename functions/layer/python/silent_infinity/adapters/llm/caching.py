"""Where a provider is told to keep the instructions, so that the next call reads them for a tenth.

https://platform.claude.com/docs/en/build-with-claude/prompt-caching
"""

from collections.abc import Sequence

from silent_infinity.domain.models import Model
from silent_infinity.domain.prompt_cache import MOST_CACHE_POINTS, most_tokens
from silent_infinity.domain.turn import SystemBlock

_BY_LIFE = ("5m", "1h")


def cache_points(blocks: Sequence[SystemBlock], model: Model | None) -> tuple[str | None, ...]:
    """Return for each block how long the prefix that ends with it is to be kept, or None.

    Every prefix that the model may be able to keep gets a point, up to `MOST_CACHE_POINTS`, the longest ones.
    May, not will (`prompt_cache.kept`): one that turns out to be too short is neither written nor charged, so
    a mark too many costs nothing, and one too few costs a whole prefix on every call. A longer life never
    comes after a shorter one, which providers refuse: the later point keeps the earlier prefix as well, so
    the earlier point is left out.
    """
    points = [_life(blocks[: place + 1], model) for place in range(len(blocks))]
    longest, left = -1, MOST_CACHE_POINTS
    for place in reversed(range(len(points))):
        life = points[place]
        if life is None:
            continue
        if left == 0 or _BY_LIFE.index(life) < longest:
            points[place] = None
            continue
        longest, left = _BY_LIFE.index(life), left - 1
    return tuple(points)


def _life(prefix: Sequence[SystemBlock], model: Model | None) -> str | None:
    block = prefix[-1]
    if block.cache_ttl is None or model is None or not model.cache_ttls:
        return None
    if most_tokens("\n\n".join(each.text for each in prefix)) < model.min_cacheable_tokens:
        return None
    return block.cache_ttl if block.cache_ttl in model.cache_ttls else model.cache_ttls[0]


def longest_life(points: Sequence[str | None]) -> str:
    """Return the life for which writes are priced where the provider does not tell them apart."""
    return "1h" if "1h" in points else "5m"
