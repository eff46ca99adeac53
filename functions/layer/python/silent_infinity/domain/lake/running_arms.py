"""The arms of running experiments, as the registry has them when a night is computed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from silent_infinity.domain.lake.arms import Arm
from silent_infinity.domain.registry.view import (
    View,
    is_arriving,
    is_default,
    is_experiment,
    is_whole,
    measured_since,
)
from silent_infinity.domain.variant_categories import categories
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.domain.variants import BUCKETS


@dataclass(frozen=True, slots=True)
class RunningArm:
    """An arm, what it is held against, and the shares of the traffic that both should have.

    `since` is the first whole day (ISO 8601) after the arm and the production that it is held against became
    what their figures are of (`VariantRecord.measured_since`); `shares_since` the first one after that of any
    variant that serves in the category, from which on the shares hold. `share` and `production_share` (of all
    `production` together) are of all buckets. `version` is that of the arm's row.
    """

    category: str
    variant_id: str
    since: str
    production: tuple[str, ...]
    version: int
    share: float
    production_share: float
    shares_since: str
    target_cohort: str = "all"

    @property
    def arm(self) -> Arm:
        """The arm as the statements take it."""
        return Arm(self.category, self.variant_id, date.fromisoformat(self.since), self.production)


def running_arms(
    stored: Mapping[tuple[str, str], VariantRecord], now: datetime, day: date
) -> tuple[RunningArm, ...]:
    """Return the arms whose comparison has begun on `day` or before, by category and id.

    A category without production, and a row that cannot be read as it should be, have no part in it.
    """
    whole = {key: record for key, record in stored.items() if _is_whole(record)}
    view = View.of(whole, now)
    found: list[RunningArm] = []
    for name, category in sorted(categories().items()):
        defaults = sorted(
            (record for record in view.category(name) if is_default(record)),
            key=lambda record: (record.pool_rank, record.variant_id),
        )[: None if category.pool else 1]
        arms = sorted(
            (record for record in view.category(name) if is_experiment(record) or is_arriving(record)),
            key=lambda record: record.variant_id,
        )
        # Nothing but production serves in a crisis category, whatever its rows say.
        if not defaults or category.crisis:
            continue
        changed = {record.variant_id: _changed(record) for record in (*defaults, *arms)}
        held_against = max(changed[record.variant_id] for record in defaults)
        shares = _shares(arms)
        found += [
            RunningArm(
                category=name,
                variant_id=arm.variant_id,
                since=_next_day(max(changed[arm.variant_id], held_against)),
                production=tuple(record.variant_id for record in defaults),
                version=arm.version,
                share=shares[arm.variant_id],
                production_share=1 - sum(shares.values()),
                shares_since=_next_day(max(changed.values())),
                target_cohort=arm.target_cohort,
            )
            for arm in arms
        ]
    return tuple(arm for arm in found if arm.since <= day.isoformat())


def _shares(arms: Iterable[VariantRecord]) -> dict[str, float]:
    """Return each arm's share of all buckets. Where arms have seeds of their own, the first seed chooses, and
    the next among those that it has left.
    """
    shares: dict[str, float] = {}
    left = 1.0
    listed = list(arms)
    for seed in sorted({arm.seed for arm in listed}):
        own = {
            arm.variant_id: sum(end - start for start, end in arm.ranges) / BUCKETS
            for arm in listed
            if arm.seed == seed
        }
        shares |= {variant_id: left * share for variant_id, share in own.items()}
        left *= 1 - sum(own.values())
    return shares


def _changed(record: VariantRecord) -> date:
    """Return the UTC day on which the variant became what its figures are of."""
    return datetime.fromisoformat(measured_since(record)).astimezone(UTC).date()


def _next_day(day: date) -> str:
    return (day + timedelta(days=1)).isoformat()


def _is_whole(record: VariantRecord) -> bool:
    try:
        return is_whole(record) and datetime.fromisoformat(measured_since(record)).tzinfo is not None
    except (ValueError, TypeError, AttributeError):
        return False
