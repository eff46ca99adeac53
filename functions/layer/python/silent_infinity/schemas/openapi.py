"""Writes the OpenAPI 3.1 description of the API from its routes and from the JSON Schemas of its boundaries.

Run `python -m silent_infinity.schemas.openapi` after changing a schema, a problem or `api_routes`; tests
compare. No shape is written here: components are the schema files, with references that hold in one document.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import Any

from silent_infinity.domain.problems import PROBLEM_PREFIX, HttpResponse
from silent_infinity.domain.variant_categories import categories
from silent_infinity.schemas import schema
from silent_infinity.schemas.api_routes import (
    FORBIDDEN,
    KEY,
    NOT_JSON,
    ROUTES,
    THROTTLED,
    TOO_LARGE,
    UNAUTHORIZED,
    UNAVAILABLE,
    VERSION,
    Answer,
    Caller,
    Route,
)

TARGET = Path(__file__).with_name("openapi.json")
TITLE = "Silent Infinity"
# Raised by hand: the second number when something is added, the first when a client has to change.
API_VERSION = "1.1.0"

Json = dict[str, Any]
_PREFIX = "urn:silent-infinity:schema:"
_SUFFIX = ".schema.json"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SHOWN_TO_CLIENTS = "variant_config_"
_JSON, _PROBLEM_JSON = "application/json", "application/problem+json"
_RETRIABLE = frozenset({429, 503})

_HEADERS: Mapping[str, Json] = {
    "Cache-Control": {
        "description": "`no-store`, but for this document.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Access-Control-Allow-Origin": {
        "description": "The origin whose scripts may read the answer, or `*`.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait before the request is sent again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
    "ETag": {
        "description": "The version of what was answered, for `If-Match` or `If-None-Match`.",
        "required": True,
        "schema": {"type": "string", "pattern": '^".+"$'},
    },
    "Idempotency-Replayed": {
        "description": "There if the answer is the stored one of an earlier request with the same key.",
        "schema": {"const": "true"},
    },
}
_SENT: Mapping[str, Json] = {
    KEY: {
        "description": "A fresh one for every message or change, the same for each of its retries. It is "
        "remembered for 24 hours.",
        "schema": {"type": "string"},
    },
    VERSION: {
        "description": "The `ETag` of the variant as it was read.",
        "schema": {"type": "string", "pattern": '^("[0-9]{1,15}"|[0-9]{1,15})$'},
    },
    "If-None-Match": {
        "description": "The `ETag` of the document that the caller has.",
        "schema": {"type": "string"},
    },
}
_OPERATORS_KEY = {"type": "string", "minLength": 1, "maxLength": 200}
_PATH: Mapping[str, Json] = {
    "session_id": {
        "description": "As the answer to a message has it.",
        "schema": {"$ref": "#/components/schemas/FeedbackRequest/properties/session_id"},
        "example": "b2b21a1c-0844-4ac9-984e-a687244e2833",
    },
    "category": {
        "description": "A category of variants.",
        "schema": {"enum": sorted(categories())},
        "example": "GHOST_CHAR_STYLE",
    },
    "variant_id": {
        "description": "Unique in the category.",
        "schema": {"$ref": "#/components/schemas/AdminCreateRequest/properties/variant_id"},
        "example": "dots",
    },
}
_TAGS: Mapping[Caller, Json] = {
    Caller.PERSON: {"name": "People", "description": "For people, through clients that they use."},
    Caller.OPERATOR: {"name": "Operators", "description": "For operators: the variants and their history."},
    Caller.NOBODY: {"name": "Open", "description": "For everybody, without signing in."},
}
_SCHEMES: Mapping[Caller, Json] = {
    Caller.PERSON: {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "The ID token of the people's Cognito user pool, as it is. Access tokens are refused.",
    },
    Caller.OPERATOR: {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "The ID token of the operators' Cognito user pool, as it is, of a member of the group "
        "`admin`. That pool demands a second factor.",
    },
}
_ABOUT = """REST over HTTPS, JSON in UTF-8. Addresses are relative to the API's own.

Every refusal is a problem document (RFC 9457) whose `type` is stable. On people's routes it says where
help is to be had: show it. A path that is not described here, and a method that its path does not have, is
answered with 404, `urn:silent-infinity:problem:not-found`. Preflights (OPTIONS) are answered on each."""


def document() -> Json:
    """Return the description as plain JSON."""
    shared = _Shared()
    paths: Json = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, shared)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": API_VERSION,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "jsonSchemaDialect": _DIALECT,
        "tags": list(_TAGS.values()),
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "responses": dict(sorted(shared.responses.items())),
            "examples": dict(sorted(shared.examples.items())),
            "headers": {name: dict(header) for name, header in _HEADERS.items()},
            "securitySchemes": {caller.value: dict(scheme) for caller, scheme in _SCHEMES.items()},
        },
    }


class _Shared:
    """What several operations refer to: examples of problems, and whole refusals, each once."""

    def __init__(self) -> None:
        self.examples: dict[str, Json] = {}
        self.responses: dict[str, Json] = {}

    def example(self, name: str, refusal: HttpResponse) -> Json:
        value = json.loads(refusal.body)
        self.examples[name] = {"summary": value["title"], "value": value}
        return {"$ref": f"#/components/examples/{name}"}

    def response(self, name: str, response: Json) -> Json:
        """Refer to an equal response, or to a new one: names count where the same status means more."""
        for number in count(1):
            numbered = name if number == 1 else f"{name}.{number}"
            if self.responses.setdefault(numbered, response) == response:
                break
        return {"$ref": f"#/components/responses/{numbered}"}


def _operation(route: Route, shared: _Shared) -> Json:
    operation: Json = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [_TAGS[route.caller]["name"]],
        "security": [{route.caller.value: []}] if route.caller else [],
        "parameters": list(_parameters(route)),
    }
    if route.body:
        operation["requestBody"] = {
            "required": True,
            "content": {_JSON: _content(route.body)},
        }
    operation["responses"] = {
        **{str(answer.status): _answer(route, answer) for answer in route.answers},
        **_refusals(route, shared),
    }
    return operation


def _parameters(route: Route) -> Iterator[Json]:
    for name in re.findall(r"{(\w+)}", route.path):
        yield {"name": name, "in": "path", "required": True, **_PATH[name]}
    if route.query:
        query = schema(route.query)
        for name, rule in query["properties"].items():
            described = {"description": rule["description"]} if "description" in rule else {}
            place = f"#/components/schemas/{_title(query)}/properties/{name}"
            required = name in query["required"]
            yield {"name": name, "in": "query", "required": required, **described, "schema": {"$ref": place}}
    for name, required in route.headers.items():
        stricter = {"schema": _OPERATORS_KEY} if name == KEY and route.caller is Caller.OPERATOR else {}
        yield {"name": name, "in": "header", "required": required, **_SENT[name], **stricter}


def _content(shape: str) -> Json:
    example = _examples().get(shape)
    return {"schema": _reference(shape), **({} if example is None else {"example": example})}


def _reference(shape: str) -> Json:
    # The description of the API is described by nothing but the specification that it follows.
    return {"$ref": f"#/components/schemas/{_title(schema(shape))}"} if shape else {"type": "object"}


def _answer(route: Route, answer: Answer) -> Json:
    # The one answer that API Gateway makes up by itself has no header of ours about caches.
    common = [] if route.name == "readHealth" else ["Cache-Control"]
    links = {
        name: {"operationId": name, "parameters": dict(parameters)}
        for name, parameters in answer.links.items()
    }
    return {
        "description": answer.description,
        "headers": _headers("Access-Control-Allow-Origin", *common, *answer.headers),
        **({} if answer.shape is None else {"content": {_JSON: _content(answer.shape)}}),
        **({"links": links} if links else {}),
    }


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _refusals(route: Route, shared: _Shared) -> Json:
    by_status: dict[int, dict[str, HttpResponse]] = {}
    # What the code says stands before what API Gateway says with the same type.
    for refusal in (*route.refusals, *_at_the_gate(route)):
        by_status.setdefault(refusal.status_code, {}).setdefault(_slug(refusal), refusal)
    described = {
        str(status): _refusal(route, status, by_slug, shared) for status, by_slug in sorted(by_status.items())
    }
    rare = _problem(
        "API Gateway failed in a way of its own. `status` is not in the document.",
        {"$ref": "#/components/schemas/GatewayProblem"},
        "Retry-After",
    )
    return {**described, "5XX": shared.response("gateway.5XX", rare)}


def _at_the_gate(route: Route) -> Iterator[HttpResponse]:
    yield from (FORBIDDEN, THROTTLED)
    if route.caller:
        yield UNAUTHORIZED
    if route.body:
        yield TOO_LARGE
    if route.direct:
        yield NOT_JSON
    if route.name != "readHealth":
        yield UNAVAILABLE


def _refusal(route: Route, status: int, by_slug: Mapping[str, HttpResponse], shared: _Shared) -> Json:
    shape = "admin_problem" if route.caller is Caller.OPERATOR else "problem"
    types = {"type": {"enum": [f"{PROBLEM_PREFIX}{slug}" for slug in by_slug]}}
    answered = _answered_anyway() if route.name == "sendMessage" and status == 503 else {}
    response = _problem(
        "; ".join(json.loads(refusal.body)["title"].rstrip(".") for refusal in by_slug.values()) + ".",
        {"allOf": [_reference(shape)], "properties": {**types, **answered}},
        *(["Retry-After"] if status in _RETRIABLE else []),
    )
    response["content"][_PROBLEM_JSON]["examples"] = {
        slug: shared.example(f"{shape}.{status}.{slug}", refusal) for slug, refusal in by_slug.items()
    }
    return shared.response(f"{shape}.{status}", response)


def _answered_anyway() -> Json:
    """Return what a failed turn has beside the problem: a reply, help lines and the notice."""
    return {
        name: {"$ref": f"#/components/schemas/TurnAnswer/properties/{name}"}
        for name in ("reply", "crisis", "disclosure")
    }


def _problem(description: str, rule: Json, *headers: str) -> Json:
    return {
        "description": description,
        "headers": _headers("Access-Control-Allow-Origin", "Cache-Control", *headers),
        "content": {_PROBLEM_JSON: {"schema": rule}},
    }


def _slug(refusal: HttpResponse) -> str:
    kind: str = json.loads(refusal.body)["type"]
    return kind.removeprefix(PROBLEM_PREFIX)


def _schemas() -> Json:
    """Return every schema that a route reaches, and the variants' configurations, by their titles."""
    wanted = [*_shapes(), "problem", "admin_problem", *_configurations()]
    found: Json = {}
    while wanted:
        one = schema(wanted.pop())
        title = _title(one)
        if title in found:
            continue
        found[title] = _rewritten({key: value for key, value in one.items() if key != "$defs"}, title)
        for name, inner in one.get("$defs", {}).items():
            found[_inner(title, name)] = _rewritten(inner, title)
        wanted += _others(one)
    problem = found["Problem"]
    found["GatewayProblem"] = {
        **problem,
        "description": "A problem that API Gateway found by itself, and gave a status of its own.",
        "required": [name for name in problem["required"] if name != "status"],
    }
    return dict(sorted(found.items()))


def _shapes() -> Iterator[str]:
    for route in ROUTES:
        yield from (shape for shape in (route.body, route.query) if shape)
        yield from (answer.shape for answer in route.answers if answer.shape)


def _configurations() -> list[str]:
    names = (path.name for path in files(__package__).iterdir())
    return [name.removesuffix(_SUFFIX) for name in names if name.startswith(_SHOWN_TO_CLIENTS)]


def _title(one: Json) -> str:
    # Configurations have a sentence for a title; their ids are what tells them apart.
    words = one["$id"].removeprefix(_PREFIX).split("-")
    return "".join(word.capitalize() for word in words)


def _inner(title: str, name: str) -> str:
    return title + "".join(word.capitalize() for word in name.split("_"))


def _rewritten(value: Any, title: str) -> Any:
    """Return the schema with references into the document, and without what only a file needs."""
    match value:
        case dict():
            kept = {key: one for key, one in value.items() if key not in ("$schema", "$id")}
            return {
                key: _target(one, title) if key == "$ref" else _rewritten(one, title)
                for key, one in kept.items()
            }
        case list():
            return [_rewritten(one, title) for one in value]
    return value


def _target(reference: str, title: str) -> str:
    if reference.startswith(_PREFIX):
        return f"#/components/schemas/{_title({'$id': reference})}"
    return f"#/components/schemas/{_inner(title, reference.removeprefix('#/$defs/'))}"


def _others(value: Any) -> Sequence[str]:
    """Return the names of the schemas that are referred to."""
    text = json.dumps(value)
    return [name.replace("-", "_") for name in re.findall(rf'"\$ref": "{_PREFIX}([a-z-]+)"', text)]


@cache
def _examples() -> Json:
    text = Path(__file__).with_name("openapi_examples.json").read_text(encoding="utf-8")
    examples: Json = json.loads(text)
    return examples


def rendered() -> str:
    """Return the document as it is committed."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the document beside this module."""
    TARGET.write_text(rendered(), encoding="utf-8")
    sys.stdout.write(f"{TARGET.name}\n")


if __name__ == "__main__":
    main()
