"""Promotions from beginning to end: the real state machine and use cases, with a fault at every step."""

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from silent_infinity.domain.promotion.outcomes import OPEN, Outcome
from silent_infinity.ports.errors import StoreUnavailableError
from tests.support.asl import StateError
from tests.support.promotion_workflow import (
    APPROVAL_SECONDS,
    ARM,
    FAILED,
    HARMS,
    NOT_TOLD,
    PASSED,
    PRODUCTION,
    TOO_LATE,
    WAITS,
    WATCH_SECONDS,
    CrashedError,
    NoApproversError,
    Promoting,
)

Looks = Sequence[Mapping[str, Any]]
Ending = tuple[str, dict[str, tuple[str, float]], list[str]]
"""Outcome; status and share by the status that the arm began with; what was done after the request."""

ENTERED = {"staged": ("canary", 10.0), "canary": ("production", 50.0)}
COMPLETE = {"staged": ("canary", 25.0), "canary": ("production", 100.0)}
BEFORE = {"staged": ("staged", 0.0), "canary": ("canary", 10.0)}
NOBODY = {"staged": ("experimental", 0.0), "canary": ("experimental", 0.0)}


@pytest.mark.parametrize("arm", ["staged", "canary"])
@pytest.mark.parametrize(
    ("looks", "decision", "ending"),
    [
        ((PASSED,), "approved", ("applied", COMPLETE, ["promote", "update"])),
        ((WAITS, WAITS, PASSED), "approved", ("applied", COMPLETE, ["promote", "update"])),
        ((PASSED, WAITS, PASSED), "approved", ("applied", COMPLETE, ["promote", "update"])),
        ((FAILED,), "approved", ("not_passed", BEFORE, ["close_promotion"])),
        ((WAITS, FAILED), "approved", ("not_passed", BEFORE, ["close_promotion"])),
        ((TOO_LATE,), "approved", ("not_enough_data", BEFORE, ["close_promotion"])),
        ((HARMS,), "approved", ("taken_back", NOBODY, ["automatic_demotion"])),
        ((PASSED, HARMS), "approved", ("taken_back", NOBODY, ["promote", "automatic_demotion"])),
        ((PASSED, TOO_LATE), "approved", ("applied_in_part", ENTERED, ["promote", "close_promotion"])),
        ((PASSED, FAILED), "approved", ("applied_in_part", ENTERED, ["promote", "close_promotion"])),
        ((PASSED,), "rejected", ("rejected", BEFORE, ["close_promotion"])),
        ((PASSED,), "changed", ("changed", BEFORE, ["close_promotion"])),
        ((PASSED,), "withdrawn", ("withdrawn", NOBODY, ["rollback"])),
        ((PASSED,), NoApproversError(), ("no_approvers", BEFORE, ["close_promotion"])),
        ((PASSED,), StateError("States.Timeout"), ("expired", BEFORE, ["close_promotion"])),
    ],
)
def test_each_way_has_its_end(looks: Looks, decision: str | Exception, ending: Ending, arm: str) -> None:
    """One end each, with one change of the registry for each step, and the variant where the end says."""
    outcome, stands, actions = ending
    made = Promoting(looks, decision, arm=arm)

    output = made.run()

    assert output["outcome"] == made.promotion.status == outcome
    assert (made.row.status, made.row.rollout_percent) == stands[arm]
    assert made.actions() == ["request_promotion", *actions]
    assert made.row.promotion_id is None
    assert [subject for subject, _ in made.alerts.told] == [
        f"Silent Infinity: promotion {outcome.replace('_', ' ')}: {made.category}/{ARM}"
    ]
    assert made.chat.posted == [text for _, text in made.alerts.told]


@pytest.mark.parametrize(
    ("looks", "predecessor"), [((PASSED, TOO_LATE), "production"), ((PASSED,), "canary")]
)
def test_production_goes_on_beside_the_first_step_and_steps_down_with_the_second(
    looks: Looks, predecessor: str
) -> None:
    """Half of the people keep what they know until a day has been looked at."""
    made = Promoting(looks, arm="canary")
    made.run()

    assert made.row.status == "production"
    assert made.store.records[made.category, PRODUCTION].status == predecessor


def test_looks_are_as_far_apart_as_the_gates_say_and_the_second_step_waits_a_day() -> None:
    """A look sooner than the next rollup sees nothing new."""
    made = Promoting((WAITS, {**WAITS, "look_seconds": 0}, PASSED))
    made.run()

    assert made.slept == [3600, 1, WATCH_SECONDS]
    assert [payload["phase"] for payload in made.payloads("collect")] == ["entry", "entry", "entry", "watch"]
    assert [payload["step"] for payload in made.payloads("apply")] == ["entry", "ramp"]


def test_people_are_asked_once_about_what_the_gates_found() -> None:
    """The approval is of the stage: nobody is asked again for its second step."""
    made = Promoting()
    made.run()
    [asked] = made.payloads("ask")

    assert asked["evidence_hash"] == "e" * 64
    assert asked["approval_seconds"] == APPROVAL_SECONDS
    assert set(asked) == {"promotion_id", "evidence_hash", "approval_seconds", "task_token"}


def test_a_golden_set_without_a_result_is_not_waited_for() -> None:
    """Crisis categories have no figures that come with time."""
    made = Promoting((WAITS,), category="CRISIS_DETECTOR_MODEL")

    assert made.run()["outcome"] == "not_enough_data"
    assert made.slept == []


def test_a_crisis_category_has_one_step() -> None:
    """Nothing is tried on a part of the people in a crisis, so nothing is left to ramp up."""
    made = Promoting(category="CRISIS_DETECTOR_MODEL", arm="canary")

    assert made.run()["outcome"] == "applied"
    assert made.payloads("apply") == [{"promotion_id": made.promotion_id, "step": "entry"}]
    assert made.slept == []


def test_a_second_execution_leaves_the_promotion_alone() -> None:
    """Anybody who may start executions can start another one of the same promotion."""
    made = Promoting((WAITS, PASSED))
    others: list[dict[str, Any]] = []

    def start_another(name: str, _payload: dict[str, Any]) -> None:
        if name == "evaluate" and not others:
            others.append(
                made._open({"promotion_id": made.promotion_id, "execution": f"{made.execution}-by-hand"})
            )

    made.on_call = start_another
    made.run()

    assert [other["outcome"] for other in others] == ["busy"]
    assert made.promotion.execution == made.execution


def test_an_execution_of_a_promotion_that_is_over_does_nothing() -> None:
    """A stream may deliver a record again after hours."""
    made = Promoting()
    made.run()
    before = (made.row, len(made.calls))
    output = made.run()

    assert output == {"promotion_id": made.promotion_id, "outcome": "closed"}
    assert made.row == before[0]
    assert [name for name, _ in made.calls[before[1] :]] == ["open"]


@pytest.mark.parametrize("looks", [(PASSED,), (PASSED, PASSED)])
@pytest.mark.parametrize("state", ["collect", "evaluate", "ask", "apply"])
def test_an_undo_ends_it_wherever_it_comes(state: str, looks: Looks) -> None:
    """An operator who takes a variant back means it: no yes that comes later puts it back."""
    for number in itertools.count():
        made = Promoting(looks)
        seen = itertools.count()
        struck: list[int] = []

        def undo(
            name: str,
            _payload: dict[str, Any],
            made: Promoting = made,
            seen: "itertools.count[int]" = seen,
            struck: list[int] = struck,
            number: int = number,
        ) -> None:
            if name == state and next(seen) == number:
                struck.append(number)
                made.withdraw()

        made.on_call = undo
        status = made.run_to_the_end()
        if not struck:
            assert number > 0
            break

        assert status == "withdrawn", (state, number)
        assert (made.row.status, made.row.rollout_percent) == ("experimental", 0.0)


# -- faults


class Fault:
    """Raises once, at the call of a number."""

    def __init__(self, at: int, error: Exception) -> None:
        self.left = at
        self.error = error
        self.struck = ""

    def __call__(self, name: str, _payload: dict[str, Any]) -> None:
        if not self.struck:
            if self.left == 0:
                self.struck = name
                raise self.error
            self.left -= 1


WAYS: dict[str, tuple[Looks, str]] = {
    "applied": ((WAITS, PASSED), "approved"),
    "taken back": ((PASSED, HARMS), "approved"),
    "rejected": ((PASSED,), "rejected"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "error", [CrashedError(), StoreUnavailableError("Throttled"), StateError("States.Timeout")]
)
@pytest.mark.parametrize("when", ["on_call", "after_call"])
def test_a_fault_at_any_step_leaves_one_end_and_the_variant_where_it_says(
    when: str, error: Exception, way: str
) -> None:
    """Before or after its work, retried or not: no fault may apply a step twice, or leave the variant locked,
    or the record and the registry of different minds.
    """
    struck = set()
    looks, decision = WAYS[way]
    for step in itertools.count():
        made = Promoting(looks, decision)
        fault = Fault(step, error)
        setattr(made, when, fault)
        status = made.run_to_the_end()
        if not fault.struck:
            break
        struck.add(fault.struck)

        where = (step, fault.struck, status)
        stands = (made.row.status, made.row.rollout_percent)
        assert status != OPEN, where
        assert made.row.promotion_id is None, where
        assert stands == {
            "applied": COMPLETE["staged"],
            "applied_in_part": ENTERED["staged"],
            "taken_back": NOBODY["staged"],
        }.get(status, BEFORE["staged"]), where
        actions = made.actions()
        assert len(actions) == len(set(actions)), where
        retried = isinstance(error, StoreUnavailableError)
        assert not retried or status == Outcome(way.replace(" ", "_")), where

    tried = {"open", "collect", "evaluate", "ask", "close", "notify"}
    assert struck == tried | {"applied": {"apply"}, "taken back": {"apply", "demote"}}.get(way, set())


@pytest.mark.parametrize(
    ("name", "looks", "outcome", "stands"),
    [
        ("collect", (PASSED,), "failed", BEFORE),
        ("evaluate", (PASSED,), "failed", BEFORE),
        ("ask", (PASSED,), "failed", BEFORE),
        ("apply", (PASSED,), "failed", BEFORE),
        ("demote", (HARMS,), "failed", BEFORE),
        ("demote", (PASSED, HARMS), "applied_in_part", ENTERED),
    ],
)
def test_what_does_not_work_until_the_end_is_closed_and_fails(
    name: str, looks: Looks, outcome: str, stands: dict[str, tuple[str, float]]
) -> None:
    """The registry was down longer than anybody is patient: nothing is left half open, and alarms ring."""
    made = Promoting(looks)

    def down(called: str, _payload: dict[str, Any]) -> None:
        if called == name:
            raise StoreUnavailableError("Throttled")

    made.on_call = down
    with pytest.raises(StateError, match="PromotionFailed"):
        made.run()

    assert made.promotion.status == outcome
    assert (made.row.status, made.row.rollout_percent) == stands["staged"]
    assert made.row.promotion_id is None
    assert len(made.alerts.told) == 1
    assert "StoreUnavailableError" in made.alerts.told[0][1]


def test_a_registry_that_comes_back_gets_its_step() -> None:
    """Ten minutes without a table are an ordinary bad day; the people have decided and need not again."""
    made = Promoting()
    began: list[float] = []

    def down_for_a_while(name: str, _payload: dict[str, Any]) -> None:
        if name == "apply":
            began.append(made.clock.now().timestamp())
            if began[-1] - began[0] < 600:
                raise StoreUnavailableError("Throttled")

    made.on_call = down_for_a_while

    assert made.run()["outcome"] == "applied"
    assert made.actions() == ["request_promotion", "promote", "update"]


def test_a_channel_that_is_down_tells_nobody_twice() -> None:
    """People on call who are told the same seven times stop reading."""
    made = Promoting()
    made.chat.unavailable = True

    assert made.run()["outcome"] == "applied"
    assert len(made.alerts.told) == 1
    assert made.chat.posted == []


def test_a_change_of_the_variant_meanwhile_ends_it() -> None:
    """The evidence is of another version than the one that would serve people."""
    made = Promoting()

    def edited(name: str, _payload: dict[str, Any]) -> None:
        if name == "apply":
            made.change(description="Another one.")

    made.on_call = edited
    made.run()

    assert made.promotion.status == "changed"
    assert (made.row.status, made.row.rollout_percent) == BEFORE["staged"]


def test_nothing_that_a_person_said_goes_through_the_states_or_to_the_team() -> None:
    """Reasons and subjects are in the audit log, for those who may read it."""
    made = Promoting((PASSED, HARMS))
    output = made.run()
    seen = json.dumps([output, made.calls, made.alerts.told, made.chat.posted])

    assert not [words for words in NOT_TOLD if words in seen]
