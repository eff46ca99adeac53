"""CloudFormation's custom resources: an event comes in, and the outcome goes to an address in it."""

import json
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

TIMEOUT_SECONDS = 10


def answer(event: Mapping[str, Any], physical_id: str, change: Callable[[], Mapping[str, Any]]) -> str:
    """Do the work of a custom resource, report to CloudFormation, and return the reported status.

    Nothing is done when the resource is deleted. `change` returns the resource's attributes. If it raises,
    the deployment fails with the error's class and message.
    """
    try:
        data = {} if event["RequestType"] == "Delete" else dict(change())
    except Exception as error:  # noqa: BLE001 -- whatever happened, CloudFormation waits to be told
        _report(event, physical_id, "FAILED", f"{type(error).__name__}: {error}", {})
        return "FAILED"
    _report(event, physical_id, "SUCCESS", "", data)
    return "SUCCESS"


def _report(
    event: Mapping[str, Any], physical_id: str, status: str, reason: str, data: Mapping[str, Any]
) -> None:
    document = {
        "Status": status,
        "Reason": reason,
        # The same identifier for ever: another one would make CloudFormation delete "the old resource".
        "PhysicalResourceId": event.get("PhysicalResourceId") or physical_id,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": dict(data),
    }
    # The address is signed for an empty content type; urllib would fill in one of its own.
    request = urllib.request.Request(  # noqa: S310 -- the address comes from CloudFormation, not from a person
        event["ResponseURL"], data=json.dumps(document).encode(), headers={"Content-Type": ""}, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310 -- as above
        pass
