"""What a table of the lake is: a name, a place, columns, and how its partitions are known."""

from dataclasses import dataclass

BRONZE = "bronze"
SILVER = "silver"
UNITS = "units"
GOLD = "gold"

DAY = "dt"
"""The partition column of every table: a UTC day, `YYYY-MM-DD`. In bronze it is the day of arrival, in all
others the day of the turn."""

HOUR = "hour"
"""The second partition column of bronze: the UTC hour of arrival, `00` to `23`."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `type` is a type of the Glue catalogue (Hive), such as `bigint` or `map<string,string>`."""

    name: str
    type: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table over Parquet objects.

    `prefix` is where its objects lie in the bucket of the lake, with a slash at the end. The partitions of a
    `projected` table are computed from the layout of its prefix (`dt=…/hour=…/`); those of any other are
    registered in the catalogue one by one, each with a location below the prefix.
    """

    name: str
    layer: str
    prefix: str
    comment: str
    columns: tuple[Column, ...]
    partitions: tuple[Column, ...]
    projected: bool = False
