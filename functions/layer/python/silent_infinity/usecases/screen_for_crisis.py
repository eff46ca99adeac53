"""Screen a message for crisis, with what the session's earlier turns say about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from silent_infinity.domain.crisis.answers import ANSWERS, answers_stage
from silent_infinity.domain.crisis.band import Band, calibrated_band
from silent_infinity.domain.crisis.model_screen import MODEL_SCREEN
from silent_infinity.domain.crisis.posture import Posture
from silent_infinity.domain.crisis.screen import ScreenResult, screen
from silent_infinity.domain.crisis.stages import LAYER_STAGES
from silent_infinity.domain.crisis.verdict import Stage
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.turn import AssignedVariant, ScreenModelCall, Utterance
from silent_infinity.ports.clock import Clock, unix_ms
from silent_infinity.ports.llm import LanguageModel
from silent_infinity.usecases.screen_by_model import ModelStage


@dataclass(frozen=True, slots=True)
class ScreenRequest:
    """A message in its context. `turn_id` picks among vetted replies, the same one every time.

    `production` are the production variants, the only ones that the screen ever takes. `deadline_ms` (epoch
    milliseconds) is when the verdict must be there, 0 if nobody waits; the model call ends before it.
    """

    message: str
    turn_id: str = ""
    history: tuple[Utterance, ...] = ()
    posture: Posture = Posture()
    locale: str = "en-US"
    used_reply_ids: tuple[str, ...] = ()
    production: dict[str, AssignedVariant] = field(default_factory=dict)
    deadline_ms: int = 0

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "ScreenRequest":
        """Read the state's input.

        Raises:
            PayloadError: there is no message.
        """
        return from_payload(cls, event)


@dataclass(frozen=True, slots=True)
class Screened:
    """The verdict, how long it took in milliseconds, and the model call if there was one."""

    screen: ScreenResult
    screen_ms: int
    turn_id: str = ""
    model: ScreenModelCall | None = None

    def to_payload(self) -> dict[str, Any]:
        """Return the state's output."""
        model = {"model": to_payload(self.model)} if self.model else {}
        return {**self.screen.to_payload(), "screen_ms": self.screen_ms, **model}


class ScreenForCrisis:
    """Runs the stages of the screen and keeps the highest level that any of them finds.

    `stages` are asked in their order. After a reply that asked directly, the message is read as an answer to
    it as well. `model`, if there is one, comes last and is asked only about messages that are left in the
    `band` (that of the layer's data if None).
    """

    def __init__(
        self,
        *,
        clock: Clock,
        stages: Sequence[tuple[str, Stage]] = LAYER_STAGES,
        model: LanguageModel | None = None,
        band: Band | None = None,
    ) -> None:
        self._clock = clock
        self._stages = tuple(stages)
        self._model = model
        self._band = band or calibrated_band()

    @property
    def stages(self) -> tuple[tuple[str, Stage], ...]:
        """The stages before the model, in their order."""
        return self._stages

    def with_stages(self, stages: Sequence[tuple[str, Stage]]) -> "ScreenForCrisis":
        """Return the same screen with other stages before the model, such as timed ones."""
        return ScreenForCrisis(clock=self._clock, stages=stages, model=self._model, band=self._band)

    def __call__(self, request: ScreenRequest) -> Screened:
        """Screen the message.

        Raises:
            ScreenError: no stage gave a verdict. The state machine then decides by its red flags.
        """
        start = unix_ms(self._clock.now())
        answers = answers_stage(request.history)
        by_model = self._by_model(request)
        result = screen(
            request.message,
            [utterance.text for utterance in request.history if utterance.role == "user"],
            request.posture,
            request.locale,
            request.used_reply_ids,
            request.turn_id,
            stages=[
                *self._stages,
                *([(ANSWERS, answers)] if answers else []),
                *([(MODEL_SCREEN, by_model)] if by_model else []),
            ],
        )
        return Screened(
            result,
            unix_ms(self._clock.now()) - start,
            request.turn_id,
            by_model.call if by_model else None,
        )

    def _by_model(self, request: ScreenRequest) -> ModelStage | None:
        if self._model is None:
            return None
        return ModelStage(
            self._model,
            self._clock,
            self._band,
            history=request.history,
            production=request.production,
            deadline_ms=request.deadline_ms,
            seed=request.turn_id,
        )
