"""Wiring of the lake: the way into it, the nightly rollup, and the weekly report."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from silent_infinity.settings import Settings

if TYPE_CHECKING:
    from silent_infinity.ports.quarantine import Quarantine
    from silent_infinity.usecases.close_rollup import CloseRollup
    from silent_infinity.usecases.evaluate_rollup import EvaluateRollup
    from silent_infinity.usecases.feed_lake import DeliverEvents, Fed
    from silent_infinity.usecases.plan_rollup import PlanRollup
    from silent_infinity.usecases.publish_metrics import PublishMetrics
    from silent_infinity.usecases.replay_events import ReplayEvents
    from silent_infinity.usecases.rollup_run import Lake
    from silent_infinity.usecases.swap_partitions import SwapPartitions
    from silent_infinity.usecases.write_rollup_statement import WriteRollupStatement
    from silent_infinity.usecases.write_weekly_report import WriteWeeklyReport

LakeConsumer = Callable[[Mapping[str, Any]], "Fed"]
"""Takes the event of a stream's mapping and tells what became of the batch."""

REPORT_PATIENCE_SECONDS = 200.0
"""How long one statement of the weekly report may take; its function is ended after 290 seconds."""


def feed_lake(settings: Settings) -> LakeConsumer:
    """Wire the way from the streams of turns and feedback into the lake."""
    from silent_infinity.adapters.aws.stream_arrivals import arrivals
    from silent_infinity.usecases.feed_lake import FeedLake

    feed = FeedLake(_deliver_events(settings, "lake_consumer"), _lake_quarantine(settings))
    return lambda event: feed(arrivals(event["Records"]))


def replay_events(settings: Settings) -> "ReplayEvents":
    """Wire the replay of events that were quarantined on that way."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.stored_events import DynamoStoredEvents
    from silent_infinity.domain.lake.arrivals import FEEDBACK, TURN_EVENTS
    from silent_infinity.usecases.replay_events import ReplayEvents

    return ReplayEvents(
        _deliver_events(settings, "lake_replay"),
        DynamoStoredEvents(
            clients.dynamodb(),
            clients.dynamodb_streams,
            {
                TURN_EVENTS.name: settings.text("TURN_EVENTS_TABLE"),
                FEEDBACK.name: settings.text("FEEDBACK_TABLE"),
            },
        ),
        _lake_quarantine(settings),
    )


def _deliver_events(settings: Settings, service: str) -> "DeliverEvents":
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.firehose import FirehoseDelivery
    from silent_infinity.adapters.aws.metrics import EmfMetrics
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
    from silent_infinity.domain.lake.arrivals import FEEDBACK, TURN_EVENTS
    from silent_infinity.usecases.feed_lake import DeliverEvents

    streams = {
        TURN_EVENTS.name: settings.text("TURN_EVENTS_DELIVERY_STREAM"),
        FEEDBACK.name: settings.text("FEEDBACK_DELIVERY_STREAM"),
    }
    return DeliverEvents(
        validator=JsonSchemaValidator(),
        deliveries={name: FirehoseDelivery(clients.firehose, stream) for name, stream in streams.items()},
        metrics=EmfMetrics("SilentInfinity", service, SystemClock()),
        environment=settings.environment,
    )


def _lake_quarantine(settings: Settings) -> "Quarantine":
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.quarantine import SqsQuarantine

    return SqsQuarantine(clients.sqs, settings.text("LAKE_QUARANTINE_QUEUE_URL"))


def plan_rollup(settings: Settings) -> "PlanRollup":
    """Wire the planning of a nightly rollup."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.lake_objects import S3LakeObjects
    from silent_infinity.adapters.aws.query_results import AthenaQueryResults
    from silent_infinity.adapters.aws.variant_store import DynamoVariantSnapshots
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.plan_rollup import PlanRollup

    return PlanRollup(
        lake=_lake(settings),
        results=AthenaQueryResults(clients.athena),
        objects=S3LakeObjects(clients.patient_s3, settings.text("LAKE_BUCKET")),
        registry=DynamoVariantSnapshots(clients.dynamodb(), settings.text("VARIANTS_TABLE")),
        clock=SystemClock(),
    )


def write_rollup_statement(settings: Settings) -> "WriteRollupStatement":
    """Wire the writing of a statement of the rollup."""
    from silent_infinity.adapters.system.randomness import SystemRandomness
    from silent_infinity.usecases.write_rollup_statement import WriteRollupStatement

    return WriteRollupStatement(
        lake=_lake(settings), randomness=SystemRandomness(), bucket=settings.text("LAKE_BUCKET")
    )


def swap_partitions(settings: Settings) -> "SwapPartitions":
    """Wire the swap of partitions."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.lake_catalog import GlueLakeCatalog
    from silent_infinity.adapters.aws.lake_objects import S3LakeObjects
    from silent_infinity.usecases.swap_partitions import SwapPartitions

    bucket = settings.text("LAKE_BUCKET")
    return SwapPartitions(
        lake=_lake(settings),
        catalog=GlueLakeCatalog(clients.glue, settings.text("LAKE_DATABASE")),
        objects=S3LakeObjects(clients.patient_s3, bucket),
        bucket=bucket,
    )


def close_rollup(settings: Settings) -> "CloseRollup":
    """Wire the end of a nightly rollup."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.lake_catalog import GlueLakeCatalog
    from silent_infinity.adapters.aws.lake_objects import S3LakeObjects
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.close_rollup import CloseRollup

    bucket = settings.text("LAKE_BUCKET")
    return CloseRollup(
        lake=_lake(settings),
        catalog=GlueLakeCatalog(clients.glue, settings.text("LAKE_DATABASE")),
        objects=S3LakeObjects(clients.patient_s3, bucket),
        clock=SystemClock(),
        bucket=bucket,
    )


def _lake(settings: Settings) -> "Lake":
    """Return the right to the lake, which one run has at a time."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.claims import DynamoClaimStore
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.rollup_run import Lake

    return Lake(DynamoClaimStore(clients.dynamodb(), settings.text("IDEMPOTENCY_TABLE")), SystemClock())


def write_weekly_report(settings: Settings) -> "WriteWeeklyReport":
    """Wire the weekly trend report."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.alerts import SnsAlerts
    from silent_infinity.adapters.aws.lake_objects import S3LakeObjects
    from silent_infinity.adapters.aws.lake_queries import AthenaQueries
    from silent_infinity.adapters.aws.query_results import AthenaQueryResults
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.write_weekly_report import WriteWeeklyReport

    bucket = settings.text("LAKE_BUCKET")
    return WriteWeeklyReport(
        lake=AthenaQueries(
            clients.athena,
            database=settings.text("LAKE_DATABASE"),
            workgroup=settings.text("LAKE_WORKGROUP"),
            patience_seconds=REPORT_PATIENCE_SECONDS,
        ),
        results=AthenaQueryResults(clients.athena),
        objects=S3LakeObjects(clients.patient_s3, bucket),
        alerts=SnsAlerts(clients.sns, settings.text("OPERATIONS_TOPIC_ARN")),
        clock=SystemClock(),
        environment=settings.environment,
        bucket=bucket,
        region=settings.region,
    )


def publish_metrics(settings: Settings) -> "PublishMetrics":
    """Wire the publication of what the lake computed of variants."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.query_results import AthenaQueryResults
    from silent_infinity.adapters.aws.variant_metrics import DynamoVariantMetrics
    from silent_infinity.usecases.publish_metrics import PublishMetrics

    return PublishMetrics(
        results=AthenaQueryResults(clients.athena),
        metrics=DynamoVariantMetrics(clients.dynamodb(), settings.text("VARIANT_METRICS_TABLE")),
    )


def evaluate_rollup(settings: Settings) -> "EvaluateRollup":
    """Wire the judgement over what the night computed."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.query_results import AthenaQueryResults
    from silent_infinity.adapters.aws.variant_metrics import DynamoVariantMetrics
    from silent_infinity.adapters.aws.variant_store import DynamoVariantSnapshots
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.domain.lake.slos import Place
    from silent_infinity.usecases.evaluate_rollup import EvaluateRollup

    dynamodb = clients.dynamodb()
    return EvaluateRollup(
        results=AthenaQueryResults(clients.athena),
        metrics=DynamoVariantMetrics(dynamodb, settings.text("VARIANT_METRICS_TABLE")),
        registry=DynamoVariantSnapshots(dynamodb, settings.text("VARIANTS_TABLE")),
        clock=SystemClock(),
        place=Place(
            environment=settings.environment,
            region=settings.region,
            workgroup=settings.text("LAKE_WORKGROUP"),
            database=settings.text("LAKE_DATABASE"),
        ),
    )
