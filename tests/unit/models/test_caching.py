"""Where the instructions are marked for keeping: a wrong mark is an error at the provider."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.adapters.llm.caching import cache_points, longest_life
from silent_infinity.domain.models import Model, catalogue
from silent_infinity.domain.prompt_cache import MOST_CACHE_POINTS, kept, most_tokens
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


def reachable(prefix: list[SystemBlock]) -> bool:
    """Whether Sonnet may be able to keep the prefix."""
    assert SONNET is not None
    return most_tokens("\n\n".join(block.text for block in prefix)) >= SONNET.min_cacheable_tokens


@given(blocks)
def test_what_every_provider_demands_of_points(asked: list[SystemBlock]) -> None:
    """At most four, never a longer life after a shorter one, only where one was asked for and may be kept."""
    assert SONNET is not None
    points = cache_points(asked, SONNET)
    placed = [point for point in points if point is not None]

    assert len(points) == len(asked)
    assert len(placed) <= MOST_CACHE_POINTS
    assert placed == sorted(placed)
    for place, point in enumerate(points):
        if point is not None:
            assert asked[place].cache_ttl == point
            assert reachable(asked[: place + 1])
    assert longest_life(points) == ("1h" if "1h" in placed else "5m")


@given(blocks)
def test_the_longest_prefix_that_is_worth_keeping_is_always_kept(asked: list[SystemBlock]) -> None:
    """It is the one that saves most, whatever else has to give way."""
    worth = [place for place, block in enumerate(asked) if block.cache_ttl and reachable(asked[: place + 1])]
    points = cache_points(asked, SONNET)

    if worth:
        assert points[worth[-1]] is not None
    else:
        assert not any(points)


@given(blocks)
def test_what_the_cost_report_counts_on_is_marked(asked: list[SystemBlock]) -> None:
    """What will surely be kept may be kept: of the two estimates, the cautious one never promises more. Only
    where more prefixes are asked for than a request may have do the two choose differently.
    """
    assert SONNET is not None
    points = cache_points(asked, SONNET)

    if sum(bool(block.cache_ttl) for block in asked) <= MOST_CACHE_POINTS and "1h" not in [
        block.cache_ttl for place, block in enumerate(asked) if "5m" in [b.cache_ttl for b in asked[:place]]
    ]:
        for sure, point in zip(kept(asked, SONNET), points, strict=True):
            assert point is not None or not sure
