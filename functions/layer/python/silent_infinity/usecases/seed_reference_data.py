"""Put the initial variants and the bundled prompts into the stores, and never over what is there."""

from collections.abc import Iterable
from dataclasses import dataclass

from silent_infinity.domain.registry.commands import Action, RecordChange
from silent_infinity.domain.registry.recording import recorded
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.seeding import SeedStore

ACTOR = "system:initial-population"
REASON = "Initial population"


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
        variants: Iterable[VariantRecord],
        prompts: Iterable[BundledPrompt],
        clock: Clock,
    ) -> None:
        self._store = store
        self._variants = tuple(variants)
        self._prompts = tuple(prompts)
        self._clock = clock

    def __call__(self, request_id: str) -> Seeded:
        """Seed the stores. `request_id` is what the audit entries name, so that they lead to the deployment.

        Raises:
            PromptChangedError: a published version of a prompt has another text than the bundled one.
            StoreUnavailableError: something is left; run it again.
        """
        now = self._clock.now().isoformat()
        # Prompts first: a variant must never name a prompt that is not there yet.
        prompts = sum(
            self._store.publish_prompt(prompt.template_id, prompt.version, prompt.text, now)
            for prompt in self._prompts
        )
        variants = sum(self._create(record, now, request_id) for record in self._variants)
        return Seeded(variants=variants, prompts=prompts)

    def _create(self, record: VariantRecord, now: str, request_id: str) -> bool:
        change = RecordChange(Action.CREATE, None, record)
        row, entry = recorded(change, at=now, actor=ACTOR, reason=REASON, request_id=request_id)
        return self._store.put_variant_if_absent(row, entry)
