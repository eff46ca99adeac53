"""Results of golden sets in memory."""

import json

from silent_infinity.domain.ids import canonical
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.promotion.evidence import GoldenEvidence
from silent_infinity.ports.errors import StoreUnavailableError


class MemoryGoldenResults:
    """A `GoldenResults`. While `unavailable`, calls fail."""

    def __init__(self) -> None:
        self.unavailable = False
        self._documents: set[str] = set()

    def put(self, result: GoldenEvidence) -> None:
        self._check()
        self._documents.add(canonical(to_payload(result)))

    def newest(self, category: str, variant_id: str, config_hash: str, suite: str) -> GoldenEvidence | None:
        self._check()
        kept = (from_payload(GoldenEvidence, json.loads(document)) for document in self._documents)
        wanted = (category, variant_id, config_hash, suite)
        found = [
            result
            for result in kept
            if (result.category, result.variant_id, result.config_hash, result.suite) == wanted
        ]
        return max(found, key=lambda result: result.recorded_at, default=None)

    def _check(self) -> None:
        if self.unavailable:
            raise StoreUnavailableError("Unavailable")
