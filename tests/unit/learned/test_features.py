"""The same text has the same features everywhere, or a trained model means nothing."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity.domain.learned.features import FeatureSpec, features, tokens

SPEC = FeatureSpec(bits=16, words=(1, 2), characters=(3, 4))
CODE = (
    "from silent_infinity.domain.learned.features import FeatureSpec, features;"
    "f = features('mañana I go', FeatureSpec(16, (1, 2), (3, 4)), ['fence']);"
    "print([sorted(kind) for kind in f.kinds])"
)


def test_features_are_those_that_the_shipped_models_were_trained_on() -> None:
    """A changed hash would turn every shipped weight into noise, silently."""
    found = features("go on", FeatureSpec(bits=16, words=(1, 2), characters=(3,)), ["fence"])

    assert {kind: sorted(buckets) for kind, buckets in zip("wcs", found.kinds, strict=True)} == {
        "w": [7311, 9559, 22447, 24306, 32928, 42513, 45110],
        "c": [16257, 34079, 43178, 51283],
        "s": [39091],
    }


def test_another_process_finds_the_same_features() -> None:
    """Python's own hash differs from process to process; nothing of it may show."""
    runs = {
        subprocess.run(  # noqa: S603 -- this interpreter, with code of this file
            [sys.executable, "-c", CODE],
            env={"PYTHONPATH": "functions/layer/python", "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(runs) == 1


def test_a_word_n_gram_is_not_the_sum_of_its_words() -> None:
    """Word order carries meaning: "not dead" and "dead not" differ."""
    one, other = features("not dead", SPEC), features("dead not", SPEC)

    assert one.words != other.words
    assert one.characters == other.characters


def test_the_kinds_of_feature_do_not_share_buckets_by_construction() -> None:
    """The word "go" and the characters "go" are different evidence."""
    wide = FeatureSpec(bits=30, words=(1,), characters=(2, 3, 4))
    found = features("go", wide, ["go"])

    assert not found.words & found.characters
    assert not found.words & found.signs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("don't go!!!!!!", ["don't", "go", "!!!!", "!!"]),
        ("### new: मेरा नाम", ["###", "new", ":", "मेरा", "नाम"]),
        ("<|im_start|>", ["<|", "im_start", "|>"]),
        ("", []),
    ],
)
def test_tokens_keep_words_whole_and_signs_in_runs(text: str, expected: list[str]) -> None:
    """Delimiters are evidence, and vowel signs belong to their word."""
    assert tokens(text) == expected


@given(st.text(max_size=400))
@settings(max_examples=150, deadline=None)
def test_any_text_has_features_within_the_buckets(text: str) -> None:
    """A message may hold anything, lone surrogates included; none of it may end in an error."""
    for kind in features(text + "\ud800", SPEC, ["x"]).kinds:
        assert all(0 <= bucket < 1 << SPEC.bits for bucket in kind)


@given(st.lists(st.sampled_from(["stay", "here", "with", "me", "tonight"]), min_size=1, max_size=9))
@settings(max_examples=100, deadline=None)
def test_saying_a_thing_again_adds_no_character_n_gram(words: list[str]) -> None:
    """Repetition must not buy a score."""
    once, twice = features(" ".join(words), SPEC), features(" ".join(words * 2), SPEC)

    assert once.characters == twice.characters
