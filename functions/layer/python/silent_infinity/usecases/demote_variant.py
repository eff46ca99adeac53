"""Take a variant back because a measurement says so, without a person being asked."""

import json

from silent_infinity.domain.problems import HttpResponse, ok
from silent_infinity.domain.registry.commands import Action, Command, Refusal
from silent_infinity.domain.registry.demotions import Demoted, Demotion, Outcome
from silent_infinity.domain.registry.life_cycle import REASON_LENGTH
from silent_infinity.domain.registry.view import in_force, is_default
from silent_infinity.domain.variant_categories import EXPERIMENTAL, RETIRED
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.alerts import Alerts
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.variant_store import VariantStore
from silent_infinity.usecases.manage_variants import Applied, ManageVariants, change_key

SUBJECT_DEMOTED = "Silent Infinity: a variant was taken back"
SUBJECT_PERSON_NEEDED = "Silent Infinity: a variant could not be taken back, a person is needed"


class DemoteVariant:
    """Takes variants back to experimental at 0, once for each request, and tells people of it."""

    def __init__(self, *, manage: ManageVariants, store: VariantStore, alerts: Alerts, clock: Clock) -> None:
        self._manage = manage
        self._store = store
        self._alerts = alerts
        self._clock = clock

    def __call__(self, demotion: Demotion) -> Demoted:
        """Take the variant back. What stands there already is a success without a change.

        A variant that cannot be taken back (production without a predecessor, or none of that name) is a
        person's to look at: they are told, and trying again would not help.

        Raises:
            StoreUnavailableError: it is not known whether it was taken back, or nobody could be told. Trying
                again with the same request does what is missing.
        """
        given = self._store.outcome(change_key(demotion.actor, demotion.key))
        if given is None:
            standing = self._standing(demotion)
            if standing is not None and _serves_nobody(standing):
                return self._result(demotion, Outcome.ALREADY)
            if standing is not None and demotion.spares_production and is_default(standing):
                return self._result(demotion, Outcome.COMPARED_WITH)
        try:
            restored = json.loads(self._manage(_command(demotion), demotion.key, _answer).body)["restored"]
        except Refusal as refusal:
            return self._refused(demotion, refusal)
        self._tell(SUBJECT_DEMOTED, demotion, restored=restored or "")
        return self._result(demotion, Outcome.DEMOTED, restored)

    def _refused(self, demotion: Demotion, refusal: Refusal) -> Demoted:
        if refusal.slug == "registry-busy":
            raise StoreUnavailableError(refusal.slug) from None
        if refusal.slug == "idempotency-key-reused":
            # The same request with other words: the first one was carried out.
            return self._result(demotion, Outcome.ALREADY)
        self._tell(SUBJECT_PERSON_NEEDED, demotion, refused=refusal.slug)
        return self._result(demotion, Outcome.PERSON_NEEDED)

    def _standing(self, demotion: Demotion) -> VariantRecord | None:
        found = self._store.snapshot().records.get((demotion.category, demotion.variant_id))
        return None if found is None else in_force(found, self._clock.now())

    def _tell(self, subject: str, demotion: Demotion, **facts: str) -> None:
        # The reason stays in the audit log: what is sent is read in mailboxes.
        identity = {
            "category": demotion.category,
            "variant_id": demotion.variant_id,
            "actor": demotion.actor,
            "request_id": demotion.request_id,
        }
        self._alerts.send(subject, {**identity, **{name: fact for name, fact in facts.items() if fact}})

    @staticmethod
    def _result(demotion: Demotion, outcome: Outcome, restored: str | None = None) -> Demoted:
        return Demoted(demotion.category, demotion.variant_id, outcome, restored)


def _serves_nobody(record: VariantRecord) -> bool:
    if record.status == RETIRED:
        return True
    return record.status == EXPERIMENTAL and record.rollout_percent == 0 and record.pending is None


def _command(demotion: Demotion) -> Command:
    reason = f"Automatic demotion ({demotion.actor}): {' '.join(demotion.reason.split())}"
    return Command(
        action=Action.AUTOMATIC_DEMOTION,
        category=demotion.category,
        variant_id=demotion.variant_id,
        actor=demotion.actor,
        reason=reason[: REASON_LENGTH[1]],
        request_id=demotion.request_id,
    )


def _answer(applied: Applied) -> HttpResponse:
    restored = (
        change.after.variant_id for change in applied.decision.changes if change.action is Action.RESTORE
    )
    return ok({"restored": next(restored, None)})
