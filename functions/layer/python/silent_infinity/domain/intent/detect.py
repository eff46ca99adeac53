"""Decide the intent of a message, and whether a template or a clarifying question answers it.

What exact rules explain from its first word to its last is what they say: templates need to be that sure. All
else is for the learned model, which decides the turn class first and then the intent within it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from silent_infinity.domain import english, prose
from silent_infinity.domain.intent.entities import Entity, entities
from silent_infinity.domain.intent.learned import likelihoods
from silent_infinity.domain.intent.rules import TURN_CLASS, rules
from silent_infinity.domain.intent.sentiment import Sentiment, sentiment
from silent_infinity.domain.intent.templates import Reply, choose
from silent_infinity.domain.turn import Utterance

_TEMPLATE_WORDS: Final = 12
"""A message longer than this says more than a greeting does, whatever it is made of."""
_EXACT_WORDS: Final = 16
_ENOUGH_WORDS: Final = 20
"""A message of more words is answered as it stands: whoever wrote them has been asked enough."""
_SUPPOSED: Final = 0.5
"""The confidence of what is decided by a principle and not by evidence."""
_SURELY_LIGHT: Final = 0.9
"""How likely contact has to be where a feeling is named ("I feel better, thanks")."""
_LANGUAGE_CHARACTERS: Final = 600
_LANGUAGE_WORDS: Final = 120
"""The beginning of a message tells its language."""
_RECENT: Final = 3
_LONG_TALK: Final = 10
"""Messages and replies of a conversation after which a farewell thanks for it."""
_PUNCTUATION = re.compile(rf"[^\w\s'.{prose.MARKS}]+|\.+(?=\s|$)|_+")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Guess:
    """What a message is taken for. `confidence` (0 to 1) is how likely its turn class is the right one.

    `exact` says that a rule explains the whole message. `torn` are the two likeliest turn classes.
    """

    intent: str
    confidence: float
    exact: bool = False
    torn: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class IntentResult:
    """What a message is. `path` is `generate`, `clarify` or `template`; `reply` is set for the last two.

    `entities` and `sentiment` describe the message without quoting it.
    """

    path: str
    intent: str
    confidence: float
    turn_class: str
    reply: Reply | None = None
    entities: tuple[Entity, ...] = ()
    sentiment: Sentiment = Sentiment("neutral", 0.0)
    degraded: tuple[str, ...] = ()

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output as JSON values, without its timing."""
        return {
            "path": self.path,
            "intent": self.intent,
            "confidence": self.confidence,
            "turn_class": self.turn_class,
            "reply": {"reply_id": self.reply.reply_id, "text": self.reply.text} if self.reply else None,
            "entities": [
                {"type": entity.type, "start": entity.start, "end": entity.end} for entity in self.entities
            ],
            "sentiment": {"label": self.sentiment.label, "score": self.sentiment.score},
            "degraded": list(self.degraded),
        }


class _Reading:
    """A message in the forms that the rules compare, each made when it is first asked for, and once."""

    def __init__(self, message: str) -> None:
        self.message = message

    @cached_property
    def folded(self) -> str:
        return prose.fold(self.message)

    @cached_property
    def tokens(self) -> list[str]:
        return prose.words(self.folded)

    @cached_property
    def bare(self) -> str:
        """Folded, without punctuation and in single spaces: what the exact rules explain."""
        return _SPACES.sub(" ", _PUNCTUATION.sub(" ", self.spaced)).strip()

    @cached_property
    def spaced(self) -> str:
        """Folded, in single spaces."""
        return _SPACES.sub(" ", self.folded).strip()

    @cached_property
    def names_a_feeling(self) -> bool:
        return rules().feeling_laden.search(self.folded) is not None

    @cached_property
    def has_sad_sign(self) -> bool:
        return any(sign in self.message for sign in rules().sad_signs)


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
    may_ask = last_kind != "clarification"
    read = _Reading(message)
    guess = _heard(_understood(read, has_history=bool(history)), read, history, may_ask=may_ask)
    name = _prepared(guess, read, history, may_ask=may_ask)
    reply, path, intent = None, "generate", guess.intent
    if name is not None:
        said = [turn.text for turn in history[-2 * _RECENT :] if turn.role == "assistant"]
        reply = choose(name, locale, seed, said)
        path = "clarify" if name.startswith("clarify") else "template"
        if path == "clarify" and intent != "help_request":
            intent = "unclear"
    return IntentResult(
        path,
        intent,
        guess.confidence,
        TURN_CLASS[intent],
        reply,
        entities(message),
        sentiment(message, rules().sad_signs),
    )


def _understood(read: _Reading, *, has_history: bool) -> Guess:
    """Return what the message most likely is, by itself."""
    tokens = read.tokens
    if not tokens:
        if read.has_sad_sign:
            return Guess("sharing", 0.55)
        return Guess("unclear", 0.2)
    if len(tokens) <= _EXACT_WORDS:
        exact = _exact(read.bare, has_history=has_history)
        if exact is not None:
            return exact
    if not _looks_english(read.spaced, tokens):
        return _other_language(read.spaced, tokens)
    return _learned(read, has_history=has_history)


def _exact(bare: str, *, has_history: bool) -> Guess | None:
    for cue in rules().exact:
        if cue.pattern.fullmatch(bare):
            if cue.intent == "continuation" and not has_history:
                return Guess("unclear", 0.6, exact=True)
            return Guess(cue.intent, cue.weight, exact=True)
    return None


def _learned(read: _Reading, *, has_history: bool) -> Guess:
    found = likelihoods(read.message)
    ranked = sorted(found.classes.items(), key=lambda item: (-item[1], item[0]))
    if ranked[0][0] == "TC3" and ranked[0][1] < _SURELY_LIGHT and read.names_a_feeling:
        # A feeling that is met with small talk costs more than small talk that is met with care.
        ranked = [*ranked[1:], ranked[0]]
    (turn_class, share), (second, _) = ranked[0], ranked[1]
    intent = found.best(turn_class)
    if intent == "unclear" and has_history and english.words("function_words").intersection(read.tokens):
        intent = "continuation"  # few words make sense after others
    return Guess(intent, round(share, 2), torn=frozenset((turn_class, second)))


def _heard(guess: Guess, read: _Reading, history: Sequence[Utterance], *, may_ask: bool) -> Guess:
    """Return the guess as it may be acted on: who names a feeling, or takes leave for good, is heard."""
    if guess.exact and rules().routes[guess.intent].startswith("template"):
        if _heavy(read, history, guess.intent):
            return Guess("sharing", 0.6)  # the words of a greeting with the weight of a telling
        if not may_ask and rules().plea.fullmatch(read.bare):
            return Guess("unclear", _SUPPOSED)  # was asked what it is about, and cannot say
    if guess.intent in ("goodbye", "thanks") and rules().for_good.search(read.folded):
        return Guess("sharing", 0.6)
    if guess.intent == "unclear" and read.names_a_feeling:
        return Guess("sharing", _SUPPOSED)
    return guess


def _prepared(guess: Guess, read: _Reading, history: Sequence[Utterance], *, may_ask: bool) -> str | None:
    """Return the name of the template or the question that answers; None if a model has to."""
    route = rules().routes[guess.intent]
    sure = guess.exact or (route == "template" and guess.confidence >= rules().template_at)
    if route.startswith("template") and sure and not _heavy(read, history, guess.intent):
        if guess.exact and rules().plea.fullmatch(read.bare):
            return "clarify_help"
        return _template(guess.intent, history)
    if may_ask and route == "clarify":
        return "clarify"
    if may_ask and _unsure(guess, read):
        return "clarify_between" if guess.torn == {"TC4", "TC5"} else "clarify"
    return None


def _unsure(guess: Guess, read: _Reading) -> bool:
    """Whether an answer would be a guess, and a question no affront."""
    if guess.confidence >= rules().clarify_below or not guess.torn:
        return False
    return not read.names_a_feeling and len(read.tokens) <= _ENOUGH_WORDS


def _template(intent: str, history: Sequence[Utterance]) -> str:
    """Return the template's name: a first hello introduces, and a long talk is not left with few words."""
    if intent == "greeting" and not history:
        return "greeting_first"
    if intent == "goodbye" and len(history) >= _LONG_TALK:
        return "goodbye_long"
    return intent


def _other_language(folded: str, tokens: list[str]) -> Guess:
    # The English rules have nothing to say about it. Someone who writes in another language is heard, not
    # questioned in English about it.
    if folded.rstrip().endswith(("?", "？", "؟", ";")) and len(tokens) <= 30:
        return Guess("question", _SUPPOSED)
    return Guess("sharing", _SUPPOSED)


def _looks_english(folded: str, tokens: list[str]) -> bool:
    folded, tokens = folded[:_LANGUAGE_CHARACTERS], tokens[:_LANGUAGE_WORDS]
    letters = sum(map(str.isalpha, folded))
    latin = sum(map(str.isalpha, folded.encode("ascii", "ignore").decode()))
    if latin < 0.9 * letters:
        return False
    known = sum(token in english.words("function_words") for token in tokens)
    return len(tokens) < 6 or known >= 0.12 * len(tokens)


def _heavy(read: _Reading, history: Sequence[Utterance], intent: str) -> bool:
    """Whether a template would be too light: the message tells something, or a farewell follows something
    heavy.
    """
    if len(read.tokens) > _TEMPLATE_WORDS or read.names_a_feeling or read.has_sad_sign:
        return True
    if intent != "goodbye":
        return False
    said = [prose.fold(turn.text) for turn in history if turn.role == "user"][-_RECENT:]
    return any(rules().despair.search(text) for text in said)
