"""Variants and who gets which: pure, versioned, the same in every process.

Assignment is compiled once for a state of the registry (`compile_plan`) and then asked for each session. Its
vectors, tests/vectors/assignment.json, are the test of every other implementation.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from silent_infinity.domain.turn import AssignedVariant
from silent_infinity.domain.variant_categories import PRODUCTION, RETIRED, STATUSES, USER, categories

ASSIGNMENT_VERSION = 1
"""Raised by any change that could move a unit to another variant; stored assignments outlive it."""

BUCKETS = 10_000

_COHORTS: Mapping[str, bool | None] = {"all": None, "new_users": False, "returning": True}
"""Whether the person must have been here before; None if it does not matter. In other cohorts nobody is."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One arm in a category.

    `ranges` are the half-open bucket ranges `[start, end)` of 0-9999 that the arm owns. Production owns the
    remainder, so it needs none; a production variant that has them is arriving, and is treated as an arm.
    `pool_rank` orders the members of a production pool.
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

    @property
    def is_default(self) -> bool:
        """Whether it is (one of) what production serves to everyone who is in no arm."""
        return self.status == PRODUCTION and not self.ranges


@dataclass(frozen=True, slots=True)
class Choice:
    """What a unit gets in a category. `split` is False only for the one variant that production has there."""

    assigned: AssignedVariant
    split: bool


def is_sound(variant: Any) -> bool:
    """Whether a variant that came from a table can be assigned: payloads are read without regard to types."""
    return (
        isinstance(variant.category, str)
        and isinstance(variant.variant_id, str)
        and isinstance(variant.seed, str)
        and isinstance(variant.target_cohort, str)
        and variant.status in STATUSES
        and isinstance(variant.config, dict)
        and isinstance(variant.pool_rank, int | float)
        and isinstance(variant.ranges, tuple)
        and (not variant.ranges or all(_is_range(pair) for pair in variant.ranges))
    )


def bucket(seed: str, category: str, unit: str) -> int:
    """Return the unit's bucket, 0-9999: SHA-256 of `seed:category:unit`, modulo 10,000 (algorithm version
    1).
    """
    return _place(_prefix(seed, category), unit.encode())


def production(variants: Iterable[Variant]) -> dict[str, AssignedVariant]:
    """Return what every category falls back to: the first of its production pool."""
    return {name: pool[0].assigned() for name, pool in _defaults(_usable(variants)).items()}


def compile_plan(variants: Iterable[Variant]) -> "AssignmentPlan":
    """Return how units are assigned while the registry is as given.

    Rows that are malformed, retired or of a category that this version does not know are left out, and so is
    a category without a production variant.
    """
    usable = _usable(variants)
    arms: dict[str, list[Variant]] = {}
    for variant in usable:
        if variant.ranges and variant.target_cohort in _COHORTS:
            arms.setdefault(variant.category, []).append(variant)
    return AssignmentPlan(
        [_CategoryPlan(name, pool, arms.get(name, ())) for name, pool in _defaults(usable).items()]
    )


class AssignmentPlan:
    """Who gets which variant while the registry stays as it is. Immutable, and safe to share."""

    def __init__(self, plans: Iterable["_CategoryPlan"]) -> None:
        self._plans = {plan.name: plan for plan in plans}
        self._by_unit = tuple((plan.name, plan.by_user, plan.choose) for plan in self._plans.values())
        self._production = {name: plan.default.assigned for name, plan in self._plans.items()}

    def __contains__(self, category: object) -> bool:
        return category in self._plans

    @property
    def asks_returning(self) -> bool:
        """Whether anything depends on `returning`: some arm is for new or for returning people only."""
        return any(plan.asks_returning for plan in self._plans.values())

    def assign(
        self,
        *,
        session_id: str,
        user_id: str,
        stored: Mapping[str, str] | None = None,
        returning: bool | None = None,
    ) -> dict[str, AssignedVariant]:
        """Assign one variant in every category that has a production variant.

        Args:
            session_id: the unit of most categories.
            user_id: the unit of the others: the hash that stands for the person.
            stored: what the session was assigned before, by category. It is kept while the arm still runs and
                is for this person, so that a ramp moves nobody; otherwise production takes over.
            returning: whether the person had a session before this one; None if that is not known.
        """
        session, user = session_id.encode(), user_id.encode()
        known = stored or {}
        return {
            name: choose(user if by_user else session, known.get(name), returning).assigned
            for name, by_user, choose in self._by_unit
        }

    def choose(
        self,
        category: str,
        *,
        session_id: str,
        user_id: str,
        stored: str | None = None,
        returning: bool | None = None,
    ) -> Choice:
        """Assign a variant in one category (see `assign`).

        Raises:
            KeyError: the category has no production variant, or there is no such category.
        """
        plan = self._plans[category]
        return plan.choose((user_id if plan.by_user else session_id).encode(), stored, returning)

    def production(self) -> dict[str, AssignedVariant]:
        """Return what everyone gets in a crisis: the first production variant of every category."""
        return dict(self._production)


class _CategoryPlan:
    """Assignment in one category.

    `_splits` has, for each seed among the arms, the beginning of what is hashed, the owner of every bucket
    (0: production, otherwise the number of the arm), and the arms with the cohorts they are for.
    """

    __slots__ = ("_kept", "_pool", "_pool_prefix", "_splits", "by_user", "default", "name")

    def __init__(self, name: str, pool: Sequence[Variant], arms: Sequence[Variant]) -> None:
        category = categories()[name]
        if category.crisis:
            arms = ()
        if category.crisis or not category.pool:
            # A second row of production in another category is a mistake, or was read between the two writes
            # of a change: it must not have half of the traffic without anybody's decision.
            pool = pool[:1]
        members = tuple(Choice(variant.assigned(), split=len(pool) > 1) for variant in pool)
        running = [
            (arm, (Choice(arm.assigned(), split=True), _COHORTS[arm.target_cohort]))
            for arm in sorted(arms, key=lambda arm: arm.variant_id)
        ]
        self.name = name
        self.by_user = category.unit == USER
        self.default = members[0]
        self._pool = members if len(members) > 1 else ()
        self._pool_prefix = _prefix(pool[0].seed, name)
        self._kept = {choice.assigned.variant_id: (choice, None) for choice in members} | {
            arm.variant_id: served for arm, served in running
        }
        self._splits = tuple(
            (_prefix(seed, name), *_owners([pair for pair in running if pair[0].seed == seed]))
            for seed in sorted({arm.seed for arm, _ in running})
        )

    @property
    def asks_returning(self) -> bool:
        """Whether an arm is for new or for returning people only."""
        return any(needs is not None for _, needs in self._kept.values())

    def choose(self, unit: bytes, stored: str | None, returning: bool | None) -> Choice:
        """Return what the unit keeps, or falls into."""
        if stored is not None:
            kept = self._kept.get(stored)
            if kept is not None and (kept[1] is None or kept[1] is returning):
                return kept[0]
        else:
            for prefix, owners, arms in self._splits:
                owner = owners[_place(prefix, unit)]
                if owner:
                    choice, needs = arms[owner - 1]
                    if needs is None or needs is returning:
                        return choice
        if self._pool:
            return self._pool[_place(self._pool_prefix, unit) % len(self._pool)]
        return self.default


_Served = tuple[Choice, bool | None]


def _owners(arms: Sequence[tuple[Variant, _Served]]) -> tuple[Sequence[int], tuple[_Served, ...]]:
    """Return who owns each bucket, and the arms in the order of their numbers."""
    owners = array("H", [0]) * BUCKETS
    # Ranges never overlap unless a row was tampered with; then the first arm has them, in every process.
    for number in range(len(arms), 0, -1):
        for start, end in arms[number - 1][0].ranges:
            owners[start:end] = array("H", [number]) * (end - start)
    return owners, tuple(served for _, served in arms)


def _usable(variants: Iterable[Variant]) -> list[Variant]:
    known = categories()
    return [v for v in variants if is_sound(v) and v.status != RETIRED and v.category in known]


def _defaults(variants: Iterable[Variant]) -> dict[str, list[Variant]]:
    """Return the production variants of each category, in the order of the pool."""
    found: dict[str, list[Variant]] = {name: [] for name in categories()}
    for variant in variants:
        if variant.is_default:
            found[variant.category].append(variant)
    return {
        name: sorted(pool, key=lambda variant: (variant.pool_rank, variant.variant_id))
        for name, pool in found.items()
        if pool
    }


def _is_range(pair: Any) -> bool:
    return (
        isinstance(pair, tuple)
        and len(pair) == 2
        and all(type(end) is int for end in pair)
        and 0 <= pair[0] < pair[1] <= BUCKETS
    )


def _prefix(seed: str, category: str) -> bytes:
    return f"{seed}:{category}:".encode()


def _place(prefix: bytes, unit: bytes) -> int:
    return int.from_bytes(sha256(prefix + unit).digest(), "big") % BUCKETS
