"""Reference data in memory."""

from threading import Lock

from silent_infinity.domain.audit import AuditEntry
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.seeding import PromptChangedError


class MemorySeedStore:
    """A `SeedStore`. `variants` and `chains` are keyed by category and variant id, `prompts` by template id
    and version. With `fails_after` set, the store is down once that many variants were put.
    """

    def __init__(self) -> None:
        self.variants: dict[tuple[str, str], VariantRecord] = {}
        self.chains: dict[tuple[str, str], list[AuditEntry]] = {}
        self.prompts: dict[tuple[str, int], str] = {}
        self.fails_after: int | None = None
        self._lock = Lock()

    def put_variant_if_absent(self, record: VariantRecord, entry: AuditEntry) -> bool:
        with self._lock:
            if self.fails_after is not None and len(self.variants) >= self.fails_after:
                raise StoreUnavailableError("Unavailable")
            if record.key in self.variants or record.key in self.chains:
                return False
            self.variants[record.key] = record
            self.chains[record.key] = [entry]
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
