"""Schemas on their way out: providers refuse some of what a schema may say, and none of it may be lost."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from silent_infinity.adapters.llm.schemas import enforceable
from silent_infinity.schemas import schema as schema_named
from tests.support.vectors import description, load_vectors


@pytest.mark.parametrize("case", load_vectors("models/enforceable_schemas.json"), ids=description)
def test_schemas_as_they_go_out(case: dict[str, Any]) -> None:
    """Each case says what it is about."""
    assert enforceable(case["schema"]) == case["sent"]


@given(st.integers(-5, 40), st.integers(-5, 40), st.integers(-10, 50))
def test_whatever_the_whole_schema_allows_the_sent_one_allows_too(low: int, high: int, value: int) -> None:
    """A model must never be kept from a right answer; a wrong one is for the caller to see."""
    schema = {
        "type": "object",
        "additionalProperties": False,
        "required": ["level"],
        "properties": {"level": {"type": "integer", "minimum": low, "maximum": high}},
    }

    if Draft202012Validator(schema).is_valid({"level": value}):
        assert Draft202012Validator(enforceable(schema)).is_valid({"level": value})


def test_the_screens_own_verdict_keeps_its_levels() -> None:
    """TC1 is the first to be held to a schema: 0 to 4, and nothing beside."""
    sent = Draft202012Validator(enforceable(schema_named("crisis_verdict")))

    assert sent.is_valid({"level": 4, "about_other": False})
    assert not sent.is_valid({"level": 5, "about_other": False})
    assert not sent.is_valid({"level": 4, "about_other": False, "why": "x"})
