"""Permissions to resume a waiting task, by the machine that waits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local.emulator_process import REGION, Emulator, start
from tests.local.test_callback_tasks import Asked, ask


def resumer(emulator: Emulator, machine: str) -> Any:
    """A client of somebody who may resume the executions of one machine."""
    iam = emulator.client("iam")
    allowed = {"Effect": "Allow", "Action": "states:SendTaskSuccess", "Resource": machine}
    iam.create_user(UserName="resumer")
    policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_user_policy(UserName="resumer", PolicyName="one", PolicyDocument=policy)
    key = iam.create_access_key(UserName="resumer")["AccessKey"]
    return boto3.client(
        "stepfunctions",
        endpoint_url=emulator.url,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )


def waiting(emulator: Emulator, name: str) -> Asked:
    """A task that waits. Functions have a role that is there, where permissions are checked."""
    iam = emulator.client("iam")
    if not any(role["RoleName"] == "test" for role in iam.list_roles()["Roles"]):
        trust = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "lambda.amazonaws.com"},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": trust})
        iam.create_role(RoleName="test", AssumeRolePolicyDocument=document)
    return Asked(emulator, name, ask())


def machine_of(asked: Asked) -> str:
    """The machine of an execution."""
    found: str = asked.states.describe_execution(executionArn=asked.arn)["stateMachineArn"]
    return found


def test_who_may_resume_a_machine_resumes_its_tasks_and_no_others(tmp_path: Path) -> None:
    """The page of approvals may resume promotions, and nothing else that waits in the account."""
    running = start(tmp_path, AUTH="true")
    try:
        mine, other = waiting(running, "mine"), waiting(running, "other")
        [token], [others] = mine.tokens(), other.tokens()
        client = resumer(running, machine_of(mine))
        with pytest.raises(ClientError, match="AccessDenied"):
            client.send_task_success(taskToken=others, output="{}")
        with pytest.raises(ClientError, match="AccessDenied"):
            client.send_task_success(taskToken="no-such-token", output="{}")
        client.send_task_success(taskToken=token, output="{}")
        with pytest.raises(ClientError, match="TaskTimedOut"):
            client.send_task_success(taskToken=token, output="{}")
    finally:
        running.stop()


def test_without_the_completion_nobody_resumes_by_machine(tmp_path: Path) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    running = start(tmp_path, AUTH="true", SILENT_INFINITY_COMPLETIONS_OFF="task_token_resources")
    try:
        asked = waiting(running, "mine")
        [token] = asked.tokens()
        with pytest.raises(ClientError, match="AccessDenied"):
            resumer(running, machine_of(asked)).send_task_success(taskToken=token, output="{}")
    finally:
        running.stop()
