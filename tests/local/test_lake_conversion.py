"""From events to Parquet through the emulator's Firehose: what is written is what the definition says."""

import io
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from silent_infinity import schemas
from silent_infinity.adapters.aws.firehose import FirehoseDelivery
from silent_infinity.domain.lake.arrivals import FEEDBACK, TURN_EVENTS, Source, line
from silent_infinity.ports.delivery import Receipt
from tests.local.emulator_process import ACCOUNT, REGION, ROLE, Emulator
from tests.support.lake_events import feedback_item, turn_item

DATABASE = "conversion"
SCHEMAS = Path(schemas.__file__).parent
PATIENCE_SECONDS = 10
ITEMS: Mapping[str, tuple[Source, list[dict[str, Any]]]] = {
    "bronze_turn_events": (
        TURN_EVENTS,
        [
            turn_item("a", exposures={"LLM_MODEL": "x", "lower_case": "y"}, voice_id="ruth"),
            turn_item("b", exposures={}, quality_parts={}, degraded=["screen", "Intent"]),
            turn_item(
                "c",
                rating=4,
                model_calls=[{"turn_class": "TC4", "outcome": "ok", "notes": ["retry", "länger 🙂"]}],
            ),
        ],
    ),
    "bronze_feedback": (FEEDBACK, [feedback_item("a"), feedback_item("b", nps=9, rating=None)]),
}


@pytest.fixture(scope="module")
def catalogue(emulator: Emulator) -> Mapping[str, Any]:
    """The tables of `lake_tables.json` in the emulator's catalogue, and a bucket for their objects."""
    listed = json.loads((SCHEMAS / "lake_tables.json").read_text(encoding="utf-8"))["tables"]
    tables = {table["name"]: table for table in listed if table["name"] in ITEMS}
    emulator.client("s3").create_bucket(Bucket=DATABASE)
    emulator.client("glue").create_database(DatabaseInput={"Name": DATABASE})
    for name, table in tables.items():
        columns = [{"Name": column["name"], "Type": column["type"]} for column in table["columns"]]
        emulator.client("glue").create_table(
            DatabaseName=DATABASE,
            TableInput={"Name": name, "StorageDescriptor": {"Columns": columns}},
        )
        _delivery_stream(emulator, name)
    return tables


def _delivery_stream(emulator: Emulator, table: str) -> None:
    emulator.client("firehose").create_delivery_stream(
        DeliveryStreamName=table,
        ExtendedS3DestinationConfiguration={
            "RoleARN": ROLE,
            "BucketARN": f"arn:aws:s3:::{DATABASE}",
            "Prefix": f"{table}/",
            "ErrorOutputPrefix": f"errors/{table}/",
            "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 60},
            "DataFormatConversionConfiguration": {
                "Enabled": True,
                "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {"CaseInsensitive": False}}},
                "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {"Compression": "SNAPPY"}}},
                "SchemaConfiguration": {
                    "CatalogId": ACCOUNT,
                    "DatabaseName": DATABASE,
                    "TableName": table,
                    "Region": REGION,
                    "RoleARN": ROLE,
                    "VersionId": "LATEST",
                },
            },
        },
    )


def _objects(emulator: Emulator, prefix: str) -> list[bytes]:
    s3 = emulator.client("s3")
    found = s3.list_objects_v2(Bucket=DATABASE, Prefix=prefix).get("Contents", [])
    return [s3.get_object(Bucket=DATABASE, Key=each["Key"])["Body"].read() for each in found]


@pytest.fixture(scope="module")
def written(
    emulator: Emulator, catalogue: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Path]:
    """One Parquet file for each table, with several events that went out in one record."""
    files = {}
    for table, (source, items) in ITEMS.items():
        documents = [line(source, source.offered(item)) for item in items]
        delivery = FirehoseDelivery(lambda: emulator.client("firehose"), table)
        assert delivery.deliver(documents) == Receipt()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (objects := _objects(emulator, f"{table}/")) and time.monotonic() < deadline:
            time.sleep(0.05)
        [body] = objects
        files[table] = tmp_path_factory.mktemp(table) / "events.parquet"
        files[table].write_bytes(body)
    return files


def _message(path: Path, name: str) -> str:
    """Return the schema of a file in the words of the format. What a file calls required may be missing in
    the next: DuckDB says so of columns that lack no value in the file.
    """
    with duckdb.connect() as connection:
        asked = "SELECT name, type, num_children, converted_type, repetition_type FROM parquet_schema(?)"
        rows = iter(connection.execute(asked, [str(path)]).fetchall())
    text = io.StringIO()
    _, _, children, _, _ = next(rows)
    text.write(f"message {name} {{\n")
    for _ in range(children):
        _write_field(rows, text, "  ", keys=False)
    text.write("}\n")
    return text.getvalue()


PHYSICAL = {
    ("INT64", "INT_64"): ("int64", " (INTEGER(64,true))"),
    ("BYTE_ARRAY", "UTF8"): ("binary", " (STRING)"),
    ("DOUBLE", None): ("double", ""),
    ("BOOLEAN", None): ("boolean", ""),
}


def _write_field(rows: Iterator[tuple[Any, ...]], text: io.StringIO, indent: str, *, keys: bool) -> None:
    name, kind, children, annotation, repetition = next(rows)
    known = "repeated" if repetition == "REPEATED" else "required" if keys and name == "key" else "optional"
    if not children:
        physical, said = PHYSICAL[kind, annotation]
        text.write(f"{indent}{known} {physical} {name}{said};\n")
        return
    said = f" ({annotation})" if annotation else ""
    text.write(f"{indent}{known} group {name}{said} {{\n")
    for _ in range(children):
        _write_field(rows, text, f"{indent}  ", keys=name == "key_value")
    text.write(f"{indent}}}\n")


@pytest.mark.parametrize("table", ITEMS)
def test_the_objects_have_the_schema_of_the_definition(table: str, written: Mapping[str, Path]) -> None:
    """Names, types and nesting of every column, as the generated file has them."""
    assert _message(written[table], table) == (SCHEMAS / f"{table}.parquet.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", ITEMS)
def test_every_value_comes_back(table: str, written: Mapping[str, Path]) -> None:
    """Keys of maps in their case, empty maps and lists, nulls, other scripts; all events of the record."""
    source, items = ITEMS[table]
    expected = [json.loads(line(source, source.offered(item))) for item in items]
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT * FROM '{written[table]}' ORDER BY {source.key}")  # noqa: S608 -- a file of this test
        names = [column[0] for column in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    assert rows == expected


def test_one_line_that_does_not_fit_takes_its_record_with_it(
    emulator: Emulator, catalogue: Mapping[str, Any]
) -> None:
    """Why the consumer checks every value against its column: the neighbours would be lost to the table."""
    good = line(FEEDBACK, FEEDBACK.offered(feedback_item("good")))
    bad = json.dumps({**json.loads(good), "feedback_id": "bad", "nps": "nine"}).encode()
    before = len(_objects(emulator, "bronze_feedback/"))
    FirehoseDelivery(lambda: emulator.client("firehose"), "bronze_feedback").deliver([good, bad])
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (errors := _objects(emulator, "errors/")) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert len(errors) == 1
    assert len(_objects(emulator, "bronze_feedback/")) == before
