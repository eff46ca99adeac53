"""What a function needs to call language models: their settings, and the permission."""

from aws_cdk import Stack
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.bedrock import INVOKE_MODEL, model_arns
from stacks.constructs.function_settings import Setting
from stacks.constructs.single_purpose_function import SinglePurposeFunction
from stacks.constructs.store_access import allow_secret
from stacks.environment import EnvironmentConfig


class ModelAccess(Construct):
    """The environment's provider: one set of settings and one grant for whoever calls a model."""

    def __init__(self, scope: Construct, construct_id: str, *, environment: EnvironmentConfig) -> None:
        """Find the provider of `environment`."""
        super().__init__(scope, construct_id)
        self._environment = environment
        self._api_key = (
            secretsmanager.Secret.from_secret_complete_arn(self, "ApiKey", environment.llm_api_key_secret_arn)
            if environment.llm_api_key_secret_arn
            else None
        )

    def settings(self) -> dict[Setting, str]:
        """Return what a function needs to know of the language models; nothing that the environment leaves
        empty.
        """
        environment = self._environment
        settings = {
            Setting.LLM_PROVIDER: environment.llm_provider,
            Setting.LLM_BASE_URL: environment.llm_base_url,
            Setting.LLM_MODEL_ID: environment.llm_model_id,
            Setting.LLM_MAX_OUTPUT_TOKENS: str(environment.llm_max_output_tokens or ""),
            Setting.LLM_API_KEY_SECRET_ARN: environment.llm_api_key_secret_arn,
        }
        return {setting: value for setting, value in settings.items() if value}

    def allow(self, function: SinglePurposeFunction) -> None:
        """Let `function` call the models of the catalogue at the provider."""
        environment = self._environment
        if environment.llm_provider == "bedrock":
            function.allow(INVOKE_MODEL, *model_arns(Stack.of(self), environment.bedrock_regions))
        if self._api_key:
            allow_secret(function, self._api_key)
