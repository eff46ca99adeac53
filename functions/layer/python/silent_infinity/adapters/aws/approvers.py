"""Approvers as confirmed e-mail subscriptions of an SNS topic, each with a filter policy of its own.

A subscription whose policy is anything but `{"approver": ["<subject>"]}` is nobody's. Whatever else a message
to an approver would reach counts as a mailbox of theirs, be it a queue or a subscription without a policy:
whoever has two is asked nothing, so that nobody holds the link of somebody else.
"""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from silent_infinity.adapters.aws.calls import call
from silent_infinity.domain.promotion.approval import Approver

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

ATTRIBUTE: Final = "approver"
_MAIL: Final = "email"
_MATCHERS = (dict, list)
"""What a filter policy has beside plain values: prefixes, anything but, and their like."""


@dataclass(frozen=True, slots=True)
class _Subscription:
    """Where messages go. `subject` is whose it is; `hears` are those whose messages reach it (None: all)."""

    endpoint: str
    subject: str | None
    hears: Collection[str] | None


class SnsApprovers:
    """An `Approvers` over the topic of approvers."""

    def __init__(self, client: "Callable[[], SNSClient]", topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def confirmed(self) -> Sequence[Approver]:
        there = list(self._subscribed())
        subjects = {one.subject for one in there if one.subject is not None}
        found = {
            Approver(subject, one.endpoint)
            for one in there
            for subject in subjects
            if one.hears is None or subject in one.hears
        }
        return tuple(sorted(found, key=lambda one: (one.subject, one.address)))

    def write(self, approver: Approver, subject: str, text: str) -> None:
        call(
            self._client().publish,
            TopicArn=self._topic_arn,
            Subject=subject,
            Message=text,
            MessageAttributes={ATTRIBUTE: {"DataType": "String", "StringValue": approver.subject}},
        )

    def _subscribed(self) -> Iterator[_Subscription]:
        client = self._client()
        pages = client.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self._topic_arn)
        for page in call(lambda: list(pages)):
            for subscription in page["Subscriptions"]:
                arn = subscription["SubscriptionArn"]
                # One that waits for its confirmation, or was deleted, has a word in place of its ARN.
                if not arn.startswith("arn:"):
                    continue
                found = call(client.get_subscription_attributes, SubscriptionArn=arn)["Attributes"]
                if found.get("PendingConfirmation", "false") != "false":
                    continue
                policy = found.get("FilterPolicy", ""), found.get("FilterPolicyScope", "")
                mail = subscription["Protocol"] == _MAIL
                yield _Subscription(
                    subscription["Endpoint"], subject_of(*policy) if mail else None, heard_by(*policy)
                )


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


def heard_by(policy: str, scope: str = "") -> Collection[str] | None:
    """Return the subjects whose messages a filter policy may let through; None if it may be anybody's."""
    if scope == "MessageBody":
        # Messages are plain text, and a policy on the body lets through JSON alone.
        return ()
    try:
        read = json.loads(policy)
    except ValueError:
        return None
    match read:
        case {"approver": list(values)} if not any(isinstance(one, _MATCHERS) for one in values):
            return frozenset(map(str, values))
        case _:
            return None
