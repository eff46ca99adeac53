"""A short answer to a direct question: "yes" after "are you thinking of ending your life?"."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity.data import load
from silent_infinity.domain.crisis.answers import answers_stage, asks_directly, read_short_answer
from silent_infinity.domain.crisis.verdict import ScreenCase, Verdict
from silent_infinity.domain.turn import Utterance

LANGUAGES = ("en", "es", "fr", "de", "pt", "hi", "hi-Latn")
ASKED = "I'm glad you told me. Are you thinking about ending your life? I'm staying with you."
VETTED: dict[str, dict[str, list[dict[str, Any]]]] = {
    language: load(f"crisis_replies/{language}.json")["replies"] for language in LANGUAGES
}


def read(message: str, *history: Utterance) -> Verdict | None:
    """Return what the stage says of the message after these utterances."""
    stage = answers_stage(history)
    return stage(ScreenCase(message)) if stage else None


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["active", "imminent", "check_in"])
def test_the_direct_questions_of_the_vetted_replies_are_recognised(language: str, kind: str) -> None:
    """They are the replies that a yes most often follows. A few need the sentence before."""
    asked = [asks_directly(reply["text"]) for reply in VETTED[language][kind]]

    assert sum(asked) >= len(asked) - 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_about_somebody_else_is_none_about_the_writer(language: str) -> None:
    """ "Yes, she told me" is no disclosure of the person who worries."""
    assert [reply["text"] for reply in VETTED[language]["other"] if asks_directly(reply["text"])] == []


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "What would you want her to know?",
        "Are you safe right now?",
        "Suicide is hard to talk about. What brings you here?",
        "Would you like to know more about suicide prevention?",
        "Is your friend thinking about suicide?",
        "People who think about ending your life together with you need help.",
    ],
)
def test_other_replies_ask_nothing_directly(reply: str) -> None:
    """A yes to "are you safe?" is the opposite of a risk."""
    assert not asks_directly(reply)


@pytest.mark.parametrize(
    ("message", "level"),
    [
        ("yes", 3),
        ("Yes.", 3),
        ("YES, I am…", 3),
        ("yeah", 3),
        ("Sí", 3),
        ("oui", 3),
        ("हाँ", 3),
        ("maybe", 2),
        ("I don’t know", 2),
        ("idk", 2),
        ("sometimes", 2),
        ("vielleicht", 2),
        ("शायद", 2),
    ],
)
def test_a_yes_or_a_maybe_after_a_direct_question_is_a_disclosure(message: str, level: int) -> None:
    """Read alone they are calm, and three of them would end the crisis flow."""
    verdict = read(message, Utterance("user", "hi"), Utterance("assistant", ASKED))

    assert verdict is not None
    assert verdict.level == level
    assert not verdict.safe_exit


@pytest.mark.parametrize(
    "message", ["no", "No, I'm not.", "not any more", "hi", "yes I would like some soup", "…"]
)
def test_any_other_answer_is_left_to_the_other_stages(message: str) -> None:
    """This stage knows two words; it must not guess at sentences."""
    assert read(message, Utterance("assistant", ASKED)) is None


@pytest.mark.parametrize(
    "history",
    [
        (),
        (Utterance("assistant", "It is good to hear from you. How was work?"),),
        (Utterance("user", ASKED),),
        (Utterance("assistant", ASKED), Utterance("user", "no"), Utterance("assistant", "I hear you.")),
    ],
    ids=["none", "not asked", "the person's own words", "asked before"],
)
def test_a_yes_counts_only_if_the_last_reply_asked(history: tuple[Utterance, ...]) -> None:
    """Otherwise a yes to lunch would be one to dying."""
    assert read("yes", *history) is None


@given(st.text(max_size=120))
@settings(max_examples=200, deadline=None)
def test_no_message_is_read_as_safer_than_it_is(message: str) -> None:
    """The stage can raise and nothing else."""
    verdict = read_short_answer(message)

    assert verdict is None or verdict.level >= 2
