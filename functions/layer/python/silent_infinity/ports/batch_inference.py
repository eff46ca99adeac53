"""Many requests to a model at once, answered within a day at a lower price."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from silent_infinity.domain.turn import SystemBlock, Usage, Utterance


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """One request of a batch. `record_id` is of letters and digits."""

    record_id: str
    system: tuple[SystemBlock, ...]
    messages: tuple[Utterance, ...]
    max_tokens: int
    temperature: float


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What came of a record: a text with what it cost, or an `error`, which is a code."""

    record_id: str
    text: str = ""
    model_id: str = ""
    finish_reason: str = ""
    usage: Usage = field(default_factory=Usage)
    error: str = ""


class BatchState(StrEnum):
    """How a batch stands. Only a `DONE` one has an answer for each record; a failed one may have some."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """How a batch stands, and the service's own word for it."""

    state: BatchState
    code: str


class BatchError(RuntimeError):
    """The service refused a batch. The message is a code, never text of a record."""


class BatchInference(Protocol):
    """A service that answers batches. Every method may raise BatchError or StoreUnavailableError."""

    def start(self, name: str, folder: str, model_id: str, records: Iterable[BatchRecord]) -> str:
        """Start a batch and return its id. The same `name` again gives the batch that was started first.

        `folder` is where requests and answers are kept meanwhile, within the work files.
        """
        ...

    def look(self, batch_id: str) -> BatchStatus:
        """Return how a batch stands."""
        ...

    def answers(self, folder: str, model_id: str) -> Iterator[BatchAnswer]:
        """Yield the answers of the batch of this folder, in any order."""
        ...

    def stop(self, batch_id: str) -> None:
        """End a batch. Nothing happens if it has ended."""
        ...
