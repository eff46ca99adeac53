"""Crisis turns, and turns that nobody screened."""

from collections.abc import Sequence

from silent_infinity.domain.lake.figures_shown import part, points_between, ratio
from silent_infinity.domain.lake.report import Report
from silent_infinity.domain.lake.report_html import ALARM, FINE, Cell, card, notice, section, table


def safety(found: Report, title: str) -> str:
    """Return the section about what touches on safety."""
    now, before = found.counts, found.counts_before
    rows: list[Sequence[str | Cell]] = [
        _counted(
            "Crisis turns (level 2 and above)", now.crisis_turns, before.crisis_turns, now.turns, before.turns
        ),
        _counted(
            "Sessions with one", now.crisis_sessions, before.crisis_sessions, now.sessions, before.sessions
        ),
        _counted(
            "Crisis turns that showed help lines",
            now.crisis_referrals,
            before.crisis_referrals,
            now.crisis_turns,
            before.crisis_turns,
        ),
        _counted(
            "Crisis turns answered by a fallback",
            now.crisis_fallbacks,
            before.crisis_fallbacks,
            now.crisis_turns,
            before.crisis_turns,
        ),
        _counted("Turns that nobody screened", now.unscreened, before.unscreened, now.turns, before.turns),
        _counted("Turns answered by a fallback", now.fallbacks, before.fallbacks, now.turns, before.turns),
    ]
    head = ("", "this week", "share", "before", "share", "change")
    note = (
        notice(
            f"{now.unscreened:,} turns were answered without a screen: an outage of the crisis screen.",
            ALARM,
        )
        if now.unscreened
        else notice("Every turn of the week was screened.", FINE)
        if now.turns
        else ""
    )
    intro = "Crisis turns are left out of every comparison of quality; here they are counted."
    return section("safety", title, intro, [note, card("Counts", table("Safety", head, rows))])


def _counted(name: str, now: int, before: int, whole: int, whole_before: int) -> list[str | Cell]:
    return [
        name,
        f"{now:,}",
        part(now, whole),
        f"{before:,}",
        part(before, whole_before),
        points_between(ratio(now, whole), ratio(before, whole_before)),
    ]
