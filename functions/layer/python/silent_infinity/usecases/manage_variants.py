"""Carry out what an operator, or the system itself, asks of the registry of variants."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from silent_infinity.domain.audit import AuditEntry
from silent_infinity.domain.ids import body_hash
from silent_infinity.domain.payload import to_payload
from silent_infinity.domain.problems import HttpResponse
from silent_infinity.domain.promotion.outcomes import Outcome
from silent_infinity.domain.registry import refusals
from silent_infinity.domain.registry.commands import (
    Action,
    Command,
    Decision,
    PromotionClosed,
    Refusal,
)
from silent_infinity.domain.registry.life_cycle import decide
from silent_infinity.domain.registry.recording import recorded
from silent_infinity.domain.variant_categories import categories
from silent_infinity.domain.variant_configs import broken
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.errors import ConflictError
from silent_infinity.ports.randomness import Randomness
from silent_infinity.ports.validation import SchemaValidator
from silent_infinity.ports.variant_store import (
    OUTCOME_SECONDS,
    RegistryWrite,
    StoredOutcome,
    VariantStore,
)

TRIES = 12
"""How often a change is decided anew because another change of the registry came first."""

LONGEST_PAUSE_SECONDS = 0.4
_FIRST_PAUSE_SECONDS = 0.02

REPLAYED = "Idempotency-Replayed"
"""The header of an answer that was given before."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A change that is about to be written: what the answer to the caller is made of.

    `records` are all rows that change, the one that was asked about first, in the order
    of the decision's changes; both as they will be stored, with their versions raised.
    """

    command: Command
    decision: Decision
    records: Sequence[VariantRecord]
    at: datetime

    @property
    def record(self) -> VariantRecord:
        """The variant that was asked about."""
        return self.records[0]

    @property
    def waits(self) -> bool:
        """Whether nothing is in force yet: a cooldown or an approval comes first."""
        return self.decision.effective_at is not None or self.decision.promotion is not None


Answer = Callable[[Applied], HttpResponse]
"""Makes the response, which is stored with the change. Pure: it is called anew if the change is decided anew.
"""

Prompts = Callable[[], Mapping[tuple[str, int], str]]
"""SHA-256 of every published prompt by template id and version."""


def change_key(actor: str, key: str) -> str:
    """Return the idempotency claim of an actor's key. It cannot be read as the claim of a turn."""
    return f"admin#{hashlib.sha256(f'{actor} {key}'.encode()).hexdigest()}"


class ManageVariants:
    """Decides a change over what the registry holds, and writes it together with its audit entries."""

    def __init__(
        self,
        *,
        store: VariantStore,
        validator: SchemaValidator,
        clock: Clock,
        randomness: Randomness,
        prompts: Prompts | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take what a change needs.

        Args:
            store: the registry.
            validator: has the schemas of configurations.
            clock: what the time is.
            randomness: how long to wait when another change came first.
            prompts: which prompts are published; None looks at their names only.
            sleep: waits for so many seconds.
        """
        self._store = store
        self._validator = validator
        self._clock = clock
        self._randomness = randomness
        self._prompts = prompts
        self._sleep = sleep

    def __call__(self, command: Command, key: str, answer: Answer) -> HttpResponse:
        """Carry out the command once, however often it comes with the same key from the same actor.

        Refusals are not kept: a refused command is decided anew when it comes again.

        Args:
            command: what is asked. All of it but `request_id` is compared when the key comes again.
            key: the caller's idempotency key, as it came.
            answer: makes the response from the change.

        Returns:
            The answer; the one that was given before, with the header `Idempotency-Replayed`, for a key that
            was used before.

        Raises:
            Refusal: nothing was changed, and why.
            StoreUnavailableError: perhaps it was changed; asking again with the same key tells.
        """
        claim = change_key(command.actor, key)
        request = body_hash({**to_payload(command), "request_id": ""})
        self._check_configuration(command)
        for attempt in range(TRIES):
            given = self._store.outcome(claim)
            if given is not None:
                return _replay(given, request)
            try:
                return self._decide_and_write(command, claim, request, answer)
            except ConflictError:
                self._sleep(self._pause(attempt))
            except Refusal:
                # A copy of this request may have been carried out after its outcome was looked for.
                given = self._store.outcome(claim)
                if given is None:
                    raise
                return _replay(given, request)
        raise refusals.registry_busy()

    def _decide_and_write(self, command: Command, claim: str, request: str, answer: Answer) -> HttpResponse:
        snapshot = self._store.snapshot()
        now = self._clock.now()
        decision = decide(command, snapshot.records, now)
        records, entries = _recorded(decision, command, now)
        response = answer(Applied(command, decision, records, now))
        kept_versions = [change.keeps_version for change in decision.changes]
        self._store.apply(
            RegistryWrite(
                registry_version=snapshot.version,
                records=[record for record, kept in zip(records, kept_versions, strict=True) if not kept],
                noted=[record for record, kept in zip(records, kept_versions, strict=True) if kept],
                entries=entries,
                outcome=StoredOutcome(
                    key=claim,
                    body_hash=request,
                    status_code=response.status_code,
                    body=response.body,
                    expires_at=int(now.timestamp()) + OUTCOME_SECONDS,
                    headers=dict(response.headers),
                ),
                promotion=decision.promotion,
                closed=_closed(decision, command, now),
            )
        )
        return response

    def _check_configuration(self, command: Command) -> None:
        category = categories().get(command.category)
        if category is None or (command.config is None and command.action is not Action.CREATE):
            return
        config = dict(command.config or {})
        violations = [
            (found.path, found.keyword)
            for found in self._validator.violations(category.config_schema, config)
        ] or broken(category.name, config, prompts=self._prompts() if self._prompts else None)
        if violations:
            raise refusals.configuration_not_valid(
                [{"path": f"/config{path}", "keyword": keyword} for path, keyword in violations]
            )

    def _pause(self, attempt: int) -> float:
        """Return seconds to wait: between half of a doubling pause and the whole of it."""
        longest: float = min(LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**attempt)
        return longest * (0.5 + self._randomness.token(1)[0] / 510)


def _recorded(
    decision: Decision, command: Command, now: datetime
) -> tuple[list[VariantRecord], list[AuditEntry]]:
    """Return the rows to store and their audit entries, in the order of the changes."""
    pairs = [
        recorded(
            change,
            at=now.isoformat(),
            actor=command.actor,
            reason=command.reason,
            request_id=command.request_id,
            effective_at=decision.effective_at,
        )
        for change in decision.changes
    ]
    return [record for record, _ in pairs], [entry for _, entry in pairs]


def _closed(decision: Decision, command: Command, now: datetime) -> list[PromotionClosed]:
    """Return the promotions that the change ends: those that its rows no longer name."""
    ended = {
        change.before.promotion_id: change.before.key
        for change in decision.changes
        if change.before and change.before.promotion_id and change.after.promotion_id is None
    }
    if command.action is Action.CLOSE_PROMOTION and command.promotion_id:
        # It is over, whether or not a row still names it.
        ended[command.promotion_id] = (command.category, command.variant_id)
    asked = command.category, command.variant_id
    return [
        PromotionClosed(promotion_id, _end(command, key == asked), now.isoformat(), command.actor)
        for promotion_id, key in ended.items()
    ]


def _end(command: Command, asked: bool) -> Outcome:
    """Return how a promotion ends by a command, which asked for that variant or moved it along."""
    if asked and command.approved and command.action in (Action.PROMOTE, Action.UPDATE):
        return Outcome.APPLIED
    if asked and command.action is Action.CLOSE_PROMOTION:
        return command.outcome or Outcome.REJECTED
    harmed = command.action is Action.AUTOMATIC_DEMOTION
    return Outcome.TAKEN_BACK if asked and harmed else Outcome.WITHDRAWN


def _replay(given: StoredOutcome, request: str) -> HttpResponse:
    if given.body_hash != request:
        raise refusals.key_reused()
    return HttpResponse(given.status_code, given.body, {**given.headers, REPLAYED: "true"})
