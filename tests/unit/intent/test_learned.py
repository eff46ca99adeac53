"""The learned part: what it reads, that it ships whole, and that it means what training meant."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity import data
from silent_infinity.domain.intent import learned
from silent_infinity.domain.intent.rules import INTENTS, TURN_CLASS, rules
from silent_infinity.domain.intent.shape import signs
from silent_infinity.domain.intent.words import clusters, entity_words, places, plain_words, sentiment_words
from silent_infinity.domain.learned.linear import read

LARGEST_BYTES = 600_000


def test_the_files_of_the_learned_part_are_small_and_fit_together() -> None:
    """Every cold start of the intent function reads them."""
    content = data.read_bytes(learned.MODEL_FILE)
    model = read(content)
    notes = model.notes

    assert len(content) <= LARGEST_BYTES
    assert tuple(notes["intents"]) == INTENTS
    assert [len(row) for row in notes["hidden"]] == [len(model.labels)] * len(notes["hidden_bias"])
    assert [len(row) for row in notes["head"]] == [len(notes["hidden"])] * len(INTENTS)
    assert len(notes["head_bias"]) == len(INTENTS)
    assert notes["temperature"] > 0


@given(st.text(max_size=500))
@settings(max_examples=100, deadline=None)
def test_of_any_text_the_intents_share_one_whole(message: str) -> None:
    """A confidence above 1 or below 0 would break thresholds and figures alike."""
    found = learned.likelihoods(message)

    assert set(found.intents) == set(INTENTS)
    assert sum(found.intents.values()) == pytest.approx(1.0)
    assert sum(found.classes.values()) == pytest.approx(1.0)
    assert all(0.0 <= share <= 1.0 for share in found.intents.values())
    assert TURN_CLASS[found.best(found.turn_class)] == found.turn_class


def test_temperature_evens_out_without_changing_the_order() -> None:
    """Calibration must not decide anything."""
    margins = {"a": 2.0, "b": 0.5, "c": -1.0}
    sharp, flat = learned.softmax(margins, 0.5), learned.softmax(margins, 3.0)

    assert sorted(margins, key=sharp.__getitem__) == sorted(margins, key=flat.__getitem__)
    assert sharp["a"] > flat["a"] > 1 / 3
    assert learned.softmax({"a": 4000.0, "b": -4000.0}, 1.0) == {"a": 1.0, "b": 0.0}


def test_of_a_long_message_the_beginning_and_the_end_are_read() -> None:
    """People say what they want at either end; the work in between must not grow without bound."""
    message = f"{'begin ' * 300}middle{' end' * 300}"
    read_of = learned.middle_out(message)

    assert len(read_of) <= learned.MOST_CHARACTERS + 1
    assert read_of.startswith("begin")
    assert read_of.endswith("end")
    assert "middle" not in read_of
    assert learned.middle_out("short") == "short"


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("How do I deal with my mother?", "how do i deal with my mother?"),
        ("don't know what to do", "dont know what to do"),
        ("don\u2019t know what to do", "don't know what to do"),
        ("I am sooooo tired", "I am so tired"),
    ],
)
def test_how_a_message_is_typed_does_not_change_what_it_means(one: str, two: str) -> None:
    """A phone's apostrophes are not a reason for another reply."""
    assert learned.likelihoods(one) == learned.likelihoods(two)


def test_the_shape_of_a_message_carries_from_one_topic_to_another() -> None:
    """What was learned of sisters must hold for bosses."""
    sister, boss = (set(signs(f"how do i deal with my {word}?")) for word in ("sister", "boss"))
    telling = set(signs("i deal with my sister."))

    assert "F? how do i deal" in sister & boss
    assert "^ how do i" in sister & boss
    assert len(sister & boss) > 2 * len(sister & telling)


def test_where_a_question_stands_is_part_of_the_shape() -> None:
    """A story that ends in a question asks; one that has a question in the middle may only sigh."""
    last, middle = signs("she left. why do i stay?"), signs("she left. why do i stay? i cried.")

    assert "q$" in last
    assert "q^" not in last
    assert "q^" in middle
    assert "q$" not in middle


def test_lists_of_words_have_no_word_twice_where_it_would_be_ignored() -> None:
    """Of one phrase in two groups only the first counts: the second would be a silent mistake."""
    for phrases in (*entity_words().phrases.values(), *sentiment_words().phrases.values()):
        ordered = [phrase for phrase, _ in phrases]
        assert len(ordered) == len(set(ordered)), ordered
    listed = [word for group in data.load("intent_clusters.json")["clusters"] for word in group.split()]
    assert len(listed) == len(set(listed)) == len(clusters())
    assert all("'" not in word for word in plain_words("skeleton"))


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_words_stand_where_they_are_said_to(message: str) -> None:
    """Entities are made of these places."""
    found = places(message)

    assert all(
        message[place.start : place.end].lower().replace("\u2019", "'") == place.word for place in found
    )
    assert all(one.end <= two.start for one, two in pairwise(found))


def test_every_intent_has_a_route_and_thresholds_are_probabilities() -> None:
    """Which intents need no model is data: an intent without a route would have no answer."""
    own = rules()

    assert set(own.routes) == set(INTENTS)
    assert {intent for intent, route in own.routes.items() if route.startswith("template")} == {
        "greeting",
        "thanks",
        "goodbye",
        "help_request",
        "identity",
    }
    assert {intent for intent, route in own.routes.items() if route == "clarify"} == {"unclear"}
    assert 0.33 < own.clarify_below < own.template_at < 1.0
