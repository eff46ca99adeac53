"""Transcripts of real turns: ``python -m local.transcripts`` has them on the local stack and writes a page.

The stack must be up with its small model (`./run up`). Nothing is edited: messages are sent until every scene
was shown by a turn, and the page says how many turns that took and how they ended.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.cli.api_client import ApiClient
from local.stack import LocalStack
from local.stack.stack import SMALL
from local.tools.errors import LocalError
from local.tools.locations import REPOSITORY

PAGE = REPOSITORY / "docs" / "transcripts.md"
MOST_ROUNDS = 24
"""A scene that does not happen within so many rounds of messages is reported as missing, not invented."""

BREAKER_SECONDS = 16
"""A little longer than a breaker stays open (`data/gateway.json`)."""

_PASSING = frozenset({"breaker:open", "deadline:left-behind", "openai_compatible:timeout"})
"""Outcomes of calls after which the model had better be left alone for a moment."""

Turn = Mapping[str, Any]


@dataclass(frozen=True)
class Scene:
    """What a transcript is to show: messages to try, in order and again, and how it is recognised."""

    title: str
    about: str
    messages: tuple[str, ...]
    shows: Callable[[Turn, Turn], bool]


def _by_model(turn_class: str) -> Callable[[Turn, Turn], bool]:
    def shown(answer: Turn, event: Turn) -> bool:
        generated = event["reply_source"] == "model" and answer["reply"]["kind"] in ("answer", "crisis")
        return bool(answer["turn_class"] == turn_class and generated)

    return shown


LIGHT = (
    "what a sunny day, finally spring",
    "made pancakes for dinner because why not",
    "my neighbour's dog stole my slipper again lol",
)
TOLD = (
    "My sister and I have not spoken since the funeral, and I keep going over what I said to her.",
    "Every evening I sit in the car for half an hour because I cannot face going inside.",
    "I got the job I wanted and all I feel is that they will find out I am a fraud.",
    "My son moved out last month and the house is so quiet that I leave the radio on all day.",
)
ASKED = (
    "How does breathing slowly calm the body down?",
    "Can you explain what mindfulness is and how people begin with it?",
    "How do I tell a friend that I need more time for myself?",
)
AT_RISK = (
    "Lately I wish I could fall asleep and not wake up again.",
    "I feel like everyone would be better off without me.",
)

SCENES = (
    Scene(
        "A template",
        "A greeting needs no model (TC3).",
        ("hello", "hi there"),
        lambda answer, _event: bool(answer["reply"]["kind"] == "template"),
    ),
    Scene("Small talk (TC3)", "A short, light reply by the model.", LIGHT, _by_model("TC3")),
    Scene(
        "Reflective mirroring (TC4)",
        "Two short paragraphs in the person's own words. What this small model drafts hardly ever passes: "
        "then the composer's words are served.",
        TOLD,
        lambda answer, _event: bool(
            answer["turn_class"] == "TC4" and answer["reply"]["kind"] in ("answer", "fallback")
        ),
    ),
    Scene("Teaching (TC5)", "A question is answered.", ASKED, _by_model("TC5")),
    Scene(
        "A crisis (TC6)",
        "Production variants, help lines, and vetted words wherever the model's do not pass.",
        AT_RISK,
        lambda answer, _event: bool(answer["turn_class"] == "TC6"),
    ),
    Scene(
        "A regeneration",
        "The first draft did not pass; the second was told why, and did.",
        (*LIGHT, *TOLD, *ASKED),
        lambda answer, event: bool(
            event["attempts"] == 2
            and event["reply_source"] == "model"
            and answer["reply"]["kind"] == "answer"
        ),
    ),
    Scene(
        "A fallback",
        "No draft passed, here of a light message or a question: the composer answers.",
        (*LIGHT, *ASKED),
        lambda answer, _event: bool(
            answer["turn_class"] in ("TC3", "TC5") and answer["reply"]["kind"] == "fallback"
        ),
    ),
)


@dataclass(frozen=True)
class Shown:
    """The turn that showed a scene."""

    scene: Scene
    message: str
    answer: Turn
    event: Turn


def main() -> int:
    """Have the turns and write the page."""
    stack = LocalStack()
    try:
        stack.require_up()
        client = ApiClient(stack, "transcripts")

        def turn(message: str) -> tuple[Turn, Turn]:
            answer = client.turn(message)
            event = _event(stack, answer["turn_id"])
            if any(call["outcome"] in _PASSING for call in event["model_calls"]):
                # A laptop that is busy: until its breaker closes, nothing but the composer would be shown.
                time.sleep(BREAKER_SECONDS)
            return answer, event

        shown, ends = collected(turn)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    missing = [scene.title for scene in SCENES if scene.title not in shown]
    if missing:
        # A page without them would look complete.
        print(f"Not shown within {MOST_ROUNDS} rounds: {', '.join(missing)}.", file=sys.stderr)
        return 1
    PAGE.write_text(page([shown[scene.title] for scene in SCENES], ends, stack.model), encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(REPOSITORY)}.")
    return 0


def collected(turn: Callable[[str], tuple[Turn, Turn]]) -> tuple[dict[str, Shown], Counter[str]]:
    """Return (the first turn that shows each scene, by title; how many turns ended how).

    `turn` sends a message and returns (answer, event). In each round every scene that is still missing sends
    a message of its kind; whatever comes of it is offered to all of them.
    """
    shown: dict[str, Shown] = {}
    ends: Counter[str] = Counter()
    for place in range(MOST_ROUNDS):
        for scene in SCENES:
            if scene.title in shown:
                continue
            message = scene.messages[place % len(scene.messages)]
            answer, event = turn(message)
            ends[f"{answer['turn_class']}: {answer['reply']['kind']}, {_writer(answer, event)}"] += 1
            for other in SCENES:
                if other.title not in shown and other.shows(answer, event):
                    shown[other.title] = Shown(other, message, answer, event)
                    print(f"{other.title}: turn {ends.total()}", flush=True)
    return shown, ends


def _event(stack: LocalStack, turn_id: str) -> dict[str, Any]:
    from boto3.dynamodb.types import TypeDeserializer

    found = stack.client("dynamodb").get_item(
        TableName=stack.outputs["TurnEventsTableName"], Key={"turn_id": {"S": turn_id}}, ConsistentRead=True
    )
    if "Item" not in found:
        raise LocalError("The turn was not recorded.", "`./run logs` shows what the functions said.")
    read = TypeDeserializer().deserialize
    return {name: read(value) for name, value in found["Item"].items()}


def page(shown: Sequence[Shown], ends: Counter[str], model: str) -> str:
    """Return the page as Markdown."""
    rows = "\n".join(f"| {_cell(end)} | {times} |" for end, times in sorted(ends.items()))
    return (
        "# Transcripts\n\n"
        "Turns as the deployed local stack answered them, word for word, written by "
        f"`python -m local.transcripts`. The model is that of the local stack ({_known(model)}): its prose "
        "is weak, and that is what validation, second attempts and the composer are for. What passes has the "
        "right form; it need not be wise, or true. Messages were sent until every scene below had been shown "
        "by a turn; the table at the end says how all of those turns ended.\n\n"
        + "\n".join(_transcript(turn) for turn in shown)
        + f"\n## All {ends.total()} turns\n\n| class, kind and writer | turns |\n| --- | ---: |\n{rows}\n"
    )


def _known(model: str) -> str:
    return "SmolLM2, 135 million parameters" if model == SMALL else f"`{model}`"


def _transcript(shown: Shown) -> str:
    rows = "\n".join(f"| {name} | {_cell(value)} |" for name, value in _facts(shown).items() if value)
    return (
        f"## {shown.scene.title}\n\n{shown.scene.about}\n\n**Person**\n\n{_quoted(shown.message)}\n\n"
        f"**Reply**\n\n{_quoted(shown.answer['reply']['text'])}\n\n| | |\n| --- | --- |\n{rows}\n"
    )


def _facts(shown: Shown) -> dict[str, str]:
    """Return what is known of the turn, by name; empty where there is nothing to say."""
    answer, event = shown.answer, shown.event
    intent, usage = answer["intent"], answer["usage"]
    score = answer["quality"]["score"]
    return {
        "kind, class, intent": f"{answer['reply']['kind']}, {answer['turn_class']}, {intent['name']} "
        f"({intent['confidence']:.2f})",
        "written by": _writer(answer, event),
        "attempts": str(event["attempts"] or ""),
        "calls of models": ", ".join(
            f"{call['outcome']} ({call['total_ms'] / 1000:.1f} s)" for call in event["model_calls"]
        ),
        "quality": "" if score is None else f"{score:.2f}",
        "its parts": ", ".join(f"{name} {value:g}" for name, value in sorted(event["quality_parts"].items())),
        "what failed in the last draft": ", ".join(event["quality_failures"]),
        "tokens in, out": f"{usage['tokens_input'] + usage['tokens_cache_read']}, {usage['tokens_output']}"
        if event["model_calls"]
        else "",
        "degraded": ", ".join(event["degraded"]),
        "help lines": "; ".join(
            f"{line['name']}: {line['contact']}" for line in answer["crisis"]["resources"]
        ),
    }


def _writer(answer: Turn, event: Turn) -> str:
    """Return who wrote the reply: the model, or what stands behind it."""
    if event["reply_id"]:
        return f"vetted words ({event['reply_id']})"
    if answer["reply"]["kind"] in ("answer", "crisis"):
        return f"the model {event['model_id']}"
    return "the composer"


def _cell(value: str) -> str:
    return value.replace("|", "\\|")


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())


if __name__ == "__main__":
    sys.exit(main())
