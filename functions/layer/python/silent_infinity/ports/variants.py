"""The registry of variants, as the turn reads it."""

from collections.abc import Sequence
from typing import Protocol

from silent_infinity.domain.variants import AssignmentPlan, Variant


class VariantRegistry(Protocol):
    """Every variant that is not retired, as it is in force now: pending changes that are due are applied.

    A cached answer may be as old as its time to live. When the store is down, the last known answer or the
    initial population is returned: a turn never fails for want of an experiment.
    """

    def active(self) -> Sequence[Variant]:
        """Return the variants of all categories."""
        ...

    def plan(self) -> AssignmentPlan:
        """Return how these variants are assigned. It is compiled once for each state of the registry."""
        ...

    @property
    def stale(self) -> bool:
        """True if the last answer did not come from the store as it should have."""
        ...
