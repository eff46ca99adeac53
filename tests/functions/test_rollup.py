"""The functions of the nightly rollup as Lambda calls them, wired to stores that moto plays."""

import functools
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest

from silent_infinity.adapters.aws import clients
from silent_infinity.domain.lake.tables import TABLES
from tests.contract import aws
from tests.functions.test_turn_handlers import (
    call,
    environment,  # noqa: F401 -- a fixture
    run_python,
)
from tests.support.asl import StateError, StateMachine
from tests.support.handlers import forget_wiring, printed_by
from tests.support.rollup import ATHENA, SNS, SQS, definition

pytestmark = pytest.mark.usefixtures("environment")
FOLDERS = {name: f"rollup_{name}" for name in ("plan", "statement", "swap", "sweep")}
BUCKET, DATABASE = "lake", "lake"
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
PLACE = re.compile(r"'s3://lake/([^']+/run=[^']+/)'")


@pytest.fixture(autouse=True)
def wired(monkeypatch: pytest.MonkeyPatch, environment: None) -> Iterator[None]:  # noqa: F811
    """The lake, the variables that the stack sets, and functions that have not been called yet."""
    monkeypatch.setenv("LAKE_BUCKET", BUCKET)
    monkeypatch.setenv("LAKE_DATABASE", DATABASE)
    made = (clients.patient_s3, clients.glue, clients.athena)
    for cached in made:
        cached.cache_clear()
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    glue = boto3.client("glue")
    glue.create_database(DatabaseInput={"Name": DATABASE})
    for table in TABLES:
        glue.create_table(
            DatabaseName=DATABASE,
            TableInput={
                "Name": table.name,
                "PartitionKeys": [{"Name": "dt", "Type": "string"}],
                "StorageDescriptor": {"Columns": [], "Location": f"s3://{BUCKET}/{table.prefix}"},
            },
        )
    forget_wiring(FOLDERS.values())
    yield
    for cached in made:
        cached.cache_clear()


@pytest.fixture
def printed() -> Iterator[io.StringIO]:
    """What the functions' loggers print."""
    with printed_by(FOLDERS.values()) as stream:
        yield stream


def athena(arguments: dict[str, Any]) -> dict[str, Any]:
    """Write an object of yesterday's rows where a statement says; a SELECT has no rows."""
    place = PLACE.search(arguments["QueryString"])
    if place:
        boto3.client("s3").put_object(
            Bucket=BUCKET, Key=f"{place[1]}dt={YESTERDAY.isoformat()}/part-1", Body=b"rows"
        )
    started = boto3.client("athena").start_query_execution(
        QueryString="SELECT 1", ResultConfiguration={"OutputLocation": "s3://lake/results/"}
    )
    return {"QueryExecution": {"QueryExecutionId": started["QueryExecutionId"]}}


def run(name: str = "night", **asked: Any) -> dict[str, Any]:
    """Run the workflow over the handlers."""
    others = {
        "metrics": {"variant_days": 1},
        "evaluate": {"breaches": [], "regressions": []},
        "demote": {},
    }
    machine = StateMachine(
        definition(),
        {
            **{name: functools.partial(call, folder) for name, folder in FOLDERS.items()},
            **{name: lambda _event, answer=answer: answer for name, answer in others.items()},  # type: ignore[misc] # mypy cannot infer a lambda with a default
            ATHENA: athena,
            SNS: lambda _event: {},
            SQS: lambda _event: {},
        },
        now_ms=lambda: int(datetime.now(UTC).timestamp() * 1000),
    )
    output: dict[str, Any] = machine.run(asked, execution_id=f"arn:{name}", started_at="")
    return output


def partitions(table: str) -> dict[str, str]:
    """The days of a table and where their rows lie."""
    pages = boto3.client("glue").get_paginator("get_partitions")
    return {
        partition["Values"][0]: partition["StorageDescriptor"]["Location"]
        for page in pages.paginate(DatabaseName=DATABASE, TableName=table)
        for partition in page["Partitions"]
    }


@pytest.mark.parametrize("folder", FOLDERS.values())
def test_importing_a_handler_needs_no_environment(folder: str) -> None:
    """Wiring is lazy: a missing variable is told by the invocation that needs it, not by a failed start."""
    run_python(f"import functions.{folder}.handler")


def test_a_night_runs_through_its_functions() -> None:
    """Every table gets its days, and yesterday's partitions point to what was written."""
    output = run()
    keys = [entry["Key"] for entry in boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]

    assert output["window"]["last"] == YESTERDAY.isoformat()
    assert f"registry/dt={YESTERDAY.isoformat()}/arms.json" in keys
    for table in TABLES:
        found = partitions(table.name)
        if table.projected:
            assert found == {}
        else:
            written = found[YESTERDAY.isoformat()].removeprefix(f"s3://{BUCKET}/")
            assert f"{written}part-1" in keys


def test_the_lake_is_free_after_a_night_and_taken_during_it() -> None:
    """The claim in the table is what two executions see of each other."""
    run()
    [claim] = boto3.client("dynamodb").scan(TableName=aws.CLAIMS)["Items"]

    assert claim["claim_key"]["S"] == "nightly-rollup"
    assert claim["lease_until_ms"]["N"] == "0"
    first = call("rollup_plan", {"step": "begin", "run": "one"})
    second = call("rollup_plan", {"step": "begin", "run": "two"})
    assert (first["outcome"], second["outcome"]) == ("begun", "busy")


def test_running_a_night_again_moves_every_partition() -> None:
    """The update of a partition, where the first night registered it."""
    run("one")
    before = partitions("unit_days")
    run("two", date=YESTERDAY.isoformat())
    after = partitions("unit_days")

    assert set(before) == set(after)
    assert all("/run=one-" in before[day] and "/run=two-" in after[day] for day in before)


def test_rows_of_other_days_are_not_swapped_in() -> None:
    """The function says so by its error's name, which is all that a dead letter has of it."""
    day = YESTERDAY - timedelta(days=3)

    with pytest.raises(StateError, match="NightlyRollupFailed"):
        # What `athena` writes is always yesterday's.
        run(**{"from": day.isoformat(), "to": day.isoformat()})
    assert partitions("silver_turns") == {}


def test_logs_name_runs_and_places_and_no_statement(printed: io.StringIO) -> None:
    """A statement in a log would be read by more people than may read the lake."""
    run("night-7")
    log = printed.getvalue()

    assert '"run":"night-7"' in log
    assert "s3://lake/silver/" in log
    assert "UNLOAD" not in log


def test_a_date_that_lies_ahead_is_refused_by_name() -> None:
    """Before the lake is taken."""
    with pytest.raises(Exception, match="future"):
        call("rollup_plan", {"step": "begin", "run": "one", "date": date(2999, 1, 1).isoformat()})
    assert boto3.client("dynamodb").scan(TableName=aws.CLAIMS)["Items"] == []
