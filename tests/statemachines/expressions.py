"""Evaluate JSONata as Step Functions does: variables, ``$states``, and a clock that the test sets."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

_jsonata: Any = importlib.import_module("jsonata")  # untyped, hence Any

# docs.jsonata.org, version 2.0.6, without $eval, which Step Functions does not have;
# docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html for the rest.
JSONATA_FUNCTIONS = frozenset(
    [
        "string",
        "length",
        "substring",
        "substringBefore",
        "substringAfter",
        "uppercase",
        "lowercase",
        "trim",
        "pad",
        "contains",
        "split",
        "join",
        "match",
        "replace",
        "base64encode",
        "base64decode",
        "encodeUrlComponent",
        "encodeUrl",
        "decodeUrlComponent",
        "decodeUrl",
        "number",
        "abs",
        "floor",
        "ceil",
        "round",
        "power",
        "sqrt",
        "random",
        "formatNumber",
        "formatBase",
        "formatInteger",
        "parseInteger",
        "sum",
        "max",
        "min",
        "average",
        "boolean",
        "not",
        "exists",
        "count",
        "append",
        "sort",
        "reverse",
        "shuffle",
        "distinct",
        "zip",
        "keys",
        "lookup",
        "spread",
        "merge",
        "sift",
        "each",
        "error",
        "assert",
        "type",
        "now",
        "millis",
        "fromMillis",
        "toMillis",
        "map",
        "filter",
        "single",
        "reduce",
    ]
)
STEP_FUNCTIONS_FUNCTIONS = frozenset(["partition", "range", "hash", "random", "uuid", "parse"])

_CALL = re.compile(r"\$(\w+)\(")
_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)\b(?!\()")
_LOCAL = re.compile(r"\$(\w+)\s*:=")
_PARAMETERS = re.compile(r"function\(([^)]*)\)")
_REGEX_OR_TEXT = re.compile(r"/(?:\\.|[^/\\\n])+/(?=[,)\s])|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")


class UndefinedResultError(Exception):
    """The expression has no result, which ends a state with States.QueryEvaluationError."""


def evaluate(
    expression: str,
    variables: Mapping[str, Any],
    *,
    now_ms: int = 1_800_000_000_000,
    new_uuid: Callable[[], str] = lambda: "7e57ab1e-0000-4000-8000-00000000cafe",
    **states: Any,
) -> Any:
    """The value of an expression without its ``{% %}``; ``states`` are the members of ``$states``.

    Raises:
        UndefinedResultError: it has none.
    """
    compiled = _jsonata.Jsonata.jsonata(expression)
    compiled.register_lambda("millis", lambda: now_ms)
    compiled.register_lambda("now", lambda: datetime.fromtimestamp(now_ms / 1000, UTC).isoformat())
    compiled.register_lambda("uuid", new_uuid)
    compiled.register_lambda("parse", json.loads)
    compiled.register_lambda("hash", lambda text, _algorithm: hashlib.sha256(text.encode()).hexdigest())
    null = _jsonata.utils.Utils.NULL_VALUE
    bindings = {name: null if value is None else value for name, value in variables.items()}
    value = compiled.evaluate(None, {**bindings, "states": states})
    if value is None and "null" not in expression and None not in variables.values():
        raise UndefinedResultError(expression)
    return value


def expressions_of(text: Any) -> Iterator[str]:
    """The expressions in a JSON value, without their ``{% %}``."""
    if isinstance(text, str) and text.startswith("{%") and text.endswith("%}"):
        yield text[2:-2].strip()
    elif isinstance(text, Mapping):
        for item in text.values():
            yield from expressions_of(item)
    elif isinstance(text, list):
        for item in text:
            yield from expressions_of(item)


def variables_read(value: Any) -> set[str]:
    """The workflow variables that the expressions in a JSON value read."""
    read: set[str] = set()
    for expression in expressions_of(value):
        code = _REGEX_OR_TEXT.sub("''", expression)
        own = set(_LOCAL.findall(code))
        for parameters in _PARAMETERS.findall(code):
            own |= {name.strip().lstrip("$") for name in parameters.split(",")}
        read |= set(_VARIABLE.findall(code)) - own - {"states"}
    return read


def functions_called(value: Any) -> set[str]:
    """The functions that the expressions in a JSON value call."""
    return {name for expression in expressions_of(value) for name in _CALL.findall(expression)}
