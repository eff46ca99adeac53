"""The sentinel (TC2): which turns it looks at, what it asks a model about one, and how the answer is read.

It looks when the person has been answered, changes nothing of the turn, and writes down signals, never words.
"""

from dataclasses import dataclass
from typing import Any, Final

from silent_infinity.data import load
from silent_infinity.domain.json_answer import AnswerError, is_number, is_whole, read_object
from silent_infinity.domain.prompts import Prompt, delimited, disarm, render

SENTINEL: Final = "sentinel"
"""What the codes of unreadable answers begin with."""

LONGEST_ANSWER: Final = 600
"""Characters. An answer is some hundred; whatever is so much longer is none."""

OBSERVATION_VERSION: Final = 1

_FIELDS: Final = {"emotion", "valence", "speech_act", "frustration", "crisis_level"}


@dataclass(frozen=True, slots=True)
class Signals:
    """What was noticed in a turn. `valence` is -1 to 1, `frustration` 0 to 1, `crisis_level` 0 to 4."""

    emotion: str
    valence: float
    speech_act: str
    frustration: float
    crisis_level: int


@dataclass(frozen=True, slots=True)
class Observation:
    """The sentinel's own record of a turn, kept beside the turn and for as long. It holds no words.

    `observed_at` is ISO 8601 in UTC, `expires_at` in epoch seconds, as the turn's. `screened_level` is what
    the screen said, `screen_degraded` whether any stage of it was missing then, and `miss` whether the
    sentinel found a risk where the screen found none. Tokens and `cost_usd` (US dollars) are those of the
    sentinel's call, `latency_ms` how long it took.
    """

    schema_version: int
    turn_id: str
    session_id: str
    observed_at: str
    expires_at: int
    emotion: str
    valence: float
    speech_act: str
    frustration: float
    crisis_level: int
    screened_level: int
    screen_degraded: bool
    miss: bool
    model_id: str
    provider: str
    prompt_id: str
    prompt_sha: str
    tokens_input: int
    tokens_output: int
    tokens_cache_read: int
    tokens_cache_write: int
    cost_usd: float
    latency_ms: int


def is_observed(reply_kind: str) -> bool:
    """Whether a turn that was answered so is looked at: `observe_kinds` of the data."""
    return reply_kind in _rules()["observe_kinds"]


def is_miss(crisis_level: int, screened_level: int) -> bool:
    """Whether the sentinel found a risk in what the screen let through."""
    threshold: int = _rules()["miss_level"]
    return crisis_level >= threshold > screened_level


def question(prompt: Prompt, message: str, reply: str) -> tuple[str, str]:
    """Return (system text, text of the one user message).

    Instructions first and always the same; the turn's material after them, between delimiters that it cannot
    close. Of a long reply the beginning is enough: it is there to show what the message was answered with.
    """
    shown = reply.strip()
    longest: int = _rules()["reply_characters"]
    if len(shown) > longest:
        shown = f"{shown[:longest]} …"
    answered = f"<assistant_reply>\n{disarm(shown)}\n</assistant_reply>" if shown else "Nothing."
    return render(prompt, {}), "\n\n".join(
        ["The person wrote:", delimited(message), "The service answered:", answered, prompt.closing]
    )


def read_answer(text: str) -> Signals:
    """Return the signals that a model's answer holds.

    The answer is the JSON object of `schemas/sentinel_answer.schema.json`, perhaps in a code fence, and
    nothing else. It is checked by hand, as the screen's is; a test holds this and the schema together.

    Raises:
        AnswerError: it is empty, no JSON object, or breaks the schema.
    """
    value = read_object(text, asker=SENTINEL, longest=LONGEST_ANSWER)
    if value.keys() != _FIELDS or not _fits(value):
        raise AnswerError(f"{SENTINEL}:schema")
    return Signals(
        emotion=value["emotion"],
        valence=float(value["valence"]),
        speech_act=value["speech_act"],
        frustration=float(value["frustration"]),
        crisis_level=int(value["crisis_level"]),
    )


def _fits(value: dict[str, Any]) -> bool:
    rules = _rules()
    return (
        value["emotion"] in rules["emotions"]
        and value["speech_act"] in rules["speech_acts"]
        and is_number(value["valence"], -1, 1)
        and is_number(value["frustration"], 0, 1)
        and is_whole(value["crisis_level"], 0, 4)
    )


def _rules() -> dict[str, Any]:
    rules: dict[str, Any] = load("sentinel.json")
    return rules
