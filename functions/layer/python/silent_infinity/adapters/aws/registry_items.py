"""How the registry of variants and its audit log lie in their tables.

| table | pk | sk | holds |
|---|---|---|---|
| Variants | `VARIANT#<category>` | `<variant id>` | a row, its fields as attributes |
| Variants | `REGISTRY` | `STATE` | the registry's `version`, which every change conditions on |
| AuditLog | `VARIANT#<category>#<variant id>` | sequence, ten digits | an entry: `document`, `hash` |

In the audit log's index, `at` is an entry's time with its key behind it, so that no two are the same.
"""

from collections.abc import Mapping
from typing import Any

from silent_infinity.adapters.aws.items import Item, from_item, to_item
from silent_infinity.adapters.aws.variants import VARIANT_PREFIX, row_of
from silent_infinity.domain.audit import AuditEntry
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.variant_records import VariantRecord

AUDIT_LOG = "audit"
"""What all entries have in `log`, the hash key of the index over all of them."""


def variant_key(category: str, variant_id: str) -> Item:
    """Return the key of a variant's row."""
    return to_item({"pk": f"{VARIANT_PREFIX}{category}", "sk": variant_id})


def variant_item(record: VariantRecord) -> Item:
    """Return a row as it is stored: what is None is left out.

    So is an empty `created_at`: no key of an index may be empty.
    """
    facts = {name: value for name, value in to_payload(record).items() if value is not None}
    if not record.created_at:
        del facts["created_at"]
    return {**to_item(facts), **variant_key(*record.key)}


def variant_record(item: Mapping[str, Mapping[str, Any]]) -> VariantRecord:
    """Return the row of an item.

    Raises:
        PayloadError: a field without a default is missing.
    """
    return from_payload(VariantRecord, row_of(item))


def registry_key() -> Item:
    """Return the key of the registry's state."""
    return to_item({"pk": "REGISTRY", "sk": "STATE"})


def variant_partition(category: str, variant_id: str) -> str:
    """Return the partition of what belongs to one variant: its audit chain, its figures."""
    return f"{VARIANT_PREFIX}{category}#{variant_id}"


def audit_item(entry: AuditEntry) -> Item:
    """Return an audit entry as it is stored."""
    pk, sk = variant_partition(entry.category, entry.variant_id), f"{entry.sequence:010}"
    return to_item(
        {
            "pk": pk,
            "sk": sk,
            "log": AUDIT_LOG,
            "at": f"{entry.at}#{pk.removeprefix(VARIANT_PREFIX)}#{sk}",
            "category": entry.category,
            "variant_id": entry.variant_id,
            "sequence": entry.sequence,
            "document": entry.document,
            "hash": entry.hash,
        }
    )


def entry_of(item: Mapping[str, Mapping[str, Any]]) -> AuditEntry:
    """Return the entry of an item: whose it is and its number are read from the key, not from the document.

    What somebody tampered with has to be shown too, so that nothing is required beside the key: what is
    missing is empty, and a number that is none is 0, which no entry has.
    """
    stored = from_item(item)
    category, _, variant_id = str(stored["pk"]).removeprefix(VARIANT_PREFIX).partition("#")
    sequence = str(stored["sk"])
    return AuditEntry(
        category,
        variant_id,
        int(sequence) if sequence.isdecimal() and sequence.isascii() else 0,
        str(stored.get("at", "")).partition("#")[0],
        str(stored.get("document", "")),
        str(stored.get("hash", "")),
    )
