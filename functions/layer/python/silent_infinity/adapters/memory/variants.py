"""A registry of variants that holds what it is given."""

from collections.abc import Iterable

from silent_infinity.domain.variant_categories import RETIRED
from silent_infinity.domain.variants import AssignmentPlan, Variant, compile_plan


class MemoryVariants:
    """A `VariantRegistry`. `stale` can be set, to see what a turn does with a registry that is down."""

    def __init__(self, variants: Iterable[Variant] = (), stale: bool = False) -> None:
        self.replace(variants)
        self.stale = stale

    def replace(self, variants: Iterable[Variant]) -> None:
        """Hold other variants from now on."""
        self._active = tuple(variant for variant in variants if variant.status != RETIRED)
        self._plan = compile_plan(self._active)

    def active(self) -> tuple[Variant, ...]:
        return self._active

    def plan(self) -> AssignmentPlan:
        return self._plan
