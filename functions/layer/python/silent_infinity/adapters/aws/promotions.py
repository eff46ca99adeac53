"""Promotions in DynamoDB."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from silent_infinity.adapters.aws.calls import ConditionFailedError, call
from silent_infinity.adapters.aws.items import Item, from_item, to_item
from silent_infinity.adapters.aws.log_pages import page_of, start_of
from silent_infinity.adapters.aws.pages import items_of
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.promotion.outcomes import OPEN
from silent_infinity.domain.registry.commands import PromotionRequest
from silent_infinity.ports.promotions import PromotionPage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX: Final = "log-index"
_PROMOTIONS: Final = "promotions"
_PLACE: Final = ("requested_at", "promotion_id")
_LEAST_READ: Final = 100
"""Items of a page of DynamoDB: a filter is applied after a page is read."""


class DynamoPromotions:
    """A `Promotions`. The list may be a moment behind."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def find(self, promotion_id: str) -> PromotionRequest | None:
        found = call(
            self._client.get_item, TableName=self._table, Key=_key(promotion_id), ConsistentRead=True
        ).get("Item")
        return None if found is None or "category" not in found else _promotion(found)

    def take(self, promotion_id: str, execution: str) -> bool:
        # Items from before executions were noted have no such attribute.
        free = "(attribute_not_exists(#noted) OR #noted IN (:none, :value))"
        return self._note(promotion_id, "execution", execution, free, {":none": ""})

    def note_evidence(self, promotion_id: str, evidence_hash: str) -> None:
        self._note(promotion_id, "evidence_hash", evidence_hash)

    def _note(
        self,
        promotion_id: str,
        name: str,
        value: str,
        condition: str = "attribute_exists(promotion_id)",
        more: dict[str, str] | None = None,
    ) -> bool:
        """Set an attribute of an open promotion. False if it is none, or not as the condition wants it."""
        try:
            call(
                self._client.update_item,
                TableName=self._table,
                Key=_key(promotion_id),
                UpdateExpression="SET #noted = :value",
                ConditionExpression=f"#status = :open AND {condition}",
                ExpressionAttributeNames={"#noted": name, "#status": "status"},
                ExpressionAttributeValues=to_item({":value": value, ":open": OPEN, **(more or {})}),
            )
        except ConditionFailedError:
            return False
        return True

    def of_variant(self, category: str, variant_id: str, since: str) -> Sequence[PromotionRequest]:
        found = items_of(
            self._client.query,
            TableName=self._table,
            IndexName=INDEX,
            KeyConditionExpression="#log = :log AND requested_at >= :since",
            FilterExpression="category = :category AND variant_id = :variant",
            ScanIndexForward=False,
            ExpressionAttributeNames={"#log": "log"},
            ExpressionAttributeValues=to_item(
                {":log": _PROMOTIONS, ":since": since, ":category": category, ":variant": variant_id}
            ),
        )
        return tuple(map(_promotion, found))

    def newest(
        self, *, status: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> PromotionPage:
        request: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": INDEX,
            "KeyConditionExpression": "#log = :log",
            "ScanIndexForward": False,
            "Limit": max(limit + 1, _LEAST_READ),
            **start_of(_PROMOTIONS, cursor, _PLACE, log=_PROMOTIONS),
        }
        names, values = {"#log": "log"}, {":log": _PROMOTIONS}
        if status is not None:
            request["FilterExpression"] = "#status = :status"
            names["#status"], values[":status"] = "status", status
        found = items_of(
            self._client.query,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=to_item(values),
            **request,
        )
        items, more = page_of(_PROMOTIONS, found, limit, _PLACE)
        return PromotionPage(tuple(map(_promotion, items)), more)


def promotion_item(promotion: PromotionRequest) -> Item:
    """Return a promotion as it is stored."""
    return to_item({**to_payload(promotion), "log": _PROMOTIONS})


def _promotion(item: Item) -> PromotionRequest:
    return from_payload(PromotionRequest, from_item(item))


def _key(promotion_id: str) -> Item:
    return to_item({"promotion_id": promotion_id})
