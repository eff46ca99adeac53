"""The rule stage in its parts: whose risk, when, negated, quoted, spread over messages, and in what time."""

import time
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity.domain.crisis import rules
from silent_infinity.domain.crisis.rules import screen_message


def test_negation_reaches_as_far_as_its_clause() -> None:
    """ "I don't want to die but I want to kill myself" is no denial."""
    assert screen_message("i don't want to kill myself").level == 1
    assert screen_message("i don't want to eat, i want to kill myself").level == 3
    assert screen_message("i'm not fine. i want to kill myself").level == 3
    assert screen_message("i can't stop thinking about killing myself").level == 3


def test_another_persons_current_risk_is_level_two() -> None:
    """The writer needs help to help; the level is theirs, not the other person's."""
    verdict = screen_message("my friend said she is going to kill herself tonight")

    assert (verdict.level, verdict.about_other) == (2, True)


def test_the_writers_own_risk_outweighs_somebody_elses() -> None:
    """A mention of a friend must not make a disclosure about the friend."""
    verdict = screen_message("my friend wants to kill herself and i want to die too")

    assert (verdict.level, verdict.about_other) == (3, False)


def test_a_time_that_is_close_makes_intent_imminent() -> None:
    """The same words with "tonight" in the sentence are the difference between 3 and 4."""
    assert screen_message("i'm going to kill myself").level == 3
    assert screen_message("i'm going to kill myself tonight").level == 4


def test_a_past_that_is_over_is_distress_and_one_that_returns_is_risk() -> None:
    """Looking back is part of recovery; thoughts that come back are not the past."""
    assert screen_message("i was suicidal in high school but i'm doing well now").level == 1
    assert screen_message("i was suicidal in high school and the thoughts are coming back").level == 2


def test_a_disclosure_over_two_messages_is_found() -> None:
    """People press enter in the middle of a sentence, the hardest ones most of all."""
    assert screen_message("kill myself", ["hi", "i want to"]).level >= 3
    assert screen_message("die", ["i just want to"]).level >= 3
    assert screen_message("to", ["i just want"]).level == 0
    assert screen_message("die", ["i want", "to"]).level >= 3


def test_what_follows_a_disclosure_is_read_with_it() -> None:
    """ "Tonight" alone is nothing; after "I want to end my life" it is everything."""
    assert screen_message("tonight", ["i want to end my life"]).level == 4
    assert screen_message("tonight", ["what time is the concert"]).level == 0
    assert screen_message("i mean it", ["i want to end my life"]).level == 3


def test_a_denial_that_is_taken_back_in_the_next_message_is_risk() -> None:
    """The second message alone says nothing, and the first says the opposite."""
    assert screen_message("actually that's not true", ["i'm not going to kill myself"]).level == 3
    assert screen_message("i lied", ["i don't want to die"]).level == 3
    assert screen_message("eso no es verdad", ["no quiero morir"]).level == 3
    assert screen_message("i lied", ["i had soup for lunch"]).level == 0


def test_an_old_disclosure_does_not_flag_a_greeting() -> None:
    """What was said before is kept by the posture; the screen reads this message."""
    assert screen_message("hi", ["i want to kill myself"]).level == 0
    assert screen_message("thank you for listening", ["i want to kill myself"]).level == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i'm safe now, my sister is here with me", True),
        ("i called 988 and talked to someone", True),
        ("i feel much better now", True),
        ("i'm not safe", False),
        ("i feel better now but i still want to die", False),
        ("hello", False),
    ],
)
def test_a_safe_exit_is_told_from_risk(text: str, expected: bool) -> None:
    """A false safe exit would end the crisis flow too early."""
    assert screen_message(text).safe_exit is expected


def test_a_disclosure_is_found_at_any_position() -> None:
    """Never by truncating: the one sentence that matters may be the last of a long message."""
    filler = "we talked about the weather and the garden and the neighbours. " * 60

    for text in (
        f"i want to kill myself. {filler}",
        f"{filler} i want to kill myself. {filler}",
        f"{filler} i want to kill myself",
    ):
        assert screen_message(text).level == 3


LOADED_WORDS = ["i", "want", "to", "die", "not", "kill", "myself", "tonight", ".", '"', "lol"]


@given(st.lists(st.sampled_from(LOADED_WORDS)))
def test_any_mixture_of_loaded_words_gets_a_verdict(words: list[str]) -> None:
    """The conditions combine in ways that nobody wrote down."""
    verdict = screen_message(" ".join(words))

    assert 0 <= verdict.level <= 4
    assert bool(verdict.rule_ids) == (verdict.level > 0)
    assert not (verdict.safe_exit and verdict.level >= 2)


HOSTILE = {
    "one letter": "a",
    "one digit": "1",
    "spelled out": "s u i c i d e ",
    "beginnings of phrases": "i want to ",
    "denials": "not kill myself ",
    "disclosures": "kill myself ",
    "one word to a sentence": "i. want. to. ",
    "stars": "k*ll ",
    "leetspeak": "k1ll d1e ",
    "single quotes": "'a ",
    "double quotes": '"a ',
    "nested quotes": "\"'i said \"'",
    "look-alikes": "\u0455u\u0456\u0441\u0456d\u0435 ",
    "one look-alike after much": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\u0430",
    "zero width": "k\u200bill ",
    "unfinished acts": "took all the ",
    "wishes": "hope wish want to be not ",
    "signs": "\U0001f480",
    "different signs": "\U0001f480\U0001f602 ",
    "jokes about the past": "lol years ago i used to say monday ",
    "run together": "iwanttobutnotkillmyselfbecause ",
    "slips": "knll myslef wamt ",
    "vowel signs": "\u092e\u0930\u0928\u093e ",
    "languages": "quiero morir ich will sterben je veux mourir ",
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_time_grows_with_length_and_no_faster(unit: str) -> None:
    """A message must not be able to stop the screen. Ten times the text may take 40 times the processor time,
    where a quadratic rule takes a hundred: a ratio, since a limit in milliseconds would test the machine."""
    assert _grows_linearly(unit * (1000 // len(unit)), unit * (10_000 // len(unit)))


def test_time_grows_with_length_on_generated_hostile_text() -> None:
    """Repeats, near misses, quotes, spacing, invisible characters and other scripts in mixtures that nobody
    wrote down; the seed is fixed, so that a failure can be repeated."""
    random = Random(20)
    for _ in range(6):
        pieces = [random.choice(PIECES) for _ in range(random.randint(2, 12))]
        text = "".join(
            random.choice(pieces) + random.choice(["", " ", " ", ". ", "  ", "\u200b"]) for _ in range(4000)
        )

        assert _grows_linearly(text[:1000], text[:10_000]), pieces


PIECES = [
    *HOSTILE.values(),
    *[
        "i",
        "want",
        "to",
        "die",
        "kill",
        "myself",
        "not",
        "never",
        "my",
        "pills",
        "took",
        "all",
        "tonight",
        "goodbye",
        "he",
        "she",
        "friend",
        "song",
        "essay",
        "lol",
    ],
    *(
        "k1ll",
        "d!e",
        "s.u.i",
        "k i l l",
        "dieeee",
        "'",
        '"',
        "\u201c",
        "\u2019",
        "?",
        "\n",
        "\u0430",
        "\u0915\u093f",
        "\U0001f52a",
    ),
    *("wanttodie", "mysefl", "no quiero vivir", "1 2 3", "a-b-c", "me muero de risa", "nicht mehr", "x" * 40),
]


def _grows_linearly(short: str, long: str) -> bool:
    screen_message(long)  # compiles whatever the text needs
    return _best_of(lambda: screen_message(long)) <= 40 * max(_best_of(lambda: screen_message(short)), 50e-6)


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_gets_a_verdict(message: str, before: str) -> None:
    """No text, in no script, may stop the screen."""
    assert 0 <= screen_message(message, [before]).level <= 4


CALM_SENTENCES = [
    "we talked about the weather and the garden.",
    "my manager moved the meeting again!",
    "do you know a good recipe for soup?",
    "ayer fui al mercado con mi hermana.",
    "i went for a walk by the river, it was cold.",
    "the train was late :(",
    "\u0938\u092c \u0920\u0940\u0915 \u0939\u0948\u0964",
]
DISCLOSURES = [
    "i want to kill myself",
    "ya no quiero vivir",
    "I took all my pills.",
    "\u092e\u0948\u0902 \u092e\u0930\u0928\u093e \u091a\u093e\u0939\u0924\u093e \u0939\u0942\u0901",
]


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.sampled_from(CALM_SENTENCES), max_size=120),
    st.lists(st.sampled_from(CALM_SENTENCES), max_size=120),
    st.sampled_from(DISCLOSURES),
)
def test_a_disclosure_is_found_wherever_it_stands(
    before: list[str], after: list[str], disclosure: str
) -> None:
    """Never by truncating, however much is written around it."""
    assert screen_message(" ".join([*before, f"{disclosure}.", *after])).level >= 3


def _best_of(call: Callable[[], Any], tries: int = 3) -> float:
    times = []
    for _ in range(tries):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def test_an_unknown_language_is_an_error_and_not_silence() -> None:
    """A missing lexicon must not look like a calm message."""
    with pytest.raises(FileNotFoundError):
        rules.screen_message("hello", language="xx")
