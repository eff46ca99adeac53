"""Stage c of the crisis screen, without the call itself: when a model is asked, what it is asked, and how its
answer is read.
"""

import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Final

from silent_infinity.data import load
from silent_infinity.domain.crisis.band import Band
from silent_infinity.domain.crisis.verdict import RISK_LEVEL, ScreenCase, Verdict
from silent_infinity.domain.json_answer import AnswerError, is_whole, read_object
from silent_infinity.domain.prompts import Prompt, delimited, disarm, render
from silent_infinity.domain.turn import Utterance

MODEL_SCREEN: Final = "model_screen"
"""The stage's name, its rule id, and the mark of a turn on which it failed."""

EARLIER_UTTERANCES: Final = 6
EARLIER_CHARACTERS: Final = 500
"""How much of the conversation goes along: so many utterances, and of each so much of its end."""

LONGEST_ANSWER: Final = 400
"""Characters. An answer is some thirty; whatever is so much longer is none."""

_FIELDS: Final = {"level", "about_other"}
_SILENT: Final = "PZC"  # punctuation, separators, controls: Unicode's categories of what says nothing


def needs_model(case: ScreenCase, band: Band) -> bool:
    """Whether the stages so far leave open if the message is a risk.

    A risk that was found needs no second opinion, because no opinion could lower it. Of several scores the
    last counts: that stage has heard the others. A message that no learned stage could read (they failed, or
    do not know the language) is open unless it is a mere greeting.
    """
    if any(verdict.level >= RISK_LEVEL for verdict in case.found.values()):
        return False
    scores = [verdict.score for verdict in case.found.values() if verdict.score is not None]
    return scores[-1] >= band.low if scores else not is_trivial(case.message)


def is_trivial(message: str) -> bool:
    """Whether the message is a greeting or a thank-you and nothing else, or says nothing at all ("…")."""
    said = _said(message)
    return not said or said in _trivial()


def question(prompt: Prompt, message: str, history: Sequence[Utterance]) -> tuple[str, str]:
    """Return (system text, text of the one user message).

    All that was said goes into one message between delimiters that it cannot close. A conversation laid out
    as turns would ask the model to be the next to speak, and words of the person would stand where
    instructions may stand.
    """
    parts = [_quoted(utterance) for utterance in history[-EARLIER_UTTERANCES:] if utterance.text.strip()]
    earlier = ["Said before, oldest first:", *parts] if parts else ["Nothing was said before."]
    return render(prompt, {}), "\n\n".join(
        [*earlier, "The message to judge:", delimited(message), prompt.closing]
    )


def read_answer(text: str) -> Verdict:
    """Return the verdict that a model's answer is.

    The answer is the JSON object of `schemas/crisis_verdict.schema.json`, perhaps in a code fence, and
    nothing else. It is checked here by hand because importing a validator takes longer than all else that
    follows the answer; a test holds the two together.

    Raises:
        AnswerError: it is empty, no JSON object, or breaks the schema.
    """
    value = read_object(text, asker=MODEL_SCREEN, longest=LONGEST_ANSWER)
    if value.keys() != _FIELDS:
        raise AnswerError(f"{MODEL_SCREEN}:schema")
    level, about_other = value["level"], value["about_other"]
    if not is_whole(level, 0, 4) or not isinstance(about_other, bool):
        raise AnswerError(f"{MODEL_SCREEN}:schema")
    return Verdict(
        level=int(level),
        rule_ids=(MODEL_SCREEN,) if level else (),
        about_other=about_other and level >= RISK_LEVEL,
    )


def _quoted(utterance: Utterance) -> str:
    text = utterance.text.strip()
    end = text if len(text) <= EARLIER_CHARACTERS else f"… {text[-EARLIER_CHARACTERS:]}"
    if utterance.role == "user":
        return delimited(end)
    return f"<assistant_reply>\n{disarm(end)}\n</assistant_reply>"


def _said(message: str) -> str:
    return "".join(
        character for character in message.casefold() if unicodedata.category(character)[0] not in _SILENT
    )


@cache
def _trivial() -> frozenset[str]:
    return frozenset(_said(greeting) for said in load("screen.json")["trivial"].values() for greeting in said)
