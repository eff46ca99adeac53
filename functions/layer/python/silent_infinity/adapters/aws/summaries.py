"""Weekly summaries in the conversations' table: the person's own items, beside the sessions they come from.

They carry no attribute of the index by person, so that whoever lists sessions does not find them there.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from silent_infinity.adapters.aws.calls import ConditionFailedError, TransactionCancelledError, call
from silent_infinity.adapters.aws.contention import patiently
from silent_infinity.adapters.aws.conversation_items import session_key
from silent_infinity.adapters.aws.items import Item, from_item, to_item
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.ports.summaries import Summary, SummaryState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SUMMARY_PREFIX: Final = "SUMMARY#"
_PERSON: Final = "user_id_hash"
_LEASE_KEPT_SECONDS: Final = 7 * 86_400
_NAMES: Final = {"#state": "state", "#run": "run"}


class DynamoSummaryStore:
    """A `SummaryStore`."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def hold_week(self, week: str, run: str, now_ms: int, until_ms: int) -> bool:
        lease = {
            "run": run,
            "until_ms": until_ms,
            "expires_at": until_ms // 1000 + _LEASE_KEPT_SECONDS,
        }
        return self._put(
            {**_week_key(week), **to_item(lease)},
            "attribute_not_exists(pk) OR #run = :run OR until_ms < :now",
            {"#run": "run"},
            {":run": run, ":now": now_ms},
        )

    def release_week(self, week: str, run: str) -> None:
        try:
            call(
                self._client.delete_item,
                TableName=self._table,
                Key=_week_key(week),
                ConditionExpression="#run = :run",
                ExpressionAttributeNames={"#run": "run"},
                ExpressionAttributeValues=to_item({":run": run}),
            )
        except ConditionFailedError:
            return

    def claim(self, claim: Summary) -> bool:
        return self._put(
            _item(claim),
            "attribute_not_exists(pk) OR (#state <> :written AND (#run <> :run OR #page = :page))",
            {**_NAMES, "#page": "page"},
            {":written": SummaryState.WRITTEN.value, ":run": claim.run, ":page": claim.page},
        )

    def find(self, user_id_hash: str, week: str) -> Summary | None:
        found = call(
            self._client.get_item,
            TableName=self._table,
            Key=_summary_key(user_id_hash, week),
            ConsistentRead=True,
        )
        return _summary(user_id_hash, from_item(found["Item"])) if "Item" in found else None

    def keep(self, summary: Summary) -> bool:
        claimed = "#state = :due AND #run = :run"
        values = {":due": SummaryState.DUE.value, ":run": summary.run}
        if summary.state is not SummaryState.WRITTEN:
            return self._put(_item(summary), claimed, _NAMES, values)
        operations: list[Any] = [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": _item(summary),
                    "ConditionExpression": claimed,
                    "ExpressionAttributeNames": _NAMES,
                    "ExpressionAttributeValues": to_item(values),
                }
            }
        ]
        operations += [
            {
                "ConditionCheck": {
                    "TableName": self._table,
                    "Key": session_key(session_id),
                    "ConditionExpression": "#deleted = :false AND #posture.#active = :false",
                    "ExpressionAttributeNames": {
                        "#deleted": "deleted",
                        "#posture": "posture",
                        "#active": "active",
                    },
                    "ExpressionAttributeValues": to_item({":false": False}),
                }
            }
            for session_id in summary.session_ids
        ]
        try:
            patiently(lambda: call(self._client.transact_write_items, TransactItems=operations))
        except TransactionCancelledError:
            return False
        return True

    def of_person(self, user_id_hash: str) -> tuple[Summary, ...]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :person AND begins_with(sk, :summaries)",
            ExpressionAttributeValues=to_item(
                {":person": _partition(user_id_hash), ":summaries": SUMMARY_PREFIX}
            ),
            ConsistentRead=True,
        )
        return tuple(
            _summary(user_id_hash, from_item(item))
            for page in call(lambda: list(pages))
            for item in page["Items"]
        )

    def forget_session(self, user_id_hash: str, session_id: str) -> int:
        found = [summary for summary in self.of_person(user_id_hash) if session_id in summary.session_ids]
        for summary in found:
            call(
                self._client.delete_item, TableName=self._table, Key=_summary_key(user_id_hash, summary.week)
            )
        return len(found)

    def _put(self, item: Item, condition: str, names: dict[str, str], values: dict[str, Any]) -> bool:
        def write() -> object:
            return call(
                self._client.put_item,
                TableName=self._table,
                Item=item,
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=to_item(values),
            )

        try:
            patiently(write)
        except ConditionFailedError:
            return False
        return True


def _partition(user_id_hash: str) -> str:
    return f"USER#{user_id_hash}"


def _summary_key(user_id_hash: str, week: str) -> Item:
    return to_item({"pk": _partition(user_id_hash), "sk": f"{SUMMARY_PREFIX}{week}"})


def _week_key(week: str) -> Item:
    return to_item({"pk": f"SYNTHESIS#{week}", "sk": "RUN"})


def _item(summary: Summary) -> Item:
    values = {name: value for name, value in to_payload(summary).items() if name != _PERSON}
    return {**_summary_key(summary.user_id_hash, summary.week), **to_item(values)}


def _summary(user_id_hash: str, values: dict[str, Any]) -> Summary:
    read = from_payload(Summary, {**values, _PERSON: user_id_hash})
    return replace(read, state=SummaryState(read.state))
