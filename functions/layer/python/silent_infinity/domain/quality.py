"""How good a reply is: a score from 0 to 1 with named parts, and the verdict that the workflow acts on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from silent_infinity import data
from silent_infinity.domain import english, prose
from silent_infinity.domain.guards import grounding, mirroring
from silent_infinity.domain.guards.after import CrisisGuard, ReplyContext, limits, review
from silent_infinity.domain.languages import identify, same, wanted
from silent_infinity.domain.mirror import comparable, echoable


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """Whether a reply may be served, and why not. `text` is what to serve: personal data is already left
    out.
    """

    acceptable: bool
    text: str
    score: float
    parts: dict[str, float]
    failures: tuple[str, ...]
    rule_ids: tuple[str, ...]

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output as JSON values, without its timing."""
        return {
            "acceptable": self.acceptable,
            "text": self.text,
            "score": self.score,
            "parts": dict(self.parts),
            "failures": list(self.failures),
            "guard": {"triggered": bool(self.rule_ids), "rule_ids": list(self.rule_ids)},
        }


def validate_reply(
    text: str,
    source: str,
    turn_class: str,
    message: str,
    *,
    attempt: int = 1,
    allowed_contacts: Sequence[str] = (),
    crisis_guard: CrisisGuard | None = None,
    history: Sequence[str] = (),
) -> ValidationResult:
    """Judge a draft reply: every guard, then the quality score against the threshold of its class.

    `source` is `model`, `composer` or `none`. `attempt` is 1 or 2; the second is held to the same guards, and
    to a threshold one tenth lower, because what follows it is a fallback and no third try. `allowed_contacts`
    are help-line contacts that the reply may give. `crisis_guard` takes a TC6 reply and returns the rule ids
    that it breaks. `history` is what both sides said before, oldest first.
    """
    context = ReplyContext(
        turn_class=turn_class,
        message=message,
        source=source,
        allowed_contacts=tuple(allowed_contacts),
        crisis_guard=crisis_guard,
        history=tuple(history),
    )
    reviewed = review(text, context)
    parts = measure(reviewed.text, context)
    score = overall(parts)
    failures = list(reviewed.blocks)
    failures.extend(f"quality.{name}" for name in _below_floor(parts, source))
    threshold = limits(turn_class)["threshold"] - (0.1 if attempt > 1 else 0.0)
    if score < threshold:
        failures.append("quality.score")
    acceptable = not failures
    if failures:
        # What was weak without being decisive helps the next attempt all the same.
        weak = data.load("quality.json")["weak_below"]
        failures.extend(f"quality.{name}" for name, value in parts.items() if value < weak)
    return ValidationResult(
        acceptable, reviewed.text, score, parts, tuple(dict.fromkeys(failures)), reviewed.rule_ids
    )


def _below_floor(parts: dict[str, float], source: str) -> list[str]:
    """Return the parts that no other part makes up for. The composer may decline to speak of a question."""
    floors: dict[str, float] = data.load("quality.json")["floors"]
    return [
        name
        for name, floor in floors.items()
        if parts.get(name, 1.0) < floor and not (name == "relevance" and source == "composer")
    ]


def overall(parts: dict[str, float]) -> float:
    """Return the weighted mean of `parts` (two decimals)."""
    weights: dict[str, float] = data.load("quality.json")["weights"]
    total = float(sum(weights[name] for name in parts))
    weighted = float(sum(weights[name] * value for name, value in parts.items()))
    return round(weighted / total, 2)


def measure(text: str, context: ReplyContext) -> dict[str, float]:
    """Return the parts of the score, each from 0 to 1 (two decimals). `mirroring` is there for TC4,
    `relevance` and `groundedness` for TC5.
    """
    limit = limits(context.turn_class)
    parts = {
        "completeness": _completeness(text),
        "format": _format(text, limit),
        "length": _length(text, limit),
        "repetition": _repetition(text),
        "tone": _tone(text),
        "language": _language(context.message, text),
    }
    if context.turn_class == "TC4":
        parts["mirroring"] = mirroring.score(context.message, text)
    if context.turn_class == "TC5":
        parts["relevance"] = _relevance(context.message, text)
        found = grounding.claims(text, context.message, context.history, context.turn_class)
        parts["groundedness"] = grounding.score(found)
    return {name: round(value, 2) for name, value in parts.items()}


def _completeness(text: str) -> float:
    """Whole sentences: the last one ends, brackets and quotation marks close."""
    stripped = text.rstrip()
    if not stripped:
        return 0.0
    ended = stripped.rstrip("\"'\u2019\u201d)*")[-1:] in ".!?\u2026\u0964\u061f\u06d4\u3002\uff01\uff1f"
    balanced = stripped.count("(") == stripped.count(")") and stripped.count('"') % 2 == 0
    return (0.7 if ended else 0.0) + (0.3 if balanced else 0.0)


def _language(message: str, text: str) -> float:
    """1 in the language of the message, 0 in another; 1 as well where either cannot be told."""
    asked, given = wanted(message), identify(text)
    return 1.0 if asked is None or given is None or same(asked, given) else 0.0


def _format(text: str, limit: dict[str, Any]) -> float:
    """The paragraphs of the class, and no more questions than one can answer."""
    fewest, most = limit["good_paragraphs"]
    count = len(prose.paragraphs(text))
    value = 1.0 if fewest <= count <= most else 0.5 if count and abs(count - most) <= 2 else 0.0
    asked = sum(text.count(mark) for mark in "?\uff1f\u061f")
    return value * (1.0 if asked <= limit["good_questions"] else 0.7)


def _length(text: str, limit: dict[str, Any]) -> float:
    if not text:
        return 0.0
    by_characters = float(limit["good_characters"]) / len(text)
    by_sentences = float(limit["good_sentences"]) / max(1, len(prose.sentences(text)))
    return min(1.0, by_characters, by_sentences)


def _repetition(text: str) -> float:
    """1 when nothing is said twice; small models are known to go in circles."""
    said = [prose.fold(sentence) for sentence in prose.sentences(text)]
    tokens = comparable(text)
    if not said or not tokens:
        return 0.0
    distinct = len(set(said)) / len(said)
    trigrams = list(prose.runs(tokens, 3))
    if not trigrams:
        return distinct
    most_common = Counter(trigrams).most_common(1)[0][1]
    varied = len(set(trigrams)) / len(trigrams)
    looping = 1.0 if most_common <= 2 + len(tokens) // 60 else 0.4
    return min(distinct, varied, looping)


def _tone(text: str) -> float:
    """Warm words help, cold ones, shouting and rows of exclamation marks hurt."""
    warm, cold = _tone_words()
    tokens = comparable(text)
    if not tokens:
        return 0.0
    value = 0.7 + (0.3 if warm.intersection(tokens) else 0.0) - 0.35 * len(cold.intersection(tokens))
    marks = text.count("!")
    if marks > 1:
        value -= 0.15 * min(marks - 1, 4)
    shouted = sum(word.isupper() and len(word) > 3 for word in prose.words(text))
    if shouted > 2:
        value -= 0.3
    return max(0.0, min(1.0, value))


@cache
def _tone_words() -> tuple[frozenset[str], frozenset[str]]:
    raw = data.load("quality.json")
    return frozenset(raw["warm"].split()), frozenset(raw["cold"].split())


def _relevance(message: str, text: str) -> float:
    """Whether the reply speaks of what was asked: shared content words, where the question has any that can
    be said back.
    """
    content = {word for clause in echoable(message) for word in comparable(clause.original) if len(word) > 3}
    content -= english.words("question_words")
    if not content:
        return 1.0
    stems = {word[:4] for word in comparable(text)}
    shared = sum(word[:4] in stems for word in content)
    return min(1.0, 0.25 + 0.75 * shared / min(len(content), 3))
