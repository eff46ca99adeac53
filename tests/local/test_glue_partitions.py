"""Partitions of the Glue catalogue: changed one by one, chosen by an expression, read page by page."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.athena_lake import Lake, lake
from tests.local.emulator_process import Emulator

DAYS = [f"2026-11-0{day}" for day in range(1, 6)]


def partition(day: str, run: str) -> dict[str, Any]:
    """What a partition is given."""
    return {"Values": [day], "StorageDescriptor": {"Location": f"s3://x/run={run}/dt={day}/"}}


@pytest.fixture(scope="module")
def place(emulator: Emulator) -> Lake:
    """A table with five days."""
    made = lake(emulator, "glue-days", {"turns": {"a": "bigint"}})
    emulator.client("glue").batch_create_partition(
        DatabaseName="glue_days",
        TableName="turns",
        PartitionInputList=[partition(day, "one") for day in DAYS],
    )
    return made


def chosen(place: Lake, **options: Any) -> list[str]:
    """The days that GetPartitions gives."""
    pages = place.emulator.client("glue").get_paginator("get_partitions")
    found = pages.paginate(DatabaseName="glue_days", TableName="turns", **options)
    return [item["Values"][0] for page in found for item in page["Partitions"]]


def test_the_bare_emulator_cannot_update_a_partition(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    glue = bare.client("glue")
    place = lake(bare, "glue-bare", {"turns": {"a": "bigint"}})
    glue.create_partition(
        DatabaseName="glue_bare", TableName="turns", PartitionInput=partition(DAYS[0], "one")
    )

    with pytest.raises(ClientError):
        glue.update_partition(
            DatabaseName="glue_bare",
            TableName="turns",
            PartitionValueList=[DAYS[0]],
            PartitionInput=partition(DAYS[0], "two"),
        )
    assert place.name == "glue-bare"


def test_a_partition_can_be_pointed_elsewhere(place: Lake) -> None:
    """This is the swap that makes a day new at once."""
    glue = place.emulator.client("glue")
    where = {"DatabaseName": "glue_days", "TableName": "turns"}
    glue.update_partition(**where, PartitionValueList=[DAYS[0]], PartitionInput=partition(DAYS[0], "two"))
    found = glue.get_partition(**where, PartitionValues=[DAYS[0]])["Partition"]

    assert found["StorageDescriptor"]["Location"] == f"s3://x/run=two/dt={DAYS[0]}/"
    assert chosen(place) == DAYS


def test_a_partition_that_is_not_there_cannot_be_updated(place: Lake) -> None:
    """The caller learns that it has to create it."""
    with pytest.raises(ClientError) as refusal:
        place.emulator.client("glue").update_partition(
            DatabaseName="glue_days",
            TableName="turns",
            PartitionValueList=["2026-12-01"],
            PartitionInput=partition("2026-12-01", "two"),
        )

    assert refusal.value.response["Error"]["Code"] == "EntityNotFoundException"


@pytest.mark.parametrize(
    ("expression", "days"),
    [
        ("dt >= '2026-11-02' AND dt <= '2026-11-03'", DAYS[1:3]),
        ("dt BETWEEN '2026-11-04' AND '2026-11-09'", DAYS[3:]),
        ("dt = '2026-11-05'", DAYS[4:]),
        ("dt IN ('2026-11-01', '2026-11-05')", [DAYS[0], DAYS[4]]),
    ],
)
def test_an_expression_chooses(place: Lake, expression: str, days: list[str]) -> None:
    """The swap reads only the days that it is about to change."""
    assert chosen(place, Expression=expression) == days


def test_an_expression_that_is_not_understood_is_refused(place: Lake) -> None:
    """Giving everything would look like success."""
    with pytest.raises(ClientError, match="Unsupported expression"):
        chosen(place, Expression="dt LIKE '2026%'")


def test_partitions_come_page_by_page(place: Lake) -> None:
    """A table has more days than a page takes."""
    assert chosen(place, PaginationConfig={"PageSize": 2}) == DAYS


def test_a_table_that_does_not_exist_has_no_partitions(place: Lake) -> None:
    """A wrong name must not pass for an empty table."""
    with pytest.raises(ClientError) as refusal:
        place.emulator.client("glue").batch_create_partition(
            DatabaseName="glue_days", TableName="nothing", PartitionInputList=[partition(DAYS[0], "one")]
        )

    assert refusal.value.response["Error"]["Code"] == "EntityNotFoundException"


def test_values_must_be_as_many_as_keys(place: Lake) -> None:
    """As on AWS."""
    with pytest.raises(ClientError, match="number of partition keys"):
        place.emulator.client("glue").create_partition(
            DatabaseName="glue_days", TableName="turns", PartitionInput={"Values": ["2026-11-09", "05"]}
        )
