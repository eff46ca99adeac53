"""What an attempt at prompt injection is made of, whatever the language: concepts, and which follow which.

"Forget the rules you were given" and "vergiss deine Regeln" share no word, yet both are an overriding of
instructions. The words of `data/injection_concepts.json` are mapped to their concepts, and the learned part
reads the sequence of those beside the words themselves.
"""

from functools import cache
from typing import Final

from silent_infinity import data
from silent_infinity.domain import prose

NEAR: Final = 7
"""How many words apart two concepts may stand to count as one after the other."""
_SHORTEST: Final = 3
_LONGEST: Final = 14


def concept_signs(folded: str) -> list[str]:
    """Return the names of the concepts in `folded`, and of pairs and triples of them that stand together."""
    placed = [
        (place, concept) for place, word in enumerate(prose.words(folded)) for concept in _concepts_of(word)
    ]
    found: dict[str, None] = {concept: None for _, concept in placed}
    phrases = dict.fromkeys(f"has {concept}" for string, concept in _lexicon()[2] if string in folded)
    pairs = {f"{phrase} & {concept}": None for phrase in phrases for concept in found}
    for index, (place, concept) in enumerate(placed):
        for other_place, other in placed[index + 1 : index + 12]:
            if other_place - place > NEAR:
                break
            if other_place > place and other != concept:
                found[f"{concept} {other}"] = None
                if other_place - place <= 2:
                    found[f"{concept}+{other}"] = None
    return list(found | phrases | pairs)


def _concepts_of(word: str) -> tuple[str, ...]:
    exact, begins, _ = _lexicon()
    concepts = exact.get(word, ())
    for length in range(min(len(word), _LONGEST), _SHORTEST - 1, -1):
        if concepts:
            break
        concepts = begins.get(word[:length], ())
    return concepts


@cache
def _lexicon() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]], tuple[tuple[str, str], ...]]:
    raw = data.load("injection_concepts.json")
    exact: dict[str, list[str]] = {}
    begins: dict[str, list[str]] = {}
    for concept, words in raw["words"].items():
        for word in words.split():
            table, key = (begins, word[:-1]) if word.endswith("*") else (exact, word)
            if concept not in table.setdefault(key, []):
                table[key].append(concept)
    # A word with an entry of its own is also what its beginning says.
    for word, concepts in exact.items():
        for length in range(_SHORTEST, len(word) + 1):
            concepts.extend(other for other in begins.get(word[:length], ()) if other not in concepts)
    within = tuple((string, concept) for concept, strings in raw["within"].items() for string in strings)
    return (
        {word: tuple(concepts) for word, concepts in exact.items()},
        {beginning: tuple(concepts) for beginning, concepts in begins.items()},
        within,
    )
