"""The registry as it holds at one time: pending changes that are due have taken effect."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.pending import Pending, row_in_force
from silent_infinity.domain.registry.buckets import Range
from silent_infinity.domain.registry.commands import PromotionRequest
from silent_infinity.domain.variant_categories import PRODUCTION, RETIRED
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.domain.variants import is_sound

Key = tuple[str, str]
"""Category and id of a variant."""


MEASURED = ("rollout_percent", "ranges", "config", "target_cohort", "seed", "pool_rank")
"""What the figures of a variant are of, beside whether it is production."""


def is_measured_alike(record: VariantRecord, other: VariantRecord) -> bool:
    """Whether figures of the one may go on as figures of the other."""
    as_production = (record.status == PRODUCTION) == (other.status == PRODUCTION)
    return as_production and all(getattr(record, name) == getattr(other, name) for name in MEASURED)


def in_force(record: VariantRecord, now: datetime) -> VariantRecord:
    """Return the record as it holds at `now`. A change that still waits stays in `pending`."""
    if record.pending is None or not record.pending.is_due(now):
        return record
    return after_pending(record, record.pending)


def after_pending(record: VariantRecord, pending: Pending) -> VariantRecord:
    """Return the record as it will be when its pending change has taken effect."""
    due = datetime.fromisoformat(pending.effective_at)
    after = from_payload(VariantRecord, row_in_force(to_payload(record), due))
    return after if is_measured_alike(record, after) else replace(after, measured_since=pending.effective_at)


def measured_since(record: VariantRecord) -> str:
    """Return since when (ISO 8601, UTC) a variant in force is what its figures are of."""
    return record.measured_since or record.last_modified


def has_entered(record: VariantRecord, promotion: PromotionRequest) -> bool:
    """Whether the first step of an open promotion was taken, though it may wait for its cooldown. `record` is
    the row as it is stored.
    """
    stage = record if record.pending is None else after_pending(record, record.pending)
    return record.promotion_id == promotion.promotion_id and stage.status == promotion.to_status


def is_whole(record: VariantRecord) -> bool:
    """Whether what decisions count with is there, now and when what waits has taken effect: rows that came
    from a table are read without regard to types.

    Raises:
        ValueError, TypeError, AttributeError: the pending change cannot be read at all.
    """
    counts: tuple[Any, ...] = (record.version, record.audit_count)
    rollout: Any = record.rollout_percent
    if not (is_sound(record) and isinstance(rollout, int | float) and all(type(n) is int for n in counts)):
        return False
    pending = record.pending
    if pending is None:
        return True
    # A time without a zone cannot be held against the clock.
    zoned = datetime.fromisoformat(pending.effective_at).tzinfo is not None
    return zoned and is_whole(after_pending(record, pending))


def serves(record: VariantRecord) -> bool:
    """Whether anybody is served by the variant (as far as cohorts allow)."""
    return record.status != RETIRED and (record.status == PRODUCTION or record.rollout_percent > 0)


def is_arriving(record: VariantRecord) -> bool:
    """Whether the variant shares production with the incumbent: production below 100 percent, with ranges."""
    return record.status == PRODUCTION and bool(record.ranges)


def is_default(record: VariantRecord) -> bool:
    """Whether the variant serves whom no range catches: production, alone or in a pool, or the incumbent."""
    return record.status == PRODUCTION and not record.ranges


def is_experiment(record: VariantRecord) -> bool:
    """Whether the variant is one of those of which few may run at once."""
    return record.status not in (PRODUCTION, RETIRED) and record.rollout_percent > 0


@dataclass(frozen=True, slots=True)
class View:
    """The variants at one time, as they hold (see `in_force`)."""

    records: Mapping[Key, VariantRecord]

    @classmethod
    def of(cls, stored: Mapping[Key, VariantRecord], now: datetime) -> "View":
        """Look at what is stored."""
        return cls({key: in_force(record, now) for key, record in stored.items()})

    def category(self, name: str) -> Iterator[VariantRecord]:
        """Yield the variants of a category."""
        return (record for record in self.records.values() if record.category == name)

    def default(self, category: str) -> VariantRecord | None:
        """Return the first variant that serves whom no range catches; None in an empty category."""
        found = (record for record in self.category(category) if is_default(record))
        return min(found, key=lambda record: (record.pool_rank, record.variant_id), default=None)

    def arriving(self, category: str) -> VariantRecord | None:
        """Return the variant that shares production with the incumbent."""
        return next((record for record in self.category(category) if is_arriving(record)), None)

    def others(self, record: VariantRecord) -> Iterator[VariantRecord]:
        """Yield the other variants of the record's category."""
        return (other for other in self.category(record.category) if other.key != record.key)

    def taken(self, record: VariantRecord) -> Iterator[Range]:
        """Yield the ranges of the other variants of the record's category."""
        return (bounds for other in self.others(record) for bounds in other.ranges)

    def waiting(self, category: str) -> Pending | None:
        """Return the change that waits in a category: there is one at most."""
        return next((record.pending for record in self.category(category) if record.pending), None)

    def experiments(self) -> list[VariantRecord]:
        """Return what runs as an experiment, or would when what waits takes effect, by category and id."""
        running = (record for record in self.records.values() if any(map(is_experiment, _futures(record))))
        return sorted(running, key=lambda record: record.key)


def _futures(record: VariantRecord) -> Iterable[VariantRecord]:
    return (record,) if record.pending is None else (record, after_pending(record, record.pending))
