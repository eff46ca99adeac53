"""What a deployment puts into the stores before the first turn: variants and prompts."""

from collections.abc import Mapping
from typing import Any, Protocol


class PromptChangedError(RuntimeError):
    """A published version of a prompt has another text. Versions are immutable: publish a new one."""


class SeedStore(Protocol):
    """Writes reference data, and never over what is there. Every method may raise StoreUnavailableError."""

    def put_variant_if_absent(self, row: Mapping[str, Any]) -> bool:
        """Store a row of the initial population; False if the variant is there already."""
        ...

    def publish_prompt(self, template_id: str, version: int, text: str, published_at: str) -> bool:
        """Publish a version of a prompt; False if it is there already with the same text.

        Raises:
            PromptChangedError: it is there with another text.
        """
        ...
