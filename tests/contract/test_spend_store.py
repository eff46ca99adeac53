"""What every store of budgets promises."""

from random import Random

import pytest
from botocore.exceptions import ReadTimeoutError
from mypy_boto3_dynamodb import DynamoDBClient

from silent_infinity.adapters.aws.spend import DynamoSpendStore
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.spend import Taken
from tests.contract import aws
from tests.contract.gateway_stores import AwsShared, GatewayShared, aws_shared, memory_shared
from tests.contract.threads import at_once

NOW_MS = 1_795_251_600_000
KEY = "spend#day#2026-11-21#0"


def test_what_is_reserved_is_charged_at_once(shared: GatewayShared) -> None:
    """Check-then-add lets everyone in who checks before the first one adds."""
    assert shared.spend.reserve(KEY, "a", 300, 700, NOW_MS) == Taken(True, 0)
    assert shared.spend.reserve(KEY, "b", 300, 700, NOW_MS) == Taken(True, 300)
    assert shared.used(KEY) == 600
    assert shared.in_flight() == 2


def test_what_does_not_fit_takes_nothing_and_tells_what_is_used(shared: GatewayShared) -> None:
    """The caller decides by it what would fit."""
    shared.spend.reserve(KEY, "a", 800, 200, NOW_MS)

    assert shared.spend.reserve(KEY, "b", 300, 700, NOW_MS) == Taken(False, 800)
    assert shared.used(KEY) == 800
    assert shared.in_flight() == 1


def test_the_last_unit_can_be_used(shared: GatewayShared) -> None:
    """A cap of 1,000 is not one of 999."""
    assert shared.spend.reserve(KEY, "a", 400, 600, NOW_MS).granted
    assert shared.spend.reserve(KEY, "b", 600, 400, NOW_MS).granted
    assert not shared.spend.reserve(KEY, "c", 1, 999, NOW_MS).granted


@pytest.mark.parametrize("used", [0, 500])
def test_an_amount_beyond_the_whole_cap_is_refused(used: int, shared: GatewayShared) -> None:
    """On an empty counter too, where no condition on a number holds."""
    if used:
        shared.spend.reserve(KEY, "a", used, None, NOW_MS)

    assert shared.spend.reserve(KEY, "b", 2_000, -1_000, NOW_MS) == Taken(False, used)
    assert shared.used(KEY) == used


def test_some_calls_are_counted_whatever_is_left(shared: GatewayShared) -> None:
    """A crisis is not refused for money, but it costs some."""
    shared.spend.reserve(KEY, "a", 1_000, 0, NOW_MS)

    assert shared.spend.reserve(KEY, "b", 500, None, NOW_MS) == Taken(True, 1_000)
    assert shared.used(KEY) == 1_500


def test_a_reservation_is_settled_with_what_was_used(shared: GatewayShared) -> None:
    """What was reserved too much is free again."""
    shared.spend.reserve(KEY, "a", 800, 200, NOW_MS)

    assert shared.spend.settle(KEY, "a", 800, 250) is True
    assert (shared.used(KEY), shared.in_flight()) == (250, 0)


@pytest.mark.parametrize("again", [0, 250, 800])
def test_settling_twice_changes_nothing(again: int, shared: GatewayShared) -> None:
    """A settlement whose answer was lost is sent again."""
    shared.spend.reserve(KEY, "a", 800, 200, NOW_MS)
    shared.spend.settle(KEY, "a", 800, 250)

    assert shared.spend.settle(KEY, "a", 800, again) is False
    assert shared.used(KEY) == 250


def test_many_settlements_at_once_are_one(shared: GatewayShared) -> None:
    """Two processes may both believe that it is theirs to do."""
    shared.spend.reserve(KEY, "a", 800, 200, NOW_MS)

    done = at_once(16, lambda _n: shared.spend.settle(KEY, "a", 800, 100))

    assert done.count(True) == 1
    assert shared.used(KEY) == 100


def test_what_was_never_reserved_cannot_be_settled(shared: GatewayShared) -> None:
    """It would create money, on a counter that there is and on one that there is not."""
    assert shared.spend.settle(KEY, "a", 800, 100) is False
    shared.spend.reserve(KEY, "b", 300, None, NOW_MS)
    assert shared.spend.settle(KEY, "a", 800, 100) is False
    assert shared.used(KEY) == 300


def test_the_same_reservation_again_is_counted_once(shared: GatewayShared) -> None:
    """The first answer was lost; the caller cannot know, and neither may pay for it."""
    first = shared.spend.reserve(KEY, "a", 800, 200, NOW_MS)

    assert shared.spend.reserve(KEY, "a", 800, 200, NOW_MS) == first == Taken(True, 0)
    assert shared.used(KEY) == 800


def test_many_callers_never_exceed_the_cap(shared: GatewayShared) -> None:
    """Fifty at once, of whom ten fit."""
    taken = at_once(50, lambda n: shared.spend.reserve(KEY, f"call-{n}", 100, 900, NOW_MS))

    assert sum(one.granted for one in taken) == 10
    assert shared.used(KEY) == 1_000


def test_callers_that_settle_at_once_leave_room_for_others(shared: GatewayShared) -> None:
    """Under load from all sides the counter is exactly what was used."""

    def call(number: int) -> int:
        reservation = f"call-{number}"
        if not shared.spend.reserve(KEY, reservation, 100, 900, NOW_MS).granted:
            return 0
        shared.spend.settle(KEY, reservation, 100, 10)
        return 10

    spent = sum(at_once(50, call))

    assert shared.used(KEY) == spent
    assert shared.in_flight() == 0


class LostAnswers:
    """A client whose writes take place although their answers never arrive."""

    def __init__(self, client: DynamoDBClient) -> None:
        self._client = client

    def update_item(self, **arguments: object) -> object:
        self._client.update_item(**arguments)  # type: ignore[arg-type]
        raise ReadTimeoutError(endpoint_url="https://dynamodb.us-east-1.amazonaws.com")


def test_a_write_whose_answer_was_lost_is_charged_once_and_can_be_settled(dynamodb: DynamoDBClient) -> None:
    """Ambiguous on AWS alone: in memory an answer cannot be lost."""
    shared = aws_shared(dynamodb)
    lossy = DynamoSpendStore(LostAnswers(dynamodb), aws.LIMITS)  # type: ignore[arg-type]

    with pytest.raises(StoreUnavailableError):
        lossy.reserve(KEY, "a", 800, 200, NOW_MS)
    assert shared.spend.reserve(KEY, "a", 800, 200, NOW_MS) == Taken(True, 0)
    assert shared.used(KEY) == 800

    with pytest.raises(StoreUnavailableError):
        lossy.settle(KEY, "a", 800, 300)
    assert shared.spend.settle(KEY, "a", 800, 300) is False
    assert shared.used(KEY) == 300


def test_counters_outlive_their_day_and_then_expire(dynamodb: DynamoDBClient) -> None:
    """A call that died has left its reservation behind; it goes with the counter."""
    shared: AwsShared = aws_shared(dynamodb)
    shared.spend.reserve(KEY, "a", 800, 200, NOW_MS)

    [item] = shared.items()
    assert 86_400 < item["expires_at"] - NOW_MS // 1000 <= 3 * 86_400


def test_both_stores_decide_alike(dynamodb: DynamoDBClient) -> None:
    """What holds in memory has to hold on AWS, in any order of steps."""
    memory, on_aws = memory_shared(), aws_shared(dynamodb)
    steps = Random(7)
    for _ in range(150):
        reservation = f"r{steps.randrange(12)}"
        amount, most = steps.randrange(1, 400), steps.choice((None, -1, 500, 900))
        if steps.random() < 0.6:
            results = [
                store.spend.reserve(KEY, reservation, amount, most, NOW_MS) for store in (memory, on_aws)
            ]
        else:
            results = [store.spend.settle(KEY, reservation, 0, 0) for store in (memory, on_aws)]  # type: ignore[misc]
        assert results[0] == results[1]
    assert memory.used(KEY) == on_aws.used(KEY)
    assert memory.in_flight() == on_aws.in_flight()
