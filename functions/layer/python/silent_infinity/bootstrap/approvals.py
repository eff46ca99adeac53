"""Wiring of what asks people about promotions, and of the page on which they decide."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from silent_infinity.settings import Settings

LINK_KEY_SECONDS = 60
"""How long the key of links is kept in memory."""

if TYPE_CHECKING:
    from silent_infinity.usecases.ask_approvers import AskApprovers
    from silent_infinity.usecases.decide_promotion import DecidePromotion


def ask_approvers(settings: Settings) -> "AskApprovers":
    """Wire what writes to approvers."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.approvals import DynamoApprovals
    from silent_infinity.adapters.aws.approvers import SnsApprovers
    from silent_infinity.adapters.aws.evidence import DynamoEvidence
    from silent_infinity.adapters.aws.promotion_executions import StepFunctionsPromotionExecutions
    from silent_infinity.adapters.aws.promotions import DynamoPromotions
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.ask_approvers import AskApprovers

    dynamodb = clients.dynamodb()
    approvals_table = settings.text("APPROVALS_TABLE")
    return AskApprovers(
        approvals=DynamoApprovals(dynamodb, approvals_table),
        approvers=SnsApprovers(clients.sns, settings.text("APPROVERS_TOPIC_ARN")),
        evidence=DynamoEvidence(dynamodb, approvals_table),
        promotions=DynamoPromotions(dynamodb, settings.text("PROMOTIONS_TABLE")),
        executions=StepFunctionsPromotionExecutions(clients.step_functions),
        link_key=_link_key(settings),
        base_url=settings.text("APPROVAL_BASE_URL"),
        environment=settings.environment,
        clock=SystemClock(),
    )


def decide_promotion(settings: Settings) -> "DecidePromotion":
    """Wire the page of an approval."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.approvals import DynamoApprovals
    from silent_infinity.adapters.aws.approvers import SnsApprovers
    from silent_infinity.adapters.aws.evidence import DynamoEvidence
    from silent_infinity.adapters.aws.promotion_executions import StepFunctionsPromotionExecutions
    from silent_infinity.adapters.aws.promotions import DynamoPromotions
    from silent_infinity.adapters.aws.variant_store import DynamoVariantSnapshots
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.decide_promotion import DecidePromotion

    dynamodb = clients.dynamodb()
    approvals_table = settings.text("APPROVALS_TABLE")
    return DecidePromotion(
        approvals=DynamoApprovals(dynamodb, approvals_table),
        approvers=SnsApprovers(clients.sns, settings.text("APPROVERS_TOPIC_ARN")),
        evidence=DynamoEvidence(dynamodb, approvals_table),
        promotions=DynamoPromotions(dynamodb, settings.text("PROMOTIONS_TABLE")),
        variants=DynamoVariantSnapshots(dynamodb, settings.text("VARIANTS_TABLE")),
        executions=StepFunctionsPromotionExecutions(clients.step_functions),
        link_key=_link_key(settings),
        environment=settings.environment,
        clock=SystemClock(),
    )


def _link_key(settings: Settings) -> Callable[[], str]:
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.secrets import SecretText

    # Whoever changes the key does so because somebody else has it.
    secret = settings.text("APPROVAL_LINK_SECRET_ARN")
    return SecretText(clients.secrets_manager, secret, kept_seconds=LINK_KEY_SECONDS).text
