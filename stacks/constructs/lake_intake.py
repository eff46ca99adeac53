"""The way into the lake: the consumer of both streams, the quarantine, and the way back out of it."""

from collections.abc import Mapping
from types import MappingProxyType

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.acknowledgements import acknowledge
from stacks.constructs.closed_queue import closed_queue
from stacks.constructs.delivery_stream import DeliveryStream
from stacks.constructs.failure_destination import FailureDestination
from stacks.constructs.function_settings import Setting
from stacks.constructs.operations import FIVE_MINUTES, ONE_MINUTE, OperationsTopic, alarm
from stacks.constructs.python_layer import PythonLayer
from stacks.constructs.single_purpose_function import SinglePurposeFunction
from stacks.constructs.store_access import allow_consuming, allow_items, allow_sending, allow_stream
from stacks.data_stack import DataStack
from stacks.environment import EnvironmentConfig

CONSUMER = "lake_consumer"
REPLAY = "lake_replay"
BATCH = 500
WINDOW = Duration.seconds(60)
"""How long events are collected into a batch: the lake is read once a night, and few large puts cost less."""
_LOCAL_WINDOW = Duration.seconds(1)
# How long Lambda goes on with events that cannot be delivered. What is older lies in the quarantine by its
# place in the stream, which keeps it for a day.
_OLDEST = Duration.hours(6)
_TIMEOUT = Duration.seconds(120)
_MEMORY_MB = 512
# AWS recommends six times the consumer's time-out, so that a message is not seen twice while it is worked on.
_VISIBILITY = Duration.seconds(6 * 120)
_KEPT = Duration.days(14)
_TRIES = 3
_REPLAYED_AT_ONCE = 2


class LakeIntake(Construct):
    """Delivers every turn event and every feedback to its Firehose stream, or to the quarantine.

    The quarantine holds identifiers only. It is the dead-letter queue of the replay queue, so that SQS itself
    moves messages back when an operator starts a redrive.
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
        turn_events: DeliveryStream,
        feedback: DeliveryStream,
    ) -> None:
        """Declare the intake from the streams of `data`; `operations` hears of what is not delivered."""
        super().__init__(scope, construct_id)
        self._environment = environment
        self._layer = layer
        self._streams = MappingProxyType(
            {
                Setting.TURN_EVENTS_DELIVERY_STREAM: turn_events,
                Setting.FEEDBACK_DELIVERY_STREAM: feedback,
            }
        )
        self.quarantine = closed_queue(self, "Quarantine", key=data.key, retention=_KEPT)
        end_of_the_line = "It is where messages end: people look at it after its alarm, and replay it."
        acknowledge(self.quarantine, Serverless_SQSRedrivePolicy=end_of_the_line)
        self.consumer = self._function(
            "Consumer", CONSUMER, "Delivers turn events and feedback to the lake", {}
        )
        for construct_id_, table in (("TurnEvents", data.turn_events), ("Feedback", data.feedback)):
            self._feed(construct_id_, table)
        self.replays = closed_queue(
            self,
            "Replay",
            key=data.key,
            retention=_KEPT,
            visibility=_VISIBILITY,
            dead_letters=sqs.DeadLetterQueue(max_receive_count=_TRIES, queue=self.quarantine),
        )
        self.replay = self._replay(data)
        self._declare_alarms(operations)
        for name, value in {
            "LakeQuarantineQueueUrl": self.quarantine.queue_url,
            "LakeQuarantineQueueArn": self.quarantine.queue_arn,
            "LakeReplayQueueUrl": self.replays.queue_url,
            "LakeReplayQueueArn": self.replays.queue_arn,
        }.items():
            CfnOutput(Stack.of(self), name, value=value)

    def _function(
        self, construct_id: str, name: str, description: str, settings: Mapping[Setting, str]
    ) -> SinglePurposeFunction:
        function = SinglePurposeFunction(
            self,
            construct_id,
            name=name,
            description=description,
            environment=self._environment,
            layer=self._layer,
            timeout=_TIMEOUT,
            memory_mb=_MEMORY_MB,
            answers_people=False,
            settings={
                **{setting: stream.name for setting, stream in self._streams.items()},
                Setting.LAKE_QUARANTINE_QUEUE_URL: self.quarantine.queue_url,
                **settings,
            },
        )
        for stream in self._streams.values():
            stream.allow_putting(function.role)
        allow_sending(function, self.quarantine)
        return function

    def _feed(self, construct_id: str, table: dynamodb.Table) -> None:
        lambda_.EventSourceMapping(
            self,
            construct_id,
            target=self.consumer.alias,
            event_source_arn=allow_stream(self.consumer, table),
            # A mapping that is made anew reads what it may have read before: silver keeps one row a turn.
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            batch_size=BATCH,
            max_batching_window=_LOCAL_WINDOW if self._environment.is_local else WINDOW,
            filters=[lambda_.FilterCriteria.filter({"eventName": lambda_.FilterRule.is_equal("INSERT")})],
            bisect_batch_on_error=True,
            # No limit on retries, which a short outage of Firehose would use up: age alone ends them.
            max_record_age=_OLDEST,
            report_batch_item_failures=True,
            on_failure=FailureDestination(self.quarantine),
        )

    def _replay(self, data: DataStack) -> SinglePurposeFunction:
        replay = self._function(
            "ReplayEvents",
            REPLAY,
            "Delivers to the lake what was quarantined",
            {
                Setting.TURN_EVENTS_TABLE: data.turn_events.table_name,
                Setting.FEEDBACK_TABLE: data.feedback.table_name,
            },
        )
        for table in (data.turn_events, data.feedback):
            allow_items(replay, table, "GetItem")
            # What Lambda itself put into the quarantine names places in the stream, not turns.
            replay.allow(["dynamodb:GetRecords", "dynamodb:GetShardIterator"], table.table_stream_arn or "")
        allow_consuming(replay, self.replays)
        mapping = lambda_.EventSourceMapping(
            self,
            "Replays",
            target=replay.alias,
            event_source_arn=self.replays.queue_arn,
            batch_size=10,
            report_batch_item_failures=True,
            max_concurrency=_REPLAYED_AT_ONCE,
        )
        acknowledge(
            mapping,
            Serverless_LambdaEventSourceMappingDestination=(
                "A mapping from SQS takes no failure destination: the queue's own redrive policy moves a "
                "message that keeps failing back to the quarantine, which raises an alarm."
            ),
        )
        return replay

    def _declare_alarms(self, operations: OperationsTopic) -> None:
        where = "See docs/operations.md, The lake: quarantine and replay."
        alarm(
            self,
            "QuarantineFills",
            metric=self.quarantine.metric_approximate_number_of_messages_visible(
                period=ONE_MINUTE, statistic="Maximum"
            ),
            description=f"An event could not be delivered to the lake. {where}",
            threshold=1,
            topic=operations.topic,
        )
        alarm(
            self,
            "FallsBehind",
            metric=self._age(),
            description=f"The lake is an hour behind what happens. {where}",
            threshold=60 * 60 * 1000,
            topic=operations.topic,
        )

    def _age(self) -> cloudwatch.Metric:
        return self.consumer.alias.metric("IteratorAge", period=FIVE_MINUTES, statistic="Maximum")
