"""The API: routes, templates, and the answers that API Gateway gives by itself."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from stacks.paths import SCHEMAS
from stacks.safety_texts import safety_texts
from tests.stacks.synthesised import Application

OUTPUTS = {
    "Data": {
        "ConversationsTableName",
        "TurnEventsTableName",
        "FeedbackTableName",
        "PromptsTableName",
        "VariantsTableName",
        "VariantMetricsTableName",
        "AuditLogTableName",
        "PromotionsTableName",
        "IdempotencyTableName",
        "LimitsTableName",
        "ApprovalsTableName",
        "ApproversTopicArn",
        "ApprovalLinkSecretArn",
        "PromptsBucketName",
        "AuditAnchorsBucketName",
    },
    "Turn": {
        "TurnStateMachineArn",
        "UnrecordedTurnsQueueUrl",
        "UnrecordedTurnsDeadLetterQueueUrl",
        "OperationsTopicArn",
    },
    "Api": {
        "ApiUrl",
        "UserPoolId",
        "UserPoolClientId",
        "OperatorPoolId",
        "OperatorPoolClientId",
        "RestApiId",
        "StageName",
    },
    "Promotion": {
        "PromotionStateMachineArn",
        "PromotionScheduleFunctionName",
        "PromotionDeadLetterQueueUrl",
    },
}
STATUSES = {
    "BAD_REQUEST_BODY": "400",
    "BAD_REQUEST_PARAMETERS": "400",
    "UNAUTHORIZED": "401",
    "EXPIRED_TOKEN": "401",
    "ACCESS_DENIED": "403",
    "WAF_FILTERED": "403",
    "MISSING_AUTHENTICATION_TOKEN": "404",
    "RESOURCE_NOT_FOUND": "404",
    "REQUEST_TOO_LARGE": "413",
    "UNSUPPORTED_MEDIA_TYPE": "415",
    "THROTTLED": "429",
    "QUOTA_EXCEEDED": "429",
    "INTEGRATION_FAILURE": "503",
    "INTEGRATION_TIMEOUT": "503",
    "DEFAULT_4XX": None,
    "DEFAULT_5XX": None,
}


def joined(value: Any) -> str:
    """Return a template's text with its references left as `<Ref>`."""
    if isinstance(value, str):
        return value
    return "".join(part if isinstance(part, str) else "<Ref>" for part in value["Fn::Join"][1])


@pytest.mark.parametrize("stack", OUTPUTS)
def test_the_outputs_are_those_that_tools_and_people_rely_on(stack: str, application: Application) -> None:
    """Scripts, the local stack and docs/deploy.md read them by name."""
    outputs = application.templates[stack]["Outputs"]

    assert {name for name in outputs if not name.startswith("ExportsOutput")} == OUTPUTS[stack]


def test_the_address_has_no_slash_at_its_end(application: Application) -> None:
    """Everybody appends `/v1/turns` to it."""
    url = application.templates["Api"]["Outputs"]["ApiUrl"]["Value"]

    assert joined(url).startswith("https://<Ref>.execute-api.")
    assert url["Fn::Join"][1][-1] != "/"


def test_a_turn_goes_straight_to_the_workflow(application: Application) -> None:
    """A Lambda in between would be one more that can be down, and one more that a person waits for."""
    turn = application.named("AWS::ApiGateway::Method", "Apiv1turnsPOST")
    integration = turn["Integration"]

    assert integration["Type"] == "AWS"
    assert joined(integration["Uri"]).endswith(":states:action/StartSyncExecution")
    assert integration["PassthroughBehavior"] == "NEVER"
    assert integration["TimeoutInMillis"] == 29_000
    assert set(integration["RequestTemplates"]) == {"application/json"}
    assert {action for action, _ in application.permissions("StartTurnRole")} == {"states:StartSyncExecution"}


def test_templates_are_filled_in(application: Application) -> None:
    """A placeholder that is left is sent to Step Functions, or to a person."""
    integration = application.named("AWS::ApiGateway::Method", "Apiv1turnsPOST")["Integration"]
    request = joined(integration["RequestTemplates"]["application/json"])
    answers = {
        answer["StatusCode"]: joined(answer["ResponseTemplates"]["application/json"])
        for answer in integration["IntegrationResponses"]
    }

    assert '"stateMachineArn": "<Ref>"' in request
    assert set(answers) == {"200", "503"}
    for text in (request, *answers.values()):
        assert "@{" not in text
    for text in answers.values():
        assert json.dumps(safety_texts().help["resources"][0]["name"])[1:-1] in text
        assert "cause" not in re.sub(r"^##.*$", "", text, flags=re.MULTILINE)


def test_failures_of_step_functions_have_a_response_of_their_own(application: Application) -> None:
    """Without a pattern they would be taken for a finished execution."""
    integration = application.named("AWS::ApiGateway::Method", "Apiv1turnsPOST")["Integration"]
    patterns = {r["StatusCode"]: r.get("SelectionPattern") for r in integration["IntegrationResponses"]}

    assert patterns["200"] is None
    assert patterns["503"]
    for status in ("400", "403", "429", "500", "503"):
        assert re.fullmatch(patterns["503"], status)
    assert not re.fullmatch(patterns["503"], "200")


def gateway_responses(application: Application) -> dict[str, dict[str, Any]]:
    """Return the gateway responses by type."""
    found = application.properties("AWS::ApiGateway::GatewayResponse").values()
    return {response["ResponseType"]: response for response in found}


def test_every_refusal_is_a_problem_document_with_help(application: Application) -> None:
    """Whoever is turned away before the screen has been looked at by nobody: help lines come with it."""
    schema = json.loads((SCHEMAS / "problem.schema.json").read_text(encoding="utf-8"))
    responses = gateway_responses(application)

    assert {kind: response.get("StatusCode") for kind, response in responses.items()} == STATUSES
    for kind, response in responses.items():
        document = json.loads(response["ResponseTemplates"]["application/json"])
        if STATUSES[kind] is None:
            # The defaults stand for several statuses, so the document leaves the member out.
            assert "status" not in document
            document["status"] = 400
        Draft202012Validator(schema).validate(document)
        assert document["help"] == safety_texts().help, kind
        assert response["ResponseParameters"]["gatewayresponse.header.Content-Type"] == (
            "'application/problem+json'"
        )


def test_no_refusal_quotes_the_request(application: Application) -> None:
    """API Gateway's own messages repeat the value that they complain about."""
    for kind, response in gateway_responses(application).items():
        template = response["ResponseTemplates"]["application/json"]
        assert re.findall(r"\$[a-zA-Z.]+", template) == ["$context.requestId"], kind


def test_waiting_is_said_where_waiting_helps(application: Application) -> None:
    """A client that retries at once makes an overload worse."""
    responses = gateway_responses(application)
    waits = {
        kind
        for kind, response in responses.items()
        if "gatewayresponse.header.Retry-After" in response["ResponseParameters"]
    }

    assert waits == {
        "THROTTLED",
        "QUOTA_EXCEEDED",
        "INTEGRATION_FAILURE",
        "INTEGRATION_TIMEOUT",
        "DEFAULT_5XX",
    }


def test_browsers_may_call_from_one_origin(application: Application) -> None:
    """A page of somebody else must not talk to the API in a person's name, not even to read a refusal."""
    origin = f"'{application.environment.cors_origin}'"
    preflights = [
        method["Integration"]["IntegrationResponses"][0]["ResponseParameters"]
        for method in application.properties("AWS::ApiGateway::Method").values()
        if method["HttpMethod"] == "OPTIONS"
    ]

    assert len(preflights) == len(application.properties("AWS::ApiGateway::Resource")) + 1
    for headers in preflights:
        assert headers["method.response.header.Access-Control-Allow-Origin"] == origin
        assert "Idempotency-Key" in headers["method.response.header.Access-Control-Allow-Headers"]
        assert "If-Match" in headers["method.response.header.Access-Control-Allow-Headers"]
        assert "PUT" in headers["method.response.header.Access-Control-Allow-Methods"]
    for response in gateway_responses(application).values():
        assert response["ResponseParameters"]["gatewayresponse.header.Access-Control-Allow-Origin"] == origin
    if not application.environment.is_local and application.environment.retain_data:
        assert application.environment.cors_origin.startswith("https://")


def test_a_changed_schema_is_deployed(application: Application) -> None:
    """A stage serves a snapshot: a model that the deployment does not depend on would never reach it."""
    (deployment,) = application.resources("AWS::ApiGateway::Deployment").values()

    assert {"TurnRequest", "FeedbackRequest", "AdminRequest"} <= set(deployment["DependsOn"])


def test_feedback_and_sessions_are_called_by_their_aliases(application: Application) -> None:
    """The permission of the API is on the alias; the function itself would refuse."""
    for route, function in {
        "Apiv1feedbackPOST": "FeedbackApiAlias",
        "Apiv1sessionssessionidGET": "SessionsApiAlias",
        "Apiv1sessionssessionidDELETE": "SessionsApiAlias",
    }.items():
        integration = application.named("AWS::ApiGateway::Method", route + "")["Integration"]
        assert integration["Type"] == "AWS_PROXY"
        assert function in json.dumps(integration["Uri"])
