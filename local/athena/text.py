"""Values of a result as Athena writes them: in `VarCharValue` and in the CSV file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any


def datum(value: Any) -> str | None:
    """One value as text, None for NULL."""
    if value is None:
        return None
    for kind, text in _TEXTS:
        if isinstance(value, kind):
            return text(value)
    return str(value)


def _inner(value: Any) -> str:
    text = datum(value)
    return "null" if text is None else text


def _float(value: float) -> str:
    """A double as Java writes it: plain from 0.001 to below 10,000,000, and with an `E` outside."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = format(Decimal(repr(value)), "f")
        return text if "." in text else text + ".0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    mantissa = "".join(map(str, digits))
    power = int(exponent) + len(mantissa) - 1
    return f"{'-' if sign else ''}{mantissa[0]}.{mantissa[1:] or '0'}E{power}"


def csv_of(columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> str:
    """The result's file: everything in quotes but NULL, which is nothing at all."""
    lines = [columns, *rows]
    return "".join(",".join(map(_quoted, line)) + "\n" for line in lines)


def _quoted(text: str | None) -> str:
    return "" if text is None else '"' + text.replace('"', '""') + '"'


def _map(value: Mapping[Any, Any]) -> str:
    return "{" + ", ".join(f"{_inner(k)}={_inner(v)}" for k, v in value.items()) + "}"


def _array(value: Sequence[Any]) -> str:
    return "[" + ", ".join(map(_inner, value)) + "]"


def _timestamp(value: datetime) -> str:
    return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}"


# A datetime is a date, too, and a bool is an int: the narrower types come first.
_TEXTS: tuple[tuple[type[Any], Callable[[Any], str]], ...] = (
    (str, str),
    (bool, lambda value: "true" if value else "false"),
    (float, _float),
    (datetime, _timestamp),
    (date, date.isoformat),
    (Decimal, lambda value: format(value, "f")),
    (bytes, lambda value: value.hex(" ")),
    (Mapping, _map),
    (Sequence, _array),
)
