"""Derive from the patterns of a lexicon which words a match must have, so that most need not be tried.

For every pattern three sets of words: those a match can begin with, and for each way of matching the word
that is rarest in the language and the last. The screen tries a pattern only at one of its first words, and
only if each set has a word nearby. Sets come from the parsed regular expression, so they cannot be forgotten
when a pattern changes; a test derives them anew and compares. `python -m evaluation.lexicon_index` writes
them.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any, Final, NamedTuple

from silent_infinity.domain.crisis.lexicon import Combination, Lexicon, lexicon

LEXICONS: Final = Path(__file__).parents[1] / "functions/layer/python/silent_infinity/data/lexicon"
# Stands for any part of a word.
WILD: Final = "*"
# Words that most messages have say little about where to look.
_COMMON: Final = frozenset(
    {"i", "me", "my", "a", "an", "the", "to", "of", "in", "on", "at", "it", "is", "am", "are", "be", "was"}
    | {
        "and",
        "or",
        "not",
        "no",
        "do",
        "did",
        "that",
        "this",
        "for",
        "with",
        "have",
        "had",
        "you",
        "he",
        "she",
    }
    | {"they", "we", "him", "her", "them", "all", "so", "if", "but", "as", "by", "from", "up", "out", "what"}
    | {"how", "will", "would", "can", "could", "just", ".", ","}
)
_MANY: Final = 60_000


class Shape(NamedTuple):
    """What matters of one way of matching: the text up to its first space, that after its last (the same if
    it has none), and the rarest whole word between."""

    head: str
    tail: str
    rare: str
    spaced: bool


EMPTY: Final = Shape("", "", "", spaced=False)


def needs_of(pattern: str) -> tuple[frozenset[str], ...]:
    """Return the sets of words of which every match of `pattern` has one each, the first words first.

    A word that ends in a star stands for all that begin like it. A set that no word can be told of is empty,
    which means that nothing is known.

    Raises:
        ValueError: the pattern uses what no lexicon should (a back-reference, say).
    """
    shapes = {
        shape if shape.spaced else shape._replace(tail=shape.head)
        for shape in _sequence(_parser.parse(pattern))
    }
    first = _words(shape.head for shape in shapes)
    last = _words(shape.tail for shape in shapes)
    rare = _words(_rarest((_whole(shape.head), shape.rare, _whole(shape.tail))) for shape in shapes)
    return (first, *(words for words in dict.fromkeys((rare, last)) if words and words != first))


def _words(candidates: Iterable[str]) -> frozenset[str]:
    words = {_whole(candidate) for candidate in candidates}
    return frozenset() if "" in words else frozenset(words)


def _whole(word: str) -> str:
    """Return what is known of a word: all of it, or its beginning and a star."""
    head, star, _ = word.partition(WILD)
    return f"{head}{star}" if head else ""


def _rarest(words: Iterable[str]) -> str:
    return max(words, key=lambda word: (bool(word), word.rstrip(WILD) not in _COMMON, len(word)))


def _sequence(items: Iterable[tuple[Any, Any]]) -> set[Shape]:
    shapes = {EMPTY}
    for operator, argument in items:
        nexts = _shapes(operator, argument)
        shapes = {_joined(before, after) for before in shapes for after in nexts}
        if len(shapes) > _MANY:
            raise ValueError(f"more than {_MANY} ways of matching")
    return shapes


def _joined(before: Shape, after: Shape) -> Shape:
    if not before.spaced and not after.spaced:
        text = before.head + after.head
        return Shape(text, text, "", spaced=False)
    if not before.spaced:
        return Shape(before.head + after.head, after.tail, after.rare, spaced=True)
    if not after.spaced:
        return Shape(before.head, before.tail + after.head, before.rare, spaced=True)
    middle = _whole(before.tail + after.head)
    return Shape(before.head, after.tail, _rarest((before.rare, middle, after.rare)), spaced=True)


def _literal(sign: str) -> Shape:
    return Shape("", "", "", spaced=True) if sign == " " else Shape(sign, sign, "", spaced=False)


def _shapes(operator: Any, argument: Any) -> set[Shape]:  # noqa: PLR0911 - one line for each operator
    match operator:
        case _constants.LITERAL:
            return {_literal(chr(argument))}
        case _constants.IN:
            return set(_of_set(argument))
        case _constants.ANY:
            return {_literal(WILD), _literal(" ")}
        case _constants.BRANCH:
            return set().union(*(_sequence(branch) for branch in argument[1]))
        case _constants.SUBPATTERN:
            return _sequence(argument[3])
        case _constants.ATOMIC_GROUP:
            return _sequence(argument)
        case _constants.MAX_REPEAT | _constants.POSSESSIVE_REPEAT | _constants.MIN_REPEAT:
            return _repeated(*argument)
        case _constants.ASSERT | _constants.ASSERT_NOT | _constants.AT:
            return {EMPTY}
    raise ValueError(f"a lexicon should not use {operator}")


def _of_set(items: Iterable[tuple[Any, Any]]) -> Iterator[Shape]:
    for operator, argument in items:
        match operator:
            case _constants.LITERAL:
                yield _literal(chr(argument))
            case _constants.CATEGORY | _constants.RANGE | _constants.NEGATE:
                yield _literal(WILD)
            case _:
                raise ValueError(f"a lexicon should not use {operator}")


def _repeated(least: int, most: int, items: Any) -> set[Shape]:
    once = _sequence(items)
    shapes: set[Shape] = {EMPTY} if least == 0 else set()
    if most > 1:
        # A gap of any words: told by its ends, whatever is between.
        twice = {_joined(a, b) for a in once for b in once}
        once = once | twice if least <= 1 else twice
        wild = {shape._replace(rare="") for shape in once if shape.spaced}
        once = {shape for shape in once if not shape.spaced} | wild
        once = {Shape(WILD, WILD, "", spaced=False) if _only_wild(shape) else shape for shape in once}
    return shapes | once


def _only_wild(shape: Shape) -> bool:
    return not shape.spaced and set(shape.head) == {WILD}


def index_of(known: Lexicon) -> dict[str, Any]:
    """Return the index of a lexicon as it is stored: `sets` of words, and the sets that each pattern needs
    (the first words first, -1 if any word can be the first)."""
    numbers: dict[frozenset[str], int] = {}

    def numbered(pattern: str) -> list[int]:
        first, *others = needs_of(pattern)
        return [
            numbers.setdefault(first, len(numbers)) if first else -1,
            *(numbers.setdefault(words, len(numbers)) for words in others),
        ]

    entries = {entry.id: numbered(entry.pattern) for group in known.groups for entry in group.entries}
    contexts = {
        name: numbered(context.pattern)
        for name, context in known.contexts.items()
        if not isinstance(context, Combination)
    }
    return {
        "sets": [" ".join(sorted(words)) for words in numbers],
        "entries": entries,
        "contexts": contexts,
    }


def _write(language: str) -> None:
    index = index_of(lexicon(language))
    path = LEXICONS / f"index_{language}.json"
    lines = [
        f' "{name}": ' + json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        for name, value in index.items()
    ]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{path.name}: {len(index['entries'])} entries, {len(index['sets'])} sets")  # noqa: T201 - the command's result


if __name__ == "__main__":
    for path in sorted(LEXICONS.glob("??.json")):
        _write(path.stem)
