"""The catalogue of the lake: a Glue database with the tables of `schemas/lake_tables.json`."""

import json
from collections.abc import Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from aws_cdk import Aws, Stack
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.environment import EnvironmentConfig
from stacks.paths import SCHEMAS

FIRST_DAY: Final = "2026-01-01"
"""No turn arrived before; Athena looks for no partition of an earlier day."""
READ: Final = ("glue:GetDatabase", "glue:GetPartition", "glue:GetPartitions", "glue:GetTable")
# What Athena asks the catalogue for while it plans a statement.
PLAN: Final = (*READ, "glue:BatchGetPartition", "glue:GetTables")

_INPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
_OUTPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
# https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
_PROJECTIONS = MappingProxyType(
    {
        "dt": {
            "type": "date",
            "format": "yyyy-MM-dd",
            "range": f"{FIRST_DAY},NOW",
            "interval": "1",
            "interval.unit": "DAYS",
        },
        "hour": {"type": "integer", "range": "0,23", "digits": "2"},
    }
)


@cache
def definitions() -> tuple[dict[str, Any], ...]:
    """Return every table of the lake: its name, prefix, columns and partitions."""
    return tuple(json.loads((SCHEMAS / "lake_tables.json").read_text(encoding="utf-8"))["tables"])


class LakeTables(Construct):
    """Database and tables. Statements name tables only, so no other name of the lake is fixed in any file."""

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: EnvironmentConfig, bucket: s3.Bucket
    ) -> None:
        """Declare the catalogue of `environment` over what lies in `bucket`."""
        super().__init__(scope, construct_id)
        self._bucket = bucket
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Aws.ACCOUNT_ID,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=f"silent_infinity_{environment.name}",
                description="Silent Infinity: the record of turns",
            ),
        )
        self.database_name = database.ref
        self.tables = {table["name"]: self._table(table) for table in definitions()}

    @staticmethod
    def refined() -> list[str]:
        """Return the names of the tables that the rollup makes."""
        return [table["name"] for table in definitions() if not table["projected"]]

    def arns(self, *names: str) -> list[str]:
        """Return what a permission on the tables `names` has to name: catalogue, database and tables."""
        stack = Stack.of(self)
        return [
            stack.format_arn(service="glue", resource="catalog"),
            stack.format_arn(service="glue", resource="database", resource_name=self.database_name),
            *(
                stack.format_arn(
                    service="glue", resource="table", resource_name=f"{self.database_name}/{name}"
                )
                for name in names
            ),
        ]

    def allow(self, grantee: iam.IGrantable, actions: Sequence[str], *names: str) -> None:
        """Let `grantee` do `actions` on the tables `names`, or on every table if none is named."""
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(actions=list(actions), resources=self.arns(*(names or self.tables)))
        )

    def _table(self, table: dict[str, Any]) -> glue.CfnTable:
        return glue.CfnTable(
            self,
            "".join(part.capitalize() for part in table["name"].split("_")),
            catalog_id=Aws.ACCOUNT_ID,
            database_name=self.database_name,
            table_input=glue.CfnTable.TableInputProperty(
                name=table["name"],
                description=table["comment"],
                table_type="EXTERNAL_TABLE",
                parameters={"EXTERNAL": "TRUE", "classification": "parquet", **self._projection(table)},
                partition_keys=[_column(each) for each in table["partitions"]],
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    columns=[_column(each) for each in table["columns"]],
                    location=self._place(table["prefix"]),
                    serde_info=glue.CfnTable.SerdeInfoProperty(serialization_library=_SERDE),
                    input_format=_INPUT,
                    output_format=_OUTPUT,
                ),
            ),
        )

    def _projection(self, table: dict[str, Any]) -> dict[str, str]:
        if not table["projected"]:
            return {}
        names = [partition["name"] for partition in table["partitions"]]
        layout = "/".join(f"{name}=${{{name}}}" for name in names)
        return {
            "projection.enabled": "true",
            **{
                f"projection.{name}.{key}": value
                for name in names
                for key, value in _PROJECTIONS[name].items()
            },
            "storage.location.template": self._place(f"{table['prefix']}{layout}/"),
        }

    def _place(self, prefix: str) -> str:
        return f"s3://{self._bucket.bucket_name}/{prefix}"


def _column(column: dict[str, str]) -> glue.CfnTable.ColumnProperty:
    return glue.CfnTable.ColumnProperty(
        name=column["name"], type=column["type"], comment=column.get("comment") or None
    )
