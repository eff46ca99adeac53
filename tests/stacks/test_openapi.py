"""The description of the API against the API that is deployed: neither may drift from the other."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.tools.catalogue import FUZZ_VENV
from local.tools.installer import ensure
from local.tools.locations import venv_python
from local.tools.progress import Progress
from stacks.paths import SCHEMAS
from stacks.problems import PROBLEM_PREFIX, gateway_problems
from tests.stacks.synthesised import Application
from tests.stacks.test_admin_routes import routes

DESCRIPTION = SCHEMAS / "openapi.json"
DOCUMENT: dict[str, Any] = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
OPERATIONS: dict[str, dict[str, Any]] = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
PAGES = {f"{method} /v1/approvals/{{approval_id}}" for method in ("GET", "POST")}
"""What browsers open from a mail: no client calls it, and docs/promotions.md describes it."""
PLACES = {"path": "path", "query": "querystring", "header": "header"}


def _deployed(application: Application) -> dict[str, dict[str, Any]]:
    return {
        route: method
        for route, method in routes(application).items()
        if not route.startswith("OPTIONS") and route not in PAGES
    }


def test_the_document_is_openapi_3_1(tmp_path: Path) -> None:
    """By OpenAPI's own schema: tools of clients refuse what is not. A broken one is refused, too."""
    ensure(["fuzz"], Progress())
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps({**DOCUMENT, "paths": {"/v1/turns": {"post": {"responses": 3}}}}), "utf-8")

    def verdict(file: Path) -> int:
        command = [str(venv_python(FUZZ_VENV)), "-m", "openapi_spec_validator", str(file)]
        return subprocess.run(command, check=False, capture_output=True).returncode  # noqa: S603 -- a pinned tool

    assert DOCUMENT["openapi"].startswith("3.1.")
    assert verdict(DESCRIPTION) == 0
    assert verdict(wrong) == 1


def test_what_is_described_is_deployed_and_nothing_else(application: Application) -> None:
    """A route without a description is one that nobody finds; a description without a route is a promise."""
    assert set(_deployed(application)) == set(OPERATIONS)
    assert set(routes(application)) >= PAGES


def test_the_caller_is_the_authorizers(application: Application) -> None:
    """People's tokens, operators' tokens, or none: as the method checks it."""
    for route, method in _deployed(application).items():
        authorizer = method.get("AuthorizerId", {}).get("Ref", "")
        expected = (
            "operator"
            if authorizer.startswith("Operator")
            else "person"
            if authorizer.startswith("People")
            else None
        )
        assert OPERATIONS[route]["security"] == ([{expected: []}] if expected else []), route


def test_parameters_are_the_methods_own(application: Application) -> None:
    """API Gateway hands on what is declared; what it demands is demanded in the description, too."""
    for route, method in _deployed(application).items():
        described = {
            f"method.request.{PLACES[one['in']]}.{one['name']}": one["required"]
            for one in OPERATIONS[route]["parameters"]
        }
        declared = dict(method.get("RequestParameters", {}))
        if route == "POST /admin/api/variants/{category}":
            # All changes are declared alike; what is not there yet has no version to name.
            declared.pop("method.request.header.If-Match")
        assert set(described) == set(declared), route
        for name, demanded in declared.items():
            assert described[name] or not demanded, f"{route} {name}"


def test_bodies_are_the_methods_own(application: Application) -> None:
    """What has a model takes a body. People's models are the described schemas themselves."""
    models = application.properties("AWS::ApiGateway::Model")
    for route, method in _deployed(application).items():
        model = method.get("RequestModels", {}).get("application/json")
        assert bool(model) is ("requestBody" in OPERATIONS[route]), route
        if model and "/v1/" in route:
            deployed = models[f"Api/{model['Ref']}"]["Schema"]
            content = OPERATIONS[route]["requestBody"]["content"]["application/json"]
            name = content["schema"]["$ref"].rpartition("/")[2]
            shown = DOCUMENT["components"]["schemas"][name]
            assert deployed["title"] == shown["title"] == name
            assert set(deployed["properties"]) == set(shown["properties"])
            assert deployed["required"] == shown["required"]


def _types(operation: dict[str, Any], status: str) -> list[str]:
    response = operation["responses"].get(status, {})
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
    [content] = response.get("content", {"": {"schema": {}}}).values()
    found: list[str] = content["schema"].get("properties", {}).get("type", {}).get("enum", [])
    return found


@pytest.mark.parametrize("problem", gateway_problems(), ids=lambda problem: problem.construct_id)
def test_what_api_gateway_refuses_is_described(problem: Any) -> None:
    """With its status and type, on the routes that can meet it; and its words are those of the examples."""
    routed: dict[str, Callable[[dict[str, Any]], Any]] = {
        "Unauthorized": lambda operation: operation["security"],
        "ExpiredToken": lambda operation: operation["security"],
        "AccessDenied": lambda operation: operation["security"] == [{"operator": []}],
        "BadRequestBody": lambda operation: "requestBody" in operation,
        "BadRequestParameters": lambda operation: "requestBody" in operation,
        "RequestTooLarge": lambda operation: "requestBody" in operation,
        "UnsupportedMediaType": lambda operation: operation["operationId"] in ("sendMessage", "readHealth"),
        "IntegrationFailure": lambda operation: operation["operationId"] != "readHealth",
        "IntegrationTimeout": lambda operation: operation["operationId"] != "readHealth",
        "WafFiltered": lambda operation: True,
        "Throttled": lambda operation: True,
        "QuotaExceeded": lambda operation: True,
    }
    if problem.slug == "not-found":
        assert problem.status == 404
        assert f"404, `{PROBLEM_PREFIX}not-found`" in DOCUMENT["info"]["description"].replace("\n", " ")
        return
    if problem.status is None:
        required = DOCUMENT["components"]["schemas"]["GatewayProblem"]["required"]
        assert "status" not in required
        assert all("5XX" in operation["responses"] for operation in OPERATIONS.values())
        return

    meeting = [operation for operation in OPERATIONS.values() if routed[problem.construct_id](operation)]
    assert meeting
    for operation in meeting:
        assert f"{PROBLEM_PREFIX}{problem.slug}" in _types(operation, str(problem.status)), operation[
            "operationId"
        ]


def test_the_examples_of_api_gateways_refusals_are_its_own_words() -> None:
    """They are written down twice, because the stacks and the functions know nothing of each other."""
    said = {(each.slug, each.status, each.title, each.detail) for each in gateway_problems()}
    examples = DOCUMENT["components"]["examples"]
    compared = 0
    for name, example in examples.items():
        value = example["value"]
        slug = value["type"].removeprefix(PROBLEM_PREFIX)
        if slug in ("forbidden", "payload-too-large", "unsupported-media-type", "rate-limited") and (
            name.startswith("problem.")
        ):
            assert (slug, value["status"], value["title"], value["detail"]) in said, name
            compared += 1

    assert compared == 4


def test_the_function_may_do_nothing_but_log(application: Application) -> None:
    """Everybody can call it: what it could reach, everybody could try to reach."""
    allowed = {action for action, _ in application.permissions("DescriptionOpenApiRole")}

    assert allowed == {"logs:CreateLogStream", "logs:PutLogEvents"}
