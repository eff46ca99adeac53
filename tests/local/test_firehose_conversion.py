"""Firehose converts the documents of a record together, to the columns of the catalogue's table."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.local.athena_lake import Lake, lake
from tests.local.emulator_process import ACCOUNT, ROLE, Emulator

COLUMNS = {
    "turn_id": "string",
    "count": "bigint",
    "variants": "map<string,string>",
    "calls": "array<struct<model:string,cost:double>>",
    "latency": "struct<total_ms:bigint,first_ms:bigint>",
    "flag": "boolean",
}
EVENT = {
    "turn_id": "t",
    "count": 9007199254740993,
    "variants": {"LLM_MODEL": "Arm-A"},
    "calls": [{"model": "m", "cost": 0.25}],
    "latency": {"total_ms": 5, "first_ms": None},
    "flag": True,
}


def delivering(emulator: Emulator, name: str) -> Lake:
    """A lake with a delivery stream into its table `turns`."""
    made = lake(emulator, name, {"turns_projected": COLUMNS})
    emulator.client("firehose").create_delivery_stream(
        DeliveryStreamName=name,
        ExtendedS3DestinationConfiguration={
            "RoleARN": ROLE,
            "BucketARN": f"arn:aws:s3:::{name}",
            "Prefix": "turns_projected/dt=!{timestamp:yyyy-MM-dd}/",
            "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
            "DataFormatConversionConfiguration": {
                "Enabled": True,
                "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {"CaseInsensitive": False}}},
                "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {"Compression": "SNAPPY"}}},
                "SchemaConfiguration": {
                    "CatalogId": ACCOUNT,
                    "RoleARN": ROLE,
                    "DatabaseName": name.replace("-", "_"),
                    "TableName": "turns_projected",
                    "Region": "us-east-1",
                },
            },
        },
    )
    return made


def put(made: Lake, events: list[dict[str, Any]]) -> None:
    """Put events as one record, and wait for its object."""
    data = "".join(json.dumps(event) + "\n" for event in events).encode()
    made.emulator.client("firehose").put_record(DeliveryStreamName=made.name, Record={"Data": data})
    deadline = time.monotonic() + 10
    while not (made.keys("turns_projected/") or made.keys("errors/")) and time.monotonic() < deadline:
        time.sleep(0.02)


@pytest.fixture(scope="module")
def filled(emulator: Emulator) -> Lake:
    """Two documents in one record: one of them lacks most fields."""
    made = delivering(emulator, "firehose-lake")
    put(made, [EVENT, {"turn_id": "bare"}])
    return made


def test_several_documents_of_one_record_become_rows_of_one_object(filled: Lake) -> None:
    """The consumer puts few large records; small objects make queries slow and dear."""
    assert len(filled.keys("turns_projected/")) == 1
    assert filled.rows("SELECT turn_id FROM turns_projected ORDER BY turn_id") == [["bare"], ["t"]]


def test_nested_values_and_the_case_of_keys_survive(filled: Lake) -> None:
    """Keys of maps are categories in capitals; the integer is one that a double cannot hold."""
    sql = """SELECT count, variants['LLM_MODEL'], calls[1].model, calls[1].cost, latency.total_ms,
             latency.first_ms, flag FROM turns_projected WHERE turn_id = 't'"""

    assert filled.rows(sql) == [["9007199254740993", "Arm-A", "m", "0.25", "5", None, "true"]]


def test_missing_fields_are_null(filled: Lake) -> None:
    """Events written before a field was added have no such key."""
    sql = "SELECT count, variants, calls, latency, flag FROM turns_projected WHERE turn_id = 'bare'"

    assert filled.rows(sql) == [[None, None, None, None, None]]


def test_a_record_that_does_not_fit_goes_below_the_error_prefix(emulator: Emulator) -> None:
    """It must be found again, and must not be among the rows."""
    made = delivering(emulator, "firehose-errors")
    put(made, [{**EVENT, "count": "many"}])

    assert made.keys("turns_projected/") == []
    assert len(made.keys("errors/format-conversion-failed/")) == 1


def test_the_bare_emulator_takes_longer_for_many_documents(emulator: Emulator, bare: Emulator) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    seconds = {}
    for name, running in (("bare", bare), ("completed", emulator)):
        made = delivering(running, f"firehose-many-{name}")
        started = time.perf_counter()
        put(made, [EVENT] * 2000)
        seconds[name] = time.perf_counter() - started

    assert seconds["completed"] < seconds["bare"] / 2
