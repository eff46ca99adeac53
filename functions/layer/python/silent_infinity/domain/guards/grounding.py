"""Whether a reply stays with what it can know: what the person said, and what is true of people in general.

Named rules, no model: figures, studies and institutions, authorities, claims of certainty, facts about the
person that nobody told, and memories of talks that never were. Each is a pattern with its exemptions in
`data/grounding.json`. They read English; of other languages only figures are seen.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from silent_infinity import data
from silent_infinity.domain import english, prose
from silent_infinity.domain.languages import identify
from silent_infinity.domain.mirror import comparable

CLASSES: Final = frozenset({"TC3", "TC4", "TC5"})
"""Classes whose replies are held to these rules. A crisis reply has rules of its own, which come first."""

_SENTENCE_START = re.compile(r"(?:^|[.!?\n\"\u201c:]\s*)$")
_CAPITALISED = re.compile(r"[A-Z][a-z]{2,15}\b")
_HARD: Final = 0.6
_SOFT: Final = 0.25


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that a reply says without ground. A `soft` one lowers the score and blocks nothing."""

    rule_id: str
    soft: bool = False


def claims(
    text: str, message: str, history: Sequence[str] = (), turn_class: str = "TC5"
) -> tuple[Claim, ...]:
    """Return what `text` claims without ground, each rule once and the hard ones first.

    `history` is whatever was said before, by either side.
    """
    if turn_class not in CLASSES or not text.strip():
        return ()
    said = _Said.of(message, history)
    if identify(text) not in (None, "en"):
        found: Iterable[Claim] = _figures(prose.fold(text), said)
    else:
        found = _found(text, said, turn_class)
    first: dict[str, Claim] = {}
    for claim in sorted(found, key=lambda claim: (claim.soft, claim.rule_id)):
        first.setdefault(claim.rule_id, claim)
    return tuple(first.values())


def score(found: Sequence[Claim]) -> float:
    """Return how grounded a reply with these claims is, from 0 to 1."""
    return max(0.0, 1.0 - sum(_SOFT if claim.soft else _HARD for claim in found))


def _found(text: str, said: "_Said", turn_class: str) -> Iterator[Claim]:
    yield from _authorities(text, said)
    yield from _names(text, said)
    for sentence in prose.sentences(text):
        folded = prose.fold(sentence)
        yield from _figures(folded, said)
        yield from _studies(folded, said)
        yield from _certainties(folded, said)
        yield from _memories(folded, said)
        yield from _facts(folded, said, turn_class)


# --- what was said ---


@dataclass(frozen=True, slots=True)
class _Said:
    """What the conversation holds: its words, as written and as stems, and its text."""

    words: frozenset[str]
    stems: frozenset[str]
    text: str
    earlier: bool

    @classmethod
    def of(cls, message: str, history: Sequence[str]) -> "_Said":
        text = prose.fold("\n".join((*history, message)))
        words = frozenset(prose.words(text)) | frozenset(comparable(text))
        return cls(words, frozenset(_stem(word) for word in words), text, bool(history))

    def holds(self, phrase: str) -> bool:
        return phrase in self.text


def _stem(word: str) -> str:
    return word[:5]


# --- the rules ---


def _figures(folded: str, said: _Said) -> Iterator[Claim]:
    for match in _pattern("statistic").finditer(folded):
        numbers = re.findall(r"\d+", match.group())
        own = said.holds(match.group()) or (numbers and all(number in said.words for number in numbers))
        if not own:
            yield Claim("grounding.statistic")


def _studies(folded: str, said: _Said) -> Iterator[Claim]:
    if any(not said.holds(match.group()) for match in _pattern("institution").finditer(folded)):
        yield Claim("grounding.study")
    elif _pattern("study").search(folded):
        # Whoever asks what is known is told what is known, in general; the score says that it is thin ice.
        yield Claim("grounding.study", soft=bool(_pattern("evidence_asked").search(said.text)))


def _authorities(text: str, said: _Said) -> Iterator[Claim]:
    known = _known_names()
    for match in _pattern("authority").finditer(text):
        name = next(value for value in match.groups() if value).lower()
        if name not in known and name.split()[-1] not in known and not said.holds(name):
            yield Claim("grounding.authority")


def _names(text: str, said: _Said) -> Iterator[Claim]:
    """Yield a claim for a given name that nobody has mentioned: it is somebody the model made up."""
    for match in _CAPITALISED.finditer(text):
        word = match.group().lower()
        if word not in _given_names() or word in said.words or word in _common():
            continue
        full = re.match(r"[A-Z][a-z]+(?: [A-Z][a-z]+(?:-[A-Z][a-z]+)?)?", text[match.start() :])
        if full and full.group().lower() in _known_names():
            continue
        starts = _SENTENCE_START.search(text[max(0, match.start() - 3) : match.start()])
        called = text[match.end() : match.end() + 1] == ","
        if not starts or called:
            yield Claim("grounding.name")


def _certainties(folded: str, said: _Said) -> Iterator[Claim]:
    for match in _pattern("certainty").finditer(folded):
        denied = _pattern("not_certain").search(folded[: match.start()])
        if not denied and not said.holds(match.group()):
            yield Claim("grounding.certainty")


def _memories(folded: str, said: _Said) -> Iterator[Claim]:
    if not said.earlier and _pattern("meeting").search(folded):
        yield Claim("grounding.memory")
    rest, claimed = _pattern("memory").subn(" ", folded)
    if claimed:
        # What is said to have been said has a word of it somewhere: "the quiet that you described".
        words = (word for word in comparable(rest) if len(word) > 3)
        content = {_stem(word) for word in words if word not in english.words("stopwords")}
        if content and said.stems.isdisjoint(content):
            yield Claim("grounding.memory")


def _facts(folded: str, said: _Said, turn_class: str) -> Iterator[Claim]:
    # Mirroring guesses all the time, and a guess at a person who was never named is made up all the same.
    supposed = bool(_pattern("hedges_mirroring" if turn_class == "TC4" else "hedges").search(folded))
    for group, pattern in _groups():
        if supposed or not pattern.search(folded) or not said.words.isdisjoint(group["told"].split()):
            continue
        yield Claim("grounding.person", soft=turn_class in group.get("soft_in", ()))
    told = {group["name"]: frozenset(group["told"].split()) for group, _ in _groups()}
    for match in _pattern("roles").finditer(folded):
        role = match["role"] or match["role2"]
        group_name = _tables()["role_words"].get(role, "")
        known = role in said.words or not said.words.isdisjoint(told.get(group_name, frozenset()))
        if not known and not supposed:
            yield Claim("grounding.person")
    for match in _pattern("age").finditer(folded):
        if match["number"] not in said.words and "old" in match.group():
            yield Claim("grounding.person")


# --- data ---


def _tables() -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = data.load("grounding.json")
    return loaded


@cache
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(_tables()[name])


@cache
def _groups() -> tuple[tuple[Mapping[str, Any], re.Pattern[str]], ...]:
    return tuple(
        (group, re.compile(rf"\byour (?:\w+ )?(?:{'|'.join(group['named'].split())})\b"))
        for group in _tables()["groups"]
    )


@cache
def _known_names() -> frozenset[str]:
    return frozenset(_tables()["known_names"].split("|"))


@cache
def _given_names() -> frozenset[str]:
    return frozenset(data.load("personal_data.json")["given_names"].split())


@cache
def _common() -> frozenset[str]:
    """Given names that are everyday words as well: nobody is meant by "May" or "Hope"."""
    return frozenset(_tables()["names_that_are_words"].split()) | english.words("function_words")
