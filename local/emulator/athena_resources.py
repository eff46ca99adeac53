"""Which workgroup a request about a query is for, when permissions are checked.

Gap: with `AUTH=true` the emulator looks for the workgroup in the request. GetQueryResults and its like name
the query only, so that a policy on exactly the workgroup never allows them.
Fix: the query says which workgroup it ran in, as it does at AWS.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonathena.html
"""

from __future__ import annotations

import json
from typing import Any

from local.emulator import seams

SUMMARY = "permissions of requests that name a query of Athena and not its workgroup"

_NAMES = ("QueryExecutionId", "QueryExecutionIds")


def install() -> None:
    """Wrap what names the resource of a request."""
    actions = seams.module("core.iam_actions")
    athena = seams.module("services.athena")
    extract = seams.original(actions, "extract_resource_arn")

    def workgroup(body: bytes) -> str | None:
        try:
            asked = json.loads(body or b"{}")
        except ValueError:
            return None
        query_id = asked.get(_NAMES[0]) or next(iter(asked.get(_NAMES[1]) or ()), None)
        query = athena._executions.get(query_id) if query_id else None
        return str(query["WorkGroup"]) if query else None

    def extract_resource_arn(
        service: str, method: str, path: str, headers: Any, body: Any, *rest: Any
    ) -> Any:
        found = extract(service, method, path, headers, body, *rest)
        if service == "athena" and found == "*" and (name := workgroup(body)):
            return extract(service, method, path, headers, json.dumps({"WorkGroup": name}).encode(), *rest)
        return found

    seams.replace(actions, "extract_resource_arn", extract_resource_arn)
