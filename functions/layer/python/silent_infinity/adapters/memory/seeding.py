"""Reference data in memory."""

from collections.abc import Mapping
from threading import Lock
from typing import Any

from silent_infinity.ports.seeding import PromptChangedError


class MemorySeedStore:
    """A `SeedStore`. `variants` is keyed by category and variant id, `prompts` by template id and version."""

    def __init__(self) -> None:
        self.variants: dict[tuple[str, str], dict[str, Any]] = {}
        self.prompts: dict[tuple[str, int], str] = {}
        self._lock = Lock()

    def put_variant_if_absent(self, row: Mapping[str, Any]) -> bool:
        key = row["category"], row["variant_id"]
        with self._lock:
            if key in self.variants:
                return False
            self.variants[key] = dict(row)
            return True

    def publish_prompt(self, template_id: str, version: int, text: str, published_at: str) -> bool:
        key = template_id, version
        with self._lock:
            if key not in self.prompts:
                self.prompts[key] = text
                return True
            if self.prompts[key] != text:
                raise PromptChangedError(f"{template_id} version {version}")
            return False
