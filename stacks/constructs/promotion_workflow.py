"""The workflow of promotions: the machine, the functions that it calls, and the alarms of both."""

from collections.abc import Mapping

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.constructs.approvers_access import allow_knowing_approvers, allow_writing_to_approvers
from stacks.constructs.function_settings import Setting
from stacks.constructs.lake import Lake
from stacks.constructs.lake_bucket import GOLD, SILVER
from stacks.constructs.operations import FIVE_MINUTES, OperationsTopic, alarm
from stacks.constructs.python_layer import PythonLayer
from stacks.constructs.registry_access import allow_changing_registry, registry_settings
from stacks.constructs.single_purpose_function import SinglePurposeFunction
from stacks.constructs.store_access import (
    allow_approvals,
    allow_golden_results,
    allow_items,
    allow_secret,
    allow_telling,
)
from stacks.constructs.workflow import StandardWorkflow
from stacks.constructs.workflow_runs import alarms_of_runs
from stacks.data_stack import DataStack
from stacks.environment import EnvironmentConfig
from stacks.paths import STATE_MACHINES

DEFINITION = STATE_MACHINES / "promotion.asl.json"
WHERE = "See docs/operations.md, Promotions."
# Each shorter than its state waits: a function that is cut off by the machine would go on unseen.
_SHORT = Duration.seconds(50)
_STATEMENTS = Duration.seconds(290)
_STATISTICS = Duration.seconds(110)
_MEMORY_MB = 512
_STATISTICS_MB = 1024
"""SciPy is loaded and run here: processor comes with memory."""


class PromotionWorkflow(Construct):
    """Judges a variant, asks people, and has the registry do what they decided.

    The machine itself may call its functions and nothing else.
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
        approval_base_url: str,
    ) -> None:
        """Declare the workflow over the registry in `data` and the figures in `lake`.

        Args:
            scope: the stack.
            construct_id: unique in the scope.
            environment: what differs between environments.
            data: the stores.
            layer: the stack's layer.
            operations: hears of each end, and of trouble.
            lake: has the figures.
            demote: takes back what harms.
            approval_base_url: what approvers' links begin with.
        """
        super().__init__(scope, construct_id)
        self._environment = environment
        self._data = data
        self._layer = layer
        self.close = self._close()
        self.ask = self._ask(approval_base_url)
        self.workflow = StandardWorkflow(
            self,
            "Workflow",
            definition=DEFINITION.read_text(encoding="utf-8"),
            functions={
                "OpenFunctionArn": self._open(),
                "CollectFunctionArn": self._collect(lake),
                "EvaluateFunctionArn": self._evaluate(),
                "AskFunctionArn": self.ask,
                "ApplyFunctionArn": self._apply(),
                "CloseFunctionArn": self.close,
                "NotifyFunctionArn": self._notify(operations),
                "DemoteFunctionArn": demote,
            },
            substitutions={},
            environment=environment,
        )
        alarms_of_runs(
            self,
            self.workflow,
            topic=operations.topic,
            failed="A promotion did not work.",
            timed_out="A promotion took sixty days.",
            aborted="A promotion was ended by hand.",
            where=WHERE,
        )
        alarm(
            self,
            "ClosingFails",
            metric=self.close.alias.metric_errors(period=FIVE_MINUTES, statistic="Sum"),
            description=f"A promotion that is over could not be closed. {WHERE}",
            threshold=1,
            topic=operations.topic,
        )
        CfnOutput(
            Stack.of(self),
            "PromotionStateMachineArn",
            value=self.workflow.state_machine.state_machine_arn,
        )

    def _function(
        self,
        construct_id: str,
        name: str,
        description: str,
        settings: Mapping[Setting, str],
        *,
        timeout: Duration = _SHORT,
        memory_mb: int = _MEMORY_MB,
    ) -> SinglePurposeFunction:
        return SinglePurposeFunction(
            self,
            construct_id,
            name=name,
            description=description,
            environment=self._environment,
            layer=self._layer,
            timeout=timeout,
            memory_mb=memory_mb,
            settings={Setting.PROMOTIONS_TABLE: self._data.promotions.table_name, **settings},
            answers_people=False,
        )

    def _open(self) -> SinglePurposeFunction:
        environment = self._environment
        opened = self._function(
            "Open",
            "promotion_open",
            "Takes a promotion for one execution",
            {
                Setting.APPROVAL_SECONDS: str(environment.approval_hours * 3600),
                Setting.PROMOTION_WATCH_SECONDS: str(environment.promotion_watch_seconds),
            },
        )
        allow_items(opened, self._data.promotions, "GetItem", "UpdateItem")
        return opened

    def _collect(self, lake: Lake) -> SinglePurposeFunction:
        data = self._data
        collect = self._function(
            "Collect",
            "promotion_collect",
            "Collects what the gates of a promotion look at",
            {
                **lake.settings(),
                Setting.VARIANTS_TABLE: data.variants.table_name,
                Setting.APPROVALS_TABLE: data.approvals.table_name,
                Setting.VARIANT_METRICS_TABLE: data.variant_metrics.table_name,
            },
            timeout=_STATEMENTS,
        )
        allow_items(collect, data.promotions, "GetItem")
        allow_items(collect, data.variants, "GetItem", "Scan")
        # Results of golden sets lie beside approvals; live misses beside the figures of variants.
        allow_golden_results(collect, data.approvals, "Query")
        allow_items(collect, data.variant_metrics, "Query")
        lake.workgroup.allow_running(collect.role, reads=[SILVER, GOLD])
        lake.workgroup.allow_reading_results(collect.role)
        return collect

    def _evaluate(self) -> SinglePurposeFunction:
        data, environment = self._data, self._environment
        evaluate = self._function(
            "Evaluate",
            "promotion_evaluate",
            "Holds the figures of a variant against the gates of its promotion",
            {
                Setting.VARIANTS_TABLE: data.variants.table_name,
                Setting.APPROVALS_TABLE: data.approvals.table_name,
                Setting.PROMOTION_LOOK_SECONDS: str(environment.promotion_look_seconds),
                Setting.PROMOTION_SAMPLE_HOURS: str(environment.promotion_sample_hours),
            },
            timeout=_STATISTICS,
            memory_mb=_STATISTICS_MB,
        )
        allow_items(evaluate, data.promotions, "GetItem", "UpdateItem")
        allow_items(evaluate, data.variants, "GetItem", "Scan")
        # Evidence is put under its hash and never changed.
        allow_approvals(evaluate, data.approvals, "PutItem")
        return evaluate

    def _ask(self, approval_base_url: str) -> SinglePurposeFunction:
        data = self._data
        ask = self._function(
            "Ask",
            "promotion_ask",
            "Asks the approvers of a promotion",
            {
                Setting.APPROVALS_TABLE: data.approvals.table_name,
                Setting.APPROVERS_TOPIC_ARN: data.approvers.topic.topic_arn,
                Setting.APPROVAL_LINK_SECRET_ARN: data.approval_links.secret_arn,
                Setting.APPROVAL_BASE_URL: approval_base_url,
            },
        )
        allow_items(ask, data.promotions, "GetItem")
        allow_approvals(ask, data.approvals, "GetItem", "PutItem", "UpdateItem")
        allow_secret(ask, data.approval_links, data.key)
        allow_knowing_approvers(ask, data.approvers)
        allow_writing_to_approvers(ask, data.approvers)
        return ask

    def _apply(self) -> SinglePurposeFunction:
        data = self._data
        apply = self._function(
            "Apply",
            "promotion_apply",
            "Carries out a step of a promotion that was approved",
            {
                **registry_settings(data),
                Setting.APPROVALS_TABLE: data.approvals.table_name,
                Setting.PROMOTION_WATCH_SECONDS: str(self._environment.promotion_watch_seconds),
            },
        )
        allow_changing_registry(apply, data)
        allow_items(apply, data.promotions, "GetItem", "UpdateItem")
        allow_approvals(apply, data.approvals, "GetItem")
        return apply

    def _close(self) -> SinglePurposeFunction:
        data = self._data
        close = self._function(
            "Close",
            "promotion_close",
            "Ends a promotion once",
            {**registry_settings(data), Setting.APPROVALS_TABLE: data.approvals.table_name},
        )
        allow_changing_registry(close, data)
        allow_items(close, data.promotions, "GetItem", "UpdateItem")
        # Who rejected, and why, goes into the audit log.
        allow_approvals(close, data.approvals, "GetItem")
        return close

    def _notify(self, operations: OperationsTopic) -> SinglePurposeFunction:
        secret = self._environment.slack_webhook_secret_arn
        notify = self._function(
            "Notify",
            "promotion_notify",
            "Tells the people on call and the team how a promotion ended",
            {
                Setting.OPERATIONS_TOPIC_ARN: operations.topic.topic_arn,
                **({Setting.SLACK_WEBHOOK_SECRET_ARN: secret} if secret else {}),
            },
        )
        allow_items(notify, self._data.promotions, "GetItem")
        allow_telling(notify, operations)
        if secret:
            allow_secret(notify, secretsmanager.Secret.from_secret_complete_arn(self, "SlackWebhook", secret))
        return notify
