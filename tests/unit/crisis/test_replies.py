"""Vetted replies meet their obligations, are not repeated, and name the lines of the place."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity import data
from silent_infinity.domain.crisis import replies
from silent_infinity.domain.crisis.help_lines import all_lines, for_locale
from silent_infinity.domain.crisis.replies import (
    KINDS,
    ReplyKind,
    choose_reply,
    kind_for,
    named_lines,
    render,
    reply_ids,
)
from silent_infinity.domain.crisis.reply_guard import check_reply
from silent_infinity.domain.crisis.reply_language import LANGUAGES

COUNTRIES = sorted({line.country for line in all_lines()} - {"001"})
TEMPLATES = [
    (language, kind, reply)
    for language in LANGUAGES
    for kind in KINDS
    for reply in data.load(f"crisis_replies/{language}.json")["replies"][kind]
]


@pytest.mark.parametrize(
    ("language", "kind", "reply"), TEMPLATES, ids=[reply["id"] for *_, reply in TEMPLATES]
)
def test_every_vetted_reply_passes_the_guard_of_its_language_everywhere(
    language: str, kind: ReplyKind, reply: dict[str, str]
) -> None:
    """They are what is left when everything else has failed."""
    for locale in (language, f"{language}-ZZ", *(f"{language}-{country}" for country in COUNTRIES)):
        assert (locale, check_reply(render(reply["text"], locale), kind=kind, locale=locale)) == (locale, ())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_there_are_enough_of_each_kind_and_no_two_begin_alike(kind: ReplyKind, language: str) -> None:
    """Copied text reads as abandonment."""
    texts = [reply["text"] for lang, of, reply in TEMPLATES if (lang, of) == (language, kind)]
    openings = {" ".join(text.split()[:3]).lower() for text in texts}

    assert len(texts) >= (6 if language == "en" else 4)
    assert len(openings) == len(texts)


def test_every_reply_has_an_id_of_its_own() -> None:
    """Ids are what a session remembers: two texts under one would hide each other."""
    ids = [reply["id"] for *_, reply in TEMPLATES]

    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("language", "kind", "reply"), TEMPLATES, ids=[reply["id"] for *_, reply in TEMPLATES]
)
def test_a_text_leaves_cost_hours_and_numbers_to_the_data(
    language: str, kind: ReplyKind, reply: dict[str, str]
) -> None:
    """Not every line is free or open at night: only the line itself may say so."""
    assert "$lines" in reply["text"]
    assert kind not in {"imminent", "active"} or "$emergency" in reply["text"]
    assert not re.search(r"\d", reply["text"])
    assert not re.search(r"(?i)\bfree\b|gratis|gratuit|grátis|kostenlos|मुफ़्त|\bmuft\b", reply["text"]), (
        language
    )


@given(
    st.sampled_from(KINDS),
    st.sampled_from(LANGUAGES),
    st.sampled_from(["", "-US", "-IN", "-ZZ"]),
    st.lists(st.text(min_size=1), min_size=14, max_size=14),
)
def test_no_reply_is_repeated_before_all_were_used(
    kind: ReplyKind, language: str, country: str, seeds: list[str]
) -> None:
    """Nor served twice running when a new round begins, in any language and whatever the turns are called."""
    used: list[str] = []
    for seed in seeds:
        used.append(choose_reply(kind, language + country, used, seed).reply_id)
    size = len(reply_ids([kind], language))
    rounds = [used[start : start + size] for start in range(0, len(used) - size + 1, size)]

    assert all(set(one) == set(reply_ids([kind], language)) for one in rounds)
    assert all(one != following for one, following in pairwise(used))


@given(st.lists(st.sampled_from([*reply_ids(), "template-greeting-1"]), max_size=60), st.text())
def test_what_else_was_served_does_no_harm(used: list[str], seed: str) -> None:
    """A session mixes kinds, templates and languages: a kind is still used up before it repeats."""
    chosen = choose_reply("passive", "es-MX", [*used, *reply_ids(["passive"], "es")[1:]], seed)

    assert chosen.reply_id == reply_ids(["passive"], "es")[0]


def test_the_same_turn_gets_the_same_reply() -> None:
    """A retry must not answer differently."""
    assert choose_reply("active", "en-US", [], "turn-1") == choose_reply("active", "en-US", [], "turn-1")


def test_different_turns_get_different_replies() -> None:
    """A choice that ignores its seed would open every crisis with the same words."""
    assert len({choose_reply("active", "en-US", [], str(turn)).reply_id for turn in range(40)}) > 1


@pytest.mark.parametrize(
    ("locale", "wording"),
    [
        ("en-US", "call or text 988"),
        ("es-US", "llamar o enviar un SMS al 988"),
        ("en-GB", "call 116 123"),
        ("fr-GB", "appeler le 116 123"),
        ("hi-IN", "14416 पर कॉल करें"),
        ("hi-Latn-IN", "14416 par call karein"),
        ("ta-IN", "call 14416"),
        ("pt", "procurar uma linha gratuita do seu país em findahelpline.com"),
        ("sv-ZZ", "findahelpline.com"),
    ],
)
def test_the_lines_are_those_of_the_place_in_the_words_of_the_person(locale: str, wording: str) -> None:
    """The text names the numbers that work where the person is, so that they can be dialled."""
    assert wording in choose_reply("passive", locale, [], "x").text


def test_a_line_that_is_always_open_is_among_the_two_that_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first lines of a place may sleep at night, which is when people write."""
    first, second, *rest = for_locale("en-US")
    by_day = [replace(line, hours="09:00-17:00") for line in (first, second)]
    monkeypatch.setattr(replies, "for_locale", lambda _: (*by_day, *rest))

    assert named_lines("en-US") == (by_day[0], rest[0])


@pytest.mark.parametrize(
    ("level", "check_in", "about_other", "kind"),
    [
        (2, False, False, "passive"),
        (2, False, True, "other"),
        (3, False, False, "active"),
        (3, False, True, "active"),
        (4, False, False, "imminent"),
        (4, True, False, "check_in"),
    ],
)
def test_the_kind_of_reply_follows_the_level(
    level: int, check_in: bool, about_other: bool, kind: str
) -> None:
    """A person who writes for a friend must not be asked about their own plans first."""
    assert kind_for(level, check_in=check_in, about_other=about_other) == kind
