"""The words of `data/intent_words.json`: what they name, and where they stand in a message.

Single words are looked up, a plural or a possessive too; longer phrases are looked up by their first word.
Everything is one pass over the words of a text.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from silent_infinity import data
from silent_infinity.domain import prose

FILE: Final = "intent_words.json"
CLUSTERS_FILE: Final = "intent_clusters.json"
_HYPHENS: Final = str.maketrans("\u2019-", "' ")
_WORD: Final = re.compile(rf"[^\W_][{prose.MARKS}\w]*(?:['\u2019][^\W_][{prose.MARKS}\w]*)*")


class Place(NamedTuple):
    """A word of a text: as it is compared, and its characters from `start` to before `end`."""

    word: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Phrases with a value each. `phrases` are word sequences by their first word, the longest first."""

    phrases: Mapping[str, tuple[tuple[tuple[str, ...], str], ...]]

    def at(self, places: list[Place], index: int) -> tuple[str, int] | None:
        """Return the value of the longest phrase that begins at `index`, and how many words it has."""
        word = places[index].word
        # Most words are in no list and have no ending: they are done with one look.
        for form in _forms(word) if word[-1] in "s'" else (word,):
            for phrase, value in self.phrases.get(form, ()):
                size = len(phrase)
                if size == 1:
                    return value, 1
                following = tuple(place.word for place in places[index + 1 : index + size])
                if following == phrase[1:]:
                    return value, size
        return None


def places(text: str) -> list[Place]:
    """Return the words of `text` in lower case, with where they stand in it, in characters."""
    # Lower case word by word: that of a whole text may be longer than the text.
    return [
        Place(match.group().lower().replace("\u2019", "'"), match.start(), match.end())
        for match in _WORD.finditer(text)
    ]


@cache
def entity_words() -> Lexicon:
    """Return what names an entity, with its type."""
    return _lexicon(data.load(FILE)["entities"])


@cache
def sentiment_words() -> Lexicon:
    """Return what sounds good or bad, with its strength from "-3" to "3"."""
    return _lexicon(data.load(FILE)["sentiment"])


@cache
def clusters() -> Mapping[str, str]:
    """Return the cluster of each word that the learned model knows something of, apostrophes left out."""
    groups: list[str] = data.load(CLUSTERS_FILE)["clusters"]
    return {word: f"c{number}" for number, group in enumerate(groups) for word in group.split()}


@cache
def plain_words(name: str) -> frozenset[str]:
    """Return one of the file's flat lists."""
    raw: str = data.load(FILE)[name]
    return frozenset(word.strip() for word in (raw.split(",") if "," in raw else raw.split()))


@cache
def signs(name: str) -> frozenset[str]:
    """Return one of the file's sets of single characters."""
    return frozenset(data.load(FILE)[name])


def _lexicon(groups: Mapping[str, str]) -> Lexicon:
    found: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for value, listed in groups.items():
        for entry in listed.split(","):
            phrase = tuple(entry.strip().translate(_HYPHENS).split())
            found.setdefault(phrase[0], []).append((phrase, value))
    # Longest first; of one phrase in two groups the first counts, for sorting keeps their order.
    return Lexicon(
        {word: tuple(sorted(made, key=lambda entry: -len(entry[0]))) for word, made in found.items()}
    )


def _forms(word: str) -> Iterator[str]:
    yield word
    bare = word.removesuffix("'s").removesuffix("'")
    if bare != word:
        yield bare
    if len(bare) > 3 and bare.endswith("s") and not bare.endswith("ss"):
        yield bare[:-1]
