"""The application as a whole: what CloudFormation would say, and several environments in one account."""

import json
from pathlib import Path

import pytest

from stacks.environment import ENVIRONMENTS
from tests.stacks.synthesised import Application, synthesise


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


@pytest.mark.parametrize("stack", ["Data", "Turn", "Api"])
def test_a_stack_fits_into_one_template(stack: str, application: Application) -> None:
    """CloudFormation takes a megabyte and 500 resources."""
    template = application.templates[stack]

    assert len(json.dumps(template, indent=1)) < 1_000_000
    assert len(template["Resources"]) < 500


def test_a_model_server_of_the_laptop_reaches_generation_only(tmp_path: Path) -> None:
    """`-c model_base_url=…` is how the local stack brings its model in."""
    application = synthesise("local", tmp_path / "local", model_base_url="http://127.0.0.1:9/v1")
    addressed = {
        name
        for name, function in application.properties("AWS::Lambda::Function").items()
        if "LLM_BASE_URL" in function["Environment"]["Variables"]
    }
    (generate,) = addressed

    variables = application.properties("AWS::Lambda::Function")[generate]["Environment"]["Variables"]
    assert generate.startswith("Turn/Generate")
    assert variables["LLM_PROVIDER"] == "openai_compatible"
    assert variables["LLM_BASE_URL"] == "http://127.0.0.1:9/v1"
