"""The names of the functions' environment variables, as `silent_infinity.settings` reads them."""

from enum import StrEnum


class Setting(StrEnum):
    """One environment variable of a function."""

    ENVIRONMENT = "ENVIRONMENT"
    CONVERSATIONS_TABLE = "CONVERSATIONS_TABLE"
    TURN_EVENTS_TABLE = "TURN_EVENTS_TABLE"
    FEEDBACK_TABLE = "FEEDBACK_TABLE"
    PROMPTS_TABLE = "PROMPTS_TABLE"
    VARIANTS_TABLE = "VARIANTS_TABLE"
    IDEMPOTENCY_TABLE = "IDEMPOTENCY_TABLE"
    LIMITS_TABLE = "LIMITS_TABLE"
    PROMPTS_BUCKET = "PROMPTS_BUCKET"
    USER_SALT_SECRET_ARN = "USER_SALT_SECRET_ARN"  # noqa: S105 -- a variable's name, not a secret
    LLM_PROVIDER = "LLM_PROVIDER"
    LLM_BASE_URL = "LLM_BASE_URL"
    LLM_MODEL_ID = "LLM_MODEL_ID"
    LLM_API_KEY_SECRET_ARN = "LLM_API_KEY_SECRET_ARN"  # noqa: S105 -- a variable's name, not a secret
    VARIANT_CACHE_TTL_SECONDS = "VARIANT_CACHE_TTL_SECONDS"
    RATE_LIMIT_PER_MINUTE = "RATE_LIMIT_PER_MINUTE"
    RATE_LIMIT_BURST = "RATE_LIMIT_BURST"
    DAILY_TOKEN_BUDGET = "DAILY_TOKEN_BUDGET"  # noqa: S105 -- tokens of a language model
    TURN_RETENTION_DAYS = "TURN_RETENTION_DAYS"
    CORS_ORIGIN = "CORS_ORIGIN"
