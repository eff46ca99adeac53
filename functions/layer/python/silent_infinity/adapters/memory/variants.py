"""A registry of variants that holds what it is given."""

from collections.abc import Iterable

from silent_infinity.domain.variants import RETIRED, Variant


class MemoryVariants:
    """A `VariantRegistry`. `stale` can be set, to see what a turn does with a registry that is down."""

    def __init__(self, variants: Iterable[Variant] = (), stale: bool = False) -> None:
        self._variants = tuple(variants)
        self.stale = stale

    def replace(self, variants: Iterable[Variant]) -> None:
        """Hold other variants from now on."""
        self._variants = tuple(variants)

    def active(self) -> tuple[Variant, ...]:
        return tuple(variant for variant in self._variants if variant.status != RETIRED)
