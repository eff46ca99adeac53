"""Changes of the registry in DynamoDB: one transaction over rows, audit log, idempotency and promotions."""

from typing import TYPE_CHECKING, Any, Final

from silent_infinity.adapters.aws.calls import ContentionError, TransactionCancelledError, call
from silent_infinity.adapters.aws.items import from_item, to_item
from silent_infinity.adapters.aws.pages import items_of
from silent_infinity.adapters.aws.promotions import promotion_item
from silent_infinity.adapters.aws.registry_items import (
    audit_item,
    registry_key,
    variant_item,
    variant_record,
)
from silent_infinity.adapters.aws.variants import VARIANT_PREFIX
from silent_infinity.domain.payload import PayloadError, from_payload, to_payload
from silent_infinity.domain.registry.commands import PromotionClosed
from silent_infinity.domain.registry.view import is_whole
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.clock import Clock
from silent_infinity.ports.errors import ConflictError
from silent_infinity.ports.variant_store import RegistryWrite, Snapshot, StoredOutcome

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_OUTCOME: Final = "registry_outcome"
"""The `kind` of what is kept under a key of a change, beside the claims of turns."""


class DynamoVariantSnapshots:
    """A `VariantSnapshots`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._variants = table

    def snapshot(self) -> Snapshot:
        # The version first: a change between the two reads then makes the snapshot too old to write with.
        state = call(
            self._client.get_item, TableName=self._variants, Key=registry_key(), ConsistentRead=True
        ).get("Item")
        rows = items_of(self._client.scan, TableName=self._variants, ConsistentRead=True)
        records = [_record(row) for row in rows if row["pk"]["S"].startswith(VARIANT_PREFIX)]
        return Snapshot(
            int(state["version"]["N"]) if state else 0,
            {record.key: record for record in records if record is not None},
        )


class DynamoVariantStore(DynamoVariantSnapshots):
    """A `VariantStore`.

    The item of the registry's state is part of every transaction, so that two changes never pass each other:
    the second one meets the first as contention or as a version that has moved. Either is a conflict, for
    what it decided on is no longer so.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        *,
        clock: Clock,
        variants_table: str,
        audit_table: str,
        promotions_table: str,
        idempotency_table: str,
    ) -> None:
        super().__init__(client, variants_table)
        self._clock = clock
        self._audit = audit_table
        self._promotions = promotions_table
        self._idempotency = idempotency_table

    def apply(self, write: RegistryWrite) -> None:
        operations: list[Any] = [self._state(write.registry_version)]
        operations += [self._row(record) for record in write.records]
        operations += [self._noted(record) for record in write.noted]
        operations += [_put_new(self._audit, audit_item(entry), "pk") for entry in write.entries]
        if write.outcome is not None:
            operations.append(self._outcome(write.outcome))
        if write.promotion is not None:
            operations.append(_put_new(self._promotions, promotion_item(write.promotion), "promotion_id"))
        operations += [self._closed(closed) for closed in write.closed]
        try:
            call(self._client.transact_write_items, TransactItems=operations)
        except (TransactionCancelledError, ContentionError):
            raise ConflictError("registry") from None

    def outcome(self, key: str) -> StoredOutcome | None:
        found = call(
            self._client.get_item,
            TableName=self._idempotency,
            Key=to_item({"claim_key": key}),
            ConsistentRead=True,
        ).get("Item")
        if found is None:
            return None
        stored = from_item(found)
        # DynamoDB removes expired items hours later.
        if stored.get("kind") != _OUTCOME or stored["expires_at"] <= self._now():
            return None
        return from_payload(StoredOutcome, {**stored, "key": key})

    def _state(self, version: int) -> dict[str, Any]:
        item = {**registry_key(), **to_item({"version": version + 1})}
        if version == 0:
            return _put_new(self._variants, item, "pk")
        return _put(self._variants, item, "#version = :read", {"#version": "version"}, {":read": version})

    def _row(self, record: VariantRecord) -> dict[str, Any]:
        item = variant_item(record)
        if record.version == 1:
            return _put_new(self._variants, item, "pk")
        condition = "#version = :read"
        if record.version == 2:
            # Rows from before there were versions have none.
            condition += " OR (attribute_exists(pk) AND attribute_not_exists(#version))"
        values = {":read": record.version - 1}
        return _put(self._variants, item, condition, {"#version": "version"}, values)

    def _noted(self, record: VariantRecord) -> dict[str, Any]:
        # Rows from before there was a log have no count.
        condition = "#count = :read OR (attribute_exists(pk) AND attribute_not_exists(#count))"
        names, values = {"#count": "audit_count"}, {":read": record.audit_count - 1}
        return _put(self._variants, variant_item(record), condition, names, values)

    def _outcome(self, outcome: StoredOutcome) -> dict[str, Any]:
        facts = to_payload(outcome)
        key = facts.pop("key")
        return _put(
            self._idempotency,
            to_item({**facts, "claim_key": key, "kind": _OUTCOME}),
            "attribute_not_exists(claim_key) OR (#kind = :kind AND expires_at <= :now)",
            {"#kind": "kind"},
            {":kind": _OUTCOME, ":now": self._now()},
        )

    def _closed(self, closed: PromotionClosed) -> dict[str, Any]:
        # Without a condition: nothing about a promotion may stand in the way of an undo.
        values = {":status": closed.status, ":at": closed.closed_at, ":by": closed.closed_by}
        return {
            "Update": {
                "TableName": self._promotions,
                "Key": to_item({"promotion_id": closed.promotion_id}),
                "UpdateExpression": "SET #status = :status, closed_at = :at, closed_by = :by",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": to_item(values),
            }
        }

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def _record(row: Any) -> VariantRecord | None:
    """Return the row, or None if it is no variant's: one bad row must not take the others with it.

    As for the turn, a pending change that cannot be read is none: what holds can still be undone.
    """
    for readable in (row, {name: value for name, value in row.items() if name != "pending"}):
        try:
            record = variant_record(readable)
            if is_whole(record):
                return record
        except (PayloadError, TypeError, ValueError, AttributeError):
            continue
    return None


def _put_new(table: str, item: dict[str, Any], key: str) -> dict[str, Any]:
    return {"Put": {"TableName": table, "Item": item, "ConditionExpression": f"attribute_not_exists({key})"}}


def _put(
    table: str, item: dict[str, Any], condition: str, names: dict[str, str], values: dict[str, Any]
) -> dict[str, Any]:
    return {
        "Put": {
            "TableName": table,
            "Item": item,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": to_item(values),
        }
    }
