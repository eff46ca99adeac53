"""What every store of circuit breakers promises."""

from dataclasses import replace

from mypy_boto3_dynamodb import DynamoDBClient

from silent_infinity.domain.breaker import BreakerState
from tests.contract.gateway_stores import GatewayShared, aws_shared
from tests.contract.threads import at_once

NOW_MS = 1_795_251_600_000
KEY = "bedrock/claude-sonnet-4-6"
OPEN = BreakerState(open_until_ms=NOW_MS + 15_000, probe_until_ms=NOW_MS + 25_000, version=1)


def test_what_nobody_knows_is_closed(shared: GatewayShared) -> None:
    """A table that was just made must not keep anybody from a model."""
    assert shared.breakers.read(KEY) == BreakerState()


def test_a_state_is_read_as_it_was_written(shared: GatewayShared) -> None:
    """By every process, field by field."""
    assert shared.breakers.replace(KEY, BreakerState(), OPEN, NOW_MS) is True
    assert shared.breakers.read(KEY) == OPEN
    counting = BreakerState(failures=3, window_start_ms=NOW_MS, version=2)
    assert shared.breakers.replace(KEY, OPEN, counting, NOW_MS) is True
    assert shared.breakers.read(KEY) == counting


def test_models_have_breakers_of_their_own(shared: GatewayShared) -> None:
    """Haiku that is throttled says nothing of Sonnet."""
    shared.breakers.replace(KEY, BreakerState(), OPEN, NOW_MS)

    assert shared.breakers.read("bedrock/claude-haiku-4-5").is_closed


def test_a_change_of_what_has_changed_is_refused(shared: GatewayShared) -> None:
    """Else two processes would both be the one that probes."""
    shared.breakers.replace(KEY, BreakerState(), OPEN, NOW_MS)

    assert shared.breakers.replace(KEY, BreakerState(), replace(OPEN, failures=9), NOW_MS) is False
    assert shared.breakers.replace(KEY, replace(OPEN, version=7), replace(OPEN, version=8), NOW_MS) is False
    assert shared.breakers.read(KEY) == OPEN


def test_of_many_changes_at_once_one_takes_place(shared: GatewayShared) -> None:
    """From an empty table, and from a state."""
    first = at_once(
        16, lambda n: shared.breakers.replace(KEY, BreakerState(), replace(OPEN, failures=n), NOW_MS)
    )
    assert first.count(True) == 1

    state = shared.breakers.read(KEY)
    second = at_once(
        16, lambda n: shared.breakers.replace(KEY, state, replace(state, failures=n, version=2), NOW_MS)
    )
    assert second.count(True) == 1


def test_a_breaker_that_nobody_needs_any_more_expires(dynamodb: DynamoDBClient) -> None:
    """Models go out of use; a day is longer than any outage that a breaker bridges."""
    shared = aws_shared(dynamodb)
    shared.breakers.replace(KEY, BreakerState(), OPEN, NOW_MS)

    [item] = shared.items()
    assert item["expires_at"] == NOW_MS // 1000 + 86_400
