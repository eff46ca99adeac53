"""The rows of statements that Athena has run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from silent_infinity.adapters.aws.calls import mapped_errors


class AthenaQueryResults:
    """A `QueryResults` over Athena. The client is made when it is first used."""

    def __init__(self, athena: Callable[[], Any]) -> None:
        self._athena = athena

    def rows(self, query_id: str) -> Iterator[Mapping[str, str | None]]:
        # The first row of a SELECT's first page repeats the names of its columns.
        header = True
        with mapped_errors():
            pages = self._athena().get_paginator("get_query_results").paginate(QueryExecutionId=query_id)
            for page in pages:
                results = page["ResultSet"]
                names = [column["Name"] for column in results["ResultSetMetadata"]["ColumnInfo"]]
                for row in results["Rows"]:
                    values = _values(row["Data"])
                    if not (header and values == names):
                        yield dict(zip(names, values, strict=True))
                    header = False


def _values(data: Sequence[Mapping[str, str]]) -> list[str | None]:
    return [value.get("VarCharValue") for value in data]
