"""The audit log of variants: a chain of hashes for each, in which nothing can be changed unseen.

An entry's hash is the SHA-256 of its document, which holds the hash of the entry before it. The document is
kept as the text that was hashed: numbers that a store writes in another form would give another hash.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CHAIN_VERSION = 1
GENESIS = "0" * 64
"""What the first entry of a chain names as the hash before it."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry. `sequence` counts a variant's entries from 1; `document` is JSON text; `hash` is its SHA-256
    in hexadecimal.
    """

    category: str
    variant_id: str
    sequence: int
    at: str
    document: str
    hash: str

    @property
    def facts(self) -> dict[str, Any]:
        """What the document says: `sequence`, `at`, `actor`, `action`, `reason`, `request_id`, `before`,
        `after`, `effective_at`, `previous_hash`, `chain_version`, `category`, `variant_id`.
        """
        found: dict[str, Any] = json.loads(self.document)
        return found


@dataclass(frozen=True, slots=True)
class Heads:
    """The heads of all chains at one time: `CATEGORY/variant_id` to length and last hash."""

    at: str
    heads: Mapping[str, tuple[int, str]]


def audit_entry(
    *,
    category: str,
    variant_id: str,
    sequence: int,
    previous_hash: str,
    at: str,
    actor: str,
    action: str,
    reason: str,
    request_id: str,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    effective_at: str | None = None,
) -> AuditEntry:
    """Make the entry that follows the one with `previous_hash` (`GENESIS` for the first)."""
    document = json.dumps(
        {
            "chain_version": CHAIN_VERSION,
            "category": category,
            "variant_id": variant_id,
            "sequence": sequence,
            "previous_hash": previous_hash,
            "at": at,
            "actor": actor,
            "action": action,
            "reason": reason,
            "request_id": request_id,
            "before": before,
            "after": after,
            "effective_at": effective_at,
        },
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    return AuditEntry(category, variant_id, sequence, at, document, digest(document))


def digest(document: str) -> str:
    """Return the hash of a document."""
    return hashlib.sha256(document.encode()).hexdigest()
