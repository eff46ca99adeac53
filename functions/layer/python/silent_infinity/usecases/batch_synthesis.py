"""Have a batch service write the summaries of a round: start the batch, and look how far it is."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.synthesis import part_of, prompt, question
from silent_infinity.ports.batch_inference import BatchAnswer, BatchInference, BatchRecord, BatchState
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.summaries import SummaryStore
from silent_infinity.ports.work_files import WorkFiles
from silent_infinity.usecases.synthesis_run import Run, keep_hold, read_part


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """The round of a run that a batch is to write. `batch_id` is empty before it is started."""

    run: str
    week: str
    round: int
    parts: int
    batch_id: str = ""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "BatchRequest":
        """Read the state's input.

        Raises:
            PayloadError: a field is missing.
        """
        return from_payload(cls, event)


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """A batch, how it stands (`running`, `done` or `failed`), and the service's own word for that."""

    batch_id: str
    state: str
    code: str = ""
    answered: int = 0

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output."""
        payload: dict[str, Any] = to_payload(self)
        return payload


class StartSynthesisBatch:
    """Hands all records of a round to the batch service."""

    def __init__(
        self,
        *,
        batches: BatchInference,
        files: WorkFiles,
        summaries: SummaryStore,
        clock: Clock,
        environment: str,
    ) -> None:
        self._batches = batches
        self._files = files
        self._summaries = summaries
        self._clock = clock
        self._environment = environment

    def __call__(self, request: BatchRequest) -> BatchProgress:
        """Start the batch. Doing it again gives the batch that was started first.

        Raises:
            BatchError: the service refused it.
            WeekLostError: another run is at work on the week.
            StoreUnavailableError: try again.
        """
        run = Run(request.week, request.run)
        keep_hold(self._summaries, self._clock, run)
        model_id = next((record.model_id for record in self._records(request, run)), "")
        batch_id = self._batches.start(
            batch_name(self._environment, run, request.round),
            run.batch(request.round),
            model_id,
            self._requests(request, run),
        )
        return BatchProgress(batch_id, BatchState.RUNNING.value)

    def _records(self, request: BatchRequest, run: Run) -> Iterator[Any]:
        for part in range(1, request.parts + 1):
            yield from read_part(self._files, run, request.round, part)

    def _requests(self, request: BatchRequest, run: Run) -> Iterator[BatchRecord]:
        asked = prompt()
        for record in self._records(request, run):
            system, messages = question(record, asked)
            yield BatchRecord(record.record_id, system, messages, record.max_tokens, record.temperature)


class FollowSynthesisBatch:
    """Looks how far a batch is. When it is over, its answers are laid beside the parts they belong to."""

    def __init__(
        self, *, batches: BatchInference, files: WorkFiles, summaries: SummaryStore, clock: Clock
    ) -> None:
        self._batches = batches
        self._files = files
        self._summaries = summaries
        self._clock = clock

    def __call__(self, request: BatchRequest) -> BatchProgress:
        """Look at the batch. A failed one may have answers, too.

        Raises:
            BatchError: the service does not know the batch.
            WeekLostError: another run is at work on the week.
            StoreUnavailableError: try again.
        """
        run = Run(request.week, request.run)
        keep_hold(self._summaries, self._clock, run)
        status = self._batches.look(request.batch_id)
        if status.state is BatchState.RUNNING:
            return BatchProgress(request.batch_id, status.state.value, status.code)
        answered = self._lay_out(request, run)
        return BatchProgress(request.batch_id, status.state.value, status.code, answered)

    def _lay_out(self, request: BatchRequest, run: Run) -> int:
        asked = next(
            (
                record.model_id
                for part in range(1, request.parts + 1)
                for record in read_part(self._files, run, request.round, part)
            ),
            "",
        )
        parts: dict[int, list[BatchAnswer]] = {}
        for answer in self._batches.answers(run.batch(request.round), asked):
            part = part_of(answer.record_id)
            if part is not None:
                parts.setdefault(part, []).append(answer)
        for part, answers in parts.items():
            self._files.write(run.answers(request.round, part), [to_payload(answer) for answer in answers])
        return sum(len(answers) for answers in parts.values())


def batch_name(environment: str, run: Run, round_number: int) -> str:
    """Return the batch's name: the same for the same round of the same run, at most 63 characters."""
    mark = hashlib.sha256(run.folder.encode()).hexdigest()[:16]
    return f"silent-infinity-{environment}-{run.week}-{round_number}-{mark}"
