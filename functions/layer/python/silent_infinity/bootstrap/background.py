"""Wiring of what runs beside the turn: the sentinel, the weekly synthesis, the seeding of a deployment."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from silent_infinity.bootstrap import (
    BUNDLED_PROMPTS,
    COMPOSER,
    bedrock_options,
    gateway,
    language_model,
    provider_model,
    summary_store,
    variant_registry,
)
from silent_infinity.settings import Settings

if TYPE_CHECKING:
    from silent_infinity.adapters.aws.stream_batch import BatchResult
    from silent_infinity.ports.batch_inference import BatchInference
    from silent_infinity.ports.clock import Clock
    from silent_infinity.ports.llm import LanguageModel
    from silent_infinity.ports.work_files import WorkFiles
    from silent_infinity.usecases.batch_synthesis import FollowSynthesisBatch, StartSynthesisBatch
    from silent_infinity.usecases.close_synthesis import CloseSynthesis
    from silent_infinity.usecases.prepare_synthesis import PrepareSynthesis
    from silent_infinity.usecases.seed_reference_data import SeedReferenceData
    from silent_infinity.usecases.write_summaries import WriteSummaries

StreamConsumer = Callable[[Mapping[str, Any]], "BatchResult"]
"""Takes the event of a stream's mapping and tells what became of each record."""


def sentinel(settings: Settings) -> StreamConsumer:
    """Wire the sentinel to the stream of turn events."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.alerts import SnsAlerts
    from silent_infinity.adapters.aws.conversations import DynamoConversationStore
    from silent_infinity.adapters.aws.metrics import EmfMetrics
    from silent_infinity.adapters.aws.observations import DynamoObservationStore
    from silent_infinity.adapters.aws.quarantine import SqsQuarantine
    from silent_infinity.adapters.aws.stream_batch import StreamBatch
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.schemas import schema
    from silent_infinity.usecases.observe_turn import ObserveTurn, TurnToObserve

    dynamodb = clients.dynamodb()
    clock = SystemClock()
    observe = ObserveTurn(
        conversations=DynamoConversationStore(dynamodb, settings.text("CONVERSATIONS_TABLE")),
        observations=DynamoObservationStore(
            dynamodb,
            settings.text("CONVERSATIONS_TABLE"),
            counts_table=settings.text("VARIANT_METRICS_TABLE"),
        ),
        variants=variant_registry(settings, clock),
        model=background_model(settings, clock, "sentinel"),
        schema=lambda: schema("sentinel_answer"),
        alerts=SnsAlerts(clients.sns, settings.text("OPERATIONS_TOPIC_ARN")),
        metrics=EmfMetrics("SilentInfinity", "sentinel", clock),
        clock=clock,
        environment=settings.environment,
    )
    return StreamBatch(
        lambda event: observe(TurnToObserve.from_event(event)),
        SqsQuarantine(clients.sqs, settings.text("SENTINEL_QUARANTINE_QUEUE_URL")),
    )


def background_model(settings: Settings, clock: "Clock", service: str) -> "LanguageModel":
    """Return the gateway for what runs beside the turn. The provider is made by the first call.

    With the composer as provider there is nobody to ask, and every call says so. `service` names the function
    in metrics.
    """
    from silent_infinity.adapters.llm.lazy import LazyModel

    composer = settings.text("LLM_PROVIDER") == COMPOSER
    provider = None if composer else LazyModel(lambda: provider_model(settings, clock))
    return gateway(settings, clock, provider, service)


def prepare_synthesis(settings: Settings) -> "PrepareSynthesis":
    """Wire the search for people who are due a weekly summary."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.conversations import DynamoConversationStore
    from silent_infinity.adapters.aws.metrics import EmfMetrics
    from silent_infinity.adapters.aws.session_index import DynamoSessionIndex
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.prepare_synthesis import PrepareSynthesis

    dynamodb = clients.dynamodb()
    clock = SystemClock()
    conversations = settings.text("CONVERSATIONS_TABLE")
    return PrepareSynthesis(
        index=DynamoSessionIndex(dynamodb, conversations),
        conversations=DynamoConversationStore(dynamodb, conversations),
        summaries=summary_store(settings),
        files=_work_files(settings),
        variants=variant_registry(settings, clock),
        metrics=EmfMetrics("SilentInfinity", "synthesis", clock),
        clock=clock,
        retention_days=settings.integer("TURN_RETENTION_DAYS", 90),
        writes=settings.text("LLM_PROVIDER", COMPOSER) != COMPOSER,
        batches=settings.optional("SYNTHESIS_BATCH_ROLE_ARN") is not None,
    )


def start_synthesis_batch(settings: Settings) -> "StartSynthesisBatch":
    """Wire the start of a batch of weekly summaries."""
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.batch_synthesis import StartSynthesisBatch

    clock = SystemClock()
    return StartSynthesisBatch(
        batches=_batches(settings, clock),
        files=_work_files(settings),
        summaries=summary_store(settings),
        clock=clock,
        environment=settings.environment,
    )


def follow_synthesis_batch(settings: Settings) -> "FollowSynthesisBatch":
    """Wire the look at a batch of weekly summaries."""
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.batch_synthesis import FollowSynthesisBatch

    clock = SystemClock()
    return FollowSynthesisBatch(
        batches=_batches(settings, clock),
        files=_work_files(settings),
        summaries=summary_store(settings),
        clock=clock,
    )


def write_summaries(settings: Settings) -> "WriteSummaries":
    """Wire the writing of weekly summaries."""
    from silent_infinity.adapters.aws.metrics import EmfMetrics
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.write_summaries import WriteSummaries

    clock = SystemClock()
    return WriteSummaries(
        model=language_model(settings, clock, "synthesis"),
        summaries=summary_store(settings),
        files=_work_files(settings),
        metrics=EmfMetrics("SilentInfinity", "synthesis", clock),
        clock=clock,
        batch_provider=settings.text("LLM_PROVIDER"),
    )


def close_synthesis(settings: Settings) -> "CloseSynthesis":
    """Wire the end of a run over a week of summaries."""
    from silent_infinity.adapters.aws.metrics import EmfMetrics
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.close_synthesis import CloseSynthesis

    clock = SystemClock()
    batches = settings.optional("SYNTHESIS_BATCH_ROLE_ARN") is not None
    return CloseSynthesis(
        summaries=summary_store(settings),
        files=_work_files(settings),
        metrics=EmfMetrics("SilentInfinity", "synthesis", clock),
        clock=clock,
        batches=_batches(settings, clock) if batches else None,
    )


def _work_files(settings: Settings) -> "WorkFiles":
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.work_files import S3WorkFiles

    return S3WorkFiles(clients.patient_s3, settings.text("SYNTHESIS_BUCKET"))


def _batches(settings: Settings, clock: "Clock") -> "BatchInference":
    """Return Bedrock's batches, with the role that it takes on for them."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.bedrock_batch import BedrockBatch, names

    options = bedrock_options(settings)
    return BedrockBatch(
        clients.bedrock,
        _work_files(settings),
        clock,
        bucket=settings.text("SYNTHESIS_BUCKET"),
        role_arn=settings.text("SYNTHESIS_BATCH_ROLE_ARN"),
        key_arn=settings.text("SYNTHESIS_KEY_ARN", ""),
        name_of=names(options.profile, options.application_profiles),
    )


def seed_reference_data(settings: Settings) -> "SeedReferenceData":
    """Wire the seeding of a deployment."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.seeding import AwsSeedStore
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.adapters.system.prompts import PromptFiles
    from silent_infinity.domain.initial_variants import initial_variant_records
    from silent_infinity.usecases.seed_reference_data import BundledPrompt, SeedReferenceData

    files = PromptFiles(BUNDLED_PROMPTS)
    return SeedReferenceData(
        store=AwsSeedStore(
            clients.dynamodb(),
            clients.s3(),
            variants_table=settings.text("VARIANTS_TABLE"),
            audit_table=settings.text("AUDIT_LOG_TABLE"),
            prompts_table=settings.text("PROMPTS_TABLE"),
            prompts_bucket=settings.text("PROMPTS_BUCKET"),
        ),
        variants=initial_variant_records(),
        prompts=[
            BundledPrompt(name, version, files.text(name, version)) for name, version in files.versions()
        ],
        clock=SystemClock(),
    )
