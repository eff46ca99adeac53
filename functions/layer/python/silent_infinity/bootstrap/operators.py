"""Wiring of what operators call, and of what acts on the registry of variants for them."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from silent_infinity.bootstrap import variant_registry
from silent_infinity.settings import Settings

if TYPE_CHECKING:
    from silent_infinity.adapters.http.admin import OperatorRoutes
    from silent_infinity.adapters.openfeature.provider import FeatureFlagProvider
    from silent_infinity.domain.registry.demotions import Demoted
    from silent_infinity.ports.audit_log import AuditAnchors, AuditLog
    from silent_infinity.ports.clock import Clock
    from silent_infinity.ports.evidence import GoldenResults
    from silent_infinity.ports.promotions import Promotions
    from silent_infinity.ports.validation import SchemaValidator
    from silent_infinity.ports.variant_metrics import VariantMetrics
    from silent_infinity.ports.variant_store import VariantStore
    from silent_infinity.usecases.anchor_audit import AnchorAudit
    from silent_infinity.usecases.authorize_operator import AuthorizeOperator
    from silent_infinity.usecases.manage_variants import ManageVariants

DemotionConsumer = Callable[[Mapping[str, Any]], Sequence["Demoted"]]
"""Takes the event of a workflow or of an alarm and tells what became of each variant that it names."""


def feature_flags(settings: Settings) -> "FeatureFlagProvider":
    """Wire an OpenFeature provider over the registry, for applications that are not the turn."""
    from silent_infinity.adapters.openfeature.provider import FeatureFlagProvider
    from silent_infinity.adapters.system.clock import SystemClock

    return FeatureFlagProvider(variant_registry(settings, SystemClock()))


def operator_routes(settings: Settings) -> "OperatorRoutes":
    """Wire what operators see and change."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.audit_anchors import S3AuditAnchors
    from silent_infinity.adapters.aws.audit_log import DynamoAuditLog
    from silent_infinity.adapters.aws.golden_results import DynamoGoldenResults
    from silent_infinity.adapters.aws.promotions import DynamoPromotions
    from silent_infinity.adapters.aws.prompt_store import published_checksums
    from silent_infinity.adapters.aws.variant_metrics import DynamoVariantMetrics
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.adapters.system.randomness import SystemRandomness
    from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
    from silent_infinity.usecases.manage_variants import ManageVariants

    dynamodb = clients.dynamodb()
    clock = SystemClock()
    validator = JsonSchemaValidator()
    store = variant_store(settings, clock)
    prompts_table = settings.text("PROMPTS_TABLE")
    return routes_for_operators(
        store=store,
        log=DynamoAuditLog(dynamodb, settings.text("AUDIT_LOG_TABLE")),
        anchors=S3AuditAnchors(clients.s3, settings.text("AUDIT_ANCHORS_BUCKET")),
        promotions=DynamoPromotions(dynamodb, settings.text("PROMOTIONS_TABLE")),
        metrics=DynamoVariantMetrics(dynamodb, settings.text("VARIANT_METRICS_TABLE")),
        manage=ManageVariants(
            store=store,
            validator=validator,
            clock=clock,
            randomness=SystemRandomness(),
            prompts=lambda: published_checksums(dynamodb, prompts_table),
        ),
        validator=validator,
        results=DynamoGoldenResults(dynamodb, settings.text("APPROVALS_TABLE")),
        clock=clock,
    )


def variant_store(settings: Settings, clock: "Clock") -> "VariantStore":
    """Return the registry of variants, with its audit log."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.variant_store import DynamoVariantStore

    return DynamoVariantStore(
        clients.dynamodb(),
        clock=clock,
        variants_table=settings.text("VARIANTS_TABLE"),
        audit_table=settings.text("AUDIT_LOG_TABLE"),
        promotions_table=settings.text("PROMOTIONS_TABLE"),
        idempotency_table=settings.text("IDEMPOTENCY_TABLE"),
    )


def manage_variants(store: "VariantStore", clock: "Clock") -> "ManageVariants":
    """Return what changes the registry where no operator asks: of prompts it looks at the names only."""
    from silent_infinity.adapters.system.randomness import SystemRandomness
    from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
    from silent_infinity.usecases.manage_variants import ManageVariants

    return ManageVariants(
        store=store, validator=JsonSchemaValidator(), clock=clock, randomness=SystemRandomness()
    )


def routes_for_operators(
    *,
    store: "VariantStore",
    log: "AuditLog",
    anchors: "AuditAnchors",
    promotions: "Promotions",
    metrics: "VariantMetrics",
    manage: "ManageVariants",
    validator: "SchemaValidator",
    results: "GoldenResults",
    clock: "Clock",
) -> "OperatorRoutes":
    """Return the operators' routes over the given stores, by method and resource."""
    from silent_infinity.domain.registry.commands import Action
    from silent_infinity.usecases.change_variants import ChangeVariants
    from silent_infinity.usecases.compare_variants import CompareVariants
    from silent_infinity.usecases.read_audit import ReadAudit
    from silent_infinity.usecases.read_registry import ReadRegistry
    from silent_infinity.usecases.record_evidence import RecordEvidence
    from silent_infinity.usecases.verify_audit import VerifyAudit

    variants = "/admin/api/variants"
    variant = f"{variants}/{{category}}/{{variant_id}}"
    registry = ReadRegistry(
        store=store, promotions=promotions, metrics=metrics, validator=validator, clock=clock
    )
    audit = ReadAudit(
        store=store, log=log, verify=VerifyAudit(store=store, log=log, anchors=anchors), validator=validator
    )
    change = ChangeVariants(manage=manage, validator=validator)
    undo = (Action.DEMOTE, Action.ROLLBACK, Action.PAUSE, Action.CANCEL)
    return {
        f"GET {variants}": registry.variants,
        f"GET {variants}/compare": CompareVariants(
            store=store, metrics=metrics, validator=validator, clock=clock
        ),
        f"POST {variants}/{{category}}": change.route(Action.CREATE),
        f"GET {variant}": registry.variant,
        f"PUT {variant}": change.route(Action.UPDATE),
        **{f"POST {variant}/{action}": change.route(action) for action in (Action.PROMOTE, *undo)},
        f"POST {variant}/evidence": RecordEvidence(manage=manage, validator=validator, results=results),
        "GET /admin/api/audit-log": audit.entries,
        "GET /admin/api/audit-log/verify": audit.verification,
        "GET /admin/api/promotions": registry.promotions,
    }


def anchor_audit(settings: Settings) -> "AnchorAudit":
    """Wire the check and the anchoring of the audit log. It gets no table that it could write to."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.alerts import SnsAlerts
    from silent_infinity.adapters.aws.audit_anchors import S3AuditAnchors
    from silent_infinity.adapters.aws.audit_log import DynamoAuditLog
    from silent_infinity.adapters.aws.variant_store import DynamoVariantSnapshots
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.anchor_audit import AnchorAudit
    from silent_infinity.usecases.verify_audit import VerifyAudit

    dynamodb = clients.dynamodb()
    anchors = S3AuditAnchors(clients.patient_s3, settings.text("AUDIT_ANCHORS_BUCKET"))
    return AnchorAudit(
        verify=VerifyAudit(
            store=DynamoVariantSnapshots(dynamodb, settings.text("VARIANTS_TABLE")),
            log=DynamoAuditLog(dynamodb, settings.text("AUDIT_LOG_TABLE")),
            anchors=anchors,
        ),
        anchors=anchors,
        alerts=SnsAlerts(clients.sns, settings.text("OPERATIONS_TOPIC_ARN")),
        clock=SystemClock(),
    )


def demote_variants(settings: Settings) -> DemotionConsumer:
    """Wire the automatic demotion."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.alerts import SnsAlerts
    from silent_infinity.adapters.aws.demotion_events import DemotionEvents
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.demote_variant import DemoteVariant

    clock = SystemClock()
    store = variant_store(settings, clock)
    demote = DemoteVariant(
        manage=manage_variants(store, clock),
        store=store,
        alerts=SnsAlerts(clients.sns, settings.text("OPERATIONS_TOPIC_ARN")),
        clock=clock,
    )
    return DemotionEvents(demote)


def authorize_operator(settings: Settings) -> "AuthorizeOperator":
    """Wire the check of operators' tokens. Only the authorizer carries the libraries that it needs."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.tokens.key_set import KeySet
    from silent_infinity.adapters.tokens.pool_tokens import PoolTokens, issuer_of
    from silent_infinity.usecases.authorize_operator import AuthorizeOperator

    pool_id = settings.text("OPERATOR_POOL_ID")
    return AuthorizeOperator(
        tokens=PoolTokens(
            KeySet(f"{clients.user_pools_address()}/{pool_id}/.well-known/jwks.json"),
            issuer=issuer_of(pool_id),
            client_id=settings.text("OPERATOR_CLIENT_ID"),
        )
    )
