"""Find who is due a summary of the week, one page of people at a time, and note what it is to be made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.synthesis import (
    TURN_CLASS,
    Material,
    Record,
    SpokenSession,
    SpokenTurn,
    gather,
    record_id,
    rules,
)
from silent_infinity.domain.turn_classes import ModelChoice, model_for
from silent_infinity.domain.variants import production
from silent_infinity.domain.weeks import Week
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.conversations import ConversationStore
from silent_infinity.ports.metrics import Metrics
from silent_infinity.ports.session_index import SessionIndex
from silent_infinity.ports.summaries import Summary, SummaryState, SummaryStore
from silent_infinity.ports.variants import VariantRegistry
from silent_infinity.ports.work_files import WorkFiles
from silent_infinity.usecases.synthesis_run import FIRST_ROUND, Run, hold, lines_of, week_named

_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class PrepareRequest:
    """One page of the search. `week` is empty for the last whole one; `parts` and `records` are what the
    pages before have made.
    """

    run: str
    week: str = ""
    page: int = 1
    parts: int = 0
    records: int = 0

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "PrepareRequest":
        """Read the state's input.

        Raises:
            PayloadError: the run is missing.
        """
        return from_payload(cls, event)


@dataclass(frozen=True, slots=True)
class Prepared:
    """How far the search has come.

    `outcome` is `found`, `busy` (another run is at work on the week) or `no_model`. `batch` says whether the
    provider takes batches, from `batch_minimum` records on. `capped`: there are more people than one run can
    take on.
    """

    outcome: str
    week: str
    more: bool = False
    page: int = 1
    parts: int = 0
    records: int = 0
    withheld: int = 0
    capped: bool = False
    batch: bool = False
    batch_minimum: int = 0

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output: counts and a week, nobody's name."""
        payload: dict[str, Any] = to_payload(self)
        return payload


class PrepareSynthesis:
    """Reads one page of the session index and writes a record for everybody on it who is due.

    `provider` is the configured one; with `composer` there is nobody who could write. `batches` says whether
    it takes batches.
    """

    def __init__(
        self,
        *,
        index: SessionIndex,
        conversations: ConversationStore,
        summaries: SummaryStore,
        files: WorkFiles,
        variants: VariantRegistry,
        metrics: Metrics,
        clock: Clock,
        retention_days: int,
        writes: bool,
        batches: bool,
    ) -> None:
        self._index = index
        self._conversations = conversations
        self._summaries = summaries
        self._files = files
        self._variants = variants
        self._metrics = metrics
        self._clock = clock
        self._retention_days = retention_days
        self._writes = writes
        self._batches = batches

    def __call__(self, request: PrepareRequest) -> Prepared:
        """Prepare one page. Doing it again gives the same.

        Raises:
            WeekError: there is no such week.
            StoreUnavailableError: the page could not be finished.
        """
        week = week_named(request.week, self._clock)
        if not self._writes:
            return Prepared("no_model", week.name)
        run = Run(week.name, request.run)
        if not hold(self._summaries, self._clock, run):
            return Prepared("busy", week.name)
        limits = rules()
        begins = self._files.read(run.cursor(request.page)) or [""]
        since = week.start.isoformat()
        found = self._index.people_since(since, str(begins[0]), limits["page_sessions"])
        materials: list[tuple[str, Material]] = []
        withheld = 0
        for person in found.people:
            gathered = gather(self._sessions(person, since), week)
            withheld += gathered.reason == "crisis"
            if gathered.material and self._claim(run, week, request.page, person, gathered.material):
                materials.append((person, gathered.material))
        parts = request.parts + self._write(run, request.parts, materials)
        capped = bool(found.cursor) and parts + limits["page_sessions"] > limits["max_parts"]
        if found.cursor:
            self._files.write(run.cursor(request.page + 1), [found.cursor])
        self._count(len(materials), withheld)
        batch = limits["batch"]
        records = request.records + len(materials)
        return Prepared(
            outcome="found",
            week=week.name,
            more=bool(found.cursor) and not capped,
            page=request.page + 1,
            parts=parts,
            records=records,
            withheld=withheld,
            capped=capped,
            batch=self._batches and records <= batch["max_records"],
            batch_minimum=batch["min_records"],
        )

    def _sessions(self, person: str, since: str) -> list[SpokenSession]:
        sessions = []
        for session_id in self._index.sessions_since(person, since):
            session = self._conversations.find_session(session_id)
            # The index may lag behind a deletion.
            if session is None or session.deleted or session.user_id_hash != person:
                continue
            turns = tuple(
                SpokenTurn(turn.message, turn.received_at, turn.reply_kind, turn.crisis_level)
                for turn in self._conversations.all_turns(session_id)
            )
            sessions.append(SpokenSession(session_id, session.locale, session.posture, turns))
        return sessions

    def _claim(self, run: Run, week: Week, page: int, person: str, material: Material) -> bool:
        expires_at = int(week.end.timestamp()) + self._retention_days * _DAY_SECONDS
        return self._summaries.claim(
            Summary(
                user_id_hash=person,
                week=week.name,
                state=SummaryState.DUE,
                run=run.run,
                page=page,
                session_ids=material.session_ids,
                expires_at=expires_at,
            )
        )

    def _write(self, run: Run, before: int, materials: Sequence[tuple[str, Material]]) -> int:
        """Write the records in parts and return how many parts there are."""
        size = rules()["records_per_part"]
        choice = model_for(TURN_CLASS, production(self._variants.active()))
        starts = range(0, len(materials), size)
        for number, start in enumerate(starts, start=before + 1):
            chunk = materials[start : start + size]
            records = [
                _record(record_id(number, place), person, material, choice)
                for place, (person, material) in enumerate(chunk)
            ]
            self._files.write(run.part(FIRST_ROUND, number), lines_of(records))
        return len(starts)

    def _count(self, due: int, withheld: int) -> None:
        self._metrics.add("SynthesisDue", due)
        self._metrics.add("SynthesisWithheld", withheld)
        self._metrics.flush()


def _record(name: str, person: str, material: Material, choice: ModelChoice) -> Record:
    return Record(
        record_id=name,
        user_id_hash=person,
        material=material,
        model_id=choice.model_id,
        max_tokens=choice.max_tokens,
        temperature=choice.temperature,
    )
