"""When DynamoDB fails: what a caller learns, how long it waits, and what no error may say."""

import json
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from mypy_boto3_dynamodb import DynamoDBClient

from silent_infinity.adapters.aws import clients
from silent_infinity.adapters.aws.calls import ContentionError
from silent_infinity.adapters.aws.claims import DynamoClaimStore
from silent_infinity.adapters.aws.contention import patiently
from silent_infinity.adapters.aws.conversations import DynamoConversationStore
from silent_infinity.ports.errors import ConflictError, StoreUnavailableError
from tests.contract.http_fake import Answer, HttpFake, json_answer, running
from tests.contract.test_claim_store import CLAIM
from tests.contract.test_conversation_store import SESSION, TURN

SECRET = "nobody may read this in a log"

ITEM = {
    "claim_key": {"S": "claim-1"},
    "body_hash": {"S": "b0d1"},
    "turn_id": {"S": "turn-1"},
    "session_id": {"S": "session-1"},
    "owner": {"S": "execution-1"},
    "lease_until_ms": {"N": "1000"},
    "expires_at": {"N": "2000000000"},
}


@pytest.fixture
def fake() -> Iterator[HttpFake]:
    """A server in DynamoDB's place."""
    with running() as server:
        yield server


@pytest.fixture
def client(fake: HttpFake) -> DynamoDBClient:
    """A client like the real one, with shorter waits."""
    config = Config(
        connect_timeout=0.2,
        read_timeout=0.3,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    return boto3.client("dynamodb", endpoint_url=fake.url, config=config)


def error(name: str, status: int = 400, **more: object) -> Answer:
    """Return an error as DynamoDB words it."""
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{name}", "message": SECRET, **more}
    return json_answer(body, status)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (error("ProvisionedThroughputExceededException"), "ProvisionedThroughputExceededException"),
        (error("InternalServerError", 500), "InternalServerError"),
        (error("AccessDeniedException"), "AccessDeniedException"),
        (Answer((b"<html>bad gateway</html>",), 502), "502"),
        (Answer((b"{}",), seconds_before=1.0), "ReadTimeoutError"),
    ],
    ids=["throttled", "broken", "denied", "gateway", "slow"],
)
def test_a_failure_is_an_outage_with_a_code_and_nothing_else(
    fake: HttpFake, client: DynamoDBClient, answer: Answer, code: str
) -> None:
    """DynamoDB's messages quote values, and here the values are what a person in distress wrote."""
    fake.answer(answer)

    with pytest.raises(StoreUnavailableError) as caught:
        DynamoClaimStore(client, "claims").find("claim-1")

    assert str(caught.value) == code
    assert SECRET not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ is True


def test_a_table_that_is_not_there_at_all_is_an_outage() -> None:
    """Nothing listens on the port: the error is about the connection."""
    config = Config(retries={"mode": "standard", "total_max_attempts": 1})
    client = boto3.client("dynamodb", endpoint_url="http://127.0.0.1:9", config=config)

    with pytest.raises(StoreUnavailableError, match=r"^EndpointConnectionError$"):
        DynamoConversationStore(client, "conversations").find_session("session-1")


def test_an_argument_that_cannot_be_sent_is_an_outage_without_the_argument(client: DynamoDBClient) -> None:
    """botocore's own validation quotes the offending value too."""
    with pytest.raises(StoreUnavailableError, match=r"^ParamValidationError$"):
        DynamoClaimStore(client, "").find("claim-1")


def test_half_an_answer_is_asked_for_again(fake: HttpFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore reads a torn JSON body as an empty answer: a claim would look as if it were not there."""
    body = json.dumps({"Item": ITEM}).encode()
    checksum = {"X-Amz-Crc32": str(zlib.crc32(body))}
    fake.answer(Answer((body[:40],), headers=checksum, truncated=True), Answer((body,), headers=checksum))
    monkeypatch.setenv("AWS_ENDPOINT_URL", fake.url)
    clients.dynamodb.cache_clear()
    try:
        assert DynamoClaimStore(clients.dynamodb(), "claims").find("claim-1") == CLAIM
    finally:
        clients.dynamodb.cache_clear()

    assert len(fake.received) == 2


def cancelled(*codes: str) -> Answer:
    """Return a cancelled transaction with a reason for each operation."""
    reasons = [{"Code": code, "Message": SECRET} for code in codes]
    return error("TransactionCanceledException", CancellationReasons=reasons)


def test_a_transaction_that_met_another_one_is_repeated(fake: HttpFake, client: DynamoDBClient) -> None:
    """Two turns of one session at the same moment are no failure; the SDK does not repeat them itself."""
    fake.answer(
        cancelled("TransactionConflict", "None"), cancelled("None", "TransactionConflict"), json_answer({})
    )

    DynamoConversationStore(client, "conversations").store_message(SESSION, TURN)

    assert len(fake.received) == 3


def test_a_transaction_whose_condition_failed_is_not_repeated(fake: HttpFake, client: DynamoDBClient) -> None:
    """A deleted session stays deleted, however often one asks."""
    fake.answer(cancelled("ConditionalCheckFailed", "TransactionConflict"))

    with pytest.raises(ConflictError):
        DynamoConversationStore(client, "conversations").store_message(SESSION, TURN)

    assert len(fake.received) == 1


def test_a_throttled_transaction_is_an_outage_with_its_reason(fake: HttpFake, client: DynamoDBClient) -> None:
    """ "Transaction cancelled" says nothing; what cancelled it does."""
    fake.answer(cancelled("None", "ThrottlingError"))

    with pytest.raises(StoreUnavailableError, match=r"^ThrottlingError$"):
        DynamoConversationStore(client, "conversations").store_message(SESSION, TURN)


def test_an_update_that_met_a_transaction_is_repeated(fake: HttpFake, client: DynamoDBClient) -> None:
    """A claim that is being recorded can be completed a moment later."""
    fake.answer(error("TransactionConflictException"), json_answer({"Attributes": ITEM}))

    assert DynamoClaimStore(client, "claims").complete("claim-1", "turn-1", "{}", "{}") == CLAIM


def test_contention_that_does_not_end_is_an_outage() -> None:
    """Patience has an end, well inside the time that a turn has."""
    pauses: list[float] = []

    def always() -> None:
        raise ContentionError("TransactionConflict")

    with pytest.raises(StoreUnavailableError):
        patiently(always, sleep=pauses.append)

    assert len(pauses) == 5
    assert sum(pauses) < 0.7


@pytest.mark.parametrize("make", [clients.dynamodb, clients.s3, clients.secrets_manager])
def test_clients_wait_briefly_and_are_made_once(make: Callable[[], DynamoDBClient]) -> None:
    """The state machine needs time left to do something about a store that hangs."""
    config: Any = make().meta.config

    assert make() is make()
    assert config.connect_timeout == 1.0
    assert config.read_timeout == 1.5
    assert config.retries == {"mode": "standard", "total_max_attempts": 2}
    assert config.tcp_keepalive is True


def test_a_store_that_hangs_is_given_up_in_time(fake: HttpFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the client as it is deployed: two attempts, and then the turn goes on without."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", fake.url)
    clients.dynamodb.cache_clear()
    fake.answer(Answer((b"{}",), seconds_before=30.0))
    started = time.monotonic()
    try:
        with pytest.raises(StoreUnavailableError, match=r"^ReadTimeoutError$"):
            DynamoClaimStore(clients.dynamodb(), "claims").find("claim-1")
    finally:
        clients.dynamodb.cache_clear()

    assert len(fake.received) == 2
    assert time.monotonic() - started < 5
