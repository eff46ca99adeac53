"""A custom resource whose function fails, fails its stack at once.

Gap: a function that raises, or is missing its answer because of a bug, leaves the deployment waiting for
the resource's ServiceTimeout, an hour by default. So does AWS, but there one sees it once, and here after
every edit.
Fix: a function that ended with an error and has not answered counts as FAILED, with the error's name as the
reason. A function that returned normally is still waited for: providers may answer later from elsewhere.
"""

from __future__ import annotations

from typing import Any

from local.emulator import seams

SUMMARY = "a custom resource whose function raises fails its stack at once instead of after ServiceTimeout"


def install() -> None:
    """Watch the invocations of custom resources' functions."""
    custom_resource = seams.module("services.cloudformation.custom_resource")
    functions = seams.module("services.lambda_svc")
    deliver = seams.original(custom_resource, "deliver_response")
    execute = seams.original(functions, "_execute_function_with_config_scope")

    def execute_and_watch(func: dict[str, Any], event: Any) -> Any:
        result = execute(func, event)
        url = event.get("ResponseURL", "") if isinstance(event, dict) else ""
        token = url.rpartition("/_ministack/cfn-response/")[2]
        waiting = custom_resource._pending.get(token)
        if result.get("error") and waiting and not waiting["event"].is_set():
            body = result.get("body")
            error = body.get("errorType", "error") if isinstance(body, dict) else "error"
            deliver(token, {"Status": "FAILED", "Reason": f"The function ended with {error}; see its log."})
        return result

    seams.replace(functions, "_execute_function_with_config_scope", execute_and_watch)
