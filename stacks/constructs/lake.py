"""The lake: its bucket, its catalogue and where statements run, as one thing to hand on."""

from collections.abc import Mapping

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.constructs.function_settings import Setting
from stacks.constructs.lake_bucket import LakeBucket
from stacks.constructs.lake_tables import LakeTables
from stacks.constructs.lake_workgroup import LakeWorkgroup
from stacks.environment import EnvironmentConfig


class Lake(Construct):
    """Everything that holds or knows the record of turns, and nothing that runs."""

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: EnvironmentConfig, key: kms.Key | None
    ) -> None:
        """Declare the lake of `environment`, encrypted with `key` where there is one."""
        super().__init__(scope, construct_id)
        self.store = LakeBucket(self, "Store", environment=environment, key=key)
        self.tables = LakeTables(self, "Tables", environment=environment, bucket=self.store.bucket)
        self.workgroup = LakeWorkgroup(
            self, "Statements", environment=environment, lake=self.store, tables=self.tables
        )
        for name, value in {
            "LakeBucketName": self.store.bucket.bucket_name,
            "LakeDatabaseName": self.tables.database_name,
            "LakeWorkgroupName": self.workgroup.name,
        }.items():
            CfnOutput(Stack.of(self), name, value=value)

    def settings(self) -> Mapping[Setting, str]:
        """Return what a function over the lake has to know."""
        return {
            Setting.LAKE_BUCKET: self.store.bucket.bucket_name,
            Setting.LAKE_DATABASE: self.tables.database_name,
            Setting.LAKE_WORKGROUP: self.workgroup.name,
        }
