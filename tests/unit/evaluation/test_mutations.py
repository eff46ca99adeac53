"""Mutations change how a message is typed, and never what it says."""

import unicodedata
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.mutations import MUTATIONS, Mutation, split

MESSAGE = "I'm so tired, and I don't know to call anyone \"tonight\" please"


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS)
def test_a_mutation_changes_the_message_and_the_same_seed_changes_it_alike(mutation: Mutation) -> None:
    """One that changed nothing would pass every later test; one without a seed could not be repeated."""
    changed = [mutation(MESSAGE, Random(seed)) for seed in range(8)]

    assert any(text != MESSAGE for text in changed)
    assert changed == [mutation(MESSAGE, Random(seed)) for seed in range(8)]


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS)
@given(text=st.text(max_size=80), seed=st.integers(0, 2**16))
def test_a_mutation_takes_any_text(mutation: Mutation, text: str, seed: int) -> None:
    """Golden messages have emoji, other scripts and empty lines."""
    assert isinstance(mutation(text, Random(seed)), str)


INVISIBLE = {"zero_width", "spaced", "missing_spaces"}


@pytest.mark.parametrize("name", sorted(INVISIBLE))
def test_operators_of_spacing_leave_every_letter_in_its_place(name: str) -> None:
    """They move what is between the letters."""
    kept = "".join(sign for sign in MUTATIONS[name](MESSAGE, Random(1)) if not _is_spacing(sign))

    assert kept == MESSAGE.replace(" ", "")


def _is_spacing(sign: str) -> bool:
    return sign == " " or unicodedata.category(sign) == "Cf"


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("spaced", "go now", "g o   n o w"),
        ("curly_quotes", "don't", {"don\u2019t", "don\u02bct"}),
        ("missing_apostrophes", "don't", "dont"),
        ("missing_spaces", "go now", "gonow"),
        ("stretched", "so", {"sooo", "soooo", "sooooo", "soooooo"}),
        ("capitals", "help me", {"HELP ME", "hElP Me"}),
        ("homoglyphs", "bbb", "bbb"),
    ],
)
def test_an_operator_does_what_its_name_says(name: str, before: str, after: str | set[str]) -> None:
    """The figures are reported by these names."""
    expected = {after} if isinstance(after, str) else after

    assert {MUTATIONS[name](before, Random(seed)) for seed in range(30)} == expected


def test_typos_are_one_slip_in_a_word_and_leave_first_letters_and_short_words() -> None:
    """Harder ones would test a reader's guesses."""
    for seed in range(50):
        words = MUTATIONS["typos"]("all of them went home yesterday", Random(seed)).split(" ")

        assert [word[0] for word in words] == ["a", "o", "t", "w", "h", "y"]
        assert words[:2] == ["all", "of"]
        assert all(
            abs(len(word) - len(was)) <= 1
            for word, was in zip(words[2:], ["them", "went", "home", "yesterday"], strict=True)
        )


@given(st.text(max_size=80), st.integers(0, 2**16))
def test_a_split_message_says_the_same_in_two(text: str, seed: int) -> None:
    """Nothing may be lost between the two."""
    before, message = split(text, Random(seed))

    assert " ".join([*before, message]).split() == text.split()
    assert len(before) == (len(text.split()) > 1)
