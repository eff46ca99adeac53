"""A REST API in front of an Express machine, as the project's API stack makes it."""

from __future__ import annotations

from typing import Any

from tests.local.emulator_process import ROLE, Emulator

REQUEST_TEMPLATE = (
    '{"stateMachineArn": "$MACHINE", "input": "{'
    '\\"body\\": $util.escapeJavaScript($input.body).replaceAll("\\\\\'", "\'"), '
    # A text inside the inner document needs both escapes: one for its string, one for the outer string.
    '\\"key\\": \\"$util.escapeJavaScript($util.escapeJavaScript($input.params(\'Idempotency-Key\'))'
    '.replaceAll("\\\\\'", "\'")).replaceAll("\\\\\'", "\'")\\", '
    '\\"request_id\\": \\"$context.requestId\\", '
    '\\"sub\\": \\"$context.authorizer.claims.sub\\"}"}'
)
RESPONSE_TEMPLATE = """#if($input.path('$.status') == "SUCCEEDED")
#set($answer = $util.parseJson($input.path('$.output')))
#set($context.responseOverride.status = $answer.status_code)
#set($context.responseOverride.header.Content-Type = $answer.headers['Content-Type'])
#if($answer.headers['Retry-After'])
#set($context.responseOverride.header.Retry-After = $answer.headers['Retry-After'])
#end
$answer.body#else
#set($context.responseOverride.status = 500)
{"reply": "fallback", "request": "$context.requestId"}#end
"""
PROBLEM = '{"title": "$context.error.responseType", "instance": "$context.requestId"}'
SCHEMA = {
    "$schema": "http://json-schema.org/draft-04/schema#",
    "type": "object",
    "required": ["message"],
    "additionalProperties": False,
    "properties": {
        "message": {"type": "string", "minLength": 1, "maxLength": 10},
        "fail": {"type": "string"},
    },
}
PROBLEM_TYPES = (
    "BAD_REQUEST_BODY",
    "UNSUPPORTED_MEDIA_TYPE",
    "UNAUTHORIZED",
    "THROTTLED",
    "INTEGRATION_TIMEOUT",
    "DEFAULT_4XX",
    "DEFAULT_5XX",
)
API = {"Ref": "Api"}


def method(path: str, verb: str, integration: dict[str, Any], **properties: Any) -> dict[str, Any]:
    """A method resource on the resource whose logical id is ``path``."""
    return {
        "Type": "AWS::ApiGateway::Method",
        "Properties": {
            "RestApiId": API,
            "ResourceId": {"Ref": path},
            "HttpMethod": verb,
            "AuthorizationType": "NONE",
            "Integration": integration,
            **properties,
        },
    }


def mock(request: str, **response: Any) -> dict[str, Any]:
    """A MOCK integration with one response."""
    return {
        "Type": "MOCK",
        "RequestTemplates": {"application/json": request},
        "IntegrationResponses": [response],
    }


def step_functions(machine: str, **changes: Any) -> dict[str, Any]:
    """The integration that runs an Express machine; ``changes`` replace its properties."""
    return {
        "Type": "AWS",
        "IntegrationHttpMethod": "POST",
        "Uri": "arn:aws:apigateway:us-east-1:states:action/StartSyncExecution",
        "Credentials": ROLE,
        "PassthroughBehavior": "NEVER",
        "RequestTemplates": {"application/json": REQUEST_TEMPLATE.replace("$MACHINE", machine)},
        "IntegrationResponses": [
            {
                "StatusCode": "200",
                "ResponseTemplates": {"application/json": RESPONSE_TEMPLATE},
                "ResponseParameters": {"method.response.header.X-Static": "'yes'"},
            },
            {
                "StatusCode": "500",
                "SelectionPattern": "[45]\\d\\d",
                "ResponseTemplates": {"application/json": '{"reply": "backend"}'},
            },
        ],
        **changes,
    }


def gateway_response(kind: str) -> dict[str, Any]:
    """A problem document in the place of one of the gateway's own answers."""
    return {
        "Type": "AWS::ApiGateway::GatewayResponse",
        "Properties": {
            "RestApiId": API,
            "ResponseType": kind,
            "ResponseTemplates": {"application/json": PROBLEM},
            "ResponseParameters": {
                "gatewayresponse.header.Content-Type": "'application/problem+json'",
                "gatewayresponse.header.Retry-After": "'7'",
            },
        },
    }


def deploy_api(
    emulator: Emulator,
    name: str,
    machine: str,
    *,
    pool_arn: str | None = None,
    throttle: bool = False,
    **changes: Any,
) -> str:
    """Deploy the API and give its base URL.

    ``POST /turns`` is validated, ``POST /open`` is not, ``GET`` and ``OPTIONS /health`` are MOCKs. With a
    pool, ``POST /signed`` wants an ID token of it. With a throttle, ``/open`` passes one request.
    ``changes`` replace properties of the integration behind the POST methods.
    """
    integration = step_functions(machine, **changes)
    body = {"ResponseTemplates": {"application/json": '{"status": "ok"}'}, "StatusCode": "200"}
    origin = {"method.response.header.Access-Control-Allow-Origin": "'https://example.org'"}
    methods = {
        "TurnsPost": method(
            "turns",
            "POST",
            integration,
            RequestValidatorId={"Ref": "Validator"},
            RequestModels={"application/json": {"Ref": "Model"}},
        ),
        "OpenPost": method("open", "POST", integration),
        "HealthGet": method("health", "GET", mock('{"statusCode": 200}', **body)),
        "HealthOptions": method(
            "health", "OPTIONS", mock('{"statusCode": 204}', StatusCode="204", ResponseParameters=origin)
        ),
    }
    resources: dict[str, Any] = {
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": name}},
        "Model": {
            "Type": "AWS::ApiGateway::Model",
            "Properties": {
                "RestApiId": API,
                "ContentType": "application/json",
                "Name": "Turn",
                "Schema": SCHEMA,
            },
        },
        "Validator": {
            "Type": "AWS::ApiGateway::RequestValidator",
            "Properties": {
                "RestApiId": API,
                "ValidateRequestBody": True,
                "ValidateRequestParameters": True,
            },
        },
    }
    if pool_arn:
        resources["Authorizer"] = {
            "Type": "AWS::ApiGateway::Authorizer",
            "Properties": {
                "RestApiId": API,
                "Name": "people",
                "Type": "COGNITO_USER_POOLS",
                "ProviderARNs": [pool_arn],
                "IdentitySource": "method.request.header.Authorization",
            },
        }
        methods["SignedPost"] = method(
            "signed",
            "POST",
            integration,
            AuthorizationType="COGNITO_USER_POOLS",
            AuthorizerId={"Ref": "Authorizer"},
        )
    for path in ("turns", "open", "health", "signed"):
        parent = {"Fn::GetAtt": ["Api", "RootResourceId"]}
        resources[path] = {
            "Type": "AWS::ApiGateway::Resource",
            "Properties": {"RestApiId": API, "ParentId": parent, "PathPart": path},
        }
    responses = {kind.replace("_", ""): gateway_response(kind) for kind in PROBLEM_TYPES}
    limits = {"HttpMethod": "POST", "ResourcePath": "/open", "ThrottlingBurstLimit": 1}
    resources |= {
        **methods,
        **responses,
        "Deployment": {
            "Type": "AWS::ApiGateway::Deployment",
            "Properties": {"RestApiId": API},
            "DependsOn": [*methods, *responses],
        },
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {
                "RestApiId": API,
                "DeploymentId": {"Ref": "Deployment"},
                "StageName": "test",
                "MethodSettings": [{**limits, "ThrottlingRateLimit": 0.01}] if throttle else [],
            },
        },
    }
    outputs = emulator.deploy(name, resources, {"Id": API})
    return f"{emulator.url}/restapis/{outputs['Id']}/test/_user_request_"
