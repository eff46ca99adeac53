"""Where the instructions are marked for keeping: a wrong mark is an error at the provider."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.adapters.llm.caching import (
    CHARACTERS_PER_TOKEN,
    MOST_POINTS,
    cache_points,
    longest_life,
)
from silent_infinity.domain.models import Model, catalogue
from silent_infinity.domain.turn import SystemBlock

SONNET = catalogue().find("claude-sonnet-4-6")
LONG = "x" * 10_000
SHORT = "x" * 100


@pytest.mark.parametrize(
    ("blocks", "points"),
    [
        ((SystemBlock(LONG, "1h"), SystemBlock(SHORT, "5m")), ("1h", "5m")),
        ((SystemBlock(LONG, "5m"), SystemBlock(SHORT, "1h")), (None, "1h")),
        ((SystemBlock(SHORT, "1h"), SystemBlock(LONG, "1h")), (None, "1h")),
        ((SystemBlock(LONG), SystemBlock(SHORT, "5m")), (None, "5m")),
        ((SystemBlock(SHORT, "1h"),), (None,)),
        ((SystemBlock(LONG, "1h"),) * 6, (None, None, "1h", "1h", "1h", "1h")),
        ((), ()),
    ],
    ids=[
        "an hour before five minutes",
        "five minutes before an hour",
        "too short alone",
        "what changes comes last",
        "too short",
        "more than a request may have",
        "no instructions",
    ],
)
def test_points_by_example(blocks: tuple[SystemBlock, ...], points: tuple[str | None, ...]) -> None:
    """The persona for an hour and the instructions for five minutes is what a teaching turn asks for."""
    assert cache_points(blocks, SONNET) == points


def test_a_model_keeps_what_it_can_and_nobody_else_keeps_anything() -> None:
    """A model that knows five minutes only is told five minutes; one without a cache is told nothing."""
    blocks = (SystemBlock(LONG, "1h"),)

    assert cache_points(blocks, Model("m", "m", {}, cache_ttls=("5m",))) == ("5m",)
    assert cache_points(blocks, Model("m", "m", {})) == (None,)
    assert cache_points(blocks, None) == (None,)


blocks = st.lists(
    st.builds(SystemBlock, st.sampled_from([SHORT, LONG, "y" * 3_000]), st.sampled_from([None, "5m", "1h"])),
    max_size=9,
)


@given(blocks)
def test_what_every_provider_demands_of_points(asked: list[SystemBlock]) -> None:
    """At most four, never a longer life after a shorter one, only where one was asked for and may be kept."""
    assert SONNET is not None
    points = cache_points(asked, SONNET)
    kept = [point for point in points if point is not None]

    assert len(points) == len(asked)
    assert len(kept) <= MOST_POINTS
    assert kept == sorted(kept)
    for place, point in enumerate(points):
        if point is not None:
            characters = sum(len(block.text) for block in asked[: place + 1])
            assert asked[place].cache_ttl == point
            assert characters >= SONNET.min_cacheable_tokens * CHARACTERS_PER_TOKEN
    assert longest_life(points) == ("1h" if "1h" in kept else "5m")


@given(blocks)
def test_the_longest_prefix_that_is_worth_keeping_is_always_kept(asked: list[SystemBlock]) -> None:
    """It is the one that saves most, whatever else has to give way."""
    assert SONNET is not None
    worth = [
        place
        for place, block in enumerate(asked)
        if block.cache_ttl
        and sum(len(each.text) for each in asked[: place + 1])
        >= SONNET.min_cacheable_tokens * CHARACTERS_PER_TOKEN
    ]
    points = cache_points(asked, SONNET)

    if worth:
        assert points[worth[-1]] is not None
    else:
        assert not any(points)
