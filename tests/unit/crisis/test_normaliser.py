"""Disguised words are read as what they are, and ordinary text stays as it is."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.crisis.lexicon import lexicon
from silent_infinity.domain.crisis.rules import screen_message

DISGUISES = {
    "capitals": "I WANT TO KILL MYSELF",
    "curly apostrophe": "I don\u2019t want to live anymore",
    "no apostrophe": "i dont want to live anymore",
    "cyrillic look-alikes": "i want to k\u0456ll mys\u0435lf",
    "a word of look-alikes only": "my \u0455\u0443\u0456\u0441\u0456d\u0435 plan is to kill myself",
    "full width": "\uff49 \uff57\uff41\uff4e\uff54 \uff54\uff4f \uff44\uff49\uff45",
    "mathematical letters": "i want to \U0001d424\U0001d422\U0001d425\U0001d425 myself",
    "small capitals": "i want to \u1d0b\u026a\u029f\u029f myself",
    "accents": "i w\u00e1nt to k\u00efll m\u00fdself",
    "zero-width characters": "i want to ki\u200bll mys\u200delf",
    "soft hyphens": "i want to su\u00adi\u00adcide, i am sui\u00adcidal",
    "spaced letters": "i want to k i l l  m y s e l f",
    "dotted letters": "i am s.u.i.c.i.d.a.l",
    "everything spaced": "i w a n t t o d i e",
    "one word to a sentence": "i. want. to. die.",
    "leetspeak": "i want to k1ll my5elf",
    "more leetspeak": "$u1c1d3 is the only option for me",
    "stars": "i want to k*ll myself",
    "stretched letters": "i want to dieeeeee",
    "written together": "iwanttodie",
    "hashtag": "#killmyself i mean it",
    "a missing letter": "i am suicdal and i want to kill mysef",
    "swapped letters": "i want to kill mysefl",
    "chat spelling": "i wanna kms tn",
    "filler words": "i just really honestly want to fucking die",
    "line breaks": "i\nwant\nto\ndie",
    "look-alikes in every word": "\u0456 w\u0430nt t\u043e k\u0456\u04cfl m\u0443\u0455\u0435lf",
    "letters joined by signs": "i want to k_i_l_l m_y_s_e_l_f",
    "digits and signs in every word": "1 w4n7 70 k1ll my$3lf",
    "a slip in every word": "i wnat to kll mysellf",
    "a neighbouring key": "i want to kull mtself",
    "spaces left out": "iwantto killmyself",
    "a run of spaces left out": "idontwantto be alive anymore",
}


@pytest.mark.parametrize("text", DISGUISES.values(), ids=DISGUISES.keys())
def test_a_disguise_does_not_hide_a_disclosure(text: str) -> None:
    """Nearly every mutated wording slips past a list of words; people also just type like this."""
    assert screen_message(text).level >= 3


PLAIN = {
    "Meet me at 10 a.m. in room 4b": 0,
    "vitamin a b c d e": 0,
    "my password hint is k1tt3n": 0,
    "что ты делаешь сегодня": 0,
    "मुझे चाय पसंद है": 0,
    "good skill, we killed it": 0,
    "the soldiers wore i d tags": 0,
    "my therapist took 40 minutes, 2nd floor, room 1d": 0,
    "$15 for 4 kilos of plums!": 0,
}


@pytest.mark.parametrize("text", PLAIN)
def test_ordinary_text_is_not_read_as_a_disguise(text: str) -> None:
    """Undoing disguises must not invent words."""
    assert screen_message(text).level == PLAIN[text]


def test_contractions_negation_and_sentence_ends_survive() -> None:
    """The other rules read them: a full stop ends a negation, a quotation mark frames a quote."""
    canonical = lexicon().normalise("I can\u2019t sleep, I'm tired. He said \"don't go\"!")

    assert canonical.text == "i can not sleep , i am tired . he said do not go ."
    assert [canonical.text[start:end].strip() for start, end in canonical.quoted] == ["do not go"]


UNTOUCHED = [
    "we went to the airport together and no one was notable except the therapist",
    "anita and sadie are from inverness and they take the underground",
    "i take 20 mg at 8 am and 10 pm and my code is 4b7",
    "the kitten was biting and the milling crowd was hunting for bargains",
]


@pytest.mark.parametrize("text", UNTOUCHED)
def test_words_that_look_like_slips_or_runs_of_others_stay(text: str) -> None:
    """ "Together" is not "to get her", and "milling" is no slip of "killing": the learned stages read the
    canonical text too."""
    assert lexicon().normalise(text).text == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("मैं मरना चाहता हूँ", "मैं मरना चाहता हूं"),
        ("ज़िंदगी।", "जिंदगी ."),
        ("ฉันอยากตาย", "ฉันอยากตาย"),
        ("שָׁלוֹם", "שָׁלוֹם"),
        ("Ich heiße Jürgen", "ich heisse jurgen"),
        ("ma sœur", "ma soeur"),
    ],
)
def test_vowel_signs_of_other_scripts_are_part_of_their_words(text: str, canonical: str) -> None:
    """Without them every word of Hindi is a row of consonants; accents of Latin letters go."""
    assert lexicon("en").normalise(text).text == unicodedata.normalize("NFKD", canonical)


@given(st.text(max_size=400))
def test_any_text_can_be_normalised(text: str) -> None:
    """The screen must never fall over a message: what it cannot read it leaves alone."""
    canonical = lexicon().normalise(text)

    assert canonical.text == canonical.text.strip()
    assert all(0 <= start <= end for start, end in canonical.quoted)
