"""Whatever is asked of the registry, in whatever order and at whatever time: what must always hold."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain, pairwise
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from silent_infinity.domain.registry.buckets import in_buckets, size
from silent_infinity.domain.registry.commands import Action, Command, Decision, Refusal
from silent_infinity.domain.registry.cooldown import UNDO
from silent_infinity.domain.registry.life_cycle import decide
from silent_infinity.domain.registry.view import (
    View,
    is_arriving,
    is_default,
    is_experiment,
    is_measured_alike,
    measured_since,
)
from silent_infinity.domain.variant_categories import PRODUCTION, RETIRED, categories, registry_rules
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.domain.variants import BUCKETS
from tests.support.registry import (
    NOW,
    REASON,
    Registry,
    carried_out,
    registry,
    usual_config,
    variant,
    without_bookkeeping,
)

CATEGORIES = (
    "COMPOSE_POSITION",
    "MANDALA_FACE",
    "SYSTEM_PROMPT",
    "CRISIS_DETECTOR_MODEL",
    "RATING_VARIANT",
)
"""Two plain ones, a critical one, one of crisis safety, and a pool."""

IDS = ("prod", "a", "b", "c")
ROLLOUTS = (None, 0, 0.5, 1, 3.33, 5, 10, 25, 50, 62.5, 75, 100, 101)
STEPS_ONLY = {Action.STEP_DOWN, Action.RESTORE, Action.REQUEST_PROMOTION}
"""What comes about by other actions and is not asked for."""

UNDO_REFUSALS = {
    "variant-retired",
    "variant-not-found",
    "nothing-below",
    "no-predecessor",
    "production-variant",
    "nothing-pending",
}
"""Why an undo may be refused: there is nothing to undo, or nobody would serve. Never to protect a rule."""


class LifeCycle(RuleBasedStateMachine):
    """Operators, the promotion workflow and alarms at work on a small registry, with a clock that goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.records: Registry = {}
        self.now = NOW
        self.requests = 0

    @initialize()
    def begin(self) -> None:
        rows = []
        for category in CATEGORIES:
            rows.append(variant(category, "prod", PRODUCTION, 100))
            rows += [variant(category, name, "experimental") for name in ("a", "b")]
        rows.append(variant("RATING_VARIANT", "pooled", PRODUCTION, 100, pool_rank=1))
        self.records = registry(rows)

    @rule(
        action=st.sampled_from([action for action in Action if action not in STEPS_ONLY]),
        category=st.sampled_from(CATEGORIES),
        name=st.sampled_from(IDS),
        fields=st.fixed_dictionaries(
            {
                "rollout_percent": st.sampled_from(ROLLOUTS),
                "description": st.sampled_from([None, "other words"]),
                "target_cohort": st.sampled_from([None, None, None, "all", "returning", "paid"]),
                "config": st.sampled_from([None, None, None, "other"]),
                "confirm": st.booleans(),
                "approved": st.booleans(),
                "retire_incumbent": st.sampled_from([False, False, True]),
            }
        ),
    )
    def ask(self, action: Action, category: str, name: str, fields: dict[str, Any]) -> None:
        found = self.records.get((category, name))
        self._ask(action, category, name, {**fields, "promotion_id": found and found.promotion_id})

    @rule(category=st.sampled_from(CATEGORIES), name=st.sampled_from("ab"), stages=st.integers(1, 3))
    def climb(self, category: str, name: str, stages: int) -> None:
        """Advance with all that it needs, or random commands would hardly ever reach production."""
        for _ in range(stages):
            self._ask(Action.PROMOTE, category, name, {"confirm": True})
            self._step_through(self.now + timedelta(seconds=300))
            self.approve(category, name)

    @rule(category=st.sampled_from(CATEGORIES), name=st.sampled_from("ab"))
    def approve(self, category: str, name: str) -> None:
        """Carry out the open promotion with all of its steps."""
        for action in (Action.PROMOTE, Action.UPDATE):
            row = self.records[category, name]
            if row.promotion_id is None:
                return
            yes: dict[str, Any] = {"approved": True, "promotion_id": row.promotion_id}
            if action is Action.UPDATE:
                yes["rollout_percent"] = registry_rules().stage(row.status).most
            self._ask(action, category, name, yes)
            self._step_through(self.now + timedelta(seconds=300))

    @rule(category=st.sampled_from(CATEGORIES), name=st.sampled_from(IDS))
    def propose(self, category: str, name: str) -> None:
        """Ask for a promotion that needs a yes."""
        self._ask(Action.PROMOTE, category, name, {"confirm": True})

    @rule(
        category=st.sampled_from(CATEGORIES),
        name=st.sampled_from(IDS),
        share=st.sampled_from([0, 0.2, 0.5, 0.9, 1]),
    )
    def ramp(self, category: str, name: str, share: float) -> None:
        """Ask for a rollout that the stage may have."""
        found = View.of(self.records, self.now).records.get((category, name))
        if found is not None and found.status != RETIRED:
            stage = registry_rules().stage(found.status)
            percent = round(stage.least + share * (stage.most - stage.least), 2)
            self._ask(Action.UPDATE, category, name, {"rollout_percent": percent, "confirm": True})

    @rule(seconds=st.sampled_from([1, 60, 299, 300, 301, 4000]))
    def wait(self, seconds: int) -> None:
        self._step_through(self.now + timedelta(seconds=seconds))

    def _ask(self, action: Action, category: str, name: str, fields: Mapping[str, Any]) -> None:
        self.requests += 1
        found = self.records.get((category, name))
        named = {**fields}
        if named.get("config"):
            named["config"] = {**usual_config(category), "note": "other"}
        ask = Command(
            action=action,
            category=category,
            variant_id=name,
            actor="operator:machine",
            reason=REASON,
            request_id=f"request-{self.requests}",
            expected_version=found.version if found else None,
            **named,
        )
        before = View.of(self.records, self.now)
        try:
            decision = decide(ask, self.records, self.now)
        except Refusal as refusal:
            if action in UNDO and refusal.slug not in UNDO_REFUSALS:
                raise
            return
        stored = self.records
        self.records = carried_out(stored, decision, ask, self.now)
        after = View.of(self.records, self.now)
        _check_delay(ask, decision, before, after, self.now)
        _check_retired(decision, before, after)
        _check_nested(before, after)
        later = self.now + timedelta(days=1)
        _check_entered_with_a_yes(ask, View.of(stored, later), View.of(self.records, later))
        _check_measured_since(before, after, self.now)
        if action is Action.PROMOTE and after.records[category, name].status == PRODUCTION:
            self._check_way_back(ask, before)
        if decision.effective_at is not None:
            self._check_cancel(ask, before)

    def _check_way_back(self, ask: Command, before: View) -> None:
        """A rollback after a promotion gives back what everybody had whom the variant did not serve."""
        back = replace(
            ask, action=Action.ROLLBACK, expected_version=None, rollout_percent=None, approved=False
        )
        decision = decide(back, self.records, self.now)
        rolled_back = View.of(carried_out(self.records, decision, back, self.now), self.now)
        without = {key: row for key, row in before.records.items() if key != (ask.category, ask.variant_id)}

        assert _served(rolled_back, ask.category) == _served(View(without), ask.category)

    def _check_cancel(self, ask: Command, before: View) -> None:
        """A cancelled change has never been, whoever of its rows it is cancelled by."""
        for key, row in self.records.items():
            if row.pending is not None and row.pending.change_id == ask.request_id:
                cancel = replace(
                    ask,
                    action=Action.CANCEL,
                    variant_id=key[1],
                    expected_version=row.version,
                    config=None,
                    approved=False,
                )
                rows = carried_out(self.records, decide(cancel, self.records, self.now), cancel, self.now)

                assert {at: _meaning(row) for at, row in View.of(rows, self.now).records.items()} == {
                    at: _meaning(row) for at, row in before.records.items()
                }

    def _step_through(self, until: datetime) -> None:
        """Let the time go on, and see that what waits takes effect at its moment, not before, not later."""
        for row in self.records.values():
            if row.pending is None:
                continue
            due = datetime.fromisoformat(row.pending.effective_at)
            just_before = View.of(self.records, due - timedelta(microseconds=1)).records[row.key]
            then = View.of(self.records, due).records[row.key]

            assert without_bookkeeping(replace(just_before, pending=None)) == without_bookkeeping(
                replace(row, pending=None)
            )
            assert then.pending is None
            assert {name: getattr(then, name) for name in row.pending.changes} == {
                name: _as_field(value) for name, value in row.pending.changes.items()
            }
        self.now = until

    @invariant()
    def rules_hold_now_and_when_what_waits_has_taken_effect(self) -> None:
        """Whether the rows are read as they stand, folded, or after every cooldown: the rules hold."""
        view = View.of(self.records, self.now)
        assert View.of(view.records, self.now).records == view.records
        for at in (self.now, self.now + timedelta(days=1)):
            _check_rules(View.of(self.records, at))

    @invariant()
    def nothing_waits_twice_in_a_category(self) -> None:
        """Two changes that wait were each decided without the other."""
        for category in CATEGORIES:
            rows = View.of(self.records, self.now).category(category)
            assert len({row.pending.change_id for row in rows if row.pending}) <= 1


def _check_rules(view: View) -> None:
    rules = registry_rules()
    assert sum(map(is_experiment, view.records.values())) <= rules.most_running_experiments
    for name in CATEGORIES:
        rows = list(view.category(name))
        defaults = [row for row in rows if is_default(row)]
        running = [row for row in rows if row.ranges]
        assert defaults
        assert len({row.seed for row in running}) <= 1
        buckets = sorted(chain.from_iterable(row.ranges for row in running))
        assert all(end <= start for (_, end), (start, _) in pairwise(buckets))
        for row in rows:
            _check_row(row)
        if categories()[name].pool:
            assert all(row.rollout_percent == 100 for row in defaults)
        else:
            assert len(defaults) == 1
            assert sum(row.rollout_percent for row in rows if row.status == PRODUCTION) == 100


def _check_row(row: VariantRecord) -> None:
    category = categories()[row.category]
    if row.status == RETIRED:
        assert (row.rollout_percent, row.ranges) == (0, ())
        return
    if not is_default(row):
        assert size(row.ranges) == in_buckets(row.rollout_percent)
        assert all(0 <= start < end <= BUCKETS for start, end in row.ranges)
        stage = registry_rules().stage(row.status)
        small_after_demotion = 0 if row.status != PRODUCTION else stage.least
        assert small_after_demotion <= row.rollout_percent <= stage.most
    if is_arriving(row):
        assert row.target_cohort == "all"
    if category.crisis and row.status != PRODUCTION:
        assert row.rollout_percent == 0
    if row.target_cohort == "paid" and row.status != PRODUCTION:
        assert row.rollout_percent == 0


def _check_delay(ask: Command, decision: Decision, before: View, after: View, now: datetime) -> None:
    """What waits changes nothing now; and an undo never waits."""
    if decision.effective_at is not None:
        assert ask.action not in UNDO
        assert datetime.fromisoformat(decision.effective_at) - now == timedelta(seconds=300)
        assert {key: _meaning(row) for key, row in before.records.items()} == {
            key: _meaning(row) for key, row in after.records.items()
        }
        assert all(after.records[change.after.key].pending is not None for change in decision.changes)


def _check_retired(decision: Decision, before: View, after: View) -> None:
    """A retired variant comes back as what production is rolled back to, and not otherwise."""
    back = {change.after.key for change in decision.changes if change.action is Action.RESTORE}
    retired = {key: row for key, row in before.records.items() if row.status == RETIRED and key not in back}
    assert {key: after.records[key] for key in retired} == retired


def _check_nested(before: View, after: View) -> None:
    """An arm that runs before and after keeps its buckets, or some of them, and its seed."""
    for key, row in before.records.items():
        then = after.records[key]
        if row.ranges and then.ranges:
            had, has = _buckets(row), _buckets(then)
            assert had <= has or has <= had
            assert then.seed == row.seed


def _check_entered_with_a_yes(ask: Command, before: View, after: View) -> None:
    """Canary and production are entered by what a person said yes to; an undo gives production back."""
    stages = [stage.status for stage in registry_rules().stages]
    for key, row in after.records.items():
        had = before.records.get(key)
        if had is None or had.status not in stages or row.status not in registry_rules().needs_approval:
            continue
        if stages.index(row.status) > stages.index(had.status):
            assert ask.approved or (row.status == PRODUCTION and ask.action in UNDO | {Action.UPDATE})


def _check_measured_since(before: View, after: View, now: datetime) -> None:
    """Figures go on for as long as the variant is what they are of, and begin anew when it is not."""
    for key, row in after.records.items():
        had = before.records.get(key)
        if had is not None and had.version != row.version:
            same = is_measured_alike(had, row)
            assert row.measured_since == (measured_since(had) if same else now.isoformat())


def _meaning(row: VariantRecord) -> VariantRecord:
    """Return what the row means for those who are served. The promotion is closed by being carried out."""
    return without_bookkeeping(replace(row, pending=None, promotion_id=None))


def _served(view: View, category: str) -> tuple[tuple[str, ...], dict[str, frozenset[int]]]:
    """Return who serves the remainder, in the order of the pool, and the buckets of the others."""
    rows = sorted(view.category(category), key=lambda row: (row.pool_rank, row.variant_id))
    return tuple(row.variant_id for row in rows if is_default(row)), {
        row.variant_id: _buckets(row) for row in rows if row.ranges
    }


def _buckets(row: VariantRecord) -> frozenset[int]:
    return frozenset(_each_bucket(row))


def _each_bucket(row: VariantRecord) -> Iterator[int]:
    for start, end in row.ranges:
        yield from range(start, end)


def _as_field(value: Any) -> Any:
    return tuple(tuple(pair) for pair in value) if isinstance(value, list) else value


TestLifeCycle = LifeCycle.TestCase
TestLifeCycle.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
