"""Which state machine a task token is of, when permissions are checked.

Gap: with `AUTH=true` the emulator finds no resource in SendTaskSuccess and its like, which name the token
only, so that a policy on exactly the machine never allows them.
Fix: a token of a waiting task says which machine it is of, as it does at AWS, also when it is no longer good.

Who was refused at AWS is told the machine's ARN; that the policy simulator knows no resource is said to be
its mistake: https://github.com/aws/aws-cdk/pull/8486
"""

from __future__ import annotations

import json
from typing import Any

from local.emulator import seams

SUMMARY = "permissions of requests that name a task token and not its state machine"


def install() -> None:
    """Remember each token's machine, and wrap what names the resource of a request."""
    actions = seams.module("core.iam_actions")
    step_functions = seams.module("services.stepfunctions")
    extract = seams.original(actions, "extract_resource_arn")
    wait = seams.original(step_functions, "_invoke_with_callback")
    machines: dict[str, str] = {}

    # `callback_tasks` hands the execution over as the last one.
    def invoke_with_callback(resource: str, arguments: Any, token: str, state: Any, execution: Any) -> Any:
        machines[token] = str(execution["stateMachineArn"])
        return wait(resource, arguments, token, state, execution)

    def extract_resource_arn(
        service: str, method: str, path: str, headers: Any, body: Any, *rest: Any
    ) -> Any:
        found = extract(service, method, path, headers, body, *rest)
        if service == "states" and found == "*" and (machine := machines.get(_token(body))):
            return machine
        return found

    seams.replace(step_functions, "_invoke_with_callback", invoke_with_callback)
    seams.replace(actions, "extract_resource_arn", extract_resource_arn)


def _token(body: bytes) -> str:
    try:
        return str(json.loads(body or b"{}").get("taskToken", ""))
    except (ValueError, AttributeError):
        return ""
