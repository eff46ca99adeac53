"""Errors of Python functions carry the names that they have on AWS.

Gap: a function's exception reaches Step Functions, event source mappings and callers as
``Runtime.HandlerError``, so a Retry or Catch by name never matches; the worker process is killed by every
exception, so that the next call is a cold start; a throttled task is ``Lambda.Unknown``.
Fix: the worker reports the exception's class as ``errorType`` (with ``requestId`` and ``stackTrace``) and
lives on; a module that cannot be imported is ``Runtime.ImportModuleError``, a result that is no JSON
``Runtime.MarshalError``, a worker that ends ``Runtime.ExitError``, a throttled task
``Lambda.TooManyRequestsException``. A time-out stays ``Sandbox.Timedout`` and a missing function
``Lambda.ResourceNotFoundException``, as the emulator has it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from local.emulator import seams

SUMMARY = "Lambda errors carry the exception's class name, so that Retry and Catch by name match"

_HANDLER_CALL = """            result = handler_fn(event, context)
            _real_stdout.write(json.dumps({"status": "ok", "result": result}) + "\\n")
        except Exception as e:
            _real_stdout.write(json.dumps({"status": "error", "error": str(e), \
"trace": traceback.format_exc()}) + "\\n")
"""
_NAMED_HANDLER_CALL = """            _ms_error = None
            result = handler_fn(event, context)
        except Exception as e:
            _ms_error = {"errorMessage": str(e), "errorType": type(e).__name__,
                         "requestId": context.aws_request_id,
                         "stackTrace": traceback.format_tb(e.__traceback__)[1:]}
            _ms_trace = "[ERROR] " + type(e).__name__ + ": " + str(e) + "\\n" + traceback.format_exc()
        if _ms_error is None:
            try:
                _ms_answer = json.dumps({"status": "ok", "result": result})
            except (TypeError, ValueError) as e:
                _ms_error = {"errorMessage": "Unable to marshal response: " + str(e),
                             "errorType": "Runtime.MarshalError", "requestId": context.aws_request_id,
                             "stackTrace": []}
                _ms_trace = "[ERROR] Runtime.MarshalError: " + _ms_error["errorMessage"]
        if _ms_error is not None:
            # Reported as "ok" so that the process is kept: on AWS an exception does not end the environment.
            _ms_answer = json.dumps({"status": "ok", "function_error": _ms_error, "trace": _ms_trace})
        _real_stdout.write(_ms_answer + "\\n")
"""
_IMPORT_FAILED = """        _real_stdout.write(json.dumps({"status": "error", "error": str(e)}) + "\\n")"""
_NAMED_IMPORT_FAILED = """        _ms_name = type(e).__name__
        _ms_text = str(e)
        if isinstance(e, ImportError):
            _ms_name = "Runtime.ImportModuleError"
            _ms_text = "Unable to import module '" + module_name + "': " + _ms_text
        elif isinstance(e, AttributeError) and "mod" in locals():
            _ms_name = "Runtime.HandlerNotFound"
            _ms_text = "Handler '" + handler_name + "' missing on module '" + module_name + "'"
        _real_stdout.write(json.dumps({"status": "error", "error": _ms_name + "|" + _ms_text}) + "\\n")"""
_INIT_FAILED = re.compile(r"Worker init failed: ([\w.]+)\|(.*)", re.S)
_WORKER_ENDED = re.compile(r"Worker process (died|exited immediately)|Worker returned no response")

_errors: dict[str, dict[str, Any]] = {}


def install() -> None:
    """Patch the Python worker script, the worker's invocation and Step Functions' Lambda task."""
    runtime = seams.module("core.lambda_runtime")
    functions = seams.module("services.lambda_svc")
    step_functions = seams.module("services.stepfunctions")
    seams.replace_text(runtime, "_PYTHON_WORKER_SCRIPT", _HANDLER_CALL, _NAMED_HANDLER_CALL)
    seams.replace_text(runtime, "_PYTHON_WORKER_SCRIPT", _IMPORT_FAILED, _NAMED_IMPORT_FAILED)
    invoke_worker = seams.original(runtime.Worker, "invoke")
    execute_warm = seams.original(functions, "_execute_function_warm")
    call_lambda = seams.original(step_functions, "_call_lambda")

    def invoke(self: Any, event: Any, request_id: str, **kwargs: Any) -> Any:
        response = invoke_worker(self, event, request_id, **kwargs)
        error = response.get("function_error")
        if error is None:
            return response
        _errors[request_id] = error
        return {**response, "status": "error", "error": error["errorMessage"]}

    def execute(func: dict[str, Any], event: Any, request_id: str) -> Any:
        result = execute_warm(func, event, request_id)
        error = _errors.pop(request_id, None)
        if result.get("error") and isinstance(result.get("body"), dict) and not result.get("throttle"):
            result["body"] = error or _infrastructure_error(result["body"], request_id)
            if error is None:
                named = f"[ERROR] {result['body'].get('errorType')}: {result['body'].get('errorMessage')}"
                result["log"] = "\n".join(filter(None, [result.get("log"), named]))
        return result

    def call(function: Any, event: Any) -> Any:
        try:
            return call_lambda(function, event)
        except step_functions._ExecutionError as error:
            throttled = error.error == "Lambda.Unknown" and _json_field(error.cause, "__type")
            if throttled != "TooManyRequestsException":
                raise
            message = _json_field(error.cause, "message")
            raise step_functions._ExecutionError("Lambda.TooManyRequestsException", message) from None

    seams.replace(runtime.Worker, "invoke", invoke)
    seams.replace(functions, "_execute_function_warm", execute)
    seams.replace(step_functions, "_call_lambda", call)


def _infrastructure_error(body: dict[str, Any], request_id: str) -> dict[str, Any]:
    """The payload of a failure outside the handler: its own name where the emulator only has a message."""
    message = str(body.get("errorMessage", ""))
    failed_init = _INIT_FAILED.search(message)
    if failed_init:
        return {
            "errorMessage": failed_init[2],
            "errorType": failed_init[1],
            "requestId": request_id,
            "stackTrace": [],
        }
    if _WORKER_ENDED.search(message):
        return {
            "errorMessage": f"RequestId: {request_id} Error: Runtime exited",
            "errorType": "Runtime.ExitError",
        }
    return body


def _json_field(text: str, name: str) -> str | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    value = document.get(name) if isinstance(document, dict) else None
    return None if value is None else str(value)
