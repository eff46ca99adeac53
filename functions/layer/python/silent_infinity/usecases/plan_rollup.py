"""Plan a nightly rollup: which days, in which statements, and which experiments ran."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date
from typing import Any

from silent_infinity.domain.lake import statements
from silent_infinity.domain.lake.days import (
    PUBLISHED_DAYS,
    Asked,
    Phase,
    Window,
    chunks,
    day_of,
    phases,
    window_of,
)
from silent_infinity.domain.lake.running_arms import RunningArm, running_arms
from silent_infinity.domain.lake.tables import TABLES
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.lake_objects import LakeObjects
from silent_infinity.ports.query_results import QueryResults
from silent_infinity.ports.variant_store import VariantSnapshots
from silent_infinity.usecases.rollup_run import Lake, arms_file


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """One step of the planning: `begin`, then `days`.

    `date`, or `first` and `last`, are what the run was asked for; `window` and `late_query` what the step
    before and the search for late arrivals gave (empty: none was made).
    """

    step: str
    run: str
    date: str = ""
    first: str = ""
    last: str = ""
    window: Mapping[str, Any] = field(default_factory=dict)
    late_query: str = ""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "PlanRequest":
        """Read the state's input.

        Raises:
            PayloadError: the run or the step is missing.
        """
        return from_payload(cls, event)


class PlanRollup:
    """Knows the clock and the registry, so that the workflow need not."""

    def __init__(
        self,
        *,
        lake: Lake,
        results: QueryResults,
        objects: LakeObjects,
        registry: VariantSnapshots,
        clock: Clock,
    ) -> None:
        self._lake = lake
        self._results = results
        self._objects = objects
        self._registry = registry
        self._clock = clock
        self._steps: Mapping[str, Callable[[PlanRequest], dict[str, Any]]] = {
            "begin": self._begin,
            "days": self._days,
        }

    def __call__(self, request: PlanRequest) -> dict[str, Any]:
        """Do a step of the planning. Doing it again gives the same.

        Raises:
            KeyError: there is no such step.
            DaysError: these days cannot be computed.
            RunLostError: another run has the lake.
            StoreUnavailableError: a store cannot be read now.
        """
        return self._steps[request.step](request)

    def _begin(self, request: PlanRequest) -> dict[str, Any]:
        """Say which days the run is for, and take the lake; `busy` if another run has it."""
        today = self._clock.now().astimezone(UTC).date()
        window = window_of(Asked(request.date, request.first, request.last), today)
        late = ""
        if window.searches:
            late = statements.late_days(*window.arrivals, window.searched, window.oldest)
        taken = self._lake.take(request.run)
        return {
            "outcome": "begun" if taken else "busy",
            "window": window.to_payload(),
            "late_statement": late,
        }

    def _days(self, request: PlanRequest) -> dict[str, Any]:
        """Return every statement of the run, what is published after them, and the arms of the last day."""
        self._lake.hold(request.run)
        window = Window.from_payload(request.window)
        late = [] if not request.late_query else self._late(request.late_query)
        planned = phases(TABLES, window, late)
        return {
            "phases": [
                {"name": phase.name, "items": [item.to_payload() for item in phase.items]}
                for phase in planned
            ],
            "publications": [_publication(*chunk) for chunk in chunks(_published(planned), PUBLISHED_DAYS)],
            "experiments": statements.gold_rows("gold_experiments", window.last, window.last),
            "arms": self._arms(window),
        }

    def _late(self, query: str) -> list[date]:
        """Return the days that a query found; a row without a day is a row of nothing."""
        found = [row["dt"] for row in self._results.rows(query)]
        return [day_of(text) for text in found if text]

    def _arms(self, window: Window) -> list[dict[str, Any]]:
        """Return the arms of the window's last day: those of the first time that the day was computed, so
        that computing it again compares the same. A day that is not over has no such first time.
        """
        arms = running_arms(self._registry.snapshot().records, self._clock.now(), window.last)
        rows: list[dict[str, Any]] = [to_payload(arm) for arm in arms]
        if window.last > window.through:
            return rows
        kept = self._objects.put_if_absent(arms_file(window.last), json.dumps(rows))
        return [to_payload(from_payload(RunningArm, row)) for row in json.loads(kept)]


def _published(planned: Iterable[Phase]) -> list[date]:
    return [
        day
        for phase in planned
        for item in phase.items
        if item.table == "gold_variant_days"
        for day in item.days
    ]


def _publication(first: date, last: date) -> dict[str, str]:
    return {
        "first": first.isoformat(),
        "last": last.isoformat(),
        "variant_days": statements.gold_rows("gold_variant_days", first, last),
        "histograms": statements.gold_rows("gold_histograms", first, last),
    }
