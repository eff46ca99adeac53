"""The application as a whole: what CloudFormation would say, and several environments in one account."""

import json
from pathlib import Path

import pytest

from stacks.environment import ENVIRONMENTS
from tests.stacks.synthesised import Application, as_list, synthesise


def test_cloudformation_finds_nothing_to_refuse(tmp_path: Path) -> None:
    """CDK's own rules know types, limits and values that a deployment would stumble over half way through."""
    outdir = tmp_path / "prod"
    synthesise("prod", outdir, template_rules=True)
    report = json.loads((outdir / "validation-report.json").read_text(encoding="utf-8"))

    assert [(plugin["pluginName"], plugin["violations"]) for plugin in report["pluginReports"]] == [
        (plugin["pluginName"], []) for plugin in report["pluginReports"]
    ]


def test_environments_share_no_export(applications: dict[str, Application]) -> None:
    """Exports are names for the whole account and region: two environments would fight over one."""
    exports = [
        output["Export"]["Name"]
        for application in applications.values()
        for template in application.templates.values()
        for output in template["Outputs"].values()
        if "Export" in output
    ]

    assert exports
    assert len(exports) == len(set(exports))
    for name in ENVIRONMENTS:
        assert any(export.startswith(f"SilentInfinity-{name}-") for export in exports)


def test_nothing_that_changes_with_every_deployment_is_shared_between_stacks(
    application: Application,
) -> None:
    """CloudFormation refuses to change a value that another stack imports: a layer's ARN would lock both."""
    for template in application.templates.values():
        for output in template["Outputs"].values():
            if "Export" in output:
                assert "Layer" not in json.dumps(output["Value"])
                assert "Version" not in json.dumps(output["Value"])


def test_templates_need_no_account(application: Application) -> None:
    """`cdk synth` works without credentials, so a template may hold neither an account nor a region."""
    for template in application.templates.values():
        for output in template["Outputs"].values():
            assert "arn:aws:" not in json.dumps(output).replace("arn:aws:bedrock", "")


@pytest.mark.parametrize("stack", ["Data", "Turn", "Api", "Background", "Analytics"])
def test_a_stack_fits_into_one_template(stack: str, application: Application) -> None:
    """CloudFormation takes a megabyte and 500 resources."""
    template = application.templates[stack]

    assert len(json.dumps(template, indent=1)) < 1_000_000
    assert len(template["Resources"]) < 500


def test_a_model_server_of_the_laptop_reaches_whoever_calls_a_model_and_nobody_else(tmp_path: Path) -> None:
    """`-c model_base_url=…` is how the local stack brings its model in."""
    application = synthesise("local", tmp_path / "local", model_base_url="http://127.0.0.1:9/v1")
    addressed = {
        name
        for name, function in application.properties("AWS::Lambda::Function").items()
        if "LLM_BASE_URL" in function["Environment"]["Variables"]
    }
    sentinel, synthesis, screen, generate = sorted(addressed)

    assert sentinel.startswith("Background/Sentinel")
    assert synthesis.startswith("Background/WeeklySynthesisWrite")
    assert screen.startswith("Turn/CrisisScreen")
    assert generate.startswith("Turn/Generate")
    for name in addressed:
        variables = application.properties("AWS::Lambda::Function")[name]["Environment"]["Variables"]
        assert variables["LLM_PROVIDER"] == "openai_compatible"
        assert variables["LLM_BASE_URL"] == "http://127.0.0.1:9/v1"


def test_an_environment_sets_the_band_of_its_screen(tmp_path: Path, prod: Application) -> None:
    """How many messages a model is asked about is a choice of cost; the calibrated band needs no variable."""
    application = synthesise("dev", tmp_path / "dev", block={"screen_band_low": "0.05"})
    changed, calibrated = (
        each.named("AWS::Lambda::Function", "CrisisScreenFunction")["Environment"]["Variables"]
        for each in (application, prod)
    )

    assert changed["SCREEN_BAND_LOW"] == "0.05"
    assert "SCREEN_BAND_LOW" not in calibrated


def test_mail_comes_from_the_verified_domain(tmp_path: Path, prod: Application) -> None:
    """Cognito's own sender stops after 50 messages a day: whoever signs up then never gets a code."""
    application = synthesise("prod", tmp_path / "prod", block={"email_sender": "care@silent.example"})
    configurations = [
        pool["EmailConfiguration"] for pool in application.properties("AWS::Cognito::UserPool").values()
    ]

    assert len(configurations) == 2
    for configuration in configurations:
        assert configuration["EmailSendingAccount"] == "DEVELOPER"
        assert configuration["From"] == "Silent Infinity <care@silent.example>"
        assert "identity/silent.example" in json.dumps(configuration["SourceArn"])
    assert "EmailConfiguration" not in prod.named("AWS::Cognito::UserPool", "People")


def test_a_key_of_a_provider_is_readable_by_whoever_calls_a_model_and_nobody_else(
    tmp_path: Path,
) -> None:
    """Whoever has the key can spend the money."""
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:llm-key-AbCdEf"
    application = synthesise(
        "dev",
        tmp_path / "dev",
        block={
            "llm_provider": "openai_compatible",
            "llm_base_url": "https://models.example/v1",
            "llm_api_key_secret_arn": arn,
        },
    )
    readers = {name for name, statement in application.identity_statements() if arn in json.dumps(statement)}

    sentinel, synthesis, screen, generate = sorted(readers)
    assert sentinel.startswith("Background/SentinelRole")
    assert synthesis.startswith("Background/WeeklySynthesisWriteRole")
    assert screen.startswith("Turn/CrisisScreenRole")
    assert generate.startswith("Turn/GenerateRole")
    for role in ("SentinelRole", "WeeklySynthesisWriteRole", "CrisisScreenRole", "GenerateRole"):
        assert ("secretsmanager:GetSecretValue", f'"{arn}"') in application.permissions(role)


def test_replies_are_judged_elsewhere_only_where_the_environment_says_so(
    tmp_path: Path, prod: Application
) -> None:
    """Both services are sent what a person is about to read; a permission that nobody needs is a risk."""
    services = ("comprehend", "Guardrail")
    assert not any(
        service in json.dumps(statement)
        for _, statement in prod.identity_statements()
        for service in services
    )

    application = synthesise(
        "dev",
        tmp_path / "dev",
        block={
            "comprehend_pii": True,
            "comprehend_sentiment": True,
            "bedrock_guardrail_id": "gr1",
            "bedrock_guardrail_version": "3",
        },
    )
    judges = {
        (name.partition("Role")[0], str(action))
        for name, statement in application.identity_statements()
        for action in as_list(statement["Action"])
        if any(service in str(action) for service in services)
    }
    variables = application.named("AWS::Lambda::Function", "ValidateFunction")["Environment"]["Variables"]

    assert judges == {
        ("Turn/Intent", "comprehend:DetectEntities"),
        ("Turn/Intent", "comprehend:DetectSentiment"),
        ("Turn/Validate", "comprehend:DetectPiiEntities"),
        ("Turn/Validate", "bedrock:ApplyGuardrail"),
    }
    assert ("bedrock:ApplyGuardrail", "guardrail/gr1") in {
        (action, resource[resource.find("guardrail/") :].rstrip('"]}'))
        for action, resource in application.permissions("ValidateRole")
    }
    assert variables["COMPREHEND_PII"] == "on"
    reader = application.named("AWS::Lambda::Function", "IntentFunction")["Environment"]["Variables"]
    assert reader["COMPREHEND_SENTIMENT"] == "on"
    assert (variables["BEDROCK_GUARDRAIL_ID"], variables["BEDROCK_GUARDRAIL_VERSION"]) == ("gr1", "3")
