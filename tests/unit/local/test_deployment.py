"""The parts of a deployment that decide something."""

import json
import os
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.stack import aws
from local.stack.deployment import (
    match_object_lock,
    match_recovery,
    match_time_to_live,
    receive_outbox,
    templates,
)
from local.stack.services import EMULATOR
from local.stack.stack import checked_model
from local.tools.errors import LocalError


def test_nothing_of_the_callers_account_reaches_a_local_deployment() -> None:
    """A local command that touches a real account would be a disaster."""
    surroundings = {
        "PATH": "/bin",
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ENDPOINT_URL_S3": "https://real.example",
        "CDK_DEFAULT_ACCOUNT": "123456789012",
    }

    environment = aws.local_environment(surroundings, "http://127.0.0.1:20001")

    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:20001"
    assert environment["AWS_ACCESS_KEY_ID"] == "test"
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert environment["PATH"] == "/bin"
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "CDK_DEFAULT_ACCOUNT"} & set(
        environment
    )


def test_a_proxy_of_the_surroundings_is_not_asked_for_loopback() -> None:
    """Behind a company proxy the emulator would be unreachable."""
    environment = aws.local_environment({"no_proxy": "intranet"}, "http://127.0.0.1:20001")

    assert environment["NO_PROXY"] == "intranet,127.0.0.1,localhost"


def test_local_clients_ignore_a_profile_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_PROFILE is set in many shells, and has nothing to say here."""
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")

    session: boto3.Session = aws.session()

    credentials = session.get_credentials()

    assert credentials is not None
    assert credentials.access_key == "test"


def test_the_emulator_sees_no_credentials_and_no_settings_of_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hands its whole environment on to the Lambda functions."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")

    environment = EMULATOR.environment(tmp_path, 20001)

    assert environment["GATEWAY_PORT"] == "20001"
    assert environment["BIND_HOST"] == "127.0.0.1"
    assert not {"AWS_SECRET_ACCESS_KEY", "PYTHONPATH"} & set(environment)


@pytest.mark.parametrize("model", ["composer", "small", "http://127.0.0.1:11434/v1"])
def test_a_known_kind_of_model_is_accepted(model: str) -> None:
    """These three are what the functions can be pointed at."""
    assert checked_model(model) == model


def test_an_unknown_model_is_refused_with_what_there_is() -> None:
    """A typing mistake should not deploy something that never answers."""
    with pytest.raises(LocalError, match="composer"):
        checked_model("smal")


class Recorder:
    """Stands for a client: answers as told, notes the calls that change something."""

    def __init__(self, **answers: Any) -> None:
        """`answers` by method name."""
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            if name in self.answers:
                answer = self.answers[name]
                return answer.pop(0) if isinstance(answer, list) else answer
            self.calls.append((name, arguments))
            return {}

        return call


DECLARED = {"TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True}}


def test_a_declared_time_to_live_is_switched_on() -> None:
    """The emulator's CloudFormation leaves it off, and expired data would look kept for ever."""
    dynamodb = Recorder(describe_time_to_live={"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}})

    match_time_to_live(dynamodb, "table", DECLARED)

    assert [name for name, _ in dynamodb.calls] == ["update_time_to_live"]
    assert dynamodb.calls[0][1]["TimeToLiveSpecification"] == {"Enabled": True, "AttributeName": "expires_at"}


def test_a_declared_lock_is_switched_on() -> None:
    """The emulator's CloudFormation leaves it off: anchors of the audit log could simply be deleted."""
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    s3 = Recorder()

    match_object_lock(s3, "anchors", {"ObjectLockEnabled": True, "ObjectLockConfiguration": lock})
    match_object_lock(s3, "prompts", {"VersioningConfiguration": {"Status": "Enabled"}})

    assert s3.calls == [
        ("put_object_lock_configuration", {"Bucket": "anchors", "ObjectLockConfiguration": lock})
    ]


def test_a_time_to_live_that_is_on_is_not_switched_on_again() -> None:
    """AWS refuses that, so the emulator may learn to."""
    on = {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}}
    dynamodb = Recorder(describe_time_to_live=on)

    match_time_to_live(dynamodb, "table", DECLARED)

    assert dynamodb.calls == []


@pytest.mark.parametrize(
    "properties",
    [
        {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}},
        {"Replicas": [{"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}]},
    ],
    ids=["table", "global table"],
)
def test_declared_recovery_is_switched_on(properties: dict[str, Any]) -> None:
    """Both kinds of table declare it, in different places."""
    dynamodb = Recorder()

    match_recovery(dynamodb, "table", properties)

    assert [name for name, _ in dynamodb.calls] == ["update_continuous_backups"]


def test_recovery_that_is_not_declared_stays_off() -> None:
    """Local must not have more than the templates say."""
    dynamodb = Recorder()

    match_recovery(dynamodb, "table", {})

    assert dynamodb.calls == []


def test_every_stack_of_an_assembly_is_found_with_its_template(tmp_path: Path) -> None:
    """A stack that is overlooked keeps its tables without a time to live."""
    artifacts = {
        "Data": {
            "type": "aws:cloudformation:stack",
            "properties": {"templateFile": "Data.template.json", "stackName": "Silent-Data"},
        },
        "Data.assets": {"type": "cdk:asset-manifest", "properties": {"file": "x"}},
    }
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    (tmp_path / "Data.template.json").write_text('{"Resources": {}}')

    assert templates(tmp_path) == [("Silent-Data", {"Resources": {}})]


def test_the_outbox_is_emptied_and_put_in_order() -> None:
    """A queue promises no order, and a reader expects one."""
    envelopes = [{"Timestamp": "2026-01-02", "Message": "b"}, {"Timestamp": "2026-01-01", "Message": "a"}]
    messages = [{"Body": json.dumps(e), "ReceiptHandle": e["Message"]} for e in envelopes]
    sqs = Recorder(
        get_queue_url={"QueueUrl": "queue"}, receive_message=[{"Messages": messages}, {"Messages": []}]
    )

    received = receive_outbox(sqs)

    assert [envelope["Message"] for envelope in received] == ["a", "b"]
    assert [arguments["ReceiptHandle"] for _, arguments in sqs.calls] == ["b", "a"]
