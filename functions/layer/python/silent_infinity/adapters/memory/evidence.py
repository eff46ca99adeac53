"""Evidence in memory."""

import json

from silent_infinity.domain.ids import canonical
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.promotion.evidence import Evidence
from silent_infinity.ports.errors import StoreUnavailableError


class MemoryEvidence:
    """An `EvidenceStore`. `documents` are texts by promotion and hash; while `unavailable`, calls fail."""

    def __init__(self) -> None:
        self.documents: dict[tuple[str, str], str] = {}
        self.unavailable = False

    def put(self, evidence: Evidence) -> str:
        self._check()
        evidence_hash = evidence.hash
        self.documents[evidence.promotion_id, evidence_hash] = canonical(to_payload(evidence))
        return evidence_hash

    def find(self, promotion_id: str, evidence_hash: str) -> Evidence | None:
        self._check()
        document = self.documents.get((promotion_id, evidence_hash))
        return None if document is None else from_payload(Evidence, json.loads(document))

    def _check(self) -> None:
        if self.unavailable:
            raise StoreUnavailableError("Unavailable")
