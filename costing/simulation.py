"""Put together: authored conversations through the real routing, counted, and billed by the month."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from costing import report, tokens
from costing.month import Conversation, Turn, measured
from costing.routing import CRISIS, Asked, RoutedTurn, Router, read_month, read_replies
from silent_infinity.domain import sentinel, synthesis
from silent_infinity.domain.prompts import Prompt, PromptError, bundled
from silent_infinity.domain.turn import SystemBlock
from silent_infinity.domain.turn_classes import model_for, turn_classes

OBSERVATION: Final = json.dumps({
    "emotion": "sadness",
    "valence": -0.4,
    "speech_act": "sharing",
    "frustration": 0.3,
    "crisis_level": 1,
})  # fmt: skip
"""What the sentinel answers; all its answers have the same form."""

CONVERSATIONS_A_WEEK: Final = 3
"""How many of the authored conversations make up the week that one summary is written of."""

Routed = Sequence[tuple[str, Sequence[RoutedTurn]]]
"""Conversations by name, turn by turn."""

LIMITS: Final = (
    "No real provider was asked. Replies are authored ones of the form that each class asks for, so output "
    "lengths are an assumption; the variations show what they are worth.",
    "Tokens are counted with SmolLM2's tokenizer. Claude's is not public.",
    "Messages are authored, and so is their mix; real traffic will differ. Arrivals are random, more in the "
    "evening; conversations are drawn again until the month is full.",
    "The screen's model is taken to be right about every message of the band.",
    "Second attempts, retries and fallbacks are left out: nobody knows their share without a provider. One "
    "reply in a hundred written again adds one hundredth of the replies' cost.",
    "AWS itself (Step Functions, Lambda, DynamoDB, logs) is not in these figures.",
)


def route(folder: Path) -> Routed:
    """Return every conversation of the folder as the system routes it."""
    router = Router(read_replies(folder))
    return [(name, list(router.route(name, messages))) for name, messages in read_month(folder)]


def count(folder: Path, routed: Routed, python: Path, cwd: Path) -> Mapping[str, int]:
    """Return the tokens of every text that any model would read or write.

    Raises:
        TokenizerError: the tokenizer did not count.
    """
    return tokens.count(_texts(folder, routed), python, cwd)


def summary(
    folder: Path, routed: Routed, counts: Mapping[str, int], *, turns: int, seed: int, day: str
) -> dict[str, Any]:
    """Return the report."""
    replies = read_replies(folder)[synthesis.TURN_CLASS]
    conversations = [
        Conversation(
            turns=tuple(
                Turn(
                    in_band=turn.in_band,
                    bypassed=turn.bypassed,
                    screen=measured(turn.screen, counts),
                    reply=measured(turn.reply, counts) if turn.reply else None,
                    sentinel=measured(observed(turn), counts),
                )
                for turn in all_turns
            ),
            synthesis=measured(summarised(routed, place, replies), counts),
        )
        for place, (_, all_turns) in enumerate(routed)
    ]
    every = [turn for _, all_turns in routed for turn in all_turns]
    return {
        **report.summary(every, conversations, turns=turns, seed=seed, day=day),
        "conversations": len(routed),
        "limits": list(LIMITS),
    }


def observed(turn: RoutedTurn) -> Asked:
    """Return what the sentinel would be asked about a turn."""
    system, text = sentinel.question(_prompt("TC2"), turn.message, turn.served)
    choice = model_for("TC2", {})
    blocks = (SystemBlock(system, choice.cache_ttls[0]),)
    return Asked("TC2", blocks, text, OBSERVATION, choice.model_id)


def summarised(routed: Routed, place: int, replies: Sequence[str]) -> Asked:
    """Return what the weekly synthesis would be asked about some conversations from `place` on."""
    week = [routed[(place + step) % len(routed)][1] for step in range(CONVERSATIONS_A_WEEK)]
    limits = synthesis.rules()
    said = [
        turn.message[: limits["message_characters"]]
        for turns in week
        for turn in turns
        if turn.meant != CRISIS
    ]
    kept = tuple(text for _, text in synthesis.thinned(said, limits["max_characters"]))
    choice = model_for(synthesis.TURN_CLASS, {})
    record = synthesis.Record(
        record_id=synthesis.record_id(0, place % 1000),
        user_id_hash="",
        material=synthesis.Material((), "en-US", (synthesis.Day("Monday", kept),)),
        model_id=choice.model_id,
        max_tokens=choice.max_tokens,
        temperature=choice.temperature,
    )
    system, messages = synthesis.question(record, synthesis.prompt())
    text = "\n".join(message.text for message in messages)
    return Asked(synthesis.TURN_CLASS, system, text, replies[place % len(replies)], choice.model_id)


def _prompt(turn_class: str) -> Prompt:
    wanted = turn_classes()[turn_class].prompt
    if wanted is None:
        raise PromptError(f"{turn_class} has no prompt")
    return bundled(wanted.template_id, wanted.version)


def _texts(folder: Path, routed: Routed) -> Iterator[str]:
    replies = read_replies(folder)[synthesis.TURN_CLASS]
    for place, (_, turns) in enumerate(routed):
        asked = [turn.screen for turn in turns]
        asked += [turn.reply for turn in turns if turn.reply]
        asked += [observed(turn) for turn in turns]
        for one in (*asked, summarised(routed, place, replies)):
            yield from (block.text for block in one.system)
            yield from (one.text, one.reply)
