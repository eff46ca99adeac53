"""A weekly synthesis in this process: the real state machine over the real use cases, adapters in memory."""

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from silent_infinity.adapters.memory.batch_inference import MemoryBatch
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.conversations import MemoryConversationStore
from silent_infinity.adapters.memory.metrics import MemoryMetrics
from silent_infinity.adapters.memory.session_index import MemorySessionIndex
from silent_infinity.adapters.memory.store import MemoryStore
from silent_infinity.adapters.memory.summaries import MemorySummaryStore
from silent_infinity.adapters.memory.variants import MemoryVariants
from silent_infinity.adapters.memory.work_files import MemoryWorkFiles
from silent_infinity.domain.crisis.posture import Posture
from silent_infinity.domain.initial_variants import initial_variants
from silent_infinity.domain.turn import Usage
from silent_infinity.ports.batch_inference import BatchAnswer, BatchRecord
from silent_infinity.ports.conversations import Session, StoredTurn
from silent_infinity.ports.llm import LanguageModel
from silent_infinity.ports.summaries import Summary
from silent_infinity.usecases.batch_synthesis import BatchRequest, FollowSynthesisBatch, StartSynthesisBatch
from silent_infinity.usecases.close_synthesis import CloseRequest, CloseSynthesis
from silent_infinity.usecases.prepare_synthesis import PrepareRequest, PrepareSynthesis
from silent_infinity.usecases.write_summaries import WriteRequest, WriteSummaries
from stacks.paths import STATE_MACHINES
from tests.support.asl import StateError, StateMachine
from tests.support.world import ScriptedModel

WEEK = "2026-W47"
MONDAY_AFTER = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)

SAID = (
    "The project at work is late and my boss writes to me every evening. I lie awake and go through "
    "the list.",
    "I called my sister today. We laughed about the garden of our grandmother, and it felt light for "
    "an hour.",
    "Another bad night. I snapped at a colleague this morning and I am ashamed of it.",
    "I told my boss that I need my evenings. He was quiet, then he said that he understands.",
    "I slept through for the first time. I want to go to the garden with my sister on Sunday.",
)
"""A week in five messages: work, sleep, a sister."""

SUMMARY = (
    "This week began with the project at work, which was late, and with a boss who wrote to you every "
    "evening. You lay awake and went through the list again and again, and by your own account the "
    "nights were what weighed the most. In the middle of the week there was another bad night, and "
    "the morning after it you snapped at a colleague. You said that you were ashamed of it, and it "
    "sounded as if that stayed with you for a while, next to the tiredness.\n\n"
    "Beside all this ran another thread. You called your sister, and the two of you laughed about the "
    "garden of your grandmother. For an hour it felt light, as you put it, and the list did not have "
    "the last word that day. It was a small thing in a full week, and you came back to it when you "
    "wrote again.\n\n"
    "Then you told your boss that you need your evenings. He was quiet at first, and then he said "
    "that he understands. After that you slept through for the first time. The week that had started "
    "with lying awake came to its end with a night of sleep and with something that you look forward "
    "to: you want to go to the garden with your sister on Sunday. Work, sleep and your sister were "
    "the three things that you spoke of most, and they touched each other more than once. This is "
    "your week as you told it, in your own words as far as they reach, to keep beside you."
)
"""A summary of that week that passes every check."""

FUNCTIONS = {
    "prepare": "PrepareFunctionArn",
    "batch_start": "BatchStartFunctionArn",
    "batch_follow": "BatchFollowFunctionArn",
    "write": "WriteFunctionArn",
    "close": "CloseFunctionArn",
}


def definition(functions: dict[str, str] | None = None, **values: str) -> dict[str, Any]:
    """Return the state machine with stand-ins for its placeholders; a function's ARN is its name."""
    text = (STATE_MACHINES / "weekly_synthesis.asl.json").read_text(encoding="utf-8")
    arns = functions or {placeholder: name for name, placeholder in FUNCTIONS.items()}
    for name, value in {
        **arns,
        "PollSeconds": "300",
        "PauseSeconds": "900",
        "WriteConcurrency": "2",
        **values,
    }.items():
        text = text.replace(f"${{{name}}}", value)
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def batch_answer(record: BatchRecord) -> BatchAnswer | None:
    """Answer a record well."""
    usage = Usage(tokens_input=1000, tokens_output=400, cost_usd=0.0016)
    return BatchAnswer(record.record_id, SUMMARY, "claude-haiku-4-5", "stop", usage)


class SynthesisWorld:
    """Stores, clock, model, batch service and the state machine over them.

    `down` maps a function's name to the errors that its next calls end with.
    """

    def __init__(
        self, model: LanguageModel | None = None, *, batches: bool = False, writes: bool = True
    ) -> None:
        self.store = MemoryStore()
        self.clock = FixedClock(MONDAY_AFTER)
        self.model = model or ScriptedModel(SUMMARY)
        self.batch = MemoryBatch(batch_answer)
        self.batches = batches
        self.writes = writes
        self.files = MemoryWorkFiles()
        self.summaries = MemorySummaryStore(self.store)
        self.metrics = MemoryMetrics()
        self.down: dict[str, list[str]] = {}
        self.on_call: Callable[[str], None] = lambda _name: None
        self.payloads: list[str] = []
        self.visited: list[str] = []
        self._executions = itertools.count(1)

    def person(
        self,
        user: str,
        *messages: str,
        session: str = "",
        level: int = 0,
        kind: str = "answer",
        posture: Posture | None = None,
        day: int = 16,
    ) -> str:
        """Give somebody a session with these messages, one a day from the day of November on; its id."""
        session_id = session or f"session-{user}"
        begun = datetime(2026, 11, day, 9, 0, tzinfo=UTC)
        turns = {
            f"{session_id}-{place}": StoredTurn(
                turn_id=f"{session_id}-{place}",
                session_id=session_id,
                message=message,
                received_at=begun.replace(day=day + place).isoformat(),
                expires_at=2_000_000_000,
                reply="I hear you.",
                reply_kind=kind,
                crisis_level=level,
            )
            for place, message in enumerate(messages or SAID)
        }
        self.store.sessions[session_id] = Session(
            session_id=session_id,
            user_id_hash=user,
            created_at=begun.isoformat(),
            updated_at=begun.replace(day=day + len(turns) - 1).isoformat(),
            expires_at=2_000_000_000,
            posture=posture or Posture(),
        )
        self.store.turns[session_id] = turns
        return session_id

    def run(self, week: str = "", execution: str = "") -> dict[str, Any]:
        """Run the state machine once and return its output.

        Raises:
            StateError: the execution failed.
        """
        machine = StateMachine(
            definition(),
            {name: self._task(name) for name in FUNCTIONS},
            now_ms=lambda: int(self.clock.now().timestamp() * 1000),
            sleep=self.clock.advance,
        )
        name = execution or f"run-{next(self._executions)}"
        started_at = self.clock.now().isoformat().replace("+00:00", "Z")
        try:
            output: dict[str, Any] = machine.run(
                {"week": week}, execution_id=f"arn:aws:states:::execution:w:{name}", started_at=started_at
            )
        finally:
            self.visited = machine.visited
        return output

    def summary(self, user: str) -> Summary | None:
        """Return somebody's summary of the week, or the claim on it."""
        return self.summaries.find(user, WEEK)

    @property
    def prepare(self) -> PrepareSynthesis:
        """The search."""
        return PrepareSynthesis(
            index=MemorySessionIndex(self.store),
            conversations=MemoryConversationStore(self.store),
            summaries=self.summaries,
            files=self.files,
            variants=MemoryVariants(initial_variants()),
            metrics=self.metrics,
            clock=self.clock,
            retention_days=30,
            writes=self.writes,
            batches=self.batches,
        )

    @property
    def start_batch(self) -> StartSynthesisBatch:
        """The start of a batch."""
        return StartSynthesisBatch(
            batches=self.batch,
            files=self.files,
            summaries=self.summaries,
            clock=self.clock,
            environment="test",
        )

    @property
    def follow_batch(self) -> FollowSynthesisBatch:
        """The look at a batch."""
        return FollowSynthesisBatch(
            batches=self.batch, files=self.files, summaries=self.summaries, clock=self.clock
        )

    @property
    def write(self) -> WriteSummaries:
        """The writing."""
        return WriteSummaries(
            model=self.model,
            summaries=self.summaries,
            files=self.files,
            metrics=self.metrics,
            clock=self.clock,
            batch_provider="bedrock",
        )

    @property
    def close(self) -> CloseSynthesis:
        """The end of a run."""
        return CloseSynthesis(
            summaries=self.summaries,
            files=self.files,
            metrics=self.metrics,
            clock=self.clock,
            batches=self.batch if self.batches else None,
        )

    def _task(self, name: str) -> Callable[[dict[str, Any]], Any]:
        calls: dict[str, Callable[[dict[str, Any]], Any]] = {
            "prepare": lambda e: self.prepare(PrepareRequest.from_event(e)).to_payload(),
            "batch_start": lambda e: self.start_batch(BatchRequest.from_event(e)).to_payload(),
            "batch_follow": lambda e: self.follow_batch(BatchRequest.from_event(e)).to_payload(),
            "write": lambda e: self.write(WriteRequest.from_event(e)).to_payload(),
            "close": lambda e: self.close(CloseRequest.from_event(e)).to_payload(),
        }

        def task(event: dict[str, Any]) -> Any:
            self.on_call(name)
            self.payloads.append(json.dumps(event))
            if self.down.get(name):
                raise StateError(self.down[name].pop(0))
            result = calls[name](event)
            self.payloads.append(json.dumps(result))
            return result

        return task
