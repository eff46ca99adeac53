"""The lake's catalogue, its objects and the rows of statements: in memory, and on AWS as moto plays it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws
from mypy_boto3_s3 import S3Client

from silent_infinity.adapters.aws.lake_catalog import GlueLakeCatalog
from silent_infinity.adapters.aws.lake_objects import S3LakeObjects
from silent_infinity.adapters.aws.query_results import AthenaQueryResults
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.lake import MemoryLakeCatalog, MemoryLakeObjects, MemoryQueryResults
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.lake_catalog import LakeCatalog
from silent_infinity.ports.lake_objects import LakeObjects
from silent_infinity.ports.query_results import QueryResults
from tests.contract import aws

DATABASE = "lake"
TABLE = "silver_turns"
FIRST = date(2026, 11, 1)
COLUMNS = [{"Name": "turn_id", "Type": "string"}]


def place(run: str, day: date) -> str:
    """Where a run has written a day."""
    return f"s3://lake/silver/turns/run={run}/dt={day.isoformat()}/"


def days(count: int) -> list[date]:
    """So many days in a row."""
    return [FIRST + timedelta(days=number) for number in range(count)]


@pytest.fixture
def glue() -> Iterator[Any]:
    """The catalogue with one table, whose partitions are registered."""
    with mock_aws():
        client: Any = boto3.client("glue")
        client.create_database(DatabaseInput={"Name": DATABASE})
        client.create_table(
            DatabaseName=DATABASE,
            TableInput={
                "Name": TABLE,
                "PartitionKeys": [{"Name": "dt", "Type": "string"}],
                "StorageDescriptor": {
                    "Columns": COLUMNS,
                    "Location": "s3://lake/silver/turns/",
                    "SerdeInfo": {"SerializationLibrary": "parquet"},
                },
            },
        )
        yield client


@pytest.fixture(params=["memory", "aws"])
def catalog(request: pytest.FixtureRequest) -> LakeCatalog:
    """A catalogue of each kind, without a day."""
    if request.param == "memory":
        return MemoryLakeCatalog()
    client = request.getfixturevalue("glue")
    return GlueLakeCatalog(lambda: client, DATABASE)


@pytest.fixture(params=["memory", "aws"])
def objects(request: pytest.FixtureRequest) -> LakeObjects:
    """An empty bucket of each kind."""
    if request.param == "memory":
        return MemoryLakeObjects(FixedClock(datetime.now(UTC)))
    client: S3Client = request.getfixturevalue("s3")
    return S3LakeObjects(lambda: client, aws.BUCKET)


def test_a_day_lies_where_it_was_put_last(catalog: LakeCatalog) -> None:
    """A statement that runs after the swap must read the new rows, and only those."""
    one, two, three = days(3)
    catalog.swap(TABLE, {one: place("a", one), two: place("a", two)})
    catalog.swap(TABLE, {two: place("b", two), three: place("b", three)})

    assert catalog.locations(TABLE) == {one: place("a", one), two: place("b", two), three: place("b", three)}


def test_a_swap_can_be_repeated(catalog: LakeCatalog) -> None:
    """A function that was killed between two days is simply run again."""
    one, two = days(2)
    catalog.swap(TABLE, {one: place("a", one)})
    for _ in range(2):
        catalog.swap(TABLE, {one: place("b", one), two: place("b", two)})

    assert catalog.locations(TABLE) == {one: place("b", one), two: place("b", two)}


def test_no_days_are_no_change(catalog: LakeCatalog) -> None:
    """An item without days must not fail."""
    catalog.swap(TABLE, {})

    assert catalog.locations(TABLE) == {}


def test_more_days_than_one_request_takes_are_swapped(catalog: LakeCatalog) -> None:
    """Glue registers a hundred at a time, and lists a few hundred to a page."""
    many = days(230)
    catalog.swap(TABLE, {day: place("a", day) for day in many})
    catalog.swap(TABLE, {day: place("b", day) for day in many[5:]})

    assert catalog.locations(TABLE) == {day: place("a" if day in many[:5] else "b", day) for day in many}


@given(swaps=st.lists(st.dictionaries(st.integers(0, 6), st.sampled_from("abc"), max_size=4), max_size=5))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_swaps_leave_the_last_place_of_each_day(
    catalog: LakeCatalog, swaps: list[dict[int, str]]
) -> None:
    """Whatever was there before; what other examples left does not count."""
    expected: dict[date, str] = {}
    for swap in swaps:
        locations = {days(7)[number]: place(run, days(7)[number]) for number, run in swap.items()}
        catalog.swap(TABLE, locations)
        expected |= locations

    assert catalog.locations(TABLE).items() >= expected.items()


def test_a_day_is_read_as_its_table_is(glue: Any) -> None:
    """A partition without columns, format and reader would be read as text by Athena."""
    catalog = GlueLakeCatalog(lambda: glue, DATABASE)
    [day] = days(1)
    for run in ("a", "b"):
        catalog.swap(TABLE, {day: place(run, day)})
        storage = glue.get_partition(
            DatabaseName=DATABASE, TableName=TABLE, PartitionValues=[day.isoformat()]
        )["Partition"]["StorageDescriptor"]

        assert storage["Columns"] == COLUMNS
        assert storage["SerdeInfo"] == {"SerializationLibrary": "parquet"}
        assert storage["Location"] == place(run, day)


class Raced:
    """A client of Glue before whose first registration somebody else registers the same days."""

    def __init__(self, client: Any, errors: list[Mapping[str, Any]] | None = None) -> None:
        self._client = client
        self._errors = errors

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def batch_create_partition(self, **request: Any) -> Any:
        """Register the days elsewhere first."""
        if self._errors is not None:
            return {"Errors": self._errors}
        for partition in request["PartitionInputList"]:
            storage = {**partition["StorageDescriptor"], "Location": "s3://lake/elsewhere/"}
            self._client.create_partition(
                DatabaseName=request["DatabaseName"],
                TableName=request["TableName"],
                PartitionInput={**partition, "StorageDescriptor": storage},
            )
        return self._client.batch_create_partition(**request)


def test_a_day_that_was_registered_in_between_is_moved(glue: Any) -> None:
    """Registering tells in its answer, not by an error, that a day is there already."""
    catalog = GlueLakeCatalog(lambda: Raced(glue), DATABASE)
    wanted = {day: place("a", day) for day in days(3)}

    catalog.swap(TABLE, wanted)

    assert catalog.locations(TABLE) == wanted


def test_a_day_that_could_not_be_registered_is_an_error(glue: Any) -> None:
    """Else the day would be missing, and nobody would hear of it."""
    error = {"PartitionValues": ["2026-11-01"], "ErrorDetail": {"ErrorCode": "InternalServiceException"}}
    catalog = GlueLakeCatalog(lambda: Raced(glue, [error]), DATABASE)

    with pytest.raises(StoreUnavailableError, match=r"^InternalServiceException$"):
        catalog.swap(TABLE, {FIRST: place("a", FIRST)})


def test_a_table_that_is_not_there_is_unavailable(glue: Any) -> None:
    """The error holds its code only."""
    catalog = GlueLakeCatalog(lambda: glue, DATABASE)

    with pytest.raises(StoreUnavailableError, match=r"^EntityNotFoundException$"):
        catalog.swap("nothing", {FIRST: place("a", FIRST)})


def test_objects_are_listed_by_prefix_in_order(objects: LakeObjects) -> None:
    """With the time at which they were written, which tells what may be deleted."""
    before = datetime.now(UTC) - timedelta(seconds=5)
    for name in ("run=1/b", "run=1/a", "run=10/a", "run=2/a"):
        objects.put(name, "{}", "application/json")

    found = list(objects.below("run=1/"))

    assert [entry.name for entry in found] == ["run=1/a", "run=1/b"]
    assert all(before < entry.written_at < datetime.now(UTC) + timedelta(seconds=5) for entry in found)


def test_what_was_put_is_read(objects: LakeObjects) -> None:
    """And put again in its place."""
    objects.put("reports/a.html", "<p>über</p>", "text/html")
    objects.put("reports/a.html", "<p>unter</p>", "text/html")

    assert objects.read("reports/a.html") == "<p>unter</p>"
    assert objects.read("reports/b.html") is None


def test_the_first_of_those_that_put_if_absent_stands(objects: LakeObjects) -> None:
    """A day that is computed again must see the arms of the first time."""
    assert objects.put_if_absent("registry/dt=2026-11-20/arms.json", '["one"]') == '["one"]'
    assert objects.put_if_absent("registry/dt=2026-11-20/arms.json", '["two"]') == '["one"]'
    assert objects.read("registry/dt=2026-11-20/arms.json") == '["one"]'


def test_more_objects_than_one_request_takes_are_removed(objects: LakeObjects) -> None:
    """S3 lists and deletes a thousand at a time."""
    names = [f"many/{number:04d}" for number in range(1003)]
    for name in names:
        objects.put(name, "", "text/plain")
    objects.put("other", "", "text/plain")

    objects.remove([*names, "many/never-there"])

    assert [entry.name for entry in objects.below("")] == ["other"]


def test_a_bucket_that_is_not_there_is_unavailable(s3: S3Client) -> None:
    """And the error holds its code only."""
    objects = S3LakeObjects(lambda: s3, "no-such-bucket")

    for attempt in (
        lambda: list(objects.below("a")),
        lambda: objects.read("a"),
        lambda: objects.put("a", "", "text/plain"),
        lambda: objects.put_if_absent("a", ""),
        lambda: objects.remove(["a"]),
    ):
        with pytest.raises(StoreUnavailableError, match=r"^NoSuchBucket$"):
            attempt()


class Pages:
    """A client of Athena that has one result, in pages."""

    def __init__(self, names: list[str], rows: list[list[str | None]], size: int) -> None:
        self._columns = [{"Name": name, "Type": "varchar"} for name in names]
        self._rows = [_row(names), *(_row(row) for row in rows)]
        self._size = size

    def get_paginator(self, operation: str) -> "Pages":
        """Nothing but results is asked for."""
        assert operation == "get_query_results"
        return self

    def paginate(self, **request: str) -> Iterator[dict[str, Any]]:
        """Give the pages, header first."""
        assert request == {"QueryExecutionId": "query-1"}
        for start in range(0, len(self._rows), self._size):
            rows = self._rows[start : start + self._size]
            yield {"ResultSet": {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": self._columns}}}


def _row(values: list[str] | list[str | None]) -> dict[str, Any]:
    return {"Data": [{} if value is None else {"VarCharValue": value} for value in values]}


def results_of(kind: str, names: list[str], rows: list[list[str | None]], size: int = 3) -> QueryResults:
    """Results with these rows, of either kind."""
    if kind == "aws":
        return AthenaQueryResults(lambda: Pages(names, rows, size))
    return MemoryQueryResults({"query-1": [dict(zip(names, row, strict=True)) for row in rows]})


@pytest.mark.parametrize("kind", ["memory", "aws"])
@given(
    rows=st.lists(st.lists(st.none() | st.sampled_from(["a", "b", "1.5", ""]), min_size=2, max_size=2)),
    size=st.integers(1, 4),
)
@settings(max_examples=60, deadline=None)
def test_all_rows_of_all_pages_are_given(kind: str, rows: list[list[str | None]], size: int) -> None:
    """Also a row that says the same as the header: a column named a may hold an a."""
    found = list(results_of(kind, ["a", "b"], rows, size).rows("query-1"))

    assert found == [dict(zip("ab", row, strict=True)) for row in rows]


def test_a_statement_that_does_not_exist_is_unavailable_in_memory() -> None:
    """As Athena has it."""
    with pytest.raises(StoreUnavailableError):
        list(MemoryQueryResults().rows("never-ran"))


def test_a_statement_that_cannot_be_read_is_unavailable() -> None:
    """The error holds its code only."""
    with mock_aws():
        client: Any = boto3.client("athena")
        client.meta.events.register("before-call.athena.GetQueryResults", lambda **_: _refuse())
        with pytest.raises(StoreUnavailableError, match=r"^InvalidRequestException$"):
            list(AthenaQueryResults(lambda: client).rows("query-1"))


def _refuse() -> None:
    raise ClientError(
        {"Error": {"Code": "InvalidRequestException", "Message": "a message that quotes"}}, "GetQueryResults"
    )
