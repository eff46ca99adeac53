"""What is mailed about a weekly report: a few numbers, and where the page lies."""

from collections.abc import Iterator
from typing import Final

from silent_infinity.domain.lake.attribution import total
from silent_infinity.domain.lake.drift import MAJOR, summary
from silent_infinity.domain.lake.report import Report

MOST_SUBJECT: Final = 99
"""Amazon SNS takes fewer than 100 characters."""


def message(found: Report, environment: str, *, place: str, link: str) -> tuple[str, str]:
    """Return subject and text. The text names nobody and nothing that was said."""
    drifted = found.drift.verdict == MAJOR
    subject = f"Silent Infinity {environment}: week {found.week.name}" + (
        ", intents have drifted" if drifted else ""
    )
    return subject[:MOST_SUBJECT], "\n".join(_lines(found, drifted=drifted, place=place, link=link)) + "\n"


def _lines(found: Report, *, drifted: bool, place: str, link: str) -> Iterator[str]:
    now, before = found.counts, found.counts_before
    usd, usd_before = total(found.spent), total(found.spent_before)
    first, last = found.week.days[0], found.week.days[-1]
    yield f"{first.day} {first:%B} to {last.day} {last:%B %Y}, beside the week before"
    yield ""
    yield f"Sessions: {now.sessions:,} ({_change(now.sessions, before.sessions)}), {now.turns:,} turns"
    yield f"Cost of the models: {usd:,.2f} USD ({_change(usd, usd_before)})"
    crisis, crisis_before = (_share(week.crisis_sessions, week.sessions) for week in (now, before))
    yield f"Sessions with a crisis turn: {crisis} ({crisis_before} the week before)"
    if drifted:
        first, last = found.baseline
        yield ""
        yield f"Intents have drifted since {first.isoformat()} to {last.isoformat()}. {summary(found.drift)}"
        yield "See docs/lake.md, Reports: what to do about it."
    if found.missing_before:
        yield ""
        yield f"The week before has no figures for {len(found.missing_before)} of its days: changes mislead."
    if found.missing:
        yield ""
        yield f"Without figures: {', '.join(day.isoformat() for day in found.missing)}"
        yield "Run the rollup of these days, and the report again."
    yield ""
    yield f"Report: {place}"
    yield f"In the console: {link}"


def _change(now: float, before: float) -> str:
    return f"{now / before - 1:+.1%}" if before else "none the week before"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "none"
