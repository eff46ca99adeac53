"""Evidence in DynamoDB: the text that was hashed, under its hash, in the table of approvals."""

import hashlib
import json
from typing import TYPE_CHECKING

from silent_infinity.adapters.aws.approvals import promotion_partition
from silent_infinity.adapters.aws.calls import call
from silent_infinity.adapters.aws.items import Item, from_item, to_item
from silent_infinity.domain.ids import canonical
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.promotion.evidence import Evidence

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoEvidence:
    """An `EvidenceStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def put(self, evidence: Evidence) -> str:
        evidence_hash = evidence.hash
        document = canonical(to_payload(evidence))
        key = _key(evidence.promotion_id, evidence_hash)
        call(self._client.put_item, TableName=self._table, Item={**key, **to_item({"document": document})})
        return evidence_hash

    def find(self, promotion_id: str, evidence_hash: str) -> Evidence | None:
        found = call(
            self._client.get_item,
            TableName=self._table,
            Key=_key(promotion_id, evidence_hash),
            ConsistentRead=True,
        )
        if "Item" not in found:
            return None
        document = str(from_item(found["Item"])["document"])
        # Read numbers may be written differently: the hash is of the text, not of what it is read as.
        if hashlib.sha256(document.encode()).hexdigest() != evidence_hash:
            return None
        return from_payload(Evidence, json.loads(document))


def _key(promotion_id: str, evidence_hash: str) -> Item:
    return to_item({"pk": promotion_partition(promotion_id), "sk": f"EVIDENCE#{evidence_hash}"})
