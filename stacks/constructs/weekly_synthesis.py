"""The weekly synthesis: a scheduled workflow, its five functions, and the bucket of its work files."""

from collections.abc import Sequence
from typing import Any

from aws_cdk import Aws, CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.bedrock import INVOKE_MODEL
from stacks.constructs.acknowledgements import acknowledge, acknowledge_finding
from stacks.constructs.function_settings import Setting
from stacks.constructs.model_access import ModelAccess
from stacks.constructs.operations import OperationsTopic
from stacks.constructs.python_layer import PythonLayer
from stacks.constructs.single_purpose_function import SinglePurposeFunction
from stacks.constructs.store_access import USE_KEY, allow_items
from stacks.constructs.workflow import StandardWorkflow
from stacks.constructs.workflow_runs import alarms_of_runs, start_regularly
from stacks.data_stack import USER_INDEX, DataStack
from stacks.environment import EnvironmentConfig
from stacks.paths import STATE_MACHINES

DEFINITION = STATE_MACHINES / "weekly_synthesis.asl.json"
PREFIX = "weeks/"
POLL_SECONDS = 300
PAUSE_SECONDS = 900
"""Between the two rounds."""
_LOCAL_POLL_SECONDS = 5
_LOCAL_PAUSE_SECONDS = 16
# A task of the workflow waits for 300 or 900 seconds; Lambda's own limit is 900.
_SHORT = Duration.seconds(290)
_LONG = Duration.seconds(890)
_KEPT_DAYS = 1


class WeeklySynthesis(Construct):
    """Writes a summary of the week for everybody who spoke enough (TC7).

    The work files hold what people wrote: they lie in a bucket of their own, encrypted, and go when a run
    ends, at the latest after a day.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: EnvironmentConfig,
        data: DataStack,
        layer: PythonLayer,
        models: ModelAccess,
        operations: OperationsTopic,
    ) -> None:
        """Declare the synthesis over the stores of `data`; it tells `operations` when a run fails."""
        super().__init__(scope, construct_id)
        self._environment = environment
        self._data = data
        self._layer = layer
        self._models = models
        self.bucket = self._work_files()
        self._batch_role = self._role_of_batches() if environment.llm_provider == "bedrock" else None
        self.workflow = StandardWorkflow(
            self,
            "Workflow",
            definition=DEFINITION.read_text(encoding="utf-8"),
            functions={
                "PrepareFunctionArn": self._prepare(),
                "BatchStartFunctionArn": self._batch_start(),
                "BatchFollowFunctionArn": self._batch_follow(),
                "WriteFunctionArn": self._write(),
                "CloseFunctionArn": self._close(),
            },
            substitutions={
                "PollSeconds": str(_LOCAL_POLL_SECONDS if environment.is_local else POLL_SECONDS),
                "PauseSeconds": str(_LOCAL_PAUSE_SECONDS if environment.is_local else PAUSE_SECONDS),
                "WriteConcurrency": str(environment.synthesis_concurrency),
            },
            environment=environment,
        )
        if environment.synthesis_schedule:
            self._schedule()
        self._declare_alarms(operations)
        CfnOutput(
            Stack.of(self),
            "WeeklySynthesisStateMachineArn",
            value=self.workflow.state_machine.state_machine_arn,
        )
        CfnOutput(Stack.of(self), "WeeklySynthesisBucketName", value=self.bucket.bucket_name)

    def _work_files(self) -> s3.Bucket:
        key = self._data.key
        bucket = s3.Bucket(
            self,
            "WorkFiles",
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            bucket_key_enabled=key is not None,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            # No versions: what is deleted here has to be gone.
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=Duration.days(_KEPT_DAYS),
                    abort_incomplete_multipart_upload_after=Duration.days(_KEPT_DAYS),
                )
            ],
            # Nothing in it outlives a run, whatever the environment keeps otherwise.
            removal_policy=RemovalPolicy.DESTROY,
        )
        acknowledge(
            bucket,
            AwsSolutions_S1=(
                "Its objects live for a day at most, and only the roles of the synthesis may touch them. A "
                "log of its reads would be kept for longer than what was read."
            ),
        )
        return bucket

    def _role_of_batches(self) -> iam.Role:
        """Declare the role that Bedrock takes on for a batch.

        https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html
        """
        role = iam.Role(
            self,
            "BatchRole",
            description="Silent Infinity: batch inference of weekly summaries",
            assumed_by=iam.ServicePrincipal(
                "bedrock.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                    "ArnEquals": {"aws:SourceArn": self._jobs_arn},
                },
            ),
        )
        own = {"StringEquals": {"aws:ResourceAccount": Aws.ACCOUNT_ID}}
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:GetObject", "s3:PutObject"],
                resources=[self.bucket.arn_for_objects(f"{PREFIX}*")],
                conditions=own,
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.bucket.bucket_arn], conditions=own)
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[INVOKE_MODEL[0]],
                resources=self._models.arns(),
            )
        )
        if self._data.key:
            role.add_to_policy(iam.PolicyStatement(actions=list(USE_KEY), resources=[self._data.key.key_arn]))
        self._acknowledge_files(role)
        return role

    def _function(
        self, construct_id: str, name: str, description: str, timeout: Duration, settings: dict[Setting, str]
    ) -> SinglePurposeFunction:
        function = SinglePurposeFunction(
            self,
            construct_id,
            name=name,
            description=description,
            environment=self._environment,
            layer=self._layer,
            timeout=timeout,
            settings={
                Setting.CONVERSATIONS_TABLE: self._data.conversations.table_name,
                Setting.SYNTHESIS_BUCKET: self.bucket.bucket_name,
                **settings,
            },
            answers_people=False,
        )
        if self._data.key:
            function.allow(USE_KEY, self._data.key.key_arn)
        return function

    def _prepare(self) -> SinglePurposeFunction:
        data, environment = self._data, self._environment
        prepare = self._function(
            "Prepare",
            "synthesis_prepare",
            "Finds who is due a weekly summary",
            _SHORT,
            {
                Setting.VARIANTS_TABLE: data.variants.table_name,
                Setting.VARIANT_CACHE_TTL_SECONDS: str(environment.variant_cache_ttl_seconds),
                Setting.TURN_RETENTION_DAYS: str(environment.turn_retention_days),
                Setting.LLM_PROVIDER: environment.llm_provider,
                **self._batch_settings(),
            },
        )
        allow_items(prepare, data.conversations, "GetItem", "Query", queries=[USER_INDEX])
        prepare.allow(["dynamodb:Scan"], f"{data.conversations.table_arn}/index/{USER_INDEX}")
        allow_items(prepare, data.variants, "Scan")
        self._allow_own_items(prepare, "PutItem")
        self._allow_files(prepare, "s3:GetObject", "s3:PutObject")
        return prepare

    def _batch_start(self) -> SinglePurposeFunction:
        start = self._function(
            "BatchStart",
            "synthesis_batch_start",
            "Hands a round of weekly summaries to the batch service",
            _LONG,
            self._batch_settings(),
        )
        self._allow_own_items(start, "PutItem")
        self._allow_files(start, "s3:GetObject", "s3:PutObject")
        if self._batch_role:
            start.allow(["bedrock:CreateModelInvocationJob"], *self._models.arns(), self._jobs_arn)
            start.function.add_to_role_policy(
                iam.PolicyStatement(
                    actions=["iam:PassRole"],
                    resources=[self._batch_role.role_arn],
                    conditions={"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}},
                )
            )
            self._acknowledge_jobs(start)
        return start

    def _batch_follow(self) -> SinglePurposeFunction:
        follow = self._function(
            "BatchFollow",
            "synthesis_batch_follow",
            "Looks how far a batch of weekly summaries is",
            _LONG,
            self._batch_settings(),
        )
        self._allow_own_items(follow, "PutItem")
        self._allow_files(follow, "s3:GetObject", "s3:PutObject")
        if self._batch_role:
            follow.allow(["bedrock:GetModelInvocationJob"], self._jobs_arn)
            self._acknowledge_jobs(follow)
        return follow

    def _write(self) -> SinglePurposeFunction:
        data = self._data
        settings = self._models.settings(data.limits)
        # Nobody waits for a summary: what keeps a reply short on a small machine need not cut it off.
        settings.pop(Setting.LLM_MAX_OUTPUT_TOKENS, None)
        write = self._function(
            "Write", "synthesis_write", "Writes one part of the weekly summaries", _LONG, settings
        )
        self._allow_own_items(write, "GetItem", "PutItem")
        # A summary is kept only if none of its sessions was deleted in the meantime.
        allow_items(write, data.conversations, "ConditionCheckItem")
        self._allow_files(write, "s3:GetObject", "s3:PutObject")
        self._models.allow(write, data.limits)
        return write

    def _close(self) -> SinglePurposeFunction:
        close = self._function(
            "Close", "synthesis_close", "Ends a run over a week of summaries", _SHORT, self._batch_settings()
        )
        self._allow_own_items(close, "DeleteItem", people=False)
        self._allow_files(close, "s3:DeleteObject")
        if self._batch_role:
            close.allow(["bedrock:StopModelInvocationJob"], self._jobs_arn)
            self._acknowledge_jobs(close)
        return close

    def _batch_settings(self) -> dict[Setting, str]:
        if self._batch_role is None:
            return {}
        key = self._data.key
        return {
            **self._models.settings(),
            Setting.SYNTHESIS_BATCH_ROLE_ARN: self._batch_role.role_arn,
            **({Setting.SYNTHESIS_KEY_ARN: key.key_arn} if key else {}),
        }

    def _allow_own_items(self, function: SinglePurposeFunction, *actions: str, people: bool = True) -> None:
        """Let `function` touch summaries and leases in the table of conversations, and nobody's session."""
        prefixes = ["SYNTHESIS#*", *(["USER#*"] if people else [])]
        function.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=[f"dynamodb:{action}" for action in actions],
                resources=[self._data.conversations.table_arn],
                conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": prefixes}},
            )
        )

    def _allow_files(self, function: SinglePurposeFunction, *actions: str) -> None:
        """Let `function` do `actions` on the work files, and list them: without that, a file that is not
        there looks like one that is forbidden.
        """
        function.allow(actions, self.bucket.arn_for_objects(f"{PREFIX}*"))
        function.allow(["s3:ListBucket"], self.bucket.bucket_arn)
        self._acknowledge_files(function)

    def _acknowledge_files(self, construct: Construct) -> None:
        name = Stack.of(self).get_logical_id(self.bucket.node.default_child)  # type: ignore[arg-type] # a CfnBucket
        acknowledge_finding(
            construct,
            f"AwsSolutions-IAM5[Resource::<{name}.Arn>/{PREFIX}*]",
            "Work files are named by week, run and part, which nobody knows beforehand. The bucket holds "
            "nothing else.",
        )

    def _acknowledge_jobs(self, function: SinglePurposeFunction) -> None:
        acknowledge_finding(
            function,
            f"AwsSolutions-IAM5[Resource::{_plain(Stack.of(self).resolve(self._jobs_arn))}]",
            "Bedrock chooses the id of a batch job when it is made, so that no policy can name one.",
        )

    @property
    def _jobs_arn(self) -> str:
        return Stack.of(self).format_arn(
            service="bedrock", resource="model-invocation-job", resource_name="*"
        )

    def _schedule(self) -> None:
        start_regularly(
            self,
            self.workflow,
            expression=self._environment.synthesis_schedule,
            description="the summaries of the last week",
            given={"week": ""},
        )

    def _declare_alarms(self, operations: OperationsTopic) -> None:
        where = "See docs/operations.md, The weekly synthesis."
        alarms_of_runs(
            self,
            self.workflow,
            topic=operations.topic,
            failed="A weekly synthesis failed.",
            timed_out="A weekly synthesis took three days.",
            aborted="A weekly synthesis was ended by hand: its batch may go on.",
            where=where,
        )


def _plain(arn: Any) -> str:
    """Return an ARN as cdk-nag writes it: references in angle brackets."""
    if isinstance(arn, str):
        return arn
    parts: Sequence[Any] = arn["Fn::Join"][1]
    return "".join(part if isinstance(part, str) else f"<{part['Ref']}>" for part in parts)
