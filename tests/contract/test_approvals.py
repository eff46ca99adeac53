"""What every store of approvals and of evidence promises, and how approvers are found among subscriptions."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from silent_infinity.adapters.aws.approvals import KEPT_SECONDS, DynamoApprovals
from silent_infinity.adapters.aws.approvers import SnsApprovers, heard_by, subject_of
from silent_infinity.adapters.aws.evidence import DynamoEvidence
from silent_infinity.adapters.memory.approvals import MemoryApprovals
from silent_infinity.adapters.memory.evidence import MemoryEvidence
from silent_infinity.domain.promotion.approval import (
    APPROVED,
    OVER,
    PENDING,
    REJECTED,
    Approval,
    Approver,
    Decided,
    eligible,
)
from silent_infinity.ports.approvals import Approvals
from silent_infinity.ports.errors import ConflictError, StoreUnavailableError
from silent_infinity.ports.evidence import EvidenceStore
from tests.contract import aws
from tests.contract.threads import at_once
from tests.support.approvals import ANA, BEN, REASON, TOKEN, Asking, evidence

APPROVAL = Approval(
    approval_id="promotion-1",
    category="SYSTEM_PROMPT",
    variant_id="warm-v3",
    variant_version=7,
    evidence_hash="0f" * 32,
    requested_by="operator:0a1b",
    needed=2,
    opened_at="2026-11-22T08:00:00+00:00",
    expires_at=1_795_938_900,
)
YES = Decided("approver-1", approves=True, reason=REASON, at="2026-11-22T09:00:00+00:00")
NO = Decided("approver-2", approves=False, reason=REASON, at="2026-11-22T09:00:01+00:00")


@dataclass(frozen=True)
class Kept:
    """The stores of one implementation."""

    approvals: Approvals
    evidence: EvidenceStore


@pytest.fixture(params=["memory", "aws"])
def kept(request: pytest.FixtureRequest) -> Kept:
    """The stores of one implementation, empty."""
    if request.param == "memory":
        return Kept(MemoryApprovals(), MemoryEvidence())
    client = request.getfixturevalue("dynamodb")
    return Kept(DynamoApprovals(client, aws.APPROVALS), DynamoEvidence(client, aws.APPROVALS))


def test_an_approval_is_found_as_it_was_opened(kept: Kept) -> None:
    """The links are held against it: a field that came back as another would kill them all."""
    assert kept.approvals.find(APPROVAL.approval_id) is None
    assert kept.approvals.open(APPROVAL, TOKEN) == APPROVAL
    assert kept.approvals.find(APPROVAL.approval_id) == APPROVAL
    assert kept.approvals.task_token(APPROVAL.approval_id) == TOKEN


def test_opening_again_changes_nothing_but_the_token(kept: Kept) -> None:
    """A step that is tried again has a new token; links that were sent stay good."""
    kept.approvals.open(APPROVAL, TOKEN)
    kept.approvals.asked(APPROVAL.approval_id, "approver-1")
    later = replace(APPROVAL, expires_at=APPROVAL.expires_at + 60, opened_at="2026-11-22T08:01:00+00:00")
    again = kept.approvals.open(later, "another-token")

    assert again == replace(APPROVAL, asked=("approver-1",))
    assert kept.approvals.task_token(APPROVAL.approval_id) == "another-token"


def test_opening_what_was_decided_changes_nothing(kept: Kept) -> None:
    """A decision is final, whoever asks again."""
    kept.approvals.open(APPROVAL, TOKEN)
    decided = kept.approvals.decide(APPROVAL.approval_id, NO, APPROVAL, REJECTED)
    again = kept.approvals.open(APPROVAL, "another-token")

    assert again == decided
    assert kept.approvals.task_token(APPROVAL.approval_id) == TOKEN


def test_who_was_asked_is_noted_once(kept: Kept) -> None:
    """Trying again writes to those who are not in the list."""
    kept.approvals.open(APPROVAL, TOKEN)
    for approver in ("approver-1", "approver-2", "approver-1"):
        kept.approvals.asked(APPROVAL.approval_id, approver)
    kept.approvals.asked("nobody-knows", "approver-1")
    found = kept.approvals.find(APPROVAL.approval_id)

    assert found is not None
    assert found.asked == ("approver-1", "approver-2")
    assert kept.approvals.find("nobody-knows") is None


def test_decisions_are_added_in_their_order(kept: Kept) -> None:
    """The first yes of two stays beside the second answer."""
    kept.approvals.open(APPROVAL, TOKEN)
    first = kept.approvals.decide(APPROVAL.approval_id, YES, APPROVAL, PENDING)
    second = kept.approvals.decide(APPROVAL.approval_id, NO, first, REJECTED)

    assert (first.status, first.decisions) == (PENDING, (YES,))
    assert (second.status, second.decisions) == (REJECTED, (YES, NO))
    assert kept.approvals.find(APPROVAL.approval_id) == second


def test_who_was_asked_meanwhile_does_not_stand_in_the_way(kept: Kept) -> None:
    """The first approver may decide while the others' messages are still being sent."""
    kept.approvals.open(APPROVAL, TOKEN)
    kept.approvals.asked(APPROVAL.approval_id, "approver-2")

    assert kept.approvals.decide(APPROVAL.approval_id, YES, APPROVAL, PENDING).decisions == (YES,)


@pytest.mark.parametrize("way", ["decided", "over", "another yes", "absent"])
def test_a_decision_on_what_is_no_longer_so_is_a_conflict(kept: Kept, way: str) -> None:
    """Two yeses to the same question are one decision and one conflict."""
    if way != "absent":
        kept.approvals.open(APPROVAL, TOKEN)
    if way == "over":
        kept.approvals.end(APPROVAL.approval_id)
    elif way in {"decided", "another yes"}:
        status = APPROVED if way == "decided" else PENDING
        kept.approvals.decide(APPROVAL.approval_id, YES, APPROVAL, status)
    before = kept.approvals.find(APPROVAL.approval_id)

    with pytest.raises(ConflictError):
        kept.approvals.decide(APPROVAL.approval_id, NO, APPROVAL, REJECTED)
    assert kept.approvals.find(APPROVAL.approval_id) == before


def test_a_decision_on_a_decided_approval_is_a_conflict_even_if_it_was_seen(kept: Kept) -> None:
    """Whoever reads that it is decided has nothing to decide any more."""
    kept.approvals.open(APPROVAL, TOKEN)
    decided = kept.approvals.decide(APPROVAL.approval_id, YES, APPROVAL, APPROVED)

    with pytest.raises(ConflictError):
        kept.approvals.decide(APPROVAL.approval_id, NO, decided, REJECTED)


def test_of_many_decisions_at_once_one_stands(kept: Kept) -> None:
    """However many approvers send the form in the same second."""
    kept.approvals.open(APPROVAL, TOKEN)

    def decide(number: int) -> str:
        try:
            decided = replace(YES, approver=f"approver-{number}")
            kept.approvals.decide(APPROVAL.approval_id, decided, APPROVAL, APPROVED)
        except ConflictError:
            return "conflict"
        return "decided"

    results = at_once(50, decide)
    found = kept.approvals.find(APPROVAL.approval_id)

    assert sorted(results) == ["conflict"] * 49 + ["decided"]
    assert found is not None
    assert len(found.decisions) == 1


def test_ending_leaves_a_decision_that_came_first(kept: Kept) -> None:
    """A yes and the end of the promotion may come in the same moment: one of them stands."""
    kept.approvals.open(APPROVAL, TOKEN)
    decided = kept.approvals.decide(APPROVAL.approval_id, YES, APPROVAL, APPROVED)
    other = replace(APPROVAL, approval_id="promotion-2")
    kept.approvals.open(other, TOKEN)

    assert kept.approvals.end(APPROVAL.approval_id) == decided
    assert kept.approvals.end("promotion-2") == replace(other, status=OVER)
    assert kept.approvals.end("nobody-knows") is None
    assert kept.approvals.find("nobody-knows") is None


def test_what_was_decided_is_listed_until_it_was_told(kept: Kept) -> None:
    """An outage between the decision and the workflow must not lose a yes."""
    for name in ("pending", "approved", "over", "half"):
        kept.approvals.open(replace(APPROVAL, approval_id=name), TOKEN)
    kept.approvals.decide("approved", YES, APPROVAL, APPROVED)
    kept.approvals.decide("half", YES, APPROVAL, PENDING)
    kept.approvals.end("over")
    before = {one.approval_id for one in kept.approvals.undelivered()}
    kept.approvals.delivered("approved")
    told = kept.approvals.find("approved")

    assert before == {"approved", "over"}
    assert {one.approval_id for one in kept.approvals.undelivered()} == {"over"}
    assert told is not None
    assert (told.status, told.delivered) == (APPROVED, True)


def test_a_token_is_forgotten_once_it_was_used(kept: Kept) -> None:
    """What resumes a promotion is kept no longer than it is needed."""
    kept.approvals.open(APPROVAL, TOKEN)
    kept.approvals.delivered(APPROVAL.approval_id)
    kept.approvals.delivered("nobody-knows")

    assert kept.approvals.task_token(APPROVAL.approval_id) is None
    assert kept.approvals.task_token("nobody-knows") is None
    assert kept.approvals.find("nobody-knows") is None


def test_evidence_is_found_under_its_hash_alone(kept: Kept) -> None:
    """A person decides on the document that was signed, and on no other."""
    document = evidence()
    evidence_hash = kept.evidence.put(document)

    assert kept.evidence.put(document) == evidence_hash == document.hash
    assert kept.evidence.find(document.promotion_id, evidence_hash) == document
    assert kept.evidence.find("another", evidence_hash) is None
    assert kept.evidence.find(document.promotion_id, "0" * 64) is None


def test_two_documents_of_one_promotion_lie_beside_each_other(kept: Kept) -> None:
    """Every night's look is kept: what was decided on is not overwritten by what was found later."""
    first, second = evidence(), evidence(as_of="2026-11-22")
    hashes = [kept.evidence.put(document) for document in (first, second)]

    assert [kept.evidence.find(first.promotion_id, one) for one in hashes] == [first, second]


def test_a_document_that_was_changed_in_the_store_is_not_shown(dynamodb: Any) -> None:
    """Whoever can write to the table can still not have people decide on another document."""
    store = DynamoEvidence(dynamodb, aws.APPROVALS)
    document = evidence()
    evidence_hash = store.put(document)
    (item,) = dynamodb.scan(TableName=aws.APPROVALS)["Items"]
    changed = item["document"]["S"].replace("warm-v3", "cold-v3")
    dynamodb.put_item(TableName=aws.APPROVALS, Item={**item, "document": {"S": changed}})

    assert store.find(document.promotion_id, evidence_hash) is None


def test_approvals_expire_long_after_their_links(dynamodb: Any) -> None:
    """The table's own expiry must not remove what somebody is still asked about."""
    DynamoApprovals(dynamodb, aws.APPROVALS).open(APPROVAL, TOKEN)
    (item,) = dynamodb.scan(TableName=aws.APPROVALS)["Items"]

    assert int(item["expires_at"]["N"]) == APPROVAL.expires_at + KEPT_SECONDS


def test_many_clicks_at_once_are_one_decision_in_the_table_too(dynamodb: Any) -> None:
    """The whole page over DynamoDB: fifty forms in the same moment, one decision, one resume."""
    asking = Asking(
        approvals=DynamoApprovals(dynamodb, aws.APPROVALS), stored=DynamoEvidence(dynamodb, aws.APPROVALS)
    )
    asking.ask()
    clicks = [
        asking.click((ANA, BEN)[number % 2], {"decision": "approve", "reason": REASON})
        for number in range(50)
    ]
    pages = at_once(50, lambda number: asking.pages.decide(clicks[number]))

    assert sorted(page.status_code for page in pages) == [200] + [409] * 49
    assert asking.executions.resumed == [(TOKEN, "approved")]


class _LostAnswers:
    """A client of DynamoDB that gets no answer to its first update, and tries it again as botocore does."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def update_item(self, **request: Any) -> Any:
        self._client.update_item(**request)
        return self._client.update_item(**request)


@pytest.mark.parametrize("name", ["canary", "crisis"])
def test_a_decision_whose_answer_was_lost_is_told_all_the_same(dynamodb: Any, name: str) -> None:
    """The second try meets the first: taken for somebody else's, it would be told by the night at best."""
    asking = Asking(
        evidence(name),
        approvals=DynamoApprovals(dynamodb, aws.APPROVALS),
        stored=DynamoEvidence(dynamodb, aws.APPROVALS),
    )
    asking.ask()
    asking.approvals._client = _LostAnswers(dynamodb)
    pages = [asking.decide(approver) for approver in ((ANA, BEN) if name == "crisis" else (ANA,))]

    assert {page.status_code for page in pages} == {200}
    assert asking.executions.resumed == [(TOKEN, "approved")]


@pytest.fixture
def topic() -> Iterator[tuple[Any, str]]:
    """The approvers' topic, without subscriptions."""
    with mock_aws():
        client = boto3.client("sns")
        yield client, client.create_topic(Name="approvers")["TopicArn"]


def _subscribe(topic: tuple[Any, str], address: str, policy: object, protocol: str = "email") -> None:
    client, arn = topic
    attributes = {} if policy is None else {"FilterPolicy": json.dumps(policy)}
    client.subscribe(TopicArn=arn, Protocol=protocol, Endpoint=address, Attributes=attributes)


def test_approvers_are_mail_subscriptions_with_a_policy_of_one_subject(topic: tuple[Any, str]) -> None:
    """Everybody else on the topic is not asked, and does not decide."""
    _subscribe(topic, "b@example.test", {"approver": ["subject-b"]})
    _subscribe(topic, "a@example.test", {"approver": ["subject-a"]})
    _subscribe(topic, "two@example.test", {"approver": ["subject-c", "subject-d"]})
    _subscribe(topic, "https://example.test/hook", {"approver": ["subject-e"]}, "https")
    found = SnsApprovers(lambda: topic[0], topic[1]).confirmed()

    assert found == (Approver("subject-a", "a@example.test"), Approver("subject-b", "b@example.test"))


@pytest.mark.parametrize(
    ("policy", "protocol", "left"),
    [
        (None, "email", []),
        (None, "https", []),
        ({"approver": [{"prefix": "subject"}]}, "email", []),
        ({"approver": [{"anything-but": ["nobody"]}]}, "https", []),
        ({"approver": ["subject-a", "subject-z"]}, "email", ["subject-b"]),
        ({"approver": ["subject-a"]}, "https", ["subject-b"]),
        ({"approver": ["subject-z"]}, "https", ["subject-a", "subject-b"]),
    ],
)
def test_an_approver_whose_messages_somebody_else_gets_is_not_asked(
    topic: tuple[Any, str], policy: object, protocol: str, left: list[str]
) -> None:
    """A subscription without a policy gets every approver's link: whoever made it could decide for all, on a
    promotion that they asked for themselves.
    """
    _subscribe(topic, "a@example.test", {"approver": ["subject-a"]})
    _subscribe(topic, "b@example.test", {"approver": ["subject-b"]})
    endpoint = "https://example.test/hook" if protocol == "https" else "other@example.test"
    _subscribe(topic, endpoint, policy, protocol)
    confirmed = SnsApprovers(lambda: topic[0], topic[1]).confirmed()

    assert [one.subject for one in eligible(confirmed, "operator:z")] == left


def test_every_page_of_subscriptions_is_read(topic: tuple[Any, str]) -> None:
    """An approver on the second page has a link that works as well."""
    for number in range(120):
        _subscribe(topic, f"a{number:03}@example.test", {"approver": [f"subject-{number:03}"]})

    assert len(SnsApprovers(lambda: topic[0], topic[1]).confirmed()) == 120


class _Subscriptions:
    """A client of SNS with one subscription whose ARN and attributes are given."""

    def __init__(self, arn: str, **attributes: str) -> None:
        self._arn = arn
        self._attributes = {"FilterPolicy": '{"approver": ["subject-a"]}', **attributes}

    def get_paginator(self, name: str) -> "_Subscriptions":
        assert name == "list_subscriptions_by_topic"
        return self

    def paginate(self, **request: str) -> list[dict[str, Any]]:
        assert request == {"TopicArn": "topic"}
        endpoint = {"SubscriptionArn": self._arn, "Protocol": "email", "Endpoint": "a@example.test"}
        return [{"Subscriptions": [endpoint]}]

    def get_subscription_attributes(self, **request: str) -> dict[str, Any]:
        assert request == {"SubscriptionArn": self._arn}
        return {"Attributes": self._attributes}


@pytest.mark.parametrize(
    ("arn", "attributes", "count"),
    [
        ("arn:aws:sns:us-east-1:1:topic:1", {"PendingConfirmation": "false"}, 1),
        ("arn:aws:sns:us-east-1:1:topic:1", {}, 1),
        ("arn:aws:sns:us-east-1:1:topic:1", {"PendingConfirmation": "true"}, 0),
        ("PendingConfirmation", {}, 0),
        ("Deleted", {}, 0),
    ],
)
def test_a_mailbox_that_was_not_confirmed_is_nobodys(
    arn: str, attributes: dict[str, str], count: int
) -> None:
    """An address that was mistyped must neither get links nor count as one of two approvers."""
    client: Any = _Subscriptions(arn, **attributes)

    assert len(SnsApprovers(lambda: client, "topic").confirmed()) == count


@pytest.mark.parametrize(
    ("policy", "subject"),
    [
        ('{"approver": ["subject-a"]}', "subject-a"),
        ('{"approver": ["subject-a"], "kind": ["x"]}', None),
        ('{"approver": []}', None),
        ('{"approver": [""]}', None),
        ('{"approver": [7]}', None),
        ('{"approver": [{"prefix": "s"}]}', None),
        ('{"approver": "subject-a"}', None),
        ('{"approver": ["a", "b"]}', None),
        ('["approver"]', None),
        ("{", None),
        ("", None),
    ],
)
def test_a_policy_that_lets_more_through_is_nobodys(policy: str, subject: str | None) -> None:
    """A prefix or a second name would deliver another approver's links."""
    assert subject_of(policy) == subject
    assert subject_of(policy, "MessageBody") is None
    assert subject is None or heard_by(policy) == {subject}
    assert heard_by(policy, "MessageBody") == ()


def test_a_message_goes_to_one_approver(topic: tuple[Any, str]) -> None:
    """The attribute is what the filter policies hold against; without it everybody would get the link."""
    sent: list[dict[str, Any]] = []

    class _Client:
        def publish(self, **request: Any) -> None:
            sent.append(request)

    client: Any = _Client()
    SnsApprovers(lambda: client, topic[1]).write(Approver("subject-a", "a@example.test"), "Subject", "Text")

    assert sent == [
        {
            "TopicArn": topic[1],
            "Subject": "Subject",
            "Message": "Text",
            "MessageAttributes": {"approver": {"DataType": "String", "StringValue": "subject-a"}},
        }
    ]


def test_a_topic_that_cannot_be_reached_is_unavailable(topic: tuple[Any, str]) -> None:
    """The workflow tries again; it must not take an outage for nobody being there."""
    approvers = SnsApprovers(lambda: topic[0], topic[1] + "-of-nobody")

    with pytest.raises(StoreUnavailableError):
        approvers.write(Approver("subject-a", "a@example.test"), "Subject", "Text")
    with pytest.raises(StoreUnavailableError):
        approvers.confirmed()
