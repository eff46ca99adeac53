"""What arrived in the lake."""

from collections.abc import Sequence

from silent_infinity.domain.lake.report import Report
from silent_infinity.domain.lake.report_html import card, section, table


def record(found: Report, title: str) -> str:
    """Return the section about what the record holds."""
    rows: list[Sequence[str]] = []
    for one in found.week.days:
        arrived = found.arrivals.get(one)
        rows.append(
            (f"{one:%A %-d %B}", *("nothing yet", *[""] * 4))
            if arrived is None
            else (
                f"{one:%A %-d %B}",
                f"{arrived.received:,}",
                f"{arrived.turns:,}",
                f"{arrived.duplicates:,}",
                f"{arrived.late:,}",
                f"{arrived.invalid:,}",
            )
        )
    head = ("day", "rows that arrived", "turns", "repeated", "more than a day late", "left out as invalid")
    intro = (
        "What arrived in the lake of the turns of each day. Repeated rows and late ones are no loss; invalid "
        "ones are."
    )
    return section("record", title, intro, [card("Arrivals", table("Arrivals", head, rows))])
