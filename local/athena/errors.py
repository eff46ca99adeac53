"""How a statement fails: with one of the error names that Athena reports."""

from __future__ import annotations


class StatementError(Exception):
    """A statement that Athena would fail.

    `code` is the name at the head of Athena's `StateChangeReason`, such as `SYNTAX_ERROR`. `category` is the
    one of `AthenaError.ErrorCategory`: 1 the system's, 2 the user's, 3 other.
    """

    def __init__(self, code: str, message: str, category: int = 2) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.category = category


def unsupported(what: str) -> StatementError:
    """Something that Trino takes but this engine does not carry over faithfully: refused, never guessed."""
    return StatementError("NOT_SUPPORTED", f"The local engine does not carry over {what}")
