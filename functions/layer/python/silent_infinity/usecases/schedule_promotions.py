"""The promotions' night: put right what got stuck, and ask for what may be asked for."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from silent_infinity.domain.payload import to_payload
from silent_infinity.domain.problems import HttpResponse, ok
from silent_infinity.domain.promotion.outcomes import OPEN, Outcome
from silent_infinity.domain.registry.commands import (
    SCHEDULE_ACTOR,
    Action,
    Command,
    PromotionRequest,
    Refusal,
)
from silent_infinity.domain.registry.view import View, measured_since
from silent_infinity.domain.variant_categories import CANARY, categories
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.approvals import Approvals
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.promotion_executions import PromotionExecutions
from silent_infinity.ports.promotions import Promotions
from silent_infinity.ports.variant_store import VariantSnapshots
from silent_infinity.usecases.close_promotion import ClosePromotion, ClosePromotionRequest
from silent_infinity.usecases.manage_variants import Applied, ManageVariants
from silent_infinity.usecases.resume_promotion import ResumePromotion

T = TypeVar("T")
R = TypeVar("R")

ASKED_AGAIN: Final = frozenset({Outcome.WITHDRAWN, Outcome.STOPPED, Outcome.FAILED, Outcome.NO_APPROVERS})
"""Ends that say nothing about the variant."""

_STARTED: Final = "started"
_CLOSED: Final = "closed"

_REASON = "The nightly schedule asks: the variant serves people as a canary and was not decided on yet."


@dataclass(frozen=True, slots=True)
class Scheduled:
    """`opened` are the new promotions' ids. `started` executions were begun late, `resumed` ones told late of
    a decision; `closed` promotions had lost their execution. `refused` requests were not taken.
    """

    opened: tuple[str, ...] = ()
    started: int = 0
    resumed: int = 0
    closed: int = 0
    refused: int = 0

    def to_payload(self) -> dict[str, Any]:
        """Return the fields as JSON."""
        payload: dict[str, Any] = to_payload(self)
        return payload


class SchedulePromotions:
    """Runs every night. Doing it again on the same day asks for nothing twice."""

    def __init__(
        self,
        *,
        manage: ManageVariants,
        store: VariantSnapshots,
        promotions: Promotions,
        approvals: Approvals,
        executions: PromotionExecutions,
        close: ClosePromotion,
        clock: Clock,
    ) -> None:
        self._manage = manage
        self._store = store
        self._promotions = promotions
        self._approvals = approvals
        self._executions = executions
        self._close = close
        self._clock = clock
        self._resume = ResumePromotion(approvals=approvals, executions=executions)

    def __call__(self) -> Scheduled:
        """Put right, then ask.

        Raises:
            StoreUnavailableError: something is left to do; trying again does it.
        """
        left: list[str] = []
        resumed = sum(_tried(self._resume, one, left) is True for one in self._approvals.undelivered())
        done = [_tried(self._put_right, one, left) for one in list(self._open())]
        opened, refused = self._ask()
        if left:
            # One that cannot be put right keeps nobody else from it.
            raise StoreUnavailableError(left[0])
        return Scheduled(tuple(opened), done.count(_STARTED), resumed, done.count(_CLOSED), refused)

    def _put_right(self, promotion: PromotionRequest) -> str:
        if not promotion.execution and self._executions.start(promotion.promotion_id):
            return _STARTED
        if self._executions.is_running(promotion.promotion_id):
            return ""
        self._close(ClosePromotionRequest(promotion.promotion_id, Outcome.FAILED))
        return _CLOSED

    def _open(self) -> Iterator[PromotionRequest]:
        cursor = None
        while True:
            page = self._promotions.newest(status=OPEN, cursor=cursor)
            yield from page.promotions
            cursor = page.cursor
            if cursor is None:
                return

    def _ask(self) -> tuple[list[str], int]:
        now = self._clock.now()
        opened: list[str] = []
        refused = 0
        for record in View.of(self._store.snapshot().records, now).records.values():
            if not _may_be_asked_for(record) or self._was_decided(record):
                continue
            command = _command(record, now)
            try:
                self._manage(command, command.request_id, _answer)
            except Refusal as refusal:
                if refusal.slug == "registry-busy":
                    raise StoreUnavailableError(refusal.slug) from None
                refused += 1
            else:
                opened.append(command.request_id)
        return opened, refused

    def _was_decided(self, record: VariantRecord) -> bool:
        """Whether it was asked for already, of the variant as it has been since."""
        earlier = self._promotions.of_variant(*record.key, measured_since(record))
        return any(promotion.status not in ASKED_AGAIN for promotion in earlier)


def _tried(work: Callable[[T], R], one: T, left: list[str]) -> R | None:
    """Return what was done; None, with the error in `left`, if a store was in the way."""
    try:
        return work(one)
    except StoreUnavailableError as error:
        left.append(str(error))
        return None


def _may_be_asked_for(record: VariantRecord) -> bool:
    return (
        record.status == CANARY
        and record.rollout_percent > 0
        and record.promotion_id is None
        and record.pending is None
        and record.category in categories()
        and not categories()[record.category].crisis
    )


def _command(record: VariantRecord, now: datetime) -> Command:
    # The name of an execution as well: letters, digits, hyphens, 80 characters at most.
    name = hashlib.sha256("/".join(record.key).encode()).hexdigest()[:16]
    return Command(
        action=Action.PROMOTE,
        category=record.category,
        variant_id=record.variant_id,
        actor=SCHEDULE_ACTOR,
        reason=_REASON,
        request_id=f"nightly-{now.date().isoformat()}-{name}",
        confirm=True,
        expected_version=record.version,
    )


def _answer(applied: Applied) -> HttpResponse:
    return ok({"version": applied.record.version}, status=202)
