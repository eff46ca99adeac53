"""The crisis screen of one message: the maximum of its stages, the session's posture, a path and a vetted
reply."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from silent_infinity.domain.crisis import posture as flow
from silent_infinity.domain.crisis.help_lines import HelpLine, for_locale
from silent_infinity.domain.crisis.posture import Path, Posture
from silent_infinity.domain.crisis.replies import VettedReply, choose_reply, kind_for
from silent_infinity.domain.crisis.rules import screen_message
from silent_infinity.domain.crisis.verdict import RISK_LEVEL, ScreenCase, Stage, Verdict

# What a level is worth as a probability where only levels are known, so that all scores can be ranked.
_SCORE_OF_LEVEL: Final = (0.0, 0.1, 0.9, 0.95, 0.99)


def _rules(case: ScreenCase) -> Verdict:
    return screen_message(case.message, case.history)


RULE_STAGE: Final[tuple[str, Stage]] = ("rules", _rules)


class ScreenError(RuntimeError):
    """No stage of the screen could read the message."""


@dataclass(frozen=True, slots=True)
class ScreenResult:
    """What the screen decided.

    `level` is the effective level (0-4, sticky), `screened_level` that of this message alone; `rule_ids` are
    ids of entries, of all stages; `resources` and `vetted_reply` are there whenever `path` is not "clear";
    `degraded` names the stages that failed; `stages` has the verdict of every stage that spoke; `posture` is
    the session's posture after this turn. The last two are not part of the payload.
    """

    path: Path
    level: int
    screened_level: int
    rule_ids: tuple[str, ...]
    safe_exit: bool
    resources: tuple[HelpLine, ...]
    vetted_reply: VettedReply | None
    degraded: tuple[str, ...]
    posture: Posture
    stages: tuple[tuple[str, Verdict], ...] = ()

    @property
    def score(self) -> float:
        """How likely a level of 2 or more is, from 0 to 1.

        Of several stages with a score the last counts, which has heard the others; a stage that found a risk
        is not outvoted.
        """
        scores = [verdict.score for _, verdict in self.stages if verdict.score is not None]
        levels = [verdict.level for _, verdict in self.stages]
        level = max(levels, default=0)
        if level >= RISK_LEVEL:
            return max([_SCORE_OF_LEVEL[level], *scores[-1:]])
        return scores[-1] if scores else _SCORE_OF_LEVEL[level]

    def to_payload(self) -> dict[str, Any]:
        """Return the output of the screen state, without its duration."""
        reply = self.vetted_reply
        return {
            "path": self.path,
            "level": self.level,
            "screened_level": self.screened_level,
            "rule_ids": list(self.rule_ids),
            "safe_exit": self.safe_exit,
            "resources": [line.to_payload() for line in self.resources],
            "vetted_reply": {"reply_id": reply.reply_id, "text": reply.text} if reply else None,
            "degraded": list(self.degraded),
        }


def screen(  # noqa: PLR0917 - the facts of a turn, in the order in which the state passes them
    message: str,
    history: Sequence[str],
    posture: Posture,
    locale: str,
    used_reply_ids: Sequence[str],
    seed: str,
    stages: Iterable[tuple[str, Stage]] = (RULE_STAGE,),
) -> ScreenResult:
    """Screen `message` and decide how its turn is answered.

    `history` holds the same person's recent messages, oldest first; `posture` is the session's posture before
    this turn; `locale` is a BCP 47 tag; `used_reply_ids` are the vetted replies of this session, oldest
    first; `seed` picks the reply (the turn id). Stages are asked in their order, each with what those before
    it found. A stage that raises is named in `degraded` and skipped.

    Raises:
        ScreenError: no stage answered, so nothing is known of the message (the caller's own red flags must
        decide).
    """
    found: dict[str, Verdict] = {}
    degraded: list[str] = []
    for name, stage in stages:
        try:
            verdict = stage(ScreenCase(message, history, locale, found))
        except Exception:  # noqa: BLE001 - whatever a stage fails of, the other stages must still be heard
            degraded.append(name)
        else:
            if verdict is not None:
                found = {**found, name: verdict}
    if not found:
        raise ScreenError(f"no stage of the screen answered: {', '.join(degraded)}")
    verdicts = tuple(found.values())
    screened = max(verdict.level for verdict in verdicts)
    safe_exit = screened < RISK_LEVEL and any(verdict.safe_exit for verdict in verdicts)
    level = flow.effective_level(posture, screened)
    path = flow.path(posture, screened, safe_exit)
    resources: tuple[HelpLine, ...] = ()
    vetted_reply: VettedReply | None = None
    if path != "clear":
        at_risk = [verdict for verdict in verdicts if verdict.level >= RISK_LEVEL]
        about_other = bool(at_risk) and all(verdict.about_other for verdict in at_risk)
        resources = for_locale(locale)
        kind = kind_for(level, check_in=path == "check_in", about_other=about_other)
        vetted_reply = choose_reply(kind, locale, used_reply_ids, seed)
    return ScreenResult(
        path=path,
        level=level,
        screened_level=screened,
        rule_ids=tuple(dict.fromkeys(rule_id for verdict in verdicts for rule_id in verdict.rule_ids)),
        safe_exit=safe_exit,
        resources=resources,
        vetted_reply=vetted_reply,
        degraded=tuple(degraded),
        posture=flow.advance(posture, screened, safe_exit),
        stages=tuple(found.items()),
    )
