"""How an environment reaches its models: settings and permissions follow from a few fields of cdk.json."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.stacks.synthesised import Application, synthesise

KEY = "arn:aws:secretsmanager:us-east-1:111122223333:secret:llm-AbCdEf"
SONNET = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc123"
CALLERS = ("Generate", "CrisisScreen", "Sentinel")


@pytest.fixture
def deployed(request: pytest.FixtureRequest, tmp_path: Path) -> Application:
    """The development environment with the fields of a test."""
    fields: dict[str, Any] = request.param
    return synthesise("dev", tmp_path / "dev", block=fields)


def variables(application: Application, caller: str) -> dict[str, Any]:
    """Return the environment variables of a function."""
    function = application.named("AWS::Lambda::Function", f"{caller}Function")
    found: dict[str, Any] = function["Environment"]["Variables"]
    return found


def models(application: Application, caller: str) -> set[str]:
    """Return the ends of the ARNs that a function may invoke."""
    return {
        "".join(part for part in _flat(json.loads(resource)) if isinstance(part, str))
        for action, resource in application.permissions(f"{caller}Role")
        if action == "bedrock:InvokeModel"
    }


def _flat(resource: Any) -> list[Any]:
    if isinstance(resource, str):
        return [resource]
    parts = resource["Fn::Join"][1]
    return ["<ref>" if isinstance(part, dict) else part for part in parts]


@pytest.mark.parametrize(
    "deployed", [{"llm_provider": "anthropic", "llm_api_key_secret_arn": KEY}], indirect=True
)
def test_anthropic_needs_a_key_and_no_permission_on_bedrock(deployed: Application) -> None:
    """Whoever calls a model may read the one secret, and nothing of Bedrock."""
    for caller in CALLERS:
        permissions = deployed.permissions(f"{caller}Role")
        assert variables(deployed, caller)["LLM_PROVIDER"] == "anthropic"
        assert variables(deployed, caller)["LLM_API_KEY_SECRET_ARN"] == KEY
        assert ("secretsmanager:GetSecretValue", json.dumps(KEY)) in permissions
        assert not any(action.startswith("bedrock:") for action, _ in permissions)


@pytest.mark.parametrize(
    "deployed",
    [
        {
            "bedrock_inference_profile": "eu",
            "bedrock_application_profiles": [f"claude-sonnet-4-6={SONNET}"],
            "bedrock_regions": ["eu-central-1"],
            "bedrock_guardrail_id": "gr1",
            "bedrock_guardrail_version": "2",
            "bedrock_guardrail_at_models": True,
        }
    ],
    indirect=True,
)
def test_an_environment_in_europe_calls_nothing_elsewhere(deployed: Application) -> None:
    """A profile that may be called in another geography is a promise that can be broken by a variable."""
    for caller in CALLERS:
        allowed = models(deployed, caller)

        assert SONNET in allowed
        assert any(
            arn.endswith("inference-profile/eu.anthropic.claude-haiku-4-5-20251001-v1:0") for arn in allowed
        )
        assert not any("inference-profile/us." in arn for arn in allowed)
        assert not any("inference-profile/eu.anthropic.claude-sonnet-4-6" in arn for arn in allowed)
        regions = {arn.split(":")[3] for arn in allowed if "foundation-model" in arn}
        assert regions == {"eu-central-1"}
        # A model without profiles keeps its name.
        assert not any("inference-profile/eu.mistral" in arn for arn in allowed)
        assert variables(deployed, caller)["BEDROCK_INFERENCE_PROFILE"] == "eu"
        assert variables(deployed, caller)["BEDROCK_APPLICATION_PROFILES"] == f"claude-sonnet-4-6={SONNET}"
        assert variables(deployed, caller)["BEDROCK_MODEL_GUARDRAIL_ID"] == "gr1"
        assert variables(deployed, caller)["BEDROCK_MODEL_GUARDRAIL_VERSION"] == "2"
        guardrails = {r for a, r in deployed.permissions(f"{caller}Role") if a == "bedrock:ApplyGuardrail"}
        assert len(guardrails) == 1
        assert "guardrail/gr1" in guardrails.pop()


@pytest.mark.parametrize("deployed", [{"bedrock_inference_profile": "global"}], indirect=True)
def test_the_global_profile_may_ask_for_models_of_no_region(deployed: Application) -> None:
    """AWS checks the permission on an ARN without a region; with the regions alone, every call is denied."""
    allowed = models(deployed, "Generate")

    assert any(arn.endswith("inference-profile/global.anthropic.claude-sonnet-4-6") for arn in allowed)
    assert any(arn.endswith(":bedrock:::foundation-model/anthropic.claude-sonnet-4-6") for arn in allowed)
    assert not any(
        arn.endswith(":bedrock:::foundation-model/mistral.mistral-large-2402-v1:0") for arn in allowed
    )


def test_an_environment_that_says_nothing_leaves_no_variable(applications: dict[str, Application]) -> None:
    """What is off by default must not be there to be misread."""
    for application in applications.values():
        for caller in CALLERS:
            assert not [name for name in variables(application, caller) if name.startswith("BEDROCK_")], (
                application.environment.name
            )
