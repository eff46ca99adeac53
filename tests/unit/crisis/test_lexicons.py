"""Every entry of every lexicon: sound, indexed, and heard of."""

import json
import random
import re
from functools import cache
from pathlib import Path
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

import pytest

from evaluation.lexicon_index import index_of
from silent_infinity import data
from silent_infinity.domain.crisis import lexicon as lexicons
from silent_infinity.domain.crisis.lexicon import Combination, Entry, lexicon, other_languages
from silent_infinity.domain.crisis.normalise import Canonical
from silent_infinity.domain.crisis.rules import _Reading, screen_message
from silent_infinity.domain.crisis.verdict import RISK_LEVEL
from tests.support.vectors import load_vectors

OTHERS = ("es", "pt", "fr", "de", "hi")
LANGUAGES = ("en", *OTHERS)
ENTRIES = [
    (language, entry)
    for language in LANGUAGES
    for group in lexicon(language).groups
    for entry in group.entries
]
IDS = [entry.id for _, entry in ENTRIES]
SAMPLES = 8


def test_there_is_a_lexicon_for_every_file_and_a_gate_for_all_but_english() -> None:
    """A lexicon that nothing opens would never read a message."""
    folder = Path(data.__file__).parent / "lexicon"

    assert {path.stem for path in folder.glob("??.json")} == set(LANGUAGES)
    assert set(data.load("lexicon/gates.json")["languages"]) == set(OTHERS)


def test_ids_are_unique_over_all_languages() -> None:
    """They name the rule in counts and records."""
    assert len(IDS) == len(set(IDS))


@pytest.mark.parametrize(("language", "entry"), ENTRIES, ids=IDS)
def test_an_entry_is_sound(language: str, entry: Entry) -> None:
    """Patterns are compiled when first needed, so a broken one would wait for the message that needs it."""
    names = {*lexicon(language).contexts, "quoted"}

    assert isinstance(entry.rule.regex, re.Pattern)
    assert 1 <= entry.level <= entry.ceiling <= 4
    assert entry.note
    assert {*entry.unless, *entry.needs, *entry.cap, *entry.raise_to} <= names
    assert language == "en" or entry.id.startswith(f"{language}_")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_context_is_sound(language: str) -> None:
    """The same for what stands around a hit; the code itself asks for six of them by name."""
    contexts = lexicon(language).contexts

    for context in contexts.values():
        if isinstance(context, Combination):
            assert {*context.all_of, *context.none_of} <= set(contexts)
        else:
            assert isinstance(context.regex, re.Pattern)
    assert {"safe_exit", "not_safe", "speech", "fiction", "negated", "followed_by_retraction"} <= set(
        contexts
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_index_is_what_the_patterns_say(language: str) -> None:
    """A pattern that was changed without its index would be looked for at the wrong words: run
    `python -m evaluation.lexicon_index`."""
    assert json.loads(json.dumps(index_of(lexicon(language)))) == data.load(f"lexicon/index_{language}.json")


@pytest.mark.parametrize(("language", "entry"), ENTRIES, ids=IDS)
def test_the_index_leads_to_every_way_of_matching(language: str, entry: Entry) -> None:
    """Texts are made from the pattern itself, so that no way of matching is left out."""
    tried = 0
    for text in _texts_of(entry, language):
        tried += 1
        reading = _Reading(lexicon(language), Canonical(f"ok . {text}", ()))

        found = [known for known, start, _ in reading._matches(None) if start == len("ok . ")]
        assert any(known.order[0] == entry.order[0] for known in found), text
    assert tried


@pytest.mark.parametrize(("language", "entry"), [case for case in ENTRIES if case[0] != "en"])
def test_the_gate_opens_for_what_an_entry_finds(language: str, entry: Entry) -> None:
    """Some texts are too short to tell their language by ("me mato")."""
    texts = list(_texts_of(entry, language))

    assert sum(language in other_languages(text) for text in texts) >= 0.6 * len(texts)


def _texts_of(entry: Entry, language: str) -> list[str]:
    """Return texts that the pattern of `entry` matches from their first word on."""
    parsed = _parser.parse(entry.pattern)
    source = random.Random(f"{language} {entry.id}")
    texts = (re.sub(" +", " ", _text_of(parsed, source)).strip() for _ in range(SAMPLES * 5))
    return [text for text in dict.fromkeys(texts) if entry.rule.regex.match(text)][:SAMPLES]


def _text_of(items: Any, source: random.Random) -> str:
    return "".join(_piece_of(operator, argument, source) for operator, argument in items)


def _piece_of(operator: Any, argument: Any, source: random.Random) -> str:
    match operator:
        case _constants.LITERAL:
            return chr(argument)
        case _constants.IN:
            kind, value = source.choice(argument)
            return (
                chr(value)
                if kind is _constants.LITERAL
                else "7"
                if value is _constants.CATEGORY_DIGIT
                else "x"
            )
        case _constants.BRANCH:
            return _text_of(source.choice(argument[1]), source)
        case _constants.SUBPATTERN:
            return _text_of(argument[3], source)
        case _constants.ATOMIC_GROUP:
            return _text_of(argument, source)
        case _constants.MAX_REPEAT | _constants.POSSESSIVE_REPEAT:
            least, most, repeated = argument
            return "".join(
                _text_of(repeated, source) for _ in range(source.randint(least, min(int(most), least + 8)))
            )
    return ""


@cache
def _hits(language: str) -> set[str]:
    texts = [case["text"] for case in load_vectors(f"crisis_{language}.json")]
    return {rule for text in texts for rule in screen_message(text, language=language).rule_ids}


@pytest.mark.parametrize("language", OTHERS)
def test_every_entry_hits_a_vector(language: str) -> None:
    """A rule that no vector needs is a rule that nobody has seen work."""
    ids = {entry.id for known, entry in ENTRIES if known == language}

    assert ids <= _hits(language), sorted(ids - _hits(language))


@pytest.mark.parametrize("language", OTHERS)
def test_the_vectors_of_a_language_are_found_and_their_negatives_are_not(language: str) -> None:
    """Development messages: they say that nothing has been broken since. The first scores of each set, before
    a rule was changed for it, are in docs/safety.md."""
    cases = load_vectors(f"crisis_{language}.json")
    risky = [screen_message(case["text"]).level for case in cases if case["level"] >= RISK_LEVEL]
    calm = [screen_message(case["text"]).level for case in cases if case["level"] < RISK_LEVEL]

    assert len(cases) >= 60
    assert len(calm) >= len(cases) * 0.45
    assert sum(level >= RISK_LEVEL for level in risky) >= 0.9 * len(risky)
    assert sum(level >= RISK_LEVEL for level in calm) <= 0.03 * len(calm)


@pytest.mark.parametrize("language", OTHERS)
def test_the_level_of_a_found_message_is_mostly_that_of_the_rubric(language: str) -> None:
    """A level decides which reply is sent, and whether it is sent at once."""
    cases = [case for case in load_vectors(f"crisis_{language}.json") if case["level"] >= RISK_LEVEL]

    assert sum(screen_message(case["text"]).level == case["level"] for case in cases) >= 0.85 * len(cases)


def test_no_english_message_is_found_by_the_lexicon_of_another_language() -> None:
    """ "die" is an article, "mort" a name, "sin" what it is."""
    for case in (*load_vectors("crisis_golden_en.json"), *load_vectors("crisis_heldout_en.json")):
        for language in OTHERS:
            assert not screen_message(case["text"], language=language).level, (language, case["text"])


@pytest.mark.parametrize("language", OTHERS)
def test_the_english_lexicon_finds_nothing_in_the_negatives_of_another(language: str) -> None:
    """The verdict is the maximum, so each lexicon must know when it is not meant."""
    calm = [case["text"] for case in load_vectors(f"crisis_{language}.json") if case["level"] < RISK_LEVEL]

    assert not [text for text in calm if screen_message(text, language="en").level >= RISK_LEVEL]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("quiero m o r i r", "es"),
        ("q u i e r o   m o r i r m e", "es"),
        ("quier0 m0rir", "es"),
        ("quieroooo moriiiir", "es"),
        ("qu\u200biero mo\u200brir", "es"),
        ("qui\u0435ro m\u043erir", "es"),
        ("jeveuxmourir", "fr"),
        ("ich w1ll sterb3n", "de"),
        ("ICH WILL STERBEN", "de"),
        ("quero m.o.r.r.e.r", "pt"),
        ("main marna chahtaaa hoon", "hi"),
        ("मैं म\u200bरना चाहता हूँ", "hi"),
    ],
)
def test_a_disguise_does_not_hide_a_disclosure_in_another_language(text: str, language: str) -> None:
    """The gate must open for a disguised phrase too."""
    assert language in other_languages(lexicon().normalise.fold(text))
    assert screen_message(text).level >= 3


def test_a_disclosure_in_another_language_runs_over_two_messages() -> None:
    """As in English."""
    assert screen_message("morir", ["ya no puedo más", "quiero"]).level >= 3
    assert screen_message("esta noche", ["quiero suicidarme"]).level == 4


def test_two_languages_in_one_message_are_both_read() -> None:
    """People switch when it gets hard."""
    assert screen_message("I talked to my mom today. la verdad es que ya no quiero vivir").level == 3
    assert screen_message("I am fine. mujhe mar jana hai").level == 3


def test_an_english_message_opens_no_other_lexicon() -> None:
    """Each would be read from its file, at a cold start's cost."""
    texts = [case["text"] for case in load_vectors("crisis_golden_en.json")]

    assert sum(bool(other_languages(lexicon().normalise.fold(text))) for text in texts) <= 0.01 * len(texts)
    assert lexicons._gates()
