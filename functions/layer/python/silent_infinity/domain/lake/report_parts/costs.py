"""Where the money went."""

from collections.abc import Iterator, Sequence
from typing import Final

from silent_infinity.data import load
from silent_infinity.domain.lake import attribution, plots
from silent_infinity.domain.lake.figures_shown import change, share, usd
from silent_infinity.domain.lake.report import Report
from silent_infinity.domain.lake.report_html import Cell, card, figure, section, table

_MOST_LINES: Final = 12


def costs(found: Report, title: str) -> str:
    """Return the section about what the models cost."""
    whole, whole_before = attribution.total(found.spent), attribution.total(found.spent_before)
    classes = sorted({name for day in found.costs.values() for name in day})
    read = attribution.cache_read_share(found.spent)
    parts = [
        figure(
            "Cost by day and class of call",
            plots.stacked_days("Cost by day and class", found.trend_days, found.costs, classes, usd),
            ", ".join(f"{name} {_class(name)}" for name in classes),
            wide=True,
        )
    ]
    cards = [
        card(
            f"By {name}",
            table(
                f"Cost by {name}",
                (name, "calls", "cost", "share", "", "before", "change"),
                [*_cost_lines(attribution.attributed(found.spent, found.spent_before, by), whole)],
            ),
        )
        for name, by in attribution.DIMENSIONS.items()
    ]
    moved = attribution.movers(found.spent, found.spent_before, _MOST_LINES)
    cards.append(
        card(
            "What moved most",
            table(
                "Largest changes",
                ("class · model · variant", "cost", "before", "change"),
                [(line.name, usd(line.usd), usd(line.usd_before), _signed(line.change)) for line in moved],
            ),
        )
    )
    intro = (
        f"{usd(whole)} in this week, {usd(whole_before)} in the one before, screen included. Each call has "
        "one class, one model and one variant, so that each table adds up to the whole. "
        f"{share(read)} of all input tokens came from a cache."
    )
    return section("costs", title, intro, [*parts, f'<div class="pair">{"".join(cards)}</div>'])


def _cost_lines(lines: Sequence[attribution.Line], whole: float) -> Iterator[Sequence[str | Cell]]:
    for line in lines[:_MOST_LINES]:
        yield _cost_line(line, whole)
    others = lines[_MOST_LINES:]
    if others:
        rest = attribution.Line(
            f"{len(others)} others",
            sum(line.calls for line in others),
            sum(line.usd for line in others),
            sum(line.usd_before for line in others),
        )
        yield _cost_line(rest, whole)


def _cost_line(line: attribution.Line, whole: float) -> Sequence[str | Cell]:
    of_whole = line.usd / whole if whole else 0
    return (
        line.name,
        f"{line.calls:,}",
        usd(line.usd),
        share(of_whole),
        Cell(bar=of_whole),
        usd(line.usd_before),
        change(line.usd, line.usd_before),
    )


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{usd(value)}"


def _class(name: str) -> str:
    known = load("turn_classes.json")["classes"].get(name)
    return f"({known['description']})" if known else ""
