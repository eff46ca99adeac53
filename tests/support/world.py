"""A whole turn in this process: the real state machine over the real use cases, on in-memory adapters.

Faults are planted by name: any state's function can be down, any store unavailable, and a crash can be made
to happen right before or right after the n-th write.
"""

import itertools
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from silent_infinity.adapters.memory.claims import MemoryClaimStore
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.conversations import MemoryConversationStore
from silent_infinity.adapters.memory.feedback import MemoryFeedbackStore
from silent_infinity.adapters.memory.limits import MemoryLimitStore
from silent_infinity.adapters.memory.metrics import MemoryMetrics
from silent_infinity.adapters.memory.randomness import SeededRandomness
from silent_infinity.adapters.memory.store import MemoryStore
from silent_infinity.adapters.memory.turn_records import MemoryTurnRecorder
from silent_infinity.adapters.memory.user_salt import MemoryUserSalt
from silent_infinity.adapters.memory.variants import MemoryVariants
from silent_infinity.adapters.system.prompts import PromptFiles
from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.bootstrap import BUNDLED_PROMPTS
from silent_infinity.domain.crisis.band import Band
from silent_infinity.domain.initial_variants import initial_variants
from silent_infinity.domain.turn import Usage
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.limits import LimitPolicy
from silent_infinity.ports.llm import LanguageModel, ModelError, ModelReply, ModelRequest
from silent_infinity.usecases.capture_message import CaptureMessage, CapturePolicy, CaptureRequest
from silent_infinity.usecases.detect_intent import DetectIntent, IntentRequest
from silent_infinity.usecases.generate_reply import GenerateReply, GenerateRequest
from silent_infinity.usecases.record_turn import RecordPolicy, RecordRequest, RecordTurn
from silent_infinity.usecases.screen_for_crisis import ScreenForCrisis, ScreenRequest
from silent_infinity.usecases.validate_reply import ValidateReply, ValidateRequest
from stacks import templates
from tests.support.asl import StateError, StateMachine

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
GENEROUS = LimitPolicy(turns_per_minute=6000, burst=1000, tokens_per_day=10**9, reserve_tokens=2500)

TELLING = "My sister and I have not spoken since the funeral, and I keep going over what I said to her."
MIRROR = (
    "You keep going over what you said to her, and the silence since the funeral has grown with every "
    "day.\n\nIt sounds as if the words you said and the ones you did not say are both still with you. "
    "What would you want her to know?"
)
"""A message, and a reply to it that passes validation."""

FUNCTIONS = {
    "capture": "CaptureFunctionArn",
    "screen": "CrisisScreenFunctionArn",
    "intent": "IntentFunctionArn",
    "generate": "GenerateFunctionArn",
    "validate": "ValidateFunctionArn",
    "record": "FeedbackFunctionArn",
}


class Crash(BaseException):
    """The process died. A BaseException, so that no handler can swallow it."""


class ScriptedModel:
    """A model whose replies are written out; `requests` keeps what it was asked."""

    def __init__(self, *replies: str | ModelError) -> None:
        self.replies = list(replies) or [MIRROR]
        self.requests: list[ModelRequest] = []

    def complete(self, request: ModelRequest) -> ModelReply:
        """Return the next scripted reply; the last one again and again."""
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, ModelError):
            raise reply
        usage = Usage(tokens_input=100, tokens_output=20, cost_usd=0.0006)
        return ModelReply(reply, request.model_id, "scripted", usage, "stop", 5, 10)


class _Faulty:
    """An adapter that announces every write, before and after it, so that a test can make it the last one."""

    WRITES = frozenset(
        {
            "store_message",
            "bury_session",
            "remove_turns",
            "put_if_absent",
            "take_over",
            "release",
            "complete",
            "take_turn",
            "record",
        }
    )

    def __init__(self, adapter: Any, announce: Callable[[str], None]) -> None:
        self._adapter = adapter
        self._announce = announce

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._adapter, name)
        if name not in self.WRITES:
            return method

        def write(*args: Any, **kwargs: Any) -> Any:
            self._announce(f"before {name}")
            result = method(*args, **kwargs)
            self._announce(f"after {name}")
            return result

        return write


class World:
    """Stores, clock, models and the state machine over them. Without a `screen_model` the screen asks none.

    `down` names functions (`capture`, `screen`, `intent`, `generate`, `validate`, `record`, `queue`) that
    fail.
    """

    def __init__(
        self,
        model: LanguageModel | None = None,
        limits: LimitPolicy = GENEROUS,
        clock: Clock | None = None,
        sleep: Callable[[float], None] | None = None,
        screen_model: LanguageModel | None = None,
    ) -> None:
        self.store = MemoryStore()
        self.clock: Clock = clock or FixedClock(START)
        self._sleep = sleep or self.later
        self.model = model or ScriptedModel()
        self.screen_model = screen_model
        self.metrics = MemoryMetrics()
        self.variants = MemoryVariants(initial_variants())
        self.queue: list[dict[str, Any]] = []
        self.down: set[str] = set()
        self._executions = itertools.count(1)
        self.visited: list[str] = []
        self.on_call: Callable[[str], None] = lambda _name: None
        self.on_write: Callable[[str], None] = lambda _point: None
        self._randomness = SeededRandomness(7)
        self._limits = limits

    def turn(
        self,
        message: str,
        *,
        session_id: str | None = None,
        key: str = "",
        subject: str = "person-1",
        on_state: Callable[[str], None] = lambda _name: None,
        **body: Any,
    ) -> dict[str, Any]:
        """Send a message through the workflow; return `{status_code, headers, body}` with the body parsed."""
        request = {"message": message, **({"session_id": session_id} if session_id else {}), **body}
        data = {
            "body": json.dumps(request),
            "subject": subject,
            "token_use": "id",
            "idempotency_key": key,
            "request_id": "request-1",
        }
        # One step, so that executions that start at the same time differ.
        execution_id = f"execution-{next(self._executions)}"
        machine = StateMachine(
            definition(),
            {FUNCTIONS_ARN[name]: self._task(name) for name in FUNCTIONS}
            | {
                "arn:aws:states:::dynamodb:getItem": self._get_claim,
                "arn:aws:states:::sqs:sendMessage": self._send,
            },
            now_ms=lambda: int(self.clock.now().timestamp() * 1000),
            sleep=self._sleep,
            on_state=on_state,
        )
        try:
            output = machine.run(
                data,
                execution_id=execution_id,
                started_at=self.clock.now().isoformat().replace("+00:00", "Z"),
            )
        finally:
            self.visited = machine.visited
        return {**output, "body": json.loads(output["body"])}

    def later(self, seconds: float) -> None:
        """Let time pass, if this world's clock can be moved."""
        if isinstance(self.clock, FixedClock):
            self.clock.advance(seconds)

    def redrive(self) -> None:
        """Replay what waits in the queue; what fails again stays."""
        waiting, self.queue = self.queue, []
        for record in waiting:
            try:
                self.record_turn(RecordRequest.from_event({"record": record}))
            except Exception:  # noqa: BLE001 -- SQS gives a message back whatever the function raised
                self.queue.append(record)

    def events(self) -> list[dict[str, Any]]:
        """Return all turn events."""
        return list(self.store.events.values())

    @property
    def capture_message(self) -> CaptureMessage:
        """The capture, over this world's stores."""
        return CaptureMessage(
            validator=JsonSchemaValidator(),
            conversations=self._faulty(MemoryConversationStore(self.store)),
            claims=self._faulty(MemoryClaimStore(self.store)),
            limits=self._faulty(MemoryLimitStore(self.store)),
            variants=self.variants,
            salt=MemoryUserSalt(),
            clock=self.clock,
            randomness=self._randomness,
            policy=CapturePolicy(limits=self._limits, retention_days=30),
        )

    @property
    def screen_for_crisis(self) -> ScreenForCrisis:
        """The screen. Its model, if this world has one, is asked about all in which nothing is found."""
        return ScreenForCrisis(clock=self.clock, model=self.screen_model, band=Band(0))

    @property
    def record_turn(self) -> RecordTurn:
        """The recording, over this world's stores."""
        return RecordTurn(
            conversations=self._faulty(MemoryConversationStore(self.store)),
            claims=self._faulty(MemoryClaimStore(self.store)),
            recorder=self._faulty(MemoryTurnRecorder(self.store)),
            limits=self._faulty(MemoryLimitStore(self.store)),
            salt=MemoryUserSalt(),
            metrics=self.metrics,
            clock=self.clock,
            policy=RecordPolicy(environment="test", region="us-east-1", retention_days=30),
        )

    @property
    def feedback_store(self) -> MemoryFeedbackStore:
        """The explicit feedback."""
        return MemoryFeedbackStore(self.store)

    def _announce(self, point: str) -> None:
        # Looked up with each write: tests change the hook while a turn is running.
        self.on_write(point)

    def _faulty(self, adapter: Any) -> Any:
        return _Faulty(adapter, self._announce)

    def _task(self, name: str) -> Callable[[dict[str, Any]], Any]:
        calls: dict[str, Callable[[dict[str, Any]], Any]] = {
            "capture": lambda e: self.capture_message(CaptureRequest.from_event(e)).to_payload(),
            "screen": lambda e: self.screen_for_crisis(ScreenRequest.from_event(e)).to_payload(),
            "intent": lambda e: DetectIntent(clock=self.clock)(IntentRequest.from_event(e)).to_payload(),
            "generate": lambda e: GenerateReply(
                model=self.model, prompts=PromptFiles(BUNDLED_PROMPTS), clock=self.clock
            )(GenerateRequest.from_event(e)).to_payload(),
            "validate": lambda e: ValidateReply(clock=self.clock)(ValidateRequest.from_event(e)).to_payload(),
            "record": lambda e: self.record_turn(RecordRequest.from_event(e)).to_payload(),
        }

        def task(event: dict[str, Any]) -> Any:
            self.on_call(name)
            if name in self.down:
                raise StateError("Lambda.ServiceException")
            return calls[name](event)

        return task

    def _get_claim(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        claim = self.store.claims.get(arguments["Key"]["claim_key"]["S"])
        if claim is None:
            return {}
        answer = {"answer": {"S": claim.answer}} if claim.answer else {}
        return {"Item": {"claim_key": {"S": claim.claim_key}, **answer}}

    def _send(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if "queue" in self.down:
            raise StateError("States.TaskFailed")
        self.queue.append(json.loads(arguments["MessageBody"]))
        return {"MessageId": str(len(self.queue))}


FUNCTIONS_ARN = {name: f"arn:aws:lambda:us-east-1:000000000000:function:{name}" for name in FUNCTIONS}


def definition() -> dict[str, Any]:
    """Return the turn's state machine as it is deployed, with stand-ins for ARNs."""
    text = templates.turn_definition()
    substitutions = {
        **templates.turn_substitutions(templates.fixed_words()),
        **{FUNCTIONS[name]: arn for name, arn in FUNCTIONS_ARN.items()},
        "IdempotencyTableName": "Idempotency",
        "UnrecordedTurnsQueueUrl": "queue",
    }
    for name, value in substitutions.items():
        text = text.replace(f"${{{name}}}", value)
    parsed: dict[str, Any] = json.loads(text)
    return parsed
