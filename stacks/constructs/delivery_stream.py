"""From events to bronze: a Firehose stream that writes Parquet."""

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.constructs.lake import Lake
from stacks.constructs.lake_bucket import BRONZE_ERRORS
from stacks.constructs.lake_tables import LakeTables, definitions
from stacks.constructs.log_group import retention
from stacks.constructs.operations import FIVE_MINUTES, OperationsTopic, alarm
from stacks.environment import EnvironmentConfig

BUFFER_MB = 128
"""The most that Firehose takes into one object: queries over few large objects are cheap."""
_LATE_SECONDS = 3600
_ARRIVAL = "dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"


class DeliveryStream(Construct):
    """Writes the documents that are put into it to one table of bronze, by day and hour of arrival.

    A document that does not fit the table's columns goes below `bronze-errors/`, and raises an alarm.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        table: str,
        lake: Lake,
        environment: EnvironmentConfig,
        operations: OperationsTopic,
    ) -> None:
        """Declare the stream into `table`; `operations` hears when it falls behind or refuses a document."""
        super().__init__(scope, construct_id)
        store, tables = lake.store, lake.tables
        (prefix,) = (each["prefix"] for each in definitions() if each["name"] == table)
        errors = f"{BRONZE_ERRORS}{table}/"
        log_group = logs.LogGroup(
            self, "Log", retention=retention(environment), removal_policy=RemovalPolicy.DESTROY
        )
        log_stream = logs.LogStream(self, "Errors", log_group=log_group, removal_policy=RemovalPolicy.DESTROY)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("firehose.amazonaws.com"))
        # As https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html lists them, for the
        # prefixes that this stream writes.
        store.allow(role, ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"], prefix, errors)
        store.allow_listing(role)
        store.allow_locating(role)
        store.allow_following_uploads(role)
        tables.allow(role, ["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"], table)
        log_group.grant_write(role)
        self.stream = firehose.CfnDeliveryStream(
            self,
            "Stream",
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input=_encryption(store.key),
            extended_s3_destination_configuration=(
                firehose.CfnDeliveryStream.ExtendedS3DestinationConfigurationProperty(
                    bucket_arn=store.bucket.bucket_arn,
                    role_arn=role.role_arn,
                    prefix=f"{prefix}{_ARRIVAL}",
                    error_output_prefix=f"{errors}!{{firehose:error-output-type}}/{_ARRIVAL}",
                    buffering_hints=firehose.CfnDeliveryStream.BufferingHintsProperty(
                        interval_in_seconds=environment.lake_buffer_seconds, size_in_m_bs=BUFFER_MB
                    ),
                    # Parquet compresses by itself, and Firehose allows nothing else around it.
                    compression_format="UNCOMPRESSED",
                    cloud_watch_logging_options=firehose.CfnDeliveryStream.CloudWatchLoggingOptionsProperty(
                        enabled=True,
                        log_group_name=log_group.log_group_name,
                        log_stream_name=log_stream.log_stream_name,
                    ),
                    data_format_conversion_configuration=_to_parquet(role, tables, table),
                )
            ),
        )
        # Firehose looks for table and bucket with this role before it makes the stream.
        self.stream.node.add_dependency(role, tables.tables[table])
        self.name = self.stream.ref
        self._declare_alarms(table, operations)

    def allow_putting(self, grantee: iam.IGrantable) -> None:
        """Let `grantee` put documents into the stream."""
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(actions=["firehose:PutRecordBatch"], resources=[self.stream.attr_arn])
        )

    def _declare_alarms(self, table: str, operations: OperationsTopic) -> None:
        def metric(name: str, statistic: str) -> cloudwatch.Metric:
            return cloudwatch.Metric(
                namespace="AWS/Firehose",
                metric_name=name,
                dimensions_map={"DeliveryStreamName": self.name},
                period=FIVE_MINUTES,
                statistic=statistic,
            )

        where = "See docs/operations.md, The lake."
        alarm(
            self,
            "Refuses",
            metric=metric("FailedConversion.Records", "Sum"),
            description=f"A document does not fit {table}: it lies below {BRONZE_ERRORS}. {where}",
            threshold=1,
            topic=operations.topic,
        )
        alarm(
            self,
            "FallsBehind",
            metric=metric("DeliveryToS3.DataFreshness", "Maximum"),
            description=f"What arrives for {table} has not been stored for an hour. {where}",
            threshold=_LATE_SECONDS,
            topic=operations.topic,
        )


def _encryption(
    key: kms.Key | None,
) -> firehose.CfnDeliveryStream.DeliveryStreamEncryptionConfigurationInputProperty:
    return firehose.CfnDeliveryStream.DeliveryStreamEncryptionConfigurationInputProperty(
        key_type="CUSTOMER_MANAGED_CMK" if key else "AWS_OWNED_CMK", key_arn=key.key_arn if key else None
    )


def _to_parquet(
    role: iam.Role, tables: LakeTables, table: str
) -> firehose.CfnDeliveryStream.DataFormatConversionConfigurationProperty:
    made = firehose.CfnDeliveryStream
    return made.DataFormatConversionConfigurationProperty(
        enabled=True,
        input_format_configuration=made.InputFormatConfigurationProperty(
            deserializer=made.DeserializerProperty(
                # Otherwise the keys of maps are lower-cased, and categories are keys of maps.
                open_x_json_ser_de=made.OpenXJsonSerDeProperty(case_insensitive=False)
            )
        ),
        output_format_configuration=made.OutputFormatConfigurationProperty(
            serializer=made.SerializerProperty(parquet_ser_de=made.ParquetSerDeProperty(compression="SNAPPY"))
        ),
        schema_configuration=made.SchemaConfigurationProperty(
            catalog_id=Aws.ACCOUNT_ID,
            database_name=tables.database_name,
            region=Aws.REGION,
            role_arn=role.role_arn,
            table_name=table,
            version_id="LATEST",
        ),
    )
