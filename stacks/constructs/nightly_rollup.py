"""The nightly rollup: a scheduled workflow over the lake, its functions, and the alarms of both."""

from collections.abc import Mapping

from aws_cdk import CfnOutput, Duration, Stack
from constructs import Construct

from stacks.constructs.acknowledgements import acknowledge
from stacks.constructs.closed_queue import closed_queue
from stacks.constructs.function_settings import Setting
from stacks.constructs.lake import Lake
from stacks.constructs.lake_bucket import BRONZE, REFINED, REGISTRY
from stacks.constructs.operations import (
    ONE_MINUTE,
    OperationsTopic,
    alarm,
    alarm_of_silence,
)
from stacks.constructs.python_layer import PythonLayer
from stacks.constructs.single_purpose_function import SinglePurposeFunction
from stacks.constructs.store_access import USE_KEY, allow_claim, allow_items
from stacks.constructs.workflow import StandardWorkflow
from stacks.constructs.workflow_runs import alarms_of_runs, start_regularly
from stacks.data_stack import DataStack
from stacks.environment import EnvironmentConfig
from stacks.paths import STATE_MACHINES

DEFINITION = STATE_MACHINES / "nightly_rollup.asl.json"
ITEM_CONCURRENCY = 4
"""Statements at once. Athena lets an account run twenty or more; the others are for people."""
_LOCAL_ITEM_CONCURRENCY = 2
_SILENT_HOURS = 26
"""A day, and two hours for a night that takes longer or starts later than the last."""
CLAIM = "nightly-rollup"
"""The key of the claim that the run has which may work on the lake."""
# Each shorter than its state waits: a function that is cut off by the machine would go on unseen.
_SHORT = Duration.seconds(50)
_LONG = Duration.seconds(290)
_SWEEP = Duration.seconds(890)
_MEMORY_MB = 512


class NightlyRollup(Construct):
    """Refines what arrived, publishes the figures, and has alerts sent and variants demoted.

    The machine itself runs the statements; its functions plan, write statements, move partitions, and judge.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: EnvironmentConfig,
        data: DataStack,
        layer: PythonLayer,
        operations: OperationsTopic,
        lake: Lake,
        demote: SinglePurposeFunction,
    ) -> None:
        """Declare the rollup over `lake`; `demote` takes back what harms, `operations` hears of trouble."""
        super().__init__(scope, construct_id)
        self._environment = environment
        self._data = data
        self._layer = layer
        self._lake = lake
        self.dead_letters = closed_queue(self, "DeadLetters", key=data.key, retention=Duration.days(14))
        end_of_the_line = "Nothing consumes it: people look at it after its alarm, and run the day again."
        acknowledge(
            self.dead_letters,
            AwsSolutions_SQS3=end_of_the_line,
            Serverless_SQSRedrivePolicy=end_of_the_line,
        )
        self.workflow = StandardWorkflow(
            self,
            "Workflow",
            definition=DEFINITION.read_text(encoding="utf-8"),
            functions={
                "PlanFunctionArn": self._plan(),
                "StatementFunctionArn": self._statement(),
                "SwapFunctionArn": self._swap(),
                "SweepFunctionArn": self._sweep(),
                "MetricsFunctionArn": self._metrics(),
                "EvaluateFunctionArn": self._evaluate(),
                "DemoteFunctionArn": demote,
            },
            substitutions={
                "Workgroup": lake.workgroup.name,
                "Database": lake.tables.database_name,
                "OperationsTopicArn": operations.topic.topic_arn,
                "DeadLetterQueueUrl": self.dead_letters.queue_url,
                "ItemConcurrency": str(_LOCAL_ITEM_CONCURRENCY if environment.is_local else ITEM_CONCURRENCY),
            },
            environment=environment,
        )
        self._allow_workflow(operations)
        if environment.rollup_schedule:
            self._schedule()
        self._declare_alarms(operations)
        outputs = {
            "NightlyRollupStateMachineArn": self.workflow.state_machine.state_machine_arn,
            "NightlyRollupDeadLetterQueueUrl": self.dead_letters.queue_url,
        }
        for name, value in outputs.items():
            CfnOutput(Stack.of(self), name, value=value)

    def _allow_workflow(self, operations: OperationsTopic) -> None:
        role = self.workflow.role
        self._lake.workgroup.allow_running(role, reads=[BRONZE, *REFINED], writes=REFINED)
        self.workflow.allow(["sns:Publish"], operations.topic.topic_arn)
        self.workflow.allow(["kms:Decrypt", "kms:GenerateDataKey"], operations.key.key_arn)
        self.workflow.allow(["sqs:SendMessage"], self.dead_letters.queue_arn)
        if self._data.key:
            self.workflow.allow(list(USE_KEY), self._data.key.key_arn)

    def _function(
        self,
        construct_id: str,
        name: str,
        description: str,
        settings: Mapping[Setting, str],
        timeout: Duration = _SHORT,
    ) -> SinglePurposeFunction:
        return SinglePurposeFunction(
            self,
            construct_id,
            name=name,
            description=description,
            environment=self._environment,
            layer=self._layer,
            timeout=timeout,
            memory_mb=_MEMORY_MB,
            settings=settings,
            answers_people=False,
        )

    def _of_a_run(
        self,
        construct_id: str,
        name: str,
        description: str,
        *claim_actions: str,
        settings: Mapping[Setting, str] | None = None,
        timeout: Duration = _SHORT,
    ) -> SinglePurposeFunction:
        """Declare a function that works only for the run which has the lake."""
        function = self._function(
            construct_id,
            name,
            description,
            {
                Setting.IDEMPOTENCY_TABLE: self._data.idempotency.table_name,
                Setting.LAKE_BUCKET: self._lake.store.bucket.bucket_name,
                **(settings or {}),
            },
            timeout,
        )
        allow_claim(function, self._data.idempotency, CLAIM, *claim_actions)
        return function

    def _plan(self) -> SinglePurposeFunction:
        variants = self._data.variants
        plan = self._of_a_run(
            "Plan",
            "rollup_plan",
            "Says which days of which tables are made anew",
            "GetItem",
            "PutItem",
            "UpdateItem",
            settings={Setting.VARIANTS_TABLE: variants.table_name},
        )
        allow_items(plan, variants, "GetItem", "Scan")
        self._lake.workgroup.allow_reading_results(plan.role)
        # Which arms ran on a day is written down once: a day that is run again has the same.
        self._lake.store.allow(plan.role, ["s3:GetObject", "s3:PutObject"], REGISTRY)
        self._lake.store.allow_listing(plan.role)
        return plan

    def _statement(self) -> SinglePurposeFunction:
        return self._of_a_run(
            "Statement", "rollup_statement", "Writes a statement of the rollup", "GetItem", "UpdateItem"
        )

    def _swap(self) -> SinglePurposeFunction:
        swap = self._of_a_run(
            "Swap",
            "rollup_swap",
            "Points days of a table to what was just made",
            "GetItem",
            "UpdateItem",
            settings={Setting.LAKE_DATABASE: self._lake.tables.database_name},
            timeout=_LONG,
        )
        self._lake.tables.allow(
            swap.role,
            ["glue:BatchCreatePartition", "glue:GetPartitions", "glue:GetTable", "glue:UpdatePartition"],
            *self._lake.tables.refined(),
        )
        self._lake.store.allow_listing(swap.role)
        return swap

    def _sweep(self) -> SinglePurposeFunction:
        sweep = self._of_a_run(
            "Sweep",
            "rollup_sweep",
            "Deletes what no partition points to",
            "UpdateItem",
            settings={Setting.LAKE_DATABASE: self._lake.tables.database_name},
            timeout=_SWEEP,
        )
        self._lake.tables.allow(sweep.role, ["glue:GetPartitions"], *self._lake.tables.refined())
        self._lake.store.allow(sweep.role, ["s3:DeleteObject"], *REFINED)
        self._lake.store.allow_listing(sweep.role)
        return sweep

    def _metrics(self) -> SinglePurposeFunction:
        table = self._data.variant_metrics
        metrics = self._function(
            "Metrics",
            "rollup_metrics",
            "Publishes the figures of variants",
            {Setting.VARIANT_METRICS_TABLE: table.table_name},
            _LONG,
        )
        # Each day has a list of whose figures it has: what is no longer in the lake is found there.
        allow_items(metrics, table, "BatchWriteItem", "Query")
        self._lake.workgroup.allow_reading_results(metrics.role)
        return metrics

    def _evaluate(self) -> SinglePurposeFunction:
        data = self._data
        evaluate = self._function(
            "Evaluate",
            "rollup_evaluate",
            "Holds the figures against what was promised",
            {
                Setting.VARIANTS_TABLE: data.variants.table_name,
                Setting.VARIANT_METRICS_TABLE: data.variant_metrics.table_name,
                Setting.LAKE_DATABASE: self._lake.tables.database_name,
                Setting.LAKE_WORKGROUP: self._lake.workgroup.name,
            },
        )
        allow_items(evaluate, data.variants, "GetItem", "Scan")
        allow_items(evaluate, data.variant_metrics, "Query")
        self._lake.workgroup.allow_reading_results(evaluate.role)
        return evaluate

    def _schedule(self) -> None:
        start_regularly(
            self,
            self.workflow,
            expression=self._environment.rollup_schedule,
            description="the rollup of the last day",
            given={"act": True},
        )

    def _declare_alarms(self, operations: OperationsTopic) -> None:
        machine = self.workflow.state_machine
        where = "See docs/operations.md, The nightly rollup."
        alarms_of_runs(
            self,
            self.workflow,
            topic=operations.topic,
            failed="A rollup failed.",
            timed_out="A rollup took twelve hours.",
            aborted="A rollup was ended by hand.",
            where=where,
        )
        alarm(
            self,
            "DeadLettersFill",
            metric=self.dead_letters.metric_approximate_number_of_messages_visible(
                period=ONE_MINUTE, statistic="Maximum"
            ),
            description=f"A rollup left a dead letter. {where}",
            threshold=1,
            topic=operations.topic,
        )
        if self._environment.rollup_schedule:
            alarm_of_silence(
                self,
                "NothingSucceeds",
                metric=machine.metric_succeeded(period=Duration.hours(1), statistic="Sum"),
                description=f"No rollup has succeeded for {_SILENT_HOURS} hours. {where}",
                hours=_SILENT_HOURS,
                topic=operations.topic,
            )
