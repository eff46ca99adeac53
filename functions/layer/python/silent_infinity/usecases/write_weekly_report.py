"""Write the weekly trend report, put it into the lake's bucket, and tell where it lies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from silent_infinity.domain.lake.report import Report, queries, report
from silent_infinity.domain.lake.report_message import message
from silent_infinity.domain.lake.report_page import page
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.weeks import Week
from silent_infinity.ports.alerts import Alerts
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.lake_objects import LakeObjects
from silent_infinity.ports.lake_queries import LakeQueries
from silent_infinity.ports.query_results import QueryResults

PREFIX: Final = "reports/"
HTML: Final = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """Which week, like `2026-W47` (empty: the last one that is over), and whether to send a message."""

    week: str = ""
    tell: bool = True

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "ReportRequest":
        """Read a function's input. A schedule's own input has neither field."""
        return from_payload(cls, event)


@dataclass(frozen=True, slots=True)
class Written:
    """Where the report of a week lies in the lake's bucket, and the figures that the message has."""

    week: str
    name: str
    turns: int
    missing_days: int
    drift: str

    def to_payload(self) -> dict[str, Any]:
        """Return the function's output: counts, and nobody's name."""
        payload: dict[str, Any] = to_payload(self)
        return payload


class WriteWeeklyReport:
    """Runs the report's statements, all at once, and makes a page of their rows."""

    def __init__(
        self,
        *,
        lake: LakeQueries,
        results: QueryResults,
        objects: LakeObjects,
        alerts: Alerts,
        clock: Clock,
        environment: str,
        bucket: str,
        region: str,
    ) -> None:
        self._lake = lake
        self._results = results
        self._objects = objects
        self._alerts = alerts
        self._clock = clock
        self._environment = environment
        self._bucket = bucket
        self._region = region

    def __call__(self, request: ReportRequest) -> Written:
        """Write the report of a week. Doing it again puts the new page in the old one's place.

        Raises:
            WeekError: there is no such week.
            StoreUnavailableError: a statement failed, or the page could not be stored or announced.
        """
        now = self._clock.now()
        week = Week.of(request.week) if request.week else Week.before(now)
        figures = self._figures(week)
        name = f"{PREFIX}week={week.name}/report.html"
        self._objects.put(name, page(figures, environment=self._environment, made_at=now), HTML)
        if request.tell:
            self._alerts.tell(
                *message(
                    figures, self._environment, place=f"s3://{self._bucket}/{name}", link=self._link(name)
                )
            )
        return Written(
            week=week.name,
            name=name,
            turns=figures.counts.turns,
            missing_days=len(figures.missing),
            drift=figures.drift.verdict,
        )

    def _figures(self, week: Week) -> Report:
        started = {name: self._lake.start(statement) for name, statement in queries(week).items()}
        rows = {}
        for name, query_id in started.items():
            self._lake.wait(query_id)
            rows[name] = list(self._results.rows(query_id))
        return report(week, rows)

    def _link(self, name: str) -> str:
        # The console asks who is there; a presigned address would open the report to whoever has the mail.
        return (
            f"https://{self._region}.console.aws.amazon.com/s3/object/{self._bucket}"
            f"?region={self._region}&prefix={name}"
        )
