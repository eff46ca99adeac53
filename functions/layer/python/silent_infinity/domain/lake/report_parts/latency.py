"""Quantiles of merged histograms."""

from typing import Final

from silent_infinity.domain.lake.figures_shown import shown
from silent_infinity.domain.lake.metrics import by_name
from silent_infinity.domain.lake.report import TREND_WEEKS, Report
from silent_infinity.domain.lake.report_html import card, section, table

_QUANTILES: Final = (0.5, 0.9, 0.95, 0.99)


def latency(found: Report, title: str) -> str:
    """Return the section about how long replies took."""
    head = ("week", *(f"{quantile:.0%}" for quantile in _QUANTILES), "turns")
    cards = []
    for name in ("latency_total_ms", "latency_first_token_ms"):
        metric = by_name()[name]
        rows = []
        for back in range(TREND_WEEKS):
            week = found.week.earlier(back)
            histogram = found.latency.get(week.days[0], {}).get(name)
            if histogram and histogram.count:
                shares = (shown(histogram.quantile(quantile), "ms") for quantile in _QUANTILES)
                rows.append((week.name, *shares, f"{histogram.count:,}"))
        cards.append(card(metric.title, table(metric.title, head, rows)))
    intro = (
        "Quantiles over turns, of merged histograms: at most 2 % of themselves off. Crisis turns are left"
        " out."
    )
    return section("latency", title, intro, ['<div class="pair">', *cards, "</div>"])
