"""Environments: what their blocks must say, and what an engineer is told when they do not."""

import json
import subprocess
import sys
from typing import Any

import pytest

from stacks.environment import ENVIRONMENTS, EnvironmentConfig, EnvironmentConfigError
from stacks.paths import ROOT

BLOCKS: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]

PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc123"


def changed(name: str, **values: Any) -> dict[str, Any]:
    """Return the block of `cdk.json` with other values."""
    return {**BLOCKS[name], **values}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_environment_has_a_complete_block(name: str) -> None:
    """A field that is missing in one environment would be found by its first deployment."""
    assert EnvironmentConfig.from_block(name, BLOCKS[name]).name == name


def test_an_environment_cannot_be_changed_once_it_is_read() -> None:
    """A stack that could change it would deploy something that no block describes."""
    config = EnvironmentConfig.from_block("dev", BLOCKS["dev"])

    with pytest.raises(AttributeError):
        config.retain_data = True  # type: ignore[misc]  # that it cannot be set is the point


@pytest.mark.parametrize(
    ("block", "told"),
    [
        (None, "no context block 'dev'"),
        ({key: value for key, value in BLOCKS["dev"].items() if key != "cors_origin"}, "lacks cors_origin"),
        (changed("dev", colour="blue"), "unknown colour"),
        (changed("dev", api_burst="many"), "api_burst of 'dev' in cdk.json does not fit: 'many'"),
        (changed("dev", api_burst=True), "api_burst of 'dev' in cdk.json does not fit: True"),
        (changed("dev", bedrock_regions=[1]), "bedrock_regions of 'dev' in cdk.json does not fit"),
        (changed("dev", llm_provider="oracle"), "llm_provider of 'dev' must be one of bedrock"),
        (changed("dev", cognito_plan="gold"), "cognito_plan of 'dev' must be one of essentials"),
        (changed("dev", lambda_architecture="mips"), "lambda_architecture of 'dev' must be one of"),
        (changed("dev", screen_band_low="1.5"), "screen_band_low of 'dev' must be a number from 0 to 1"),
        (changed("dev", daily_spend_cap_usd=-1), "daily_spend_cap_usd of 'dev' must not be negative"),
        (changed("dev", session_token_budget=-1), "session_token_budget of 'dev' must not be negative"),
        (changed("dev", screen_band_low="low"), "screen_band_low of 'dev' must be a number from 0 to 1"),
        (changed("dev", screen_band_low=0.2), "screen_band_low of 'dev' in cdk.json does not fit: 0.2"),
        (changed("dev", llm_provider="openai_compatible"), "needs llm_base_url"),
        (changed("dev", bedrock_guardrail_id="gr1"), "go together"),
        (changed("dev", bedrock_regions=[]), "needs bedrock_regions"),
        (changed("dev", llm_provider="anthropic"), "needs llm_api_key_secret_arn"),
        (changed("dev", bedrock_guardrail_at_models=True), "needs bedrock_guardrail_id"),
        (changed("dev", bedrock_inference_profile="mars"), "must be empty or one of us, eu"),
        (changed("dev", bedrock_application_profiles=["claude-sonnet-4-6"]), "is not MODEL=ARN"),
        (changed("dev", bedrock_application_profiles=[f"gpt-4.1-mini={PROFILE}"]), "is not MODEL=ARN"),
        (changed("dev", bedrock_application_profiles=["claude-sonnet-4-6=us."]), "is not MODEL=ARN"),
        (changed("dev", sentinel_concurrency=0), "sentinel_concurrency of 'dev' must be 1 to 10"),
        (changed("dev", sentinel_concurrency=11), "sentinel_concurrency of 'dev' must be 1 to 10"),
        (changed("dev", sentinel_enabled="yes"), "sentinel_enabled of 'dev' in cdk.json does not fit: 'yes'"),
        (changed("dev", approval_hours=0), "approval_hours of 'dev' must be 1 to 240"),
        (changed("dev", approval_hours=241), "approval_hours of 'dev' must be 1 to 240"),
        (changed("dev", promotion_schedule="nightly"), r"promotion_schedule of 'dev' must be cron"),
        (changed("dev", promotion_look_seconds=-1), "promotion_look_seconds of 'dev' must not be negative"),
        (changed("dev", promotion_watch_seconds=-1), "promotion_watch_seconds of 'dev' must not be negative"),
        (changed("dev", promotion_sample_hours=-1), "promotion_sample_hours of 'dev' must not be negative"),
        (changed("dev", email_sender="nobody"), "email_sender of 'dev' must be an e-mail address"),
    ],
)
def test_a_wrong_block_is_refused_with_the_field_that_is_wrong(block: Any, told: str) -> None:
    """Whoever edits cdk.json should not have to read this code to see what went wrong."""
    with pytest.raises(EnvironmentConfigError, match=told):
        EnvironmentConfig.from_block("dev", block)


def test_the_local_environment_takes_the_interpreter_of_the_machine() -> None:
    """The emulator runs functions on that interpreter, whatever runtime they name."""
    config = EnvironmentConfig.from_block("local", BLOCKS["local"])

    assert config.lambda_python == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert config.lambda_architecture in {"arm64", "x86_64"}


def test_a_model_server_on_the_command_line_makes_it_the_local_provider() -> None:
    """`-c model_base_url=…` alone says all that is needed to talk to a model on the laptop."""
    config = EnvironmentConfig.from_block(
        "local", BLOCKS["local"], {"llm_base_url": "http://127.0.0.1:9/v1", "llm_provider": None}
    )

    assert (config.llm_provider, config.llm_base_url) == ("openai_compatible", "http://127.0.0.1:9/v1")


def test_an_empty_override_is_none() -> None:
    """The local stack passes an empty address when it has no model server."""
    config = EnvironmentConfig.from_block("local", BLOCKS["local"], {"llm_base_url": ""})

    assert config.llm_provider == "composer"


def test_production_cannot_be_changed_on_the_command_line() -> None:
    """What answers people in production is reviewed in cdk.json, not typed."""
    with pytest.raises(EnvironmentConfigError, match=r"edit 'prod' in cdk\.json"):
        EnvironmentConfig.from_block("prod", BLOCKS["prod"], {"llm_provider": "composer"})


@pytest.mark.parametrize(("given", "told"), [({}, "no environment is named"), ({"env": "tset"}, "'tset'")])
def test_the_application_says_which_environments_there_are(given: dict[str, str], told: str) -> None:
    """Forgetting `-c env=` is the first mistake that everybody makes."""
    run = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={"CDK_CONTEXT_JSON": json.dumps(given), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode != 0
    assert told in run.stderr
    assert "local, dev, staging, prod" in run.stderr
    assert "Traceback" not in run.stderr
