"""The weekly report: a scheduled function that writes a page about the last week."""

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from constructs import Construct

from stacks.constructs.acknowledgements import acknowledge
from stacks.constructs.function_settings import Setting
from stacks.constructs.lake import Lake
from stacks.constructs.lake_bucket import GOLD, REPORTS, SILVER
from stacks.constructs.operations import FIVE_MINUTES, OperationsTopic, alarm
from stacks.constructs.python_layer import PythonLayer
from stacks.constructs.single_purpose_function import SinglePurposeFunction
from stacks.constructs.store_access import allow_telling
from stacks.environment import EnvironmentConfig

NAME = "weekly_report"
# What it reads are two weeks; its statements run side by side and take seconds.
_TIMEOUT = Duration.seconds(290)
_MEMORY_MB = 512


class WeeklyReport(Construct):
    """Reads silver and gold by its own statements, keeps a page below `reports/`, and says where it lies."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: EnvironmentConfig,
        layer: PythonLayer,
        operations: OperationsTopic,
        lake: Lake,
    ) -> None:
        """Declare the report over `lake`; `operations` gets the three numbers that matter, and the place."""
        super().__init__(scope, construct_id)
        self.function = SinglePurposeFunction(
            self,
            "Report",
            name=NAME,
            description="Writes the report of the last week",
            environment=environment,
            layer=layer,
            timeout=_TIMEOUT,
            memory_mb=_MEMORY_MB,
            answers_people=False,
            settings={**lake.settings(), Setting.OPERATIONS_TOPIC_ARN: operations.topic.topic_arn},
        )
        acknowledge(
            self.function.function,
            Serverless_LambdaDLQ=(
                "The schedule invokes it without waiting. Its event says nothing, so nothing is lost with "
                "it: a failed run is tried again by Lambda, raises an alarm, and can be started by hand."
            ),
        )
        lake.workgroup.allow_running(self.function.role, reads=[SILVER, GOLD])
        lake.workgroup.allow_reading_results(self.function.role)
        lake.store.allow(self.function.role, ["s3:PutObject"], REPORTS)
        allow_telling(self.function, operations)
        if environment.weekly_report_schedule:
            scheduler.Schedule(
                self,
                "Schedule",
                description="Silent Infinity: the report of the last week",
                schedule=scheduler.ScheduleExpression.expression(environment.weekly_report_schedule),
                target=targets.LambdaInvoke(
                    self.function.alias,
                    input=scheduler.ScheduleTargetInput.from_object({}),
                    retry_attempts=10,
                    max_event_age=Duration.hours(6),
                ),
            )
        alarm(
            self,
            "ReportFails",
            metric=self.function.alias.metric_errors(period=FIVE_MINUTES, statistic="Sum"),
            description="A weekly report could not be written. See docs/lake.md, Reports.",
            threshold=1,
            topic=operations.topic,
        )
        CfnOutput(Stack.of(self), "WeeklyReportFunctionName", value=self.function.function.function_name)
