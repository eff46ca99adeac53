"""A batch service in memory: it answers when it is told to, with what it is told."""

from collections.abc import Callable, Iterable, Iterator

from silent_infinity.ports.batch_inference import (
    BatchAnswer,
    BatchError,
    BatchRecord,
    BatchState,
    BatchStatus,
)


class MemoryBatch:
    """A `BatchInference`. `status` is how every batch stands; `answer` makes the answers, None for no answer.

    `started` has the records of each batch by its name, and `stopped` the ids of those that were ended.
    """

    def __init__(self, answer: Callable[[BatchRecord], BatchAnswer | None]) -> None:
        self.answer = answer
        self.status = BatchStatus(BatchState.DONE, "Completed")
        self.started: dict[str, list[BatchRecord]] = {}
        self.stopped: list[str] = []
        self._folders: dict[str, str] = {}

    def start(self, name: str, folder: str, model_id: str, records: Iterable[BatchRecord]) -> str:
        self.started.setdefault(name, list(records))
        self._folders[folder] = name
        return name

    def look(self, batch_id: str) -> BatchStatus:
        if batch_id not in self.started:
            raise BatchError("memory:ResourceNotFoundException")
        return self.status

    def answers(self, folder: str, model_id: str) -> Iterator[BatchAnswer]:
        for record in self.started[self._folders[folder]]:
            found = self.answer(record)
            if found is not None:
                yield found

    def stop(self, batch_id: str) -> None:
        self.stopped.append(batch_id)
