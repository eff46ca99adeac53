"""What a provider keeps is a tenth of the price: which prompts are kept is arithmetic, and has to add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.initial_variants import initial_variants
from silent_infinity.domain.models import Model, catalogue
from silent_infinity.domain.prompt_cache import MOST_CACHE_POINTS, kept, least_tokens, most_tokens
from silent_infinity.domain.prompts import PERSONA, PERSONA_VERSION, build_messages, bundled
from silent_infinity.domain.turn import SystemBlock
from silent_infinity.domain.turn_classes import model_for, turn_classes
from silent_infinity.domain.variants import production

TTLS = st.sampled_from([None, "5m", "1h"])
BLOCKS = st.lists(st.builds(SystemBlock, st.integers(0, 15_000).map("x".__mul__), TTLS), max_size=7)


def model(name: str) -> Model:
    """Return a model of the catalogue."""
    found = catalogue().find(name)
    assert found is not None
    return found


def blocks_of(turn_class: str) -> tuple[SystemBlock, ...]:
    """Return what a class sends in a fresh deployment."""
    rules = turn_classes()[turn_class]
    assert rules.prompt is not None
    own = rules.persona
    persona = bundled(own.template_id, own.version) if own else bundled(PERSONA, PERSONA_VERSION)
    choice = model_for(turn_class, production(initial_variants()))
    blocks, _ = build_messages(
        persona, bundled(rules.prompt.template_id, rules.prompt.version), "hi", cache_ttls=choice.cache_ttls
    )
    return blocks


@pytest.mark.parametrize(
    ("turn_class", "expected"),
    [
        ("TC3", (False, False, False)),
        ("TC4", (True, True, False)),
        ("TC5", (True, True, False)),
        ("TC6", (True, True, False)),
    ],
)
def test_each_class_is_kept_by_its_default_model_or_too_short_on_purpose(
    turn_class: str, expected: tuple[bool, ...]
) -> None:
    """A persona that lost a paragraph would cost ten times as much from then on, and nobody would see it."""
    assert kept(blocks_of(turn_class), model(turn_classes()[turn_class].model)) == expected


def test_one_prefix_serves_mirroring_teaching_and_crisis() -> None:
    """To the letter, and for the same hour: otherwise each class pays for a copy of its own."""
    assert len({blocks_of(name)[0] for name in ("TC4", "TC5", "TC6")}) == 1
    assert blocks_of("TC4")[0].cache_ttl == "1h"


def test_the_persona_is_long_enough_and_no_longer_than_it_pays() -> None:
    """Above the shortest prefix of its model by every count; every further token is read at each turn."""
    text = bundled(PERSONA, PERSONA_VERSION).body

    assert least_tokens(text) >= model("claude-sonnet-4-6").min_cacheable_tokens
    assert len(text) / 4 <= 2_600


def test_small_talk_is_cheaper_uncached_than_any_prompt_that_its_model_would_keep() -> None:
    """Even if every call found the cache: the shortest prefix it keeps against the whole text."""
    haiku = model(turn_classes()["TC3"].model)
    price = haiku.prices[-1]
    uncached = sum(most_tokens(block.text) for block in blocks_of("TC3")) * price.input
    always_found = haiku.min_cacheable_tokens * price.cache_read
    nine_of_ten = always_found * 0.9 + haiku.min_cacheable_tokens * price.cache_write_1h * 0.1

    assert uncached < nine_of_ten
    assert sum(least_tokens(block.text) for block in blocks_of("TC3")) * price.input < always_found


@given(BLOCKS, st.sampled_from([entry.id for entry in catalogue().models]))
def test_what_is_kept_is_always_something_that_a_provider_accepts(
    blocks: list[SystemBlock], name: str
) -> None:
    """Too many points, or a longer time behind a shorter one, and the whole request is refused."""
    known = model(name)
    result = kept(blocks, known)
    times = [block.cache_ttl for block, keeps in zip(blocks, result, strict=True) if keeps]

    assert len(result) == len(blocks)
    assert len(times) <= MOST_CACHE_POINTS
    assert times == sorted(times, key=lambda ttl: ttl != "1h")
    assert set(times) <= set(known.cache_ttls)
    assert all(blocks[: place + 1] for place, keeps in enumerate(result) if keeps)
    for place, keeps in enumerate(result):
        if keeps:
            assert all(block.cache_ttl for block in blocks[: place + 1])
            assert sum(len(block.text) + 2 for block in blocks[: place + 1]) >= known.min_cacheable_tokens * 5


def test_nothing_behind_a_block_that_varies_is_kept() -> None:
    """It would be written at every turn and never read."""
    long = "x" * 40_000

    assert kept([SystemBlock(long), SystemBlock(long, "1h")], model("claude-sonnet-4-6")) == (False, False)


def test_a_longer_time_behind_a_shorter_one_is_not_kept() -> None:
    """Providers refuse the whole request."""
    long = "x" * 40_000
    blocks = [SystemBlock(long, "5m"), SystemBlock(long, "1h"), SystemBlock(long, "5m")]

    assert kept(blocks, model("claude-sonnet-4-6")) == (True, False, True)


@given(st.text(max_size=500))
def test_the_bounds_are_bounds(text: str) -> None:
    """The lower one decides what is called kept, the upper one what is called cheap."""
    assert least_tokens(text) <= most_tokens(text)
