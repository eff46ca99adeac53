"""Statements that somebody waits for: in memory, and on Athena as a scripted client plays it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from silent_infinity.adapters.aws.lake_queries import AthenaQueries
from silent_infinity.adapters.memory.lake_queries import MemoryLakeQueries
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.lake_queries import LakeQueries

REASON = "COLUMN_NOT_FOUND: line 1: 'what somebody wrote'"


class Athena:
    """A client of Athena whose runs go through the states that it is given, one for each look."""

    def __init__(self, *states: str) -> None:
        self.started: list[dict[str, Any]] = []
        self.stopped: list[str] = []
        self._looks: dict[str, Iterator[str]] = {}
        self._states = states

    def start_query_execution(self, **request: Any) -> dict[str, str]:
        """Start a run."""
        self.started.append(request)
        query_id = f"run-{len(self.started)}"
        self._looks[query_id] = iter(self._states)
        return {"QueryExecutionId": query_id}

    def get_query_execution(self, QueryExecutionId: str) -> dict[str, Any]:  # noqa: N803 - the service's name
        """Give the next state."""
        state = next(self._looks[QueryExecutionId])
        return {"QueryExecution": {"Status": {"State": state, "StateChangeReason": REASON}}}

    def stop_query_execution(self, QueryExecutionId: str) -> None:  # noqa: N803 - the service's name
        """Note that it was stopped."""
        self.stopped.append(QueryExecutionId)


def on_athena(
    client: Any, sleep: Callable[[float], None] = lambda _: None, patience: float = 10
) -> AthenaQueries:
    """Queries over a client, without waiting."""
    return AthenaQueries(
        lambda: client, database="lake", workgroup="reports", patience_seconds=patience, sleep=sleep
    )


def _fails(_statement: str) -> list[dict[str, str | None]]:
    raise StoreUnavailableError("QueryFailed")


@pytest.mark.parametrize(
    "queries",
    [
        MemoryLakeQueries(lambda _statement: [{"n": "1"}]),
        on_athena(Athena("QUEUED", "RUNNING", "SUCCEEDED")),
    ],
)
def test_two_statements_run_side_by_side_and_are_waited_for(queries: LakeQueries) -> None:
    """Each has an id of its own."""
    first, second = queries.start("SELECT 1 AS n"), queries.start("SELECT 1 AS n")

    assert first != second
    for query_id in (second, first):
        queries.wait(query_id)


@pytest.mark.parametrize("queries", [MemoryLakeQueries(_fails), on_athena(Athena("RUNNING", "FAILED"))])
def test_a_statement_that_fails_is_an_outage_by_a_code(queries: LakeQueries) -> None:
    """Athena's own reason quotes the statement, and may quote a value."""
    query_id = queries.start("SELECT nothing")
    with pytest.raises(StoreUnavailableError) as failure:
        queries.wait(query_id)

    assert str(failure.value) == "QueryFailed"


def test_the_workgroup_and_the_database_are_named() -> None:
    """The workgroup says where results go and how much may be read; statements name tables only."""
    client = Athena("SUCCEEDED")
    on_athena(client).start("SELECT 1")

    assert client.started == [
        {"QueryString": "SELECT 1", "QueryExecutionContext": {"Database": "lake"}, "WorkGroup": "reports"}
    ]


def test_looks_come_further_and_further_apart() -> None:
    """A short statement is seen soon, and a long one does not use up the account's calls."""
    pauses: list[float] = []
    queries = on_athena(Athena(*["RUNNING"] * 8, "SUCCEEDED"), pauses.append, patience=60)
    queries.wait(queries.start("SELECT 1"))

    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.0, 3.0, 3.0, 3.0]


def test_a_statement_that_takes_too_long_is_stopped() -> None:
    """Nobody reads its rows, so nobody should pay for them."""
    client = Athena(*["RUNNING"] * 100)
    queries = on_athena(client, patience=5)
    with pytest.raises(StoreUnavailableError, match=r"^QueryTimeout$"):
        queries.wait(queries.start("SELECT 1"))

    assert client.stopped == ["run-1"]


def test_a_cancelled_statement_is_an_outage_too() -> None:
    """The workgroup's limit of bytes cancels a statement."""
    queries = on_athena(Athena("CANCELLED"))
    with pytest.raises(StoreUnavailableError, match=r"^QueryCancelled$"):
        queries.wait(queries.start("SELECT 1"))


def test_a_refusal_has_its_code_only() -> None:
    """The message of Athena could hold the statement."""

    class Refusing(Athena):
        def start_query_execution(self, **_: Any) -> dict[str, str]:
            raise ClientError(
                {"Error": {"Code": "TooManyRequestsException", "Message": REASON}}, "StartQueryExecution"
            )

    with pytest.raises(StoreUnavailableError, match=r"^TooManyRequestsException$"):
        on_athena(Refusing()).start("SELECT 1")
