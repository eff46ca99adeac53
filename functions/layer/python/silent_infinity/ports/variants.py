"""The registry of variants, as the turn reads it."""

from collections.abc import Sequence
from typing import Protocol

from silent_infinity.domain.variants import Variant


class VariantRegistry(Protocol):
    """Every variant that is not retired."""

    def active(self) -> Sequence[Variant]:
        """Return the variants of all categories.

        A cached answer may be as old as its time to live. When the store is down, the last known answer or
        the initial population is returned: a turn never fails for want of an experiment.
        """
        ...

    @property
    def stale(self) -> bool:
        """True if the last answer of `active` did not come from the store as it should have."""
        ...
