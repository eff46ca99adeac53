"""Whether a phrase of the person's own words comes back in a reply.

The memo on model tiers names this as what a reflective turn is for: "the silence felt like a judgment I could
never appeal" has to come back as "a judgment you could never appeal", not as "a painful memory".
"""

from functools import lru_cache
from typing import Final

from silent_infinity.domain import english, prose
from silent_infinity.domain.languages import frequent, identify
from silent_infinity.domain.mirror import Clause, comparable, echoable

ENOUGH: Final = 0.5
"""Score from which a reply counts as mirroring."""

_RUN: Final = 3
_SHORT: Final = 6
_STEM: Final = 5
_UNSPACED: Final = frozenset({"zh", "ja", "th"})


@lru_cache(2)
def score(message: str, reply: str) -> float:
    """Return how well `reply` mirrors `message`, from 0 (not at all) to 1 (a whole phrase); 1 if nothing can
    be mirrored.

    In other languages than English a word of weight has to come back, in whatever form.
    """
    language = identify(message)
    if language is not None and language != "en":
        return _elsewhere(message, reply, language)
    stopwords = english.words("stopwords")
    clauses = [clause for clause in echoable(message) if not clause.asked] or echoable(message)
    content = {word for clause in clauses for word in comparable(clause.original) if word not in stopwords}
    if not content:
        return 1.0
    said = comparable(reply)
    shared = content.intersection(said)
    if not shared:
        return 0.0
    return _phrases(message, clauses, said)


def _phrases(message: str, clauses: list[Clause], said: list[str]) -> float:
    """Return how much of a phrase comes back, where a word does."""
    stopwords = english.words("stopwords")
    own: set[tuple[str, ...]] = set()
    pairs: set[tuple[str, ...]] = set()
    for clause in clauses:
        for version in (comparable(clause.original), comparable(clause.turned)):
            own.update(prose.runs(version, _RUN))
            pairs.update(prose.runs(version, 2))
    if any(run in own and not stopwords.issuperset(run) for run in prose.runs(said, _RUN)):
        return 1.0
    # A short message has no long phrases; in a longer one, two content words together still are the person's.
    if any(pair in pairs and not stopwords.intersection(pair) for pair in prose.runs(said, 2)):
        return 0.8
    if len(comparable(message)) <= _SHORT:
        return 0.7
    return 0.3


def parroted(message: str, reply: str) -> bool:
    """Whether `reply` is little more than the message itself, unturned: an echo, not a mirror."""
    written, said = comparable(message), comparable(reply)
    if len(written) < 5 or not said or not {"i", "my", "me"}.intersection(written):
        return False
    joined = " ".join(written)
    return joined in " ".join(said) and len(said) <= 1.6 * len(written) + 4


def _elsewhere(message: str, reply: str, language: str) -> float:
    """Return 1 if a content word of `message` comes back in `reply`, compared by its beginning."""
    if language in _UNSPACED:
        return 1.0  # its words cannot be told apart here
    content = _content(message, language)
    return 1.0 if not content or not content.isdisjoint(_content(reply, language)) else 0.0


def _content(text: str, language: str) -> frozenset[str]:
    shortest = 3 if language == "hi" else 4
    plain = prose.unaccented(text)
    return frozenset(
        word[:_STEM] for word in prose.words(plain) if len(word) >= shortest and not frequent(word, language)
    )


def asked_back(message: str, reply: str) -> bool:
    """Whether a sentence of the person comes back as it was, in their own "I": to them it is nonsense."""
    written = {tuple(comparable(sentence)) for sentence in prose.sentences(message)}
    own = {words for words in written if len(words) >= _SHORT and {"i", "my", "me"}.intersection(words)}
    return any(tuple(comparable(sentence)) in own for sentence in prose.sentences(reply))
