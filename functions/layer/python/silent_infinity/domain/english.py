"""English word lists that several rules share, as `data/english.json` has them."""

from functools import cache

from silent_infinity import data


@cache
def words(name: str) -> frozenset[str]:
    """Return the word list `name`."""
    return frozenset(data.load("english.json")[name].split())


def table(name: str) -> dict[str, str]:
    """Return the mapping `name`: treat it as read-only."""
    found: dict[str, str] = data.load("english.json")[name]
    return found
