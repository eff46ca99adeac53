"""A reply in the wrong language is worthless, and a wrong verdict about it throws a good one away."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity.domain.languages import LATIN_LANGUAGES, frequent, identify, same, wanted
from tests.support.vectors import description, load_vectors

VECTORS = Path(__file__).parents[2] / "vectors"
ENGLISH = sorted(VECTORS.glob("turn_class/golden_*.jsonl")) + sorted(VECTORS.glob("safety/golden_*.jsonl"))


def english() -> list[str]:
    """Return the English messages of the golden sets, short and sloppy ones among them."""
    lines = [json.loads(line) for path in ENGLISH for line in path.read_text(encoding="utf-8").splitlines()]
    return [line["text"] for line in lines if line.get("locale", "en").startswith("en")]


@pytest.mark.parametrize("case", load_vectors("languages.json"), ids=description)
def test_a_text_has_its_language_or_none(case: dict[str, Any]) -> None:
    """None is an honest answer about a word or two."""
    assert identify(case["text"]) == case["language"]


@pytest.mark.parametrize(
    ("language", "told"), [("es", 0.6), ("fr", 0.6), ("de", 0.6), ("pt", 0.5), ("hi", 0.6)]
)
def test_messages_of_the_crisis_sets_are_never_taken_for_another_language(language: str, told: float) -> None:
    """They are short and written by others; most are told, and not one is told wrong."""
    found = [identify(case["text"]) for case in load_vectors(f"crisis_{language}.json")]

    assert {other for other in found if other and not same(other, language)} == set()
    assert sum(other is not None for other in found) >= told * len(found)


def test_english_is_never_taken_for_another_language() -> None:
    """Most messages are English: one wrong verdict in a hundred would be the commonest failure."""
    found = [identify(text) for text in english()]

    assert len(found) > 500
    assert set(found) <= {"en", None}
    assert found.count("en") >= 0.8 * len(found)


@pytest.mark.parametrize(
    "message",
    [
        "how do I say this in Spanish?",
        "please answer in german",
        "puedes responder en inglés",
        "translate this for my mother",
        "antworte bitte auf deutsch",
    ],
)
def test_whoever_asks_for_a_language_is_not_held_to_their_own(message: str) -> None:
    """They want another one, or speak about one."""
    assert wanted(message) is None


def test_hindi_is_one_language_in_two_scripts() -> None:
    """Who types it in Latin letters can mostly read both."""
    assert same("hi", "hi-Latn")
    assert same("en", "en")
    assert not same("en", "hi")


@given(st.text(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_text_gets_a_known_language_or_none(text: str) -> None:
    """Emoji, digits and noise are no language."""
    assert identify(text) is None or isinstance(identify(text), str)
    assert identify("12:30 ... !!! 😢 " + "".join(c for c in text if not c.isalpha())) is None


@given(
    st.lists(
        st.sampled_from(("the", "and", "you", "feel", "because", "was", "that", "with", "my")), min_size=6
    )
)
def test_case_and_order_do_not_matter(words: list[str]) -> None:
    """People shout, and people ramble."""
    assert identify(" ".join(words)) == identify(" ".join(reversed(words)).upper())


def test_every_language_has_frequent_words() -> None:
    """An empty list would be a language that is never told."""
    examples = ("the", "porque", "avec", "nicht", "não", "perché", "niet", "inte", "jestem", "için", "nahi")
    for language, word in zip(LATIN_LANGUAGES, examples, strict=True):
        assert frequent(word, language)
