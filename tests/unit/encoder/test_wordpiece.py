"""How text becomes pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.adapters.encoder.wordpiece import WordPiece

PIECES = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "un",
    "##safe",
    "##s",
    "to",
    "##night",
    "tonight",
    ",",
    ".",
    "i",
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("i", ["i"]),
        ("tonight", ["tonight"]),
        ("unsafe", ["un", "##safe"]),
        ("unsafes , to .", ["un", "##safe", "##s", ",", "to", "."]),
        ("i'm", ["i", "[UNK]", "[UNK]"]),
        ("mountain", ["[UNK]"]),
        ("un" + "s" * 98, ["un", *["##s"] * 98]),
        ("un" + "s" * 99, ["[UNK]"]),
    ],
    ids=[
        "nothing",
        "a word",
        "longest first",
        "two pieces",
        "marks apart",
        "unknown",
        "unknown word",
        "longest",
        "endless",
    ],
)
def test_words_are_cut_into_the_longest_pieces_that_are_known(text: str, expected: list[str]) -> None:
    """The encoder was trained on these pieces: other cuts are other words to it."""
    assert [PIECES[piece] for piece in WordPiece(PIECES)(text)] == expected


@given(st.text())
def test_every_text_has_pieces_of_the_vocabulary_and_never_a_mark_of_start_or_end(text: str) -> None:
    """A person who writes [CLS] writes five pieces of text."""
    pieces = WordPiece(PIECES)
    found = pieces(text)

    assert all(0 <= piece < len(PIECES) for piece in found)
    assert not {pieces.start, pieces.end} & set(found)
    assert pieces(text) == found


def test_a_vocabulary_without_the_marks_is_refused() -> None:
    """Better at once than with the first message."""
    with pytest.raises(KeyError):
        WordPiece(("i", "[UNK]"))
