"""Have the shares of the intents moved? Population stability index, and chi-square against chance."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from silent_infinity.data import load
from silent_infinity.domain.distributions import chi_square_upper
from silent_infinity.domain.weeks import Week

STABLE: Final = "stable"
MODERATE: Final = "moderate"
MAJOR: Final = "major"
TOO_FEW: Final = "too-few"

_HALF: Final = 0.5
"""Added to every count before shares are taken: an intent that one side lacks would make the index infinite.
It is the prior of H. Jeffreys (Theory of Probability, 3rd edition, 1961)."""


@dataclass(frozen=True, slots=True)
class Moved:
    """One intent: turns on both sides, their shares of all turns, and what it adds to the index."""

    name: str
    before: int
    now: int
    share_before: float
    share_now: float
    part: float


@dataclass(frozen=True, slots=True)
class Drift:
    """How far apart two distributions over intents are.

    `psi` is the population stability index, the sum of (q - p) ln(q / p) over the shares p before and q now.
    `chi_square` with `df` degrees of freedom tests that both sides are samples of one distribution, and `p`
    is its p value. Turns of one session are alike, so that p is too small; the index tells how much it
    matters. `intents` has the one that moved most first. `verdict` is STABLE, MODERATE, MAJOR or TOO_FEW.
    """

    psi: float
    chi_square: float
    df: int
    p: float
    turns_before: int
    turns_now: int
    intents: tuple[Moved, ...]
    verdict: str


def rules() -> Mapping[str, Any]:
    """Return the rules, as `data/intent_baseline.json` has them."""
    found: Mapping[str, Any] = load("intent_baseline.json")
    return found


def baseline_days(week: Week, limits: Mapping[str, Any] | None = None) -> tuple[date, date]:
    """Return the first and the last day that a week is held against: the pinned ones, or those before it.

    Raises:
        ValueError: a pinned day is none.
    """
    limits = limits or rules()
    if limits["pinned"]:
        return date.fromisoformat(limits["pinned"]["first"]), date.fromisoformat(limits["pinned"]["last"])
    monday = week.days[0]
    return monday - timedelta(days=limits["days"]), monday - timedelta(days=1)


def drift(
    before: Mapping[str, int], now: Mapping[str, int], limits: Mapping[str, Any] | None = None
) -> Drift:
    """Compare the turns per intent of two periods.

    A drift is MODERATE or MAJOR only if chance would bring it about less often than the rules allow: with
    few turns the index is large by chance (B. Yurdakul and J. Naranjo, Statistical properties of the
    population stability index, Journal of Risk Model Validation 14, 2020).

    Raises:
        ValueError: a count is below 0.
    """
    limits = limits or rules()
    if min((*before.values(), *now.values()), default=0) < 0:
        raise ValueError("an intent cannot have fewer than 0 turns")
    total_before, total_now = sum(before.values()), sum(now.values())
    intents = _moved(before, now)
    statistic, df = chi_square(before, now, limits["rare_below"])
    p = chi_square_upper(statistic, df) if df else 1.0
    psi = math.fsum(intent.part for intent in intents)
    return Drift(
        psi=psi,
        chi_square=statistic,
        df=df,
        p=p,
        turns_before=total_before,
        turns_now=total_now,
        intents=intents,
        verdict=_verdict(psi, p, min(total_before, total_now), limits),
    )


def chi_square(before: Mapping[str, int], now: Mapping[str, int], rare_below: float) -> tuple[float, int]:
    """Return the statistic of homogeneity of two rows of counts, and its degrees of freedom (0: no test).

    Rare intents are taken together, the rarest first, until none is expected less than `rare_below` times on
    either side (W. G. Cochran, Some Methods for Strengthening the Common χ² Tests, Biometrics 10, 1954).
    """
    names = {name for name in {*before, *now} if before.get(name, 0) + now.get(name, 0)}
    cells = sorted(((before.get(name, 0), now.get(name, 0)) for name in names), key=sum)
    rows = sum(a for a, _ in cells), sum(b for _, b in cells)
    if not all(rows):
        return 0.0, 0
    share = min(rows) / sum(rows)
    while len(cells) > 1 and sum(cells[0]) * share < rare_below:
        rarest, next_rarest, *others = cells
        cells = sorted([(rarest[0] + next_rarest[0], rarest[1] + next_rarest[1]), *others], key=sum)
    terms = (
        (cell[side] - sum(cell) * rows[side] / sum(rows)) ** 2 / (sum(cell) * rows[side] / sum(rows))
        for cell in cells
        for side in (0, 1)
    )
    return math.fsum(terms), len(cells) - 1


def summary(found: Drift, most: int = 3) -> str:
    """Return the drift in one sentence of numbers, with the intents that moved most."""
    moved = ", ".join(
        f"{intent.name} {intent.share_before:.1%} to {intent.share_now:.1%}"
        for intent in found.intents[:most]
    )
    return (
        f"Population stability index {found.psi:.3f}, chi-square {found.chi_square:,.1f} with {found.df}"
        f" degrees of freedom (p {_p(found.p)}), {found.turns_before:,} turns before and"
        f" {found.turns_now:,} now."
        f" Most moved: {moved or 'none'}."
    )


def _p(value: float) -> str:
    return f"{value:.2g}" if value >= 1e-9 else "below 1e-9"


def _moved(before: Mapping[str, int], now: Mapping[str, int]) -> tuple[Moved, ...]:
    names = sorted({*before, *now})
    whole_before = sum(before.values()) + _HALF * len(names)
    whole_now = sum(now.values()) + _HALF * len(names)
    found = []
    for name in names:
        p = (before.get(name, 0) + _HALF) / whole_before
        q = (now.get(name, 0) + _HALF) / whole_now
        found.append(
            Moved(
                name,
                before.get(name, 0),
                now.get(name, 0),
                before.get(name, 0) / max(1, sum(before.values())),
                now.get(name, 0) / max(1, sum(now.values())),
                (q - p) * math.log(q / p),
            )
        )
    return tuple(sorted(found, key=lambda intent: (-intent.part, intent.name)))


def _verdict(psi: float, p: float, turns: int, limits: Mapping[str, Any]) -> str:
    if turns < limits["fewest_turns"]:
        return TOO_FEW
    if p >= limits["p_below"] or psi < limits["psi"]["moderate"]:
        return STABLE
    return MAJOR if psi >= limits["psi"]["major"] else MODERATE
