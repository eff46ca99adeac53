"""What operators ask of the registry, what is decided, and why something is refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from silent_infinity.domain.promotion.evidence import GoldenEvidence
from silent_infinity.domain.promotion.outcomes import OPEN, Outcome
from silent_infinity.domain.variant_records import VariantRecord


class Action(StrEnum):
    """What is done to a variant. The audit log has the same words.

    The second part comes about: the incumbent steps down while another variant takes its place, and is
    restored when that one goes back.
    """

    CREATE = "create"
    UPDATE = "update"
    PROMOTE = "promote"
    DEMOTE = "demote"
    ROLLBACK = "rollback"
    PAUSE = "pause"
    RETIRE = "retire"
    CANCEL = "cancel"
    AUTOMATIC_DEMOTION = "automatic_demotion"
    REQUEST_PROMOTION = "request_promotion"
    CLOSE_PROMOTION = "close_promotion"
    RECORD_EVIDENCE = "record_evidence"

    STEP_DOWN = "step_down"
    RESTORE = "restore"


WORKFLOW_ACTOR = "system:promotion"
"""The promotion workflow, where nobody else can be named."""
SCHEDULE_ACTOR = "system:promotion_schedule"
"""Who asks for the promotions of every night."""


@dataclass(frozen=True, slots=True)
class Command:
    """One request to change a variant.

    `actor` is the operator's subject (`operator:<sub>`) or `system:<what>`. `expected_version` is what
    `If-Match` named; None where it may be left out and was. The optional fields are None where the request
    does not name them. `approved` says that the promotion workflow has a person's yes to `promotion_id`,
    which has to be the variant's open promotion. `retire_incumbent` retires what a promotion to production
    replaces; otherwise it steps down to a canary at 0. `outcome` is how CLOSE_PROMOTION ends it,
    `evidence` what RECORD_EVIDENCE notes.
    """

    action: Action
    category: str
    variant_id: str
    actor: str
    reason: str
    request_id: str
    confirm: bool = False
    expected_version: int | None = None
    rollout_percent: float | None = None
    description: str | None = None
    config: Mapping[str, Any] | None = None
    target_cohort: str | None = None
    pass_criteria: Mapping[str, Any] | None = None
    parent_variant_id: str | None = None
    retire_incumbent: bool = False
    approved: bool = False
    promotion_id: str | None = None
    outcome: Outcome | None = None
    evidence: GoldenEvidence | None = None


@dataclass(frozen=True, slots=True)
class RecordChange:
    """One row before (None: it is new) and after. The store adds version and audit chain to `after`.

    `noted` is what the audit entry tells besides, next to the fields of the row after. With `keeps_version`
    nothing but the audit chain of the row changes.
    """

    action: Action
    before: VariantRecord | None
    after: VariantRecord
    noted: Mapping[str, Any] | None = None
    keeps_version: bool = False


@dataclass(frozen=True, slots=True)
class PromotionRequest:
    """A promotion that needs evidence and a person's yes before it is applied.

    `status` is OPEN until it ends, and then a value of `Outcome`; `closed_at` and `closed_by` are empty until
    then. `variant_version` is the version of the row that it is about, after the request was recorded.
    `rollout_percent` is its first step, `next_percent` the second one within the same stage (None: there is
    none). `execution` is the ARN of the execution that has taken it, `evidence_hash` names the last evidence;
    both are empty at first. `trigger` is "operator" or "schedule". `retire_incumbent` is of the command.
    """

    promotion_id: str
    category: str
    variant_id: str
    from_status: str
    to_status: str
    rollout_percent: float
    requested_by: str
    requested_at: str
    reason: str
    status: str = OPEN
    variant_version: int = 0
    closed_at: str = ""
    closed_by: str = ""
    execution: str = ""
    evidence_hash: str = ""
    next_percent: float | None = None
    trigger: str = "operator"
    retire_incumbent: bool = False


@dataclass(frozen=True, slots=True)
class PromotionClosed:
    """The end of a promotion that was open: `status` is a value of `Outcome`."""

    promotion_id: str
    status: str
    closed_at: str
    closed_by: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a command does: the rows that change together, the requested one first.

    `effective_at` is when the change takes effect if a cooldown delays it. `promotion` is there when the
    command only opened a promotion.
    """

    changes: Sequence[RecordChange]
    effective_at: str | None = None
    promotion: PromotionRequest | None = None


class Refusal(Exception):  # noqa: N818 -- it is a decision that is carried to the caller, not a fault
    """A command that is not carried out.

    `slug`, `title` and `status` are of the problem document; `detail` says what to do. `violations` name
    places and keywords.
    """

    def __init__(
        self,
        slug: str,
        title: str,
        status: int,
        detail: str,
        violations: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(slug)
        self.slug = slug
        self.title = title
        self.status = status
        self.detail = detail
        self.violations = violations
