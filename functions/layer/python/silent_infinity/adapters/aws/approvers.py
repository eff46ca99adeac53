"""Approvers as confirmed e-mail subscriptions of an SNS topic, each with a filter policy of its own.

A subscription whose policy is anything but `{"approver": ["<subject>"]}` is nobody's.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from silent_infinity.adapters.aws.calls import call
from silent_infinity.domain.promotion.approval import Approver

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

ATTRIBUTE: Final = "approver"
_MAIL: Final = "email"


class SnsApprovers:
    """An `Approvers` over the topic of approvers."""

    def __init__(self, client: "Callable[[], SNSClient]", topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def confirmed(self) -> Sequence[Approver]:
        return tuple(sorted(set(self._subscribed()), key=lambda one: (one.subject, one.address)))

    def write(self, approver: Approver, subject: str, text: str) -> None:
        call(
            self._client().publish,
            TopicArn=self._topic_arn,
            Subject=subject,
            Message=text,
            MessageAttributes={ATTRIBUTE: {"DataType": "String", "StringValue": approver.subject}},
        )

    def _subscribed(self) -> Iterator[Approver]:
        client = self._client()
        pages = client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self._topic_arn)
        for page in call(lambda: list(pages)):
            for subscription in page["Subscriptions"]:
                arn = subscription["SubscriptionArn"]
                # One that waits for its confirmation, or was deleted, has a word in place of its ARN.
                if subscription["Protocol"] != _MAIL or not arn.startswith("arn:"):
                    continue
                found = call(client.get_subscription_attributes, SubscriptionArn=arn)["Attributes"]
                subject = subject_of(found.get("FilterPolicy", ""), found.get("FilterPolicyScope", ""))
                if subject is not None and found.get("PendingConfirmation", "false") == "false":
                    yield Approver(subject, subscription["Endpoint"])


def subject_of(policy: str, scope: str = "") -> str | None:
    """Return the one subject that a filter policy lets through; None if it is any other policy."""
    try:
        read = json.loads(policy)
    except ValueError:
        return None
    match read:
        case {"approver": [str(subject)]} if len(read) == 1 and subject and scope != "MessageBody":
            return subject
        case _:
            return None
