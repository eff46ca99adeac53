"""The description of the API, served; and the deployed API asked what it allows and forbids."""

import json
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.fuzz.asking import asking
from local.stack.stack import LocalStack
from local.tools.installer import ensure
from local.tools.progress import Progress
from silent_infinity.schemas import openapi
from silent_infinity.schemas.api_routes import ROUTES
from tests.e2e.conftest import Tables

SEED = 20261121
EXAMPLES = 12
METHODS = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"}
REGISTRY = {"Variants": ("pk", "sk"), "AuditLog": ("pk", "sk"), "Promotions": ("promotion_id",)}
"""What operators change, and the keys of its items."""


@pytest.fixture
def registry_stays(stack: LocalStack, tables: Tables) -> Iterator[None]:
    """Operators' requests change variants at random: afterwards they are what other tests count on."""
    before = {name: tables.items(name) for name in REGISTRY}
    yield
    dynamodb = stack.client("dynamodb")
    for name, keys in REGISTRY.items():
        table = stack.outputs[f"{name}TableName"]
        kept = {json.dumps([item[key] for key in keys]) for item in before[name]}
        for item in tables.items(name):
            if json.dumps([item[key] for key in keys]) not in kept:
                dynamodb.delete_item(TableName=table, Key={key: item[key] for key in keys})
        for item in before[name]:
            dynamodb.put_item(TableName=table, Item=item)


def _ask(
    stack: LocalStack, folder: Path, *options: str, description: Path | None = None, examples: int = EXAMPLES
) -> subprocess.CompletedProcess[str]:
    ensure(["fuzz"], Progress())
    ask = asking(stack, examples=examples, seed=SEED, description=description, options=options)
    return subprocess.run(  # noqa: S603 -- the tool that the repository pins
        ask.command, cwd=folder, env=dict(ask.environment), capture_output=True, text=True, check=False
    )


def _statuses(har: Path) -> Mapping[str, Counter[int]]:
    """Return how often each operation answered with which status."""
    patterns = {
        (route.name, route.method): re.compile(
            r".*/_user_request_"
            + re.sub(r"{\w+}", "[^/?]+", re.escape(route.path).replace("\\", ""))
            + r"(\?.*)?"
        )
        for route in ROUTES
    }
    found: dict[str, Counter[int]] = defaultdict(Counter)
    for entry in json.loads(har.read_text(encoding="utf-8"))["log"]["entries"]:
        request = entry["request"]
        for (name, method), pattern in patterns.items():
            if method == request["method"] and pattern.fullmatch(request["url"]):
                found[name][entry["response"]["status"]] += 1
                break
    return found


def test_the_description_is_served_to_everybody(stack: LocalStack) -> None:
    """Without signing in, readable by scripts, and not sent again to whoever has it."""
    address = f"{stack.api_url}{openapi_path()}"
    answer = httpx.get(address)
    again = httpx.get(address, headers={"If-None-Match": answer.headers["ETag"]})

    assert answer.status_code == 200
    assert answer.json() == openapi.document()
    assert answer.headers["Cache-Control"].startswith("public, max-age=")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == answer.headers["ETag"]


def openapi_path() -> str:
    """Return the path that the description itself says."""
    [path] = [route.path for route in ROUTES if route.name == "readDescription"]
    return path


@pytest.mark.usefixtures("registry_stays")
def test_every_answer_is_as_described(stack: LocalStack, tmp_path: Path) -> None:
    """No 5xx; status, headers, content type and shape as described; what is forbidden is refused, and nothing
    is answered without a token.
    """
    har = tmp_path / "asked.har"
    asked = _ask(stack, tmp_path, "--report=har", f"--report-har-path={har}")
    statuses = _statuses(har)

    assert asked.returncode == 0, asked.stdout[-6000:] + asked.stderr[-2000:]
    assert "errored" not in asked.stdout, asked.stdout[-6000:]
    assert set(statuses) == {route.name for route in ROUTES}
    # What only ever refused was not looked at. Comparing needs figures, cancelling a change that waits,
    # evidence the hash of a variant's configuration (tests/e2e/test_promotion.py records some).
    fruitless = {name for name, counts in statuses.items() if not any(status < 300 for status in counts)}
    assert fruitless <= {"compareVariants", "cancelChange", "demoteVariant", "recordEvidence"}
    assert sum(count for counts in statuses.values() for count in counts.values()) > 1000
    for route in ROUTES:
        if route.caller:
            assert statuses[route.name][401] > 0, f"{route.name} was not asked without a token"


@pytest.mark.usefixtures("registry_stays")
@pytest.mark.parametrize(
    ("operation", "damage", "check"),
    [
        ("readSession", lambda described: described["responses"].pop("404"), "Undocumented status code"),
        (
            "listPromotions",
            lambda described: described["responses"]["200"]["content"]["application/json"].update(
                schema={"type": "array"}
            ),
            "Response violates schema",
        ),
        (
            "readHealth",
            lambda described: described["responses"]["200"]["headers"].update(
                {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
            ),
            "Missing required response headers",
        ),
        (
            "readDescription",
            lambda described: described.update(security=[{"operator": []}]),
            "authentication",
        ),
    ],
)
def test_a_wrong_description_is_noticed(
    operation: str, damage: Any, check: str, stack: LocalStack, tmp_path: Path
) -> None:
    """A check that finds nothing would let code and description drift apart."""
    document = json.loads(json.dumps(openapi.document()))
    [described] = [
        one
        for methods in document["paths"].values()
        for one in methods.values()
        if one["operationId"] == operation
    ]
    damage(described)
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(document), encoding="utf-8")
    asked = _ask(
        stack,
        tmp_path,
        "--phases=coverage",
        f"--include-operation-id={operation}",
        description=wrong,
        examples=3,
    )

    assert asked.returncode == 1
    assert check in asked.stdout


def test_what_is_not_described_is_not_there(stack: LocalStack) -> None:
    """Another method of a path, and another path: 404 as the description's introduction says."""
    described: dict[str, set[str]] = defaultdict(set)
    for route in ROUTES:
        described[route.path].add(route.method)
    headers = {"Authorization": stack.operator_token()}
    address = stack.api_url
    others = [
        (method, re.sub(r"{\w+}", "x", path))
        for path, methods in described.items()
        for method in sorted(METHODS - methods)
    ]
    others += [("GET", "/v1"), ("GET", "/v2/turns"), ("POST", "/admin/api"), ("GET", "/v1/approvals")]
    with httpx.Client(headers=headers) as client:
        answers = [(method, path, client.request(method, f"{address}{path}")) for method, path in others]

    assert len(answers) > 60
    for method, path, answer in answers:
        assert answer.status_code == 404, (method, path)
        if method != "HEAD":
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["type"] == "urn:silent-infinity:problem:not-found"
