"""Where a list goes on: text that callers hand back as they got it, and that fits one list only."""

import base64
import binascii
import json
from collections.abc import Sequence


def to_cursor(of: str, place: Sequence[str]) -> str:
    """Return the cursor of a place in the list `of`."""
    text = json.dumps([of, *place], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def from_cursor(of: str, cursor: str, parts: int) -> tuple[str, ...]:
    """Return the place, which has `parts` parts.

    Raises:
        ValueError: the cursor is damaged or of another list. Does not quote it.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        found = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        # JSON can say half of a character, which no store has a place for.
        json.dumps(found, ensure_ascii=False).encode()
    except (binascii.Error, UnicodeError, ValueError, RecursionError):
        raise ValueError("not a cursor") from None
    if (
        not isinstance(found, list)
        or len(found) != parts + 1
        or not all(isinstance(part, str) for part in found)
        or found[0] != of
    ):
        raise ValueError("not a cursor of this list")
    return tuple(found[1:])
