"""Promotions in this process: the real state machine over the real use cases, adapters in memory.

What the gates say and what people decide is scripted; what the registry makes of it is not.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from silent_infinity.adapters.aws.demotion_events import DemotionEvents
from silent_infinity.adapters.memory.alerts import MemoryAlerts
from silent_infinity.adapters.memory.approvals import MemoryApprovals
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.randomness import SeededRandomness
from silent_infinity.adapters.memory.team_chat import MemoryTeamChat
from silent_infinity.adapters.memory.variant_store import MemoryAuditLog, MemoryPromotions, MemoryVariantStore
from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.domain.problems import HttpResponse, ok
from silent_infinity.domain.promotion.approval import (
    APPROVED,
    PENDING,
    REJECTED,
    Approval,
    Decided,
    needed_for,
)
from silent_infinity.domain.registry.commands import Action, PromotionRequest
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.usecases.apply_promotion import ApplyPromotion, ApplyPromotionRequest
from silent_infinity.usecases.close_promotion import ClosePromotion, ClosePromotionRequest
from silent_infinity.usecases.demote_variant import DemoteVariant
from silent_infinity.usecases.manage_variants import ManageVariants
from silent_infinity.usecases.notify_promotion import NotifyPromotion, NotifyPromotionRequest
from silent_infinity.usecases.open_promotion import OpenPromotion, OpenPromotionRequest
from stacks.paths import STATE_MACHINES
from tests.support.asl import StateError, StateMachine
from tests.support.registry import NOW, command, variant

DEFINITION = STATE_MACHINES / "promotion.asl.json"
FUNCTIONS = {
    "open": "OpenFunctionArn",
    "collect": "CollectFunctionArn",
    "evaluate": "EvaluateFunctionArn",
    "ask": "AskFunctionArn",
    "apply": "ApplyFunctionArn",
    "close": "CloseFunctionArn",
    "notify": "NotifyFunctionArn",
    "demote": "DemoteFunctionArn",
}
CATEGORY, ARM, PRODUCTION = "COMPOSE_POSITION", "arm", "production"
REQUEST = "request-of-promotion"
APPROVER = "7f2a1c3e-0000-4000-8000-00000000000a"
WATCH_SECONDS, APPROVAL_SECONDS = 86_400, 604_800
NOT_TOLD = ("Because the test says so.", "It reads well.", APPROVER)
"""What a person said, and who said it: it goes nowhere but into the audit log."""

PASSED: Mapping[str, Any] = {"verdict": "passed", "regression": False, "time_is_up": False}
FAILED: Mapping[str, Any] = {"verdict": "failed", "regression": False, "time_is_up": False}
HARMS: Mapping[str, Any] = {"verdict": "failed", "regression": True, "time_is_up": False}
WAITS: Mapping[str, Any] = {"verdict": "not_enough_data", "regression": False, "time_is_up": False}
TOO_LATE: Mapping[str, Any] = {"verdict": "not_enough_data", "regression": False, "time_is_up": True}


class NoApproversError(Exception):
    """The name by which the machine knows that too few people could be asked."""


class CrashedError(Exception):
    """A function died: Lambda reports no name that anybody retries."""


def definition(**resources: str) -> dict[str, Any]:
    """The definition with values in the place of its placeholders."""
    text = DEFINITION.read_text(encoding="utf-8")
    for name, value in {**{arn: name for name, arn in FUNCTIONS.items()}, **resources}.items():
        text = text.replace(f"${{{name}}}", value)
    made: dict[str, Any] = json.loads(text)
    return made


class Promoting:
    """A promotion of an arm that was just asked for, and everything that its workflow touches.

    `looks` are what the gates say, look by look; the last one is said again. `decision` is what people
    decide; an exception is raised in its place. `on_call` is asked before each call of a task, by its name
    and payload, and may raise; `after_call` likewise, once the work is done. `calls` has all of them.
    """

    def __init__(
        self,
        looks: Iterable[Mapping[str, Any]] = (PASSED,),
        decision: str | Exception = "approved",
        *,
        category: str = CATEGORY,
        arm: str = "staged",
    ) -> None:
        self.clock = FixedClock(NOW)
        self.category = category
        percent = 10 if arm == "canary" else 0
        ranges = {"ranges": ((0, 1000),)} if percent else {}
        self.store = MemoryVariantStore(
            self.clock,
            [
                variant(category, PRODUCTION, "production"),
                variant(category, ARM, arm, percent, pass_criteria={"primary": "completion"}, **ranges),
            ],
        )
        self.approvals = MemoryApprovals()
        self.promotions = MemoryPromotions(self.store)
        self.alerts, self.chat = MemoryAlerts(), MemoryTeamChat()
        self.manage = ManageVariants(
            store=self.store,
            validator=JsonSchemaValidator(),
            clock=self.clock,
            randomness=SeededRandomness(7),
            sleep=lambda _seconds: None,
        )
        self.looks = list(looks)
        self.decision = decision
        self.outcome_of_collecting = "collected"
        self.on_call: Callable[[str, dict[str, Any]], None] = lambda _name, _payload: None
        self.after_call: Callable[[str, dict[str, Any]], None] = lambda _name, _payload: None
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.visited: list[str] = []
        self.slept: list[float] = []
        asked = command(Action.PROMOTE, category, ARM, request_id=REQUEST, expected_version=1, confirm=True)
        self.manage(asked, REQUEST, _answer)
        [self.promotion_id] = self.store.promotions

    # -- running

    def run(self) -> dict[str, Any]:
        """Run the state machine once and return its output.

        Raises:
            StateError: the execution failed.
        """
        machine = StateMachine(
            definition(),
            {name: self._watched(name) for name in FUNCTIONS},
            now_ms=lambda: int(self.clock.now().timestamp() * 1000),
            sleep=self._sleep,
        )
        try:
            output: dict[str, Any] = machine.run(
                {"promotion_id": self.promotion_id}, execution_id=self.execution, started_at=""
            )
        finally:
            self.visited = machine.visited
        return output

    def run_to_the_end(self) -> str:
        """Run it, and do what the rule does for an execution that failed. Return the promotion's status."""
        try:
            self.run()
        except StateError:
            self.on_call = self.after_call = lambda _name, _payload: None
            self._do(
                "close", {"promotion_id": self.promotion_id, "outcome": "failed", "execution": self.execution}
            )
        return self.promotion.status

    @property
    def execution(self) -> str:
        """The execution's ARN."""
        return f"arn:aws:states:us-east-1:0:execution:promotion:{self.promotion_id}"

    @property
    def promotion(self) -> PromotionRequest:
        """The record of the promotion."""
        return self.store.promotions[self.promotion_id]

    @property
    def row(self) -> VariantRecord:
        """The arm as it is stored."""
        return self.store.records[self.category, ARM]

    def actions(self) -> list[str]:
        """What the audit log has of the arm, in order."""
        entries = MemoryAuditLog(self.store).history(self.category, ARM).entries
        return [str(entry.facts["action"]) for entry in entries]

    def payloads(self, name: str) -> list[dict[str, Any]]:
        """What a task was given."""
        return [payload for called, payload in self.calls if called == name]

    def withdraw(self) -> None:
        """Have an operator take the arm back."""
        self.manage(command(Action.ROLLBACK, self.category, ARM, request_id="undo"), "undo", _answer)

    # -- what the tasks do

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)

    def _watched(self, name: str) -> Callable[[dict[str, Any]], Any]:
        def called(payload: dict[str, Any]) -> Any:
            self.calls.append((name, payload))
            self.on_call(name, payload)
            result = self._do(name, payload)
            self.after_call(name, payload)
            return result

        return called

    def _do(self, name: str, event: dict[str, Any]) -> Any:
        done: Mapping[str, Callable[[dict[str, Any]], Any]] = {
            "open": self._open,
            "collect": self._collect,
            "evaluate": self._evaluate,
            "ask": self._ask,
            "apply": self._apply,
            "close": self._close,
            "notify": self._notify,
            "demote": self._demote,
        }
        return done[name](event)

    def _open(self, event: dict[str, Any]) -> Any:
        opened = OpenPromotion(
            promotions=self.promotions, approval_seconds=APPROVAL_SECONDS, watch_seconds=WATCH_SECONDS
        )
        return opened(OpenPromotionRequest.from_event(event)).to_payload()

    def _collect(self, event: dict[str, Any]) -> Any:
        if self.promotion.status != "awaiting_evidence":
            return {"outcome": "withdrawn"}
        return {"outcome": self.outcome_of_collecting, "figures": {"phase": event["phase"]}}

    def _evaluate(self, event: dict[str, Any]) -> Any:
        assert event["figures"] == {"phase": event["phase"]}
        said = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return {"evidence_hash": "e" * 64, "summary": "Of 100, 71.", "look_seconds": 3600, **said}

    def _ask(self, event: dict[str, Any]) -> Any:
        assert event["task_token"]
        if isinstance(self.decision, Exception):
            raise self.decision
        promotion = self.promotion
        approval = Approval(
            approval_id=self.promotion_id,
            category=self.category,
            variant_id=ARM,
            variant_version=promotion.variant_version,
            evidence_hash=event["evidence_hash"],
            requested_by=promotion.requested_by,
            needed=needed_for(self.category),
            opened_at=self.clock.now().isoformat(),
            expires_at=0,
        )
        now = self.approvals.open(approval, event["task_token"])
        if self.decision in (APPROVED, REJECTED) and not now.decisions:
            for number in range(now.needed if self.decision == APPROVED else 1):
                decided = Decided(
                    f"{APPROVER}{number}", self.decision == APPROVED, "It reads well.", now.opened_at
                )
                last = number + 1 == now.needed or self.decision == REJECTED
                status = self.decision if last else PENDING
                now = self.approvals.decide(self.promotion_id, decided, now, status)
        if self.decision == "withdrawn":
            self.withdraw()
        return {"decision": self.decision}

    def _apply(self, event: dict[str, Any]) -> Any:
        apply = ApplyPromotion(
            manage=self.manage,
            store=self.store,
            promotions=self.promotions,
            approvals=self.approvals,
            watch_seconds=WATCH_SECONDS,
        )
        return apply(ApplyPromotionRequest.from_event(event)).to_payload()

    def _close(self, event: dict[str, Any]) -> Any:
        close = ClosePromotion(
            manage=self.manage, store=self.store, promotions=self.promotions, approvals=self.approvals
        )
        return close(ClosePromotionRequest.from_event(event)).to_payload()

    def _notify(self, event: dict[str, Any]) -> Any:
        notify = NotifyPromotion(
            promotions=self.promotions, alerts=self.alerts, chat=self.chat, environment="test"
        )
        return notify(NotifyPromotionRequest.from_event(event)).to_payload()

    def _demote(self, event: dict[str, Any]) -> Any:
        demote = DemoteVariant(manage=self.manage, store=self.store, alerts=MemoryAlerts(), clock=self.clock)
        return {"results": [one.to_payload() for one in DemotionEvents(demote)(event)]}

    def change(self, **fields: Any) -> None:
        """Change the arm as an operator would, from one version to the next."""
        row = self.row
        self.store.records[row.key] = replace(row, version=row.version + 1, **fields)


def _answer(_applied: object) -> HttpResponse:
    return ok({})
