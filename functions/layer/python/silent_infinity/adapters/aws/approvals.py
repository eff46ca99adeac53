"""Approvals in DynamoDB, beside the evidence of their promotion and the golden results of variants.

The table's keys are `pk` and `sk`:

| item | pk | sk |
| --- | --- | --- |
| approval | `PROMOTION#<promotion_id>` | `APPROVAL` |
| evidence | `PROMOTION#<promotion_id>` | `EVIDENCE#<hash>` |
| result of a golden set | `VARIANT#<category>#<variant_id>` | `GOLDEN#<suite>#<config_hash>#<recorded_at>` |

The index `untold-index` (`untold`, `opened_at`; keys only, so that no token is copied) holds approvals whose
execution has to be told: `untold` is there from the decision until then. `expires_at` is when DynamoDB may
remove an item, which only approvals have.
"""

import secrets
from typing import TYPE_CHECKING, Any, Final

from silent_infinity.adapters.aws.calls import ConditionFailedError, call
from silent_infinity.adapters.aws.contention import patiently
from silent_infinity.adapters.aws.items import Item, from_item, to_item
from silent_infinity.adapters.aws.pages import items_of
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.domain.promotion.approval import OVER, PENDING, Approval, Decided
from silent_infinity.ports.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

INDEX: Final = "untold-index"
KEPT_SECONDS: Final = 400 * 86_400
"""How long an approval is kept after its links are dead; the audit log keeps the decisions for ever."""

_LINKS_END: Final = "links_expire_at"
_UNTOLD: Final = "approvals"
_MOST_UNTOLD: Final = 100


class DynamoApprovals:
    """An `Approvals`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def open(self, approval: Approval, task_token: str) -> Approval:
        item = {**_item(approval), **to_item({"task_token": task_token})}
        try:
            patiently(
                lambda: call(
                    self._client.put_item,
                    TableName=self._table,
                    Item=item,
                    ConditionExpression="attribute_not_exists(pk)",
                )
            )
        except ConditionFailedError:
            pending = "#status = :pending"
            values = {":token": task_token, ":pending": PENDING}
            standing = self._changed(approval.approval_id, "SET task_token = :token", pending, values)
            return standing or self._standing(approval.approval_id)
        return approval

    def find(self, approval_id: str) -> Approval | None:
        found = self._read(approval_id)
        return None if found is None else _approval(found)

    def asked(self, approval_id: str, approver: str) -> None:
        self._changed(
            approval_id,
            "SET asked = list_append(asked, :asked)",
            "attribute_exists(pk) AND NOT contains(asked, :approver)",
            {":asked": [approver], ":approver": approver},
        )

    def decide(self, approval_id: str, decided: Decided, before: Approval, status: str) -> Approval:
        values: dict[str, Any] = {
            ":decided": [to_payload(decided)],
            ":status": status,
            ":pending": PENDING,
            ":count": len(before.decisions),
            ":click": secrets.token_hex(16),
        }
        update = "SET decisions = list_append(decisions, :decided), #status = :status, last_click = :click"
        if status != PENDING:
            update += ", untold = :untold"
            values[":untold"] = _UNTOLD
        as_seen = "#status = :pending AND size(decisions) = :count"
        after = self._changed(approval_id, update, as_seen, values)
        if after is None:
            # The client tries again if an answer got lost, and meets what it has written itself.
            found = self._read(approval_id) or {}
            if found.get("last_click") != values[":click"]:
                raise ConflictError("approval")
            after = _approval(found)
        return after

    def end(self, approval_id: str) -> Approval | None:
        ended = self._changed(
            approval_id,
            "SET #status = :over, untold = :untold",
            "#status = :pending",
            {":over": OVER, ":untold": _UNTOLD, ":pending": PENDING},
        )
        return ended or self.find(approval_id)

    def task_token(self, approval_id: str) -> str | None:
        return (self._read(approval_id) or {}).get("task_token")

    def delivered(self, approval_id: str) -> None:
        self._changed(
            approval_id,
            "SET delivered = :true REMOVE task_token, untold",
            "attribute_exists(pk)",
            {":true": True},
        )

    def undelivered(self) -> "Sequence[Approval]":
        found = items_of(
            self._client.query,
            TableName=self._table,
            IndexName=INDEX,
            KeyConditionExpression="untold = :untold",
            ExpressionAttributeValues=to_item({":untold": _UNTOLD}),
            Limit=_MOST_UNTOLD,
        )
        read = (self.find(approval_of(from_item(item))) for item in found)
        return tuple(one for one in read if one is not None and not one.delivered and one.status != PENDING)

    def _standing(self, approval_id: str) -> Approval:
        standing = self.find(approval_id)
        if standing is None:
            raise ConflictError("approval")
        return standing

    def _read(self, approval_id: str) -> dict[str, Any] | None:
        found = call(
            self._client.get_item, TableName=self._table, Key=approval_key(approval_id), ConsistentRead=True
        )
        return from_item(found["Item"]) if "Item" in found else None

    def _changed(
        self, approval_id: str, update: str, condition: str, values: dict[str, Any]
    ) -> Approval | None:
        """Return the approval after the change; None if the condition did not hold."""
        request: dict[str, Any] = {"UpdateExpression": update, "ConditionExpression": condition}
        if "#status" in update + condition:
            request["ExpressionAttributeNames"] = {"#status": "status"}
        change: Any = self._client.update_item
        try:
            written = patiently(
                lambda: call(
                    change,
                    TableName=self._table,
                    Key=approval_key(approval_id),
                    ExpressionAttributeValues=to_item(values),
                    ReturnValues="ALL_NEW",
                    **request,
                )
            )
        except ConditionFailedError:
            return None
        return _approval(from_item(written["Attributes"]))


def promotion_partition(promotion_id: str) -> str:
    """Return the partition of a promotion's approval and evidence."""
    return f"PROMOTION#{promotion_id}"


def variant_partition(category: str, variant_id: str) -> str:
    """Return the partition of a variant's golden results."""
    return f"VARIANT#{category}#{variant_id}"


def approval_key(approval_id: str) -> Item:
    """Return the key of an approval, whose id is that of its promotion."""
    return to_item({"pk": promotion_partition(approval_id), "sk": "APPROVAL"})


def approval_of(key: dict[str, Any]) -> str:
    """Return the id of the approval that has a key."""
    return str(key["pk"]).partition("#")[2]


def _item(approval: Approval) -> Item:
    values = {
        **to_payload(approval),
        _LINKS_END: approval.expires_at,
        "expires_at": approval.expires_at + KEPT_SECONDS,
    }
    return {**approval_key(approval.approval_id), **to_item(values)}


def _approval(values: dict[str, Any]) -> Approval:
    return from_payload(Approval, {**values, "expires_at": values[_LINKS_END]})
