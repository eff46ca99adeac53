"""What every generated statement has: a header that tells of its parameters, and an UNLOAD of whole days."""

from collections.abc import Iterable

FIRST = "first: day, the first day of the turns"
LAST = "last: day, their last day"
ARRIVED = "arrived_until: day, the last day of arrival that is read"
THROUGH = "through: day, the last complete day"
LOCATION = "location: prefix, where the objects go"


def unload(header: Iterable[str], query: str) -> str:
    """Return the file of a statement that writes days."""
    lines = [f"-- {line}" for line in header]
    return (
        "\n".join(lines)
        + "\n-- Made by silent_infinity.schemas.lake: change that, not this."
        + f"\nUNLOAD (\n{query.strip()}\n)\nTO ${{location}}"
        + "\nWITH (format = 'PARQUET', compression = 'ZSTD', partitioned_by = ARRAY['dt'])\n"
    )


def days_apart(one: str, other: str) -> str:
    """Return the expression for how many days `other` is after `one`, both as `dt` has them."""
    return f"date_diff('day', CAST({one} AS date), CAST({other} AS date))"
