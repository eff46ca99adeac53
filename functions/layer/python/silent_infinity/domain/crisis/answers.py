"""Short answers to a direct question. "Yes" says nothing by itself; after "are you thinking of ending your
life?" it is a disclosure, and must never pass for a calm turn.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Final

from silent_infinity.data import load
from silent_infinity.domain.crisis.verdict import Stage, Verdict
from silent_infinity.domain.turn import Utterance

ANSWERS: Final = "answers"
"""The stage's name, and the mark of a turn on which it failed."""

LONGEST_ANSWER: Final = 40
"""Characters of a message that can be such an answer; whoever writes more is read by the other stages."""

_LEVELS: Final = {"yes": 3, "unsure": 2}
_QUESTION: Final = re.compile(r"[^.!?।\n]*[?？]")
_UNSAID: Final = "PZC"  # Unicode's categories of punctuation, separators and controls


def answers_stage(history: Sequence[Utterance]) -> Stage | None:
    """Return the stage that reads a message as the answer to the last reply; None if that asked nothing.

    `history` is the conversation, oldest first. Only its last utterance counts, and only if it is a reply:
    what was asked before has been answered or passed over.
    """
    if not history or history[-1].role != "assistant" or not asks_directly(history[-1].text):
        return None
    return lambda case: read_short_answer(case.message)


def asks_directly(reply: str) -> bool:
    """Whether a reply asks about the person's own suicide or self-harm."""
    own, about_others = _patterns()
    questions = (question.lower() for question in _QUESTION.findall(reply))
    return any(own.search(question) and not about_others.search(question) for question in questions)


def read_short_answer(message: str) -> Verdict | None:
    """Return what a message says as the answer to a direct question; None if it is no short yes or maybe."""
    if len(message) > LONGEST_ANSWER:
        return None
    said = _said(message)
    kind = next((kind for kind in _LEVELS if said in _answers(kind)), None)
    return Verdict(_LEVELS[kind], (f"answer_{kind}",)) if kind else None


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    source = load("direct_questions.json")
    return re.compile("|".join(source["own"])), re.compile("|".join(source["about_others"]))


@cache
def _answers(kind: str) -> frozenset[str]:
    return frozenset(_said(answer) for answer in load("direct_questions.json")[kind])


def _said(text: str) -> str:
    return "".join(c for c in text.casefold() if unicodedata.category(c)[0] not in _UNSAID)
