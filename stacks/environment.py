"""What differs between environments, and the only place that reads CDK context."""

import dataclasses
import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self, get_args, get_type_hints

from aws_cdk import App, RemovalPolicy

from stacks.bedrock import APPLICATION_PROFILE, MODEL_NAMES, PROFILES

ENVIRONMENTS = ("local", "dev", "staging", "prod")
LOCAL = "local"
LLM_PROVIDERS = ("bedrock", "anthropic", "openai_compatible", "composer")
COGNITO_PLANS = ("essentials", "plus")
HOST = "host"
_MOST_BATCHES_OF_A_SHARD = 10
# What a Map state runs at once at most: https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
_MOST_PARTS_AT_ONCE = 40
# Firehose's longest buffer; shorter ones than a minute make objects that cost more to read than to store.
_BUFFER_SECONDS = (60, 900)
# Late arrivals are looked for 31 days back, and what depends on a day reaches a week further.
_SHORTEST_LAKE_DAYS = 60
# A promotion waits thirty days for figures, for its approvers, and fourteen more for its second step; the
# workflow ends after sixty.
_MOST_APPROVAL_HOURS = 10 * 24
_SCHEDULES = ("synthesis_schedule", "rollup_schedule", "weekly_report_schedule", "promotion_schedule")
_SCHEDULE = re.compile(r"(?:cron|rate)\([^()]+\)")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_ARCHITECTURES = ("arm64", "x86_64")
_ARCHITECTURE_OF_MACHINE = MappingProxyType(
    {"x86_64": "x86_64", "amd64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}
)


class EnvironmentConfigError(ValueError):
    """The context does not say which environment is meant, or describes it wrongly."""


@dataclass(frozen=True, kw_only=True)
class EnvironmentConfig:
    """One environment: every field is a value of its block in `cdk.json`.

    `lambda_python` is "3.N" and `lambda_architecture` "arm64" or "x86_64"; the block may say "host" for both,
    which the local stack needs because its functions run on the interpreter of the machine.
    `screen_memory_mb` is the crisis screen's own memory: its encoder computes, and 1,769 MB is where Lambda
    gives a whole processor.
    `llm_max_output_tokens` lowers what a turn class allows (0 does not): a small model on a laptop writes a
    few dozen tokens a second, and a turn has seconds. `comprehend_pii` and `bedrock_guardrail_id` (with
    its version) have replies judged by those services too; both send texts to them and are off unless
    set. `comprehend_sentiment` has messages read by Comprehend for sentiment and entities, also off unless
    set. `bedrock_guardrail_at_models` has Bedrock hold the same guardrail against messages and replies while
    they pass its models, except where danger is looked for or answered. `bedrock_inference_profile` is where
    Bedrock may compute: `eu`, `global` and so on in place of what the catalogue's names begin with, or empty.
    `bedrock_application_profiles` are the account's own profiles for models of the catalogue, `MODEL=ARN`.
    `screen_band_low` is the risk score from which on the crisis screen asks its model about a message, "0" to
    "1", or empty for the calibrated one. `email_sender` is an address of a domain that SES has verified, or
    empty for Cognito's own sender. `session_token_budget` is what a session may use of models before its
    replies are reduced, and `daily_spend_cap_usd` what everybody together may on a UTC day (0: no such
    budget). `llm_requests_per_minute` and `llm_tokens_per_minute` are the provider's quotas for a model (0:
    none is known). `sentinel_enabled` has turns observed after they were answered, one model call each;
    `sentinel_concurrency` (1 to 10) is how many batches of a shard are worked on side by side.
    `synthesis_schedule` is when the summaries of the last week are written, an expression of EventBridge
    Scheduler in UTC, or empty for never by itself; `synthesis_concurrency` (1 to 40) is how many parts of the
    week are written side by side.
    `lake_retention_days` is how long turns stay in bronze as they arrived (0: for ever). What was refined
    from them stays, but a day can be refined anew only while its arrivals are there. `lake_buffer_seconds`
    (60 to 900) is how long arrivals wait to become one object. `athena_scan_limit_gb` ends a statement that
    reads more. `rollup_schedule` and `weekly_report_schedule` are when the last day is rolled up and the last
    week reported, as `synthesis_schedule` is written.
    `promotion_schedule` is when a promotion to production is asked for every canary that is due one: after
    the rollup. `promotion_look_seconds` is how long a promotion waits from one look at the figures to the
    next (0: until the next rollup is done), and `promotion_watch_seconds` how long a first step serves before
    the next one: a few seconds are for laptops. `promotion_sample_hours` is how long an arm serves before it
    is judged. `approval_hours` is how long approvers have. `slack_webhook_secret_arn` is a secret whose text
    is the address to which the ends of promotions are posted, or empty for none.
    """

    name: str
    customer_managed_keys: bool
    retain_data: bool
    log_retention_days: int
    turn_retention_days: int
    lambda_python: str
    lambda_architecture: str
    function_memory_mb: int
    screen_memory_mb: int
    provisioned_concurrency: int
    gradual_deployment: bool
    llm_provider: str
    llm_base_url: str
    llm_model_id: str
    llm_max_output_tokens: int
    llm_api_key_secret_arn: str
    screen_band_low: str
    comprehend_pii: bool
    comprehend_sentiment: bool
    bedrock_guardrail_id: str
    bedrock_guardrail_version: str
    bedrock_guardrail_at_models: bool
    bedrock_inference_profile: str
    bedrock_application_profiles: tuple[str, ...]
    bedrock_regions: tuple[str, ...]
    variant_cache_ttl_seconds: int
    rate_limit_per_minute: int
    rate_limit_burst: int
    daily_token_budget: int
    session_token_budget: int
    daily_spend_cap_usd: int
    llm_requests_per_minute: int
    llm_tokens_per_minute: int
    cors_origin: str
    api_rate_per_second: int
    api_burst: int
    turn_rate_per_second: int
    turn_burst: int
    waf_requests_per_five_minutes: int
    people_self_sign_up: bool
    people_password_sign_in: bool
    people_admin_sign_in: bool
    cognito_plan: str
    email_sender: str
    sentinel_enabled: bool
    sentinel_concurrency: int
    synthesis_schedule: str
    synthesis_concurrency: int
    lake_retention_days: int
    lake_buffer_seconds: int
    athena_scan_limit_gb: int
    rollup_schedule: str
    weekly_report_schedule: str
    promotion_schedule: str
    promotion_look_seconds: int
    promotion_watch_seconds: int
    promotion_sample_hours: int
    approval_hours: int
    slack_webhook_secret_arn: str

    @classmethod
    def from_app(cls, app: App) -> Self:
        """Read the environment that `-c env=NAME` names.

        Raises:
            EnvironmentConfigError: no or an unknown environment is named, or its block in `cdk.json` has a
                missing, an unknown or an unfitting field.
        """
        name = app.node.try_get_context("env")
        if name not in ENVIRONMENTS:
            found = "no environment is named" if name is None else f"there is no environment {name!r}"
            raise EnvironmentConfigError(
                f"{found}: add -c env=NAME, where NAME is one of {', '.join(ENVIRONMENTS)}"
            )
        overrides = {
            "llm_base_url": app.node.try_get_context("model_base_url"),
            "llm_model_id": app.node.try_get_context("model_id"),
            "llm_provider": app.node.try_get_context("llm_provider"),
        }
        return cls.from_block(name, app.node.try_get_context(name), overrides)

    @classmethod
    def from_block(cls, name: str, block: object, overrides: Mapping[str, str | None] | None = None) -> Self:
        """Build the environment `name` from its context block.

        Args:
            name: one of `ENVIRONMENTS`.
            block: the parsed JSON object of `cdk.json`.
            overrides: values given on the command line; None and "" mean not given. Only the local
                environment takes any: elsewhere a change of provider belongs into `cdk.json`, where it is
                reviewed.

        Raises:
            EnvironmentConfigError: a field is missing, unknown or unfitting, or an override was given
                elsewhere.
        """
        if not isinstance(block, Mapping):
            raise EnvironmentConfigError(f"cdk.json has no context block {name!r}")
        given = {key: value for key, value in (overrides or {}).items() if value}
        if given and name != LOCAL:
            raise EnvironmentConfigError(
                f"only the local environment can be changed on the command line: edit {name!r} in cdk.json"
            )
        values = {**block, **given}
        if given.get("llm_base_url") and "llm_provider" not in given:
            values["llm_provider"] = "openai_compatible"
        fields = {field.name for field in dataclasses.fields(cls)} - {"name"}
        if missing := sorted(fields - values.keys()):
            raise EnvironmentConfigError(f"{name!r} in cdk.json lacks {', '.join(missing)}")
        if unknown := sorted(values.keys() - fields):
            raise EnvironmentConfigError(f"{name!r} in cdk.json has unknown {', '.join(unknown)}")
        return cls(name=name, **{key: _fitting(cls, name, key, value) for key, value in values.items()})

    def __post_init__(self) -> None:
        """Refuse combinations that could be synthesised but not run."""
        for field, choices in {
            "llm_provider": LLM_PROVIDERS,
            "cognito_plan": COGNITO_PLANS,
            "lambda_architecture": _ARCHITECTURES,
        }.items():
            if getattr(self, field) not in choices:
                raise EnvironmentConfigError(f"{field} of {self.name!r} must be one of {', '.join(choices)}")
        if self.email_sender and not _ADDRESS.fullmatch(self.email_sender):
            raise EnvironmentConfigError(f"email_sender of {self.name!r} must be an e-mail address")
        if self.screen_band_low and not _is_probability(self.screen_band_low):
            raise EnvironmentConfigError(f"screen_band_low of {self.name!r} must be a number from 0 to 1")
        if self.llm_provider == "openai_compatible" and not self.llm_base_url:
            raise EnvironmentConfigError(
                f"llm_provider openai_compatible of {self.name!r} needs llm_base_url"
            )
        if bool(self.bedrock_guardrail_id) != bool(self.bedrock_guardrail_version):
            raise EnvironmentConfigError(
                f"bedrock_guardrail_id and bedrock_guardrail_version of {self.name!r} go together"
            )
        if self.llm_provider == "anthropic" and not self.llm_api_key_secret_arn:
            raise EnvironmentConfigError(
                f"llm_provider anthropic of {self.name!r} needs llm_api_key_secret_arn"
            )
        if self.llm_provider == "bedrock" and not self.bedrock_regions:
            raise EnvironmentConfigError(f"llm_provider bedrock of {self.name!r} needs bedrock_regions")
        self._check_bedrock()
        self._check_bounds()

    def _check_bounds(self) -> None:
        for field, most in {
            "sentinel_concurrency": _MOST_BATCHES_OF_A_SHARD,
            "synthesis_concurrency": _MOST_PARTS_AT_ONCE,
            "approval_hours": _MOST_APPROVAL_HOURS,
        }.items():
            if not 1 <= getattr(self, field) <= most:
                raise EnvironmentConfigError(f"{field} of {self.name!r} must be 1 to {most}")
        for field in _SCHEDULES:
            if getattr(self, field) and not _SCHEDULE.fullmatch(getattr(self, field)):
                raise EnvironmentConfigError(f"{field} of {self.name!r} must be cron(…) or rate(…)")
        self._check_lake()
        for field in (
            "session_token_budget",
            "daily_spend_cap_usd",
            "llm_requests_per_minute",
            "llm_tokens_per_minute",
            "promotion_look_seconds",
            "promotion_watch_seconds",
            "promotion_sample_hours",
        ):
            if getattr(self, field) < 0:
                raise EnvironmentConfigError(f"{field} of {self.name!r} must not be negative")

    def _check_lake(self) -> None:
        shortest, longest = _BUFFER_SECONDS
        if not shortest <= self.lake_buffer_seconds <= longest:
            raise EnvironmentConfigError(
                f"lake_buffer_seconds of {self.name!r} must be {shortest} to {longest}"
            )
        if self.lake_retention_days and self.lake_retention_days < _SHORTEST_LAKE_DAYS:
            raise EnvironmentConfigError(
                f"lake_retention_days of {self.name!r} must be 0 or at least {_SHORTEST_LAKE_DAYS}"
            )
        if self.athena_scan_limit_gb < 1:
            raise EnvironmentConfigError(f"athena_scan_limit_gb of {self.name!r} must be at least 1")

    def _check_bedrock(self) -> None:
        if self.bedrock_guardrail_at_models and not self.bedrock_guardrail_id:
            raise EnvironmentConfigError(
                f"bedrock_guardrail_at_models of {self.name!r} needs bedrock_guardrail_id"
            )
        if self.bedrock_inference_profile not in ("", *PROFILES):
            raise EnvironmentConfigError(
                f"bedrock_inference_profile of {self.name!r} must be empty or one of {', '.join(PROFILES)}"
            )
        for entry in self.bedrock_application_profiles:
            model, _, arn = entry.partition("=")
            if model not in MODEL_NAMES or not APPLICATION_PROFILE.fullmatch(arn):
                raise EnvironmentConfigError(
                    f"bedrock_application_profiles of {self.name!r}: {entry!r} is not MODEL=ARN with a model "
                    "that the catalogue has at Bedrock and the ARN of an application inference profile"
                )

    @property
    def is_local(self) -> bool:
        """Whether this is the stack on a laptop, where nothing may need a network or an account."""
        return self.name == LOCAL

    @property
    def removal_policy(self) -> RemovalPolicy:
        """What happens to data when its stack is destroyed."""
        return RemovalPolicy.RETAIN if self.retain_data else RemovalPolicy.DESTROY


def _is_probability(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False


def _fitting(cls: type[EnvironmentConfig], environment: str, key: str, value: Any) -> Any:
    """Return the context value `value` as field `key` takes it, "host" replaced by what the machine has."""
    if key == "lambda_python" and value == HOST:
        return f"{sys.version_info.major}.{sys.version_info.minor}"
    if key == "lambda_architecture" and value == HOST:
        return _ARCHITECTURE_OF_MACHINE.get(platform.machine().lower(), platform.machine())
    wanted = get_type_hints(cls)[key]
    if get_args(wanted):
        fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
        value = tuple(value) if fits else value
    else:
        # An exact comparison: a bool is an int to isinstance.
        fits = type(value) is wanted
    if not fits:
        raise EnvironmentConfigError(f"{key} of {environment!r} in cdk.json does not fit: {value!r}")
    return value
