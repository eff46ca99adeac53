"""What a command does to the registry, decided over what the registry holds. Nothing here reads or writes."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from silent_infinity.domain.registry import cooldown, evidence, refusals
from silent_infinity.domain.registry.commands import (
    SCHEDULE_ACTOR,
    Action,
    Command,
    Decision,
    PromotionRequest,
    RecordChange,
)
from silent_infinity.domain.registry.steps import STEPS, create, next_percent
from silent_infinity.domain.registry.view import Key, View
from silent_infinity.domain.variant_categories import RETIRED, categories, registry_rules
from silent_infinity.domain.variant_records import VariantRecord

REASON_LENGTH = (10, 500)

# No other names are logged: docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
_NOT_IN_NAMES = re.compile(r"[^0-9A-Za-z_-]")
_MOST_NAME = 80

_NEEDS_VERSION = frozenset({Action.UPDATE, Action.PROMOTE, Action.RETIRE, Action.DEMOTE, Action.CANCEL})
_NEEDS_CONFIRMATION = frozenset({Action.UPDATE, Action.PROMOTE})


def decide(command: Command, records: Mapping[Key, VariantRecord], now: datetime) -> Decision:
    """Say which rows change, and how. Canary and production are entered with a person's yes only.

    Args:
        command: what is asked. Its configuration is valid already; whether anybody may be served by it is
            looked at here.
        records: every variant as it is stored.
        now: the time; pending changes that are due by then have taken effect.

    Returns:
        The rows before (as they are stored) and after, the requested one first. Versions and audit chain are
        left to whoever writes them.

    Raises:
        Refusal: the command is not carried out.
    """
    if command.category not in categories():
        raise refusals.category_not_found()
    if not REASON_LENGTH[0] <= len(command.reason.strip()) <= len(command.reason) <= REASON_LENGTH[1]:
        raise refusals.reason_needed()
    view = View.of(records, now)
    if command.action is Action.CREATE:
        return _created(command, view, now)
    target = view.records.get((command.category, command.variant_id))
    if target is None:
        raise refusals.variant_not_found()
    _check_approval(command, target)
    _check_version(command, target)
    if target.status == RETIRED:
        raise refusals.variant_retired()
    if command.action is Action.CANCEL:
        return cooldown.cancel(command, records, view, target, now)
    if command.action is Action.RECORD_EVIDENCE:
        return evidence.record(command, records, view, target, now)
    cooldown.check_waiting(command, view, target)
    moves = STEPS[command.action](command, view, target)
    _check_confirmation(command, target, moves[0].after)
    if _enters_with_approval(command, moves[0].after):
        return _requested(command, records, target, moves[0].after, now)
    finish = cooldown.later if cooldown.is_delayed(command, target) else cooldown.at_once
    return finish(moves, command, records, view, now)


def _created(command: Command, view: View, now: datetime) -> Decision:
    record = replace(create(command, view), created_at=now.isoformat(), created_by=command.actor)
    created = replace(cooldown.touched(record, command.actor, now), measured_since=now.isoformat())
    return Decision([RecordChange(Action.CREATE, None, created)])


def _requested(
    command: Command,
    records: Mapping[Key, VariantRecord],
    target: VariantRecord,
    promoted: VariantRecord,
    now: datetime,
) -> Decision:
    """Open the promotion instead of carrying it out: everything but a person's yes is there."""
    promotion = PromotionRequest(
        promotion_id=_promotion_id(command.request_id),
        category=command.category,
        variant_id=command.variant_id,
        from_status=target.status,
        to_status=promoted.status,
        rollout_percent=promoted.rollout_percent,
        requested_by=command.actor,
        requested_at=now.isoformat(),
        reason=command.reason,
        variant_version=target.version + 1,
        next_percent=next_percent(promoted),
        trigger="schedule" if command.actor == SCHEDULE_ACTOR else "operator",
        retire_incumbent=command.retire_incumbent,
    )
    asked = replace(cooldown.measured(target, target, now), promotion_id=promotion.promotion_id)
    after = cooldown.touched(asked, command.actor, now)
    change = RecordChange(Action.REQUEST_PROMOTION, records[target.key], after)
    return Decision([change], promotion=promotion)


def _promotion_id(request_id: str) -> str:
    """Return an id that may stand in an address as it is, and name an execution: API Gateway's end in `=`."""
    return _NOT_IN_NAMES.sub("-", request_id.rstrip("="))[:_MOST_NAME]


def _enters_with_approval(command: Command, after: VariantRecord) -> bool:
    gated = command.action is Action.PROMOTE and after.status in registry_rules().needs_approval
    return gated and not command.approved


def _check_approval(command: Command, target: VariantRecord) -> None:
    # Nothing stands in the way of an undo.
    if not command.approved or command.action in cooldown.UNDO:
        return
    if target.promotion_id is None or target.promotion_id != command.promotion_id:
        raise refusals.no_open_promotion()


def _check_version(command: Command, target: VariantRecord) -> None:
    if command.expected_version is None and command.action in _NEEDS_VERSION:
        raise refusals.precondition_required(target.version)
    if command.expected_version not in (None, target.version):
        raise refusals.version_mismatch(target.version)


def _check_confirmation(command: Command, before: VariantRecord, after: VariantRecord) -> None:
    points = round(abs(after.rollout_percent - before.rollout_percent), 2)
    needed = command.action in _NEEDS_CONFIRMATION and points > registry_rules().confirm_above_points
    if needed and not (command.confirm or command.approved):
        raise refusals.confirmation_needed(points)
