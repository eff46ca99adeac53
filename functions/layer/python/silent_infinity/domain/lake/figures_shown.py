"""Figures of the lake as people read them."""

from datetime import date
from typing import Final

from silent_infinity.domain.lake.metrics import HIGHER, LOWER, Metric

NONE: Final = "–"
"""Where there is no figure."""


def shown(value: float | None, unit: str) -> str:
    """Return a figure with its unit: ms, usd, tokens, share, points or turns."""
    if value is None:
        return NONE
    if unit == "ms":
        return f"{value / 1000:.2f} s" if abs(value) >= 1000 else f"{value:.0f} ms"
    if unit == "usd":
        return usd(value)
    if unit == "share":
        return share(value)
    return f"{value:,.0f}" if unit == "tokens" else f"{value:.2f}"


def usd(value: float) -> str:
    """Return US dollars, small ones with the digits that tell them apart."""
    sign, size = ("-" if value < 0 else ""), abs(value)
    digits = 2 if size >= 0.995 or not size else 4 if size >= 0.01 else 6
    return f"{sign}${size:,.{digits}f}"


def share(value: float | None) -> str:
    """Return a share of one as a percentage."""
    if value is None:
        return NONE
    return f"{value:.2%}" if 0 < abs(value) < 0.1 or 0.9 < value < 1 else f"{value:.1%}"


def points(value: float | None) -> str:
    """Return a difference of two shares in percentage points."""
    return NONE if value is None else f"{value * 100:+.2f} pt"


def change(now: float | None, before: float | None) -> str:
    """Return by how much a figure grew, as a percentage of what it was."""
    if now is None or not before:
        return NONE
    return f"{now / before - 1:+.1%}"


def part(count: int, whole: int) -> str:
    """Return a count's share of a whole."""
    return share(ratio(count, whole))


def day(value: date) -> str:
    """Return a day, such as 16 November 2026."""
    return f"{value.day} {value:%B %Y}"


def ratio(count: int, whole: int) -> float | None:
    """Return a count's share of a whole as a number; None without a whole."""
    return count / whole if whole else None


def points_between(now: float | None, before: float | None) -> str:
    """Return the difference of two shares in percentage points."""
    return NONE if now is None or before is None else points(now - before)


def better(difference: float, metric: Metric | None) -> bool | None:
    """Return whether more of a metric, or less, is for the better; None if neither is."""
    if metric is None or not difference or metric.direction not in {LOWER, HIGHER}:
        return None
    return (difference > 0) == (metric.direction == HIGHER)
