"""The nightly anchor of the audit log: a function, its schedule, and the alarms of both."""

from aws_cdk import CfnOutput, Duration, Stack, TimeZone
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from constructs import Construct

from stacks.constructs.acknowledgements import acknowledge
from stacks.constructs.function_settings import Setting
from stacks.constructs.operations import FIVE_MINUTES, OperationsTopic, alarm
from stacks.constructs.python_layer import PythonLayer
from stacks.constructs.single_purpose_function import SinglePurposeFunction
from stacks.constructs.store_access import allow_items, allow_telling
from stacks.data_stack import LOG_INDEX, DataStack
from stacks.environment import EnvironmentConfig

NAME = "audit_anchor"
HOUR, MINUTE = "3", "15"
"""UTC, when the fewest changes are made."""


class AuditAnchors(Construct):
    """Checks all histories of variants every night and keeps their heads.

    The function reads rows and entries and can change neither; it can add to the anchors and delete none.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: EnvironmentConfig,
        data: DataStack,
        layer: PythonLayer,
        operations: OperationsTopic,
    ) -> None:
        """Declare the anchoring over the stores of `data`; `operations` hears of what does not hold."""
        super().__init__(scope, construct_id)
        self.function = SinglePurposeFunction(
            self,
            "Anchor",
            name=NAME,
            description="Checks the audit log of variants and keeps the heads of its chains",
            environment=environment,
            layer=layer,
            # Reading years of anchors and histories takes seconds; nobody waits.
            timeout=Duration.minutes(5),
            answers_people=False,
            settings={
                Setting.VARIANTS_TABLE: data.variants.table_name,
                Setting.AUDIT_LOG_TABLE: data.audit_log.table_name,
                Setting.AUDIT_ANCHORS_BUCKET: data.audit_anchors.bucket.bucket_name,
                Setting.OPERATIONS_TOPIC_ARN: operations.topic.topic_arn,
            },
        )
        acknowledge(
            self.function.function,
            Serverless_LambdaDLQ=(
                "The schedule invokes it without waiting. Its event says nothing, so nothing is lost with "
                "it: a failed run is tried again by Lambda, raises an alarm, and can be started by hand."
            ),
        )
        allow_items(self.function, data.variants, "GetItem", "Scan")
        allow_items(self.function, data.audit_log, "Query", queries=[LOG_INDEX])
        data.audit_anchors.allow_reading(self.function)
        data.audit_anchors.allow_writing(self.function)
        allow_telling(self.function, operations)
        scheduler.Schedule(
            self,
            "Schedule",
            description="Silent Infinity: the audit log of variants is checked and anchored",
            schedule=scheduler.ScheduleExpression.cron(hour=HOUR, minute=MINUTE, time_zone=TimeZone.ETC_UTC),
            target=targets.LambdaInvoke(
                self.function.alias, retry_attempts=10, max_event_age=Duration.hours(6)
            ),
        )
        alarm(
            self,
            "AnchorFails",
            metric=self.function.alias.metric_errors(period=FIVE_MINUTES, statistic="Sum"),
            description="The audit log could not be checked or anchored. See docs/operations.md, Audit.",
            threshold=1,
            topic=operations.topic,
        )
        CfnOutput(Stack.of(self), "AuditAnchorFunctionName", value=self.function.function.function_name)
