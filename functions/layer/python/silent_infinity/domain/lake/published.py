"""Rows of gold, as a statement returns them, to the figures that are published of variants."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date

from silent_infinity.domain.lake.histograms import Histogram
from silent_infinity.domain.lake.model import DAY
from silent_infinity.domain.variant_sums import Counts, DayOfVariant, Pairs, Sums

Row = Mapping[str, str | None]
Key = tuple[str, str]


class GoldError(ValueError):
    """A row of gold is not as its table says. Names the column, never a value."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of one variant over some days: metric to sums, and the counts."""

    metrics: Mapping[str, Sums] = field(default_factory=dict)
    counts: Counts = Counts()


def variant_days(rows: Iterable[Row], histograms: Iterable[Row] = ()) -> tuple[DayOfVariant, ...]:
    """Return the days that `gold_variant_days` and `gold_histograms` tell of, by variant and day.

    Args:
        rows: one for each day, category, variant and metric.
        histograms: one for each day, category, variant, metric and bin.

    Raises:
        GoldError: a row is not as its table says.
    """
    sums: dict[tuple[str, str, str], dict[str, Sums]] = {}
    counts: dict[tuple[str, str, str], Counts] = {}
    bins: dict[tuple[str, str, str], dict[str, dict[int, int]]] = {}
    for row in rows:
        key = _key(row)
        sums.setdefault(key, {})[_text(row, "metric")] = _sums(row)
        counts[key] = _counts(row)
    for row in histograms:
        drawn = bins.setdefault(_key(row), {}).setdefault(_text(row, "metric"), {})
        drawn[_whole(row, "bin")] = _whole(row, "n")
    return tuple(
        DayOfVariant(
            category,
            variant_id,
            _day(day),
            sums.get(key, {}),
            counts.get(key),
            {metric: Histogram(found) for metric, found in bins.get(key, {}).items()},
        )
        for key in sorted({*sums, *bins})
        for category, variant_id, day in (key,)
    )


def experiments(rows: Iterable[Row]) -> Mapping[Key, Mapping[str, Figures]]:
    """Return what `gold_experiments` has: (category, arm) to variant to its figures since the arm started.

    Raises:
        GoldError: a row is not as its table says.
    """
    found: dict[Key, dict[str, tuple[dict[str, Sums], Counts]]] = {}
    for row in rows:
        variants = found.setdefault((_text(row, "category"), _text(row, "arm_id")), {})
        sums, _ = variants.setdefault(_text(row, "variant_id"), ({}, _counts(row)))
        sums[_text(row, "metric")] = _sums(row)
    return {
        key: {variant: Figures(sums, counts) for variant, (sums, counts) in variants.items()}
        for key, variants in found.items()
    }


def _key(row: Row) -> tuple[str, str, str]:
    return _text(row, "category"), _text(row, "variant_id"), _text(row, DAY)


def _sums(row: Row) -> Sums:
    pairs = Pairs(*(_number(row, one.name) for one in fields(Pairs)))
    return Sums(
        _text(row, "kind"), _whole(row, "n"), _number(row, "total"), _number(row, "squares"), pairs=pairs
    )


def _counts(row: Row) -> Counts:
    return Counts(*(_whole(row, one.name) for one in fields(Counts)))


def _text(row: Row, column: str) -> str:
    value = row.get(column)
    if not value:
        raise GoldError(f"a row of gold lacks {column}")
    return value


def _whole(row: Row, column: str) -> int:
    try:
        return int(_text(row, column))
    except ValueError:
        raise GoldError(f"a row of gold has no whole number in {column}") from None


def _number(row: Row, column: str) -> float:
    try:
        return float(_text(row, column))
    except ValueError:
        raise GoldError(f"a row of gold has no number in {column}") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise GoldError(f"a row of gold has no day in {DAY}") from None
