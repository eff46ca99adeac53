"""The description of the API: whole, made from the schemas, and with examples that keep to them."""

import ast
import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from silent_infinity.domain.registry import problems, refusals
from silent_infinity.schemas import api_routes, openapi, schema

DOCUMENT = openapi.document()
OPERATIONS: dict[str, dict[str, Any]] = {
    operation["operationId"]: operation
    for methods in DOCUMENT["paths"].values()
    for operation in methods.values()
}
ADDRESS = "urn:document"
REGISTRY: Any = Registry().with_resource(
    ADDRESS, Resource.from_contents(DOCUMENT, default_specification=DRAFT202012)
)


def _broken(rule: dict[str, Any], value: Any) -> list[str]:
    """Return what is wrong with a value by a rule of the document, whose references hold in it."""
    anchored = json.loads(json.dumps(rule).replace('"#/', f'"{ADDRESS}#/'))
    checker = Draft202012Validator.FORMAT_CHECKER
    validator = Draft202012Validator(anchored, registry=REGISTRY, format_checker=checker)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def _contents(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each body that an operation takes or answers."""
    operation = OPERATIONS[name]
    if "requestBody" in operation:
        yield "body", operation["requestBody"]["content"]["application/json"]
    for status, found in operation["responses"].items():
        response = _shared("responses", found) if "$ref" in found else found
        for content in response.get("content", {}).values():
            yield status, content


def _shared(kind: str, reference: dict[str, str]) -> Any:
    return DOCUMENT["components"][kind][reference["$ref"].rpartition("/")[2]]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            if key == "$ref":
                yield one
            else:
                yield from _references(one)
    elif isinstance(value, list):
        for one in value:
            yield from _references(one)


def test_the_committed_document_is_the_generated_one() -> None:
    """What is served and reviewed is a file. `python -m silent_infinity.schemas.openapi` writes it."""
    assert openapi.TARGET.read_text(encoding="utf-8") == openapi.rendered()


def test_every_reference_leads_somewhere() -> None:
    """A client's generator stops at the first that does not."""
    references = set(_references(DOCUMENT))

    assert len(references) > 60
    for reference in references:
        assert reference.startswith("#/"), reference
        place: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            assert part in place, reference
            place = place[part]


def test_components_are_the_schema_files() -> None:
    """No shape is written twice: apart from references, each component is its file, word for word."""
    components = DOCUMENT["components"]["schemas"]
    for path in files("silent_infinity.schemas").iterdir():
        if not path.name.endswith(".schema.json"):
            continue
        one = schema(path.name.removesuffix(".schema.json"))
        if one["title"] not in components:
            continue
        shown = {key: value for key, value in one.items() if key not in ("$schema", "$id", "$defs")}
        assert _without_targets(components[one["title"]]) == _without_targets(shown), one["title"]

    assert {"TurnRequest", "TurnAnswer", "AdminVariant", "AdminChange", "Problem", "Session"} <= set(
        components
    )
    assert len([name for name in components if name.startswith("VariantConfig")]) == 17


def _without_targets(value: Any) -> Any:
    return json.loads(re.sub(r'"\$ref": "[^"]*"', '"$ref": ""', json.dumps(value)))


@pytest.mark.parametrize("name", OPERATIONS)
def test_examples_keep_to_their_schemas(name: str) -> None:
    """People copy the examples; one that is refused is worse than none."""
    for place, content in _contents(name):
        shown = [content["example"]] if "example" in content else []
        shown += [_shared("examples", one)["value"] for one in content.get("examples", {}).values()]
        for value in shown:
            assert _broken(content["schema"], value) == [], f"{name} {place}"
            assert _broken(content["schema"], {"another": "thing"}), f"{name} {place} takes anything"


def test_everything_that_is_sent_or_answered_has_an_example() -> None:
    """But for the description itself, a comparison, and what API Gateway makes up."""
    without = {
        f"{name} {place}"
        for name in OPERATIONS
        for place, content in _contents(name)
        if not ("example" in content or content.get("examples"))
    }

    assert {each for each in without if not each.endswith("5XX")} == {
        "readDescription 200",
        "compareVariants 200",
    }


def test_every_refusal_of_the_operators_api_is_described() -> None:
    """A refusal that is added in code and not on its route would surprise whoever reads this document."""
    source = "".join(
        Path(str(module.__file__)).read_text(encoding="utf-8") for module in (problems, refusals)
    )
    raised = {
        node.args[0].value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Refusal"
        and isinstance(node.args[0], ast.Constant)
    }
    described = {
        kind.rpartition(":")[2]
        for name, operation in OPERATIONS.items()
        if operation["tags"] == ["Operators"]
        for _, content in _contents(name)
        for kind in content["schema"].get("properties", {}).get("type", {}).get("enum", [])
    }

    assert len(raised) > 30
    # A method that a path does not have belongs to no operation; the introduction speaks of it.
    assert raised - described == {"no-open-promotion", "not-found"}


def test_every_route_says_who_may_call_it() -> None:
    """A client has two kinds of tokens to choose from."""
    schemes = DOCUMENT["components"]["securitySchemes"]
    open_to_all = {name for name, operation in OPERATIONS.items() if not operation["security"]}

    assert set(schemes) == {"person", "operator"}
    assert open_to_all == {"readHealth", "readDescription"}
    for route in api_routes.ROUTES:
        operation = OPERATIONS[route.name]
        assert ("401" in operation["responses"]) is bool(operation["security"]), route.name
        if operation["security"]:
            expected = "operator" if route.path.startswith("/admin/") else "person"
            assert operation["security"] == [{expected: []}]


def test_links_name_operations_and_their_parameters() -> None:
    """A link to what is not there is followed by nobody, and noticed by nobody."""
    followed = 0
    for operation in OPERATIONS.values():
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                target = OPERATIONS[link["operationId"]]["parameters"]
                known = {one["name"] for one in target} | {f"{one['in']}.{one['name']}" for one in target}
                assert set(link["parameters"]) <= known
                followed += 1

    assert followed > 50


def test_the_document_names_no_machine() -> None:
    """It is the same in every environment: addresses are relative to where it was read."""
    text = openapi.rendered()

    assert "servers" not in DOCUMENT
    assert set(re.findall(r"https?://[^\s\"]+", text)) == {"https://json-schema.org/draft/2020-12/schema"}
