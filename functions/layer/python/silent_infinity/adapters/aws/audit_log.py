"""The audit log of variants in DynamoDB, read."""

from typing import TYPE_CHECKING, Final

from silent_infinity.adapters.aws.items import to_item
from silent_infinity.adapters.aws.log_pages import page_of, start_of
from silent_infinity.adapters.aws.pages import items_of
from silent_infinity.adapters.aws.registry_items import AUDIT_LOG, entry_of, variant_partition
from silent_infinity.ports.audit_log import AuditPage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX: Final = "log-index"
_OF_ALL: Final = ("at", "pk", "sk")


class DynamoAuditLog:
    """An `AuditLog`. A variant's history is read as it is now; the list of all may be a moment behind."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def history(
        self, category: str, variant_id: str, *, limit: int = 1000, cursor: str | None = None
    ) -> AuditPage:
        partition = variant_partition(category, variant_id)
        found = items_of(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": partition}),
            ConsistentRead=True,
            Limit=limit + 1,
            **start_of(partition, cursor, ("sk",), pk=partition),
        )
        items, more = page_of(partition, found, limit, ("sk",))
        return AuditPage(tuple(entry_of(item) for item in items), more)

    def recent(self, *, limit: int, cursor: str | None = None) -> AuditPage:
        found = items_of(
            self._client.query,
            TableName=self._table,
            IndexName=INDEX,
            KeyConditionExpression="#log = :log",
            ExpressionAttributeNames={"#log": "log"},
            ExpressionAttributeValues=to_item({":log": AUDIT_LOG}),
            ScanIndexForward=False,
            Limit=limit + 1,
            **start_of(AUDIT_LOG, cursor, _OF_ALL, log=AUDIT_LOG),
        )
        items, more = page_of(AUDIT_LOG, found, limit, _OF_ALL)
        return AuditPage(tuple(entry_of(item) for item in items), more)
