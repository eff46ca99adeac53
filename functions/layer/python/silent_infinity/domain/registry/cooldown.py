"""What waits in a critical category, and what becomes of that when something is undone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from silent_infinity.domain.payload import to_payload
from silent_infinity.domain.pending import Pending
from silent_infinity.domain.registry import refusals
from silent_infinity.domain.registry.commands import Action, Command, Decision, RecordChange
from silent_infinity.domain.registry.production import Move
from silent_infinity.domain.registry.view import Key, View, is_measured_alike
from silent_infinity.domain.variant_categories import categories, registry_rules
from silent_infinity.domain.variant_records import VariantRecord

UNDO = frozenset({Action.ROLLBACK, Action.PAUSE, Action.DEMOTE, Action.AUTOMATIC_DEMOTION, Action.CANCEL})
"""What takes something back. It is never delayed, capped or confirmed."""

_DELAYED = frozenset({Action.UPDATE, Action.PROMOTE, Action.RETIRE})
_BOOKKEEPING = frozenset(
    {
        "version",
        "audit_count",
        "audit_head",
        "pending",
        "promotion_id",
        "last_modified",
        "last_modified_by",
        "measured_since",
    }
)


def is_undo(command: Command, target: VariantRecord) -> bool:
    """Whether the command only takes something back. An update does if it no more than lowers a rollout."""
    if command.action is not Action.UPDATE:
        return command.action in UNDO
    percent = command.rollout_percent
    # Configuration and cohort cannot change with it: what has a rollout is in use.
    return percent is not None and percent < target.rollout_percent


def is_delayed(command: Command, target: VariantRecord) -> bool:
    """Whether the command takes effect only after the cooldown."""
    return (
        categories()[command.category].critical
        and command.action in _DELAYED
        and not is_undo(command, target)
        and not _only_words(command, target)
    )


def check_waiting(command: Command, view: View, target: VariantRecord) -> None:
    """See that no other change of the category waits.

    Raises:
        Refusal: one does, and the command is none that may come in between.
    """
    if command.action not in _DELAYED or is_undo(command, target):
        return
    waiting = target.pending if _only_words(command, target) else view.waiting(command.category)
    if waiting is not None:
        raise refusals.change_pending(waiting.effective_at)


def at_once(
    moves: Sequence[Move], command: Command, stored: Mapping[Key, VariantRecord], view: View, now: datetime
) -> Decision:
    """Carry the moves out. What waits for variants that an undo moves is off, with all of its rows."""
    undone = is_undo(command, view.records[moves[0].after.key])
    dropped = {move.after.pending.change_id for move in moves if undone and move.after.pending}
    changes = [
        RecordChange(
            move.action,
            stored[move.after.key],
            touched(
                measured(
                    view.records[move.after.key],
                    replace(move.after, pending=None) if undone else move.after,
                    now,
                ),
                command.actor,
                now,
            ),
        )
        for move in moves
    ]
    done = {move.after.key for move in moves}
    rest = (record for key, record in view.records.items() if key not in done)
    return Decision([*changes, *_cancelled(rest, dropped, command, stored, now)])


def later(
    moves: Iterable[Move], command: Command, stored: Mapping[Key, VariantRecord], view: View, now: datetime
) -> Decision:
    """Let the moves wait for the cooldown. The variants stay as they hold."""
    effective_at = (now + timedelta(seconds=registry_rules().cooldown_seconds)).isoformat()
    changes = []
    for move in moves:
        holds = view.records[move.after.key]
        pending = Pending(
            change_id=command.request_id,
            action=str(move.action),
            requested_at=now.isoformat(),
            requested_by=command.actor,
            effective_at=effective_at,
            changes=_differences(holds, move.after),
        )
        # The promotion's step has been decided, whatever becomes of the change.
        waiting = replace(measured(holds, holds, now), pending=pending, promotion_id=move.after.promotion_id)
        changes.append(
            RecordChange(move.action, stored[move.after.key], touched(waiting, command.actor, now))
        )
    return Decision(changes, effective_at=effective_at)


def cancel(
    command: Command, stored: Mapping[Key, VariantRecord], view: View, target: VariantRecord, now: datetime
) -> Decision:
    """Call off the change that waits for the variant, for all variants that it would change.

    Raises:
        Refusal: none waits.
    """
    if target.pending is None:
        raise refusals.nothing_pending()
    rows = sorted(view.records.values(), key=lambda record: record.key != target.key)
    return Decision(list(_cancelled(rows, {target.pending.change_id}, command, stored, now)))


def touched(record: VariantRecord, actor: str, now: datetime) -> VariantRecord:
    """Return the record with who changed it last, and when."""
    return replace(record, last_modified=now.isoformat(), last_modified_by=actor)


def measured(before: VariantRecord, after: VariantRecord, now: datetime) -> VariantRecord:
    """Return `after` with since when its figures are of what it is: from now on, if they are not of `before`,
    which is in force.
    """
    if is_measured_alike(before, after):
        # A row from before this was kept goes by its last change, which is about to be another one.
        return replace(after, measured_since=before.measured_since or before.last_modified)
    return replace(after, measured_since=now.isoformat())


def _cancelled(
    rows: Iterable[VariantRecord],
    change_ids: set[str],
    command: Command,
    stored: Mapping[Key, VariantRecord],
    now: datetime,
) -> Iterator[RecordChange]:
    for record in rows:
        if record.pending is not None and record.pending.change_id in change_ids:
            # With a step of its promotion, the promotion is off.
            stays = None if record.pending.action == Action.PROMOTE else record.promotion_id
            cleared = replace(measured(record, record, now), pending=None, promotion_id=stays)
            after = touched(cleared, command.actor, now)
            yield RecordChange(Action.CANCEL, stored[record.key], after)


def _differences(before: VariantRecord, after: VariantRecord) -> dict[str, object]:
    had, has = to_payload(before), to_payload(after)
    return {name: has[name] for name in has if name not in _BOOKKEEPING and has[name] != had[name]}


def _only_words(command: Command, target: VariantRecord) -> bool:
    return (
        command.action is Action.UPDATE
        and command.rollout_percent in (None, target.rollout_percent)
        and command.config in (None, target.config)
        and command.target_cohort in (None, target.target_cohort)
    )
