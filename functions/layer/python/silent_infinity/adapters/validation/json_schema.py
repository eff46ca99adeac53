"""JSON Schema validation that never quotes what it looked at."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from silent_infinity.ports.validation import Violation
from silent_infinity.schemas import schema


class JsonSchemaValidator:
    """Validates against the draft 2020-12 schemas of the layer.

    The validator's own messages quote the offending value, and here the value is what a person in distress
    wrote: only the place and the keyword leave this class.
    """

    def violations(self, schema_name: str, value: object) -> Sequence[Violation]:
        """Return every broken rule of the schema; none if `value` is valid.

        Raises:
            FileNotFoundError: there is no such schema.
        """
        return [
            Violation("".join(f"/{part}" for part in error.absolute_path), str(error.validator))
            for error in _validator(schema_name).iter_errors(value)
        ]


@cache
def _validator(schema_name: str) -> Any:
    from referencing import Registry

    kind = _validator_class()
    # One schema may refer to another of the layer.
    made: Any = Registry
    registry = made(retrieve=_referred)
    return kind(schema(schema_name), format_checker=kind.FORMAT_CHECKER, registry=registry)


def _referred(uri: str) -> Any:
    from referencing import Resource

    return Resource.from_contents(schema(uri.rpartition(":")[2].replace("-", "_")))


@cache
def _validator_class() -> Any:
    # With the first request, not with the module: it takes as long to import as all else that capture needs
    # beside the client of its stores.
    from jsonschema import Draft202012Validator, ValidationError, validators

    def pattern(validator: Any, rule: str, value: Any, _schema: object) -> Iterator[ValidationError]:
        if validator.is_type(value, "string") and not re.search(_to_the_end(rule), value):
            yield ValidationError("pattern")

    extend: Any = validators.extend
    return extend(Draft202012Validator, {"pattern": pattern})


def _to_the_end(rule: str) -> str:
    """Return a schema's regular expression as Python writes it, where a line break may follow `$`."""
    return f"{rule[:-1]}\\Z" if rule.endswith("$") else rule
