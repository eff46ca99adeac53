"""Write the summaries of one part: from a batch's answers, or by asking the model; check each, keep it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.prompts import Prompt
from silent_infinity.domain.synthesis import TURN_CLASS, Record, check, prompt, question
from silent_infinity.domain.turn import Usage
from silent_infinity.domain.turn_classes import turn_classes
from silent_infinity.ports.batch_inference import BatchAnswer
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.llm import LanguageModel, ModelError, ModelRequest
from silent_infinity.ports.metrics import Metrics
from silent_infinity.ports.summaries import Summary, SummaryState, SummaryStore
from silent_infinity.ports.work_files import WorkFiles
from silent_infinity.usecases.synthesis_run import LAST_ROUND, Run, keep_hold, lines_of, read_part

MICRO = 1_000_000
NO_ANSWER = "batch:no-answer"
REFUSED = "model:refused"
BATCH = "batch"
_FINISHED = ("stop", "length")


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """One part of a round. `route` is `batch` or `direct`; `code` is how the batch ended."""

    run: str
    week: str
    round: int
    part: int
    route: str = "direct"
    code: str = ""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "WriteRequest":
        """Read the state's input.

        Raises:
            PayloadError: a field is missing.
        """
        return from_payload(cls, event)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that got no summary, by the id that it has in this run only, and why: a code."""

    record_id: str
    code: str


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a part: summaries kept, records that wait for the second round, records given up.

    `dropped` were well written, but a session was deleted or has gone into crisis flow meanwhile.
    """

    written: int = 0
    waiting: int = 0
    skipped: int = 0
    dropped: int = 0
    cost_micro_usd: int = 0
    reasons: tuple[Skipped, ...] = field(default=())

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output: counts."""
        payload: dict[str, Any] = to_payload(replace(self, reasons=()))
        del payload["reasons"]
        return payload


@dataclass(frozen=True, slots=True)
class _Answer:
    """An attempt's text, or the code of its failure, and what it cost either way."""

    text: str = ""
    model_id: str = ""
    provider: str = ""
    failure: str = ""
    usage: Usage = Usage()


class WriteSummaries:
    """Writes one part, one summary after the other: what runs side by side is the workflow's decision."""

    def __init__(
        self,
        *,
        model: LanguageModel,
        summaries: SummaryStore,
        files: WorkFiles,
        metrics: Metrics,
        clock: Clock,
        batch_provider: str = "",
    ) -> None:
        self._model = model
        self._summaries = summaries
        self._files = files
        self._metrics = metrics
        self._clock = clock
        self._batch_provider = batch_provider

    def __call__(self, request: WriteRequest) -> Written:
        """Write the part. What an earlier attempt at it has kept is left alone and not asked for again.

        Raises:
            WeekLostError: another run is at work on the week.
            StoreUnavailableError: the part is not finished.
        """
        run = Run(request.week, request.run)
        keep_hold(self._summaries, self._clock, run)
        asked = prompt()
        batch = self._batch_answers(request, run) if request.route == BATCH else None
        waiting: list[Record] = []
        outcomes: list[Written] = []
        for record in read_part(self._files, run, request.round, request.part):
            known = self._summaries.find(record.user_id_hash, run.week)
            if known is None or known.run != run.run:
                outcomes.append(Written(dropped=1))  # deleted since, or another run's
                continue
            if known.state is not SummaryState.DUE:
                outcomes.append(_counted(known, record))
                continue
            answer = self._ask(record, asked, request) if batch is None else _found(batch, record, request)
            outcome, again = self._settle(record, answer, asked, known, request)
            outcomes.append(outcome)
            waiting += again
        if request.round < LAST_ROUND:
            # Written even if it is empty: it says that the part's first round was finished.
            self._files.write(run.part(request.round + 1, request.part), lines_of(waiting))
        total = _sum(outcomes)
        self._count(total)
        return total

    def _batch_answers(self, request: WriteRequest, run: Run) -> dict[str, BatchAnswer]:
        lines = self._files.read(run.answers(request.round, request.part)) or []
        answers = [from_payload(BatchAnswer, line) for line in lines]
        return {answer.record_id: answer for answer in answers}

    def _ask(self, record: Record, asked: Prompt, request: WriteRequest) -> _Answer:
        system, messages = question(record, asked)
        start_ms = unix_ms(self._clock.now())
        try:
            reply = self._model.complete(
                ModelRequest(
                    system=system,
                    messages=messages,
                    model_id=record.model_id,
                    max_tokens=record.max_tokens,
                    temperature=record.temperature,
                    deadline_ms=start_ms + turn_classes()[TURN_CLASS].budget_ms,
                    turn_class=TURN_CLASS,
                    message=record.material.said,
                    seed=f"{record.record_id}{request.round}",
                    stream=False,
                )
            )
        except ModelError as error:
            # What failed calls cost is in the error, as far as the provider told.
            spent = sum((call.usage for call in getattr(error, "calls", ())), Usage())
            return _Answer(failure=str(error).partition(",")[0] or "model:failed", usage=spent)
        self._metrics.add("SynthesisLatency", unix_ms(self._clock.now()) - start_ms, "Milliseconds")
        failure = "" if reply.finish_reason in _FINISHED else REFUSED
        return _Answer(reply.text, reply.model_id, reply.provider, failure, reply.usage)

    def _settle(
        self, record: Record, answer: _Answer, asked: Prompt, claim: Summary, request: WriteRequest
    ) -> tuple[Written, list[Record]]:
        """Keep a good summary; send a bad one to the second round, or give it up after that."""
        spent = record.spent + answer.usage
        cost = round(answer.usage.cost_usd * MICRO)
        done = replace(
            claim,
            locale=record.material.locale,
            written_at=self._clock.now().isoformat(),
            model_id=answer.model_id,
            provider=answer.provider or self._batch_provider,
            prompt_id=asked.prompt_id,
            prompt_sha=asked.sha256,
            attempts=request.round,
            batch=request.route == BATCH,
            usage=spent,
        )
        failures: tuple[str, ...] = (answer.failure,) if answer.failure else ()
        if not failures:
            checked = check(answer.text, record)
            failures = checked.failures
            if not failures:
                kept = replace(done, state=SummaryState.WRITTEN, text=checked.text, score=checked.score)
                if self._summaries.keep(kept):
                    return Written(written=1, cost_micro_usd=cost), []
                return Written(dropped=1, cost_micro_usd=cost), []
        if request.round < LAST_ROUND:
            again = replace(record, failures=failures, spent=spent)
            self._count_failure("SynthesisRequeued", failures[0])
            return Written(waiting=1, cost_micro_usd=cost), [again]
        self._summaries.keep(replace(done, state=SummaryState.SKIPPED, code=failures[0]))
        self._count_failure("SynthesisSkips", failures[0])
        reason = Skipped(record.record_id, failures[0])
        return Written(skipped=1, cost_micro_usd=cost, reasons=(reason,)), []

    def _count_failure(self, name: str, code: str) -> None:
        """Count by the kind of failure: codes are many, and a metric for each would be dear and unread."""
        self._metrics.add(name, 1, reason=code.partition(":")[0].partition(".")[0])

    def _count(self, total: Written) -> None:
        self._metrics.add("SynthesisWritten", total.written)
        self._metrics.add("SynthesisSkipped", total.skipped)
        self._metrics.add("SynthesisDropped", total.dropped)
        self._metrics.add("SynthesisCostMicroUsd", total.cost_micro_usd)
        self._metrics.flush()


def _found(batch: Mapping[str, BatchAnswer], record: Record, request: WriteRequest) -> _Answer:
    answer = batch.get(record.record_id)
    if answer is None:
        ended = request.code if request.code and request.code != "Completed" else ""
        return _Answer(failure=f"batch:{ended}" if ended else NO_ANSWER)
    failure = answer.error or ("" if answer.finish_reason in _FINISHED else REFUSED)
    return _Answer(answer.text, answer.model_id, "", failure, answer.usage)


def _counted(known: Summary, record: Record) -> Written:
    """Return what an earlier attempt at this part has made of a record."""
    if known.state is SummaryState.WRITTEN:
        return Written(written=1)
    return Written(skipped=1, reasons=(Skipped(record.record_id, known.code),))


def _sum(outcomes: list[Written]) -> Written:
    return Written(
        written=sum(outcome.written for outcome in outcomes),
        waiting=sum(outcome.waiting for outcome in outcomes),
        skipped=sum(outcome.skipped for outcome in outcomes),
        dropped=sum(outcome.dropped for outcome in outcomes),
        cost_micro_usd=sum(outcome.cost_micro_usd for outcome in outcomes),
        reasons=tuple(reason for outcome in outcomes for reason in outcome.reasons),
    )
