"""The statements of the lake, rendered: Trino SQL as Athena's engine version 3 runs it.

Each file of `statemachines/sql/` is one statement with `${name}` placeholders, and `${name+7}` for a day so
many days later. Its first lines declare them: `-- name: type, what it is`. A value is taken only if it is of
that type, and what the type renders cannot close a literal: whatever a caller passes, the statement stays the
statement that was checked.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from silent_infinity.domain.lake.arms import Arm
from silent_infinity.domain.lake.refined import REFINED

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PLACEHOLDER = re.compile(r"\$\{([a-z_]+)([+-][0-9]{1,3})?\}")
_DECLARATION = re.compile(r"-- ([a-z_]+): ([a-z]+), .+")
_PREFIX = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/(?:[A-Za-z0-9_=-]+/)+")
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_MOST_ARMS = 100


class StatementError(ValueError):
    """A statement cannot be rendered. The message names the placeholder, never its value."""


def render(name: str, **values: Any) -> str:
    """Return the statement of that name with its placeholders filled.

    Types: `day` is a `date`; `prefix` an S3 URL that ends with a slash, of letters, digits, `_`, `=`, `-` and
    `/`; `identifier` a name of a table or column, `identifiers` several; `word` a literal of letters, digits,
    `.`, `_` and `-`; `count` a whole number from 0; `arms` a sequence of `Arm`, at most 100.

    Raises:
        StatementError: there is no such statement; a value is missing, is one too many, or is not of its
            type.
    """
    text, declared = _statement(name)
    if values.keys() != declared.keys():
        raise StatementError(f"{name} takes {', '.join(sorted(declared)) or 'nothing'}")

    def filled(found: re.Match[str]) -> str:
        key, days = found.groups()
        kind, value = declared[key], values[key]
        try:
            return _TYPES[kind](value + timedelta(int(days)) if days else value)
        except (TypeError, ValueError, OverflowError):
            raise StatementError(f"{name}: {key} is no {kind}") from None

    return _PLACEHOLDER.sub(filled, text)


def unload(
    table: str,
    *,
    first: date,
    last: date,
    through: date,
    arrived_until: date,
    location: str,
    arms: Sequence[Arm] = (),
) -> str:
    """Return the statement that writes the days `first` to `last` of a refined table.

    Args:
        table: a table of `refined.REFINED`.
        first: the first day that is written. For `gold_experiments` it is `last`.
        last: the last one.
        through: the last complete day. What depends on days after it is not known yet, and left null.
        arrived_until: the last day of arrival that is looked at.
        location: where the objects go, such as `s3://bucket/gold/costs/run=1/`. Nothing may be there.
        arms: the running arms, for `gold_experiments`.

    Raises:
        StatementError: the table is none that is made, or a value is not of its type.
    """
    if table not in {one.name for one in REFINED}:
        raise StatementError("no such table")
    _, declared = _statement(table)
    offered: dict[str, Any] = {
        "first": first,
        "last": last,
        "through": through,
        "arrived_until": arrived_until,
        "location": location,
        "arms": arms,
        "oldest": min((arm.since for arm in arms), default=last),
    }
    return render(table, **{key: value for key, value in offered.items() if key in declared})


def late_days(first_arrival: date, last_arrival: date, window_first: date, oldest: date) -> str:
    """Return the query for the days that late arrivals touched, as the column `dt`.

    These are the days from `oldest` to before `window_first` of turns, feedback and rated turns that arrived
    from `first_arrival` to `last_arrival`.

    Raises:
        StatementError: a value is no day.
    """
    return render(
        "late_days",
        first_arrival=first_arrival,
        last_arrival=last_arrival,
        window_first=window_first,
        oldest=oldest,
    )


def gold_rows(table: str, first: date, last: date) -> str:
    """Return the query for all rows of a table of gold, `dt` first, then the columns in their order.

    Raises:
        StatementError: the table is none of gold, or a value is no day.
    """
    columns = {one.name: one.columns for one in REFINED if one.layer == "gold"}.get(table)
    if columns is None:
        raise StatementError("no such table of gold")
    names = [column.name for column in columns]
    return render("gold_rows", table=table, first=first, last=last, columns=names)


def text_of(name: str) -> str:
    """Return the file of a statement as it is.

    Raises:
        StatementError: there is no such statement.
    """
    if not _NAME.fullmatch(name):
        raise StatementError("no such statement")
    try:
        return (files("silent_infinity") / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StatementError("no such statement") from None


@cache
def _statement(name: str) -> tuple[str, Mapping[str, str]]:
    """Return the text of a statement without its header, and its placeholders with their types."""
    text = text_of(name)
    lines = text.splitlines()
    body = [line for line in lines if not line.lstrip().startswith("--")]
    declared = {
        found[1]: found[2] for line in lines if (found := _DECLARATION.fullmatch(line)) and found[2] in _TYPES
    }
    used = {found[1] for found in _PLACEHOLDER.finditer("\n".join(body))}
    if used != declared.keys() or "\n".join(body).count("$") != len(_PLACEHOLDER.findall("\n".join(body))):
        raise StatementError(f"{name} declares other placeholders than it has")
    return "\n".join(body).strip() + "\n", declared


def _day(value: Any) -> str:
    if type(value) is not date:
        raise TypeError
    return f"'{value.isoformat()}'"


def _prefix(value: Any) -> str:
    return f"'{_matching(_PREFIX, value)}'"


def _word(value: Any) -> str:
    return f"'{_matching(_WORD, value)}'"


def _identifier(value: Any) -> str:
    return _matching(_IDENTIFIER, value)


def _identifiers(value: Any) -> str:
    if isinstance(value, str) or not value:
        raise TypeError
    # In quotes, because some are reserved words.
    return ", ".join(f'"{_matching(_IDENTIFIER, name)}"' for name in value)


def _count(value: Any) -> str:
    if type(value) is not int or value < 0:
        raise TypeError
    return str(value)


def _arms(value: Any) -> str:
    """Return one row for each variant of each comparison: (category, arm, variant, first day)."""
    if len(value) > _MOST_ARMS:
        raise ValueError
    rows = [
        f"({_word(arm.category)}, {_word(arm.variant_id)}, {_word(variant)}, {_day(arm.since)})"
        for arm in value
        for variant in dict.fromkeys((arm.variant_id, *arm.production))
    ]
    # A relation has to have a row: this one matches no category.
    return ",\n        ".join(rows or ["('', '', '', '9999-12-31')"])


def _matching(pattern: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError
    return value


_TYPES: Mapping[str, Callable[[Any], str]] = {
    "day": _day,
    "prefix": _prefix,
    "word": _word,
    "identifier": _identifier,
    "identifiers": _identifiers,
    "count": _count,
    "arms": _arms,
}
