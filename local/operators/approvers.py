"""Who approves promotions: operators whose mailbox is subscribed to the topic of approvers for them alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local.tools.errors import LocalError
from local.tools.locations import with_layer

GROUP = "admin"
PROTOCOL = "email"
APPROVES = "approves"
WAITS = "waits for its confirmation"
NO_OPERATOR = "is no operator any more: remove it"
TWO_MAILBOXES = "has two mailboxes, so neither counts: remove one"
OTHER_FILTER = "is no approver's and keeps from being asked whose messages it gets: remove it"
WAITING_ENDS = "One that nobody confirms ends by itself, on AWS after two days."


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A subscription. `subject` is the operator's, empty where it is not known; `arn` likewise.

    `state` is one of the constants of this module.
    """

    address: str
    subject: str
    arn: str
    state: str


@dataclass(frozen=True, kw_only=True)
class ApproverSubscriptions:
    """The subscriptions of an environment's topic of approvers, and the pool of its operators.

    The clients are boto3's. On AWS a subscription that waits for its confirmation can neither be looked into
    nor be taken away.
    """

    sns: Any
    cognito: Any
    topic_arn: str
    pool_id: str

    def mailboxes(self) -> Sequence[Mailbox]:
        """Every subscription, by address."""
        operators = self._operators()
        read = sorted(self._read())
        confirmed = Counter(subject for _, subject, arn in read if arn and subject)
        found = []
        for address, subject, arn in read:
            state = APPROVES
            if not arn:
                state = WAITS
            elif not subject:
                state = OTHER_FILTER
            elif subject not in operators:
                state = NO_OPERATOR
            elif confirmed[subject] > 1:
                state = TWO_MAILBOXES
            found.append(Mailbox(address, subject, arn, state))
        return found

    def add(self, address: str) -> Sequence[str]:
        """Subscribe an operator's mailbox for messages to that operator alone.

        Returns:
            The addresses of earlier mailboxes of the operator, which were taken away; the address itself if
            it was subscribed for somebody else.

        Raises:
            LocalError: there is no such operator; they are an approver already; or another subscription of
                the address still waits.
        """
        subject = self._subject_of(address)
        old = [each for each in self.mailboxes() if each.arn and _belongs(each, address, subject)]
        if [(each.address.lower(), each.state) for each in old] == [(address.lower(), APPROVES)]:
            raise LocalError(f"{address} is an approver already.", "")
        for each in old:
            self.sns.unsubscribe(SubscriptionArn=each.arn)
        try:
            self.sns.subscribe(
                TopicArn=self.topic_arn,
                Protocol=PROTOCOL,
                Endpoint=address,
                Attributes={"FilterPolicy": json.dumps({"approver": [subject]})},
            )
        except self.sns.exceptions.InvalidParameterException as error:
            raise LocalError(
                f"Another subscription of {address} waits for its confirmation.", WAITING_ENDS
            ) from error
        return [each.address for each in old]

    def confirm(self, link: str) -> None:
        """Confirm a mailbox by the link that it was sent, so that it can be taken away here only.

        Whoever follows the link without a signature leaves the mails' own link, by which anybody who has
        one, a scanner of mails too, ends the subscription.

        Raises:
            LocalError: the link is none of this topic's, or was used, or is too old.
        """
        query = parse_qs(urlsplit(link).query)
        [topic], [token] = query.get("TopicArn", [""]), query.get("Token", [""])
        if topic != self.topic_arn or not token:
            raise LocalError("That is no link of this environment's approvers.", "Copy the whole line.")
        try:
            self.sns.confirm_subscription(TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true")
        except self.sns.exceptions.InvalidParameterException as error:
            raise LocalError(
                "The link was used, or is too old.",
                "`./run admin approvers list` tells; else add them again.",
            ) from error

    def remove(self, address: str) -> None:
        """Take a mailbox away.

        Raises:
            LocalError: it is not subscribed, or only waits.
        """
        found = [each for each in self.mailboxes() if each.address.lower() == address.lower()]
        if not found:
            raise LocalError(
                f"{address} is not subscribed.", "`./run admin approvers list` shows who is an approver."
            )
        if not any(each.arn for each in found):
            raise LocalError(f"{address} still waits for its confirmation.", WAITING_ENDS)
        for each in found:
            if each.arn:
                self.sns.unsubscribe(SubscriptionArn=each.arn)

    def _operators(self) -> Mapping[str, str]:
        """Subject to address, in lower case, of everybody who may change variants."""
        pages = self.cognito.get_paginator("list_users_in_group").paginate(
            UserPoolId=self.pool_id, GroupName=GROUP
        )
        found = {}
        for user in (user for page in pages for user in page["Users"] if user.get("Enabled", True)):
            attributes = {one["Name"]: one["Value"] for one in user["Attributes"]}
            found[attributes["sub"]] = attributes.get("email", "").lower()
        return found

    def _subject_of(self, address: str) -> str:
        for subject, known in self._operators().items():
            if known == address.lower():
                return subject
        raise LocalError(
            f"No operator of the group {GROUP} has the address {address}.",
            "Who approves has to be an operator: see docs/operations.md, Operators.",
        )

    def _read(self) -> Iterator[tuple[str, str, str]]:
        """Address, subject and ARN of each subscription."""
        with_layer()
        from silent_infinity.adapters.aws.approvers import subject_of

        pages = self.sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self.topic_arn)
        for one in (one for page in pages for one in page["Subscriptions"]):
            # A word stands in place of the ARN of one that waits.
            arn = one["SubscriptionArn"] if one["SubscriptionArn"].startswith("arn:") else ""
            subject = None
            if arn and one["Protocol"] == PROTOCOL:
                attributes = self.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
                subject = subject_of(
                    attributes.get("FilterPolicy", ""), attributes.get("FilterPolicyScope", "")
                )
            yield one["Endpoint"], subject or "", arn


def _belongs(mailbox: Mailbox, address: str, subject: str) -> bool:
    return mailbox.subject == subject or mailbox.address.lower() == address.lower()
