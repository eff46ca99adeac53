"""How a variant becomes production, and what takes its place when it goes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from silent_infinity.domain.registry import refusals
from silent_infinity.domain.registry.commands import Action
from silent_infinity.domain.registry.rollout import ALL, check_service, with_rollout
from silent_infinity.domain.registry.view import View, is_arriving, is_default
from silent_infinity.domain.variant_categories import CANARY, PRODUCTION, RETIRED, categories
from silent_infinity.domain.variant_records import VariantRecord


@dataclass(frozen=True, slots=True)
class Move:
    """A variant as an action leaves it."""

    action: Action
    after: VariantRecord


def share(
    view: View, record: VariantRecord, percent: float, action: Action, retire_incumbent: bool
) -> list[Move]:
    """Give a variant so much of production: it arrives, or takes all of it.

    Below 100 percent the incumbent keeps the rest and remains what everybody falls back to. At 100 it steps
    down, and is what the variant goes back to if it is rolled back. In a pool nobody steps down.

    Raises:
        Refusal: the rules or the other variants do not allow it.
    """
    after = replace(record, status=PRODUCTION)
    if after.target_cohort != "all":
        raise refusals.cohort_limited()
    arriving = view.arriving(record.category)
    if arriving is not None and arriving.key != record.key:
        raise refusals.production_arriving(arriving.category, arriving.variant_id)
    incumbent = view.default(record.category)
    whole = percent == ALL
    if retire_incumbent and (not whole or categories()[record.category].pool):
        raise refusals.incumbent_stays()
    if whole:
        return list(_take_over(view.records[record.key], after, incumbent, action, retire_incumbent))
    arm = with_rollout(view, after, percent)
    if incumbent is None:
        raise refusals.no_incumbent()
    return [Move(action, arm), _left_with(incumbent, percent)]


def leave(view: View, record: VariantRecord, status: str, action: Action) -> list[Move]:
    """Take a variant out of production, to a stage below; who was there before it serves again.

    Raises:
        Refusal: nobody could take its place.
    """
    gone = Move(action, stopped(replace(record, status=status, predecessor_id=None)))
    if is_arriving(record):
        incumbent = view.default(record.category)
        return [gone, *([_restored(incumbent, ALL)] if incumbent else [])]
    if any(map(is_default, view.others(record))):
        return [gone]
    predecessor = view.records.get((record.category, record.predecessor_id or ""))
    if predecessor is None:
        raise refusals.no_predecessor()
    return [gone, _restored(predecessor, ALL if is_arriving(predecessor) else record.rollout_percent)]


def stopped(record: VariantRecord) -> VariantRecord:
    """Return the variant serving nobody. A promotion that was asked for is off."""
    return replace(record, rollout_percent=0.0, ranges=(), promotion_id=None)


def _left_with(incumbent: VariantRecord, percent: float) -> Move:
    rest = round(ALL - percent, 2)
    action = Action.RESTORE if rest > incumbent.rollout_percent else Action.STEP_DOWN
    return Move(action, replace(incumbent, rollout_percent=rest))


def _take_over(
    before: VariantRecord,
    after: VariantRecord,
    incumbent: VariantRecord | None,
    action: Action,
    retire_incumbent: bool,
) -> Iterator[Move]:
    whole = replace(after, rollout_percent=ALL, ranges=())
    check_service(before, whole)
    if incumbent is None or categories()[whole.category].pool:
        yield Move(action, whole)
        return
    yield Move(action, replace(whole, predecessor_id=incumbent.variant_id))
    yield Move(Action.STEP_DOWN, stopped(replace(incumbent, status=RETIRED if retire_incumbent else CANARY)))


def _restored(record: VariantRecord, percent: float) -> Move:
    back = replace(stopped(record), status=PRODUCTION, rollout_percent=percent)
    return Move(Action.RESTORE, back)
