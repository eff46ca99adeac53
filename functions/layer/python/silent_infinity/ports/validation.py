"""Checking what crosses a boundary against its JSON Schema."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule: where (a JSON Pointer such as `/message`) and which (`maxLength`). Never the value."""

    path: str
    keyword: str


class SchemaValidator(Protocol):
    """Validates parsed JSON against a schema of `silent_infinity.schemas`."""

    def violations(self, schema_name: str, value: object) -> Sequence[Violation]:
        """Return every broken rule; none if `value` is valid."""
        ...
