"""Tell the people on call and the team how a promotion ended.

What is told names the variant and the end. Reasons, addresses and links are of nobody's concern here: who
wants to know more asks the admin API, which knows who is asking.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from silent_infinity.domain.payload import PayloadError
from silent_infinity.domain.promotion.outcomes import Outcome
from silent_infinity.domain.promotion.words import moment_of, on, percent, place
from silent_infinity.domain.registry.commands import PromotionRequest
from silent_infinity.ports.alerts import Alerts
from silent_infinity.ports.promotions import Promotions
from silent_infinity.ports.team_chat import TeamChat

OPERATIONS: Final = "operations"
TEAM_CHAT: Final = "team_chat"
SUBJECT_LENGTH: Final = 99
"""SNS takes a hundred characters."""
WHERE: Final = "docs/promotions.md"

_SAID: Final[Mapping[Outcome, str]] = {
    Outcome.APPLIED: "was approved and applied",
    Outcome.APPLIED_IN_PART: "was applied in part: its second step was not taken, it stays where it is",
    Outcome.TAKEN_BACK: "was taken back: the figures showed that it does harm",
    Outcome.NOT_PASSED: "did not pass its gates",
    Outcome.NOT_ENOUGH_DATA: "ended without enough data to tell",
    Outcome.REJECTED: "was rejected by an approver",
    Outcome.EXPIRED: "expired: no approver decided in time",
    Outcome.CHANGED: "ended because the variant was changed meanwhile",
    Outcome.WITHDRAWN: "was withdrawn by an operator",
    Outcome.NO_APPROVERS: "could not be asked for: too few approvers are confirmed",
    Outcome.STOPPED: "was stopped by hand",
    Outcome.FAILED: "failed: something did not work until the retries were over",
}


@dataclass(frozen=True, slots=True)
class NotifyPromotionRequest:
    """Which promotion has ended, how, and who is to be told: `to` is OPERATIONS, TEAM_CHAT, or empty: both.

    `failure` and `error` name a state that did not work, if one did.
    """

    promotion_id: str
    outcome: Outcome
    failure: str = ""
    error: str = ""
    to: str = ""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Read the payload of the state machine.

        Raises:
            PayloadError: it is not as the machine writes it.
        """
        try:
            texts = [event["promotion_id"], *(event.get(name, "") for name in ("failure", "error", "to"))]
            outcome = Outcome(event["outcome"])
        except (KeyError, ValueError):
            raise PayloadError("a message about a promotion names the promotion and its outcome") from None
        if not all(isinstance(text, str) for text in texts):
            raise PayloadError("a message about a promotion has texts only")
        if texts[3] not in ("", OPERATIONS, TEAM_CHAT):
            raise PayloadError("a message about a promotion is for the people on call or for the team")
        return cls(texts[0], outcome, *texts[1:])


@dataclass(frozen=True, slots=True)
class Notified:
    """Who was told."""

    told: tuple[str, ...]

    def to_payload(self) -> dict[str, Any]:
        """Return the fields as JSON."""
        return {"told": list(self.told)}


class NotifyPromotion:
    """Tells the people on call, and the team where it has a channel."""

    def __init__(self, *, promotions: Promotions, alerts: Alerts, chat: TeamChat, environment: str) -> None:
        self._promotions = promotions
        self._alerts = alerts
        self._chat = chat
        self._environment = environment

    def __call__(self, request: NotifyPromotionRequest) -> Notified:
        """Tell whom the request names. A second call tells again: a message twice is better than none.

        Raises:
            StoreUnavailableError: somebody could not be told, or what to tell could not be read.
        """
        promotion = self._promotions.find(request.promotion_id)
        subject, text = message(request, promotion, self._environment)
        told = []
        if request.to in ("", OPERATIONS):
            self._alerts.tell(subject, text)
            told.append(OPERATIONS)
        if request.to in ("", TEAM_CHAT) and self._chat.post(text):
            told.append(TEAM_CHAT)
        return Notified(tuple(told))


def message(
    request: NotifyPromotionRequest, promotion: PromotionRequest | None, environment: str
) -> tuple[str, str]:
    """Return subject (at most 99 characters of ASCII) and text."""
    said = _SAID[request.outcome]
    if promotion is None:
        name, way = "a variant", ""
    else:
        name = f"{promotion.category}/{promotion.variant_id}"
        way = (
            f"From {promotion.from_status} to {_steps(promotion)}, asked for on "
            f"{moment_of(promotion.requested_at)} by "
            f"{'the nightly schedule' if promotion.trigger == 'schedule' else 'an operator'}."
        )
    lines = [
        f"The promotion of {name} {said}.",
        way,
        f"Not everything worked: {request.failure} ({request.error})." if request.failure else "",
        f"Environment: {environment}. Promotion: {request.promotion_id}. More: {WHERE}.",
        f"What each gate said and who decided: ./run promote status {request.promotion_id}{on(environment)}",
    ]
    head = f"Silent Infinity: promotion {request.outcome.replace('_', ' ')}: {name}"
    subject = "".join(one if one.isascii() and one.isprintable() else "?" for one in head)[:SUBJECT_LENGTH]
    return subject, "\n".join(line for line in lines if line)


def _steps(promotion: PromotionRequest) -> str:
    first = place(promotion.category, promotion.to_status, promotion.rollout_percent)
    return first if promotion.next_percent is None else f"{first}, then {percent(promotion.next_percent)}"
