"""New items of the tables of turns and feedback, as their streams tell of them."""

from collections.abc import Sequence
from typing import Any

from silent_infinity.adapters.aws.items import from_item
from silent_infinity.adapters.aws.stream_batch import identifiers, name_of
from silent_infinity.domain.lake.arrivals import Arrival, source_of

INSERT = "INSERT"


def arrivals(records: Sequence[Any]) -> list[Arrival]:
    """Return the new items among the records of a stream. It never raises, whatever a record looks like.

    What is changed or deleted later is none of the lake's business: a turn event never changes, and feedback
    that is deleted is deleted in the lake by other ways. The mappings leave such records out already.
    """
    return [arrival for record in records if (arrival := _arrival(record)) is not None]


def _arrival(record: Any) -> Arrival | None:
    facts = identifiers(record)
    try:
        if record["eventName"] != INSERT:
            return None
        keys = record["dynamodb"]["Keys"]
        source = source_of(list(keys))
        if source is not None:
            facts = {**facts, "key": name_of(keys[source.key].get("S"))}
        return Arrival(source, from_item(record["dynamodb"]["NewImage"]), facts)
    except Exception:  # noqa: BLE001 -- a record that cannot be read is the quarantine's, not the shard's
        return Arrival(None, None, facts)
