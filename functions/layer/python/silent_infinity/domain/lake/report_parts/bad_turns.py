"""What was wrong with bad turns, and where."""

from collections.abc import Sequence
from typing import Final

from silent_infinity.data import load
from silent_infinity.domain.lake import failures
from silent_infinity.domain.lake.figures_shown import points, share
from silent_infinity.domain.lake.report import Report
from silent_infinity.domain.lake.report_html import Cell, card, section, table

_HOTTEST: Final = 0.6
"""How much colour the largest share of a row gets: text stays readable on it."""


def bad_turns(found: Report, title: str) -> str:
    """Return the section about what went wrong."""
    turns = sum(found.turns_of_intent.values())
    listed = failures.failures(found.failed, found.failed_before, turns, found.turns_before)
    rows = [
        (
            _failure(one.name),
            f"{one.turns:,}",
            share(one.share),
            share(one.share_before),
            points(one.change),
            Cell(" · ".join(one.most_in.values()), "text"),
            Cell(one.example, code=True),
        )
        for one in listed
    ]
    head = ("what", "turns", "share of all", "before", "change", "most are in", "one of them (turn id)")
    intro = (
        f"Bad turns among {turns:,}. A turn may have several failures. An operator finds the event of a turn "
        "id in the table of turn events, as long as it is kept."
    )
    parts = [card("Failures", table("Failures", head, rows))]
    grids = (
        ("Share of each class's turns", failures.by_class(found.failed, found.turns_of_class)),
        ("Share of each intent's turns", failures.by_intent(found.failed, found.turns_of_intent)),
    )
    parts += [card(title, _grid(title, grid)) for title, grid in grids if grid.rows]
    return section("failures", title, intro, parts)


def _grid(title: str, grid: failures.Grid) -> str:
    return table(title, ("", *grid.columns), (_shares(*row) for row in grid.rows))


def _shares(name: str, shares: Sequence[float | None]) -> list[str | Cell]:
    most = max((one or 0 for one in shares), default=0) or 1
    return [
        _failure(name),
        *(Cell(share(one) if one else "", heat=_HOTTEST * (one or 0) / most) for one in shares),
    ]


def _failure(name: str) -> str:
    titles = {known["name"]: known["title"] for known in load("failure_categories.json")["failures"]}
    return str(titles.get(name, name))
