"""A nightly rollup in this process: the real state machine over the real use cases, adapters in memory.

Athena is played: rows of silver are the events of a day, rows of units those of silver on the day and the
seven after it, rows of gold those of units. So a wrong order, a lost day, or a place that was written twice
shows in the rows.
"""

import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from silent_infinity.adapters.memory.claims import MemoryClaimStore
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.lake import MemoryLakeCatalog, MemoryLakeObjects, MemoryQueryResults
from silent_infinity.adapters.memory.randomness import SeededRandomness
from silent_infinity.adapters.memory.store import MemoryStore
from silent_infinity.adapters.memory.variant_store import MemoryVariantStore
from silent_infinity.domain.lake.days import RETURN_DAYS
from silent_infinity.domain.lake.model import SILVER, UNITS
from silent_infinity.domain.lake.tables import TABLES, table
from silent_infinity.usecases.close_rollup import CloseRollup, CloseRollupRequest
from silent_infinity.usecases.plan_rollup import PlanRequest, PlanRollup
from silent_infinity.usecases.rollup_run import Lake
from silent_infinity.usecases.swap_partitions import SwapPartitions, SwapRequest
from silent_infinity.usecases.write_rollup_statement import StatementRequest, WriteRollupStatement
from stacks.paths import STATE_MACHINES
from tests.support.asl import StateError, StateMachine

DEFINITION = STATE_MACHINES / "nightly_rollup.asl.json"
FUNCTIONS = {
    "plan": "PlanFunctionArn",
    "statement": "StatementFunctionArn",
    "swap": "SwapFunctionArn",
    "sweep": "SweepFunctionArn",
    "metrics": "MetricsFunctionArn",
    "evaluate": "EvaluateFunctionArn",
    "demote": "DemoteFunctionArn",
}
NAMES = {
    "Workgroup": "silent-infinity-test",
    "Database": "silent_infinity_test",
    "OperationsTopicArn": "arn:aws:sns:us-east-1:0:operations",
    "DeadLetterQueueUrl": "http://127.0.0.1/dead-letters",
    "ItemConcurrency": "4",
}
ATHENA = "arn:aws:states:::athena:startQueryExecution.sync"
SNS = "arn:aws:states:::sns:publish"
SQS = "arn:aws:states:::sqs:sendMessage"
BUCKET = "lake"
NIGHT = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)
YESTERDAY = date(2026, 11, 20)
DAY = timedelta(days=1)
REFINED = [one for one in TABLES if not one.projected]


def definition(**resources: str) -> dict[str, Any]:
    """The definition with values in the place of its placeholders."""
    text = DEFINITION.read_text(encoding="utf-8")
    for name, value in {**{arn: name for name, arn in FUNCTIONS.items()}, **NAMES, **resources}.items():
        text = text.replace(f"${{{name}}}", value)
    made: dict[str, Any] = json.loads(text)
    return made


class CrashedError(Exception):
    """A function died: Lambda reports no name that anybody retries."""


class Night:
    """A lake and what computes it.

    `events` are the events of each day. `on_call` is asked before each call of a task, by its name (that of
    the function, or `athena`, `sns`, `sqs`), and may raise; `after_call` likewise, once the work is done.
    """

    def __init__(self) -> None:
        self.clock = FixedClock(NIGHT)
        self.store = MemoryStore()
        self.lake = Lake(MemoryClaimStore(self.store), self.clock)
        self.catalog = MemoryLakeCatalog()
        self.objects = MemoryLakeObjects(self.clock)
        self.results = MemoryQueryResults()
        self.registry = MemoryVariantStore(self.clock)
        self.randomness = SeededRandomness(7)
        self.events: dict[date, set[str]] = defaultdict(set)
        self.late: list[str] = []
        self.breaches: list[dict[str, str]] = []
        self.regressions: list[dict[str, Any]] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.on_call: Callable[[str, dict[str, Any]], None] = lambda _name, _payload: None
        self.after_call: Callable[[str, dict[str, Any]], None] = lambda _name, _payload: None
        self.on_state: Callable[[str], None] = lambda _name: None
        self.visited: list[str] = []
        self._items: dict[str, tuple[str, list[date]]] = {}
        self._tokens: dict[str, str] = {}
        self._numbers = itertools.count(1)

    def fill(self, days: Iterable[date], *names: str) -> None:
        """Let events happen on days."""
        for day in days:
            self.events[day] |= {f"{day.isoformat()} {name}" for name in names or ("one", "two")}

    def run(self, name: str = "", **asked: Any) -> dict[str, Any]:
        """Run the state machine once and return its output.

        Raises:
            StateError: the execution failed.
        """
        machine = StateMachine(
            definition(),
            {
                **{name: self._function(name) for name in FUNCTIONS},
                ATHENA: self._watched("athena", self._athena),
                SNS: self._watched("sns", lambda _payload: {"MessageId": "1"}),
                SQS: self._watched("sqs", lambda _payload: {"MessageId": "1"}),
            },
            now_ms=lambda: int(self.clock.now().timestamp() * 1000),
            sleep=self.clock.advance,
            on_state=self._enter,
        )
        execution = f"arn:aws:states:us-east-1:0:execution:rollup:{name or f'run-{next(self._numbers)}'}"
        try:
            output: dict[str, Any] = machine.run(asked, execution_id=execution, started_at="")
        finally:
            self.visited = machine.visited
        return output

    def fails(self, name: str = "", **asked: Any) -> list[dict[str, Any]]:
        """Run the state machine, which must fail, and return the dead letters that it left."""
        before = len(self.calls)
        with pytest.raises(StateError, match="NightlyRollupFailed"):
            self.run(name, **asked)
        return [payload["MessageBody"] for called, payload in self.calls[before:] if called == "sqs"]

    def payloads(self, name: str) -> list[dict[str, Any]]:
        """Return what a task was given."""
        return [payload for called, payload in self.calls if called == name]

    def rows(self, name: str, day: date) -> list[str] | None:
        """Return the rows that whoever asks for a day of a table reads now; None if the day is not there."""
        location = self.catalog.tables.get(name, {}).get(day)
        if location is None:
            return None
        prefix = location.removeprefix(f"s3://{BUCKET}/")
        return sorted(
            row for entry in self.objects.below(prefix) for row in json.loads(self.objects.texts[entry.name])
        )

    def expected(self, name: str, day: date) -> list[str]:
        """Return the rows that a day of a table should have by the events that have come."""
        if table(name).layer == SILVER:
            return sorted(self.events[day])
        return sorted(row for step in range(RETURN_DAYS + 1) for row in self.events[day + step * DAY])

    def wrong(self, days: Iterable[date]) -> list[tuple[str, date]]:
        """Return the days of tables that are not as they should be."""
        listed = list(days)
        return [
            (one.name, day)
            for one in REFINED
            if one.name != "gold_experiments"
            for day in listed
            if self.rows(one.name, day) != self.expected(one.name, day)
        ]

    def places(self) -> list[str]:
        """Return the folders below the tables' prefixes in which objects lie."""
        names = {entry.name.rpartition("/")[0] for one in REFINED for entry in self.objects.below(one.prefix)}
        return sorted(names)

    # -- what the tasks do

    def _enter(self, state: str) -> None:
        self.on_state(state)

    def _function(self, name: str) -> Callable[[dict[str, Any]], Any]:
        calls: dict[str, Callable[[dict[str, Any]], Any]] = {
            "plan": self._plan,
            "statement": self._statement,
            "swap": self._swap,
            "sweep": self._sweep,
            "metrics": lambda event: {"variant_days": _days_between(event["first"], event["last"])},
            "evaluate": lambda _event: {"breaches": self.breaches, "regressions": self.regressions},
            "demote": lambda _event: [{"outcome": "demoted"}],
        }
        return self._watched(name, calls[name])

    def _watched(self, name: str, task: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
        def called(payload: dict[str, Any]) -> Any:
            self.calls.append((name, payload))
            self.on_call(name, payload)
            result = task(payload)
            self.after_call(name, payload)
            return result

        return called

    def _plan(self, event: dict[str, Any]) -> Any:
        plan = PlanRollup(
            lake=self.lake,
            results=self.results,
            objects=self.objects,
            registry=self.registry,
            clock=self.clock,
        )
        return plan(PlanRequest.from_event(event))

    def _statement(self, event: dict[str, Any]) -> Any:
        write = WriteRollupStatement(lake=self.lake, randomness=self.randomness, bucket=BUCKET)
        request = StatementRequest.from_event(event)
        written = write(request)
        first, last = (date.fromisoformat(request.item[name]) for name in ("first", "last"))
        days = [first + number * DAY for number in range((last - first).days + 1)]
        self._items[written.location] = request.item["table"], days
        return written.to_payload()

    def _swap(self, event: dict[str, Any]) -> Any:
        swap = SwapPartitions(lake=self.lake, catalog=self.catalog, objects=self.objects, bucket=BUCKET)
        return swap(SwapRequest.from_event(event))

    def _sweep(self, event: dict[str, Any]) -> Any:
        close = CloseRollup(
            lake=self.lake, catalog=self.catalog, objects=self.objects, clock=self.clock, bucket=BUCKET
        )
        return close(CloseRollupRequest.from_event(event))

    def _athena(self, arguments: dict[str, Any]) -> Any:
        assert arguments["WorkGroup"] == NAMES["Workgroup"]
        assert arguments["QueryExecutionContext"] == {"Database": NAMES["Database"]}
        token = arguments.get("ClientRequestToken", "")
        known = self._tokens.get(token)
        query = known or f"query-{next(self._numbers)}"
        if known is None:
            self._tokens[token] = query
            location = next((place for place in self._items if f"'{place}'" in arguments["QueryString"]), "")
            if location:
                self.write(location)
            else:
                self.results.results[query] = [{"dt": day} for day in self.late]
        if not token:
            self._tokens.pop("")
        return {"QueryExecution": {"QueryExecutionId": query, "Query": arguments["QueryString"]}}

    def write(self, location: str, *, most: int = 1000) -> None:
        """Let Athena write the rows of a statement, or of its first `most` days only."""
        name, days = self._items[location]
        for day in days[:most]:
            rows = self._computed(name, day)
            if rows:
                prefix = location.removeprefix(f"s3://{BUCKET}/")
                file = f"{prefix}dt={day.isoformat()}/part-{next(self._numbers)}"
                self.objects.put(file, json.dumps(rows), "application/octet-stream")

    def _computed(self, name: str, day: date) -> list[str]:
        layer = table(name).layer
        if layer == SILVER:
            return sorted(self.events[day])
        if layer == UNITS:
            return [
                row
                for step in range(RETURN_DAYS + 1)
                for row in self.rows("silver_turns", day + step * DAY) or ()
            ]
        return self.rows("unit_days", day) or []


def _days_between(first: str, last: str) -> int:
    return (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
