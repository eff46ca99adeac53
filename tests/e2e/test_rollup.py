"""The whole way on the deployed system: simulated people into the tables, figures out of the admin API.

Tables, streams, the consumer, Firehose's conversion, Athena's statements, the state machine and the store of
figures all do their part, every function with its own role. What has to come out is known beforehand.
"""

import json
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from local.simulation import table
from local.simulation.effects import parsed
from local.simulation.scenario import Scenario, registry
from local.simulation.simulation import FEEDBACK, TURN, arrivals, days
from local.simulation.truth import Truth
from local.stack.stack import LocalStack
from silent_infinity.adapters.aws.variant_metrics import DynamoVariantMetrics
from silent_infinity.domain.lake.metrics import RATIO, by_name
from silent_infinity.domain.variant_sums import DayOfVariant
from tests.e2e.test_admin_api import Http
from tests.support.operators import VARIANTS, Operator

MACHINE = "NightlyRollupStateMachineArn"
CATEGORY = "SMALL_TALK_MODEL"
PRODUCTION, ARM = "claude-sonnet-4-6", "claude-haiku-4-5"
SLOWER = 3000.0
"""Milliseconds. The arm has a fifth of the traffic, of which small talk is a small part."""

AGO = 10
"""The last simulated day is so many days ago: no other test looks at it, and who comes back has come."""

PATIENCE = 240.0


class Simulated:
    """What was put into the tables, and what the rollup has to make of it."""

    def __init__(self, stack: LocalStack) -> None:
        effects = (parsed(f"{CATEGORY}:{ARM}:latency_total_ms:+{SLOWER:g}"),)
        self.until = datetime.now(UTC).date() - timedelta(days=AGO)
        scenario = Scenario(240, 4, self.until, 11, registry(effects), effects)
        self.first = scenario.first
        # A session of the last evening may go on past midnight.
        self.last = self.until + timedelta(days=1)
        truth = Truth(scenario, through=datetime.now(UTC).date() - timedelta(days=1))
        tables = {TURN: stack.outputs["TurnEventsTableName"], FEEDBACK: stack.outputs["FeedbackTableName"]}
        client = stack.client("dynamodb")
        for day in days(scenario):
            truth.see(day)
            table.put(client, tables, arrivals(day, scenario.disorder, scenario.seed))
        self.truth = truth.finish()

    def of(self, category: str, variant_id: str) -> list[dict[str, Any]]:
        """Return the truth of a variant, day by day."""
        wanted = (category, variant_id)
        return [row for row in self.truth["variant_days"] if (row["category"], row["variant_id"]) == wanted]


@pytest.fixture(scope="module")
def simulated(stack: LocalStack) -> Simulated:
    """Simulated people, all of whose turns and feedback have arrived in the lake."""
    found = Simulated(stack)
    wanted = [(found.truth["events"], found.truth["feedback"])]
    deadline = time.monotonic() + PATIENCE
    while (arrived := _arrived(stack, found)) != wanted and time.monotonic() < deadline:
        time.sleep(1)
    assert arrived == wanted
    return found


@pytest.fixture(scope="module")
def rolled_up(simulated: Simulated, stack: LocalStack) -> Simulated:
    """The same after a rollup of their days."""
    assert rollup(stack, simulated)["status"] == "SUCCEEDED"
    return simulated


def _arrived(stack: LocalStack, simulated: Simulated) -> list[tuple[int, int]]:
    """Return how many simulated turns and pieces of feedback Athena finds in bronze."""
    first, last = simulated.first.isoformat(), simulated.last.isoformat()
    rows = query(
        stack,
        "SELECT count(DISTINCT t.turn_id), count(DISTINCT f.feedback_id) "  # noqa: S608 - days
        "FROM bronze_turn_events AS t LEFT JOIN bronze_feedback AS f ON f.session_id = t.session_id "
        f"WHERE substr(t.timestamp, 1, 10) BETWEEN '{first}' AND '{last}'",
    )
    return [(int(turns), int(feedback)) for turns, feedback in rows]


def query(stack: LocalStack, sql: str) -> list[list[str]]:
    """Return the rows of an Athena query as text."""
    athena = stack.client("athena")
    execution = athena.start_query_execution(
        QueryString=sql,
        WorkGroup=stack.outputs["LakeWorkgroupName"],
        QueryExecutionContext={"Database": stack.outputs["LakeDatabaseName"]},
    )["QueryExecutionId"]
    while True:
        status = athena.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
        if status["State"] not in ("QUEUED", "RUNNING"):
            break
        time.sleep(0.2)
    assert status["State"] == "SUCCEEDED", status
    rows = athena.get_query_results(QueryExecutionId=execution)["ResultSet"]["Rows"]
    return [[cell.get("VarCharValue", "") for cell in row["Data"]] for row in rows[1:]]


def rollup(stack: LocalStack, simulated: Simulated) -> dict[str, Any]:
    """Roll up the simulated days and return how that ended."""
    machines = stack.client("stepfunctions")
    execution = machines.start_execution(
        stateMachineArn=stack.outputs[MACHINE],
        name=f"simulated-{uuid.uuid4().hex[:12]}",
        input=json.dumps({"from": simulated.first.isoformat(), "to": simulated.last.isoformat()}),
    )["executionArn"]
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        described: dict[str, Any] = machines.describe_execution(executionArn=execution)
        if described["status"] != "RUNNING":
            return described
        time.sleep(0.5)
    raise AssertionError("the rollup did not end")


def published(stack: LocalStack, simulated: Simulated, variant_id: str) -> dict[date, DayOfVariant]:
    """Return the figures of a variant as the admin API reads them."""
    metrics = DynamoVariantMetrics(stack.client("dynamodb"), stack.outputs["VariantMetricsTableName"])
    found = metrics.days(CATEGORY, variant_id, simulated.first, simulated.last)
    return {day.day: day for day in found}


def test_figures_in_the_table_are_the_truth_of_each_day(rolled_up: Simulated, stack: LocalStack) -> None:
    """From a turn in the table to a sum in the table: nothing lost, nothing twice, nothing else counted."""
    compared = 0
    for variant_id in (PRODUCTION, ARM):
        found = published(stack, rolled_up, variant_id)
        for row in rolled_up.of(CATEGORY, variant_id):
            sums = found[date.fromisoformat(row["dt"])].metrics
            for metric, expected in row["metrics"].items():
                compared += 1
                assert _off(metric, expected, sums) == {}, (row["dt"], variant_id, metric)

    assert compared > 100


def _off(metric: str, expected: Mapping[str, float], sums: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs by more than the rounding of units' values."""
    if not expected["n"] and metric not in sums:
        return {}
    found = sums[metric]
    known = by_name()[metric]
    rounding = expected["n"] * 0.5 / known.scale if known.value == RATIO else 0.0
    return {
        name: (expected[name], value)
        for name, value, most in (("n", found.n, 0.0), ("total", found.total, rounding))
        if abs(expected[name] - value) > most + 1e-9 * abs(expected[name])
    }


def test_an_operator_sees_the_planted_effect(rolled_up: Simulated, stack: LocalStack) -> None:
    """What all of it is for: the arm is three seconds slower, and the comparison says so."""
    operator = Operator(Http(stack), keys=uuid.uuid4().hex)
    asked = {
        "a": f"{CATEGORY}/{PRODUCTION}",
        "b": f"{CATEGORY}/{ARM}",
        "metric": "latency_total_ms",
        "from": rolled_up.first.isoformat(),
        "to": rolled_up.last.isoformat(),
    }

    [metric] = operator.send(f"GET {VARIANTS}/compare", query=asked)["metrics"]

    # Haiku is the faster model by a little, so that the effect is not all of the difference.
    assert metric["difference"] == pytest.approx(SLOWER, abs=600)
    assert metric["p"] < 0.001


def test_a_second_rollup_gives_the_same_figures(rolled_up: Simulated, stack: LocalStack) -> None:
    """A day that is computed again must not change, or no decision could be explained afterwards."""
    before = {variant_id: published(stack, rolled_up, variant_id) for variant_id in (PRODUCTION, ARM)}

    assert rollup(stack, rolled_up)["status"] == "SUCCEEDED"

    assert before[ARM]
    assert {variant_id: published(stack, rolled_up, variant_id) for variant_id in before} == before
