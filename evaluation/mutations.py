"""What people do to a message, on purpose or in a hurry, as functions of the text.

Each operator takes a text and a source of randomness and returns the text changed, so that the same seed
gives the same message; `split` returns what went before and the message. A reader who knows the language
still understands every result: a mutation that nobody could read would test nothing.
"""

from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import Final

Mutation = Callable[[str, Random], str]

# The keys next to a key, on the layout that most people type English on.
_NEIGHBOURS: Final = {
    key: row[max(0, i - 1) : i] + row[i + 1 : i + 2]
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for i, key in enumerate(row)
}
_LEET: Final = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7", "l": "1"}
_LOOK_ALIKES: Final = dict(
    zip(
        "acdeijklopsuxy",
        (
            "\u0430\u03b1",
            *"\u0441\u0501\u0435\u0456\u0458\u043a\u04cf",
            "\u043e\u03bf",
            *"\u0440\u0455\u03c5\u0445\u0443",
        ),
        strict=True,
    )
)
_ZERO_WIDTH: Final = "\u200b\u200c\u200d\u2060\u00ad"
_FILLERS: Final = ("just", "honestly", "like", "um", "really", "tbh", "literally", "so", "actually", "ngl")
_QUOTES: Final = {"'": "\u2019\u02bc", '"': "\u201d\u201f"}
_SHORTEST_TYPED_WRONG: Final = 4
_TYPOS_PER_WORD: Final = 0.15


def typos(text: str, random: Random) -> str:
    """Mistype about one word in seven, and one at least: a letter dropped, doubled, swapped, or its
    neighbour's key. First letters and short words stay, as they mostly do."""
    words = text.split(" ")
    places = [i for i, word in enumerate(words) if len(word) >= _SHORTEST_TYPED_WRONG and word.isalpha()]
    if not places:
        return text
    chosen = [i for i in places if random.random() < _TYPOS_PER_WORD] or [random.choice(places)]
    for i in chosen:
        words[i] = _mistyped(words[i], random)
    return " ".join(words)


def _mistyped(word: str, random: Random) -> str:
    at = random.randrange(1, len(word) - 1)
    kind = random.choice(("drop", "double", "swap", "neighbour"))
    if kind == "drop":
        return word[:at] + word[at + 1 :]
    if kind == "double":
        return word[:at] + word[at] + word[at:]
    if kind == "swap":
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + random.choice(_NEIGHBOURS.get(word[at].lower(), word[at])) + word[at + 1 :]


def leetspeak(text: str, random: Random) -> str:
    """Write about half of the letters that have one as a digit or a sign."""
    return "".join(
        random.choice(_LEET[sign]) if sign in _LEET and random.random() < 0.5 else sign
        for sign in text.lower()
    )


def spaced(text: str, random: Random) -> str:
    """S p a c e out all words, with a wider gap between them."""
    del random
    return "   ".join(" ".join(word) for word in text.split())


def dotted(text: str, random: Random) -> str:
    """D.o.t, hyphenate or star one to three of the longest words."""
    sign = random.choice(".-*_")
    words = text.split(" ")
    longest = sorted(range(len(words)), key=lambda i: -len(words[i]))[: random.randint(1, 3)]
    return " ".join(
        sign.join(word) if i in longest and word.isalpha() else word for i, word in enumerate(words)
    )


def homoglyphs(text: str, random: Random) -> str:
    """Write about half of the letters that have one as a look-alike of another script."""
    return "".join(
        random.choice(_LOOK_ALIKES[sign]) if sign in _LOOK_ALIKES and random.random() < 0.5 else sign
        for sign in text
    )


def curly_quotes(text: str, random: Random) -> str:
    """Write apostrophes and quotation marks as a telephone's keyboard does."""
    return "".join(random.choice(_QUOTES[sign]) if sign in _QUOTES else sign for sign in text)


def zero_width(text: str, random: Random) -> str:
    """Put invisible characters between letters, after every fourth one or so."""
    return "".join(sign + (random.choice(_ZERO_WIDTH) if random.random() < 0.25 else "") for sign in text)


def fillers(text: str, random: Random) -> str:
    """Add one filler word for every four words."""
    words = text.split(" ")
    for _ in range(max(1, len(words) // 4)):
        words.insert(random.randrange(len(words) + 1), random.choice(_FILLERS))
    return " ".join(words)


def stretched(text: str, random: Random) -> str:
    """Streeetch a vowel or a last letter in one word of three."""
    words = text.split(" ")
    places = [i for i, word in enumerate(words) if len(word) > 1 and word.isalpha()]
    for i in random.sample(places, max(1, len(places) // 3)) if places else ():
        word = words[i]
        at = random.choice([j for j, sign in enumerate(word) if sign.lower() in "aeiou"] or [len(word) - 1])
        words[i] = word[:at] + word[at] * random.randint(3, 6) + word[at + 1 :]
    return " ".join(words)


def capitals(text: str, random: Random) -> str:
    """SHOUT, or wRiTe lIkE tHiS."""
    if random.random() < 0.5:
        return text.upper()
    return "".join(sign.upper() if i % 2 else sign.lower() for i, sign in enumerate(text))


def missing_spaces(text: str, random: Random) -> str:
    """Leave out one space in six, and one at least."""
    places = [i for i, sign in enumerate(text) if sign == " "]
    if not places:
        return text
    lost = {i for i in places if random.random() < 1 / 6} or {random.choice(places)}
    return "".join(sign for i, sign in enumerate(text) if i not in lost)


def missing_apostrophes(text: str, random: Random) -> str:
    """Leave out all apostrophes."""
    del random
    return text.replace("'", "").replace("\u2019", "")


def split(text: str, random: Random) -> tuple[list[str], str]:
    """Send the message in two: return the earlier messages and the last. One word is not split."""
    words = text.split()
    if len(words) < 2:
        return [], text
    at = random.randrange(1, len(words))
    return [" ".join(words[:at])], " ".join(words[at:])


MUTATIONS: Final[Mapping[str, Mutation]] = MappingProxyType(
    {
        "typos": typos,
        "leetspeak": leetspeak,
        "spaced": spaced,
        "dotted": dotted,
        "homoglyphs": homoglyphs,
        "curly_quotes": curly_quotes,
        "zero_width": zero_width,
        "fillers": fillers,
        "stretched": stretched,
        "capitals": capitals,
        "missing_spaces": missing_spaces,
        "missing_apostrophes": missing_apostrophes,
    }
)
"""Every operator that leaves one message, by name. `split` has another shape and is not among them."""
