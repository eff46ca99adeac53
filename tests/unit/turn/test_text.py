"""What people write goes in whole, whatever they write it with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.text import clean_message, utf8_size


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ('  it\'s "fine"\r\n\r\nreally  ', 'it\'s "fine"\n\nreally'),
        ("ok\x00\x07\x1b[31m", "ok[31m"),
        (
            "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f499",
            "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f499",
        ),
        ("e\u0301", "\u00e9"),
        ("मैं ठीक नहीं हूँ", "मैं ठीक नहीं हूँ"),
        ("broken \ud83d emoji", "broken \ufffd emoji"),
    ],
    ids=["line ends", "control characters", "joined emoji", "composition", "Devanagari", "lone surrogate"],
)
def test_a_message_is_cleaned_without_losing_meaning(written: str, kept: str) -> None:
    """Control characters and lone surrogates break stores and logs; everything else is the person's own."""
    assert clean_message(written) == kept


@given(st.text(alphabet=st.characters(), max_size=300))
def test_every_cleaned_message_can_be_stored(text: str) -> None:
    """Stores take UTF-8; cleaning again changes nothing, so that a replayed request reads the same."""
    cleaned = clean_message(text)

    assert utf8_size(cleaned) >= len(cleaned)
    assert clean_message(cleaned) == cleaned
