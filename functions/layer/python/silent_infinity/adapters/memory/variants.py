"""Registries of variants in memory, as the turn reads them."""

from collections.abc import Iterable, Sequence

from silent_infinity.adapters.memory.variant_store import MemoryVariantStore
from silent_infinity.domain.payload import to_payload
from silent_infinity.domain.registry.in_force import in_force
from silent_infinity.domain.variant_categories import RETIRED
from silent_infinity.domain.variants import AssignmentPlan, Variant, compile_plan
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.errors import StoreUnavailableError


class MemoryVariants:
    """A `VariantRegistry` that holds what it is given.

    `stale` can be set, to see what a turn does with a registry that is down.
    """

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


class StoredVariants:
    """A `VariantRegistry` over what operators change in memory; it keeps what it read for an outage."""

    def __init__(self, store: MemoryVariantStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._rows: Sequence[dict[str, object]] = ()
        self.stale = False

    def active(self) -> Sequence[Variant]:
        try:
            self._rows = [to_payload(record) for record in self._store.snapshot().records.values()]
            self.stale = False
        except StoreUnavailableError:
            self.stale = True
        return in_force(self._rows, self._clock.now()).variants

    def plan(self) -> AssignmentPlan:
        return compile_plan(self.active())
