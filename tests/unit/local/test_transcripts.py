"""Transcripts: a scene is recognised for what it is, and a page shows the turn as it was."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from local.transcripts import MOST_ROUNDS, SCENES, Shown, collected, page

BY_TITLE = {scene.title: scene for scene in SCENES}
CALL = {"outcome": "ok", "total_ms": 1234}


def a_turn(
    kind: str,
    turn_class: str,
    *,
    attempts: int = 1,
    source: str = "model",
    reply_id: str | None = None,
    failures: tuple[str, ...] = (),
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (answer, event) of a turn that ended so."""
    resources = [{"name": "A line", "contact": "call 123"}] if kind == "crisis" else []
    answer = {
        "turn_class": turn_class,
        "reply": {"kind": kind, "text": "First line.\n\nSecond | line."},
        "intent": {"name": "sharing", "confidence": 0.5},
        "quality": {"score": 0.9},
        "usage": {"tokens_input": 100, "tokens_cache_read": 20, "tokens_output": 7},
        "crisis": {"level": 0, "resources": resources},
    }
    event = {
        "reply_source": source,
        "model_id": "smollm2",
        "attempts": attempts,
        "quality_parts": {"mirroring": 1},
        "quality_failures": failures,
        "degraded": ["model"],
        "model_calls": [] if kind == "template" else [CALL] * attempts,
        "reply_id": reply_id,
    }
    return answer, event


TURNS = {
    "A template": a_turn("template", "TC3", source="template", reply_id="greeting-1"),
    "Small talk (TC3)": a_turn("answer", "TC3"),
    "Reflective mirroring (TC4)": a_turn("answer", "TC4"),
    "Teaching (TC5)": a_turn("answer", "TC5"),
    "A crisis (TC6)": a_turn("crisis", "TC6", source="crisis", reply_id="passive-2"),
    "A regeneration": a_turn("answer", "TC4", attempts=2),
    "A fallback": a_turn("fallback", "TC5", attempts=2, source="composer", failures=("too_short",)),
}
ALSO = {("A regeneration", "Reflective mirroring (TC4)")}
"""(turn, scene): a second attempt that passes is a reply of its class all the same."""


def test_there_is_an_example_of_every_scene() -> None:
    """Otherwise a new scene would be recognised by a rule that nobody has tried."""
    assert set(TURNS) == set(BY_TITLE)


@pytest.mark.parametrize("shown", TURNS)
@pytest.mark.parametrize("title", BY_TITLE)
def test_a_scene_is_shown_by_its_own_turns_only(title: str, shown: str) -> None:
    """A fallback under the heading of a model's reply would be a lie."""
    assert BY_TITLE[title].shows(*TURNS[shown]) is (title == shown or (shown, title) in ALSO)


def test_the_composers_words_are_no_reply_of_a_model() -> None:
    """A reserve that was served as the draft has the source of the composer."""
    assert not BY_TITLE["Teaching (TC5)"].shows(*a_turn("answer", "TC5", source="composer"))


def test_every_scene_gets_the_first_turn_that_shows_it() -> None:
    """Whatever a message was sent for: a second attempt may come of any of them. All turns are counted."""
    sent: list[str] = []
    ends = ["A template", "A regeneration", "Teaching (TC5)", "A crisis (TC6)", "A fallback"]

    def turn(message: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        sent.append(message)
        return TURNS[ends[len(sent) - 1] if len(sent) <= len(ends) else "Small talk (TC3)"]

    shown, counted = collected(turn)

    assert set(shown) == set(BY_TITLE)
    assert shown["A regeneration"].answer is shown["Reflective mirroring (TC4)"].answer
    assert shown["A template"].message == sent[0]
    assert len(sent) == counted.total() == 6
    assert counted["TC5: fallback, the composer"] == 1


def test_a_scene_that_never_happens_is_given_up() -> None:
    """It is missing then, and nothing is made up."""
    sent: list[str] = []

    def turn(message: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        sent.append(message)
        return TURNS["A fallback"]

    shown, _ = collected(turn)

    assert set(shown) == {"A fallback"}
    assert sent.count(BY_TITLE["Teaching (TC5)"].messages[1]) >= MOST_ROUNDS // len(SCENES)


def test_the_page_shows_every_turn_word_for_word() -> None:
    """Message, reply, who wrote it, what it took."""
    shown = [
        Shown(BY_TITLE[title], f"message of {title}", answer, event)
        for title, (answer, event) in TURNS.items()
    ]

    text = page(shown, Counter({"TC4: fallback, the composer": 2, "TC3: answer, the model x": 1}), "small")

    assert text.startswith("# Transcripts\n")
    for title in TURNS:
        assert f"## {title}\n" in text
        assert f"> message of {title}\n" in text
    assert text.count("> First line.\n>\n> Second | line.\n") == len(TURNS)
    assert "| written by | vetted words (passive-2) |" in text
    assert "| written by | the model smollm2 |" in text
    assert "| written by | the composer |" in text
    assert "| calls of models | ok (1.2 s), ok (1.2 s) |" in text
    assert "| what failed in the last draft | too_short |" in text
    assert "| help lines | A line: call 123 |" in text
    assert "| tokens in, out | 120, 7 |" in text
    assert "## All 3 turns" in text
    assert "| TC4: fallback, the composer | 2 |" in text


def test_what_a_turn_has_not_is_not_on_the_page() -> None:
    """A template has no model, no tokens and no help lines."""
    answer, event = TURNS["A template"]
    text = page([Shown(BY_TITLE["A template"], "hello", answer, event)], Counter(), "small")

    assert "calls of models" not in text
    assert "tokens in, out" not in text
    assert "help lines" not in text
