"""The one place that wires adapters to use cases: here the turn, its models, and what people call.

What operators call is wired in `operators`, what runs beside the turn in `background`, the lake in `lake`,
the workflow of promotions in `promotion`, and how people are asked about them in `approvals`. Adapters are
imported inside the factories, and a function imports only its module and what that one uses: a cold start
pays for what it uses, and compiles no more, since the layer is shipped without bytecode.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from silent_infinity.domain.problems import HttpResponse
from silent_infinity.settings import MissingSettingError, Settings

if TYPE_CHECKING:
    from silent_infinity.adapters.llm.bedrock import BedrockOptions
    from silent_infinity.adapters.llm.composition import GatewayStores
    from silent_infinity.ports.breakers import BreakerStore
    from silent_infinity.ports.clock import Clock
    from silent_infinity.ports.llm import LanguageModel
    from silent_infinity.ports.model_rates import ModelRateStore
    from silent_infinity.ports.spend import SpendStore
    from silent_infinity.ports.summaries import SummaryStore
    from silent_infinity.ports.text_guard import TextGuard
    from silent_infinity.ports.tone import ToneReader
    from silent_infinity.ports.variants import VariantRegistry
    from silent_infinity.usecases.capture_message import CaptureMessage
    from silent_infinity.usecases.detect_intent import DetectIntent
    from silent_infinity.usecases.generate_reply import GenerateReply
    from silent_infinity.usecases.give_feedback import GiveFeedback
    from silent_infinity.usecases.record_turn import RecordTurn
    from silent_infinity.usecases.screen_for_crisis import ScreenForCrisis
    from silent_infinity.usecases.validate_reply import ValidateReply

SessionRoutes = Mapping[str, Callable[[str, str], HttpResponse]]
"""HTTP method to a use case that takes subject and session id."""

BUNDLED_PROMPTS = Path(__file__).parents[1] / "prompts"

COMPOSER = "composer"
"""The value of `LLM_PROVIDER` where there is no provider."""

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
        variants=variant_registry(settings, clock),
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


def variant_registry(settings: Settings, clock: "Clock") -> "VariantRegistry":
    """Return the variants as the turn reads them: a copy that is kept, and served stale in an outage."""
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

    return gateway(settings, clock, LazyModel(lambda: provider_model(settings, clock)), "crisis_screen")


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
    return gateway(settings, clock, None if composer else provider_model(settings, clock), service)


def bare_model(settings: Settings, clock: "Clock") -> "LanguageModel":
    """Return the provider alone, without a gateway: for evaluations, which want to know what it says.

    Raises:
        MissingSettingError: `LLM_PROVIDER` names no provider that there is.
    """
    return provider_model(settings, clock)


def gateway(
    settings: Settings, clock: "Clock", provider: "LanguageModel | None", service: str
) -> "LanguageModel":
    """Return the gateway around a provider, with what its wrappers share between processes."""
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


def provider_model(settings: Settings, clock: "Clock") -> "LanguageModel":
    """Return the provider's model, bare.

    Raises:
        MissingSettingError: `LLM_PROVIDER` names no provider that there is.
    """
    name = settings.text("LLM_PROVIDER")
    if name == "bedrock":
        from silent_infinity.adapters.llm.bedrock import BedrockModel

        return BedrockModel(clock, options=bedrock_options(settings))
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


def bedrock_options(settings: Settings) -> "BedrockOptions":
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
            summaries=summary_store(settings),
            salt=salt,
            clock=SystemClock(),
        ),
    }


def summary_store(settings: Settings) -> "SummaryStore":
    """Return the store of weekly summaries."""
    from silent_infinity.adapters.aws import clients
    from silent_infinity.adapters.aws.summaries import DynamoSummaryStore

    return DynamoSummaryStore(clients.dynamodb(), settings.text("CONVERSATIONS_TABLE"))
