"""End a run over a week: count it, delete its files, and let the week go."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.ports.batch_inference import BatchInference
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.metrics import Metrics
from silent_infinity.ports.summaries import SummaryStore
from silent_infinity.ports.work_files import WorkFiles
from silent_infinity.usecases.synthesis_run import Run, week_named

FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CloseRequest:
    """A run that ends. `outcome` is `done` or `failed`; `batch_id` is of the last batch that was started.

    `week` is empty if the run failed before it knew which week is its own.
    """

    run: str
    outcome: str
    week: str = ""
    batch_id: str = ""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "CloseRequest":
        """Read the state's input.

        Raises:
            PayloadError: a field is missing.
        """
        return from_payload(cls, event)


@dataclass(frozen=True, slots=True)
class Closed:
    """What was ended, and how many files went with it."""

    week: str
    outcome: str
    files_deleted: int

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output."""
        payload: dict[str, Any] = to_payload(self)
        return payload


class CloseSynthesis:
    """Ends a run, whichever way it went. What a failed one has written stays: the next one goes on there.

    `batches` is None where the provider takes none.
    """

    def __init__(
        self,
        *,
        summaries: SummaryStore,
        files: WorkFiles,
        metrics: Metrics,
        clock: Clock,
        batches: BatchInference | None,
    ) -> None:
        self._summaries = summaries
        self._files = files
        self._metrics = metrics
        self._clock = clock
        self._batches = batches

    def __call__(self, request: CloseRequest) -> Closed:
        """End the run. Doing it again changes nothing.

        Raises:
            StoreUnavailableError: something is left; the bucket's life cycle and the lease end it in time.
        """
        week = week_named(request.week, self._clock)
        run = Run(week.name, request.run)
        failed = request.outcome == FAILED
        if failed and request.batch_id and self._batches is not None:
            # Nobody would read what it goes on to write.
            self._batches.stop(request.batch_id)
        removed = self._files.remove(f"{run.folder}/")
        self._summaries.release_week(week.name, request.run)
        self._metrics.add("SynthesisRunsFailed" if failed else "SynthesisRuns", 1)
        self._metrics.flush()
        return Closed(week.name, request.outcome, removed)
