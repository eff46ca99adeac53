"""Identifiers: time-ordered turn ids, pseudonymous user ids, and the keys of idempotency claims."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID


def uuid7(unix_ms: int, random_bytes: bytes) -> str:
    """Return a version 7 UUID (RFC 9562, section 5.7) as text.

    Args:
        unix_ms: milliseconds since 1970-01-01 UTC, 48 bits; ids sort by it.
        random_bytes: at least 10 bytes; 74 bits of them are used.
    """
    random = int.from_bytes(random_bytes[:10], "big")
    value = (unix_ms & (1 << 48) - 1) << 80
    value |= 0x7 << 76
    value |= (random >> 62 & 0xFFF) << 64
    value |= 0b10 << 62
    value |= random & (1 << 62) - 1
    return str(UUID(int=value))


def uuid4(random_bytes: bytes) -> str:
    """Return a version 4 UUID as text from 16 random bytes."""
    return str(UUID(bytes=random_bytes[:16], version=4))


def user_id_hash(salt: str, subject: str) -> str:
    """Return the pseudonym under which a person is stored: SHA-256 of salt and subject, hexadecimal."""
    return hashlib.sha256(f"{salt}{subject}".encode()).hexdigest()


def canonical(body: Mapping[str, Any]) -> str:
    """Return JSON that is the same whatever the order of the body's keys."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def body_hash(body: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a request body, whatever the order of its keys."""
    return hashlib.sha256(canonical(body).encode("utf-8", "surrogatepass")).hexdigest()
