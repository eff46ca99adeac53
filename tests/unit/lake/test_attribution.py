"""Where the money went: every dimension has the whole of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.lake.attribution import (
    DIMENSIONS,
    Spent,
    attributed,
    cache_read_share,
    movers,
    total,
)

names = st.sampled_from(["a", "b", "c"])
rows = st.lists(
    st.builds(
        Spent,
        intent=names,
        turn_class=names,
        model_id=names,
        provider=names,
        category=names,
        variant_id=names,
        calls=st.integers(0, 1000),
        usd=st.floats(0, 1000),
    ),
    max_size=30,
)


def spent(turn_class: str, usd: float, *, variant: str = "v", read: int = 0, fresh: int = 0) -> Spent:
    """One row."""
    return Spent(
        "venting", turn_class, "m", "p", "LLM_MODEL", variant, 10, usd,
        tokens_input=fresh, tokens_cache_read=read,
    )  # fmt: skip


@given(now=rows, before=rows)
def test_every_dimension_adds_up_to_the_whole(now: list[Spent], before: list[Spent]) -> None:
    """What is attributed to nobody would be missing from the bill, and what is attributed twice from none."""
    for by in DIMENSIONS.values():
        lines = attributed(now, before, by)

        assert sum(line.usd for line in lines) == pytest.approx(total(now))
        assert sum(line.usd_before for line in lines) == pytest.approx(total(before))
        assert sum(line.calls for line in lines) == sum(row.calls for row in now)
        assert len({line.name for line in lines}) == len(lines)


@given(now=rows, before=rows, order=st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(now: list[Spent], before: list[Spent], order: object) -> None:
    """A statement gives them in any order, and the report of a week is the same twice."""
    shuffled = sorted(now, key=lambda _row: order.random())  # type: ignore[attr-defined]

    assert total(shuffled) == total(now)
    assert attributed(shuffled, before, DIMENSIONS["class"]) == attributed(now, before, DIMENSIONS["class"])


def test_what_is_gone_is_still_a_line() -> None:
    """A class that cost something last week and nothing now is a saving to be seen."""
    [dear, gone] = attributed([spent("TC4", 3)], [spent("TC5", 2)], DIMENSIONS["class"])

    assert (dear.name, dear.usd, dear.usd_before) == ("TC4", 3, 0)
    assert (gone.name, gone.calls, gone.change) == ("TC5", 0, -2)


def test_movers_go_either_way_and_what_stands_still_is_none() -> None:
    """The largest change comes first, whatever its sign."""
    now = [spent("TC4", 5, variant="x"), spent("TC5", 1, variant="x"), spent("TC3", 2)]
    before = [spent("TC4", 4, variant="x"), spent("TC5", 9, variant="x"), spent("TC3", 2)]

    assert [(line.name, line.change) for line in movers(now, before, 5)] == [
        ("TC5 · m · x", -8),
        ("TC4 · m · x", 1),
    ]
    assert len(movers(now, before, 1)) == 1


def test_the_caches_share_is_of_all_input() -> None:
    """Tokens that were read from it count as input too."""
    assert cache_read_share([spent("TC4", 1, read=300, fresh=100)]) == 0.75
    assert cache_read_share([spent("TC4", 1)]) is None
