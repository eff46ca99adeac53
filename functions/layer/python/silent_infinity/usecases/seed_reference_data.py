"""Put the initial variants and the bundled prompts into the stores, and never over what is there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from silent_infinity.ports.clock import Clock
from silent_infinity.ports.seeding import SeedStore


@dataclass(frozen=True, slots=True)
class BundledPrompt:
    """A prompt file as it ships with the code."""

    template_id: str
    version: int
    text: str


@dataclass(frozen=True, slots=True)
class Seeded:
    """How many rows and prompts were new."""

    variants: int
    prompts: int


class SeedReferenceData:
    """Runs with every deployment; what operators changed since the first one stays as they left it."""

    def __init__(
        self,
        *,
        store: SeedStore,
        variants: Iterable[Mapping[str, Any]],
        prompts: Iterable[BundledPrompt],
        clock: Clock,
    ) -> None:
        self._store = store
        self._variants = tuple(variants)
        self._prompts = tuple(prompts)
        self._clock = clock

    def __call__(self) -> Seeded:
        """Seed the stores.

        Raises:
            PromptChangedError: a published version of a prompt has another text than the bundled one.
            StoreUnavailableError: something is left; run it again.
        """
        published_at = self._clock.now().isoformat()
        # Prompts first: a variant must never name a prompt that is not there yet.
        prompts = sum(
            self._store.publish_prompt(prompt.template_id, prompt.version, prompt.text, published_at)
            for prompt in self._prompts
        )
        variants = sum(self._store.put_variant_if_absent(row) for row in self._variants)
        return Seeded(variants=variants, prompts=prompts)
