"""A generated crisis reply is served only if it does what it must and nothing that it must not."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity import data
from silent_infinity.domain.crisis import reply_guard
from silent_infinity.domain.crisis.help_lines import for_locale
from silent_infinity.domain.crisis.replies import KINDS, ReplyKind, choose_reply
from silent_infinity.domain.crisis.reply_guard import check_reply, folded
from silent_infinity.domain.crisis.reply_language import LANGUAGES
from tests.support.vectors import description, load_vectors

GOOD = choose_reply("imminent", "en-US", [], "seed").text
BAD_SENTENCES = load_vectors("crisis_bad_sentences.json")
# One sentence about the weather, in each language: it does nothing that a crisis reply must do.
EMPTY = {
    "en-US": "It is raining today.",
    "es-MX": "Hoy llueve mucho.",
    "fr-FR": "Il pleut aujourd'hui.",
    "de-DE": "Heute regnet es.",
    "pt-BR": "Hoje chove muito.",
    "hi-IN": "आज बारिश हो रही है।",
    "hi-Latn-IN": "Aaj baarish ho rahi hai.",
}
OBLIGATIONS = {
    "no_acknowledgement",
    "no_professional",
    "no_trusted_person",
    "no_ai_disclosure",
    "not_open",
    "no_direct_question",
    "no_help_line",
}
FOR_IMMINENT = {"no_contact_now", "no_company", "no_distance_from_means"}
PROHIBITIONS = {
    "describes_method",
    "diagnoses",
    "poses_as_human",
    "minimises",
    "demands_promise",
    "refuses",
    "ends_conversation",
    "endorses",
    "false_promise",
}


def _codes(text: str) -> tuple[str, ...]:
    return check_reply(text, kind="imminent", locale="en-US")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_rule(language: str) -> None:
    """A language that lacks one would let through what all others refuse."""
    rules = data.load(f"crisis_guard/{language}.json")

    assert set(rules["obligations"]) == OBLIGATIONS - {"no_direct_question", "no_help_line"}
    assert set(rules["imminent"]) == FOR_IMMINENT
    assert set(rules["prohibitions"]) == PROHIBITIONS


@pytest.mark.parametrize("locale", EMPTY)
def test_every_language_has_examples_of_everything_that_is_prohibited(locale: str) -> None:
    """The table below is worth nothing where it is empty."""
    assert {case["code"] for case in BAD_SENTENCES if case["locale"] == locale} == {
        *PROHIBITIONS,
        "unknown_number",
    }


@pytest.mark.parametrize("kind", ["passive", "imminent"])
@pytest.mark.parametrize("case", BAD_SENTENCES, ids=lambda case: f"{case['locale']}: {case['text']}")
def test_a_prohibition_is_caught_in_an_otherwise_good_reply(case: dict[str, Any], kind: ReplyKind) -> None:
    """Each of these, said once, can do harm; and nothing else is blamed for it."""
    good = choose_reply(kind, case["locale"], [], "seed").text

    assert check_reply(good, kind=kind, locale=case["locale"]) == ()
    assert check_reply(f"{good} {case['text']}", kind=kind, locale=case["locale"]) == (case["code"],)


@pytest.mark.parametrize("case", load_vectors("crisis_good_replies.json"), ids=description)
def test_a_good_reply_in_other_words_may_be_served(case: dict[str, Any]) -> None:
    """A guard that knows the vetted texts only would never let a model help."""
    assert check_reply(case["text"], kind=case["kind"], locale=case["locale"]) == ()


@pytest.mark.parametrize("locale", EMPTY)
def test_a_reply_that_does_nothing_fails_every_obligation(locale: str) -> None:
    """No pattern may be so wide that any text meets it."""
    assert set(check_reply(EMPTY[locale], kind="imminent", locale=locale)) == OBLIGATIONS | FOR_IMMINENT
    assert set(check_reply(EMPTY[locale], kind="passive", locale=locale)) == OBLIGATIONS


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
        ("too_long", GOOD + " Breathe with me." * 80),
    ],
)
def test_a_missing_obligation_is_named(code: str, text: str) -> None:
    """The code says what a second attempt has to add."""
    assert code in _codes(text)


@pytest.mark.parametrize("locale", EMPTY)
def test_words_about_suicide_that_ask_nothing_are_no_direct_question(locale: str) -> None:
    """Being asked is what opens the door; being told does not."""
    told = choose_reply("passive", locale, [], "seed").text.replace("?", ".")

    assert "no_direct_question" in check_reply(told, kind="passive", locale=locale)


@pytest.mark.parametrize(
    ("locale", "hours"),
    [
        ("en-US", "Someone is there 24x7."),
        ("en-US", "Someone is there 24 / 7."),
        ("fr-FR", "Une personne répond 24/24."),
        ("fr-FR", "Une personne répond 24h/24."),
    ],
)
def test_round_the_clock_is_no_number_to_dial(locale: str, hours: str) -> None:
    """A good reply must not be thrown away for saying when somebody answers."""
    good = choose_reply("passive", locale, [], "seed").text

    assert check_reply(f"{hours} {good}", kind="passive", locale=locale) == ()


def test_a_line_that_is_closed_at_night_does_not_count_where_another_never_closes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At three in the morning the other one is the only help."""
    first, second = for_locale("en-US")[:2]
    lines = (replace(first, hours="09:00-17:00"), second)
    monkeypatch.setattr(reply_guard, "for_locale", lambda _: lines)
    day_only = GOOD.replace(second.wording, "reach somebody else")

    assert "no_help_line" not in _codes(GOOD)
    assert "no_help_line" in _codes(day_only)


@pytest.mark.parametrize("locale", EMPTY)
def test_a_reply_may_be_no_longer_than_a_person_in_distress_can_read(locale: str) -> None:
    """Whatever the language."""
    good = choose_reply("passive", locale, [], "seed").text

    assert check_reply(f"{EMPTY[locale]} " * 60 + good, kind="passive", locale=locale) == ("too_long",)


@pytest.mark.parametrize("language", LANGUAGES)
def test_another_countrys_line_does_not_count_and_may_not_be_named(language: str) -> None:
    """A number that does not work where the person is helps nobody."""
    american = choose_reply("passive", f"{language}-US", [], "seed").text

    codes = check_reply(american, kind="passive", locale=f"{language}-GB")

    assert codes == ("no_help_line", "unknown_number")


def test_where_no_country_is_known_a_directory_is_named_and_no_number() -> None:
    """988 told to somebody in Lagos is a guess."""
    placeless = choose_reply("passive", "en", [], "seed").text

    assert check_reply(placeless, kind="passive", locale="en") == ()
    assert check_reply(f"{placeless} Or call 988.", kind="passive", locale="en") == ("unknown_number",)


def test_a_directory_alone_is_not_enough_where_the_country_has_lines() -> None:
    """One more page to search is one step too many."""
    placeless = choose_reply("passive", "en", [], "seed").text

    assert check_reply(placeless, kind="passive", locale="en-US") == ("no_help_line",)


@pytest.mark.parametrize("number", ["0800 111 0 111", "0800/1110111", "0800 1110111", "08001110111"])
def test_how_digits_are_grouped_makes_no_difference(number: str) -> None:
    """People and models write the same number in many ways, and all of them are dialled alike."""
    german = choose_reply("passive", "de-DE", [], "seed").text.replace("0800 1110111", number)

    assert check_reply(german, kind="passive", locale="de-DE") == ()


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("call or text 1737", ()),
        ("call or text 17374", ("no_help_line", "unknown_number")),
        ("call or text 1737 44 55", ("unknown_number",)),
        ("call or text 44 1737", ("no_help_line", "unknown_number")),
    ],
)
def test_a_known_number_inside_a_longer_one_is_unknown(text: str, codes: tuple[str, ...]) -> None:
    """The first digits of a wrong number do not make it right."""
    told = choose_reply("passive", "en-NZ", [], "seed").text.replace("call or text 1737", text)

    assert check_reply(told, kind="passive", locale="en-NZ") == codes


@pytest.mark.parametrize("locale", ["ja-JP", "tr-TR", "zh-Hant-HK"])
def test_a_language_without_rules_is_never_served_generated_words(locale: str) -> None:
    """Nobody can say whether the text is safe; the vetted one is, in English."""
    assert check_reply(choose_reply("passive", locale, [], "seed").text, kind="passive", locale=locale) == (
        "no_rules",
    )


def test_only_an_imminent_reply_must_urge_contact_now() -> None:
    """At level 2 the same urgency would frighten people away."""
    passive = choose_reply("passive", "en-US", [], "seed").text

    assert check_reply(passive, kind="passive", locale="en-US") == ()
    assert check_reply(passive, kind="imminent", locale="en-US") != ()


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Ich h\u00f6re  dir zu,\nwei\u00dft du?", "ich hore dir zu, weisst du?"),
        ("Ich ho\u0308re dir zu", "ich hore dir zu"),
        ("I\u2019m here", "i'm here"),
        ("su\u00adi\u200bcide", "suicide"),
        ("\u092b\u093c\u094b\u0928", "\u092b\u094b\u0928"),
        ("\u0939\u0942\u0901", "\u0939\u0942\u0902"),
    ],
)
def test_how_a_text_is_typed_makes_no_difference(text: str, plain: str) -> None:
    """Models differ in quotes, accents and invisible characters; rules are about words."""
    assert folded(text) == plain


@given(st.text(max_size=400), st.sampled_from(KINDS), st.sampled_from([*EMPTY, "", "ja", "💥"]))
def test_no_text_breaks_the_guard_and_none_by_chance_passes_it(
    text: str, kind: ReplyKind, locale: str
) -> None:
    """It reads what a model wrote."""
    assert check_reply(text, kind=kind, locale=locale)
