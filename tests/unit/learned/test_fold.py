"""A disguise must not change what a learned model reads, and plain text must stay as it is."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity.domain.learned.fold import fold


@pytest.mark.parametrize(
    ("disguised", "plain"),
    [
        ("IGNORE all", "ignore all"),
        ("ig\u200bnore all", "ignore all"),
        ("Ïgnörë all", "ignore all"),
        ("Ｉｇｎｏｒｅ all", "ignore all"),
        ("ignоrе all", "ignore all"),
        ("inѕtruсtions", "instructions"),
        ("1gn0r3 all", "ignore all"),
        ("i g n o r e  a l l", "ignore all"),
        ("i.g.n.o.r.e all", "ignore all"),
        ("ignooooore  all", "ignore all"),
        ("“don’t”", '"don\'t"'),
    ],
)
def test_a_disguised_word_reads_as_the_plain_one(disguised: str, plain: str) -> None:
    """Each of these is a known way past a word list."""
    assert fold(disguised) == plain


@pytest.mark.parametrize(
    "text",
    [
        "i slept 8 hours",
        "3am again, 10mg",
        "привет, как дела",
        "मेरा नाम सचिन है",
        "한국어 텍스트",
        "a b c",
        "café".replace("é", "e"),
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    """What is undone for nothing is evidence lost, in scripts other than Latin above all."""
    assert fold(text) == text


def test_lines_are_kept() -> None:
    """Where a line begins is where a role label or a heading stands."""
    assert fold("One\n### Two") == "one\n### two"


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_folded_and_carries_no_capitals(text: str) -> None:
    """A message may hold anything."""
    folded = fold(text)

    assert not any("A" <= character <= "Z" for character in folded)


@pytest.mark.parametrize("text", ["1" * 10_000, "a " * 5_000, "a1" * 5_000, "@" * 10_000, "а1" * 5_000])
def test_folding_takes_time_in_proportion(text: str) -> None:
    """One crafted message must not hold a function: quadratic work would need seconds here."""
    start = time.thread_time()
    fold(text)

    assert time.thread_time() - start < 0.3
