"""Deploy the real templates to the emulator with the real CDK command line, when something changed."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.stack import aws
from local.stack.fingerprint import fingerprint
from local.tools.catalogue import CDK_VERSION, cdk_command, tools_path
from local.tools.errors import LocalError
from local.tools.progress import Progress
from local.tools.running import run_reporting, side_by_side, tail

if TYPE_CHECKING:
    import boto3

DEPLOYED_FROM = ("app.py", "cdk.json", "requirements.txt", "stacks", "functions", "statemachines", "prompts")
BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
# Kept inside the emulator, so that it is lost and restored together with what it describes.
DEPLOYED_PARAMETER = "/silent-infinity/local/deployed"
OUTBOX_QUEUE = "silent-infinity-outbox"
OUTBOX_TOPIC_OUTPUT = "OperationsTopicArn"
TABLE_TYPES = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")
BUCKET_TYPE = "AWS::S3::Bucket"


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """Deploys the application in `project` to the emulator at `endpoint_url`."""

    project: Path
    home: Path
    endpoint_url: str
    context: Mapping[str, str]
    session: boto3.Session
    progress: Progress

    def client(self, service: Any) -> Any:
        """A client of the emulated service."""
        return self.session.client(service, endpoint_url=self.endpoint_url)

    def is_current(self) -> bool:
        """Whether the emulator holds just what the sources say."""
        return self._parameter(DEPLOYED_PARAMETER) == self._fingerprint()

    def deploy(self) -> None:
        """Bootstrap once, synthesise, deploy all stacks, and switch on what the emulator leaves off.

        Raises LocalError with the end of the log when a step fails.
        """
        made_from = self._fingerprint()
        # Gone until all is done: after a failure, going back to the old sources needs a deployment too.
        self.client("ssm").delete_parameters(Names=[DEPLOYED_PARAMETER])
        side_by_side([self._bootstrap, self._synthesise])
        self._cdk(
            "Deploying the stacks", "deploy", ["deploy", "--app", str(self._assembly), *self._deploy_options]
        )
        with self.progress.step("Finishing the local stack", quiet=True):
            self._switch_on_features()
            self._open_outbox()
            self.client("ssm").put_parameter(
                Name=DEPLOYED_PARAMETER, Value=made_from, Type="String", Overwrite=True
            )

    def destroy(self) -> None:
        """Delete the stacks, in the order that their dependencies allow."""
        self.client("ssm").delete_parameters(Names=[DEPLOYED_PARAMETER])
        self._synthesise()
        self._cdk(
            "Deleting the stacks", "destroy", ["destroy", "--app", str(self._assembly), "--all", "--force"]
        )

    def outputs(self) -> dict[str, str]:
        """The outputs of all deployed stacks by their short names."""
        pages = self.client("cloudformation").get_paginator("describe_stacks").paginate()
        stacks = [stack for page in pages for stack in page["Stacks"]]
        ours = [s for s in stacks if s["StackName"].startswith(f"SilentInfinity-{self.context['env']}-")]
        return {out["OutputKey"]: out["OutputValue"] for stack in ours for out in stack.get("Outputs", [])}

    @property
    def _assembly(self) -> Path:
        return self.home / "cdk.out"

    @property
    def _deploy_options(self) -> list[str]:
        return ["--all", "--require-approval", "never", "--method", "direct", "--concurrency", "4"]

    def _fingerprint(self) -> str:
        facts = (json.dumps(self.context, sort_keys=True), CDK_VERSION, sys.version)
        return fingerprint(self.project, DEPLOYED_FROM, *facts)

    def _parameter(self, name: str) -> str | None:
        ssm = self.client("ssm")
        try:
            value: str = ssm.get_parameter(Name=name)["Parameter"]["Value"]
        except ssm.exceptions.ParameterNotFound:
            return None
        return value

    def _bootstrap(self) -> None:
        if self._parameter(BOOTSTRAP_PARAMETER) is not None:
            return
        target = f"aws://{aws.ACCOUNT}/{aws.REGION}"
        # Away from the project: its application need not be run for this.
        empty = self.home / "tmp" / "bootstrap"
        empty.mkdir(parents=True, exist_ok=True)
        self._cdk(
            "Preparing the emulated account (cdk bootstrap)", "bootstrap", ["bootstrap", target], cwd=empty
        )

    def _synthesise(self) -> None:
        shutil.rmtree(self._assembly, ignore_errors=True)
        context = [part for name, value in self.context.items() for part in ("-c", f"{name}={value}")]
        arguments = ["synth", "--quiet", "--output", str(self._assembly), *context]
        self._cdk("Building the templates (cdk synth)", "synth", arguments)

    def _cdk(self, title: str, name: str, arguments: Iterable[str], cwd: Path | None = None) -> None:
        log = self.home / "logs" / f"{name}.log"
        command = [*cdk_command(), *arguments, "--no-color", "--no-notices"]
        with self.progress.step(title) as step:
            code = run_reporting(
                command, cwd=cwd or self.project, env=self._environment(), log=log, step=step
            )
        if code != 0:
            raise LocalError(
                f"{title} failed (exit code {code}). The end of its log:\n{tail(log, 25)}\n",
                f"The whole log is {log}.",
            )

    def _environment(self) -> dict[str, str]:
        # CDK's built-in template rules take most of a synth; cdk-nag still runs, and the templates of the
        # other environments meet those rules in `./run synth` and in the tests.
        quick = {"CDK_VALIDATION": "false"}
        return {**cdk_environment(aws.local_environment(os.environ, self.endpoint_url)), **quick}

    def _switch_on_features(self) -> None:
        """CloudFormation in the emulator ignores TTL, point-in-time recovery and locks; its API does not."""
        dynamodb, s3 = self.client("dynamodb"), self.client("s3")
        cloudformation = self.client("cloudformation")
        for stack, template in templates(self._assembly):
            for logical_id, resource in template.get("Resources", {}).items():
                if resource["Type"] not in (*TABLE_TYPES, BUCKET_TYPE):
                    continue
                found = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
                name = found["StackResourceDetail"]["PhysicalResourceId"]
                if resource["Type"] == BUCKET_TYPE:
                    match_object_lock(s3, name, resource.get("Properties", {}))
                else:
                    match_time_to_live(dynamodb, name, resource.get("Properties", {}))
                    match_recovery(dynamodb, name, resource.get("Properties", {}))

    def _open_outbox(self) -> None:
        """Subscribe a queue to the operations topic: the emulator shows e-mail subscriptions to nobody."""
        topic = self.outputs().get(OUTBOX_TOPIC_OUTPUT)
        if topic is None:
            return
        sqs, sns = self.client("sqs"), self.client("sns")
        url = sqs.create_queue(QueueName=OUTBOX_QUEUE)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        # As on AWS, where policies are enforced: a queue takes messages of a topic only if it says so.
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": _open_to(topic, attributes["QueueArn"])})
        subscriptions = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        if all(subscription["Endpoint"] != attributes["QueueArn"] for subscription in subscriptions):
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes["QueueArn"])


def cdk_environment(base: Mapping[str, str]) -> dict[str, str]:
    """`base` with what the CDK command line needs: the pinned Node.js, and this environment's `python`."""
    # A warning about the age of Node.js would bury what matters; `./run doctor` checks its version.
    quiet = {
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_DISABLE_VERSION_CHECK": "true",
        "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "true",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "true",
        "NODE_NO_WARNINGS": "1",
    }
    return {**base, **quiet, "PATH": tools_path(base.get("PATH", ""))}


def templates(assembly: Path) -> list[tuple[str, dict[str, Any]]]:
    """Stack name and template of every stack in a synthesised assembly."""
    manifest = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))
    found = []
    for name, artifact in manifest["artifacts"].items():
        if artifact["type"] == "aws:cloudformation:stack":
            properties = artifact["properties"]
            file = assembly / properties["templateFile"]
            template = json.loads(file.read_text(encoding="utf-8"))
            found.append((properties.get("stackName", name), template))
    return found


def receive_outbox(sqs: Any) -> list[dict[str, Any]]:
    """Take every message out of the outbox queue: SNS envelopes, oldest first."""
    try:
        url = sqs.get_queue_url(QueueName=OUTBOX_QUEUE)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        return []
    found: list[dict[str, Any]] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return sorted(found, key=lambda envelope: str(envelope["Timestamp"]))


def _open_to(topic: str, queue: str) -> str:
    """Return the policy by which `topic` may put messages into `queue`."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def match_time_to_live(dynamodb: Any, table: str, properties: Mapping[str, Any]) -> None:
    """Switch on the time to live that a template's `properties` declare for `table`."""
    wanted = properties.get("TimeToLiveSpecification", {})
    if not wanted.get("Enabled"):
        return
    now = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if now.get("TimeToLiveStatus") != "ENABLED" or now.get("AttributeName") != wanted["AttributeName"]:
        specification = {"Enabled": True, "AttributeName": wanted["AttributeName"]}
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=specification)


def match_recovery(dynamodb: Any, table: str, properties: Mapping[str, Any]) -> None:
    """Switch on the point-in-time recovery that a template's `properties` declare for `table`."""
    key = "PointInTimeRecoverySpecification"
    # A global table (TableV2 in the CDK) carries the setting on each replica.
    holders = [properties, *properties.get("Replicas", [])]
    if any(holder.get(key, {}).get("PointInTimeRecoveryEnabled") for holder in holders):
        dynamodb.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )


def match_object_lock(s3: Any, bucket: str, properties: Mapping[str, Any]) -> None:
    """Lock the objects of `bucket` as a template's `properties` declare."""
    if properties.get("ObjectLockEnabled"):
        s3.put_object_lock_configuration(
            Bucket=bucket, ObjectLockConfiguration=properties["ObjectLockConfiguration"]
        )
