"""How much of the traffic a variant may have, and which buckets that is."""

from dataclasses import replace

from silent_infinity.domain.registry import refusals
from silent_infinity.domain.registry.buckets import free, in_buckets, in_percent, resized, size
from silent_infinity.domain.registry.view import View, is_experiment, serves
from silent_infinity.domain.variant_categories import PRODUCTION, Stage, categories, registry_rules
from silent_infinity.domain.variant_configs import may_run
from silent_infinity.domain.variant_records import VariantRecord

UNKNOWN_COHORTS = frozenset({"paid", "free"})
"""Nobody knows who pays."""

ALL = 100.0


def with_rollout(view: View, record: VariantRecord, percent: float) -> VariantRecord:
    """Return the variant as an arm with so much of the traffic; `record` has the stage that it is to be in.

    An arm that starts takes the seed of those that run in its category, so that buckets can be compared.

    Raises:
        Refusal: the rules or the other variants do not allow it.
    """
    count = _count(percent)
    _check_bounds(record, count)
    after = replace(record, rollout_percent=in_percent(count))
    if count:
        _check_start(view, after)
    return replace(after, ranges=_ranges(view, record, count), seed=_seed(view, record, count))


def lowered(record: VariantRecord, percent: float) -> VariantRecord:
    """Return the variant with at most so much of the traffic. Nothing stands in the way of having less."""
    count = min(in_buckets(min(percent, record.rollout_percent)), size(record.ranges))
    return replace(record, rollout_percent=in_percent(count), ranges=resized(record.ranges, (), count))


def check_service(before: VariantRecord, after: VariantRecord) -> None:
    """See that a variant which begins to serve people can do it.

    Raises:
        Refusal: its configuration must not serve anybody.
    """
    if serves(after) and not serves(before) and not may_run(after.category, after.config):
        raise refusals.configuration_may_not_run()


def bounds_of(record: VariantRecord) -> Stage:
    """Return the bounds of the record's stage; all of production at once where nothing may be tried out."""
    stage = registry_rules().stage(record.status)
    category = categories()[record.category]
    if record.status == PRODUCTION and (category.crisis or category.pool):
        return replace(stage, least=ALL, entry=ALL)
    return replace(stage, entry=0) if category.crisis else stage


def _count(percent: float) -> int:
    try:
        return in_buckets(percent)
    except ValueError:
        raise refusals.rollout_too_fine() from None


def _check_bounds(record: VariantRecord, count: int) -> None:
    if count and record.status != PRODUCTION and categories()[record.category].crisis:
        raise refusals.crisis_category()
    if count and record.target_cohort in UNKNOWN_COHORTS:
        raise refusals.cohort_unknown()
    stage = bounds_of(record)
    waits = count == 0 and record.status != PRODUCTION
    if not waits and not in_buckets(stage.least) <= count <= in_buckets(stage.most):
        raise refusals.rollout_out_of_bounds(stage)


def _check_start(view: View, after: VariantRecord) -> None:
    before = view.records[after.key]
    check_service(before, after)
    if is_experiment(after) and not is_experiment(before):
        running = [f"{other.category}/{other.variant_id}" for other in view.experiments()]
        most = registry_rules().most_running_experiments
        if len(running) >= most:
            raise refusals.too_many_experiments(running, most)


def _ranges(view: View, record: VariantRecord, count: int) -> tuple[tuple[int, int], ...]:
    taken = list(view.taken(record))
    try:
        return resized(record.ranges, taken, count)
    except ValueError:
        raise refusals.no_free_traffic(in_percent(size(free(taken)))) from None


def _seed(view: View, record: VariantRecord, count: int) -> str:
    if record.ranges or not count:
        return record.seed
    return next((other.seed for other in view.others(record) if other.ranges), record.seed)
