"""The turn: who may do what, how long each step may take, and what is deployed with it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from statelint.linter import Linter

from tests.stacks.synthesised import Application

TURN_ROLES = ("Capture", "CrisisScreen", "Intent", "Generate", "Validate", "Feedback")
ALL_ROLES = (*TURN_ROLES, "TurnRedrive", "Seed", "FeedbackApi", "SessionsApi", "Sentinel")
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}


def actions(application: Application, role: str, on: str = "") -> set[str]:
    """Return what the role may do on resources whose reference names `on`."""
    return {action for action, resource in application.permissions(f"{role}Role") if on in resource}


def definition(application: Application) -> str:
    """Return the state machine's definition with its placeholders filled in, as CloudFormation does it."""
    machine = application.named("AWS::StepFunctions::StateMachine", "Turn")
    text: str = machine["DefinitionString"]
    for name, value in machine["DefinitionSubstitutions"].items():
        concrete = (
            value if isinstance(value, str) else f"arn:aws:lambda:us-east-1:123456789012:function:{name}:live"
        )
        text = text.replace(f"${{{name}}}", concrete)
    return text


def tasks(states: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every Task, those in branches included."""
    for state in states.values():
        if state["Type"] == "Task":
            yield state
        for branch in state.get("Branches", []):
            yield from tasks(branch["States"])


def test_the_deployed_definition_is_valid(application: Application) -> None:
    """Step Functions would refuse it at the deployment, half way through an update."""
    text = definition(application)
    machine = json.loads(text)
    for task in tasks(machine["States"]):
        if isinstance(task["TimeoutSeconds"], str):
            # The linter knows numbers only; Step Functions takes an expression here.
            task["TimeoutSeconds"] = 1

    assert "${" not in text
    assert Linter.validate(machine) == []


def test_pure_steps_may_do_nothing_but_log(application: Application) -> None:
    """What reads messages and drafts needs no store."""
    for role in ("Intent", "Validate"):
        assert actions(application, role) == LOGS


def test_the_screen_may_call_a_model_and_count_its_cost_and_nothing_else(
    applications: dict[str, Application],
) -> None:
    """It must not depend on anything that can be down: nothing is read for it, and no count is waited for."""
    bedrock = {"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"}
    granted = actions(applications["prod"], "CrisisScreen")

    assert {action for action in granted if not action.startswith("kms:")} == LOGS | bedrock | {
        "dynamodb:UpdateItem"
    }
    assert actions(applications["local"], "CrisisScreen") == LOGS


def test_generation_shares_counters_with_all_its_processes(applications: dict[str, Application]) -> None:
    """A cap that every process counts for itself is no cap."""
    for name in ("dev", "prod"):
        variables = applications[name].named("AWS::Lambda::Function", "GenerateFunction")["Environment"][
            "Variables"
        ]
        assert {"LIMITS_TABLE", "SESSION_TOKEN_BUDGET", "DAILY_SPEND_CAP_USD"} <= variables.keys()
        assert {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"} <= actions(
            applications[name], "Generate"
        )


@pytest.mark.parametrize(
    ("name", "metric"), [("BreakersOpen", "BreakerOpened"), ("SpendCapReached", "SpendCapReached")]
)
def test_operators_hear_of_models_that_fail_and_of_money_that_is_spent(
    name: str, metric: str, applications: dict[str, Application]
) -> None:
    """In the very dimensions that the gateway prints: an alarm on others would be silent for ever."""
    for environment in ("dev", "prod"):
        declared = applications[environment].named("AWS::CloudWatch::Alarm", name)
        assert (declared["Namespace"], declared["MetricName"]) == ("SilentInfinity", metric)
        assert {each["Name"]: each["Value"] for each in declared["Dimensions"]} == {
            "environment": environment,
            "service": "generate",
        }
        assert (declared["Threshold"], declared["TreatMissingData"]) == (1, "notBreaching")


def test_the_screen_calls_the_models_that_generation_calls(applications: dict[str, Application]) -> None:
    """One provider, one set of settings: a change of provider that forgot one would show only in a crisis."""
    for application in applications.values():
        screen, generate = (
            {
                name: value
                for name, value in application.named("AWS::Lambda::Function", f"{role}Function")[
                    "Environment"
                ]["Variables"].items()
                if name.startswith("LLM_")
            }
            for role in ("CrisisScreen", "Generate")
        )
        models = [
            {pair for pair in application.permissions(f"{role}Role") if pair[0].startswith("bedrock:")}
            for role in ("CrisisScreen", "Generate")
        ]

        assert screen == generate
        assert screen["LLM_PROVIDER"]
        assert models[0] == models[1]


def test_turn_events_can_be_written_and_never_changed(application: Application) -> None:
    """Every experiment is judged on them: no role at all may update or delete one. The sentinel is fed from
    their stream.
    """
    allowed = {role: actions(application, role, "TurnEvents") for role in ALL_ROLES}

    assert {role: found for role, found in allowed.items() if found} == {
        "Feedback": {"dynamodb:PutItem"},
        "TurnRedrive": {"dynamodb:PutItem"},
        "Sentinel": {
            f"dynamodb:{action}"
            for action in ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
        },
    }


def test_late_recording_may_do_what_recording_may(application: Application) -> None:
    """The redrive function replays the same use case; a missing permission would show only in an outage."""
    stores = [
        {pair for pair in application.permissions(f"{role}Role") if "Data:" in pair[1]}
        for role in ("Feedback", "TurnRedrive")
    ]

    assert stores[0] == stores[1]
    assert stores[0]


def test_only_the_seed_writes_prompts_and_variants(application: Application) -> None:
    """What the turn reads as given must not be writable from the turn."""
    writers = {
        role
        for role in ALL_ROLES
        for store in ("Prompts", "Variants")
        if actions(application, role, store) - {"dynamodb:GetItem", "dynamodb:Scan", "s3:GetObject"}
    }

    assert writers == {"Seed"}


def test_the_seed_can_add_variants_and_their_history_and_nothing_else(application: Application) -> None:
    """Without the right to update or delete, no fault in it can undo what operators did."""
    assert actions(application, "Seed", "Variants") == {"dynamodb:PutItem"}
    assert actions(application, "Seed", "AuditLog") == {"dynamodb:PutItem"}


def test_bedrock_may_be_called_by_three_functions_only_and_for_models_of_the_catalogue(
    prod: Application,
) -> None:
    """A model that is not in the catalogue has no price and no known abilities."""
    callers = {role for role in ALL_ROLES if any(a.startswith("bedrock:") for a in actions(prod, role))}
    models = {
        re.sub(r".*:(inference-profile|foundation-model)/", r"\1/", resource.rstrip('"]}'))
        for action, resource in prod.permissions("GenerateRole")
        if action == "bedrock:InvokeModel"
    }

    assert callers == {"CrisisScreen", "Generate", "Sentinel"}
    assert "inference-profile/us.anthropic.claude-sonnet-4-6" in models
    assert "foundation-model/anthropic.claude-sonnet-4-6" in models
    assert all("*" not in model for model in models)


def test_without_bedrock_nothing_may_call_it(applications: dict[str, Application]) -> None:
    """The local stack's templates ask for no permission that they have no use for."""
    assert not any(action.startswith("bedrock:") for action in actions(applications["local"], "Generate"))


def test_the_state_machine_may_call_its_six_functions_by_their_aliases(application: Application) -> None:
    """An alias is what a gradual deployment moves; calling the function itself would go past it."""
    permissions = application.permissions("TurnRole")
    invoked = {
        json.loads(resource)["Ref"] for action, resource in permissions if action == "lambda:InvokeFunction"
    }

    assert sorted(re.sub(r"Alias[0-9A-F]{8}$", "", reference) for reference in invoked) == sorted(TURN_ROLES)
    assert {a for a, _ in permissions if a.startswith(("dynamodb:", "sqs:"))} == {
        "dynamodb:GetItem",
        "sqs:SendMessage",
    }


def longest(task: dict[str, Any], states: dict[str, Any]) -> int:
    """Return how many seconds a Task waits at most: its number, or the upper bound in its expression."""
    waits = task["TimeoutSeconds"]
    if isinstance(waits, int):
        return waits
    if waits == "{% $seconds %}":
        waits = next(s["Assign"]["seconds"] for s in states.values() if "seconds" in s.get("Assign", {}))
    bound = re.search(r"\$min\(\[(\d+)", waits)
    assert bound, waits
    return int(bound[1])


def test_a_function_outlives_its_task_by_a_second(application: Application) -> None:
    """Earlier, Lambda would cut off work that is still waited for; later, nobody listens any more."""
    machine = application.named("AWS::StepFunctions::StateMachine", "Turn")
    states = json.loads(machine["DefinitionString"])["States"]
    waits = {
        function[1]: longest(task, states)
        for task in tasks(states)
        if (function := re.match(r"\$\{(\w+)FunctionArn\}", task["Arguments"].get("FunctionName", "")))
    }
    seconds = {
        role: application.named("AWS::Lambda::Function", f"{role}Function")["Timeout"] for role in TURN_ROLES
    }

    assert seconds == {role: wait + 1 for role, wait in waits.items()}


def test_functions_get_only_the_settings_that_they_read(application: Application) -> None:
    """A name or an address that a function does not need is one more that its logs could show."""
    common = {"ENVIRONMENT"}
    settings = {
        re.sub(r"Function[0-9A-F]{8}$", "", name.partition("/")[2]): {
            variable
            for variable in function["Environment"]["Variables"]
            if not variable.startswith("POWERTOOLS_")
        }
        for name, function in application.properties("AWS::Lambda::Function").items()
    }

    assert settings["Intent"] == settings["Validate"] == common
    same = {name for name in settings["Generate"] if "PROMPTS" not in name}
    assert settings["CrisisScreen"] == same | {"OPENBLAS_NUM_THREADS"}
    assert settings["Feedback"] == settings["TurnRedrive"]
    reference_data = {"VARIANTS_TABLE", "AUDIT_LOG_TABLE", "PROMPTS_TABLE", "PROMPTS_BUCKET"}
    assert settings["Seed"] == common | reference_data
    # The one that is there is the name of an encryption key, for the service that writes batches.
    keys = {setting for found in settings.values() for setting in found if "KEY" in setting}
    assert keys <= {"SYNTHESIS_KEY_ARN"}


def test_events_are_never_logged_by_powertools(application: Application) -> None:
    """The variable of the same name in a developer's shell logs whole inputs."""
    for name, function in application.properties("AWS::Lambda::Function").items():
        assert function["Environment"]["Variables"]["POWERTOOLS_LOGGER_LOG_EVENT"] == "false", name


def test_the_seed_runs_again_when_prompts_or_variants_change(application: Application) -> None:
    """CloudFormation compares properties: without the hash a new prompt would never be published."""
    seed = application.only("Custom::SilentInfinitySeed")

    assert re.fullmatch(r"[0-9a-f]{64}", seed["ContentHash"])
    assert int(seed["ServiceTimeout"]) <= 120


def test_unrecorded_turns_are_tried_one_by_one(application: Application) -> None:
    """A turn that cannot be recorded must not hold up, or be blamed on, its neighbour in a batch."""
    mapping = application.named("AWS::Lambda::EventSourceMapping", "UnrecordedTurns")
    (source,) = [
        queue
        for name, queue in application.properties("AWS::SQS::Queue").items()
        if "RedrivePolicy" in queue and name.startswith("Turn/")
    ]
    redrive = application.named("AWS::Lambda::Function", "TurnRedrive")

    assert mapping["BatchSize"] == 1
    assert source["VisibilityTimeout"] >= 6 * redrive["Timeout"]


@pytest.mark.parametrize("name", ["local", "dev", "staging", "prod"])
def test_deployments_to_real_people_are_gradual(name: str, applications: dict[str, Application]) -> None:
    """Ten percent first, and back at the first alarm. What nobody waits for and what is called too seldom to
    be judged by a tenth of its calls goes at once.
    """
    application = applications[name]
    groups = application.properties("AWS::CodeDeploy::DeploymentGroup")
    aliases = application.resources("AWS::Lambda::Alias")
    gradual = {
        alias
        for alias in aliases
        if "Seed" not in alias
        and not alias.startswith("Background/WeeklySynthesis")
        and not alias.startswith(("Background/AuditAnchors", "Background/VariantDemotion"))
        and not alias.startswith(
            ("Analytics/NightlyRollup", "Analytics/WeeklyReport", "Analytics/IntakeReplay", "Promotion/")
        )
    }
    by_deployment = {
        alias
        for alias, resource in aliases.items()
        if "CodeDeployLambdaAliasUpdate" in resource.get("UpdatePolicy", {})
    }

    assert len(groups) == len(by_deployment)
    assert by_deployment == (gradual if name in ("staging", "prod") else set())
    for group in groups.values():
        assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        assert len(group["AlarmConfiguration"]["Alarms"]) == 1


def test_production_keeps_the_turn_warm(prod: Application) -> None:
    """A cold start in front of a person in distress is what provisioned concurrency is bought for."""
    warm = {
        name.partition("/")[2].partition("Alias")[0]
        for name, alias in prod.properties("AWS::Lambda::Alias").items()
        if "ProvisionedConcurrencyConfig" in alias
    }

    assert warm == {*TURN_ROLES, "FeedbackApi", "SessionsApi"}
