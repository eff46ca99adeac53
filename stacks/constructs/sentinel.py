"""The sentinel: a function on the stream of turn events, the quarantine beside it, and its alarms."""

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.constructs.acknowledgements import acknowledge
from stacks.constructs.closed_queue import closed_queue
from stacks.constructs.failure_destination import FailureDestination
from stacks.constructs.function_settings import Setting
from stacks.constructs.model_access import ModelAccess
from stacks.constructs.operations import FIVE_MINUTES, ONE_MINUTE, OperationsTopic, alarm
from stacks.constructs.python_layer import PythonLayer
from stacks.constructs.single_purpose_function import METRICS_NAMESPACE, SinglePurposeFunction
from stacks.constructs.store_access import (
    allow_counting,
    allow_items,
    allow_sending,
    allow_stream,
    allow_telling,
)
from stacks.data_stack import DataStack
from stacks.environment import EnvironmentConfig
from stacks.paths import DATA

NAME = "sentinel"
LIVE_MISSES = "LIVE_MISSES"
"""The partition of the counts of live misses."""

BATCH = 5
"""Records that are worked on one after the other, each with one call of a model: few, so that an invocation
stays short.
"""
_BESIDE_THE_CALL_SECONDS = 1
_START_SECONDS = 8


class Sentinel(Construct):
    """Observes turns after they were recorded (TC2). It is one of the two consumers that the stream may have.

    What a record raises ends in the function. Bisecting, the retry limit and the failure destination are for
    when the function itself dies; both ways lead to `quarantine`, which holds identifiers only.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: EnvironmentConfig,
        data: DataStack,
        layer: PythonLayer,
        models: ModelAccess,
        operations: OperationsTopic,
    ) -> None:
        """Declare the sentinel over the stores of `data`; it tells `operations` of misses and of trouble."""
        super().__init__(scope, construct_id)
        self.quarantine = closed_queue(self, "Quarantine", key=data.key, retention=Duration.days(14))
        end_of_the_line = "Nothing consumes the quarantine: people look at it after its alarm."
        acknowledge(
            self.quarantine,
            AwsSolutions_SQS3=end_of_the_line,
            Serverless_SQSRedrivePolicy=end_of_the_line,
        )
        self.function = SinglePurposeFunction(
            self,
            "Sentinel",
            name=NAME,
            description="Observes turns after they were recorded",
            environment=environment,
            layer=layer,
            timeout=Duration.seconds(_longest_batch()),
            answers_people=False,
            settings={
                Setting.CONVERSATIONS_TABLE: data.conversations.table_name,
                Setting.VARIANTS_TABLE: data.variants.table_name,
                Setting.VARIANT_METRICS_TABLE: data.variant_metrics.table_name,
                Setting.VARIANT_CACHE_TTL_SECONDS: str(environment.variant_cache_ttl_seconds),
                Setting.OPERATIONS_TOPIC_ARN: operations.topic.topic_arn,
                Setting.SENTINEL_QUARANTINE_QUEUE_URL: self.quarantine.queue_url,
                **models.settings(data.limits),
            },
        )
        allow_items(self.function, data.conversations, "GetItem", "PutItem", "ConditionCheckItem")
        allow_items(self.function, data.variants, "Scan")
        allow_counting(self.function, data.variant_metrics, LIVE_MISSES)
        models.allow(self.function, data.limits)
        allow_telling(self.function, operations)
        allow_sending(self.function, self.quarantine)
        lambda_.EventSourceMapping(
            self,
            "TurnEvents",
            target=self.function.alias,
            event_source_arn=allow_stream(self.function, data.turn_events),
            # Without a model there is nobody to ask.
            enabled=environment.sentinel_enabled and environment.llm_provider != "composer",
            # A mapping that is made anew reads what it may have read before; observing again changes nothing.
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=BATCH,
            max_batching_window=Duration.seconds(2),
            parallelization_factor=environment.sentinel_concurrency,
            filters=[_filter()],
            bisect_batch_on_error=True,
            retry_attempts=3,
            max_record_age=Duration.hours(6),
            report_batch_item_failures=True,
            on_failure=FailureDestination(self.quarantine),
        )
        self._declare_alarms(environment, operations)

    def _declare_alarms(self, environment: EnvironmentConfig, operations: OperationsTopic) -> None:
        alarm(
            self,
            "Misses",
            metric=cloudwatch.Metric(
                namespace=METRICS_NAMESPACE,
                metric_name="SentinelMisses",
                dimensions_map={"service": NAME, "environment": environment.name},
                period=FIVE_MINUTES,
                statistic="Sum",
            ),
            description="The screen may have missed a risk. See docs/operations.md, The sentinel.",
            threshold=1,
            topic=operations.topic,
        )
        alarm(
            self,
            "QuarantineFills",
            metric=self.quarantine.metric_approximate_number_of_messages_visible(
                period=ONE_MINUTE, statistic="Maximum"
            ),
            description="A turn event could not be observed. See docs/operations.md, The sentinel.",
            threshold=1,
            topic=operations.topic,
        )
        alarm(
            self,
            "FallsBehind",
            metric=self.function.alias.metric("IteratorAge", period=FIVE_MINUTES, statistic="Maximum"),
            description="The sentinel is 30 minutes behind the turns.",
            threshold=30 * 60 * 1000,
            topic=operations.topic,
        )


def _filter() -> Mapping[str, Any]:
    """Let through new turn events of the kinds that are observed: whatever else is called for is paid for."""
    kinds = json.loads((DATA / "sentinel.json").read_text(encoding="utf-8"))["observe_kinds"]
    return lambda_.FilterCriteria.filter(
        {
            "eventName": lambda_.FilterRule.is_equal("INSERT"),
            "dynamodb": {"NewImage": {"reply_kind": {"S": lambda_.FilterRule.or_(*kinds)}}},
        }
    )


def _longest_batch() -> int:
    """Return the seconds that a whole batch takes if no answer comes before its time is up."""
    classes = json.loads((DATA / "turn_classes.json").read_text(encoding="utf-8"))["classes"]
    return int(BATCH * (classes["TC2"]["budget_ms"] / 1000 + _BESIDE_THE_CALL_SECONDS)) + _START_SECONDS
