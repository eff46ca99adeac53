"""What every store of limits promises."""

from dataclasses import replace
from random import Random

import pytest
from mypy_boto3_dynamodb import DynamoDBClient

from silent_infinity.domain.turn import Limit
from silent_infinity.ports.limits import LimitPolicy
from tests.contract.conftest import Stores, aws_stores, memory_stores
from tests.contract.threads import at_once

NOW_MS = 1_763_715_600_000
"""2025-11-21 09:00 UTC."""

POLICY = LimitPolicy(turns_per_minute=60, burst=3, tokens_per_day=100_000, reserve_tokens=1_000)
ONLY_RATE = replace(POLICY, reserve_tokens=0)
ONLY_BUDGET = LimitPolicy(turns_per_minute=60_000, burst=1_000, tokens_per_day=5_000, reserve_tokens=1_000)


def test_a_burst_is_admitted_and_the_next_turn_is_not(stores: Stores) -> None:
    """People send a few messages in a row; a script sends hundreds."""
    taken = [stores.limits.take_turn("user-1", POLICY, NOW_MS) for _ in range(4)]

    assert taken == [None, None, None, Limit("rate", 1)]


def test_after_the_time_it_names_a_turn_is_admitted(stores: Stores) -> None:
    """A client that honours Retry-After must get through, and a limited turn must not push the time out."""
    for _ in range(3):
        stores.limits.take_turn("user-1", POLICY, NOW_MS)
    limited = [stores.limits.take_turn("user-1", POLICY, NOW_MS + 10) for _ in range(5)]

    assert limited == [Limit("rate", 1)] * 5
    assert stores.limits.take_turn("user-1", POLICY, NOW_MS + 1_000) is None
    assert stores.limits.take_turn("user-1", POLICY, NOW_MS + 1_000) == Limit("rate", 1)


def test_in_the_long_run_the_rate_holds(stores: Stores) -> None:
    """A minute of hammering: as many turns as the rate allows and the burst on top, not one more."""
    taken = [stores.limits.take_turn("user-1", ONLY_RATE, NOW_MS + tick * 250) for tick in range(240)]

    assert taken.count(None) == 62


def test_one_persons_turns_do_not_count_for_another(stores: Stores) -> None:
    """Limits are per person."""
    for _ in range(4):
        stores.limits.take_turn("user-1", POLICY, NOW_MS)

    assert stores.limits.take_turn("user-2", POLICY, NOW_MS) is None


def test_many_concurrent_turns_never_exceed_the_burst(stores: Stores) -> None:
    """A count that is read and then written would admit everyone who reads at the same time."""
    taken = at_once(24, lambda _n: stores.limits.take_turn("user-1", POLICY, NOW_MS))

    assert taken.count(None) == 3


def test_many_concurrent_turns_never_exceed_the_budget(stores: Stores) -> None:
    """Money is spent on what is admitted: the budget must hold under load most of all."""
    taken = at_once(24, lambda n: stores.limits.take_turn("user-1", ONLY_BUDGET, NOW_MS + n))

    assert taken.count(None) == 5
    assert stores.used_tokens("user-1") == 5_000


def test_the_budget_is_reserved_before_the_turn(stores: Stores) -> None:
    """Check-then-add lets everyone in who checks before the first one adds."""
    taken = [stores.limits.take_turn("user-1", ONLY_BUDGET, NOW_MS + n) for n in range(6)]

    assert taken == [None] * 5 + [Limit("budget", 15 * 3600)]
    assert stores.used_tokens("user-1") == 5_000


def test_a_turn_that_is_limited_takes_nothing(stores: Stores) -> None:
    """Neither may a turn that is over the rate use up tokens, nor one over the budget use up turns."""
    for _ in range(9):
        stores.limits.take_turn("user-1", POLICY, NOW_MS)

    assert stores.used_tokens("user-1") == 3_000

    tight = replace(POLICY, tokens_per_day=3_000)
    later = NOW_MS + 60_000
    assert stores.limits.take_turn("user-1", tight, later) == Limit("budget", 15 * 3600 - 60)
    assert [stores.limits.take_turn("user-1", POLICY, later) for _ in range(3)] == [None] * 3


def test_a_new_day_begins_with_a_new_budget(stores: Stores) -> None:
    """The budget is per UTC day, and yesterday's use is not today's."""
    for n in range(6):
        stores.limits.take_turn("user-1", ONLY_BUDGET, NOW_MS + n)
    next_day = NOW_MS + 15 * 3_600_000

    assert stores.limits.take_turn("user-1", ONLY_BUDGET, next_day - 1) == Limit("budget", 1)
    assert stores.limits.take_turn("user-1", ONLY_BUDGET, next_day) is None
    assert stores.used_tokens("user-1") == 1_000


def test_a_clock_that_is_behind_at_midnight_spends_todays_budget(stores: Stores) -> None:
    """Two machines disagree by some milliseconds; neither may bring yesterday's budget back."""
    midnight = NOW_MS + 15 * 3_600_000
    taken = [stores.limits.take_turn("user-1", ONLY_BUDGET, midnight + n * (-1) ** n) for n in range(2, 10)]

    assert taken.count(None) == 5


def test_many_concurrent_turns_at_midnight_get_one_new_budget(stores: Stores) -> None:
    """The change of day is a race of its own: only one caller may start the new count."""
    for n in range(5):
        stores.limits.take_turn("user-1", ONLY_BUDGET, NOW_MS + n)
    midnight = NOW_MS + 15 * 3_600_000

    taken = at_once(16, lambda n: stores.limits.take_turn("user-1", ONLY_BUDGET, midnight + n))

    assert taken.count(None) == 5


def test_a_reservation_beyond_the_whole_budget_is_refused(stores: Stores) -> None:
    """A budget of nothing switches a person's turns off; it must not let the first one of the day through."""
    assert stores.limits.take_turn("user-1", replace(POLICY, tokens_per_day=0), NOW_MS) == Limit(
        "budget", 15 * 3600
    )


@pytest.mark.parametrize("user", ["user-1", "a@b"])
def test_the_key_of_a_budget_names_person_and_day(stores: Stores, user: str) -> None:
    """A turn is settled against the day it was reserved on, even if it ends after midnight."""
    key = stores.limits.budget_key(user, NOW_MS)

    assert key != stores.limits.budget_key(user, NOW_MS + 86_400_000)
    assert key != stores.limits.budget_key("user-2", NOW_MS)
    assert key == stores.limits.budget_key(user, NOW_MS + 1)


def test_both_stores_decide_alike(dynamodb: DynamoDBClient) -> None:
    """What holds in memory has to hold on AWS, while days change and people pause, hurry and run dry."""
    memory, aws = memory_stores().limits, aws_stores(dynamodb).limits
    policy = LimitPolicy(turns_per_minute=2, burst=4, tokens_per_day=25_000, reserve_tokens=1_000)
    steps = Random(11)
    now_ms = NOW_MS
    decisions = []
    for _ in range(400):
        now_ms += steps.choices((0, 400, 20_000, 7_200_000), (6, 6, 6, 1))[0]
        user = steps.choice(("user-1", "user-2"))
        decisions.append((memory.take_turn(user, policy, now_ms), aws.take_turn(user, policy, now_ms)))

    assert all(in_memory == on_aws for in_memory, on_aws in decisions)
    assert {limit.reason if limit else "" for limit, _ in decisions} == {"", "rate", "budget"}
