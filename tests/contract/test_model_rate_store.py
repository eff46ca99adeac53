"""What every store of model rates promises."""

from random import Random

from mypy_boto3_dynamodb import DynamoDBClient

from silent_infinity.domain.model_rates import Bucket
from tests.contract.gateway_stores import GatewayShared, aws_shared, memory_shared
from tests.contract.threads import at_once

NOW_US = 1_795_251_600_000_000
KEY = "bedrock/claude-sonnet-4-6"
SECOND = 1_000_000
THREE = Bucket.of(60, 1, 3)
"""Sixty requests a minute, three of them at once."""

NONE = Bucket()


def tokens(count: int) -> Bucket:
    """Return what a call of so many tokens takes of 60,000 a minute, 10,000 of them at once."""
    return Bucket.of(60_000, count, 10)


def test_a_burst_is_admitted_and_the_next_call_is_not(shared: GatewayShared) -> None:
    """What is more the provider would throttle."""
    taken = [shared.rates.take(KEY, THREE, NONE, NOW_US) for _ in range(5)]

    assert taken == [True, True, True, False, False]
    assert shared.rates.take(KEY, THREE, NONE, NOW_US + SECOND) is True


def test_tokens_are_a_quota_of_their_own(shared: GatewayShared) -> None:
    """Few long conversations use it up as many short ones do."""
    assert shared.rates.take(KEY, NONE, tokens(6_000), NOW_US)
    assert shared.rates.take(KEY, NONE, tokens(4_000), NOW_US)
    assert not shared.rates.take(KEY, NONE, tokens(1_000), NOW_US)
    assert shared.rates.take(KEY, NONE, tokens(1_000), NOW_US + SECOND)


def test_a_refused_call_takes_nothing_of_either(shared: GatewayShared) -> None:
    """Else callers who are refused would keep each other out for ever."""
    assert shared.rates.take(KEY, THREE, tokens(10_000), NOW_US)
    for _ in range(9):
        assert not shared.rates.take(KEY, THREE, tokens(10_000), NOW_US)

    assert shared.rates.take(KEY, THREE, NONE, NOW_US)
    assert shared.rates.take(KEY, THREE, NONE, NOW_US)
    assert not shared.rates.take(KEY, THREE, NONE, NOW_US)


def test_a_forced_call_is_counted_and_never_refused(shared: GatewayShared) -> None:
    """A crisis goes through, and those who come after it wait for it."""
    taken = [shared.rates.take(KEY, THREE, NONE, NOW_US, force=True) for _ in range(5)]

    assert taken == [True] * 5
    assert not shared.rates.take(KEY, THREE, NONE, NOW_US + 2 * SECOND)
    assert shared.rates.take(KEY, THREE, NONE, NOW_US + 3 * SECOND)


def test_without_quotas_nothing_is_written(dynamodb: DynamoDBClient) -> None:
    """It would be a write for nothing on every call."""
    shared = aws_shared(dynamodb)

    assert shared.rates.take(KEY, NONE, NONE, NOW_US) is True
    assert shared.items() == []


def test_many_callers_never_exceed_the_burst(shared: GatewayShared) -> None:
    """The quota is the account's, however many processes there are."""
    taken = at_once(24, lambda _n: shared.rates.take(KEY, THREE, tokens(10), NOW_US))

    assert taken.count(True) == 3


def test_both_stores_decide_alike(dynamodb: DynamoDBClient) -> None:
    """While callers pause, hurry, and are forced through."""
    memory, on_aws = memory_shared().rates, aws_shared(dynamodb).rates
    steps, now_us, decisions = Random(3), NOW_US, []
    for _ in range(150):
        now_us += steps.choice((0, 0, 200_000, 1_500_000))
        requests, calls = steps.choice((THREE, NONE)), tokens(steps.randrange(1, 9_000))
        force = steps.random() < 0.1
        decisions.append(
            tuple(store.take(KEY, requests, calls, now_us, force=force) for store in (memory, on_aws))
        )

    assert all(in_memory == aws for in_memory, aws in decisions)
    assert {in_memory for in_memory, _ in decisions} == {True, False}
