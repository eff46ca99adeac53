"""Types of the Glue catalogue as trees: what is in a map, a list or a struct."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scalar:
    """A type without parts, such as `bigint` or `decimal(38,0)`."""

    name: str


@dataclass(frozen=True, slots=True)
class Array:
    """A list of values of one type."""

    element: "HiveType"


@dataclass(frozen=True, slots=True)
class Map:
    """Keys and values of one type each."""

    key: "HiveType"
    value: "HiveType"


@dataclass(frozen=True, slots=True)
class Struct:
    """Named parts, in order."""

    members: tuple[tuple[str, "HiveType"], ...]


HiveType = Scalar | Array | Map | Struct


def parse(text: str) -> HiveType:
    """Return the tree of a type.

    Raises:
        ValueError: it is none. Names it.
    """
    kind, opened, inner = text.strip().partition("<")
    if not opened:
        return Scalar(kind)
    if not inner.endswith(">"):
        raise ValueError(f"{text} is not closed")
    parts = list(_split(inner[:-1]))
    match kind, parts:
        case "array", [element]:
            return Array(parse(element))
        case "map", [key, value]:
            return Map(parse(key), parse(value))
        case "struct", _:
            members = [part.partition(":") for part in parts]
            return Struct(tuple((name, parse(member)) for name, _, member in members))
    raise ValueError(f"{text} is no type")


def _split(text: str) -> Iterator[str]:
    """Return what stands between the commas that are not inside of brackets."""
    depth = start = 0
    for place, sign in enumerate(text):
        depth += (sign in "<(") - (sign in ">)")
        if sign == "," and not depth:
            yield text[start:place]
            start = place + 1
    yield text[start:]
