"""What the system asks of its models for each message of a conversation: the real screen, intent and prompts.

The use cases are those of the functions, wired as bootstrap wires them; what stands between them is the
state machine's order, and a test holds the two together. Only the models are not there: one that writes down
what it is asked answers with authored replies of its class, so that later turns have a history.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from evaluation.safety import ASSETS
from silent_infinity import bootstrap
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.system.prompts import PromptFiles
from silent_infinity.domain.crisis.band import Band
from silent_infinity.domain.crisis.posture import Posture
from silent_infinity.domain.crisis.verdict import RISK_LEVEL, ScreenCase, Verdict
from silent_infinity.domain.turn import SystemBlock, Usage, Utterance
from silent_infinity.ports.llm import ModelReply, ModelRequest
from silent_infinity.settings import Settings
from silent_infinity.usecases.capture_message import HISTORY_TURNS
from silent_infinity.usecases.detect_intent import DetectIntent, IntentRequest
from silent_infinity.usecases.generate_reply import GenerateReply, GenerateRequest
from silent_infinity.usecases.screen_by_model import ModelStage
from silent_infinity.usecases.screen_for_crisis import ScreenForCrisis, ScreenRequest
from silent_infinity.usecases.validate_reply import CrisisContext

CRISIS: Final = "TC6"
_ANY: Final = Band(0.0)
_OPEN: Final = {"costing": Verdict(level=0, score=1.0)}
"""A verdict that leaves everything open: what the screen's model would be asked about a message anyway."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a month. `turn_class` is what its author meant it to be (TC3-TC6)."""

    text: str
    turn_class: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to a model: its class, instructions in blocks, all other text, and the reply's text."""

    turn_class: str
    system: tuple[SystemBlock, ...]
    text: str
    reply: str
    model_id: str


@dataclass(frozen=True, slots=True)
class RoutedTurn:
    """What one message asks of the models.

    `path` is `crisis`, `vetted`, `clarify`, `template` or `generate`. `screen` is the TC1 call that the
    message would get if every message got one, and `in_band` says whether it really does. `reply` is the
    call that writes the reply; on a path without a model it is the call without templates.
    """

    meant: str
    path: str
    in_band: bool
    screen: Asked
    reply: Asked | None
    message: str
    served: str

    @property
    def bypassed(self) -> bool:
        """Whether a template or a clarifying question spares the model, and the sentinel too."""
        return self.path in ("template", "clarify")


@dataclass(slots=True)
class _Scribe:
    """A model that notes what it is asked, and answers as it is told."""

    reply: str = ""
    asked: list[ModelRequest] = field(default_factory=list)

    def complete(self, request: ModelRequest) -> ModelReply:
        self.asked.append(request)
        return ModelReply(self.reply, request.model_id, "costing", Usage(), "stop", 0, 0)


class Router:
    """Takes conversations through the system.

    `replies` are texts by class, as a model would write them. `assets` is the folder of the screen's encoder;
    None leaves that stage out.
    """

    def __init__(self, replies: Mapping[str, Sequence[str]], assets: Path | None = ASSETS) -> None:
        self._replies = replies
        self._clock = FixedClock(datetime(2026, 11, 21, tzinfo=UTC))
        self._screening = _Scribe()
        wired = bootstrap.screen_for_crisis(Settings({"LLM_PROVIDER": "composer"}), assets)
        self._screen = ScreenForCrisis(clock=self._clock, stages=wired.stages, model=self._screening)
        self._intent: DetectIntent = bootstrap.detect_intent(Settings({}))
        self._writing = _Scribe()
        self._generate = GenerateReply(
            model=self._writing, prompts=PromptFiles(bootstrap.BUNDLED_PROMPTS), clock=self._clock
        )

    def route(self, conversation_id: str, messages: Sequence[Message]) -> Iterator[RoutedTurn]:
        """Yield the turns of one conversation, in order."""
        posture = Posture()
        last_kind: str | None = None
        used: tuple[str, ...] = ()
        history: tuple[Utterance, ...] = ()
        for place, message in enumerate(messages):
            turn_id = f"{conversation_id}-{place}"
            # The screen's model is taken to be right: cost is what is asked here, not how good it is.
            at_risk = message.turn_class == CRISIS
            self._screening.reply = json.dumps({"level": RISK_LEVEL if at_risk else 1, "about_other": False})
            asked_before = len(self._screening.asked)
            screened = self._screen(
                ScreenRequest(message.text, turn_id, history=history, posture=posture, used_reply_ids=used)
            ).screen
            in_band = len(self._screening.asked) > asked_before
            understood = self._intent(
                IntentRequest(message.text, turn_id, history=history, last_kind=last_kind)
            ).intent
            path, turn_class = _path(screened.path, understood.path), understood.turn_class
            if screened.path != "clear":
                turn_class = CRISIS
            crisis = CrisisContext(screened.level, tuple(line.to_payload() for line in screened.resources))
            written = self._asked(turn_id, message.text, turn_class, history, crisis)
            prepared = screened.vetted_reply if path == "vetted" else understood.reply
            served = prepared.text if prepared and path not in ("generate", "crisis") else written.reply
            yield RoutedTurn(
                meant=message.turn_class,
                path=path,
                in_band=in_band,
                screen=self._screening_of(message.text, history),
                reply=None if path == "vetted" else written,
                message=message.text,
                served=served,
            )
            posture, last_kind = screened.posture, _kind(path)
            if prepared and path != "generate":
                used = (*used, prepared.reply_id)
            history = (*history, Utterance("user", message.text), Utterance("assistant", served))
            history = history[-2 * HISTORY_TURNS :]

    def _asked(
        self,
        turn_id: str,
        message: str,
        turn_class: str,
        history: tuple[Utterance, ...],
        crisis: CrisisContext,
    ) -> Asked:
        self._writing.reply = _one_of(self._replies[turn_class], turn_id)
        self._generate(
            GenerateRequest(turn_id, message, turn_class, 2**62, history=history, crisis=crisis, variants={})
        )
        return _noted(self._writing)

    def _screening_of(self, message: str, history: tuple[Utterance, ...]) -> Asked:
        scribe = _Scribe(json.dumps({"level": 1, "about_other": False}))
        stage = ModelStage(scribe, self._clock, _ANY, history=history, production={})
        said = tuple(utterance.text for utterance in history if utterance.role == "user")
        stage(ScreenCase(message, said, "en-US", _OPEN))
        return _noted(scribe)


def read_month(folder: Path) -> list[tuple[str, list[Message]]]:
    """Return the authored conversations: their ids and messages."""
    lines = (folder / "conversations.jsonl").read_text(encoding="utf-8").splitlines()
    entries: list[dict[str, Any]] = [json.loads(line) for line in lines if line.strip()]
    return [(entry["id"], [Message(**turn) for turn in entry["turns"]]) for entry in entries]


def read_replies(folder: Path) -> Mapping[str, Sequence[str]]:
    """Return the authored replies by class."""
    replies: Mapping[str, Sequence[str]] = json.loads((folder / "replies.json").read_text(encoding="utf-8"))
    return replies


def _path(screen_path: str, intent_path: str) -> str:
    """Return the turn's path, as the state machine decides it."""
    if screen_path in ("imminent", "check_in"):
        return "vetted"
    if screen_path == "crisis":
        return "crisis"
    return intent_path


def _kind(path: str) -> str:
    """Return the kind of the reply, as the next turn is told it."""
    return {"clarify": "clarification", "template": "template", "generate": "answer"}.get(path, "crisis")


def _one_of(texts: Sequence[str], seed: str) -> str:
    digest = hashlib.sha256(seed.encode()).digest()
    return texts[int.from_bytes(digest[:4], "big") % len(texts)]


def _noted(scribe: _Scribe) -> Asked:
    request = scribe.asked[-1]
    text = "\n".join(utterance.text for utterance in request.messages)
    return Asked(request.turn_class, request.system, text, scribe.reply, request.model_id)
