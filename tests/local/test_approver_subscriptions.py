"""Who approves promotions: what the command line makes of the subscriptions of a topic."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from local.cli import admin_approvers
from local.cli.__main__ import build_parser
from local.operators.approvers import (
    APPROVES,
    NO_OPERATOR,
    OTHER_FILTER,
    TWO_MAILBOXES,
    WAITS,
    ApproverSubscriptions,
)
from local.stack.mails import follow, received
from local.tools.errors import LocalError
from silent_infinity.adapters.aws.approvers import SnsApprovers
from tests.local.emulator_process import Emulator

ADA, BO = "ada@example.com", "bo@example.com"


class World:
    """A pool with the operators Ada and Bo, and a topic of approvers."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.cognito, self.sns = emulator.client("cognito-idp"), emulator.client("sns")
        self.pool_id = self.cognito.create_user_pool(PoolName="operators", UsernameAttributes=["email"])[
            "UserPool"
        ]["Id"]
        self.cognito.create_group(UserPoolId=self.pool_id, GroupName="admin")
        self.topic_arn = self.sns.create_topic(Name=f"approvers-{uuid4().hex}")["TopicArn"]
        self.subjects = {address: self.operator(address) for address in (ADA, BO)}
        self.approvers = ApproverSubscriptions(
            sns=self.sns, cognito=self.cognito, topic_arn=self.topic_arn, pool_id=self.pool_id
        )

    def operator(self, address: str, *, group: bool = True) -> str:
        """Make an operator; gives the subject."""
        user = self.cognito.admin_create_user(
            UserPoolId=self.pool_id,
            Username=address,
            UserAttributes=[{"Name": "email", "Value": address}],
        )["User"]
        if group:
            self.cognito.admin_add_user_to_group(UserPoolId=self.pool_id, Username=address, GroupName="admin")
        return next(str(one["Value"]) for one in user["Attributes"] if one["Name"] == "sub")

    def subscribe(self, address: str, policy: dict[str, Any]) -> None:
        """Subscribe and confirm, past the command line."""
        self.sns.subscribe(
            TopicArn=self.topic_arn,
            Protocol="email",
            Endpoint=address,
            Attributes={"FilterPolicy": json.dumps(policy)},
        )
        self.confirm(address)

    def confirm(self, address: str) -> None:
        """Follow the newest link."""
        links = [
            mail.link
            for mail in received(self.emulator.url)
            if (mail.topic, mail.to) == (self.topic_arn, address)
        ]
        assert follow(links[-1])

    def add(self, address: str) -> list[str]:
        """Add and confirm; gives what was replaced."""
        replaced = self.approvers.add(address)
        self.confirm(address)
        return list(replaced)

    def states(self) -> dict[str, str]:
        """Address to state."""
        return {each.address: each.state for each in self.approvers.mailboxes()}

    def asked(self) -> list[str]:
        """The addresses of those whom the workflow would ask."""
        return [each.address for each in SnsApprovers(lambda: self.sns, self.topic_arn).confirmed()]

    def run(self, *words: str) -> int:
        """Run `./run admin approvers …`."""
        stack = SimpleNamespace(
            require_up=lambda: None,
            outputs={"ApproversTopicArn": self.topic_arn},
            approvers=self.approvers,
            operator_token=lambda name: self.operator(f"{name}@example.com"),
        )
        arguments = build_parser().parse_args(["admin", "approvers", *words])
        context: Any = SimpleNamespace(stack=stack)
        code: int = arguments.run(context, arguments)
        return code


@pytest.fixture
def world(emulator: Emulator) -> Iterator[World]:
    """A pool and a topic of their own."""
    made = World(emulator)
    yield made
    made.sns.delete_topic(TopicArn=made.topic_arn)
    made.cognito.delete_user_pool(UserPoolId=made.pool_id)


def test_an_operator_approves_once_the_link_was_followed(world: World) -> None:
    """The command line and the workflow mean the same people."""
    assert world.approvers.add(ADA) == []
    assert world.states() == {ADA: WAITS}
    assert world.asked() == []
    world.confirm(ADA)

    [mailbox] = world.approvers.mailboxes()
    assert (mailbox.state, mailbox.subject) == (APPROVES, world.subjects[ADA])
    assert world.asked() == [ADA]


def test_the_address_of_somebody_else_is_refused(world: World) -> None:
    """Whoever approves is named in the audit log: it has to be an operator."""
    world.operator("cleo@example.com", group=False)
    for address in ("nobody@example.com", "cleo@example.com"):
        with pytest.raises(LocalError, match="No operator"):
            world.approvers.add(address)

    assert world.states() == {}


def test_adding_somebody_twice_changes_nothing(world: World) -> None:
    """It says so, and asks for no second confirmation."""
    world.add(ADA)

    with pytest.raises(LocalError, match="already"):
        world.approvers.add(ADA)
    assert world.asked() == [ADA]


def test_asking_again_before_the_confirmation_sends_the_link_again(world: World) -> None:
    """The first mail may have been lost."""
    world.approvers.add(ADA)

    assert world.add(ADA) == []
    assert world.asked() == [ADA]


def test_an_operator_with_two_mailboxes_counts_for_nobody_and_is_named(world: World) -> None:
    """Nobody is two approvers; which mailbox is meant is for a person to say."""
    world.add(ADA)
    world.subscribe("other@example.com", {"approver": [world.subjects[ADA]]})

    assert world.states() == {ADA: TWO_MAILBOXES, "other@example.com": TWO_MAILBOXES}


def test_a_new_mailbox_takes_the_place_of_the_old_one(world: World) -> None:
    """An operator who has another address now."""
    world.subscribe("old@example.com", {"approver": [world.subjects[ADA]]})

    assert world.add(ADA) == ["old@example.com"]
    assert world.states() == {ADA: APPROVES}


def test_an_address_that_was_subscribed_for_somebody_else_is_subscribed_anew(world: World) -> None:
    """An operator who was made again has another subject."""
    world.subscribe(ADA, {"approver": ["a subject of before"]})
    assert world.states() == {ADA: NO_OPERATOR}

    assert world.add(ADA) == [ADA]
    assert world.states() == {ADA: APPROVES}


def test_one_that_waits_for_another_operator_is_left_alone(world: World) -> None:
    """AWS lets nobody take it away: the command says what becomes of it."""
    policy = json.dumps({"approver": ["a subject of before"]})
    world.sns.subscribe(
        TopicArn=world.topic_arn, Protocol="email", Endpoint=ADA, Attributes={"FilterPolicy": policy}
    )

    with pytest.raises(LocalError, match="waits for its confirmation"):
        world.approvers.add(ADA)


@pytest.mark.parametrize(
    ("policy", "state"),
    [({"approver": ["gone"]}, NO_OPERATOR), ({"approver": ["a", "b"]}, OTHER_FILTER), ({}, OTHER_FILTER)],
)
def test_what_is_nobodys_is_shown_as_that(world: World, policy: dict[str, Any], state: str) -> None:
    """A mailbox without a filter would get everybody's links."""
    world.subscribe("x@example.com", policy)

    assert world.states() == {"x@example.com": state}


def test_a_queue_that_hears_everything_is_shown(world: World) -> None:
    """It gets everybody's links, so that nobody is asked: whoever wonders why looks here."""
    queue = world.emulator.client("sqs").create_queue(QueueName=f"ears-{uuid4().hex}")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:000000000000:{queue.rpartition('/')[2]}"
    world.sns.subscribe(TopicArn=world.topic_arn, Protocol="sqs", Endpoint=arn)

    assert world.states() == {arn: OTHER_FILTER}


def test_a_link_is_confirmed_in_the_accounts_name(world: World) -> None:
    """Mail scanners follow the link at the end of every mail, too: it must not make approvers fewer."""
    world.approvers.add(ADA)
    link = received(world.emulator.url)[-1].link
    asked: list[dict[str, str]] = []
    world.sns.meta.events.register(
        "provide-client-params.sns.ConfirmSubscription", lambda params, **_: asked.append(params)
    )

    assert world.run("confirm", link) == 0
    assert asked[0]["AuthenticateOnUnsubscribe"] == "true"
    assert world.asked() == [ADA]
    for broken in (link, link.replace("approvers-", "others-"), "https://example.com/"):
        with pytest.raises(LocalError):
            world.run("confirm", broken)


def test_an_operator_who_was_disabled_approves_no_more(world: World) -> None:
    """The list is where one sees that a mailbox has to go."""
    world.add(ADA)
    world.cognito.admin_disable_user(UserPoolId=world.pool_id, Username=ADA)

    assert world.states() == {ADA: NO_OPERATOR}


def test_who_was_removed_is_asked_no_more(world: World) -> None:
    """Only the one who was named."""
    world.add(ADA)
    world.add(BO)
    world.approvers.remove(ADA)

    assert world.asked() == [BO]
    with pytest.raises(LocalError, match="not subscribed"):
        world.approvers.remove(ADA)


def test_one_that_waits_cannot_be_removed(world: World) -> None:
    """It has no ARN to name it by."""
    world.approvers.add(ADA)

    with pytest.raises(LocalError, match="still waits"):
        world.approvers.remove(ADA)


def test_the_command_adds_lists_and_removes(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """By a local operator's name alone; the operator is made when missing."""
    world.run("add", "dee")
    assert "dee@example.com was sent a link" in capsys.readouterr().out
    world.confirm("dee@example.com")
    world.run("list")
    assert "1 can approve. Whoever asks" in capsys.readouterr().out
    world.add(ADA)
    world.run("list", "--json")
    listed = json.loads(capsys.readouterr().out)["approvers"]
    assert [(each["address"], each["state"]) for each in listed] == [
        (ADA, APPROVES),
        ("dee@example.com", APPROVES),
    ]
    world.run("remove", "dee")

    assert world.asked() == [ADA]


def test_a_name_is_no_address_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    """Operators of AWS are named by their address."""
    arguments = build_parser().parse_args(["admin", "approvers", "add", "dee", "-e", "dev"])

    with pytest.raises(SystemExit):
        admin_approvers.address_from(arguments)
    assert "no e-mail address" in capsys.readouterr().err
