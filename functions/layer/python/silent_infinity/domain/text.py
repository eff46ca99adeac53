"""What happens to a message before anything reads it."""

import unicodedata

_KEPT_CONTROLS = {"\n", "\t"}


def clean_message(text: str) -> str:
    """Return the message in Unicode normal form C, without control characters, trimmed.

    Line ends become `\\n`. Lone surrogates, which JSON can carry but no store accepts, become U+FFFD. Zero-
    width joiners stay: scripts such as Devanagari and many emoji need them.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = unicodedata.normalize("NFC", text)
    return "".join(
        c for c in text if c in _KEPT_CONTROLS or unicodedata.category(c) not in ("Cc", "Cs")
    ).strip()


def utf8_size(text: str) -> int:
    """Return the length of the text in bytes of UTF-8."""
    return len(text.encode("utf-8"))
