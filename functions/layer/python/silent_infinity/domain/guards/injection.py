"""Prompt injection: attempts to give the model other instructions, or to read the ones it has.

Two parts judge a message, and each alone may block it. Patterns (`data/guards.json`) know the unmistakable
wordings and name what they saw. A learned linear model (`data/injection.bin`, made by `training/injection`)
knows the style of such messages and answers for wording that nobody wrote down. Both read the same text:
disguises undone, and encoded passages decoded beside it. Only the first `_READ` characters of a decoded
passage are added, so nothing can be made to grow.

Someone in distress may word things strangely, and must practically never be turned away: for a message that
speaks of the writer's own pain, the learned part has to be surer than otherwise.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from functools import cache
from typing import Final
from urllib.parse import unquote

from silent_infinity import data
from silent_infinity.domain import prose
from silent_infinity.domain.guards.base import Finding, Outcome, rules
from silent_infinity.domain.guards.injection_concepts import concept_signs
from silent_infinity.domain.learned.features import Features, FeatureSpec, features
from silent_infinity.domain.learned.fold import fold
from silent_infinity.domain.learned.linear import LinearModel, probability, read

LEARNED: Final = "injection.learned"
MODEL_FILE: Final = "injection.bin"
_READ: Final = 2000
_STEEPNESS: Final = 1.5
"""Turns the distance from the threshold into a score; any positive number keeps the order."""

_BASE64: Final = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{16,4000}={0,2}")
_HEX: Final = re.compile(r"(?<![0-9A-Za-z])(?:[0-9a-fA-F]{2} ?){8,2000}(?![0-9A-Za-z])")
_ESCAPED: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
_PERCENT: Final = re.compile(r"(?:[\w.,!?-]{0,40}%[0-9A-Fa-f]{2}){2}")
_READABLE: Final = re.compile(r"[A-Za-z]{2,}[ ,.!?'\"A-Za-z0-9-]{4,}")

_SIGNS: Final = (
    ("fence", re.compile(r"```|\"\"\"|~~~")),
    ("rule", re.compile(r"={3,}|-{3,}|#{3,}|\*{3,}|%{3,}|>{3,}|<{3,}")),
    ("tag", re.compile(r"</?[A-Za-z_][A-Za-z_ =\"'0-9-]{1,40}/?>|<\|[^|>\n]{1,30}\|>|\[/?[A-Z_ ]{3,20}\]")),
    (
        "role",
        re.compile(
            r"(?im)(?:^|[\n\"'(\[{*])\s{0,3}(?:system|assistant|user|human|admin|developer|ai|"
            r"model)\s?(?:message|note|"
            r"notice|prompt|override|alert)?\s?[:\]]"
        ),
    ),
    ("json role", re.compile(r"(?i)\"role\"\s?:")),
    ("template", re.compile(r"\{\{|\$\{|\{%")),
    ("call", re.compile(r"\b\w{2,30}\([\w\s\"'./,=]{0,60}\)")),
    ("link", re.compile(r"https?://")),
    ("quoted", re.compile(r"[\"\u201c\u00ab\u201e][^\"\u201d\u00bb\u201c]{20,400}[\"\u201d\u00bb\u201c]")),
    ("coded", _BASE64),
    ("hex", _HEX),
)
_DISTRESS: Final = re.compile(
    r"\b(?:i|i'm|im|i've|my|me|myself)\b(?=.{0,200}?\b(?:die|dying|dead|suicid\w*|kill(?:ing)? myself|"
    r"hurt(?:ing)? "
    r"(?:myself|me)|end (?:it|my life)|cut(?:ting)?|overdos\w*|pills|goodbye|disappear|scared|afraid|"
    r"panic\w*|"
    r"hopeless|worthless|alone|lonely|crying|cry|cried|depress\w*|anxi\w*|grief|abus\w*|can't (?:go on|cope|"
    r"breathe|"
    r"do this|take)|tired of (?:living|life|being)|don't want to (?:be|live|wake)|hate myself|no (?:point|"
    r"reason)|"
    r"died|relapsed?|voices|sad|hurts?|pain|exhausted|guilty|ashamed|numb)\b)"
)
_SPACES: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What both parts make of a message. `score` is from 0 to 1 and at least 0.5 where a part would block an
    ordinary message; `pattern_id` names the pattern that fired, if one did.
    """

    score: float
    pattern_id: str = ""
    learned: bool = False

    @property
    def rule_id(self) -> str:
        """The rule that blocks, or nothing."""
        return self.pattern_id or (LEARNED if self.learned else "")


def check(message: str) -> Finding | None:
    """Block an attempt to give the model other instructions. Patterns answer first, and most cheaply."""
    text = with_decoded(message)
    rule_id = _pattern(text) or (LEARNED if _learned_blocks(text, _margin(text)) else "")
    return Finding(rule_id, Outcome.BLOCK) if rule_id else None


def suspicion(message: str) -> Suspicion:
    """Judge `message` by both parts, for evaluation: `check` stops at the first that blocks."""
    text = with_decoded(message)
    margin = _margin(text)
    score = probability(_STEEPNESS * (margin - _model().notes["threshold"]))
    pattern_id = _pattern(text)
    learned = _learned_blocks(text, margin)
    if pattern_id:
        score = 0.5 + score / 2
    elif not learned:
        # In distress the learned part may be outvoted by its own caution: the score has to say so.
        score = min(score, 0.4999)
    return Suspicion(score, pattern_id, learned)


def signs(text: str) -> list[str]:
    """Return the names of what words alone do not show: delimiters, role labels, code, encoded passages."""
    found = [name for name, pattern in _SIGNS if pattern.search(text)]
    letters = sum(character.isalpha() for character in text)
    if letters > 20 and sum(character.isupper() for character in text) > 0.6 * letters:
        found.append("shouting")
    return found


def with_decoded(message: str) -> str:
    """Return `message`, followed by what its encoded passages say where that is readable text."""
    found = [_from_base64(match.group()) for match in _BASE64.finditer(message)]
    found.extend(bytes.fromhex(match.group()).decode("latin-1") for match in _HEX.finditer(message))
    if "\\u" in message:
        found.append(_ESCAPED.sub(lambda code: chr(int(code.group(1), 16)), message))
    if _PERCENT.search(message):
        found.append(unquote(message))
    readable = [text[:_READ] for text in found if _READABLE.search(text)]
    return "\n".join([message, *readable]) if readable else message


def pattern_id(message: str) -> str:
    """Return the identifier of the first pattern that `message` fits, or nothing."""
    return _pattern(with_decoded(message))


def margin(message: str) -> float:
    """Return the learned part's number for `message`, as it stands before any threshold."""
    return _margin(with_decoded(message))


def _from_base64(token: str) -> str:
    body = token.rstrip("=")
    try:
        text = base64.b64decode(body + "=" * (-len(body) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    # Bytes that only happen to be text have control characters in them; a text has lines.
    return text if all(character.isprintable() or character.isspace() for character in text) else ""


def _pattern(text: str) -> str:
    folded = _SPACES.sub(" ", prose.fold(text))
    undisguised = _SPACES.sub(" ", fold(text))
    for rule in rules("injection"):
        for reading in dict.fromkeys((folded, undisguised)):
            if rule.pattern.search(reading) and not (rule.unless and rule.unless.search(reading)):
                return rule.rule_id
    return ""


def features_of(text: str, spec: FeatureSpec) -> Features:
    """Return what the learned part reads of a text that `with_decoded` made; training calls it too."""
    folded = fold(text)
    return features(folded, spec, (*signs(text), *concept_signs(folded)))


def _margin(text: str) -> float:
    model = _model()
    return model.margin(features_of(text, model.spec))


def _learned_blocks(text: str, margin: float) -> bool:
    notes = _model().notes
    if margin < notes["threshold"]:
        return False
    in_distress = _DISTRESS.search(_SPACES.sub(" ", prose.fold(text)))
    return margin >= notes["threshold_in_distress"] if in_distress else True


@cache
def _model() -> LinearModel:
    """The weights, read when the first message is judged and kept for the life of the process."""
    return read(data.read_bytes(MODEL_FILE))
