"""Variants and who gets which: pure, versioned, the same in every process."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from silent_infinity.domain.turn import AssignedVariant

BUCKETS = 10_000
PRODUCTION = "production"
RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Variant:
    """One arm in a category.

    `ranges` are the half-open bucket ranges `[start, end)` of 0-9999 that the arm owns. Production owns the
    remainder, so it needs none. `pool_rank` orders the members of a production pool.
    """

    category: str
    variant_id: str
    status: str
    description: str = ""
    rollout_percent: float = 0
    ranges: tuple[tuple[int, int], ...] = ()
    target_cohort: str = "all"
    config: dict[str, Any] = field(default_factory=dict)
    seed: str = "v1"
    pool_rank: int = 0

    def assigned(self) -> AssignedVariant:
        """Return the variant as a turn carries it."""
        return AssignedVariant(self.variant_id, self.config)


def bucket(seed: str, category: str, unit: str) -> int:
    """Return the unit's bucket, 0-9999: SHA-256 of `seed:category:unit`, modulo 10,000 (algorithm version
    1).
    """
    digest = hashlib.sha256(f"{seed}:{category}:{unit}".encode()).digest()
    return int.from_bytes(digest, "big") % BUCKETS


def production(variants: Iterable[Variant]) -> dict[str, AssignedVariant]:
    """Return what every category falls back to: the first of its production pool."""
    chosen: dict[str, Variant] = {}
    for variant in variants:
        if variant.status == PRODUCTION:
            current = chosen.get(variant.category)
            if current is None or (variant.pool_rank, variant.variant_id) < (
                current.pool_rank,
                current.variant_id,
            ):
                chosen[variant.category] = variant
    return {category: variant.assigned() for category, variant in chosen.items()}


def assign(
    variants: Sequence[Variant], unit: str, stored: Mapping[str, str] | None = None
) -> dict[str, AssignedVariant]:
    """Assign one variant in every category that has a production variant.

    Args:
        variants: all variants that are not retired.
        unit: the identity that is hashed.
        stored: what the session was assigned before; kept as long as the arm still runs, so that a ramp does
            not move anybody. An arm without buckets (paused, rolled back) gives way to production at once.
    """
    known = stored or {}
    arms: dict[str, list[Variant]] = {}
    for variant in variants:
        if variant.ranges and variant.status not in (PRODUCTION, RETIRED):
            arms.setdefault(variant.category, []).append(variant)
    result = production(variants)
    for category, running in arms.items():
        if category in result:
            chosen = _chosen(running, category, unit, known.get(category))
            if chosen is not None:
                result[category] = chosen.assigned()
    return result


def _chosen(arms: Sequence[Variant], category: str, unit: str, stored: str | None) -> Variant | None:
    """Return the arm that the session keeps or the unit falls into; None is production."""
    if stored is not None:
        return next((arm for arm in arms if arm.variant_id == stored), None)
    # Arms of one category nearly always share a seed: hashing is what assignment costs.
    places: dict[str, int] = {}
    for arm in arms:
        if arm.seed not in places:
            places[arm.seed] = bucket(arm.seed, category, unit)
        if _owns(arm, places[arm.seed]):
            return arm
    return None


def _owns(variant: Variant, place: int) -> bool:
    for start, end in variant.ranges:  # noqa: SIM110 -- a generator costs more than the comparison
        if start <= place < end:
            return True
    return False
