"""REST methods run Step Functions actions through the deployed mapping templates."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from local.emulator import rest_to_step_functions, vtl
from tests.local.api import deploy_api
from tests.local.emulator_process import Answer, Emulator

# Echoes what it was given as the body of a documented answer; ``fail`` chooses how it goes wrong.
ECHO: dict[str, Any] = {
    "QueryLanguage": "JSONata",
    "StartAt": "Fail?",
    "States": {
        "Fail?": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $exists($states.input.body.fail) %}", "Next": "Fail"},
            ],
            "Default": "Answer",
        },
        "Fail": {"Type": "Fail", "Error": "Secret", "Cause": "{% $states.input.body.message %}"},
        "Answer": {
            "Type": "Pass",
            "End": True,
            "Output": {
                "status_code": 201,
                "headers": {"Content-Type": "application/problem+json", "Retry-After": "30"},
                "body": "{% $string($states.input) %}",
            },
        },
    },
}


@pytest.fixture(scope="module")
def api(emulator: Emulator) -> str:
    """The API's base URL."""
    return deploy_api(emulator, "rest", emulator.machine("rest-echo", ECHO))


def post(emulator: Emulator, url: str, body: Any, **headers: str) -> Answer:
    """POST a JSON document."""
    return emulator.request(
        url, method="POST", body=json.dumps(body), headers={"Content-Type": "application/json", **headers}
    )


def test_the_bare_emulator_does_not_reach_the_state_machine(bare: Emulator) -> None:
    """If this fails, the emulator has learned the integration and the completion can go."""
    url = deploy_api(bare, "rest", bare.machine("rest-echo", ECHO))

    assert post(bare, f"{url}/open", {"message": "hello"}).status == 504


@pytest.mark.parametrize(
    "message",
    [
        "it's",
        'she said "no"',
        "back\\slash \\' \\n",
        "two\nlines\r\n\ttab",
        "🙂‍↔️ नमस्ते",
        "#if($x) #set($y = 1) #end ## $context.requestId ${input.body} $!x #[[raw]]# </script>",
        "नमस्ते दुनिया ",
    ],
)
def test_a_message_reaches_the_machine_unharmed(emulator: Emulator, api: str, message: str) -> None:
    """People write apostrophes, quotes and other scripts; a message is never part of the template."""
    message = (message * 4000)[:4000] if message.endswith(" ") else message

    answer = post(emulator, f"{api}/open", {"message": message})

    assert answer.status == 201
    assert answer.json()["body"] == {"message": message}


def test_the_machine_chooses_status_and_headers(emulator: Emulator, api: str) -> None:
    """A limited turn is a 429 with Retry-After and a problem document, decided in the state machine."""
    answer = post(emulator, f"{api}/open", {"message": "hello"}, **{"Idempotency-Key": 'it\'s "k"'})

    assert answer.status == 201
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "30"
    assert answer.headers["x-static"] == "yes"
    assert answer.json()["key"] == 'it\'s "k"'
    assert answer.json()["request_id"] == answer.headers["x-amzn-requestid"]


def test_a_failed_execution_is_answered_by_the_template_without_its_cause(
    emulator: Emulator, api: str
) -> None:
    """API Gateway sees HTTP 200 for a FAILED execution; only the response template can tell."""
    answer = post(emulator, f"{api}/open", {"message": "do not repeat me", "fail": "yes"})

    assert answer.status == 500
    assert answer.json()["reply"] == "fallback"
    assert "do not repeat me" not in answer.body


def test_another_content_type_is_refused(emulator: Emulator, api: str) -> None:
    """passthroughBehavior NEVER: a body that no template escapes must not reach the machine."""
    answer = post(emulator, f"{api}/open", {"message": "hello"}, **{"Content-Type": "text/plain"})

    assert answer.status == 415
    assert answer.json()["title"] == "UNSUPPORTED_MEDIA_TYPE"
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_that_is_no_json_is_refused_by_step_functions(emulator: Emulator, api: str) -> None:
    """The rendered payload is no JSON then: Step Functions answers 400, which a response maps."""
    answer = emulator.request(
        f"{api}/open", method="POST", body="not json", headers={"Content-Type": "application/json"}
    )

    assert (answer.status, answer.json()) == (500, {"reply": "backend"})


def test_a_missing_machine_is_a_backend_error(emulator: Emulator) -> None:
    """The selection pattern matches the HTTP status of the Step Functions call."""
    url = deploy_api(emulator, "rest-missing", "arn:aws:states:us-east-1:000000000000:stateMachine:none")

    assert post(emulator, f"{url}/open", {"message": "hello"}).json() == {"reply": "backend"}


def test_a_broken_template_is_a_configuration_error_in_the_apis_own_words(emulator: Emulator) -> None:
    """Errors of the gateway carry the API's DEFAULT_5XX template, so that they can hold help lines."""
    url = deploy_api(
        emulator, "rest-broken", "unused", RequestTemplates={"application/json": "$util.parseJson('no json')"}
    )

    answer = post(emulator, f"{url}/open", {"message": "hello"})

    assert (answer.status, answer.json()["title"]) == (500, "API_CONFIGURATION_ERROR")
    assert answer.headers["retry-after"] == "7"


def test_a_slow_machine_is_an_integration_timeout(emulator: Emulator) -> None:
    """The caller gets an answer when the integration's own time-out passes, however long the machine runs."""
    slow = emulator.machine(
        "rest-slow", {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1, "End": True}}}
    )
    url = deploy_api(emulator, "rest-slow", slow, TimeoutInMillis=100)

    answer = post(emulator, f"{url}/open", {"message": "hello"})

    assert (answer.status, answer.json()["title"]) == (504, "INTEGRATION_TIMEOUT")


def test_a_response_without_a_match_is_a_configuration_error(emulator: Emulator) -> None:
    """As on AWS: no default integration response, no answer."""
    machine = emulator.machine("rest-nomatch", ECHO)
    url = deploy_api(
        emulator, "rest-nomatch", machine,
        IntegrationResponses=[{"StatusCode": "500", "SelectionPattern": "5\\d\\d"}],
    )  # fmt: skip

    assert post(emulator, f"{url}/open", {"message": "hello"}).json()["title"] == "API_CONFIGURATION_ERROR"


def test_executions_can_be_started_without_waiting(emulator: Emulator) -> None:
    """Other actions of Step Functions go the same way."""
    url = deploy_api(
        emulator,
        "rest-start",
        emulator.machine("rest-start", ECHO),
        Uri="arn:aws:apigateway:us-east-1:states:action/StartExecution",
        IntegrationResponses=[
            {
                "StatusCode": "202",
                "ResponseTemplates": {"application/json": "$input.json('$.executionArn')"},
                "ResponseParameters": {
                    "method.response.header.Location": "integration.response.body.executionArn"
                },
            }
        ],
    )

    answer = post(emulator, f"{url}/open", {"message": "hello"})

    assert answer.status == 202
    assert ":execution:rest-start:" in answer.json()
    assert answer.headers["location"] == answer.json()


def test_a_backend_that_breaks_is_an_integration_failure() -> None:
    """The emulator's own bugs must look like AWS's outages: an answer by the API's gateway response."""
    broken = SimpleNamespace(handle_request=None)  # calling it raises
    gateway = SimpleNamespace(_gw_error=lambda kind, _message: kind)
    invocation = rest_to_step_functions.Invocation(
        {}, "api", "stage", {}, {"path": "/turns"}, "/turns", "POST", {}, b"{}", None, None
    )

    answer = asyncio.run(
        rest_to_step_functions.integrate(
            gateway, broken, "StartSyncExecution", invocation, vtl.Request(body="{}")
        )
    )

    assert answer == "INTEGRATION_FAILURE"


def test_mock_methods_answer(emulator: Emulator, api: str) -> None:
    """GET /v1/health and CORS preflight are MOCK integrations."""
    health = emulator.request(f"{api}/health")
    preflight = emulator.request(f"{api}/health", method="OPTIONS")

    assert (health.status, health.json()) == (200, {"status": "ok"})
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == "https://example.org"
