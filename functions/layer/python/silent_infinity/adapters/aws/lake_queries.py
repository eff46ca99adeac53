"""Statements that Athena runs while somebody waits."""

import time
from collections.abc import Callable
from typing import Any, Final

from silent_infinity.adapters.aws.calls import mapped_errors
from silent_infinity.ports.errors import StoreUnavailableError

_RUNNING: Final = frozenset({"QUEUED", "RUNNING"})
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 3.0


class AthenaQueries:
    """A `LakeQueries` over a workgroup, whose settings say where results go. The client is made when used.

    `patience_seconds` is how long one wait may take.
    """

    def __init__(
        self,
        athena: Callable[[], Any],
        *,
        database: str,
        workgroup: str,
        patience_seconds: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._athena = athena
        self._database = database
        self._workgroup = workgroup
        self._patience_seconds = patience_seconds
        self._sleep = sleep

    def start(self, statement: str) -> str:
        with mapped_errors():
            started = self._athena().start_query_execution(
                QueryString=statement,
                QueryExecutionContext={"Database": self._database},
                WorkGroup=self._workgroup,
            )
        return str(started["QueryExecutionId"])

    def wait(self, query_id: str) -> None:
        waited, pause = 0.0, _FIRST_PAUSE
        while (state := self._state(query_id)) in _RUNNING:
            if waited >= self._patience_seconds:
                with mapped_errors():
                    self._athena().stop_query_execution(QueryExecutionId=query_id)
                raise StoreUnavailableError("QueryTimeout")
            self._sleep(pause)
            waited += pause
            pause = min(2 * pause, _LONGEST_PAUSE)
        if state != "SUCCEEDED":
            # Athena's reason quotes the statement and may quote a value: the state is all that is told.
            raise StoreUnavailableError(f"Query{state.title()}")

    def _state(self, query_id: str) -> str:
        with mapped_errors():
            found = self._athena().get_query_execution(QueryExecutionId=query_id)
        return str(found["QueryExecution"]["Status"]["State"])
