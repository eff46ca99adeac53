"""The documents that promotions are decided on."""

from typing import Protocol

from silent_infinity.domain.promotion.evidence import Evidence, GoldenEvidence


class EvidenceStore(Protocol):
    """Keeps evidence under its hash, for ever the same. Every method may raise StoreUnavailableError."""

    def put(self, evidence: Evidence) -> str:
        """Keep a document, and return its hash. Doing it again changes nothing."""
        ...

    def find(self, promotion_id: str, evidence_hash: str) -> Evidence | None:
        """Return a document; None if there is none, or it does not have this hash."""
        ...


class GoldenResults(Protocol):
    """Keeps results of golden sets. Every method may raise StoreUnavailableError."""

    def put(self, result: GoldenEvidence) -> None:
        """Keep a result beside the earlier ones of its variant."""
        ...

    def newest(self, category: str, variant_id: str, config_hash: str, suite: str) -> GoldenEvidence | None:
        """Return the last result that was recorded of a suite for this configuration."""
        ...
