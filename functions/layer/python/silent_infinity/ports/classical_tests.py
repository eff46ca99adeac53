"""Tests for figures that are looked at once. Whoever looks every night takes the sequential ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from silent_infinity.domain.variant_sums import Sums


@dataclass(frozen=True, slots=True)
class OneLook:
    """An estimate with its interval of 1 - α, and the two-sided p of "nothing differs".

    p is None where the test cannot be computed (nothing varies).
    """

    estimate: float
    low: float
    high: float
    p: float | None


class ClassicalTests(Protocol):
    """Each raises ValueError for counts that cannot be, or too few of them."""

    def welch(self, arm: Sums, production: Sums, alpha: float = 0.05) -> OneLook:
        """Return the difference of two means, arm minus production, by Welch's t test."""
        ...

    def two_proportions(self, arm: Sums, production: Sums, alpha: float = 0.05) -> OneLook:
        """Return the difference of two rates: pooled z test, Newcombe's interval (his method 10)."""
        ...

    def binomial_upper(self, events: int, trials: int, alpha: float = 0.05) -> float:
        """Return the one-sided upper bound of a rate, exact (Clopper and Pearson). 1.0 without trials."""
        ...

    def binomial_lower(self, events: int, trials: int, alpha: float = 0.05) -> float:
        """Return the one-sided lower bound of a rate, exact. 0.0 without trials."""
        ...

    def rank_sum(self, arm: Mapping[int, int], production: Mapping[int, int], alpha: float = 0.05) -> OneLook:
        """Return P(X > Y) + ½ P(X = Y) for an answer X of the arm and Y of production: ½ if they are alike.

        Args:
            arm: value to how many gave it (an NPS answer from 0 to 10).
            production: the same.
            alpha: of the interval.
        """
        ...
