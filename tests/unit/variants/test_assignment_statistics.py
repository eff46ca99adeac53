"""Assignment of a million fixed units looks like chance: evenly spread, and unrelated between categories."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache

from silent_infinity.domain.variants import BUCKETS, bucket

UNITS = 1_000_000

# Upper critical values of the chi-square distribution at 0.001 by degrees of freedom, from the NIST/SEMATECH
# e-Handbook of Statistical Methods, section 1.3.6.7.4. The units are fixed, so the outcome is, too.
CRITICAL = {39: 72.055, 81: 126.083, 99: 148.230}


@cache
def buckets(category: str, seed: str = "v1") -> Sequence[int]:
    """Return the buckets of a million sessions whose ids differ in their digits only."""
    return [bucket(seed, category, f"session-{number}") for number in range(UNITS)]


def chi_square(observed: Iterable[int], expected: float) -> float:
    """Return the statistic for cells that should all be `expected`."""
    return sum((count - expected) ** 2 / expected for count in observed)


def chi_square_of_independence(first: Sequence[int], second: Sequence[int]) -> float:
    """Return the statistic of the table of both buckets' tenths: ten rows, ten columns, 81 degrees."""
    pairs = Counter(zip((b // 1000 for b in first), (b // 1000 for b in second), strict=True))
    rows, columns = Counter[int](), Counter[int]()
    for (row, column), count in pairs.items():
        rows[row] += count
        columns[column] += count
    return sum(
        (pairs[row, column] - rows[row] * columns[column] / UNITS) ** 2
        / (rows[row] * columns[column] / UNITS)
        for row in range(10)
        for column in range(10)
    )


def test_buckets_are_uniform() -> None:
    """A rollout of one percent must reach one percent of the people, wherever its range lies."""
    for category in ("LLM_MODEL", "SYSTEM_PROMPT"):
        cells = Counter(place * 100 // BUCKETS for place in buckets(category))

        assert len(cells) == 100
        assert chi_square(cells.values(), UNITS / 100) < CRITICAL[99]


def test_the_members_of_a_pool_have_equal_parts() -> None:
    """Forty variants of the rating share the people; one that had more would look more popular."""
    members = Counter(place % 40 for place in buckets("LLM_MODEL"))

    assert len(members) == 40
    assert chi_square(members.values(), UNITS / 40) < CRITICAL[39]


def test_two_categories_are_independent() -> None:
    """Otherwise an experiment in one category would also measure the other's."""
    statistic = chi_square_of_independence(buckets("LLM_MODEL"), buckets("SYSTEM_PROMPT"))

    assert statistic < CRITICAL[81]


def test_another_seed_is_independent_of_the_first() -> None:
    """A new experiment in the same category must not inherit the people of the old one."""
    statistic = chi_square_of_independence(buckets("LLM_MODEL"), buckets("LLM_MODEL", "v2"))

    assert statistic < CRITICAL[81]


def test_the_statistics_find_what_is_not_chance() -> None:
    """A test that accepted every spread would prove nothing."""
    places = buckets("LLM_MODEL")
    slightly_more = Counter(max(0, place - 20) * 100 // BUCKETS for place in places)
    linked = [places[n] if n % 100 == 0 else other for n, other in enumerate(buckets("SYSTEM_PROMPT"))]

    assert chi_square(slightly_more.values(), UNITS / 100) > CRITICAL[99]
    assert chi_square_of_independence(places, linked) > CRITICAL[81]
