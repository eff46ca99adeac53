"""Wiring of promotions: what judges them, who is asked, what carries them out, and what starts them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from silent_infinity.bootstrap.background import StreamConsumer
from silent_infinity.bootstrap.operators import manage_variants, variant_store
from silent_infinity.settings import Settings

if TYPE_CHECKING:
    from silent_infinity.adapters.aws.approvals import DynamoApprovals
    from silent_infinity.adapters.aws.promotion_executions import StepFunctionsPromotionExecutions
    from silent_infinity.adapters.aws.promotions import DynamoPromotions
    from silent_infinity.ports.team_chat import TeamChat
    from silent_infinity.ports.variant_store import VariantStore
    from silent_infinity.usecases.apply_promotion import ApplyPromotion
    from silent_infinity.usecases.close_promotion import ClosePromotion
    from silent_infinity.usecases.collect_figures import CollectFigures
    from silent_infinity.usecases.evaluate_gates import EvaluateGates
    from silent_infinity.usecases.manage_variants import ManageVariants
    from silent_infinity.usecases.notify_promotion import NotifyPromotion
    from silent_infinity.usecases.open_promotion import OpenPromotion
    from silent_infinity.usecases.schedule_promotions import SchedulePromotions

APPROVAL_SECONDS = 604_800
WATCH_SECONDS = 86_400
SAMPLE_HOURS = 72
COLLECT_PATIENCE_SECONDS = 120.0
"""How long one statement may take: there are two rounds of them, and the function is ended after 290 s."""


def open_promotion(settings: Settings) -> "OpenPromotion":
    """Wire the taking of a promotion by an execution."""
    from silent_infinity.usecases.open_promotion import OpenPromotion

    return OpenPromotion(
        promotions=_promotions(settings),
        approval_seconds=settings.integer("APPROVAL_SECONDS", APPROVAL_SECONDS),
        watch_seconds=settings.integer("PROMOTION_WATCH_SECONDS", WATCH_SECONDS),
    )


def collect_figures(settings: Settings) -> "CollectFigures":
    """Wire the collection of what a promotion is judged by."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.golden_results import DynamoGoldenResults
    from silent_infinity.adapters.aws.lake_queries import AthenaQueries
    from silent_infinity.adapters.aws.live_misses import DynamoLiveMissCounts
    from silent_infinity.adapters.aws.query_results import AthenaQueryResults
    from silent_infinity.adapters.aws.variant_store import DynamoVariantSnapshots
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.collect_figures import CollectFigures

    dynamodb = clients.dynamodb()
    return CollectFigures(
        lake=AthenaQueries(
            clients.athena,
            database=settings.text("LAKE_DATABASE"),
            workgroup=settings.text("LAKE_WORKGROUP"),
            patience_seconds=COLLECT_PATIENCE_SECONDS,
        ),
        results=AthenaQueryResults(clients.athena),
        registry=DynamoVariantSnapshots(dynamodb, settings.text("VARIANTS_TABLE")),
        promotions=_promotions(settings),
        golden=DynamoGoldenResults(dynamodb, settings.text("APPROVALS_TABLE")),
        misses=DynamoLiveMissCounts(dynamodb, settings.text("VARIANT_METRICS_TABLE")),
        clock=SystemClock(),
    )


def evaluate_gates(settings: Settings) -> "EvaluateGates":
    """Wire the judgement over a promotion. Its function ships SciPy, which no other has."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.evidence import DynamoEvidence
    from silent_infinity.adapters.aws.variant_store import DynamoVariantSnapshots
    from silent_infinity.adapters.statistics.scipy_tests import ScipyTests
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.evaluate_gates import EvaluateGates

    dynamodb = clients.dynamodb()
    return EvaluateGates(
        promotions=_promotions(settings),
        registry=DynamoVariantSnapshots(dynamodb, settings.text("VARIANTS_TABLE")),
        evidence=DynamoEvidence(dynamodb, settings.text("APPROVALS_TABLE")),
        tests=ScipyTests(),
        clock=SystemClock(),
        sample_hours=settings.integer("PROMOTION_SAMPLE_HOURS", SAMPLE_HOURS),
        look_seconds=settings.integer("PROMOTION_LOOK_SECONDS", 0),
    )


def apply_promotion(settings: Settings) -> "ApplyPromotion":
    """Wire the steps of promotions that were approved."""
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.apply_promotion import ApplyPromotion

    clock = SystemClock()
    store = variant_store(settings, clock)
    return ApplyPromotion(
        manage=manage_variants(store, clock),
        store=store,
        promotions=_promotions(settings),
        approvals=_approvals(settings),
        watch_seconds=settings.integer("PROMOTION_WATCH_SECONDS", WATCH_SECONDS),
    )


def close_promotion(settings: Settings) -> "ClosePromotion":
    """Wire the ends of promotions."""
    from silent_infinity.adapters.system.clock import SystemClock

    clock = SystemClock()
    store = variant_store(settings, clock)
    return _closing(settings, store, manage_variants(store, clock))


def _closing(settings: Settings, store: "VariantStore", manage: "ManageVariants") -> "ClosePromotion":
    from silent_infinity.usecases.close_promotion import ClosePromotion

    return ClosePromotion(
        manage=manage, store=store, promotions=_promotions(settings), approvals=_approvals(settings)
    )


def schedule_promotions(settings: Settings) -> "SchedulePromotions":
    """Wire the nightly look for promotions that are due or were left behind."""
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.schedule_promotions import SchedulePromotions

    clock = SystemClock()
    store = variant_store(settings, clock)
    manage = manage_variants(store, clock)
    return SchedulePromotions(
        manage=manage,
        store=store,
        promotions=_promotions(settings),
        approvals=_approvals(settings),
        executions=_executions(settings),
        close=_closing(settings, store, manage),
        clock=clock,
    )


def start_promotions(settings: Settings) -> StreamConsumer:
    """Wire the workflow to the stream of promotions."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.quarantine import SqsQuarantine
    from silent_infinity.adapters.aws.stream_batch import StreamBatch
    from silent_infinity.usecases.start_promotions import StartPromotions

    start = StartPromotions(executions=_executions(settings), approvals=_approvals(settings))

    def handle(image: Mapping[str, Any]) -> str:
        # Whoever has taken it was started: what changes later on an open promotion starts nothing.
        start(image["promotion_id"], image["status"], not image.get("execution"))
        return str(image["status"])

    return StreamBatch(
        handle,
        SqsQuarantine(clients.sqs, settings.text("PROMOTION_QUARANTINE_QUEUE_URL")),
        ("promotion_id",),
    )


def notify_promotion(settings: Settings) -> "NotifyPromotion":
    """Wire the messages about the ends of promotions."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.alerts import SnsAlerts
    from silent_infinity.usecases.notify_promotion import NotifyPromotion

    return NotifyPromotion(
        promotions=_promotions(settings),
        alerts=SnsAlerts(clients.sns, settings.text("OPERATIONS_TOPIC_ARN")),
        chat=_team_chat(settings),
        environment=settings.environment,
    )


def _team_chat(settings: Settings) -> "TeamChat":
    from silent_infinity.adapters.system.team_chat import NoTeamChat

    secret = settings.optional("SLACK_WEBHOOK_SECRET_ARN")
    if secret is None:
        return NoTeamChat()
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.secrets import SecretText
    from silent_infinity.adapters.http.slack import SlackChat

    address = SecretText(clients.secrets_manager, secret)
    return SlackChat(address.text, allow_http=settings.environment == "local")


def _executions(settings: Settings) -> "StepFunctionsPromotionExecutions":
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.promotion_executions import StepFunctionsPromotionExecutions

    return StepFunctionsPromotionExecutions(
        clients.step_functions, settings.text("PROMOTION_STATE_MACHINE_ARN")
    )


def _promotions(settings: Settings) -> "DynamoPromotions":
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.promotions import DynamoPromotions

    return DynamoPromotions(clients.dynamodb(), settings.text("PROMOTIONS_TABLE"))


def _approvals(settings: Settings) -> "DynamoApprovals":
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.approvals import DynamoApprovals

    return DynamoApprovals(clients.dynamodb(), settings.text("APPROVALS_TABLE"))
