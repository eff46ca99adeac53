"""What workflows that nobody waits for have in common: a schedule, and alarms when a run ends badly."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.constructs.operations import FIVE_MINUTES, alarm
from stacks.constructs.workflow import StandardWorkflow


def start_regularly(
    scope: Construct,
    workflow: StandardWorkflow,
    *,
    expression: str,
    description: str,
    given: Mapping[str, Any],
) -> None:
    """Start a run by an expression of EventBridge Scheduler (UTC), with `given` as its input."""
    scheduler.Schedule(
        scope,
        "Schedule",
        description=f"Silent Infinity: {description}",
        schedule=scheduler.ScheduleExpression.expression(expression),
        target=targets.StepFunctionsStartExecution(
            workflow.state_machine,
            input=scheduler.ScheduleTargetInput.from_object(dict(given)),
            retry_attempts=10,
            max_event_age=Duration.hours(6),
        ),
    )


def alarms_of_runs(
    scope: Construct,
    workflow: StandardWorkflow,
    *,
    topic: sns.ITopic,
    failed: str,
    timed_out: str,
    aborted: str,
    where: str,
) -> None:
    """Declare an alarm for each way in which a run ends badly.

    Args:
        scope: the construct whose name the alarms begin with.
        workflow: whose runs.
        topic: who is told.
        failed: what is said when a run failed.
        timed_out: when one took too long.
        aborted: when one was ended by hand.
        where: what each of them closes with: the place in the docs.
    """
    machine = workflow.state_machine
    for construct_id, metric, said in (
        ("RunsFail", machine.metric_failed, failed),
        ("RunsTimeOut", machine.metric_timed_out, timed_out),
        ("RunsAbort", machine.metric_aborted, aborted),
    ):
        alarm(
            scope,
            construct_id,
            metric=metric(period=FIVE_MINUTES, statistic="Sum"),
            description=f"{said} {where}",
            threshold=1,
            topic=topic,
        )
