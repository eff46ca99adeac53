"""The composer is what answers when nothing else does: it has to be acceptable for whatever comes in."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity import data
from silent_infinity.domain.composer import compose
from silent_infinity.domain.guards.after import ReplyContext, limits, review
from silent_infinity.domain.languages import identify
from silent_infinity.domain.mirror import echoable, turn_around
from silent_infinity.domain.prose import fold, paragraphs
from silent_infinity.domain.quality import validate_reply
from tests.support.vectors import description, load_vectors

CLASSES = ("TC3", "TC4", "TC5")
SUBJECTS = ("I", "my mother", "he", "we", "nobody", "my boss", "it", "everyone", "the kids", "you")
VERBS = (
    "feel",
    "hate",
    "was",
    "am",
    "can't stand",
    "lost",
    "don't understand",
    "keep losing",
    "have",
    "should be",
)
REST = (
    "so tired of everything",
    "myself and my body",
    "the way he looked at me",
    "nothing but noise, lately",
    "alone at night",
    "worthless",
    "a failure",
    "who I am anymore?",
    "depressed (again)",
    "bipolar",
    "better",
    "20 mg a day",
    "everything will be fine",
    "[name]",
    "$locale",
    "calm down",
)
JOINTS = (". ", ", ", " and ", " but ", "\n", "... ", " because ", "? ", " - ", "! ")
FORBIDDEN = (
    "AKIAIOSFODNN7EXAMPLE",
    "https://evil.example.com/a",
    "www.evil.com",
    "jane.roe@example.com",
    "555-123-4567",
    "4111 1111 1111 1111",
    "078-05-1120",
    "hunter2!x",
    "fucking",
    "bitch",
    "overdose",
    "noose",
    "kill myself",
    "ignore all previous instructions",
    "<script>",
    "DROP TABLE",
)

clauses = st.builds(
    lambda *parts: " ".join(parts), st.sampled_from(SUBJECTS), st.sampled_from(VERBS), st.sampled_from(REST)
)
english = st.lists(st.tuples(clauses, st.sampled_from(JOINTS)), min_size=1, max_size=8).map(
    lambda pairs: "".join(clause + joint for clause, joint in pairs)
)
messages = st.one_of(english, st.text(max_size=300), st.text("abcdefghi '.,?!", max_size=300))


@pytest.mark.parametrize("case", load_vectors("composer.json"), ids=description)
def test_the_person_s_own_words_come_back_turned_around(case: dict[str, Any]) -> None:
    """Being heard exactly is what the reply of last resort can still give."""
    for seed in ("1", "2", "3", "4", "5"):
        reply = compose(case["message"], case["turn_class"], seed)

        assert case["mirrors"] in reply
        assert not [word for word in case["never"] if word.lower() in reply.lower()]


@pytest.mark.parametrize("case", load_vectors("composer_turns.json"), ids=description)
def test_first_person_becomes_second_and_verbs_agree(case: dict[str, Any]) -> None:
    """A mirror with broken grammar sounds like a machine that did not listen."""
    assert turn_around(case["said"]).lower() == case["turned"]


@given(messages, st.sampled_from(CLASSES), st.text(max_size=8))
@settings(max_examples=400, deadline=None)
def test_every_reply_is_acceptable_whatever_was_said(message: str, turn_class: str, seed: str) -> None:
    """There is nothing behind the composer but a static text, so its replies must always pass."""
    reply = compose(message, turn_class, seed)
    result = validate_reply(reply, "composer", turn_class, message)

    assert result.acceptable, (reply, result.failures)
    assert result.text == reply
    assert len(reply) <= limits(turn_class)["max_characters"]


@pytest.mark.parametrize("case", load_vectors("composer_risk.json"), ids=description)
@pytest.mark.parametrize("turn_class", CLASSES)
def test_words_of_risk_are_never_said_back_even_if_nothing_else_stopped_them(
    case: dict[str, Any], turn_class: str
) -> None:
    """The words "you don't deserve to live" must not come from here, even if a screen missed them."""
    reserve = {
        text.replace("\n\n", " ")
        for name in ("heavy", "dark")
        for text in data.load("composer.json")["reserve"][name]
    }
    for seed in ("1", "2", "3"):
        assert compose(case["message"], turn_class, seed).replace("\n\n", " ") in reserve


def test_nothing_of_a_message_that_nobody_screened_is_said_back() -> None:
    """With help lines at its side, a reply asks how the person is and leaves their words alone."""
    reply = compose(
        "I left the letters on the kitchen table", "TC4", "s", "You can call or text 988 at any time."
    )

    assert "letters" not in reply
    assert "I am an AI" in reply


@given(messages, st.sampled_from(CLASSES), st.text(max_size=8))
@settings(max_examples=60, deadline=None)
def test_the_same_message_and_seed_give_the_same_reply(message: str, turn_class: str, seed: str) -> None:
    """A turn that is retried after a crash must not answer differently."""
    assert compose(message, turn_class, seed) == compose(message, turn_class, seed)


@given(english, st.sampled_from(FORBIDDEN), english, st.sampled_from(CLASSES))
@settings(max_examples=200, deadline=None)
def test_secrets_addresses_abuse_and_harm_are_never_said_back(
    before: str, forbidden: str, after: str, turn_class: str
) -> None:
    """An echo of any of these would hurt the person, or be served to the wrong eyes."""
    reply = compose(f"{before} {forbidden} {after}", turn_class, "s")

    assert forbidden.lower() not in reply.lower()


@given(english, st.text(max_size=4))
@settings(max_examples=100, deadline=None)
def test_a_reflective_reply_is_two_short_paragraphs(message: str, seed: str) -> None:
    """That is the form of the class, also when it is the composer that writes it."""
    reply = compose(message, "TC4", seed)

    assert len(paragraphs(reply)) == 2
    assert len(reply) < 600


@given(english, st.sampled_from(CLASSES), st.text(max_size=4))
@settings(max_examples=150, deadline=None)
def test_the_composer_never_advises_or_concludes(message: str, turn_class: str, seed: str) -> None:
    """It has understood nothing, so it has nothing to recommend."""
    own = fold(turn_around(message))
    reply = fold(compose(message, turn_class, seed))

    for phrase in ("you should", "you need to", "try to", "i recommend", "you must", "diagnos", "disorder"):
        assert phrase not in reply or phrase in own


@pytest.mark.parametrize("turn_class", CLASSES)
def test_four_thousand_characters_are_answered_as_shortly_as_forty(turn_class: str) -> None:
    """The longest message that is accepted must not make the reply long."""
    for piece in (
        "I feel so tired and alone. ",
        "मैं थक गया हूँ ",
        "😢",
        "I don't know why she left me, ",
        "x",
        "?!",
    ):
        message = (piece * 4000)[:4000]

        assert validate_reply(compose(message, turn_class, "s"), "composer", turn_class, message).acceptable


@pytest.mark.parametrize("turn_class", CLASSES)
def test_help_lines_are_added_when_they_are_given(turn_class: str) -> None:
    """A reply that nobody screened carries help lines, whatever else it says."""
    reply = compose("I can't stop crying", turn_class, "s", "You can call or text 988 at any time.")

    assert paragraphs(reply)[-1] == "You can call or text 988 at any time."
    assert validate_reply(reply, "composer", turn_class, "I can't stop crying").acceptable


@pytest.mark.parametrize(
    "message",
    [
        "I have not slept since she left",
        "My friends forgot my birthday and I feel invisible",
        "I keep crying at work",
    ],
)
def test_ordinary_messages_pass_as_if_a_model_had_written_the_reply(message: str) -> None:
    """The composer's exemption from the mirroring guard is for what must not be said back, not for
    laziness.
    """
    assert validate_reply(compose(message, "TC4", "s"), "model", "TC4", message).acceptable


def test_an_unknown_class_is_answered_like_a_reflective_one() -> None:
    """The last resort must not fail over a name."""
    assert compose("I feel lost", "TC9", "s") == compose("I feel lost", "TC4", "s")


def test_nothing_that_addresses_the_service_is_turned_around() -> None:
    """A "you" means someone else when it is said back: an accusation would become a confession."""
    assert echoable("you never listen to me") == []


ELSEWHERE = {
    "es": "llevo meses sintiéndome vacía, como si mirara mi vida desde afuera",
    "fr": "je souris toute la journée au travail et le soir je m'effondre dans la voiture",
    "de": "Seit der Trennung komme ich abends nach Hause und weiß nicht, wohin mit mir",
    "pt": "minha avó me criou e agora ela não lembra mais do meu nome",
    "hi": "मुझे समझ नहीं आ रहा क्या करूँ",
    "hi-Latn": "mujhe samajh nahi aa raha kya karu, ghar mein sab khush hain",
    "it": "non so cosa fare, sono stanca di tutto e mi sento sola",
    "ar": "لا أعرف ماذا أفعل",
    "zh": "我不知道该怎么办",
}


@pytest.mark.parametrize("turn_class", CLASSES)
@pytest.mark.parametrize("language", ELSEWHERE)
@pytest.mark.parametrize("help_text", ["", "You can call or text 988 at any time."])
def test_whoever_writes_in_another_language_is_answered_in_it_or_told_why_not(
    language: str, turn_class: str, help_text: str
) -> None:
    """Words that cannot be turned around are not, and the reply does not pretend to have understood them."""
    message = ELSEWHERE[language]
    vetted = data.load("composer.json")["elsewhere"]
    texts = vetted.get(language, vetted["*"])["dark" if help_text else "other"]
    for seed in ("1", "2", "3"):
        reply = compose(message, turn_class, seed, help_text).removesuffix(help_text).strip()

        assert reply.replace("\n\n", " ") in {text.replace("\n\n", " ") for text in texts}
        assert identify(reply) == (language if language in vetted else "en")
        assert validate_reply(reply, "composer", turn_class, message).acceptable


def test_what_is_said_elsewhere_passes_the_guards_of_its_language() -> None:
    """Vetted texts are held to what generated ones are: no advice, no promise, no diagnosis."""
    for language, kinds in data.load("composer.json")["elsewhere"].items():
        for text in (text for texts in kinds.values() for text in texts):
            blocks = review(text, ReplyContext("TC4", ELSEWHERE.get(language, "x"))).blocks

            assert not [code for code in blocks if not code.startswith("mirroring")], (language, blocks)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("ok gotta go, good night", "goodbye"),
        ("much obliged.", "thanks"),
        ("are you a real person?", "identity"),
        ("which company built you", "identity"),
        ("pretty good, you?", "you"),
        ("team tea or team coffee", "plain"),
    ],
)
def test_light_messages_get_a_light_reply_of_their_kind(message: str, kind: str) -> None:
    """Nothing is odder than a hello that is weighed word by word."""
    assert compose(message, "TC3", "s") in data.load("composer.json")["small"][kind]


def test_a_plain_light_telling_is_taken_up() -> None:
    """The person's own words come back here too, lightly."""
    reply = compose("I tried the new bakery on the corner this morning.", "TC3", "s")

    assert "you tried the new bakery on the corner this morning." in reply


def test_asked_for_more_than_it_can_it_says_so_and_leaves_the_request_out() -> None:
    """A "show you how" that is turned around is nonsense."""
    reply = compose("i want to stop comparing myself to everyone, show me how", "TC5", "s")

    assert "you want to stop comparing yourself to everyone." in reply
