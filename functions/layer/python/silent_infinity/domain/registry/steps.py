"""What each action does to the variants of a category, before cooldown and approval are thought of."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from silent_infinity.domain.registry import refusals
from silent_infinity.domain.registry.commands import Action, Command
from silent_infinity.domain.registry.production import Move, leave, share, stopped
from silent_infinity.domain.registry.rollout import bounds_of, lowered, with_rollout
from silent_infinity.domain.registry.view import View, is_arriving, serves
from silent_infinity.domain.variant_categories import (
    EXPERIMENTAL,
    PRODUCTION,
    RETIRED,
    categories,
    registry_rules,
)
from silent_infinity.domain.variant_records import VariantRecord

Step = Callable[[Command, View, VariantRecord], list[Move]]
"""Takes the command, the registry and the variant as it holds; returns the variants that change, it first."""


def create(command: Command, view: View) -> VariantRecord:
    """Return a new variant: an experiment that serves nobody, the last of its pool.

    Raises:
        Refusal: the id is taken, or the parent is not there.
    """
    if (command.category, command.variant_id) in view.records:
        raise refusals.variant_exists()
    if command.parent_variant_id and (command.category, command.parent_variant_id) not in view.records:
        raise refusals.parent_not_found()
    ranks = [other.pool_rank for other in view.category(command.category)]
    return VariantRecord(
        category=command.category,
        variant_id=command.variant_id,
        status=EXPERIMENTAL,
        description=command.description or "",
        rollout_percent=0.0,
        target_cohort=command.target_cohort or "all",
        config=dict(command.config or {}),
        seed=command.variant_id,
        pool_rank=max(ranks, default=-1) + 1 if categories()[command.category].pool else 0,
        pass_criteria=dict(command.pass_criteria or {}),
        parent_variant_id=command.parent_variant_id,
    )


def update(command: Command, view: View, target: VariantRecord) -> list[Move]:
    """Change what an update names. A later step of an approved promotion may be its last."""
    moves = _updated(command, view, target)
    if not command.approved or next_percent(moves[0].after) is not None:
        return moves
    return [replace(moves[0], after=replace(moves[0].after, promotion_id=None)), *moves[1:]]


def _updated(command: Command, view: View, target: VariantRecord) -> list[Move]:
    named = _named(command)
    if not named and command.rollout_percent is None:
        raise refusals.nothing_to_change()
    after = replace(target, **named)
    if after == target and command.rollout_percent in (None, target.rollout_percent):
        raise refusals.nothing_to_change()
    if (after.config, after.target_cohort) != (target.config, target.target_cohort):
        _check_unused(view, target)
    percent = target.rollout_percent if command.rollout_percent is None else command.rollout_percent
    if is_arriving(target) and percent != target.rollout_percent:
        return share(view, after, percent, Action.UPDATE, command.retire_incumbent)
    if command.retire_incumbent:
        raise refusals.incumbent_stays()
    if percent == target.rollout_percent:
        return [Move(Action.UPDATE, after)]
    if target.status == PRODUCTION:
        raise refusals.share_of_production()
    return [Move(Action.UPDATE, with_rollout(view, after, percent))]


def promote(command: Command, view: View, target: VariantRecord) -> list[Move]:
    """Advance a variant by one stage. Its promotion stays open while a step of it is left."""
    if target.promotion_id and not command.approved:
        raise refusals.promotion_open()
    status = _neighbour(target.status, 1)
    if status is None:
        raise refusals.nothing_above()
    after = replace(target, status=status)
    percent = bounds_of(after).entry if command.rollout_percent is None else command.rollout_percent
    if next_percent(replace(after, rollout_percent=percent)) is None:
        after = replace(after, promotion_id=None)
    if status == PRODUCTION:
        return share(view, after, percent, Action.PROMOTE, command.retire_incumbent)
    if command.retire_incumbent:
        raise refusals.incumbent_stays()
    return [Move(Action.PROMOTE, with_rollout(view, after, percent))]


def demote(_: Command, view: View, target: VariantRecord) -> list[Move]:
    """Take a variant back by one stage, with no more of the traffic than that stage has."""
    status = _neighbour(target.status, -1)
    if status is None:
        raise refusals.nothing_below()
    if target.status == PRODUCTION:
        return leave(view, target, status, Action.DEMOTE)
    after = replace(target, status=status, promotion_id=None)
    most = 0 if categories()[target.category].crisis else bounds_of(after).most
    return [Move(Action.DEMOTE, lowered(after, most))]


def rollback(command: Command, view: View, target: VariantRecord) -> list[Move]:
    """Take a variant back to where it began; from production, its predecessor serves again."""
    if target.status == PRODUCTION:
        return leave(view, target, EXPERIMENTAL, command.action)
    return [Move(command.action, stopped(replace(target, status=EXPERIMENTAL)))]


def pause(_: Command, __: View, target: VariantRecord) -> list[Move]:
    """Let a variant serve nobody, in its stage."""
    if target.status == PRODUCTION:
        raise refusals.production_variant()
    return [Move(Action.PAUSE, stopped(target))]


def retire(_: Command, __: View, target: VariantRecord) -> list[Move]:
    """Take a variant that serves nobody out of the registry's life."""
    if serves(target):
        raise refusals.variant_in_use("It can be retired")
    return [Move(Action.RETIRE, stopped(replace(target, status=RETIRED)))]


def close_promotion(command: Command, _: View, target: VariantRecord) -> list[Move]:
    """Note how a promotion ended. One that is named ends even if the row has lost it."""
    if target.promotion_id is None and command.promotion_id is None:
        raise refusals.no_open_promotion()
    stays = target.promotion_id if command.promotion_id not in (None, target.promotion_id) else None
    return [Move(Action.CLOSE_PROMOTION, replace(target, promotion_id=stays))]


def next_percent(record: VariantRecord) -> float | None:
    """Return the step after the variant's rollout within its stage; None if it serves nobody yet, or all that
    the stage allows.
    """
    most = bounds_of(record).most
    return most if 0 < record.rollout_percent < most else None


STEPS: Mapping[Action, Step] = {
    Action.UPDATE: update,
    Action.PROMOTE: promote,
    Action.DEMOTE: demote,
    Action.ROLLBACK: rollback,
    Action.AUTOMATIC_DEMOTION: rollback,
    Action.PAUSE: pause,
    Action.RETIRE: retire,
    Action.CLOSE_PROMOTION: close_promotion,
}


def _named(command: Command) -> dict[str, Any]:
    """Return the attributes that an update names, besides the rollout."""
    named = {
        "description": command.description,
        "target_cohort": command.target_cohort,
        "config": None if command.config is None else dict(command.config),
        "pass_criteria": None if command.pass_criteria is None else dict(command.pass_criteria),
    }
    return {name: value for name, value in named.items() if value is not None}


def _check_unused(view: View, target: VariantRecord) -> None:
    # A rollback has to give back what was there, so what it goes back to stays as it is.
    goes_back = any(other.predecessor_id == target.variant_id for other in view.others(target))
    if serves(target) or goes_back:
        raise refusals.variant_in_use("Configuration and cohort change")
    # Its stage was reached, and perhaps approved, with what it is now.
    if target.status != EXPERIMENTAL:
        raise refusals.past_experimental()


def _neighbour(status: str, step: int) -> str | None:
    stages = [stage.status for stage in registry_rules().stages]
    place = stages.index(status) + step
    return stages[place] if 0 <= place < len(stages) else None
