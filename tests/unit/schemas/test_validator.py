"""What the validator makes of the schemas' regular expressions, which are ECMA's and not Python's."""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.ports.validation import Violation

TURN = {"message": "Hello."}
CREATION = {"variant_id": "abc", "description": "d", "config": {}, "reason": "Because of it."}
COMPARED = {"a": "abc", "b": "abc"}


@pytest.mark.parametrize(
    ("schema_name", "sound", "field", "value"),
    [
        ("admin_create_request", CREATION, "variant_id", "abc"),
        ("admin_create_request", CREATION, "parent_variant_id", "abc"),
        ("admin_query_compare", COMPARED, "category", "LLM_MODEL"),
        ("turn_request", TURN, "session_id", "01932c07-9f4e-7b3a-8c1d-2f6a5b4c3d2e"),
        ("turn_request", TURN, "locale", "en-GB"),
    ],
)
def test_nothing_follows_the_end_of_a_pattern(
    schema_name: str, sound: dict[str, Any], field: str, value: str
) -> None:
    """Python lets a line break follow `$`. A variant could be created that reads like another, for ever."""
    validator = JsonSchemaValidator()

    assert validator.violations(schema_name, {**sound, field: value}) == []
    assert validator.violations(schema_name, {**sound, field: f"{value}\n"}) == [
        Violation(f"/{field}", "pattern")
    ]


def test_the_only_dollar_of_a_pattern_is_its_last_character() -> None:
    """The validator looks for one there; one that ended an alternative would be Python's again."""
    patterns = {
        pattern
        for file in files("silent_infinity.schemas").iterdir()
        if file.name.endswith(".schema.json")
        for pattern in _patterns(json.loads(file.read_text(encoding="utf-8")))
    }

    assert len(patterns) > 10
    assert {pattern for pattern in patterns if re.search(r"(?<!\\)\$.|\\\$$", pattern)} == set()


def _patterns(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("pattern"), str):
            yield part["pattern"]
        yield from (pattern for one in part.values() for pattern in _patterns(one))
    elif isinstance(part, list):
        yield from (pattern for one in part for pattern in _patterns(one))
