"""Every table of the lake. `schemas/lake_tables.json` says the same to the stacks; a test compares."""

from silent_infinity.domain.lake.bronze import BRONZE_TABLES
from silent_infinity.domain.lake.model import Table
from silent_infinity.domain.lake.refined import REFINED

TABLES: tuple[Table, ...] = (*BRONZE_TABLES, *REFINED)


def table(name: str) -> Table:
    """Return the table of that name.

    Raises:
        KeyError: there is none.
    """
    return _BY_NAME[name]


_BY_NAME = {one.name: one for one in TABLES}
