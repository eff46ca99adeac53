"""Whatever happens to a promotion, in whatever order: it has one end, and everybody agrees on which."""

from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from silent_infinity.domain.promotion.outcomes import OPEN, Outcome
from silent_infinity.domain.registry.commands import Action, Refusal
from silent_infinity.domain.registry.view import in_force
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.errors import StoreUnavailableError
from tests.support.promotion_steps import PROMOTION, World

UNDO = (Action.PAUSE, Action.ROLLBACK, Action.DEMOTE, Action.AUTOMATIC_DEMOTION)
REGULAR = (
    ("COMPOSE_POSITION", "staged", 5),
    ("COMPOSE_POSITION", "canary", 25),
    ("SYSTEM_PROMPT", "staged", 5),
)
SPECIAL = (("CRISIS_FLOW_MODEL", "canary", 0), ("RATING_VARIANT", "canary", 0))


class Promotion(RuleBasedStateMachine):
    """The states of the workflow, operators, and a store that fails, on one promotion."""

    def __init__(self) -> None:
        super().__init__()
        self.world: World | None = None
        self.ended = ""
        self.execution = ""

    @initialize(
        of=st.sampled_from(REGULAR + SPECIAL),
        steps=st.sampled_from([(), ("open",), ("decide",), ("decide", "apply"), ("decide", "apply")]),
    )
    def request(self, of: tuple[str, str, float], steps: tuple[str, ...]) -> None:
        """Begin somewhere on the way, or random steps would hardly ever get far."""
        self.world = World(*of)
        self.world.request()
        self.entered = self.world.promotion.to_status
        for step in steps:
            if step == "decide":
                self.world.decide("ann", "bob")
            else:
                getattr(self.world, step)()

    @rule(execution=st.sampled_from(["arn:one", "arn:two"]))
    def open(self, execution: str) -> None:
        self._try(lambda world: world.open(execution))

    @rule(
        people=st.sampled_from([("ann",), ("ann", "bob"), ("ann", "ann")]),
        no=st.sampled_from(["", "", "eve"]),
    )
    def decide(self, people: tuple[str, ...], no: str) -> None:
        if self.world and PROMOTION not in self.world.approvals.kept:
            self.world.decide(*people, no=no)

    @rule(
        step=st.sampled_from(["entry", "entry", "ramp"]), fault=st.sampled_from(["", "", "before", "after"])
    )
    def apply(self, step: str, fault: str) -> None:
        self._try(lambda world: world.apply(step), fault)

    @rule(
        outcome=st.sampled_from(list(Outcome)),
        execution=st.sampled_from(["", "arn:one", "arn:two"]),
        fault=st.sampled_from(["", "", "before", "after"]),
    )
    def close(self, outcome: Outcome, execution: str, fault: str) -> None:
        self._try(lambda world: world.close(outcome, execution=execution), fault)

    @rule(action=st.sampled_from((*UNDO, Action.CANCEL)))
    def undo(self, action: Action) -> None:
        self._try(lambda world: world.operator(action))

    @rule(
        fields=st.sampled_from(
            [{"description": "Other words"}, {"rollout_percent": 20}, {"rollout_percent": 3}]
        )
    )
    def edit(self, fields: dict[str, Any]) -> None:
        self._try(lambda world: world.operator(Action.UPDATE, **fields))

    @rule(seconds=st.sampled_from([1, 301, 90_000]))
    def wait(self, seconds: int) -> None:
        if self.world:
            self.world.clock.advance(seconds)

    @rule()
    def follow(self) -> None:
        self._try(lambda world: world.start(is_new=world.promotion.status == OPEN))

    def _try(self, act: Any, fault: str = "") -> None:
        world = self.world
        assert world is not None
        world.store.faults = (fault,) if fault else ()
        before, row = world.promotion, world.row
        with suppress(Refusal, StoreUnavailableError):
            act(world)
        world.store.faults = ()
        if before.status == OPEN and world.promotion.status != OPEN:
            self._check_end(world, row)

    def _check_end(self, world: World, before: VariantRecord) -> None:
        """The variant is where the word says that it is."""
        after = in_force(world.row, world.clock.now().replace(year=2030))
        reached = in_force(before, world.clock.now().replace(year=2030)).status == self.entered
        match world.promotion.status:
            case Outcome.APPLIED:
                assert after.status == self.entered
                assert after.rollout_percent == (
                    world.promotion.next_percent or world.promotion.rollout_percent
                )
            case Outcome.APPLIED_IN_PART:
                assert reached
                assert after.status == self.entered
            case Outcome.TAKEN_BACK:
                assert after.rollout_percent == 0
            case Outcome.WITHDRAWN:
                assert world.actions[-1] in {*UNDO, Action.CANCEL, Action.CLOSE_PROMOTION}
            case _:
                assert not reached
                assert (
                    after.rollout_percent
                    == in_force(before, world.clock.now().replace(year=2030)).rollout_percent
                )

    @invariant()
    def one_end_and_every_change_audited(self) -> None:
        """What was said once stays said; rows, entries and the list of promotions tell the same story."""
        if self.world is None:
            return
        self.world.assert_audited()
        status = self.world.promotion.status
        assert self.ended in ("", status)
        self.ended = "" if status == OPEN else status
        assert (self.world.promotion.closed_at == "") == (status == OPEN)
        assert self.world.actions.count("close_promotion") <= 1

    @invariant()
    def nobody_enters_without_enough_yes(self) -> None:
        """Whatever else went wrong."""
        if self.world is None or "promote" not in self.world.actions:
            return
        approval = self.world.approvals.kept[PROMOTION]
        people = {one.approver for one in approval.decisions if one.approves}
        assert approval.status == "approved"
        assert len(people) >= (2 if self.world.category == "CRISIS_FLOW_MODEL" else 1)

    @invariant()
    def the_execution_that_has_it_keeps_it(self) -> None:
        """Nobody takes a promotion from another."""
        if self.world is not None:
            assert self.execution in ("", self.world.promotion.execution)
            self.execution = self.world.promotion.execution


TestPromotion = Promotion.TestCase
TestPromotion.settings = settings(
    max_examples=150,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
