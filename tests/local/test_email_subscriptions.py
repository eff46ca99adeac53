"""What is sent to subscribers by e-mail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.local.emulator_process import Emulator, start


class Topic:
    """A topic with subscribers by e-mail."""

    def __init__(self, emulator: Emulator, name: str, **attributes: str) -> None:
        self._emulator = emulator
        self.sns = emulator.client("sns")
        self.arn = self.sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]

    def subscribe(self, address: str, **fields: Any) -> str:
        """Subscribe an address; gives what Subscribe answers."""
        made = self.sns.subscribe(TopicArn=self.arn, Protocol="email", Endpoint=address, **fields)
        return str(made["SubscriptionArn"])

    def confirm(self, address: str) -> None:
        """Follow the link of the newest confirmation, as a person does: unsigned."""
        link = [mail["link"] for mail in self.mails(address) if mail["kind"] == "SubscriptionConfirmation"][
            -1
        ]
        answer = self._emulator.request(link)
        assert answer.status == 200, answer.body

    def publish(self, text: str, subject: str = "News", **attributes: str) -> None:
        """Publish a message with string attributes."""
        given = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        self.sns.publish(TopicArn=self.arn, Message=text, Subject=subject, MessageAttributes=given)

    def mails(self, address: str) -> list[dict[str, str]]:
        """What an address received of this topic."""
        found = self._emulator.request(f"{self._emulator.url}/_ministack/sns/emails").json()["emails"]
        return [mail for mail in found if mail["to"] == address and mail["topic"] == self.arn]

    def received(self, address: str) -> list[str]:
        """The first lines of the messages that an address received."""
        return [
            mail["text"].splitlines()[0] for mail in self.mails(address) if mail["kind"] == "Notification"
        ]

    def listed(self) -> list[str]:
        """The ARNs of the subscriptions as they are listed."""
        found = self.sns.list_subscriptions_by_topic(TopicArn=self.arn)["Subscriptions"]
        return [each["SubscriptionArn"] for each in found]


def only(approver: str) -> dict[str, str]:
    """The attributes of a subscription that gets the messages of one approver alone."""
    return {"FilterPolicy": json.dumps({"approver": [approver]})}


def test_the_bare_emulator_confirms_at_once(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and that part of the completion can go."""
    topic = Topic(bare, "mail-bare")

    assert topic.subscribe("a@example.org").startswith(topic.arn)


def test_the_bare_emulator_shows_no_mails(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and that part of the completion can go."""
    assert bare.request(f"{bare.url}/_ministack/sns/emails").status != 200


def test_a_subscription_waits_until_its_link_was_followed(emulator: Emulator) -> None:
    """Nobody is written to who has not asked for it."""
    topic = Topic(emulator, "mail-waits")

    assert topic.subscribe("a@example.org") == "pending confirmation"
    topic.publish("too early")
    assert topic.listed() == ["PendingConfirmation"]
    topic.confirm("a@example.org")
    topic.publish("in time")

    assert topic.received("a@example.org") == ["in time"]
    [arn] = topic.listed()
    attributes = topic.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["PendingConfirmation"] == "false"


def test_the_arn_of_one_that_waits_is_told_to_who_asks_for_it(emulator: Emulator) -> None:
    """By it the command line can take the subscription away again."""
    topic = Topic(emulator, "mail-arn")

    assert topic.subscribe("a@example.org", ReturnSubscriptionArn=True).startswith(topic.arn)


def test_a_message_reaches_those_alone_whose_filter_lets_it_through(emulator: Emulator) -> None:
    """An approver's links are that approver's: another one who got them could click in their name."""
    topic = Topic(emulator, "mail-filter")
    for name in ("ada", "bo"):
        topic.subscribe(f"{name}@example.org", Attributes=only(name))
        topic.confirm(f"{name}@example.org")
    topic.publish("for Ada", approver="ada")
    topic.publish("for Bo", approver="bo")
    topic.publish("for nobody")

    assert topic.received("ada@example.org") == ["for Ada"]
    assert topic.received("bo@example.org") == ["for Bo"]


def test_a_mail_has_sender_subject_and_the_way_out(emulator: Emulator) -> None:
    """It is looked at as a person sees it."""
    topic = Topic(emulator, "mail-shape", DisplayName="Silent Infinity")
    topic.subscribe("a@example.org")
    topic.confirm("a@example.org")
    topic.publish("line 1\nline 2", subject="canary-b: passed")
    [mail] = [mail for mail in topic.mails("a@example.org") if mail["kind"] == "Notification"]

    assert mail["sender"] == "Silent Infinity <no-reply@sns.amazonaws.com>"
    assert mail["subject"] == "canary-b: passed"
    assert mail["text"].startswith("line 1\nline 2\n\n--\n")
    assert mail["link"] in mail["text"]
    assert emulator.request(mail["link"]).status == 200
    assert topic.listed() == []


def test_asking_again_sends_the_link_again(emulator: Emulator) -> None:
    """Confirmation mails get lost."""
    topic = Topic(emulator, "mail-again")
    for _ in range(2):
        assert topic.subscribe("a@example.org", Attributes=only("ada")) == "pending confirmation"

    assert len(topic.mails("a@example.org")) == 2
    assert topic.listed() == ["PendingConfirmation"]


def test_the_same_address_with_another_filter_is_refused(emulator: Emulator) -> None:
    """As on AWS: what was subscribed for one approver does not silently become another's."""
    topic = Topic(emulator, "mail-other")
    topic.subscribe("a@example.org", Attributes=only("ada"))

    with pytest.raises(topic.sns.exceptions.InvalidParameterException):
        topic.subscribe("a@example.org", Attributes=only("bo"))
    assert len(topic.mails("a@example.org")) == 1


def test_a_subscription_of_a_template_waits_too(emulator: Emulator) -> None:
    """People on call are subscribed by the template."""
    topic = Topic(emulator, "mail-template")
    properties = {"TopicArn": topic.arn, "Protocol": "email", "Endpoint": "a@example.org"}
    emulator.deploy(
        "mail-template", {"Subscription": {"Type": "AWS::SNS::Subscription", "Properties": properties}}
    )

    assert topic.listed() == ["PendingConfirmation"]
    topic.confirm("a@example.org")
    topic.publish("in time")
    assert topic.received("a@example.org") == ["in time"]


def test_other_protocols_are_as_before(emulator: Emulator) -> None:
    """Queues do not confirm anything."""
    topic = Topic(emulator, "mail-queue")
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName="mail-queue")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic.sns.subscribe(TopicArn=topic.arn, Protocol="sqs", Endpoint=queue)
    topic.publish("to a queue")

    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"])["Message"] == "to a queue"


def test_mails_outlive_the_process(tmp_path: Path) -> None:
    """A laptop that is closed over night still has the approval's link in the morning."""
    first = start(tmp_path, PERSIST_STATE="1")
    topic = Topic(first, "mail-kept")
    topic.subscribe("a@example.org")
    topic.confirm("a@example.org")
    topic.publish("kept")
    first.stop()
    second = start(tmp_path, PERSIST_STATE="1")
    try:
        again = Topic(second, "mail-kept")
        again.publish("and new")

        assert again.received("a@example.org") == ["kept", "and new"]
    finally:
        second.stop()
