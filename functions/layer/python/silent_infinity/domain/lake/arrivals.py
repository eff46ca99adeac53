"""From an item of a table to the line of JSON that the lake is given, or the rule that the item breaks.

A line that the conversion to Parquet cannot read takes every other line of its record with it, so a line that
leaves here has exactly the columns of its table, with values that fit them.
"""

import json
import math
import re
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from silent_infinity.domain.lake.feedback_event import FeedbackEvent, from_stored
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.turn_event import TurnEvent

EXPIRY = "expires_at"
"""The attribute by which DynamoDB deletes old items: no part of an event."""

ANY_NAME = "*"
_NUMBER = re.compile(r"[0-9]{1,4}")
_LARGEST = 2**63
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{3,})?(\+00:00|Z)", re.ASCII)
"""The moments that silver can read: Python reads more, and an event with another would be left out there."""


class PoisonError(ValueError):
    """An item cannot go to the lake. `at` is the place (a JSON pointer), `rule` what it breaks; no values."""

    def __init__(self, at: str, rule: str) -> None:
        super().__init__(f"{at} {rule}".strip())
        self.at = at
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Source:
    """A table whose new items go to the lake.

    `name` is that of its metrics, `key` its key, `schema` the JSON Schema of its events, `event` their
    dataclass and `moment` the field that says on which day they happened.
    """

    name: str
    key: str
    schema: str
    event: Any
    moment: str
    offered: Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One new item. `facts` are identifiers of its record, fit for logs. Without a `source` or an `item` it
    is a record that cannot be read.
    """

    source: Source | None
    item: Mapping[str, Any] | None
    facts: Mapping[str, str]


def _turn_event(item: Mapping[str, Any]) -> dict[str, Any]:
    # Nothing writes words into the record. The lake does not depend on that.
    return {**{name: value for name, value in item.items() if name != EXPIRY}, "feedback_text": None}


TURN_EVENTS = Source("turn_events", "turn_id", "turn_event", TurnEvent, "timestamp", _turn_event)
FEEDBACK = Source("feedback", "feedback_id", "feedback_event", FeedbackEvent, "created_at", from_stored)
SOURCES: Mapping[str, Source] = {source.name: source for source in (TURN_EVENTS, FEEDBACK)}


def source_of(keys: Sequence[str]) -> Source | None:
    """Return the source whose items have exactly these names in their key."""
    return next((source for source in SOURCES.values() if [source.key] == list(keys)), None)


def line(source: Source, event: Mapping[str, Any]) -> bytes:
    """Return the event as one line of JSON: its columns in their order, defaults filled in, nothing else.

    What a newer release has added is left out. The event is valid by its schema; what the schema cannot say
    is checked here.

    Raises:
        PoisonError: a value does not fit its column, or the event has no key or no moment.
    """
    canonical = to_payload(from_payload(source.event, event))
    misfit = _misfit(source.event, canonical, "")
    if misfit:
        raise PoisonError(*misfit)
    if not canonical[source.key]:
        raise PoisonError(f"/{source.key}", "empty")
    if not _is_utc(canonical[source.moment]):
        raise PoisonError(f"/{source.moment}", "moment")
    try:
        return json.dumps(canonical, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        raise PoisonError("", "encoding") from None


def place(source: Source, pointer: str) -> str:
    """Return a JSON pointer in which only names of fields and numbers are left: keys could be anything."""
    known = _field_names(source.event)
    parts = pointer.split("/")[1:]
    return "".join(f"/{part if part in known or _NUMBER.fullmatch(part) else ANY_NAME}" for part in parts)


@cache
def _field_names(cls: type) -> frozenset[str]:
    names: set[str] = set()
    for name, hint in get_type_hints(cls).items():
        names.add(name)
        for inner in (hint, *get_args(hint)):
            if isinstance(inner, type) and is_dataclass(inner):
                names |= _field_names(inner)
    return frozenset(names)


def _is_utc(moment: str) -> bool:
    if not _MOMENT.fullmatch(moment):
        return False
    try:
        parsed = datetime.fromisoformat(moment)
    except ValueError:
        return False
    # The day of an event is read off its first ten characters: 24:00 would be the next one.
    return parsed.utcoffset() == timedelta(0) and parsed.date().isoformat() == moment[:10]


def _misfit(hint: Any, value: Any, at: str) -> tuple[str, str] | None:
    """Return the first place whose value does not fit its column, and why; None if all do."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return None if value is None else _misfit(args[0], value, at)
    if origin is tuple:
        inner = ((f"{at}/{number}", args[0], each) for number, each in enumerate(value))
    elif origin is not None:
        inner = ((f"{at}/{ANY_NAME}", args[1], each) for each in value.values())
    elif isinstance(hint, type) and is_dataclass(hint):
        hints = _hints(hint)
        inner = ((f"{at}/{field.name}", hints[field.name], value[field.name]) for field in fields(hint))
    else:
        return _number_misfit(hint, value, at)
    return next(filter(None, (_misfit(kind, each, where) for where, kind, each in inner)), None)


def _number_misfit(hint: Any, value: Any, at: str) -> tuple[str, str] | None:
    if hint is int and not (type(value) is int and -_LARGEST <= value < _LARGEST):
        return at, "bigint"
    if hint is float and not math.isfinite(value):
        return at, "double"
    return None


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)
