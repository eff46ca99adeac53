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
    by_category: dict[str, list[Variant]] = {}
    for variant in variants:
        if variant.status != RETIRED:
            by_category.setdefault(variant.category, []).append(variant)
    fallback = production(variants)
    result: dict[str, AssignedVariant] = {}
    for category, default in fallback.items():
        arms = [v for v in by_category[category] if v.status != PRODUCTION and v.ranges]
        kept = next((v for v in arms if v.variant_id == (stored or {}).get(category)), None)
        if kept is None and not (stored and category in stored):
            kept = next((v for v in arms if _owns(v, bucket(v.seed, category, unit))), None)
        result[category] = kept.assigned() if kept else default
    return result


def _owns(variant: Variant, place: int) -> bool:
    return any(start <= place < end for start, end in variant.ranges)
