"""Results of golden sets in DynamoDB, in the table of `approvals`: a variant's lie side by side."""

import json
from typing import TYPE_CHECKING

from silent_infinity.adapters.aws.approvals import variant_partition
from silent_infinity.adapters.aws.calls import call
from silent_infinity.adapters.aws.items import from_item, to_item
from silent_infinity.domain.ids import body_hash, canonical
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.promotion.evidence import GoldenEvidence

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoGoldenResults:
    """A `GoldenResults`. A sort key ends with the hash of its result: two of one moment are both kept."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def put(self, result: GoldenEvidence) -> None:
        facts = to_payload(result)
        key = {
            "pk": variant_partition(result.category, result.variant_id),
            "sk": f"{_prefix(result.suite, result.config_hash)}{result.recorded_at}#{body_hash(facts)}",
        }
        item = to_item({**key, "document": canonical(facts)})
        call(self._client.put_item, TableName=self._table, Item=item)

    def newest(self, category: str, variant_id: str, config_hash: str, suite: str) -> GoldenEvidence | None:
        found = call(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=to_item(
                {":pk": variant_partition(category, variant_id), ":prefix": _prefix(suite, config_hash)}
            ),
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=1,
        )["Items"]
        if not found:
            return None
        return from_payload(GoldenEvidence, json.loads(from_item(found[0])["document"]))


def _prefix(suite: str, config_hash: str) -> str:
    return f"GOLDEN#{suite}#{config_hash}#"
