"""Signed links to the page of an approval, one for each approver.

A link is good for one approver, one version of the variant, one document of evidence, and until its end. The
signature is HMAC-SHA256 (RFC 2104) over a JSON array of these, so that no two links have the same bytes.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

APPROVE, REJECT = "approve", "reject"
CHOICES: Final = (APPROVE, REJECT)

_FORM: Final = "silent-infinity/approval-link/1"
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,14}", re.ASCII)
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class ApprovalLink:
    """What a link says. `approver` is the operator's subject; `expires_at` is in epoch seconds."""

    approval_id: str
    approver: str
    variant_version: int
    evidence_hash: str
    expires_at: int


def signature(link: ApprovalLink, key: str) -> str:
    """Return the signature as 43 characters of unpadded base64url."""
    facts = [
        _FORM,
        link.approval_id,
        link.approver,
        link.variant_version,
        link.evidence_hash,
        link.expires_at,
    ]
    message = json.dumps(facts, separators=(",", ":")).encode("ascii")
    digest = hmac.new(key.encode(), message, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def url_of(base: str, link: ApprovalLink, key: str, choice: str = "") -> str:
    """Return the link below the address `base`. `choice` only preselects an answer, and is not signed."""
    query = {
        "a": link.approver,
        "v": link.variant_version,
        "h": link.evidence_hash,
        "e": link.expires_at,
        "s": signature(link, key),
        **({"d": choice} if choice else {}),
    }
    return f"{base.rstrip('/')}/v1/approvals/{quote(link.approval_id, safe='')}?{urlencode(query)}"


def read(approval_id: str, query: Mapping[str, str], key: str) -> ApprovalLink | None:
    """Return what a link says; None if anything about it is not as it was signed."""
    approver, version, evidence_hash, end, signed = (query.get(name) or "" for name in "avhes")
    if not (
        0 < len(approval_id) <= _MOST_NAME
        and 0 < len(approver) <= _MOST_NAME
        and _NUMBER.fullmatch(version)
        and _HASH.fullmatch(evidence_hash)
        and _NUMBER.fullmatch(end)
    ):
        return None
    link = ApprovalLink(approval_id, approver, int(version), evidence_hash, int(end))
    # The texts are compared, not the bytes that they stand for: of the last character two bits say nothing.
    if hmac.compare_digest(signature(link, key).encode(), signed.encode("utf-8", "surrogatepass")):
        return link
    return None
