"""Vetted replies meet their obligations, are not repeated, and name the lines of the place."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity import data
from silent_infinity.domain.crisis.replies import KINDS, ReplyKind, choose_reply, kind_for, render, reply_ids
from silent_infinity.domain.crisis.reply_guard import check_reply

LOCALES = ["en-US", "en-CA", "en-GB", "en-IE", "en-AU", "en-NZ", "hi-IN", "fr-FR", "en"]
TEMPLATES = [(kind, reply) for kind in KINDS for reply in data.load("crisis_replies.json")["replies"][kind]]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(("kind", "reply"), TEMPLATES, ids=[reply["id"] for _, reply in TEMPLATES])
def test_every_vetted_reply_passes_the_guard_everywhere(
    kind: ReplyKind, reply: dict[str, str], locale: str
) -> None:
    """They are what is left when everything else has failed."""
    assert check_reply(render(reply["text"], locale), kind=kind, locale=locale) == ()


@pytest.mark.parametrize("kind", KINDS)
def test_there_are_four_of_each_kind_and_no_two_begin_alike(kind: ReplyKind) -> None:
    """Copied text reads as abandonment."""
    replies = data.load("crisis_replies.json")["replies"][kind]
    openings = {" ".join(reply["text"].split()[:3]).lower() for reply in replies}

    assert len(replies) >= 4
    assert len(openings) == len(replies)


@given(st.sampled_from(KINDS), st.lists(st.text(min_size=1), min_size=12, max_size=12))
def test_no_reply_is_repeated_before_all_were_used(kind: ReplyKind, seeds: list[str]) -> None:
    """Nor served twice running when a new round begins."""
    used: list[str] = []
    for seed in seeds:
        used.append(choose_reply(kind, "en-US", used, seed).reply_id)
    size = len(reply_ids([kind]))

    assert len(set(used[:size])) == size
    assert all(one != following for one, following in pairwise(used))


def test_the_same_turn_gets_the_same_reply() -> None:
    """A retry must not answer differently."""
    assert choose_reply("active", "en-US", [], "turn-1") == choose_reply("active", "en-US", [], "turn-1")


def test_different_turns_get_different_replies() -> None:
    """A choice that ignores its seed would open every crisis with the same words."""
    assert len({choose_reply("active", "en-US", [], str(turn)).reply_id for turn in range(40)}) > 1


def test_the_lines_are_those_of_the_place() -> None:
    """The text names the numbers that work where the person is."""
    assert "call or text 988" in choose_reply("passive", "en-US", [], "x").text
    assert "call 116 123" in choose_reply("passive", "en-GB", [], "x").text
    assert "findahelpline.com" in choose_reply("passive", "sv-SE", [], "x").text


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
