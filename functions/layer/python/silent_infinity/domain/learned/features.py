"""Hashed features of a text: word n-grams, character n-grams inside words, and signs of the caller's own.

Every feature is a bucket number from CRC-32, the same on every machine and in every process. Training
and inference use this very module, so that they cannot drift apart. A feature counts once per text however
often it comes back, and the three kinds are scaled apart: each by the square root of how many there are, so
that neither a long text nor the many character n-grams drown the rest.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from zlib import crc32

from silent_infinity.domain.prose import MARKS

Buckets = frozenset[int]
"""Distinct bucket numbers, each from 0 to 2 ** bits - 1."""

_TOKEN = re.compile(rf"[^\W_][{MARKS}\w]*(?:'[^\W_][{MARKS}\w]*)*|[^\w\s]{{1,4}}|_{{1,4}}")
_WORD_SEED = 0x5711
_SIGN_SEED = 0x51_6E
_CHARACTER_SEED = 0xC4A2
_REMEMBERED_TOKENS = 4096
_LONGEST_REMEMBERED = 24


@dataclass(frozen=True)
class FeatureSpec:
    """Which features a model was trained on.

    `bits` is the logarithm of the number of buckets; `words` are the lengths of the word n-grams, in words;
    `characters` those of the character n-grams, in characters, the marks of a word's start and end included.
    """

    bits: int
    words: tuple[int, ...]
    characters: tuple[int, ...]

    @cached_property
    def mask(self) -> int:
        """The bits of a hash that name its bucket."""
        return (1 << self.bits) - 1


@dataclass(frozen=True, slots=True)
class Features:
    """What a text is made of, by kind: one set of buckets for each."""

    words: Buckets
    characters: Buckets
    signs: Buckets = frozenset()

    @property
    def kinds(self) -> tuple[Buckets, Buckets, Buckets]:
        """The sets, in the order in which a model scales them."""
        return self.words, self.characters, self.signs


def tokens(text: str) -> list[str]:
    """Return the words and the runs of at most four punctuation marks of `text`, in order."""
    return _TOKEN.findall(text)


def features(text: str, spec: FeatureSpec, signs: Iterable[str] = ()) -> Features:
    """Return the hashed features of `text`, which the caller has folded; `signs` are names of what else holds
    of it. Takes time in proportion to the length of the text.
    """
    found = tokens(text)
    return Features(
        words=_word_buckets(found, spec),
        characters=_character_buckets(found, spec),
        signs=frozenset(crc32(sign.encode(), _SIGN_SEED) & spec.mask for sign in signs),
    )


def _word_buckets(found: Sequence[str], spec: FeatureSpec) -> Buckets:
    if not spec.words:
        return frozenset()
    mask = spec.mask
    buckets: set[int] = set()
    # The start and the end of a text are tokens too: where something is said tells what it is.
    encoded = [b"\x02", *(token.encode("utf-8", "replace") for token in found), b"\x03"]
    # A hash can be continued: the n-gram's is the (n-1)-gram's, taken one word further.
    running = [_WORD_SEED] * len(encoded)
    for length in range(1, max(spec.words) + 1):
        last = len(encoded) - length + 1
        running = [
            crc32(word, crc32(b" ", value))
            for word, value in zip(encoded[length - 1 :], running[:last], strict=True)
        ]
        if length in spec.words:
            buckets.update([value & mask for value in running])
    return frozenset(buckets)


def _character_buckets(found: Iterable[str], spec: FeatureSpec) -> Buckets:
    buckets: set[int] = set()
    for token in set(found):
        if token[0].isalnum():
            # Most words of a message are words of every message.
            of_token = _of_known_token if len(token) <= _LONGEST_REMEMBERED else _of_token
            buckets.update(of_token(token, spec.characters, spec.mask))
    return frozenset(buckets)


def _of_token(token: str, lengths: tuple[int, ...], mask: int) -> tuple[int, ...]:
    word = f" {token} "
    size = len(word)
    if word.isascii():
        raw = word.encode()
        pieces = [raw[i : i + length] for length in lengths for i in range(size - length + 1)]
    else:
        pieces = [
            word[i : i + length].encode("utf-8", "replace")
            for length in lengths
            for i in range(size - length + 1)
        ]
    return tuple({crc32(piece, _CHARACTER_SEED) & mask for piece in pieces})


_of_known_token = lru_cache(_REMEMBERED_TOKENS)(_of_token)
