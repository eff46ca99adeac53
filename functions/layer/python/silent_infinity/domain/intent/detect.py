"""Decide the intent of a message from rules, and whether a template or a clarifying question answers it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from silent_infinity.domain import english, prose
from silent_infinity.domain.intent.rules import TEMPLATED, TURN_CLASS, rules
from silent_infinity.domain.intent.templates import Reply, choose
from silent_infinity.domain.turn import Utterance

CLARIFY_BELOW: Final = 0.45
"""Confidence under which a person is asked what they mean rather than answered beside the point."""

_TEMPLATE_WORDS: Final = 12
"""A message longer than this says more than a greeting does, whatever it is made of."""
_EXACT_WORDS: Final = 16
_RECENT: Final = 3
_PUNCTUATION = re.compile(rf"[^\w\s'.{prose.MARKS}]+|\.+(?=\s|$)|_+")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class IntentResult:
    """What a message is. `path` is `generate`, `clarify` or `template`; `reply` is set for the last two."""

    path: str
    intent: str
    confidence: float
    turn_class: str
    reply: Reply | None = None

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output as JSON values, without its timing."""
        return {
            "path": self.path,
            "intent": self.intent,
            "confidence": self.confidence,
            "turn_class": self.turn_class,
            "reply": {"reply_id": self.reply.reply_id, "text": self.reply.text} if self.reply else None,
            "degraded": [],
        }


def detect(
    message: str,
    history: Sequence[Utterance] = (),
    locale: str = "en-US",
    last_kind: str | None = None,
    seed: str = "",
) -> IntentResult:
    """Return the intent of `message` and the path that answers it.

    `history` is oldest first. `last_kind` is the kind of the session's last reply: after a clarifying
    question the next message is answered, however little it says. `seed` fixes which of several texts is
    served.
    """
    intent, confidence = classify(message, has_history=bool(history))
    heard = [turn.text for turn in history[-2 * _RECENT :] if turn.role == "assistant"]
    if intent in TEMPLATED and not _heavy(message, history, intent):
        name = intent if intent != "greeting" or history else "greeting_first"
        return IntentResult(
            "template", intent, confidence, TURN_CLASS[intent], choose(name, locale, seed, heard)
        )
    if intent in TEMPLATED:
        intent, confidence = "sharing", 0.6
    if confidence < CLARIFY_BELOW:
        intent = "unclear"
    if intent == "unclear" and rules().feeling_laden.search(prose.fold(message)):
        # Few words can say much. Whoever names a feeling or takes leave for good is heard, not questioned.
        intent, confidence = "sharing", 0.5
    if intent == "unclear" and last_kind != "clarification":
        name = "clarify_help" if re.search(r"\bhelp\b", prose.fold(message)) else "clarify"
        return IntentResult(
            "clarify", intent, confidence, TURN_CLASS[intent], choose(name, locale, seed, heard)
        )
    return IntentResult("generate", intent, confidence, TURN_CLASS[intent])


def classify(message: str, *, has_history: bool = False) -> tuple[str, float]:
    """Return the most likely intent of `message` and a confidence from 0 to 1 (two decimals)."""
    folded = _SPACES.sub(" ", prose.fold(message)).strip()
    bare = _SPACES.sub(" ", _PUNCTUATION.sub(" ", folded)).strip()
    tokens = prose.words(folded)
    if not tokens:
        return ("sharing", 0.55) if any(sign in message for sign in rules().sad_signs) else ("unclear", 0.2)
    if len(tokens) <= _EXACT_WORDS:
        exact = _exact(bare, has_history=has_history)
        if exact is not None:
            return exact
    if not _looks_english(folded, tokens):
        return _other_language(folded, tokens)
    intent, confidence = _weigh(folded, tokens)
    if intent == "unclear" and has_history and english.words("function_words").intersection(tokens):
        return "continuation", 0.5  # few words make sense after others
    return intent, confidence


def _exact(bare: str, *, has_history: bool) -> tuple[str, float] | None:
    for cue in rules().exact:
        if cue.pattern.fullmatch(bare):
            if cue.intent == "continuation" and not has_history:
                return "unclear", 0.3
            return cue.intent, cue.weight
    return None


def _weigh(folded: str, tokens: list[str]) -> tuple[str, float]:
    scores: dict[str, float] = {}
    for cue in rules().cues:
        if cue.pattern.search(folded):
            scores[cue.intent] = scores.get(cue.intent, 0.0) + cue.weight
    if not scores:
        # Nothing is recognised: many words are worth hearing, few are worth asking about.
        return ("sharing", 0.5) if len(tokens) >= 6 else ("unclear", 0.3)
    telling = scores.get("sharing", 0.0)
    if rules().rhetorical.search(folded):
        scores["sharing"] = telling + 2.5 + scores.pop("question", 0.0) / 2
    elif "question" in scores and (scores.get("coping_request") or scores.get("learning")):
        # A named kind of question is still a question: its evidence counts for the kind.
        kind = max(("coping_request", "learning"), key=lambda name: scores.get(name, 0.0))
        scores[kind] += scores.pop("question")
    for special in ("venting", "celebrating"):
        if scores.get(special, 0.0) >= 1.0:
            # Both are ways of telling: what speaks for telling speaks for them.
            scores[special] += min(telling, 1.5)
            scores["sharing"] = max(0.0, telling - 1.5)
    if len(tokens) > 12 and scores.get("small_talk"):
        scores["small_talk"] /= 2
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    intent, best = ranked[0]
    second = ranked[1][1] if len(ranked) > 1 else 0.0
    return intent, round(min(0.98, best / (best + 0.5 * second + 0.9)), 2)


def _other_language(folded: str, tokens: list[str]) -> tuple[str, float]:
    # The English rules have nothing to say about it. Someone who writes in another language is heard, not
    # questioned in English about it.
    if folded.rstrip().endswith(("?", "？", "؟", ";")) and len(tokens) <= 30:
        return "question", 0.5
    return "sharing", 0.5


def _looks_english(folded: str, tokens: list[str]) -> bool:
    letters = sum(character.isalpha() for character in folded)
    latin = sum(character.isascii() and character.isalpha() for character in folded)
    if latin < 0.9 * letters:
        return False
    known = sum(token in english.words("function_words") for token in tokens)
    return len(tokens) < 6 or known >= 0.12 * len(tokens)


def _heavy(message: str, history: Sequence[Utterance], intent: str) -> bool:
    """Whether a template would be too light: the message tells something, or a farewell follows something
    heavy.
    """
    folded = prose.fold(message)
    if rules().feeling_laden.search(folded) or len(prose.words(folded)) > _TEMPLATE_WORDS:
        return True
    if any(sign in message for sign in rules().sad_signs):
        return True
    if intent != "goodbye":
        return False
    said = [prose.fold(turn.text) for turn in history if turn.role == "user"][-_RECENT:]
    return any(rules().despair.search(text) for text in said)
