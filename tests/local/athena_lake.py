"""A small lake in an emulator: a bucket, a database, a workgroup and tables, deployed from a template."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from tests.local.emulator_process import ACCOUNT, Emulator

PARQUET = "org.apache.hadoop.hive.ql.io.parquet"


def table(name: str, bucket: str, columns: dict[str, str], *, projected: bool = False) -> dict[str, Any]:
    """A table partitioned by `dt`, as a template declares it."""
    parameters = {"classification": "parquet"}
    if projected:
        parameters |= {
            "projection.enabled": "true",
            "projection.dt.type": "date",
            "projection.dt.format": "yyyy-MM-dd",
            "projection.dt.range": "2026-01-01,NOW",
        }
    return {
        "Type": "AWS::Glue::Table",
        "Properties": {
            "CatalogId": ACCOUNT,
            "DatabaseName": {"Ref": "Database"},
            "TableInput": {
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": parameters,
                "PartitionKeys": [{"Name": "dt", "Type": "string"}],
                "StorageDescriptor": {
                    "Location": f"s3://{bucket}/{name}/",
                    "Columns": [{"Name": n, "Type": kind} for n, kind in columns.items()],
                    "InputFormat": f"{PARQUET}.MapredParquetInputFormat",
                    "OutputFormat": f"{PARQUET}.MapredParquetOutputFormat",
                    "SerdeInfo": {"SerializationLibrary": f"{PARQUET}.serde.ParquetHiveSerDe"},
                },
            },
        },
    }


@dataclass(frozen=True)
class Lake:
    """The deployed lake of one test: bucket, database and workgroup share its name."""

    emulator: Emulator
    name: str

    def start(self, sql: str, **options: Any) -> str:
        """Start a statement; gives its id."""
        context = {"QueryExecutionContext": {"Database": self.name.replace("-", "_")}, "WorkGroup": self.name}
        started = self.emulator.client("athena").start_query_execution(
            QueryString=sql, **{**context, **options}
        )
        return str(started["QueryExecutionId"])

    def ended(self, query_id: str) -> dict[str, Any]:
        """The description of a statement once it has ended.

        Raises:
            AssertionError: it does not end within 20 s.
        """
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            found = self.emulator.client("athena").get_query_execution(QueryExecutionId=query_id)
            execution: dict[str, Any] = found["QueryExecution"]
            if execution["Status"]["State"] in {"SUCCEEDED", "FAILED", "CANCELLED"}:
                return execution
            time.sleep(0.02)
        raise AssertionError(f"{query_id} has not ended")

    def run(self, sql: str, **options: Any) -> dict[str, Any]:
        """The description of a statement after it has run."""
        return self.ended(self.start(sql, **options))

    def rows(self, sql: str, **options: Any) -> list[list[str | None]]:
        """The rows of a query, without the header, as text.

        Raises:
            AssertionError: it fails.
        """
        execution = self.run(sql, **options)
        if execution["Status"]["State"] != "SUCCEEDED":
            raise AssertionError(execution["Status"])
        results = self.emulator.client("athena").get_query_results(
            QueryExecutionId=execution["QueryExecutionId"]
        )
        rows = results["ResultSet"]["Rows"]
        return [[datum.get("VarCharValue") for datum in row["Data"]] for row in rows[1:]]

    def keys(self, prefix: str) -> list[str]:
        """The keys of the bucket's objects below a prefix."""
        found = self.emulator.client("s3").list_objects_v2(Bucket=self.name, Prefix=prefix)
        return [item["Key"] for item in found.get("Contents", [])]

    def text(self, address: str) -> str:
        """An object's content."""
        key = address.removeprefix(f"s3://{self.name}/")
        body = self.emulator.client("s3").get_object(Bucket=self.name, Key=key)["Body"].read()
        return str(body.decode())

    def register(self, table_name: str, day: str, location: str) -> None:
        """Register one partition."""
        glue = self.emulator.client("glue")
        database = self.name.replace("-", "_")
        storage = glue.get_table(DatabaseName=database, Name=table_name)["Table"]["StorageDescriptor"]
        glue.create_partition(
            DatabaseName=database,
            TableName=table_name,
            PartitionInput={"Values": [day], "StorageDescriptor": {**storage, "Location": location}},
        )


def lake(emulator: Emulator, name: str, tables: dict[str, dict[str, str]], **settings: Any) -> Lake:
    """Deploy a lake. `settings` go into the workgroup's configuration; tables named `…_projected` are so."""
    database = {"CatalogId": ACCOUNT, "DatabaseInput": {"Name": name.replace("-", "_")}}
    group = {
        "EnforceWorkGroupConfiguration": True,
        "ResultConfiguration": {"OutputLocation": f"s3://{name}/results/"},
        **settings,
    }
    resources: dict[str, Any] = {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": name}},
        "Database": {"Type": "AWS::Glue::Database", "Properties": database},
        "Group": {
            "Type": "AWS::Athena::WorkGroup",
            "Properties": {"Name": name, "WorkGroupConfiguration": group},
        },
    }
    for number, (title, columns) in enumerate(tables.items()):
        resources[f"Table{number}"] = table(title, name, columns, projected=title.endswith("_projected"))
    emulator.deploy(name, resources)
    return Lake(emulator, name)
