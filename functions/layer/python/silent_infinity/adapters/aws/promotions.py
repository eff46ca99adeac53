"""Promotions in DynamoDB."""

from typing import TYPE_CHECKING, Any, Final

from silent_infinity.adapters.aws.items import Item, from_item, to_item
from silent_infinity.adapters.aws.log_pages import page_of, start_of
from silent_infinity.adapters.aws.pages import items_of
from silent_infinity.domain.payload import from_payload, to_payload
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
        return PromotionPage(tuple(from_payload(PromotionRequest, from_item(item)) for item in items), more)


def promotion_item(promotion: PromotionRequest) -> Item:
    """Return a promotion as it is stored."""
    return to_item({**to_payload(promotion), "log": _PROMOTIONS})
