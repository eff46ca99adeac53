"""Rows of gold as Athena returns them: every value a text."""

from dataclasses import fields
from datetime import date

from silent_infinity.domain.lake.histograms import Histogram
from silent_infinity.domain.variant_sums import Counts, Pairs, Sums

Row = dict[str, str | None]


def gold_row(
    variant: tuple[str, str], day: date, metric: str, sums: Sums, counts: Counts, **others: str
) -> Row:
    """Return a row of `gold_variant_days`; with `arm_id` and `since`, of `gold_experiments`."""
    pairs = sums.pairs or Pairs(sums.total, float(sums.n), sums.squares, float(sums.n), sums.total)
    return {
        "dt": day.isoformat(),
        "category": variant[0],
        "variant_id": variant[1],
        "metric": metric,
        "kind": sums.kind,
        "n": str(sums.n),
        "total": repr(float(sums.total)),
        "squares": repr(float(sums.squares)),
        **{one.name: str(getattr(counts, one.name)) for one in fields(Counts)},
        **{one.name: repr(getattr(pairs, one.name)) for one in fields(Pairs)},
        **others,
    }


def histogram_rows(variant: tuple[str, str], day: date, metric: str, histogram: Histogram) -> list[Row]:
    """Return the rows of `gold_histograms` that say so."""
    category, variant_id = variant
    place: Row = {"dt": day.isoformat(), "category": category, "variant_id": variant_id, "metric": metric}
    return [{**place, "bin": str(number), "n": str(count)} for number, count in histogram.bins.items()]
