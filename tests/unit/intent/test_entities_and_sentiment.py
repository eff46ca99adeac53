"""What a message names and how it sounds, without a word of it."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity.domain.intent.detect import detect
from silent_infinity.domain.intent.entities import MOST, Entity, entities, together, types
from silent_infinity.domain.intent.rules import rules
from silent_infinity.domain.intent.sentiment import sentiment
from tests.support.vectors import description, load_vectors

WORDS = st.sampled_from(
    [
        "my",
        "mother",
        "Mother-in-law",
        "last week",
        "3am",
        "😢",
        "İstanbul",
        "sad",
        "not",
        "but",
        "\n",
        ",",
        "so",
    ]
)


@pytest.mark.parametrize("case", load_vectors("entities.json"), ids=description)
def test_an_entity_is_found_with_its_type_and_its_characters(case: dict[str, Any]) -> None:
    """Offsets that are one off would mark, or later cut, the wrong words."""
    found = [
        (entity.type, case["message"][entity.start : entity.end]) for entity in entities(case["message"])
    ]

    assert found == [tuple(entry) for entry in case["entities"]]


@pytest.mark.parametrize("case", load_vectors("sentiment.json"), ids=description)
def test_a_message_sounds_as_a_reader_would_say(case: dict[str, Any]) -> None:
    """Experiments are read by how messages sound before and after a reply."""
    found = sentiment(case["message"], rules().sad_signs)

    assert found.label == case["label"]
    if found.label in ("positive", "negative"):
        assert (found.score > 0) == (found.label == "positive")


@given(st.one_of(st.text(max_size=300), st.lists(WORDS, max_size=60).map(" ".join)))
@settings(max_examples=200, deadline=None)
def test_entities_of_any_text_are_in_order_within_it_and_apart(message: str) -> None:
    """Lower case is longer than the text in some scripts: offsets must be those of the text as sent."""
    found = entities(message)

    assert len(found) <= MOST
    assert all(0 <= entity.start < entity.end <= len(message) for entity in found)
    assert all(one.end <= two.start for one, two in pairwise(found))
    assert set(types(found)) == {entity.type for entity in found}


@given(st.one_of(st.text(max_size=300), st.lists(WORDS, max_size=60).map(" ".join)))
@settings(max_examples=200, deadline=None)
def test_sentiment_of_any_text_is_a_label_and_a_score_that_agree(message: str) -> None:
    """A positive label with a negative score would be read either way."""
    found = sentiment(message, rules().sad_signs)

    assert -1.0 <= found.score <= 1.0
    assert found.label in ("positive", "negative", "mixed", "neutral")
    assert (found.score > 0) if found.label == "positive" else True
    assert (found.score < 0) if found.label == "negative" else True


def test_what_is_said_of_a_message_quotes_none_of_it() -> None:
    """The payload is kept by the workflow's history, the types by the turn event."""
    message = "My grandmother Quillfeather fell ill in Zanzibar last week and I am terrified"
    payload = detect(message).to_payload()
    said = repr({**payload, "reply": None})

    assert payload["entities"]
    assert payload["sentiment"]["label"] == "negative"
    assert not any(word in said for word in message.split() if len(word) > 4)


def test_a_second_reading_never_overlaps_the_own_one() -> None:
    """One stretch of text has one type."""
    own = (Entity("person", 3, 9), Entity("time", 20, 25))
    others = (
        Entity("place", 8, 12),
        Entity("place", 12, 15),
        Entity("time", 19, 21),
        Entity("event", 30, 33),
    )

    assert together(own, others) == (
        Entity("person", 3, 9),
        Entity("place", 12, 15),
        Entity("time", 20, 25),
        Entity("event", 30, 33),
    )
