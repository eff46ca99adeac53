"""What the steps of a weekly synthesis share: the run, its lease on the week, and where its files lie."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.synthesis import Record, rules
from silent_infinity.domain.weeks import Week
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.summaries import SummaryStore
from silent_infinity.ports.work_files import WorkFiles

FIRST_ROUND = 1
LAST_ROUND = 2
_MINUTE_MS = 60_000


class WeekLostError(RuntimeError):
    """Another run has taken the week over: this one was silent for longer than its lease."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run over one week. `run` is the execution's name."""

    week: str
    run: str

    @property
    def folder(self) -> str:
        """Where the run's files lie; nothing else lies there."""
        return f"weeks/{self.week}/{re.sub(r'[^A-Za-z0-9-]', '-', self.run)}"

    def part(self, round_number: int, part: int) -> str:
        """Return the name of the file with the records of a part."""
        return f"{self.folder}/round-{round_number}/part-{part:06d}.jsonl"

    def answers(self, round_number: int, part: int) -> str:
        """Return the name of the file with what a batch answered to the records of a part."""
        return f"{self.folder}/round-{round_number}/answers-{part:06d}.jsonl"

    def batch(self, round_number: int) -> str:
        """Return the folder of a round's batch."""
        return f"{self.folder}/batch-{round_number}"

    def cursor(self, page: int) -> str:
        """Return the name of the file that says where a page begins."""
        return f"{self.folder}/cursor-{page:06d}.jsonl"


def hold(store: SummaryStore, clock: Clock, run: Run) -> bool:
    """Take or keep the lease on the run's week; False if another run has it."""
    now_ms = unix_ms(clock.now())
    return store.hold_week(run.week, run.run, now_ms, now_ms + rules()["lease_minutes"] * _MINUTE_MS)


def keep_hold(store: SummaryStore, clock: Clock, run: Run) -> None:
    """Keep the lease on the run's week.

    Raises:
        WeekLostError: another run has it.
    """
    if not hold(store, clock, run):
        raise WeekLostError(run.week)


def week_named(name: str, clock: Clock) -> Week:
    """Return the week of the name, or the last whole one if it is empty.

    Raises:
        WeekError: there is no such week.
    """
    return Week.of(name) if name else Week.before(clock.now())


def read_part(files: WorkFiles, run: Run, round_number: int, part: int) -> list[Record]:
    """Return the records of a part.

    A part whose first round was never finished has no records for the second: those of the first count then.
    """
    for earlier in range(round_number, 0, -1):
        lines = files.read(run.part(earlier, part))
        if lines is not None:
            return [from_payload(Record, line) for line in lines]
    return []


def lines_of(records: list[Record]) -> list[Mapping[str, Any]]:
    """Return records as the lines of a file."""
    return [to_payload(record) for record in records]
