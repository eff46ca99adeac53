"""Partitions of the Glue catalogue: changed one by one, chosen by an expression, read page by page.

Gap: UpdatePartition is missing; GetPartitions ignores Expression and pages; partitions can be made for
tables that do not exist, and with too many or too few values.
Fix: UpdatePartition as AWS has it; comparisons joined by AND are evaluated, any other Expression refused;
MaxResults and NextToken page; tables and values are checked.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp

from local.athena.errors import StatementError
from local.athena.pruning import literal_condition
from local.athena.transpile import parse
from local.emulator import seams

SUMMARY = "Glue's UpdatePartition, expressions and pages of GetPartitions, checks of tables and values"

PAGE = 1000
_Answer = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Add the missing action and wrap those that know too little."""
    glue = seams.module("services.glue")
    responses = seams.module("core.responses")

    def refused(code: str, message: str) -> _Answer:
        answer: _Answer = responses.error_response_json(code, message, 400)
        return answer

    def table_of(data: Mapping[str, Any]) -> tuple[str, list[str]] | None:
        key = f"{data.get('DatabaseName')}/{data.get('TableName')}"
        table = glue._tables.get(key)
        return None if table is None else (key, [k["Name"] for k in table.get("PartitionKeys") or []])

    def missing(data: Mapping[str, Any]) -> _Answer:
        return refused("EntityNotFoundException", f"Entity Not Found: {data.get('TableName')}")

    def update_partition(data: dict[str, Any]) -> _Answer:
        found = table_of(data)
        if found is None:
            return missing(data)
        key, keys = found
        values, given = data.get("PartitionValueList") or [], data.get("PartitionInput") or {}
        if len(given.get("Values", values)) != len(keys):
            return refused("InvalidInputException", "The number of partition keys do not match")
        for partition in glue._partitions.get(key, []):
            if partition.get("Values") == values:
                kept = {name: partition.get(name) for name in ("CreationTime", "CatalogId")}
                partition.clear()
                partition.update({"Values": values, **given, **kept, "LastAccessTime": int(time.time())})
                partition.update(DatabaseName=data["DatabaseName"], TableName=data["TableName"])
                return _json(responses, {})
        return refused("EntityNotFoundException", f"Cannot find partition {values}")

    def checked(action: Callable[[dict[str, Any]], _Answer]) -> Callable[[dict[str, Any]], _Answer]:
        def act(data: dict[str, Any]) -> _Answer:
            found = table_of(data)
            if found is None:
                return missing(data)
            inputs = data.get("PartitionInputList") or [data.get("PartitionInput") or {}]
            if any(len(given.get("Values") or []) != len(found[1]) for given in inputs):
                return refused("InvalidInputException", "The number of partition keys do not match")
            if len(inputs) > 100:
                return refused("ValidationException", "partitionInputList has more than 100 members")
            return action(data)

        return act

    def get_partitions(data: dict[str, Any]) -> _Answer:
        found = table_of(data)
        if found is None:
            return missing(data)
        key, keys = found
        try:
            wanted = _condition(data.get("Expression") or "", keys)
        except StatementError as error:
            return refused("InvalidInputException", f"Unsupported expression: {error}")
        chosen = [p for p in glue._partitions.get(key, []) if wanted(p.get("Values") or [])]
        start = int(data.get("NextToken") or 0)
        end = start + min(int(data.get("MaxResults") or PAGE), PAGE)
        page = {"Partitions": chosen[start:end]}
        return _json(responses, {**page, "NextToken": str(end)} if end < len(chosen) else page)

    handle = seams.original(glue, "_handle_request_sync")

    def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> _Answer:
        if headers.get("x-amz-target", "").endswith(".UpdatePartition"):
            return update_partition(json.loads(body))
        answer: _Answer = handle(method, path, headers, body, query)
        return answer

    seams.replace(glue, "_handle_request_sync", handle_request)
    seams.replace(glue, "_get_partitions", get_partitions)
    for name in ("_create_partition", "_batch_create_partition"):
        seams.replace(glue, name, checked(seams.original(glue, name)))


def _json(responses: Any, body: Mapping[str, Any]) -> _Answer:
    answer: _Answer = responses.json_response(body)
    return answer


def _condition(expression: str, keys: list[str]) -> Callable[[list[str]], bool]:
    """What an Expression of GetPartitions asks of a partition's values.

    Raises:
        StatementError: it is not comparisons with literals joined by AND.
    """
    if not expression.strip():
        return lambda values: True
    where = parse(f"SELECT 1 WHERE {expression}").args["where"].this
    tests = []
    for node in where.flatten() if isinstance(where, exp.And) else [where]:
        column, test = literal_condition(node)
        if test is None or column is None or column.name.lower() not in keys:
            raise StatementError("NOT_SUPPORTED", node.sql())
        tests.append((keys.index(column.name.lower()), test))
    return lambda values: all(test(values[index]) for index, test in tests)
