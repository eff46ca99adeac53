"""Custom resources backed directly by a function, as the seed is."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.local.emulator_process import ROLE, Emulator

ANSWERING = """
import json, urllib.request

def handler(event, context):
    print("seeding", event["RequestType"], event["ResourceProperties"]["Version"])
    body = json.dumps({
        "Status": "SUCCESS", "PhysicalResourceId": "seed", "StackId": event["StackId"],
        "RequestId": event["RequestId"], "LogicalResourceId": event["LogicalResourceId"],
        "Data": {"Written": "17"},
    }).encode()
    url = event["ResponseURL"]
    answer = urllib.request.Request(url, data=body, method="PUT", headers={"content-type": ""})
    urllib.request.urlopen(answer).read()
"""
RAISING = "def handler(event, context):\n    raise KeyError('TABLE_NAME')\n"


def resources(name: str, code: str, kind: str, version: int = 1, timeout: int = 10) -> dict[str, Any]:
    """A function and the custom resource that it backs."""
    return {
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": name,
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": ROLE,
                "Code": {"ZipFile": code},
            },
        },
        "Seed": {
            "Type": kind,
            "Properties": {
                "ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]},
                "Version": version,
                "ServiceTimeout": timeout,
            },
        },
    }


@pytest.mark.parametrize("kind", ["Custom::Seed", "AWS::CloudFormation::CustomResource"])
def test_a_function_that_answers_is_called_through_the_life_of_its_resource(
    emulator: Emulator, kind: str
) -> None:
    """Create, update when a property changes, and delete; its Data can be read in the template."""
    name = f"custom-{len(kind)}"
    outputs = emulator.deploy(
        name, resources(name, ANSWERING, kind), {"Written": {"Fn::GetAtt": ["Seed", "Written"]}}
    )
    emulator.update(name, {"Resources": resources(name, ANSWERING, kind, version=2)})
    emulator.client("cloudformation").delete_stack(StackName=name)
    requests: list[str] = []
    deadline = time.monotonic() + 5
    while len(requests) < 3 and time.monotonic() < deadline:
        events = emulator.client("logs").filter_log_events(
            logGroupName=f"/aws/lambda/{name}", filterPattern="seeding"
        )["events"]
        requests = sorted(event["message"] for event in events)
        time.sleep(0.02)

    assert outputs == {"Written": "17"}
    assert requests == ["seeding Create 1", "seeding Delete 2", "seeding Update 2"]


def test_the_bare_emulator_waits_for_a_function_that_raised(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and the completion can go. (An hour, unless told 2 s.)"""
    started = time.monotonic()

    with pytest.raises(AssertionError, match="timed out"):
        bare.deploy("custom-raising", resources("custom-raising", RAISING, "Custom::Seed", timeout=2))
    assert time.monotonic() - started > 2


def test_a_function_that_raises_fails_its_stack_at_once(emulator: Emulator) -> None:
    """A seed with a bug must not cost an hour after every edit."""
    started = time.monotonic()

    with pytest.raises(AssertionError, match="ended with KeyError"):
        emulator.deploy("custom-raising", resources("custom-raising", RAISING, "Custom::Seed"))
    assert time.monotonic() - started < 9
