"""A batch of a DynamoDB stream, worked through record by record, so that none holds up the ones behind it.

Lambda retries a batch that fails as a whole, and a shard waits meanwhile. Bisecting, retry limits and the
failure destination of the event source mapping are the second line, for when the function itself dies; what
a single record raises ends here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from silent_infinity.adapters.aws.items import from_item
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.quarantine import Quarantine

QUARANTINED = "quarantined"
POSTPONED = "postponed"
TURN_NAMES = ("turn_id", "session_id")

_IDENTIFIER = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of a batch. `outcomes` has identifiers and codes of each record, `postponed` the sequence
    numbers from which the stream is to be read again.
    """

    outcomes: tuple[dict[str, str], ...]
    postponed: tuple[str, ...] = ()

    def to_payload(self) -> dict[str, Any]:
        """Return the response of a function whose mapping reports failures of single records."""
        return {"batchItemFailures": [{"itemIdentifier": number} for number in self.postponed]}


class StreamBatch:
    """Hands each new item to `handle`, which returns a code of what became of it.

    A record that `handle` cannot work on is poison: its identifiers go to the quarantine. A store that is
    down is nobody's poison: the record is postponed, and so is one that could not be quarantined. Postponing
    works on AWS; the emulator of the local stack goes on without the record.
    """

    def __init__(
        self,
        handle: Callable[[Mapping[str, Any]], str],
        quarantine: Quarantine,
        names: Sequence[str] = TURN_NAMES,
    ) -> None:
        """Take what works on an item, where poison goes, and the attributes by which an item is known."""
        self._handle = handle
        self._quarantine = quarantine
        self._names = names

    def __call__(self, event: Mapping[str, Any]) -> BatchResult:
        """Work through the batch; it never raises because of a record."""
        outcomes = []
        postponed = []
        for record in event["Records"]:
            facts = identifiers(record, self._names)
            outcome = self._outcome(record, facts)
            if outcome == POSTPONED:
                postponed.append(facts["sequence_number"])
            outcomes.append({**facts, "outcome": outcome})
        return BatchResult(tuple(outcomes), tuple(postponed))

    def _outcome(self, record: Any, facts: dict[str, str]) -> str:
        try:
            return self._handle(from_item(record["dynamodb"]["NewImage"]))
        except StoreUnavailableError:
            return POSTPONED
        except Exception as failure:  # noqa: BLE001 -- one record must not take the shard with it
            return self._quarantined({**facts, "error": type(failure).__name__})

    def _quarantined(self, facts: dict[str, str]) -> str:
        try:
            self._quarantine.put(facts)
        except StoreUnavailableError:
            return POSTPONED
        return QUARANTINED


def identifiers(record: Any, names: Sequence[str] = TURN_NAMES) -> dict[str, str]:
    """Return what names a record, as far as it looks like a name: a broken record may hold anything."""
    change = record.get("dynamodb") if isinstance(record, Mapping) else None
    change = change if isinstance(change, Mapping) else {}
    image = change.get("NewImage")
    image = image if isinstance(image, Mapping) else {}
    return {
        "event_id": name_of(record.get("eventID") if isinstance(record, Mapping) else None),
        "sequence_number": name_of(change.get("SequenceNumber")),
        **{name: _attribute(image, name) for name in names},
    }


def _attribute(image: Mapping[str, Any], name: str) -> str:
    attribute = image.get(name)
    return name_of(attribute.get("S") if isinstance(attribute, Mapping) else None)


def name_of(value: Any) -> str:
    """Return the value if it looks like an identifier, else nothing: a broken record may hold anything."""
    return value if isinstance(value, str) and _IDENTIFIER.fullmatch(value) else ""
