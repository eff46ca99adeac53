"""Which buckets an arm owns: a ramp appends, the way back takes from the end.

A range is half-open, `[start, end)`, of the buckets 0-9999; a bucket is a hundredth of a percent. An arm's
ranges are in the order in which it came by them, so that a smaller rollout is always a part of a larger one.
"""

from collections.abc import Iterable, Iterator, Sequence

from silent_infinity.domain.variants import BUCKETS

Range = tuple[int, int]
Ranges = tuple[Range, ...]

BUCKETS_PER_PERCENT = BUCKETS // 100


def in_buckets(percent: float) -> int:
    """Return how many buckets a rollout has.

    Raises:
        ValueError: it is no whole number of buckets.
    """
    count = round(percent * BUCKETS_PER_PERCENT)
    # 0.07 * 100 is 7.000000000000001.
    if abs(percent * BUCKETS_PER_PERCENT - count) > 1e-6:
        raise ValueError("finer than a bucket")
    return count


def in_percent(count: int) -> float:
    """Return the rollout that so many buckets are."""
    return count / BUCKETS_PER_PERCENT


def size(ranges: Iterable[Range]) -> int:
    """Return how many buckets the ranges have."""
    return sum(end - start for start, end in ranges)


def free(taken: Iterable[Range]) -> Ranges:
    """Return the ranges that nobody has, lowest first: they are production's."""
    gaps: list[Range] = []
    place = 0
    for start, end in sorted(taken):
        if start > place:
            gaps.append((place, start))
        place = max(place, end)
    if place < BUCKETS:
        gaps.append((place, BUCKETS))
    return tuple(gaps)


def resized(own: Sequence[Range], others: Iterable[Range], count: int) -> Ranges:
    """Return an arm's ranges with so many buckets in all.

    Args:
        own: what the arm has.
        others: what other arms of the category have.
        count: how many buckets it is to have.

    Raises:
        ValueError: the others leave too few.
    """
    missing = count - size(own)
    return _shrunk(own, count) if missing <= 0 else _grown(own, free([*own, *others]), missing)


def _shrunk(own: Sequence[Range], count: int) -> Ranges:
    return tuple(_first(own, count))


def _grown(own: Sequence[Range], gaps: Sequence[Range], missing: int) -> Ranges:
    if size(gaps) < missing:
        raise ValueError("too few free buckets")
    grown = list(own)
    for start, end in _first(gaps, missing):
        if grown and grown[-1][1] == start:
            grown[-1] = (grown[-1][0], end)
        else:
            grown.append((start, end))
    return tuple(grown)


def _first(ranges: Iterable[Range], count: int) -> Iterator[Range]:
    """Yield the first `count` buckets of the ranges, in their order."""
    for start, end in ranges:
        if count <= 0:
            return
        yield start, min(end, start + count)
        count -= end - start
