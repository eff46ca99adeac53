"""The one place that wires adapters to use cases.

Adapters are imported inside the factories: a function pays at its cold start only for what it uses.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from silent_infinity.domain.problems import HttpResponse
from silent_infinity.settings import MissingSettingError, Settings

if TYPE_CHECKING:
    from silent_infinity.adapters.aws.stream_batch import BatchResult
    from silent_infinity.adapters.http.admin import OperatorRoutes
    from silent_infinity.adapters.llm.bedrock import BedrockOptions
    from silent_infinity.adapters.llm.composition import GatewayStores
    from silent_infinity.adapters.openfeature.provider import FeatureFlagProvider
    from silent_infinity.domain.registry.demotions import Demoted
    from silent_infinity.ports.audit_log import AuditAnchors, AuditLog
    from silent_infinity.ports.batch_inference import BatchInference
    from silent_infinity.ports.breakers import BreakerStore
    from silent_infinity.ports.clock import Clock
    from silent_infinity.ports.llm import LanguageModel
    from silent_infinity.ports.model_rates import ModelRateStore
    from silent_infinity.ports.promotions import Promotions
    from silent_infinity.ports.quarantine import Quarantine
    from silent_infinity.ports.spend import SpendStore
    from silent_infinity.ports.summaries import SummaryStore
    from silent_infinity.ports.text_guard import TextGuard
    from silent_infinity.ports.tone import ToneReader
    from silent_infinity.ports.validation import SchemaValidator
    from silent_infinity.ports.variant_metrics import VariantMetrics
    from silent_infinity.ports.variant_store import VariantStore
    from silent_infinity.ports.variants import VariantRegistry
    from silent_infinity.ports.work_files import WorkFiles
    from silent_infinity.usecases.anchor_audit import AnchorAudit
    from silent_infinity.usecases.authorize_operator import AuthorizeOperator
    from silent_infinity.usecases.batch_synthesis import FollowSynthesisBatch, StartSynthesisBatch
    from silent_infinity.usecases.capture_message import CaptureMessage
    from silent_infinity.usecases.close_rollup import CloseRollup
    from silent_infinity.usecases.close_synthesis import CloseSynthesis
    from silent_infinity.usecases.detect_intent import DetectIntent
    from silent_infinity.usecases.evaluate_rollup import EvaluateRollup
    from silent_infinity.usecases.feed_lake import DeliverEvents, Fed
    from silent_infinity.usecases.generate_reply import GenerateReply
    from silent_infinity.usecases.give_feedback import GiveFeedback
    from silent_infinity.usecases.manage_variants import ManageVariants
    from silent_infinity.usecases.plan_rollup import PlanRollup
    from silent_infinity.usecases.prepare_synthesis import PrepareSynthesis
    from silent_infinity.usecases.publish_metrics import PublishMetrics
    from silent_infinity.usecases.record_turn import RecordTurn
    from silent_infinity.usecases.replay_events import ReplayEvents
    from silent_infinity.usecases.rollup_run import Lake
    from silent_infinity.usecases.screen_for_crisis import ScreenForCrisis
    from silent_infinity.usecases.seed_reference_data import SeedReferenceData
    from silent_infinity.usecases.swap_partitions import SwapPartitions
    from silent_infinity.usecases.validate_reply import ValidateReply
    from silent_infinity.usecases.write_rollup_statement import WriteRollupStatement
    from silent_infinity.usecases.write_summaries import WriteSummaries
    from silent_infinity.usecases.write_weekly_report import WriteWeeklyReport

SessionRoutes = Mapping[str, Callable[[str, str], HttpResponse]]
"""HTTP method to a use case that takes subject and session id."""

StreamConsumer = Callable[[Mapping[str, Any]], "BatchResult"]
"""Takes the event of a stream's mapping and tells what became of each record."""

LakeConsumer = Callable[[Mapping[str, Any]], "Fed"]
"""Takes the event of a stream's mapping and tells what became of the batch."""

DemotionConsumer = Callable[[Mapping[str, Any]], Sequence["Demoted"]]
"""Takes the event of a workflow or of an alarm and tells what became of each variant that it names."""

BUNDLED_PROMPTS = Path(__file__).parent / "prompts"

COMPOSER = "composer"
"""The value of `LLM_PROVIDER` where there is no provider."""

REPORT_PATIENCE_SECONDS = 200.0
"""How long one statement of the weekly report may take; its function is ended after 290 seconds."""

RESERVED_TOKENS = 6_000
"""Tokens set aside for a turn before its cost is known: a system prompt, some history and a full reply."""


def capture_message(settings: Settings) -> "CaptureMessage":
    """Wire the capture of a message."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.claims import DynamoClaimStore
    from silent_infinity.adapters.aws.conversations import DynamoConversationStore
    from silent_infinity.adapters.aws.limits import DynamoLimitStore
    from silent_infinity.adapters.aws.secrets import SecretUserSalt
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.adapters.system.randomness import SystemRandomness
    from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
    from silent_infinity.ports.limits import LimitPolicy
    from silent_infinity.usecases.capture_message import CaptureMessage, CapturePolicy

    dynamodb = clients.dynamodb()
    clock = SystemClock()
    return CaptureMessage(
        validator=JsonSchemaValidator(),
        conversations=DynamoConversationStore(dynamodb, settings.text("CONVERSATIONS_TABLE")),
        claims=DynamoClaimStore(dynamodb, settings.text("IDEMPOTENCY_TABLE")),
        limits=DynamoLimitStore(dynamodb, settings.text("LIMITS_TABLE")),
        variants=_variants(settings, clock),
        salt=SecretUserSalt(clients.secrets_manager, settings.text("USER_SALT_SECRET_ARN")),
        clock=clock,
        randomness=SystemRandomness(),
        policy=CapturePolicy(
            limits=LimitPolicy(
                turns_per_minute=settings.integer("RATE_LIMIT_PER_MINUTE", 20),
                burst=settings.integer("RATE_LIMIT_BURST", 10),
                tokens_per_day=settings.integer("DAILY_TOKEN_BUDGET", 200_000),
                reserve_tokens=RESERVED_TOKENS,
            ),
            retention_days=settings.integer("TURN_RETENTION_DAYS", 90),
        ),
    )


def _variants(settings: Settings, clock: "Clock") -> "VariantRegistry":
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.variants import DynamoVariantRegistry
    from silent_infinity.domain.initial_variants import initial_variants

    return DynamoVariantRegistry(
        clients.dynamodb(),
        settings.text("VARIANTS_TABLE"),
        clock=clock,
        initial=initial_variants,
        keep_seconds=settings.integer("VARIANT_CACHE_TTL_SECONDS", 5),
    )


def feature_flags(settings: Settings) -> "FeatureFlagProvider":
    """Wire an OpenFeature provider over the registry, for applications that are not the turn."""
    from silent_infinity.adapters.openfeature.provider import FeatureFlagProvider
    from silent_infinity.adapters.system.clock import SystemClock

    return FeatureFlagProvider(_variants(settings, SystemClock()))


def screen_for_crisis(settings: Settings, assets: Path | None = None) -> "ScreenForCrisis":
    """Wire the crisis screen. Nothing that can be down stands behind its verdict: the model only adds to it.

    `assets` is the folder of the encoder's weights, which the screen's own function carries. They are read
    when the first message comes; if they cannot be, that stage is missing and every turn says so. None leaves
    the stage out.

    Raises:
        MissingSettingError: `SCREEN_BAND_LOW` is set and is no number.
        ValueError: it is no probability.
    """
    from silent_infinity.adapters.encoder.stage import SEMANTIC, WEIGHTS, SemanticStage
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.domain.crisis.band import Band, calibrated_band
    from silent_infinity.domain.crisis.stages import LAYER_STAGES
    from silent_infinity.usecases.screen_for_crisis import ScreenForCrisis

    clock = SystemClock()
    return ScreenForCrisis(
        clock=clock,
        stages=(*LAYER_STAGES, *([(SEMANTIC, SemanticStage(assets / WEIGHTS))] if assets else [])),
        model=screening_model(settings, clock),
        band=Band(settings.number("SCREEN_BAND_LOW", calibrated_band().low)),
    )


def screening_model(settings: Settings, clock: "Clock") -> "LanguageModel | None":
    """Return the model that the screen may ask: the provider alone, once, in time. None with the composer.

    Neither is the provider's SDK imported nor a setting of it read before the first call, nor a client of a
    store made: a cold start does not pay for it, and a wrong setting costs this one stage and not the screen.
    What the calls cost is counted beside them, where the environment names the table.
    """
    if settings.text("LLM_PROVIDER", COMPOSER) == COMPOSER:
        return None
    from silent_infinity.adapters.llm.lazy import LazyModel

    return _gateway(settings, clock, LazyModel(lambda: _provider(settings, clock)), "crisis_screen")


def detect_intent(settings: Settings) -> "DetectIntent":
    """Wire the intent detection."""
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.detect_intent import DetectIntent

    return DetectIntent(clock=SystemClock(), second_reading=second_reading(settings))


def second_reading(settings: Settings) -> "tuple[str, ToneReader] | None":
    """Return who else is asked how a message sounds, by name; nobody by default."""
    if settings.optional("COMPREHEND_SENTIMENT") != "on":
        return None
    from silent_infinity.adapters.aws.comprehend_tone import ComprehendTone
    from silent_infinity.adapters.tone.timely import TimelyTone

    return "comprehend_sentiment", TimelyTone(ComprehendTone())


def validate_reply(settings: Settings) -> "ValidateReply":
    """Wire the validation of drafts, with the second opinions that the environment has turned on."""
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.validate_reply import ValidateReply

    return ValidateReply(clock=SystemClock(), second_opinions=second_opinions(settings))


def second_opinions(settings: Settings) -> "list[tuple[str, TextGuard]]":
    """Return the guards of others that are to be asked about replies, by name; none by default."""
    guards: list[tuple[str, TextGuard]] = []
    if settings.optional("COMPREHEND_PII") == "on":
        from silent_infinity.adapters.aws.comprehend import ComprehendGuard

        guards.append(("comprehend", ComprehendGuard()))
    guardrail = settings.optional("BEDROCK_GUARDRAIL_ID")
    if guardrail is not None:
        from silent_infinity.adapters.aws.bedrock_guardrails import BedrockGuardrail

        version = settings.text("BEDROCK_GUARDRAIL_VERSION")
        guards.append(("bedrock_guardrail", BedrockGuardrail(guardrail, version)))
    return guards


def generate_reply(settings: Settings) -> "GenerateReply":
    """Wire the writing of drafts.

    Raises:
        MissingSettingError: `LLM_PROVIDER` names no provider that there is.
    """
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.prompt_store import StoredPrompts
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.adapters.system.prompts import PromptFiles
    from silent_infinity.usecases.generate_reply import GenerateReply

    clock = SystemClock()
    return GenerateReply(
        model=language_model(settings, clock),
        prompts=StoredPrompts(
            clients.dynamodb,
            clients.s3,
            table=settings.text("PROMPTS_TABLE"),
            bucket=settings.text("PROMPTS_BUCKET"),
            bundled=PromptFiles(BUNDLED_PROMPTS),
        ),
        clock=clock,
        server_model=settings.text("LLM_MODEL_ID", ""),
    )


def language_model(settings: Settings, clock: "Clock", service: str = "generate") -> "LanguageModel":
    """Return the gateway: for each turn class the chain that its data names, over the environment's provider.

    Budgets, rates and breakers are shared with other processes where `LIMITS_TABLE` is set. `service` names
    the function in metrics.

    Raises:
        MissingSettingError: `LLM_PROVIDER` names no provider that there is.
    """
    composer = settings.text("LLM_PROVIDER") == COMPOSER
    return _gateway(settings, clock, None if composer else _provider(settings, clock), service)


def bare_model(settings: Settings, clock: "Clock") -> "LanguageModel":
    """Return the provider alone, without a gateway: for evaluations, which want to know what it says.

    Raises:
        MissingSettingError: `LLM_PROVIDER` names no provider that there is.
    """
    return _provider(settings, clock)


def _gateway(
    settings: Settings, clock: "Clock", provider: "LanguageModel | None", service: str
) -> "LanguageModel":
    from silent_infinity.adapters.aws.metrics import EmfMetrics, write_line
    from silent_infinity.adapters.llm.budget import SpendPolicy
    from silent_infinity.adapters.llm.composition import Gateway, Parts
    from silent_infinity.domain.model_rates import ModelRate

    environment = settings.text("ENVIRONMENT", "")
    name = settings.text("LLM_PROVIDER")
    return Gateway(
        Parts(
            clock=clock,
            # Outside of an environment nobody reads metrics, and commands print something else.
            metrics=EmfMetrics(
                "SilentInfinity", service, clock, write_line if environment else lambda _line: None
            ),
            provider=provider,
            provider_name=name,
            server_model=settings.text("LLM_MODEL_ID", "") if name == "openai_compatible" else "",
            stores=_gateway_stores(settings),
            spend=SpendPolicy(
                session_tokens=settings.integer("SESSION_TOKEN_BUDGET", 0),
                day_micro_usd=settings.integer("DAILY_SPEND_CAP_USD", 0) * 1_000_000,
            ),
            rate=ModelRate(
                settings.integer("LLM_REQUESTS_PER_MINUTE", 0), settings.integer("LLM_TOKENS_PER_MINUTE", 0)
            ),
            environment=environment,
        )
    )


def _gateway_stores(settings: Settings) -> "GatewayStores":
    """Return how the gateway's stores are made; none where no table is named.

    A client is made by the first call that needs one.
    """
    from silent_infinity.adapters.llm.composition import GatewayStores

    table = settings.optional("LIMITS_TABLE")
    if table is None:
        return GatewayStores()

    def breakers() -> "BreakerStore":
        from silent_infinity.adapters.aws import clients
        from silent_infinity.adapters.aws.breakers import DynamoBreakerStore

        return DynamoBreakerStore(clients.brief_dynamodb(), table)

    def spend() -> "SpendStore":
        from silent_infinity.adapters.aws import clients
        from silent_infinity.adapters.aws.spend import DynamoSpendStore

        return DynamoSpendStore(clients.brief_dynamodb(), table)

    def rates() -> "ModelRateStore":
        from silent_infinity.adapters.aws import clients
        from silent_infinity.adapters.aws.model_rates import DynamoModelRateStore

        return DynamoModelRateStore(clients.brief_dynamodb(), table)

    return GatewayStores(breakers, spend, rates)


def _provider(settings: Settings, clock: "Clock") -> "LanguageModel":
    """Return the provider's model, bare.

    Raises:
        MissingSettingError: `LLM_PROVIDER` names no provider that there is.
    """
    name = settings.text("LLM_PROVIDER")
    if name == "bedrock":
        from silent_infinity.adapters.llm.bedrock import BedrockModel

        return BedrockModel(clock, options=_bedrock_options(settings))
    if name == "anthropic":
        from silent_infinity.adapters.llm.anthropic import BASE_URL, AnthropicModel

        return AnthropicModel(
            clock, api_key=_api_key(settings), base_url=settings.text("LLM_BASE_URL", BASE_URL)
        )
    if name == "openai_compatible":
        from silent_infinity.adapters.llm.openai_compatible import OpenAICompatibleModel

        return OpenAICompatibleModel(
            clock,
            base_url=settings.text("LLM_BASE_URL"),
            api_key=_api_key(settings),
            model_override=settings.text("LLM_MODEL_ID", ""),
            max_output_tokens=settings.integer("LLM_MAX_OUTPUT_TOKENS", 0),
        )
    raise MissingSettingError("Set LLM_PROVIDER to bedrock, anthropic, openai_compatible or composer.")


def _bedrock_options(settings: Settings) -> "BedrockOptions":
    """Return how the environment calls Bedrock.

    Raises:
        MissingSettingError: a guardrail has no version, or an inference profile no model.
    """
    from silent_infinity.adapters.llm.bedrock import BedrockOptions

    profiles = [entry.split("=", 1) for entry in settings.text("BEDROCK_APPLICATION_PROFILES", "").split()]
    if any(len(entry) < 2 for entry in profiles):
        raise MissingSettingError("BEDROCK_APPLICATION_PROFILES must be MODEL=ARN, separated by spaces.")
    guardrail = settings.optional("BEDROCK_MODEL_GUARDRAIL_ID")
    return BedrockOptions(
        profile=settings.text("BEDROCK_INFERENCE_PROFILE", ""),
        application_profiles=dict(profiles),
        guardrail_id=guardrail or "",
        guardrail_version=settings.text("BEDROCK_MODEL_GUARDRAIL_VERSION") if guardrail else "",
    )


def _api_key(settings: Settings) -> str:
    """Return the provider's key from Secrets Manager; empty where the server asks for none."""
    secret = settings.optional("LLM_API_KEY_SECRET_ARN")
    if secret is None:
        return ""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.secrets import SecretText

    return SecretText(clients.secrets_manager, secret).text()


def record_turn(settings: Settings) -> "RecordTurn":
    """Wire the recording of a turn."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.claims import DynamoClaimStore
    from silent_infinity.adapters.aws.conversations import DynamoConversationStore
    from silent_infinity.adapters.aws.limits import DynamoLimitStore
    from silent_infinity.adapters.aws.metrics import EmfMetrics
    from silent_infinity.adapters.aws.secrets import SecretUserSalt
    from silent_infinity.adapters.aws.turn_records import DynamoTurnRecorder
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.record_turn import RecordPolicy, RecordTurn

    dynamodb = clients.dynamodb()
    clock = SystemClock()
    return RecordTurn(
        conversations=DynamoConversationStore(dynamodb, settings.text("CONVERSATIONS_TABLE")),
        claims=DynamoClaimStore(dynamodb, settings.text("IDEMPOTENCY_TABLE")),
        recorder=DynamoTurnRecorder(
            dynamodb,
            turn_events_table=settings.text("TURN_EVENTS_TABLE"),
            conversations_table=settings.text("CONVERSATIONS_TABLE"),
            claims_table=settings.text("IDEMPOTENCY_TABLE"),
            limits_table=settings.text("LIMITS_TABLE"),
        ),
        limits=DynamoLimitStore(dynamodb, settings.text("LIMITS_TABLE")),
        salt=SecretUserSalt(clients.secrets_manager, settings.text("USER_SALT_SECRET_ARN")),
        metrics=EmfMetrics("SilentInfinity", "turn", clock),
        clock=clock,
        policy=RecordPolicy(
            environment=settings.environment,
            region=settings.region,
            retention_days=settings.integer("TURN_RETENTION_DAYS", 90),
        ),
    )


def give_feedback(settings: Settings) -> "GiveFeedback":
    """Wire the explicit feedback."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.conversations import DynamoConversationStore
    from silent_infinity.adapters.aws.feedback import DynamoFeedbackStore
    from silent_infinity.adapters.aws.metrics import EmfMetrics
    from silent_infinity.adapters.aws.secrets import SecretUserSalt
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.adapters.system.randomness import SystemRandomness
    from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
    from silent_infinity.usecases.give_feedback import GiveFeedback

    dynamodb = clients.dynamodb()
    clock = SystemClock()
    return GiveFeedback(
        validator=JsonSchemaValidator(),
        conversations=DynamoConversationStore(dynamodb, settings.text("CONVERSATIONS_TABLE")),
        feedback=DynamoFeedbackStore(dynamodb, settings.text("FEEDBACK_TABLE")),
        salt=SecretUserSalt(clients.secrets_manager, settings.text("USER_SALT_SECRET_ARN")),
        metrics=EmfMetrics("SilentInfinity", "feedback", clock),
        clock=clock,
        randomness=SystemRandomness(),
        retention_days=settings.integer("TURN_RETENTION_DAYS", 90),
        environment=settings.environment,
    )


def session_routes(settings: Settings) -> SessionRoutes:
    """Wire reading and deleting sessions."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.claims import DynamoClaimStore
    from silent_infinity.adapters.aws.conversations import DynamoConversationStore
    from silent_infinity.adapters.aws.feedback import DynamoFeedbackStore
    from silent_infinity.adapters.aws.secrets import SecretUserSalt
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.usecases.sessions import DeleteSession, ReadSession

    dynamodb = clients.dynamodb()
    conversations = DynamoConversationStore(dynamodb, settings.text("CONVERSATIONS_TABLE"))
    salt = SecretUserSalt(clients.secrets_manager, settings.text("USER_SALT_SECRET_ARN"))
    return {
        "GET": ReadSession(conversations=conversations, salt=salt),
        "DELETE": DeleteSession(
            conversations=conversations,
            claims=DynamoClaimStore(dynamodb, settings.text("IDEMPOTENCY_TABLE")),
            feedback=DynamoFeedbackStore(dynamodb, settings.text("FEEDBACK_TABLE")),
            summaries=_summaries(settings),
            salt=salt,
            clock=SystemClock(),
        ),
    }


def operator_routes(settings: Settings) -> "OperatorRoutes":
    """Wire what operators see and change."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.audit_anchors import S3AuditAnchors
    from silent_infinity.adapters.aws.audit_log import DynamoAuditLog
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
    store = _variant_store(settings, clock)
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
            needs_approval=settings.text("PROMOTIONS_NEED_APPROVAL") != "false",
            prompts=lambda: published_checksums(dynamodb, prompts_table),
        ),
        validator=validator,
        clock=clock,
    )


def _variant_store(settings: Settings, clock: "Clock") -> "VariantStore":
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


def routes_for_operators(
    *,
    store: "VariantStore",
    log: "AuditLog",
    anchors: "AuditAnchors",
    promotions: "Promotions",
    metrics: "VariantMetrics",
    manage: "ManageVariants",
    validator: "SchemaValidator",
    clock: "Clock",
) -> "OperatorRoutes":
    """Return the operators' routes over the given stores, by method and resource."""
    from silent_infinity.domain.registry.commands import Action
    from silent_infinity.usecases.change_variants import ChangeVariants
    from silent_infinity.usecases.compare_variants import CompareVariants
    from silent_infinity.usecases.read_audit import ReadAudit
    from silent_infinity.usecases.read_registry import ReadRegistry
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
        "GET /admin/api/audit-log": audit.entries,
        "GET /admin/api/audit-log/verify": audit.verification,
        "GET /admin/api/promotions": registry.promotions,
    }


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
        observations=DynamoObservationStore(dynamodb, settings.text("CONVERSATIONS_TABLE")),
        variants=_variants(settings, clock),
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


def background_model(settings: Settings, clock: "Clock", service: str) -> "LanguageModel":
    """Return the gateway for what runs beside the turn. The provider is made by the first call.

    With the composer as provider there is nobody to ask, and every call says so. `service` names the function
    in metrics.
    """
    from silent_infinity.adapters.llm.lazy import LazyModel

    composer = settings.text("LLM_PROVIDER") == COMPOSER
    provider = None if composer else LazyModel(lambda: _provider(settings, clock))
    return _gateway(settings, clock, provider, service)


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
        summaries=_summaries(settings),
        files=_work_files(settings),
        variants=_variants(settings, clock),
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
        summaries=_summaries(settings),
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
        summaries=_summaries(settings),
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
        summaries=_summaries(settings),
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
        summaries=_summaries(settings),
        files=_work_files(settings),
        metrics=EmfMetrics("SilentInfinity", "synthesis", clock),
        clock=clock,
        batches=_batches(settings, clock) if batches else None,
    )


def _summaries(settings: Settings) -> "SummaryStore":
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.summaries import DynamoSummaryStore

    return DynamoSummaryStore(clients.dynamodb(), settings.text("CONVERSATIONS_TABLE"))


def _work_files(settings: Settings) -> "WorkFiles":
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.work_files import S3WorkFiles

    return S3WorkFiles(clients.patient_s3, settings.text("SYNTHESIS_BUCKET"))


def _batches(settings: Settings, clock: "Clock") -> "BatchInference":
    """Return Bedrock's batches, with the role that it takes on for them."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.bedrock_batch import BedrockBatch, names

    options = _bedrock_options(settings)
    return BedrockBatch(
        clients.bedrock,
        _work_files(settings),
        clock,
        bucket=settings.text("SYNTHESIS_BUCKET"),
        role_arn=settings.text("SYNTHESIS_BATCH_ROLE_ARN"),
        key_arn=settings.text("SYNTHESIS_KEY_ARN", ""),
        name_of=names(options.profile, options.application_profiles),
    )


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


def demote_variants(settings: Settings) -> DemotionConsumer:
    """Wire the automatic demotion."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.alerts import SnsAlerts
    from silent_infinity.adapters.aws.demotion_events import DemotionEvents
    from silent_infinity.adapters.system.clock import SystemClock
    from silent_infinity.adapters.system.randomness import SystemRandomness
    from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
    from silent_infinity.usecases.demote_variant import DemoteVariant
    from silent_infinity.usecases.manage_variants import ManageVariants

    clock = SystemClock()
    store = _variant_store(settings, clock)
    demote = DemoteVariant(
        manage=ManageVariants(
            store=store,
            validator=JsonSchemaValidator(),
            clock=clock,
            randomness=SystemRandomness(),
            needs_approval=True,
        ),
        store=store,
        alerts=SnsAlerts(clients.sns, settings.text("OPERATIONS_TOPIC_ARN")),
        clock=clock,
    )
    return DemotionEvents(demote)


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
