"""Request validators and gateway responses of a template take effect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local.api import deploy_api
from tests.local.emulator_process import Emulator
from tests.local.test_rest_to_step_functions import ECHO, post


@pytest.fixture(scope="module")
def api(emulator: Emulator) -> str:
    """The API's base URL."""
    return deploy_api(emulator, "validation", emulator.machine("validation-echo", ECHO))


def test_the_bare_emulator_accepts_an_invalid_body(bare: Emulator) -> None:
    """If this fails, CloudFormation has learned validators and the completion can go."""
    url = deploy_api(bare, "validation", bare.machine("validation-echo", ECHO))

    assert post(bare, f"{url}/turns", {}).status == 504  # it reached the integration, which is another gap


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": ""},
        {"message": 5},
        {"message": "12345678901"},
        {"message": "x", "more": 1},
        [],
        "text",
    ],
)
def test_an_invalid_body_is_refused_in_the_apis_own_words(emulator: Emulator, api: str, body: Any) -> None:
    """Errors of the gateway carry the API's problem document, its headers and the request's id."""
    answer = post(emulator, f"{api}/turns", body)

    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "7"
    assert answer.json() == {"title": "BAD_REQUEST_BODY", "instance": answer.headers["x-amzn-requestid"]}


def test_a_valid_body_passes(emulator: Emulator, api: str) -> None:
    """Lengths count characters: ten of Hindi or ten emoji are ten, whatever their bytes."""
    assert post(emulator, f"{api}/turns", {"message": "नमस्तेनमस्"[:10]}).status == 201
    assert post(emulator, f"{api}/turns", {"message": "🙂" * 10}).status == 201
    assert post(emulator, f"{api}/turns", {"message": "🙂" * 11}).status == 400


def test_a_body_that_is_no_json_is_refused(emulator: Emulator, api: str) -> None:
    """It never reaches the template."""
    answer = emulator.request(
        f"{api}/turns", method="POST", body="no json", headers={"Content-Type": "application/json"}
    )

    assert (answer.status, answer.json()["title"]) == (400, "BAD_REQUEST_BODY")


def test_a_validator_can_be_switched_off_by_an_update(emulator: Emulator) -> None:
    """A redeployment must not leave the old rules in force."""
    client = emulator.client("cloudformation")
    url = deploy_api(emulator, "validation-update", emulator.machine("validation-update-echo", ECHO))
    template = client.get_template(StackName="validation-update")["TemplateBody"]
    template = json.loads(template) if isinstance(template, str) else template
    template["Resources"]["Validator"]["Properties"]["ValidateRequestBody"] = False

    emulator.update("validation-update", template)

    assert post(emulator, f"{url}/turns", {}).status == 201


def test_throttles_and_unknown_routes_carry_the_apis_template(emulator: Emulator) -> None:
    """Every refusal before the screen has to hold help lines, so each needs the template."""
    url = deploy_api(emulator, "validation-throttle", emulator.machine("throttle-echo", ECHO), throttle=True)
    answers = [post(emulator, f"{url}/open", {"message": "hello"}) for _ in range(2)]
    unknown = emulator.request(f"{url}/nothing/here")

    assert [answer.status for answer in answers] == [201, 429]
    assert answers[1].json()["title"] == "THROTTLED"
    assert answers[1].headers["retry-after"] == "7"
    assert unknown.status == 403
    assert unknown.json()["title"] == "MISSING_AUTHENTICATION_TOKEN"  # by DEFAULT_4XX
