"""Keeping the heads of all audit chains where nobody can change them, once a night."""

from dataclasses import dataclass
from typing import Any

from silent_infinity.domain.audit import Heads
from silent_infinity.domain.payload import to_payload
from silent_infinity.ports.alerts import Alerts
from silent_infinity.ports.audit_log import AuditAnchors
from silent_infinity.ports.clock import Clock
from silent_infinity.usecases.verify_audit import Verification, VerifyAudit

SUBJECT = "Audit log of variants: a history does not hold"


@dataclass(frozen=True, slots=True)
class Anchored:
    """What was kept, and how many flaws were found before. Counts only."""

    at: str
    anchored: int
    entries: int
    unaudited: int
    findings: int

    def to_payload(self) -> dict[str, Any]:
        """Return the fields as JSON."""
        payload: dict[str, Any] = to_payload(self)
        return payload


class AnchorAudit:
    """Checks all histories, keeps the heads of those that hold, and tells people of the others.

    A head that does not hold is not kept: it could be the forger's, and no later check would get past it.
    The anchors from before name the chain as it was.
    """

    def __init__(self, *, verify: VerifyAudit, anchors: AuditAnchors, alerts: Alerts, clock: Clock) -> None:
        self._verify = verify
        self._anchors = anchors
        self._alerts = alerts
        self._clock = clock

    def __call__(self) -> Anchored:
        """Check, anchor and tell.

        Raises:
            StoreUnavailableError: something could not be read, kept or sent. What could be kept is kept.
        """
        at = self._clock.now().isoformat()
        verification = self._verify()
        self._anchors.put(Heads(at, verification.heads))
        if not verification.ok:
            self._alerts.send(SUBJECT, _facts(verification))
        return Anchored(
            at=at,
            anchored=len(verification.heads),
            entries=verification.entries,
            unaudited=len(verification.unaudited),
            findings=len(verification.findings),
        )


def _facts(verification: Verification) -> dict[str, str | int]:
    """Return what people need to look further: how much is wrong, and the first of it."""
    first = verification.findings[0]
    return {
        "findings": len(verification.findings),
        "variants": len({(finding.category, finding.variant_id) for finding in verification.findings}),
        "first_variant": f"{first.category}/{first.variant_id}",
        "first_flaw": first.flaw.value,
        "first_sequence": first.sequence,
        "anchored_until": verification.anchored_until or "never",
    }
