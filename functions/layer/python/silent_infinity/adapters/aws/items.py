"""JSON-like values to DynamoDB attribute values and back.

`boto3.dynamodb.types` does this with `Decimal`; what is stored here comes from JSON and goes back to JSON,
where integers and floats are what is wanted.
"""

import math
from collections.abc import Mapping
from typing import Any

Item = dict[str, Any]


def to_attribute(value: Any) -> dict[str, Any]:
    """Return the attribute value of None, a bool, a number, text, bytes, a list, or a mapping with text keys.

    Raises:
        TypeError: the value is of another type, or a number that is not finite. Names the type only.
    """
    attribute: dict[str, Any]
    match value:
        case None:
            attribute = {"NULL": True}
        case bool():
            attribute = {"BOOL": value}
        case str():
            attribute = {"S": value}
        case int():
            attribute = {"N": str(value)}
        case float() if math.isfinite(value):
            attribute = {"N": repr(value)}
        case Mapping():
            attribute = {"M": to_item(value)}
        case list() | tuple():
            attribute = {"L": [to_attribute(element) for element in value]}
        case bytes():
            attribute = {"B": value}
        case _:
            raise TypeError(f"cannot store a {type(value).__name__}")
    return attribute


def to_item(values: Mapping[str, Any]) -> Item:
    """Return the attribute values of a mapping."""
    return {name: to_attribute(value) for name, value in values.items()}


def from_attribute(attribute: Mapping[str, Any]) -> Any:
    """Return the value of an attribute. A number without a fraction is an int."""
    ((kind, value),) = attribute.items()
    match kind:
        case "NULL":
            return None
        case "N":
            return _number(value)
        case "M":
            return from_item(value)
        case "L":
            return [from_attribute(element) for element in value]
        case _:
            return value


def from_item(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the values of an item."""
    return {name: from_attribute(attribute) for name, attribute in item.items()}


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)
