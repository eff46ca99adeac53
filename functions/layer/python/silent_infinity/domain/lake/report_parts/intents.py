"""Whether people come with something else."""

from silent_infinity.domain.lake import drift, plots
from silent_infinity.domain.lake.figures_shown import day, points, share
from silent_infinity.domain.lake.report import Report
from silent_infinity.domain.lake.report_html import ALARM, FINE, PLAIN, card, figure, notice, section, table


def intents(found: Report, title: str) -> str:
    """Return the section about what people came with."""
    drifted = found.drift
    first, last = found.baseline
    words = {
        drift.STABLE: ("Intents are as they were.", FINE),
        drift.MODERATE: ("Intents have moved a little: worth a look, no alarm.", PLAIN),
        drift.MAJOR: ("Intents have drifted.", ALARM),
        drift.TOO_FEW: ("There are too few turns to say whether intents have drifted.", PLAIN),
    }
    verdict, kind = words[drifted.verdict]
    rows = [(intent.name, intent.share_before, intent.share_now) for intent in drifted.intents]
    listed = [
        (
            intent.name,
            f"{intent.before:,}",
            share(intent.share_before),
            f"{intent.now:,}",
            share(intent.share_now),
            points(intent.share_now - intent.share_before),
            f"{intent.part:.4f}",
        )
        for intent in drifted.intents
    ]
    head = ("intent", "baseline", "share", "this week", "share", "change", "index")
    limits = drift.rules()["psi"]
    intro = (
        f"Against the baseline of {day(first)} to {day(last)}. The index is moderate from"
        f" {limits['moderate']} on and an alarm from {limits['major']} on, unless chance explains it. The p"
        " value takes turns for independent, which those of one session are not: it is too small."
    )
    parts = [
        notice(f"{verdict} {drift.summary(drifted)}", kind),
        '<div class="pair">',
        figure("Shares of the intents", plots.dumbbells("Shares of the intents", rows)) if rows else "",
        card("In figures, what moved most first", table("Intents", head, listed)),
        "</div>",
    ]
    return section("intents", title, intro, parts)
