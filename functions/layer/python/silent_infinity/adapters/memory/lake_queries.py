"""Statements whose rows are made by whoever tests."""

from collections.abc import Callable, Iterable, Mapping

from silent_infinity.adapters.memory.lake import MemoryQueryResults
from silent_infinity.ports.errors import StoreUnavailableError


class MemoryLakeQueries:
    """A `LakeQueries` that runs a statement by calling `run`, and leaves its rows in `results`.

    `waited` has the ids that somebody waited for. A `run` that raises StoreUnavailableError is a statement
    that fails while it runs.
    """

    def __init__(
        self,
        run: Callable[[str], Iterable[Mapping[str, str | None]]],
        results: MemoryQueryResults | None = None,
    ) -> None:
        self.results = results or MemoryQueryResults()
        self.waited: list[str] = []
        self._run = run
        self._failed: set[str] = set()

    def start(self, statement: str) -> str:
        query_id = f"query-{len(self.results.results) + len(self._failed)}"
        try:
            self.results.results[query_id] = [dict(row) for row in self._run(statement)]
        except StoreUnavailableError:
            self._failed.add(query_id)
        return query_id

    def wait(self, query_id: str) -> None:
        self.waited.append(query_id)
        if query_id not in self.results.results:
            raise StoreUnavailableError("QueryFailed")
