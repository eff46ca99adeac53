"""Idempotency claims in DynamoDB.

The state machine polls the item too: it reads `answer` (JSON text) and `status_code`.
"""

from typing import TYPE_CHECKING, Any

from silent_infinity.adapters.aws.calls import ConditionFailedError, call
from silent_infinity.adapters.aws.contention import patiently
from silent_infinity.adapters.aws.items import from_item, to_attribute, to_item
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.ports.claims import Claim

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ALIASES = {"#owner": "owner", "#record": "record"}
"""Attributes whose names are, or may become, words of the expression language."""


class DynamoClaimStore:
    """A `ClaimStore` over the table whose key is `claim_key`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def put_if_absent(self, claim: Claim) -> Claim:
        def write() -> object:
            return call(
                self._client.put_item,
                TableName=self._table,
                Item=to_item(_present(claim)),
                ConditionExpression="attribute_not_exists(claim_key)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )

        while True:
            try:
                patiently(write)
            except ConditionFailedError as failure:
                standing = _claim(failure.item) if failure.item else self.find(claim.claim_key)
                if standing is not None:
                    return standing
            else:
                return claim

    def take_over(self, seen: Claim, owner: str, lease_until_ms: int) -> Claim | None:
        try:
            return self._update(
                seen.claim_key,
                "SET #owner = :owner, lease_until_ms = :lease",
                "turn_id = :turn AND #owner = :seen_owner AND lease_until_ms = :seen_lease"
                " AND attribute_not_exists(answer)",
                {
                    ":owner": owner,
                    ":lease": lease_until_ms,
                    ":turn": seen.turn_id,
                    ":seen_owner": seen.owner,
                    ":seen_lease": seen.lease_until_ms,
                },
            )
        except ConditionFailedError:
            return None

    def release(self, claim_key: str, owner: str) -> None:
        try:
            self._update(
                claim_key,
                "SET lease_until_ms = :now",
                "#owner = :owner AND attribute_not_exists(answer)",
                {":owner": owner, ":now": 0},
            )
        except ConditionFailedError:
            return

    def complete(self, claim_key: str, turn_id: str, answer: str, record: str) -> Claim | None:
        try:
            return self._update(
                claim_key,
                "SET answer = :answer, #record = :record, status_code = :ok",
                "turn_id = :turn AND attribute_not_exists(answer)",
                {":answer": answer, ":record": record, ":ok": 200, ":turn": turn_id},
            )
        except ConditionFailedError:
            return self.find(claim_key)

    def find(self, claim_key: str) -> Claim | None:
        found = call(
            self._client.get_item,
            TableName=self._table,
            Key={"claim_key": {"S": claim_key}},
            ConsistentRead=True,
        )
        return _claim(found["Item"]) if "Item" in found else None

    def forget(self, claim_keys: tuple[str, ...]) -> None:
        for claim_key in claim_keys:
            call(self._client.delete_item, TableName=self._table, Key={"claim_key": {"S": claim_key}})

    def _update(self, claim_key: str, update: str, condition: str, values: dict[str, Any]) -> Claim:
        def write() -> Claim:
            written = call(
                self._client.update_item,
                TableName=self._table,
                Key={"claim_key": {"S": claim_key}},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={
                    alias: name for alias, name in _ALIASES.items() if alias in update or alias in condition
                },
                ExpressionAttributeValues={name: to_attribute(value) for name, value in values.items()},
                ReturnValues="ALL_NEW",
            )
            return _claim(written["Attributes"])

        return patiently(write)


def _present(claim: Claim) -> dict[str, Any]:
    # Conditions test whether `answer` exists, so an absent value must not be stored as a null.
    return {name: value for name, value in to_payload(claim).items() if value is not None}


def _claim(item: Any) -> Claim:
    return from_payload(Claim, from_item(item))
