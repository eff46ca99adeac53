"""The rule stage in its parts: whose risk, when, negated, quoted, spread over messages, and in what time."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.crisis import rules
from silent_infinity.domain.crisis.lexicon import Combination, lexicon
from silent_infinity.domain.crisis.rules import screen_message
from tests.support.vectors import load_vectors


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
    "spelled out": "s u i c i d e ",
    "beginnings of phrases": "i want to ",
    "denials": "not kill myself ",
    "disclosures": "kill myself ",
    "one word to a sentence": "i. want. to. ",
    "stars": "k*ll ",
    "leetspeak": "k1ll d1e ",
    "single quotes": "'a ",
    "double quotes": '"a ',
    "look-alikes": "\u0455u\u0456\u0441\u0456d\u0435 ",
    "zero width": "k\u200bill ",
    "unfinished acts": "took all the ",
    "wishes": "hope wish want to be not ",
    "signs": "\U0001f480",
    "jokes about the past": "lol years ago i used to say monday ",
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_time_grows_with_length_and_no_faster(unit: str) -> None:
    """A message must not be able to stop the screen. Ten times the text may take 40 times the processor time,
    where a quadratic rule takes a hundred: a ratio, since a limit in milliseconds would test the machine."""
    short, long = unit * (1000 // len(unit)), unit * (10_000 // len(unit))
    screen_message(long)  # compiles whatever the text needs

    assert _best_of(lambda: screen_message(long)) <= 40 * max(_best_of(lambda: screen_message(short)), 50e-6)


def _best_of(call: Callable[[], Any], tries: int = 5) -> float:
    times = []
    for _ in range(tries):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def test_the_keys_of_a_group_do_not_hide_a_match(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group is searched only if one of its keys is in the text; a missing key would silence its rules."""
    texts = [case["text"] for case in load_vectors("crisis_golden_en.json")]
    with_keys = [screen_message(text) for text in texts]
    for group in lexicon().groups:
        monkeypatch.setattr(group, "keys", ("",))

    assert [screen_message(text) for text in texts] == with_keys


def test_every_pattern_compiles_and_every_name_is_defined() -> None:
    """Patterns are compiled when first needed, so a broken one would wait for the message that needs it."""
    known = lexicon()
    names = set(known.contexts) | {"quoted"}

    for context in known.contexts.values():
        if isinstance(context, Combination):
            assert {*context.all_of, *context.none_of} <= names
        else:
            assert isinstance(context.regex, re.Pattern)
    for group in known.groups:
        assert isinstance(group.regex, re.Pattern)
        for entry in group.entries:
            assert {*entry.unless, *entry.needs, *entry.cap, *entry.raise_to} <= names, entry.id
            assert 1 <= entry.level <= 4


def test_entry_ids_are_unique() -> None:
    """They name the rule in counts and records."""
    ids = [entry.id for group in lexicon().groups for entry in group.entries]

    assert len(ids) == len(set(ids))


def test_an_unknown_language_is_an_error_and_not_silence() -> None:
    """A missing lexicon must not look like a calm message."""
    with pytest.raises(FileNotFoundError):
        rules.screen_message("hello", language="xx")
