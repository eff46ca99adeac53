"""Is an arm worse than production where nobody may wait for a promotion to find out?

Two questions are asked of every running arm, every night, with all units since it started:

Do more of its units come to a crisis than of production's? One-sided, by Fisher's exact test. It is asked on
many nights of data that grow, and any of them may take the arm back; `false_demotions` over `looks` nights is
kept by asking each night at that share divided by the nights (Bonferroni's inequality), which holds however
the data grow and however the nights hang together. A boundary that was computed for one plan of nights would
see slightly smaller effects, and hold for that plan only.

Do the units divide as the traffic does? If not, something between assignment and record loses units of one
side (A. Fabijan et al., Diagnosing Sample Ratio Mismatch in Online Controlled Experiments, KDD 2019), and no
figure of the arm can be trusted.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from silent_infinity.domain.distributions import chi_square_upper, hypergeometric_upper
from silent_infinity.domain.lake.published import Figures
from silent_infinity.domain.lake.running_arms import RunningArm
from silent_infinity.domain.variant_sums import RATE, Sums, together

EVERYBODY = "all"
FEW = 5
"""Expected units below which chi-square is a poor likeness (W. G. Cochran, Biometrics 10, 1954)."""


@dataclass(frozen=True, slots=True)
class RegressionRules:
    """`false_demotions`: the share of harmless arms that may be taken back within `looks` nights."""

    metric: str
    false_demotions: float
    looks: int
    least_units: int
    least_flagged: int

    @property
    def alpha(self) -> float:
        """The p value below which an arm is taken back on one night."""
        return self.false_demotions / self.looks


@dataclass(frozen=True, slots=True)
class RatioRules:
    """`p`: below this, the units do not divide as the traffic does."""

    p: float
    least_units: int


@dataclass(frozen=True, slots=True)
class Regression:
    """An arm of which more units came to a crisis than chance would have it."""

    arm: RunningArm
    flagged: int
    units: int
    production_flagged: int
    production_units: int
    p: float


@dataclass(frozen=True, slots=True)
class RatioMismatch:
    """An arm whose units are too many or too few beside production's. Units by variant."""

    arm: RunningArm
    p: float
    units: Mapping[str, int] = field(default_factory=dict)
    expected: Mapping[str, float] = field(default_factory=dict)


def crisis_regression(
    arm: RunningArm, figures: Mapping[str, Figures], rules: RegressionRules
) -> Regression | None:
    """Return how an arm is worse than production; None if it is not, or too little is known.

    Args:
        figures: those of the arm and of other variants of its category, over the same days.
    """
    mine = _rate(figures.get(arm.variant_id), rules.metric)
    parts = [_rate(figures.get(variant), rules.metric) for variant in arm.production]
    others = [part for part in parts if part is not None]
    if mine is None or not others:
        return None
    production = together(others)
    flagged, production_flagged = round(mine.total), round(production.total)
    if min(mine.n, production.n) < rules.least_units or flagged < rules.least_flagged:
        return None
    p = hypergeometric_upper(flagged, mine.n, flagged + production_flagged, mine.n + production.n)
    if p >= rules.alpha:
        return None
    return Regression(arm, flagged, mine.n, production_flagged, production.n, p)


def ratio_mismatch(arm: RunningArm, units: Mapping[str, int], rules: RatioRules) -> RatioMismatch | None:
    """Return how the units of an arm and of production fail to divide as the traffic; None if they do.

    The variants of a production pool have equal shares.

    Args:
        units: exposed units by variant, of days on which the shares held. Variants that are neither the arm
            nor production are left alone.
    """
    in_production = arm.production_share / len(arm.production) if arm.production else 0.0
    shares = {**dict.fromkeys(arm.production, in_production), arm.variant_id: arm.share}
    if len(shares) < 2 or min(shares.values()) <= 0:
        return None
    counted = {name: units.get(name, 0) for name in shares}
    total, whole = sum(counted.values()), math.fsum(shares.values())
    expected = {name: total * share / whole for name, share in shares.items()}
    if total < rules.least_units or min(expected.values()) < FEW:
        return None
    statistic = math.fsum((counted[name] - expected[name]) ** 2 / expected[name] for name in shares)
    p = chi_square_upper(statistic, len(shares) - 1)
    return RatioMismatch(arm, p, counted, expected) if p < rules.p else None


def for_everybody(arm: RunningArm) -> bool:
    """Whether an arm is served to people as production is, or to some who may be unlike the others."""
    return arm.target_cohort == EVERYBODY


def _rate(figures: Figures | None, metric: str) -> Sums | None:
    found = figures.metrics.get(metric) if figures else None
    return found if found and found.kind == RATE and 0 <= found.total <= found.n else None
