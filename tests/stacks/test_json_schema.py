"""Boundary schemas as API Gateway gets them: the same requests pass, the same are refused."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft202012Validator

from stacks.json_schema import DRAFT_04, UnsupportedKeywordError, to_draft_04
from stacks.paths import SCHEMAS


def request_schema(name: str) -> dict[str, Any]:
    """Return a schema of the layer."""
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return schema


@pytest.mark.parametrize(
    ("modern", "draft_04"),
    [
        ({"const": "a"}, {"enum": ["a"]}),
        ({"exclusiveMinimum": 0}, {"minimum": 0, "exclusiveMinimum": True}),
        ({"exclusiveMaximum": 9}, {"maximum": 9, "exclusiveMaximum": True}),
        (
            {"$defs": {"id": {"type": "string"}}, "properties": {"id": {"$ref": "#/$defs/id"}}},
            {"definitions": {"id": {"type": "string"}}, "properties": {"id": {"$ref": "#/definitions/id"}}},
        ),
        (
            {"dependentRequired": {"rating": ["turn_id"], "text": []}},
            {"dependencies": {"rating": ["turn_id"]}},
        ),
        ({"additionalProperties": False}, {"additionalProperties": False}),
        ({"additionalProperties": {"const": 1}}, {"additionalProperties": {"enum": [1]}}),
        ({"items": True}, {"items": {}}),
        ({"properties": {"never": False}}, {"properties": {"never": {"not": {}}}}),
        ({"anyOf": [{"const": 1}, {"type": "null"}]}, {"anyOf": [{"enum": [1]}, {"type": "null"}]}),
        ({"$id": "urn:x", "$comment": "y", "examples": [1], "title": "T"}, {"title": "T"}),
    ],
)
def test_a_keyword_becomes_its_counterpart(modern: dict[str, Any], draft_04: dict[str, Any]) -> None:
    """API Gateway ignores what it does not know: a keyword left as it is would validate nothing."""
    assert to_draft_04(modern) == {"$schema": DRAFT_04, **draft_04}


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"if": {}, "then": {}}, "'if' at #/if"),
        ({"properties": {"a": {"unevaluatedProperties": False}}}, "at #/properties/a/unevaluatedProperties"),
        ({"prefixItems": [{}]}, "prefixItems"),
        ({"minimum": 0, "exclusiveMinimum": 0}, "'minimum' beside 'exclusiveMinimum' at #"),
        ({"const": 1, "enum": [1, 2]}, "'const' beside 'enum'"),
        ({"$ref": "#/$defs/a", "maxLength": 3}, "beside '\\$ref' at #"),
        ({"$ref": "other.json"}, "references into"),
    ],
)
def test_what_draft_04_cannot_say_is_refused(schema: dict[str, Any], told: str) -> None:
    """A keyword that is dropped silently is a check that everybody believes in and nobody makes."""
    with pytest.raises(UnsupportedKeywordError, match=told):
        to_draft_04(schema)


@pytest.mark.parametrize("name", ["turn_request", "feedback_request"])
def test_a_request_schema_converts_to_a_valid_draft_04_schema(name: str) -> None:
    """API Gateway refuses a model that is not, at the deployment."""
    Draft4Validator.check_schema(to_draft_04(request_schema(name)))


SESSION = "0a1b2c3d-0000-4000-8000-00000000000a"
TURN = "0a1b2c3d-0000-7000-8000-00000000000a"
TEXTS = st.one_of(
    st.text(max_size=8), st.sampled_from(["x" * 4000, "x" * 4001, "😀" * 4000, " ", "en-US", SESSION])
)
VALUES = st.one_of(TEXTS, st.integers(-1, 11), st.booleans(), st.none(), st.sampled_from([0.5, 4.5]))
CLIENTS = st.dictionaries(
    st.sampled_from(["page_path", "referrer_class", "network_ms", "device_class", "other"]),
    st.one_of(VALUES, st.sampled_from(["/talk", "direct", "mobile"])),
    max_size=3,
)
TURNS = st.fixed_dictionaries(
    {},
    optional={"message": VALUES, "session_id": VALUES, "locale": VALUES, "client": CLIENTS, "extra": VALUES},
)
FEEDBACK = st.fixed_dictionaries(
    {"session_id": st.sampled_from([SESSION, "other"])},
    optional={"turn_id": st.sampled_from([TURN, "x"]), "rating": VALUES, "nps": VALUES, "text": VALUES},
)


@settings(max_examples=200, deadline=None)
@given(TURNS)
def test_the_converted_turn_request_judges_as_the_original(document: dict[str, Any]) -> None:
    """The API and the function must not disagree about what a message is."""
    original = request_schema("turn_request")

    assert Draft4Validator(to_draft_04(original)).is_valid(document) is Draft202012Validator(
        original
    ).is_valid(document)


@settings(max_examples=200, deadline=None)
@given(FEEDBACK)
def test_the_converted_feedback_request_judges_as_the_original(document: dict[str, Any]) -> None:
    """A rating needs its turn on both sides."""
    original = request_schema("feedback_request")

    assert Draft4Validator(to_draft_04(original)).is_valid(document) is Draft202012Validator(
        original
    ).is_valid(document)


def test_the_message_of_a_person_passes_whatever_it_is_written_in() -> None:
    """4,000 characters are characters, not bytes or UTF-16 units."""
    validator = Draft4Validator(to_draft_04(request_schema("turn_request")))

    assert validator.is_valid({"message": "मैं ठीक नहीं हूँ। " * 222})
    assert not validator.is_valid({"message": ""})
