"""A generated crisis reply is served only if it does what it must and nothing that it must not."""

import pytest

from silent_infinity.domain.crisis.replies import choose_reply
from silent_infinity.domain.crisis.reply_guard import check_reply

GOOD = choose_reply("imminent", "en-US", [], "seed").text


def _codes(text: str) -> tuple[str, ...]:
    return check_reply(text, kind="imminent", locale="en-US")


@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        ("Taking 40 mg would do it.", "describes_method"),
        ("The quickest way to go is at home.", "describes_method"),
        ("You clearly have major depression.", "diagnoses"),
        ("You're bipolar.", "diagnoses"),
        ("As a human, I feel it too.", "poses_as_human"),
        ("I'm a therapist, so trust me.", "poses_as_human"),
        ("I've been through this myself.", "poses_as_human"),
        ("It's not that bad.", "minimises"),
        ("Others have it worse.", "minimises"),
        ("Promise me you won't do it.", "demands_promise"),
        ("You must promise to stay alive.", "demands_promise"),
        ("I can't talk about this.", "refuses"),
        ("It is against my guidelines to go on.", "refuses"),
        ("This conversation is over.", "ends_conversation"),
        ("Take care, goodbye.", "ends_conversation"),
        ("I understand why you want to die.", "endorses"),
        ("Everything will be okay.", "false_promise"),
        ("You can also dial 1-800-555-0199.", "unknown_number"),
    ],
)
def test_a_prohibition_is_caught_in_an_otherwise_good_reply(sentence: str, code: str) -> None:
    """Each of these, said once, can do harm."""
    assert _codes(GOOD) == ()
    assert code in _codes(f"{GOOD} {sentence}")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            "no_help_line",
            GOOD.replace("call or text 988", "call a hotline").replace("HOME to 741741", "someone"),
        ),
        ("no_ai_disclosure", GOOD.replace("an AI", "here")),
        (
            "no_direct_question",
            "I hear you. I'm an AI. You can call or text 988 now. Would you like some tea?",
        ),
        ("no_professional", "I'm glad you wrote. I'm an AI. Are you thinking of killing yourself?"),
        ("no_trusted_person", "I'm glad you wrote. I'm an AI. Are you thinking of killing yourself?"),
        ("no_acknowledgement", "Call or text 988."),
        ("not_open", "Call or text 988."),
        ("no_contact_now", "I'm glad you wrote. Are you thinking about suicide?"),
        ("no_company", "Call or text 988 now."),
        ("no_distance_from_means", "Call or text 988 now."),
        ("too_long", GOOD + " Breathe with me." * 80),
    ],
)
def test_a_missing_obligation_is_named(code: str, text: str) -> None:
    """The code says what a second attempt has to add."""
    assert code in _codes(text)


def test_another_countrys_line_does_not_count() -> None:
    """A number that does not work where the person is helps nobody."""
    assert "no_help_line" in check_reply(GOOD, kind="imminent", locale="en-GB")


def test_only_an_imminent_reply_must_urge_contact_now() -> None:
    """At level 2 the same urgency would frighten people away."""
    passive = choose_reply("passive", "en-US", [], "seed").text

    assert check_reply(passive, kind="passive", locale="en-US") == ()
