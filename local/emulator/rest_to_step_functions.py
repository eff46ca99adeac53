"""REST API methods backed directly by Step Functions (``AWS`` integrations with ``states:action/...``).

Gap: the emulator sends every ``AWS`` integration but SQS to Lambda, so these methods answer 504.
Fix: render the deployed request template, call the emulator's Step Functions, choose the integration
response by the HTTP status of that call, and render its template with ``$context.responseOverride``.

As on AWS: an execution that FAILED or TIMED_OUT is still HTTP 200 to the integration response selection; a
template that cannot be rendered, or a status that no integration response matches, is
API_CONFIGURATION_ERROR; an integration that takes longer than its time-out is INTEGRATION_TIMEOUT; both use
the API's own gateway responses.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import re
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.emulator import seams, vtl

SUMMARY = "REST methods with a Step Functions action run it, through the deployed mapping templates"

_ACTION = re.compile(r"arn:[^:]+:apigateway:[^:]+:states:action/(\w+)")
_CONTENT_TYPE = "application/json"
_log = logging.getLogger("local.emulator.rest_to_step_functions")
_request_id: ContextVar[str] = ContextVar("rest_request_id")


def install() -> None:
    """Attach to the data plane, after the authorizer, throttles and request validation have passed."""
    gateway = seams.module("services.apigateway_v1")
    step_functions = seams.module("services.stepfunctions")
    execute = seams.original(gateway, "_execute_in_scope")
    invoke_lambda = seams.original(gateway, "_invoke_lambda_custom_v1")
    check_passthrough = seams.original(gateway, "_check_passthrough_behavior")

    async def execute_with_request_id(request: dict[str, Any], *args: Any) -> Any:
        token = _request_id.set(request["request_id"])
        try:
            return await execute(request, *args)
        finally:
            _request_id.reset(token)

    async def invoke(integration: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        action = _ACTION.match(integration.get("uri", ""))
        if action is None:
            return await invoke_lambda(integration, *args, **kwargs)
        invocation = Invocation(integration, *args)
        request = invocation.to_request(
            account_id=kwargs.get("owner_account_id"), authorizer=kwargs.get("authorizer_context")
        )
        return await integrate(gateway, step_functions, action[1], invocation, request)

    def passthrough(integration: dict[str, Any], headers: Mapping[str, Any]) -> Any:
        if integration.get("passthroughBehavior") == "WHEN_NO_TEMPLATES":
            # The same as NEVER where there are templates, and all that the emulator knows is NEVER.
            integration = {**integration, "passthroughBehavior": "NEVER"}
        return check_passthrough(integration, headers)

    seams.replace(gateway, "_execute_in_scope", execute_with_request_id)
    seams.replace(gateway, "_invoke_lambda_custom_v1", invoke)
    seams.replace(gateway, "_check_passthrough_behavior", passthrough)


@dataclass(frozen=True)
class Invocation:
    """What the emulator hands to an integration, in its order."""

    integration: dict[str, Any]
    api_id: str
    stage_name: str
    stage: dict[str, Any]
    resource: dict[str, Any]
    path: str
    method: str
    headers: dict[str, Any]
    body: bytes
    query: dict[str, Any] | None
    path_parameters: dict[str, str] | None

    def to_request(self, *, account_id: str | None, authorizer: dict[str, Any] | None) -> vtl.Request:
        """What the templates can read of it."""
        headers = {name: _one(value) for name, value in self.headers.items()}
        now = time.time()
        request_id = _request_id.get()
        context = {
            "accountId": account_id,
            "apiId": self.api_id,
            "authorizer": authorizer or {},
            "domainName": _header(headers, "host"),
            "extendedRequestId": request_id,
            "httpMethod": self.method,
            "identity": {
                "sourceIp": (_header(headers, "x-forwarded-for") or "127.0.0.1").split(",")[0].strip(),
                "userAgent": _header(headers, "user-agent"),
            },
            "path": f"/{self.stage_name}{self.path}",
            "protocol": "HTTP/1.1",
            "requestId": request_id,
            "requestTime": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "requestTimeEpoch": int(now * 1000),
            "resourceId": self.resource.get("id"),
            "resourcePath": self.resource["path"],
            "stage": self.stage_name,
        }
        return vtl.Request(
            body=self.body.decode("utf-8", "replace") if self.body else "",
            path=self.path_parameters or {},
            query={name: _one(value) for name, value in (self.query or {}).items()},
            headers=headers,
            context=context,
            stage_variables=self.stage.get("variables") or {},
        )


async def integrate(
    gateway: Any, step_functions: Any, action: str, invocation: Invocation, request: vtl.Request
) -> Any:
    """Call Step Functions: gives (status, headers, body) or the gateway's own error."""
    integration = invocation.integration
    try:
        payload = _request_payload(integration, request)
        call = asyncio.ensure_future(_call(step_functions, action, payload))
        seconds = int(integration.get("timeoutInMillis") or 29000) / 1000
        done, _pending = await asyncio.wait({call}, timeout=seconds)
        if not done:
            return gateway._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")
        status, answer = call.result()
        return _response(gateway, integration, request, status, answer)
    except vtl.TemplateError as error:
        # The message names an expression of the template, never a value.
        _log.error("%s %s: the template failed: %s", invocation.method, invocation.resource["path"], error)
        return gateway._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
    except Exception:  # noqa: BLE001 - whatever breaks behind the gateway is an integration failure to its caller
        _log.exception("%s %s: the integration failed", invocation.method, invocation.resource["path"])
        return gateway._gw_error("INTEGRATION_FAILURE", "Internal server error")


def _request_payload(integration: dict[str, Any], request: vtl.Request) -> str:
    templates = integration.get("requestTemplates") or {}
    content_type = _header(request.headers, "content-type") or _CONTENT_TYPE
    media_type = content_type.split(";", 1)[0].strip().lower()
    for key, template in templates.items():
        if key.split(";", 1)[0].strip().lower() == media_type:
            return vtl.render(template, request).body
    return request.body


async def _call(step_functions: Any, action: str, payload: str) -> tuple[int, str]:
    status, _headers, body = await step_functions.handle_request(
        "POST", "/", {"x-amz-target": f"AWSStepFunctions.{action}"}, payload.encode(), {}
    )
    return int(status), body.decode() if isinstance(body, bytes) else body


def _response(
    gateway: Any, integration: dict[str, Any], request: vtl.Request, backend_status: int, answer: str
) -> Any:
    selected = gateway._select_service_integration_response(integration, backend_status)
    if selected is None:
        return gateway._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
    templates = selected.get("responseTemplates") or {}
    accept = (_header(request.headers, "accept") or _CONTENT_TYPE).split(",", 1)[0].split(";", 1)[0].strip()
    content_type = next((t for t in (accept, _CONTENT_TYPE, *templates) if t in templates), None)
    status = int(selected.get("statusCode") or backend_status)
    headers = {
        "Content-Type": content_type or _CONTENT_TYPE,
        "x-amzn-requestid": request.context["requestId"],
    }
    for target, source in (selected.get("responseParameters") or {}).items():
        value = _mapped(str(source), request, answer)
        if target.startswith("method.response.header.") and value is not None:
            _set_header(headers, target.removeprefix("method.response.header."), value)
    if content_type is None:
        return status, headers, answer.encode()
    rendered = vtl.render(templates[content_type], dataclasses.replace(request, body=answer))
    for name, value in rendered.headers.items():
        _set_header(headers, name, value)
    return rendered.status or status, headers, rendered.body.encode()


def _mapped(source: str, request: vtl.Request, answer: str) -> str | None:
    """The value that a response parameter maps: 'literal', ``context.…``, ``integration.response.body.…``."""
    if len(source) > 1 and source[0] == source[-1] == "'":
        return source[1:-1]
    if source.startswith("context."):
        value = vtl.json_path(request.context, "$" + source.removeprefix("context"))
    elif source.startswith("integration.response.body."):
        try:
            value = vtl.json_path(json.loads(answer), "$" + source.removeprefix("integration.response.body"))
        except ValueError:
            return None
    else:
        return None
    return None if value is None else str(value)


def _set_header(headers: dict[str, str], name: str, value: str) -> None:
    for existing in [key for key in headers if key.lower() == name.lower()]:
        del headers[existing]
    headers[name] = value


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name), None)


def _one(value: Any) -> str:
    return str(value[-1] if isinstance(value, list) and value else value)
