"""What a deployment puts into the stores before the first turn: variants and prompts."""

from typing import Protocol

from silent_infinity.domain.audit import AuditEntry
from silent_infinity.domain.variant_records import VariantRecord


class PromptChangedError(RuntimeError):
    """A published version of a prompt has another text. Versions are immutable: publish a new one."""


class SeedStore(Protocol):
    """Writes reference data, and never over what is there. Every method may raise StoreUnavailableError."""

    def put_variant_if_absent(self, record: VariantRecord, entry: AuditEntry) -> bool:
        """Store a variant of the initial population and the first entry of its audit chain: both, or neither.

        Returns False, and leaves everything as it is, if the variant is there already, with a chain or
        without one, or if there is a chain of it.
        """
        ...

    def publish_prompt(self, template_id: str, version: int, text: str, published_at: str) -> bool:
        """Publish a version of a prompt; False if it is there already with the same text.

        Raises:
            PromptChangedError: it is there with another text.
        """
        ...
