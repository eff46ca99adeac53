"""Where statements over the lake run: a workgroup of Athena that nobody's client settings override."""

from collections.abc import Sequence

from aws_cdk import Aws, Stack
from aws_cdk import aws_athena as athena
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.constructs.lake_bucket import RESULTS, LakeBucket
from stacks.constructs.lake_tables import PLAN, LakeTables
from stacks.environment import EnvironmentConfig

RUN = ("athena:GetQueryExecution", "athena:StartQueryExecution", "athena:StopQueryExecution")
_CATALOG = "AwsDataCatalog"
_GIGABYTE = 1024**3


class LakeWorkgroup(Construct):
    """Results go below `results/`, encrypted, and a statement that would read too much is ended."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: EnvironmentConfig,
        lake: LakeBucket,
        tables: LakeTables,
    ) -> None:
        """Declare the workgroup of `environment` over `tables`, whose results lie in `lake`."""
        super().__init__(scope, construct_id)
        self._lake = lake
        self._tables = tables
        key = lake.key
        made = athena.CfnWorkGroup
        self.workgroup = made(
            self,
            "Workgroup",
            name=f"silent-infinity-{environment.name}",
            description="Silent Infinity: statements over the record of turns",
            # What a workgroup keeps is the history of its statements; the data lies in the bucket.
            recursive_delete_option=True,
            work_group_configuration=made.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                requester_pays_enabled=False,
                bytes_scanned_cutoff_per_query=environment.athena_scan_limit_gb * _GIGABYTE,
                engine_version=made.EngineVersionProperty(selected_engine_version="Athena engine version 3"),
                result_configuration=made.ResultConfigurationProperty(
                    output_location=f"s3://{lake.bucket.bucket_name}/{RESULTS}",
                    expected_bucket_owner=Aws.ACCOUNT_ID,
                    encryption_configuration=made.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS" if key else "SSE_S3",
                        kms_key=key.key_arn if key else None,
                    ),
                ),
            ),
        )
        self.name = self.workgroup.ref

    def allow_running(
        self, grantee: iam.IGrantable, *, reads: Sequence[str], writes: Sequence[str] = ()
    ) -> None:
        """Let `grantee` run statements over what lies below the prefixes `reads`, and unload to `writes`.

        Athena works with the permissions of whoever started a statement.
        """
        stack = Stack.of(self)
        self._allow(grantee, RUN)
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["athena:GetDataCatalog"],
                resources=[
                    stack.format_arn(service="athena", resource="datacatalog", resource_name=_CATALOG)
                ],
            )
        )
        self._tables.allow(grantee, PLAN)
        written = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
        self._lake.allow(grantee, written, RESULTS, *writes)
        if only_read := [prefix for prefix in reads if prefix not in writes]:
            self._lake.allow(grantee, ["s3:GetObject"], *only_read)
        self._lake.allow_listing(grantee)
        self._lake.allow_locating(grantee)
        self._lake.allow_following_uploads(grantee)

    def allow_reading_results(self, grantee: iam.IGrantable) -> None:
        """Let `grantee` read what statements answered."""
        self._allow(grantee, ["athena:GetQueryResults"])
        self._lake.allow(grantee, ["s3:GetObject"], RESULTS)

    def _allow(self, grantee: iam.IGrantable, actions: Sequence[str]) -> None:
        arn = Stack.of(self).format_arn(service="athena", resource="workgroup", resource_name=self.name)
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(actions=list(actions), resources=[arn])
        )
