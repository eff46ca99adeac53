"""WordPiece tokens of plain text, as the uncased BERT vocabularies have them.

Devlin et al. 2018 (arXiv:1810.04805): words and marks are split, then each word is cut into the longest
pieces that the vocabulary holds, from the left. Canonical text is lower case and without accents already.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

_TOKEN: Final = re.compile(r"\w+|[^\w\s]")
# A longer run of letters is no word; BERT's own tokenizer draws the line at 100.
_LONGEST_WORD: Final = 100
_REMEMBERED_WORDS: Final = 4096


class WordPiece:
    """Turns text into ids of `pieces`, a list in which a piece's place is its id."""

    def __init__(self, pieces: Sequence[str]) -> None:
        """Index the vocabulary.

        Raises:
            KeyError: the vocabulary lacks `[CLS]`, `[SEP]` or `[UNK]`.
        """
        self._ids: Mapping[str, int] = {piece: place for place, piece in enumerate(pieces)}
        self.start = self._ids["[CLS]"]
        self.end = self._ids["[SEP]"]
        self._unknown = self._ids["[UNK]"]
        self._of_word = lru_cache(_REMEMBERED_WORDS)(self._split)

    def __call__(self, text: str) -> list[int]:
        """Return the ids of `text`, without the marks of start and end."""
        return [piece for word in _TOKEN.findall(text) for piece in self._of_word(word)]

    def _split(self, word: str) -> tuple[int, ...]:
        if len(word) > _LONGEST_WORD:
            return (self._unknown,)
        found: list[int] = []
        left = 0
        while left < len(word):
            prefix = "##" if left else ""
            for right in range(len(word), left, -1):
                piece = self._ids.get(prefix + word[left:right])
                if piece is not None:
                    break
            else:
                return (self._unknown,)
            found.append(piece)
            left = right
        return tuple(found)
