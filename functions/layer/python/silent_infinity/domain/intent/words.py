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

    def at(self, spoken: list[str], index: int) -> tuple[str, int] | None:
        """Return the value of the longest phrase that begins at word `index`, and how many words it has."""
        word = spoken[index]
        # Most words are in no list and have no ending: they are done with one look.
        for form in _forms(word) if word[-1] in "s'" else (word,):
            for phrase, value in self.phrases.get(form, ()):
                size = len(phrase)
                if size == 1:
                    return value, 1
                if tuple(spoken[index + 1 : index + size]) == phrase[1:]:
                    return value, size
        return None


def spoken_words(text: str) -> list[str]:
    """Return the words of `text` in lower case, as they are compared."""
    if text.isascii():
        return _WORD.findall(text.lower())
    # Lower case word by word: that of a whole text may be longer than the text, or have other words.
    return [word.lower().replace("\u2019", "'") for word in _WORD.findall(text)]


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return where each of the `spoken_words` stands in `text`, in characters."""
    return [match.span() for match in _WORD.finditer(text)]


def places(text: str) -> list[Place]:
    """Return the words of `text` in lower case, with where they stand in it, in characters."""
    return [Place(word, *span) for word, span in zip(spoken_words(text), word_spans(text), strict=True)]


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
