"""cdk-nag: nothing is found, and nothing is accepted without a reason, too broadly, or in vain."""

import json
from pathlib import Path
from typing import Any

import pytest

from stacks.constructs import acknowledgements
from tests.stacks.synthesised import Application, synthesise


class _Deaf:
    """Stands for `Validations.of(construct)` and accepts nothing."""

    @classmethod
    def of(cls, _construct: object) -> type["_Deaf"]:
        return cls

    @staticmethod
    def acknowledge(*_rules: object) -> None:
        """Forget the rules."""


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    """What the two packs find in production if nothing is accepted: rule and construct path."""
    outdir = tmp_path_factory.mktemp("nag") / "prod"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(acknowledgements, "Validations", _Deaf)
        with pytest.raises(Exception, match=r"^ValidationFailed"):
            synthesise("prod", outdir)
    return reported(outdir)


def reported(outdir: Path) -> set[tuple[str, str]]:
    """Return rule and construct path of every finding in the report of a synthesis."""
    report: dict[str, Any] = json.loads((outdir / "validation-report.json").read_text(encoding="utf-8"))
    return {
        (violation["ruleName"], occurrence["constructPath"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for occurrence in violation["violatingConstructs"]
    }


def test_every_environment_is_clean(application: Application) -> None:
    """Synthesis raises on any finding that is not accepted, so having templates is the proof."""
    assert set(application.templates) == {"Data", "Turn", "Api", "Background", "Analytics", "Promotion"}


def test_every_acceptance_has_a_reason_and_one_resource(application: Application) -> None:
    """An acceptance on a stack would silence the rule for whatever is added next year."""
    assert application.acknowledgements
    for path, accepted in application.acknowledgements.items():
        assert path.strip("/").count("/") >= 1, f"{path} is a whole stack"
        for finding, reason in accepted.items():
            assert len(reason.split()) >= 8, f"{finding} on {path}"
            assert reason.endswith("."), f"{finding} on {path}"


def test_the_packs_see_what_is_accepted(findings: set[tuple[str, str]]) -> None:
    """Otherwise a clean synthesis could mean that nobody looked."""
    rules = {rule.partition("[")[0] for rule, _ in findings}

    assert {"AwsSolutions-SMG4", "AwsSolutions-IAM5", "Serverless-LambdaTracing"} <= rules


def test_nothing_is_accepted_in_vain(findings: set[tuple[str, str]], prod: Application) -> None:
    """An acceptance that outlives its finding would hide the next one."""
    for path, accepted in prod.acknowledgements.items():
        for finding in accepted:
            assert any(rule == finding and f"/{place}".startswith(f"{path}/") for rule, place in findings), (
                f"nothing finds {finding} on {path}"
            )
