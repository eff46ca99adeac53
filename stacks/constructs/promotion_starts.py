"""What starts promotions, and what ends one whose execution did not: a stream, a schedule, and events."""

from collections.abc import Mapping

from aws_cdk import ArnFormat, Aws, CfnOutput, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as event_targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from constructs import Construct

from stacks.constructs.acknowledgements import acknowledge, acknowledge_finding
from stacks.constructs.closed_queue import closed_queue
from stacks.constructs.failure_destination import FailureDestination
from stacks.constructs.function_settings import Setting
from stacks.constructs.operations import (
    FIVE_MINUTES,
    ONE_MINUTE,
    OperationsTopic,
    alarm,
    alarm_of_silence,
)
from stacks.constructs.promotion_workflow import WHERE, PromotionWorkflow
from stacks.constructs.python_layer import PythonLayer
from stacks.constructs.registry_access import allow_changing_registry, registry_settings
from stacks.constructs.single_purpose_function import SinglePurposeFunction
from stacks.constructs.store_access import allow_approvals, allow_items, allow_sending, allow_stream
from stacks.data_stack import LOG_INDEX, UNTOLD_INDEX, DataStack
from stacks.environment import EnvironmentConfig

_MEMORY_MB = 512
_EVENTS = "events.amazonaws.com"
_SILENT_HOURS = 26
"""A day, and two hours for a night that starts later than the last."""
_ENDS = {"ABORTED": "stopped", "TIMED_OUT": "failed", "FAILED": "failed"}
"""How an execution ends without having closed its promotion, and how the promotion then ends."""


class PromotionStarts(Construct):
    """A promotion that is asked for starts at once; whatever is missed, the schedule finds.

    `dead_letters` gets what could not be started or closed: identifiers only.
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
        promotion: PromotionWorkflow,
    ) -> None:
        """Declare what starts and ends the executions of `promotion`; `operations` hears of trouble."""
        super().__init__(scope, construct_id)
        self._environment = environment
        self._data = data
        self._layer = layer
        self._machine = promotion.workflow.state_machine
        self.dead_letters = closed_queue(self, "DeadLetters", key=data.key, retention=Duration.days(14))
        end_of_the_line = "Nothing consumes it: people look at it after its alarm, and the schedule goes on."
        acknowledge(
            self.dead_letters,
            AwsSolutions_SQS3=end_of_the_line,
            Serverless_SQSRedrivePolicy=end_of_the_line,
        )
        start = self._start()
        schedule = self._schedule()
        self._close_what_was_stopped(promotion.close)
        self._declare_alarms(start, schedule, operations)
        if environment.promotion_schedule:
            self._run_nightly(schedule, operations)
        for name, value in {
            "PromotionScheduleFunctionName": schedule.function.function_name,
            "PromotionDeadLetterQueueUrl": self.dead_letters.queue_url,
        }.items():
            CfnOutput(Stack.of(self), name, value=value)

    def _function(
        self,
        construct_id: str,
        name: str,
        description: str,
        timeout: int,
        settings: Mapping[Setting, str],
    ) -> SinglePurposeFunction:
        """Declare a function that starts executions and resumes those that wait."""
        data, machine = self._data, self._machine
        function = SinglePurposeFunction(
            self,
            construct_id,
            name=name,
            description=description,
            environment=self._environment,
            layer=self._layer,
            timeout=Duration.seconds(timeout),
            memory_mb=_MEMORY_MB,
            answers_people=False,
            settings={
                Setting.APPROVALS_TABLE: data.approvals.table_name,
                Setting.PROMOTION_STATE_MACHINE_ARN: machine.state_machine_arn,
                **settings,
            },
        )
        function.allow(["states:SendTaskSuccess", "states:StartExecution"], machine.state_machine_arn)
        allow_approvals(function, data.approvals, "GetItem", "UpdateItem")
        return function

    def _start(self) -> SinglePurposeFunction:
        start = self._function(
            "Start",
            "promotion_start",
            "Starts promotions that were asked for",
            60,
            {Setting.PROMOTION_QUARANTINE_QUEUE_URL: self.dead_letters.queue_url},
        )
        allow_sending(start, self.dead_letters)
        lambda_.EventSourceMapping(
            self,
            "Promotions",
            target=start.alias,
            event_source_arn=allow_stream(start, self._data.promotions),
            # A mapping that is made anew reads what it may have read before; starting again changes nothing.
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=10,
            filters=[
                lambda_.FilterCriteria.filter({"eventName": lambda_.FilterRule.or_("INSERT", "MODIFY")})
            ],
            bisect_batch_on_error=True,
            # The schedule of the next night starts what is older.
            max_record_age=Duration.hours(6),
            report_batch_item_failures=True,
            on_failure=FailureDestination(self.dead_letters),
        )
        return start

    def _schedule(self) -> SinglePurposeFunction:
        data = self._data
        schedule = self._function(
            "Schedule",
            "promotion_schedule",
            "Asks for the promotions that are due",
            290,
            registry_settings(data),
        )
        allow_changing_registry(schedule, data)
        schedule.allow(["dynamodb:Query"], f"{data.approvals.table_arn}/index/{UNTOLD_INDEX}")
        allow_items(schedule, data.promotions, "GetItem", "PutItem", "UpdateItem", queries=[LOG_INDEX])
        executions = Stack.of(self).format_arn(
            service="states",
            resource="execution",
            resource_name=f"{self._machine.state_machine_name}:*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        schedule.allow(["states:DescribeExecution"], executions)
        machine = Stack.of(self).resolve(self._machine.state_machine_name)
        acknowledge_finding(
            schedule,
            "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:"
            f"execution:<{machine['Fn::GetAtt'][0]}.Name>:*]",
            "An execution has the name of its promotion, which is not known here; the machine has no others.",
        )
        acknowledge(
            schedule.function,
            Serverless_LambdaDLQ=(
                "The schedule invokes it without waiting. Its event says nothing, so nothing is lost with "
                "it: a failed run is tried again by Lambda, raises an alarm, and the next night finds what "
                "is still due."
            ),
        )
        return schedule

    def _close_what_was_stopped(self, close: SinglePurposeFunction) -> None:
        """Close the promotion of an execution that was ended by hand, or ended itself with its work undone.

        Closing again what the execution has closed itself changes nothing.
        """
        if self._data.key:
            # EventBridge itself puts what it cannot deliver into the queue, and drops it where it may not.
            self._data.key.add_to_resource_policy(
                iam.PolicyStatement(
                    principals=[iam.ServicePrincipal(_EVENTS)],
                    actions=["kms:Decrypt", "kms:GenerateDataKey"],
                    resources=["*"],
                    conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
                )
            )
        # The rules' retries end when the function was invoked; what it could not do is Lambda's to keep.
        allow_sending(close, self.dead_letters)
        unclosed = lambda_.CfnEventInvokeConfig(
            self,
            "CloseFails",
            function_name=close.function.function_name,
            qualifier=close.alias.alias_name,
            destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(
                    destination=self.dead_letters.queue_arn
                )
            ),
        )
        # Lambda looks whether the role may send when it is told where to.
        unclosed.node.add_dependency(close.alias, close.role)
        for status, outcome in _ENDS.items():
            rule = events.Rule(
                self,
                f"Ended{status.title().replace('_', '')}",
                description=f"Silent Infinity: executions of promotions that ended as {status}",
                event_pattern=events.EventPattern(
                    source=["aws.states"],
                    detail_type=["Step Functions Execution Status Change"],
                    detail={"stateMachineArn": [self._machine.state_machine_arn], "status": [status]},
                ),
            )
            rule.add_target(
                event_targets.LambdaFunction(
                    close.alias,
                    event=events.RuleTargetInput.from_object(
                        {
                            "promotion_id": events.EventField.from_path("$.detail.name"),
                            "execution": events.EventField.from_path("$.detail.executionArn"),
                            "outcome": outcome,
                        }
                    ),
                    dead_letter_queue=self.dead_letters,
                    retry_attempts=185,
                    max_event_age=Duration.hours(24),
                )
            )

    def _declare_alarms(
        self, start: SinglePurposeFunction, schedule: SinglePurposeFunction, operations: OperationsTopic
    ) -> None:
        alarm(
            self,
            "StartFallsBehind",
            metric=start.alias.metric("IteratorAge", period=FIVE_MINUTES, statistic="Maximum"),
            description=f"Promotions were asked for 30 minutes ago and have not started. {WHERE}",
            threshold=30 * 60 * 1000,
            topic=operations.topic,
        )
        alarm(
            self,
            "ScheduleFails",
            metric=schedule.alias.metric_errors(period=FIVE_MINUTES, statistic="Sum"),
            description=f"The nightly look for promotions failed. {WHERE}",
            threshold=1,
            topic=operations.topic,
        )
        alarm(
            self,
            "DeadLettersFill",
            metric=self.dead_letters.metric_approximate_number_of_messages_visible(
                period=ONE_MINUTE, statistic="Maximum"
            ),
            description=f"A promotion could not be started or closed. {WHERE}",
            threshold=1,
            topic=operations.topic,
        )

    def _run_nightly(self, schedule: SinglePurposeFunction, operations: OperationsTopic) -> None:
        scheduler.Schedule(
            self,
            "Nightly",
            description="Silent Infinity: promotions that are due",
            schedule=scheduler.ScheduleExpression.expression(self._environment.promotion_schedule),
            target=targets.LambdaInvoke(
                schedule.alias,
                input=scheduler.ScheduleTargetInput.from_object({}),
                retry_attempts=10,
                max_event_age=Duration.hours(6),
            ),
        )
        alarm_of_silence(
            self,
            "NothingLooks",
            metric=schedule.alias.metric_invocations(period=Duration.hours(1), statistic="Sum"),
            description=f"Nobody has looked for promotions for {_SILENT_HOURS} hours. {WHERE}",
            hours=_SILENT_HOURS,
            topic=operations.topic,
        )
