"""A variant as operators see it: what the turn reads, and how it came to be so."""

from dataclasses import dataclass, field
from typing import Any

from silent_infinity.domain.pending import Pending


@dataclass(frozen=True, slots=True)
class VariantRecord:
    """A row of the registry.

    The first fields are those of `Variant`. `version` counts the changes of the row and is what `If-Match`
    names. `audit_count` and `audit_head` are the length of the variant's audit chain and its last hash.
    `predecessor_id` is the production variant whose place this one took, and goes back to if it is rolled
    back. `promotion_id` names the open promotion, if there is one. `measured_since` is when the variant
    became what its figures are of: whom it serves, with what. Words about it, and a promotion that is asked
    for, do not touch it; rows from before it was kept have "" and go by `last_modified`. Times are ISO 8601,
    UTC.
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
    pass_criteria: dict[str, Any] = field(default_factory=dict)
    created_at: str = ""
    created_by: str = ""
    last_modified: str = ""
    last_modified_by: str = ""
    parent_variant_id: str | None = None
    predecessor_id: str | None = None
    promotion_id: str | None = None
    version: int = 1
    audit_count: int = 0
    audit_head: str = ""
    pending: Pending | None = None
    measured_since: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Category and id."""
        return self.category, self.variant_id
