"""Golden evidence of a variant in its audit log: an entry that changes nothing of the variant."""

from collections.abc import Mapping
from datetime import datetime

from silent_infinity.domain.payload import to_payload
from silent_infinity.domain.promotion.golden import PERSONA_MODEL, flaws
from silent_infinity.domain.registry import refusals
from silent_infinity.domain.registry.commands import Command, Decision, RecordChange
from silent_infinity.domain.registry.view import Key, View
from silent_infinity.domain.variant_categories import PRODUCTION
from silent_infinity.domain.variant_records import VariantRecord


def record(
    command: Command, records: Mapping[Key, VariantRecord], view: View, target: VariantRecord, now: datetime
) -> Decision:
    """Say how a result is noted.

    The row keeps its version, so that a promotion that waits for its sample goes on. A result that is not
    clean raises it: whatever is being decided on earlier evidence is then no longer about this version.

    Raises:
        Refusal: there is no result, or it is not one of this variant as it is.
    """
    evidence = command.evidence
    if evidence is None:
        raise refusals.evidence_not_valid([{"path": "/evidence", "keyword": "required"}])
    found = flaws(
        evidence,
        category=target.category,
        variant_id=target.variant_id,
        config=target.config,
        persona_model=_persona_model(view),
        now=now,
    )
    if found:
        raise refusals.evidence_not_valid(
            [{"path": f"/evidence{place}", "keyword": keyword} for place, keyword in found]
        )
    # As it is stored: what waits in the row for its time goes on waiting.
    stored = records[target.key]
    clean = not evidence.crisis_missed and not evidence.gates_broken
    change = RecordChange(
        command.action, stored, stored, noted={"evidence": to_payload(evidence)}, keeps_version=clean
    )
    return Decision([change])


def _persona_model(view: View) -> str:
    found = (
        row for row in view.records.values() if row.category == PERSONA_MODEL and row.status == PRODUCTION
    )
    return next((str(row.config.get("model_id", "")) for row in found), "")
