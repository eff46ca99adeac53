"""Several hundred turns as their use cases see them, recorded once from the real state machine.

The state machine's own interpreter costs more than the use cases. So the events that it hands to each
function are recorded, and the functions are measured over the recording, in its order, with nothing in
between. Clock and randomness repeat themselves: a replay on fresh stores does the same work, and checks that
it did.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from silent_infinity.adapters.memory.claims import MemoryClaimStore
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.conversations import MemoryConversationStore
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
from silent_infinity.domain.composer import compose
from silent_infinity.domain.initial_variants import initial_variants
from silent_infinity.domain.turn import Usage
from silent_infinity.ports.llm import ModelReply, ModelRequest
from silent_infinity.usecases.capture_message import CaptureMessage, CapturePolicy, CaptureRequest
from silent_infinity.usecases.detect_intent import DetectIntent, IntentRequest
from silent_infinity.usecases.generate_reply import GenerateReply, GenerateRequest
from silent_infinity.usecases.record_turn import RecordPolicy, RecordRequest, RecordTurn
from silent_infinity.usecases.screen_for_crisis import ScreenForCrisis, ScreenRequest
from silent_infinity.usecases.validate_reply import ValidateReply, ValidateRequest
from tests.benchmarks.messages import (
    LONGEST,
    everyday_messages,
    long_messages,
    paragraph_messages,
    risk_messages,
)
from tests.support.asl import StateMachine
from tests.support.world import FUNCTIONS, FUNCTIONS_ARN, GENEROUS, START, definition

CRISIS_REPLY = (
    "I hear how unbearable this is, and I am an AI that stays here with you. Please call 988 now, and move "
    "away from anything you could hurt yourself with. Who could be with you?"
)
POOR_REPLY = "Cheer up, everything happens for a reason!"
POOR_ONE_IN = 12
RISKY_ONE_IN = 20
PARAGRAPH_ONE_IN = 8
LONG_ONE_IN = 100

UseCase = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class Step:
    """One function of one turn: what it was given and what it answered, both as JSON documents."""

    function: str
    event: str
    output: str


@dataclass(frozen=True)
class Recording:
    """Turns in order, each with its steps in order, and the model's replies in the order they were asked."""

    turns: tuple[tuple[Step, ...], ...]
    replies: tuple[str, ...]
    kinds: Mapping[str, int] = field(default_factory=dict)
    """How many turns ended with a reply of each kind."""
    longest: frozenset[int] = frozenset()
    """The turns whose message is as long as it may be."""


class WritingModel:
    """Writes a fitting reply, now and then a poor one, and remembers them all."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def complete(self, request: ModelRequest) -> ModelReply:
        """Reply without waiting for anything."""
        if request.turn_class == "TC6":
            text = CRISIS_REPLY
        elif len(self.written) % POOR_ONE_IN == POOR_ONE_IN - 1:
            text = POOR_REPLY
        else:
            text = compose(request.message, request.turn_class, request.seed)
        self.written.append(text)
        return _reply(text, request.model_id)


class RepeatingModel:
    """Gives the remembered replies at once: the time of a model is none of the use cases'."""

    def __init__(self, replies: tuple[str, ...]) -> None:
        self._replies: Iterator[str] = iter(replies)

    def complete(self, request: ModelRequest) -> ModelReply:
        """Return the next reply."""
        return _reply(next(self._replies), request.model_id)


def _reply(text: str, model_id: str) -> ModelReply:
    usage = Usage(tokens_input=900, tokens_output=80, cost_usd=0.0039)
    return ModelReply(text, model_id, "scripted", usage, "stop", 5, 10)


def use_cases(model: WritingModel | RepeatingModel) -> dict[str, UseCase]:
    """Return the six use cases on fresh in-memory stores, each from parsed JSON to what becomes JSON."""
    store, clock, salt = MemoryStore(), FixedClock(START), MemoryUserSalt()
    conversations, claims, limits = (
        MemoryConversationStore(store),
        MemoryClaimStore(store),
        MemoryLimitStore(store),
    )
    capture = CaptureMessage(
        validator=JsonSchemaValidator(),
        conversations=conversations,
        claims=claims,
        limits=limits,
        variants=MemoryVariants(initial_variants()),
        salt=salt,
        clock=clock,
        randomness=SeededRandomness(7),
        policy=CapturePolicy(limits=GENEROUS, retention_days=30),
    )
    screen, intent, validate = (
        ScreenForCrisis(clock=clock),
        DetectIntent(clock=clock),
        ValidateReply(clock=clock),
    )
    generate = GenerateReply(model=model, prompts=PromptFiles(BUNDLED_PROMPTS), clock=clock)
    record = RecordTurn(
        conversations=conversations,
        claims=claims,
        recorder=MemoryTurnRecorder(store),
        limits=limits,
        salt=salt,
        metrics=MemoryMetrics(),
        clock=clock,
        policy=RecordPolicy(environment="test", region="us-east-1", retention_days=30),
    )
    return {
        "capture": lambda event: capture(CaptureRequest.from_event(event)).to_payload(),
        "screen": lambda event: screen(ScreenRequest.from_event(event)).to_payload(),
        "intent": lambda event: intent(IntentRequest.from_event(event)).to_payload(),
        "generate": lambda event: generate(GenerateRequest.from_event(event)).to_payload(),
        "validate": lambda event: validate(ValidateRequest.from_event(event)).to_payload(),
        "record": lambda event: record(RecordRequest.from_event(event)).to_payload(),
    }


def record(sessions: int, turns_each: int) -> Recording:
    """Run `sessions` conversations of `turns_each` turns through the state machine, and record them."""
    model = WritingModel()
    steps: list[Step] = []
    cases = use_cases(model)
    machine = StateMachine(
        definition(),
        {FUNCTIONS_ARN[name]: partial(_recorded, name, cases[name], steps) for name in FUNCTIONS},
        now_ms=lambda: int(START.timestamp() * 1000),
    )
    turns: list[tuple[Step, ...]] = []
    kinds: dict[str, int] = {}
    longest: set[int] = set()
    for session, messages in enumerate(_conversations(sessions, turns_each)):
        session_id: str | None = None
        for message in messages:
            body = {"message": message, **({"session_id": session_id} if session_id else {})}
            output = machine.run(
                {
                    "body": json.dumps(body),
                    "subject": f"person-{session}",
                    "token_use": "id",
                    "idempotency_key": "",
                    "request_id": "request",
                },
                execution_id=f"execution-{len(turns)}",
                started_at=START.isoformat().replace("+00:00", "Z"),
            )
            answer = json.loads(output["body"])
            session_id = answer["session_id"]
            kind = answer["reply"]["kind"]
            kinds[kind] = kinds.get(kind, 0) + 1
            if len(message) >= LONGEST:
                longest.add(len(turns))
            turns.append(tuple(steps))
            steps.clear()
    return Recording(tuple(turns), tuple(model.written), kinds, frozenset(longest))


def _recorded(name: str, use_case: UseCase, steps: list[Step], event: dict[str, Any]) -> Any:
    # Before the call: an event is the state machine's, and nobody promises not to change it.
    given = json.dumps(event)
    output = json.dumps(use_case(event))
    steps.append(Step(name, given, output))
    return json.loads(output)


def _conversations(sessions: int, turns_each: int) -> Iterator[list[str]]:
    """Yield conversations of everyday messages, some with a risk in them, some with a long message."""
    random = Random(20)
    everyday, risky = everyday_messages(), risk_messages()
    paragraphs, long = paragraph_messages(), long_messages()
    for session in range(sessions):
        messages = random.choices(everyday, k=turns_each)
        for place in range(turns_each):
            if (session * turns_each + place) % LONG_ONE_IN == LONG_ONE_IN // 2:
                messages[place] = random.choice(long)
            elif random.randrange(RISKY_ONE_IN) == 0:
                messages[place] = random.choice(risky)
            elif random.randrange(PARAGRAPH_ONE_IN) == 0:
                messages[place] = random.choice(paragraphs)
        yield messages
