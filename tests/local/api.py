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
    '\\"request_id\\": \\"$context.requestId\\"}"}'
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


def deploy_api(emulator: Emulator, name: str, machine: str, **changes: Any) -> str:
    """Deploy the API with ``POST /turns`` (validated), ``POST /open`` (not) and ``GET /health``; gives its base URL.

    ``changes`` replace properties of the integration of both POST methods.
    """
    ref = {"Ref": "Api"}
    integration = {
        "Type": "AWS",
        "IntegrationHttpMethod": "POST",
        "Uri": "arn:aws:apigateway:us-east-1:states:action/StartSyncExecution",
        "Credentials": ROLE,
        "PassthroughBehavior": "NEVER",
        "RequestTemplates": {"application/json": REQUEST_TEMPLATE.replace("$MACHINE", machine)},
        "IntegrationResponses": [
            {"StatusCode": "200", "ResponseTemplates": {"application/json": RESPONSE_TEMPLATE},
             "ResponseParameters": {"method.response.header.X-Static": "'yes'"}},
            {"StatusCode": "500", "SelectionPattern": "[45]\\d\\d",
             "ResponseTemplates": {"application/json": '{"reply": "backend"}'}},
        ],
        **changes,
    }  # fmt: skip
    method = {"RestApiId": ref, "AuthorizationType": "NONE", "HttpMethod": "POST", "Integration": integration}
    resources: dict[str, Any] = {
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": name}},
        "Model": {"Type": "AWS::ApiGateway::Model", "Properties": {
            "RestApiId": ref, "ContentType": "application/json", "Name": "Turn", "Schema": SCHEMA}},
        "Validator": {"Type": "AWS::ApiGateway::RequestValidator", "Properties": {
            "RestApiId": ref, "ValidateRequestBody": True, "ValidateRequestParameters": True}},
        "TurnsPost": {"Type": "AWS::ApiGateway::Method", "Properties": {
            **method, "ResourceId": {"Ref": "turns"}, "RequestValidatorId": {"Ref": "Validator"},
            "RequestModels": {"application/json": {"Ref": "Model"}}}},
        "OpenPost": {"Type": "AWS::ApiGateway::Method", "Properties": {**method, "ResourceId": {"Ref": "open"}}},
        "HealthGet": {"Type": "AWS::ApiGateway::Method", "Properties": {
            "RestApiId": ref, "AuthorizationType": "NONE", "HttpMethod": "GET", "ResourceId": {"Ref": "health"},
            "Integration": {
                "Type": "MOCK", "RequestTemplates": {"application/json": '{"statusCode": 200}'},
                "IntegrationResponses": [
                    {"StatusCode": "200", "ResponseTemplates": {"application/json": '{"status": "ok"}'}}]}}},
        "HealthOptions": {"Type": "AWS::ApiGateway::Method", "Properties": {
            "RestApiId": ref, "AuthorizationType": "NONE", "HttpMethod": "OPTIONS", "ResourceId": {"Ref": "health"},
            "Integration": {
                "Type": "MOCK", "RequestTemplates": {"application/json": '{"statusCode": 204}'},
                "IntegrationResponses": [{"StatusCode": "204", "ResponseParameters": {
                    "method.response.header.Access-Control-Allow-Origin": "'https://example.org'"}}]}}},
        "Deployment": {"Type": "AWS::ApiGateway::Deployment", "Properties": {"RestApiId": ref},
                       "DependsOn": ["TurnsPost", "OpenPost", "HealthGet", "HealthOptions"]},
        "Stage": {"Type": "AWS::ApiGateway::Stage", "Properties": {
            "RestApiId": ref, "DeploymentId": {"Ref": "Deployment"}, "StageName": "test"}},
    }  # fmt: skip
    for path in ("turns", "open", "health"):
        resources[path] = {"Type": "AWS::ApiGateway::Resource", "Properties": {
            "RestApiId": ref, "ParentId": {"Fn::GetAtt": ["Api", "RootResourceId"]}, "PathPart": path}}  # fmt: skip
    for kind in (
        "BAD_REQUEST_BODY",
        "UNSUPPORTED_MEDIA_TYPE",
        "INTEGRATION_TIMEOUT",
        "DEFAULT_4XX",
        "DEFAULT_5XX",
    ):
        resources[kind.replace("_", "")] = {"Type": "AWS::ApiGateway::GatewayResponse", "Properties": {
            "RestApiId": ref, "ResponseType": kind,
            "ResponseTemplates": {"application/json": PROBLEM},
            "ResponseParameters": {
                "gatewayresponse.header.Content-Type": "'application/problem+json'",
                "gatewayresponse.header.Retry-After": "'7'"}}}  # fmt: skip
        resources["Deployment"]["DependsOn"].append(kind.replace("_", ""))
    outputs = emulator.deploy(name, resources, {"Id": ref})
    return f"{emulator.url}/restapis/{outputs['Id']}/test/_user_request_"
