"""Which intent a message has decides what it costs and how it is met."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity.domain.guards.after import ReplyContext, review
from silent_infinity.domain.intent import detect as detection
from silent_infinity.domain.intent.detect import detect
from silent_infinity.domain.intent.learned import Likelihoods
from silent_infinity.domain.intent.rules import INTENTS, TURN_CLASS
from silent_infinity.domain.intent.templates import TemplateError, all_replies, choose
from silent_infinity.domain.turn import Utterance
from tests.support.vectors import description, load_vectors

FEELINGS = ("I feel so alone", "my dad died", "I can't stop crying", "I hate myself", "nobody would miss me")
OPENINGS = ("hi", "hello", "good morning", "thanks", "thank you", "hey there", "ok bye", "good night")


@pytest.mark.parametrize("case", load_vectors("intent.json"), ids=description)
def test_a_message_takes_the_path_that_fits_it(case: dict[str, Any]) -> None:
    """The intent decides between a template, a question and a model, and which model."""
    history = [Utterance(role, text) for role, text in case.get("history", [])]

    result = detect(case["message"], history, "en-US", case.get("last_kind"), seed="s")

    assert (result.intent, result.path, result.turn_class) == (
        case["intent"],
        case["path"],
        case["turn_class"],
    )


@given(st.text(max_size=400), st.sampled_from([None, "answer", "template", "clarification"]))
@settings(max_examples=150, deadline=None)
def test_any_text_gets_a_result_of_the_agreed_shape(message: str, last_kind: str | None) -> None:
    """The state machine branches on these fields: a surprise here is a failed turn."""
    result = detect(message, (), "en-US", last_kind, seed="s")

    assert result.intent in INTENTS
    assert result.turn_class == TURN_CLASS[result.intent]
    assert 0.0 <= result.confidence <= 1.0
    assert (result.reply is None) == (result.path == "generate")


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_two_clarifying_questions_never_follow_each_other(message: str) -> None:
    """Being asked what one means twice in a row is an interrogation."""
    assert detect(message, (), "en-US", "clarification", seed="s").path != "clarify"


@given(st.sampled_from(FEELINGS), st.sampled_from(["", "hmm ", "idk ", "it's complicated. "]), st.booleans())
@settings(deadline=None)
def test_who_names_a_feeling_is_heard_and_not_questioned(feeling: str, before: str, asked: bool) -> None:
    """A question is the wrong answer to "I feel so alone", however unsure the classifier is."""
    result = detect(before + feeling, (), "en-US", "clarification" if asked else None, seed="s")

    assert result.path == "generate"
    assert result.turn_class != "TC3"


@pytest.mark.parametrize(
    ("classes", "name"),
    [
        ({"sharing": 0.40, "question": 0.35, "small_talk": 0.25}, "clarify_between"),
        ({"sharing": 0.40, "small_talk": 0.35, "question": 0.25}, "clarify"),
        ({"question": 0.40, "greeting": 0.35, "sharing": 0.25}, "clarify"),
        ({"sharing": 0.60, "question": 0.40}, None),
    ],
)
def test_below_the_threshold_one_question_is_asked_and_never_a_second(
    classes: dict[str, float], name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torn between listening and answering, the person says which; after that they are answered."""
    shares = {intent: classes.get(intent, 0.0) for intent in INTENTS}
    monkeypatch.setattr(detection, "likelihoods", lambda message: Likelihoods(shares))
    message = "the boxes by the door are for him"
    first, second = (detect(message, (), "en-US", kind, seed="s") for kind in ("answer", "clarification"))

    assert second.path == "generate"
    if name is None:
        assert first.path == "generate"
        return
    assert (first.path, first.intent, first.turn_class) == ("clarify", "unclear", "TC4")
    assert first.reply is not None
    assert first.reply.reply_id.startswith(f"{name}.")
    assert detect(f"{message} {'and so on ' * 8}", seed="s").path == "generate"  # has said enough
    assert detect(f"{message}, I am scared", seed="s").path == "generate"


@pytest.mark.parametrize(
    ("intent", "share", "path"),
    [
        ("thanks", 0.99, "template"),
        ("thanks", 0.80, "generate"),
        ("greeting", 0.99, "template"),
        ("goodbye", 0.99, "template"),
        ("identity", 0.99, "generate"),
        ("help_request", 0.99, "generate"),
        ("small_talk", 0.99, "generate"),
    ],
)
def test_a_template_answers_only_what_is_sure_and_what_its_text_fits(
    intent: str, share: float, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ "Does it cost anything?" is a help request, and what the app is for would be no answer to it."""
    shares = dict.fromkeys(INTENTS, 0.0) | {"sharing": 1 - share, intent: share}
    monkeypatch.setattr(detection, "likelihoods", lambda message: Likelihoods(shares))

    assert detect("the boxes by the door", seed="s").path == path
    assert detect("the boxes by the door, and I am so lonely", seed="s").path == "generate"


@given(st.sampled_from(OPENINGS), st.sampled_from(FEELINGS), st.sampled_from([", ", ". ", " - ", " ", "! "]))
@settings(deadline=None)
def test_a_polite_opening_never_hides_what_comes_after_it(opening: str, feeling: str, joint: str) -> None:
    """Someone who says hello and then something hard must not be met with a welcome text."""
    assert detect(f"{opening}{joint}{feeling}", (), "en-US", None, seed="s").path == "generate"


def test_the_first_greeting_of_a_session_says_that_this_is_an_ai() -> None:
    """People have a right to know whom they talk to before they open up."""
    for seed in "abcdefgh":
        result = detect("hello", (), "en-US", None, seed=seed)

        assert result.reply is not None
        assert "AI" in result.reply.text


def test_a_later_greeting_does_not_introduce_itself_again() -> None:
    """A second introduction tells people that they were forgotten."""
    history = [Utterance("user", "hi"), Utterance("assistant", "Hello.")]

    result = detect("hello again", history, "en-US", None, seed="s")

    assert result.reply is not None
    assert result.reply.reply_id.startswith("greeting.")


def test_the_same_seed_gives_the_same_text_and_other_seeds_give_others() -> None:
    """A retried turn must not change its reply; a returning person should not always hear the same one."""
    texts = {
        detect("thanks", (), "en-US", None, seed=str(seed)).to_payload()["reply"]["text"]
        for seed in range(20)
    }

    assert detect("thanks", (), seed="7") == detect("thanks", (), seed="7")
    assert len(texts) > 1


def test_a_long_talk_is_not_left_with_few_words() -> None:
    """Whoever has talked for an hour is thanked for it."""
    history = [Utterance("user", "the move is done"), Utterance("assistant", "The boxes are in.")] * 6
    short, long = detect("bye", history[:2], seed="s"), detect("bye", history, seed="s")

    assert short.reply is not None
    assert long.reply is not None
    assert short.reply.reply_id.startswith("goodbye.")
    assert long.reply.reply_id.startswith("goodbye_long.")


def test_a_text_that_was_just_said_is_not_said_again() -> None:
    """Hearing the same sentence twice in a row shows that nobody is there."""
    first = choose("thanks", "en", "s")

    second = detect(
        "thanks", [Utterance("user", "thanks"), Utterance("assistant", first.text)], "en", None, "s"
    )

    assert second.reply is not None
    assert second.reply.text != first.text


@pytest.mark.parametrize("locale", ["en", "en-US", "en_GB", "fr-CA", "", "not a locale"])
def test_every_locale_finds_a_text(locale: str) -> None:
    """English stands in until a translation exists."""
    assert choose("greeting", locale, "s").text


def test_an_unknown_template_is_an_error_that_names_it() -> None:
    """A misspelt name must fail in a test, not in front of a person."""
    with pytest.raises(TemplateError, match="no_such"):
        choose("no_such", "en", "s")


def test_ids_of_vetted_texts_are_unique() -> None:
    """An id stands for one wording in every record, for good."""
    ids = [reply.reply_id for _, _, reply in all_replies()]

    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("name", "text"), [(name, reply.text) for name, _, reply in all_replies()])
def test_vetted_texts_pass_the_guards_that_model_replies_have_to_pass(name: str, text: str) -> None:
    """What is served without a model is held to the same rules."""
    assert review(text, ReplyContext(turn_class="TC5", message="")).findings == ()


def test_the_payload_has_the_fields_of_the_state() -> None:
    """The next state reads exactly these."""
    payload = detect("how do I sleep better?", (), "en-US", None, seed="s").to_payload()

    assert payload == {
        "path": "generate",
        "intent": "coping_request",
        "confidence": payload["confidence"],
        "turn_class": "TC5",
        "reply": None,
        "entities": [{"type": "activity", "start": 9, "end": 14}],
        "sentiment": payload["sentiment"],
        "degraded": [],
    }
    assert set(payload["sentiment"]) == {"label", "score"}
