"""More messages of the same kinds, for the large model to judge and the small one to learn from.

A sister becomes a boss, a message loses its punctuation, a word or a sentence, gets a greeting in front, or
is joined with another one. None of them keeps its label by force: the large model says what it takes each
for.
"""

import re
from collections.abc import Sequence
from random import Random
from typing import Final

from silent_infinity import data
from silent_infinity.domain import prose
from silent_infinity.domain.intent.entities import entities
from silent_infinity.domain.intent.words import FILE

_OPENINGS: Final = (
    *(
        "hi, ",
        "hey ",
        "hello. ",
        "Good morning, ",
        "ok so ",
        "so ",
        "well ",
        "thanks. ",
        "thank you. ",
        "hey, ",
    ),
    *(
        "hi again. ",
        "um ",
        "honestly ",
        "ok ",
        "and ",
        "but ",
        "Hello, ",
        "sorry, ",
        "yeah ",
        "hmm ",
        "please, ",
    ),
)
_CLOSINGS: Final = (
    *(
        " you know?",
        " thanks",
        " please",
        " lol",
        " haha",
        " idk",
        " tbh",
        " :)",
        "...",
        "!",
        "?",
        " 😭",
        " ❤️",
    ),
    *(
        " honestly",
        " thank you",
        " i guess",
        " right?",
        " any ideas?",
        " what do you think?",
        " why?",
        " ugh",
    ),
)
_MARKS: Final = re.compile(r"[.,!?;:]+")
_JOINTS: Final = (" ", ". ", "\n", " and ", ", ", " ")
_DROPPED: Final = 0.5


def more(texts: Sequence[str], count: int, random: Random) -> list[str]:
    """Return `count` texts made from `texts`."""
    kinds = _kinds()
    return [_varied(random.choice(texts), texts, kinds, random) for _ in range(count)]


def _kinds() -> dict[str, list[str]]:
    return {
        kind: [word.strip() for word in words.split(",")]
        for kind, words in data.load(FILE)["entities"].items()
    }


def _varied(text: str, texts: Sequence[str], kinds: dict[str, list[str]], random: Random) -> str:
    for _ in range(random.choice((1, 1, 2, 3))):
        draw = random.random()
        if draw < 0.30:
            text = _renamed(text, kinds, random)
        elif draw < 0.40:
            text = _MARKS.sub("", text) if random.random() < _DROPPED else text.rstrip("?!. ")
        elif draw < 0.52:
            parts = prose.sentences(text)
            text = random.choice(parts) if len(parts) > 1 else text
        elif draw < 0.66:
            text = _joined(text, random.choice(texts), random)
        elif draw < 0.76:
            text = random.choice(_OPENINGS) + text
        elif draw < 0.82:
            text = text.rstrip(".?! ") + random.choice(_CLOSINGS)
        elif draw < 0.92:
            text = _shortened(text, random)
        else:
            text = misspelled(text, random)
    return text if text.strip() else "."


def _renamed(text: str, kinds: dict[str, list[str]], random: Random) -> str:
    for entity in reversed(entities(text)):
        if random.random() < 0.6:
            text = f"{text[: entity.start]}{random.choice(kinds[entity.type])}{text[entity.end :]}"
    return text


def _joined(text: str, other: str, random: Random) -> str:
    one, two = (
        random.choice(prose.sentences(text) or [text]),
        random.choice(prose.sentences(other) or [other]),
    )
    if len(one) + len(two) > 400:
        return text
    return f"{one.rstrip('.')}{random.choice(_JOINTS)}{two}"


def _shortened(text: str, random: Random) -> str:
    words = text.split(" ")
    if len(words) > 3:
        del words[random.randrange(len(words))]
    return " ".join(words)


def misspelled(text: str, random: Random) -> str:
    """Return `text` with a letter left out, doubled or swapped with the next one, about one in forty."""
    letters = list(text)
    for _ in range(max(1, len(letters) // 40)):
        place = random.randrange(max(1, len(letters) - 1))
        if not letters or not letters[place].isalpha():
            continue
        slip = random.random()
        if slip < 0.4:
            letters[place] = ""
        elif slip < 0.7:
            letters[place] *= 2
        else:
            letters[place : place + 2] = letters[place : place + 2][::-1]
    return "".join(letters)
