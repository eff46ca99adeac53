"""What a function needs to call language models: their settings, and the permission."""

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.bedrock import INVOKE_MODEL, model_arns
from stacks.constructs.function_settings import Setting
from stacks.constructs.single_purpose_function import SinglePurposeFunction
from stacks.constructs.store_access import allow_items, allow_secret
from stacks.environment import EnvironmentConfig

BEDROCK = "bedrock"
COMPOSER = "composer"
"""The provider where there is none: words that are put together, for nothing."""


class ModelAccess(Construct):
    """The environment's provider: one set of settings and one grant for whoever calls a model.

    With `limits`, the table of counters, a function's calls count against the environment's budgets and
    rates, and its circuit breakers are shared.
    """

    def __init__(self, scope: Construct, construct_id: str, *, environment: EnvironmentConfig) -> None:
        """Find the provider of `environment`."""
        super().__init__(scope, construct_id)
        self._environment = environment
        self._api_key = (
            secretsmanager.Secret.from_secret_complete_arn(self, "ApiKey", environment.llm_api_key_secret_arn)
            if environment.llm_api_key_secret_arn
            else None
        )

    def settings(self, limits: dynamodb.Table | None = None) -> dict[Setting, str]:
        """Return what a function needs to know of the language models; nothing that the environment leaves
        empty.
        """
        environment = self._environment
        settings: dict[Setting, str] = {
            Setting.LLM_PROVIDER: environment.llm_provider,
            Setting.LLM_BASE_URL: environment.llm_base_url,
            Setting.LLM_MODEL_ID: environment.llm_model_id,
            Setting.LLM_MAX_OUTPUT_TOKENS: str(environment.llm_max_output_tokens or ""),
            Setting.LLM_API_KEY_SECRET_ARN: environment.llm_api_key_secret_arn,
        }
        if environment.llm_provider == BEDROCK:
            settings |= {
                Setting.BEDROCK_INFERENCE_PROFILE: environment.bedrock_inference_profile,
                Setting.BEDROCK_APPLICATION_PROFILES: " ".join(environment.bedrock_application_profiles),
            }
            if environment.bedrock_guardrail_at_models:
                settings |= {
                    Setting.BEDROCK_MODEL_GUARDRAIL_ID: environment.bedrock_guardrail_id,
                    Setting.BEDROCK_MODEL_GUARDRAIL_VERSION: environment.bedrock_guardrail_version,
                }
        if limits and self._has_provider:
            settings |= {
                Setting.LIMITS_TABLE: limits.table_name,
                Setting.SESSION_TOKEN_BUDGET: str(environment.session_token_budget or ""),
                Setting.DAILY_SPEND_CAP_USD: str(environment.daily_spend_cap_usd or ""),
                Setting.LLM_REQUESTS_PER_MINUTE: str(environment.llm_requests_per_minute or ""),
                Setting.LLM_TOKENS_PER_MINUTE: str(environment.llm_tokens_per_minute or ""),
            }
        return {setting: value for setting, value in settings.items() if value}

    def allow(
        self,
        function: SinglePurposeFunction,
        limits: dynamodb.Table | None = None,
        actions: Sequence[str] = ("GetItem", "PutItem", "UpdateItem"),
    ) -> None:
        """Let `function` call the models of the catalogue at the provider, and do `actions` on counters."""
        environment = self._environment
        if limits and self._has_provider:
            allow_items(function, limits, *actions)
        if environment.llm_provider == BEDROCK:
            function.allow(INVOKE_MODEL, *self.arns())
            if environment.bedrock_guardrail_at_models:
                function.allow(
                    ("bedrock:ApplyGuardrail",),
                    Stack.of(self).format_arn(
                        service="bedrock",
                        resource="guardrail",
                        resource_name=environment.bedrock_guardrail_id,
                    ),
                )
        if self._api_key:
            allow_secret(function, self._api_key)

    def arns(self) -> list[str]:
        """Return the ARNs of the catalogue's models at Bedrock, as the environment reaches them."""
        environment = self._environment
        return model_arns(
            Stack.of(self),
            environment.bedrock_regions,
            profile=environment.bedrock_inference_profile,
            application_profiles=environment.bedrock_application_profiles,
        )

    @property
    def _has_provider(self) -> bool:
        """Whether there is anything that costs money."""
        return self._environment.llm_provider != COMPOSER
