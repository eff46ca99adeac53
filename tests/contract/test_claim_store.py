"""What every store of idempotency claims promises."""

from dataclasses import replace

import pytest

from silent_infinity.ports.claims import Claim
from tests.contract.conftest import Stores
from tests.contract.threads import at_once

CLAIM = Claim(
    claim_key="claim-1",
    body_hash="b0d1",
    turn_id="turn-1",
    session_id="session-1",
    owner="execution-1",
    lease_until_ms=1_000,
    expires_at=2_000_000_000,
)


def test_the_first_claim_stands(stores: Stores) -> None:
    """Everyone who comes later must learn the identifiers that the first one fixed."""
    first = stores.claims.put_if_absent(CLAIM)
    second = stores.claims.put_if_absent(replace(CLAIM, turn_id="turn-2", owner="execution-2"))

    assert first == CLAIM
    assert second == CLAIM
    assert stores.claims.find("claim-1") == CLAIM


def test_a_claim_that_is_not_there_is_none(stores: Stores) -> None:
    """A poller must tell "not yet" from "an answer"."""
    assert stores.claims.find("claim-1") is None


def test_one_of_many_concurrent_claims_stands(stores: Stores) -> None:
    """Twenty copies of one request must become one turn."""
    standing = at_once(
        20, lambda n: stores.claims.put_if_absent(replace(CLAIM, turn_id=f"turn-{n}", owner=f"execution-{n}"))
    )

    assert len(set(standing)) == 1
    assert standing[0] == stores.claims.find("claim-1")


def test_an_expired_claim_counts_until_the_store_removes_it(stores: Stores) -> None:
    """DynamoDB removes expired items hours later; nobody may start a second turn in between."""
    stores.claims.put_if_absent(replace(CLAIM, expires_at=1))

    assert stores.claims.put_if_absent(replace(CLAIM, turn_id="turn-2")).turn_id == "turn-1"


def test_a_take_over_keeps_the_turn_and_changes_the_owner(stores: Stores) -> None:
    """A turn that is taken over keeps its id, or its event would be written twice."""
    stores.claims.put_if_absent(CLAIM)

    taken = stores.claims.take_over(CLAIM, "execution-2", 5_000)

    assert taken == replace(CLAIM, owner="execution-2", lease_until_ms=5_000)
    assert stores.claims.find("claim-1") == taken


def test_one_of_many_take_overs_succeeds(stores: Stores) -> None:
    """Two owners would generate two replies."""
    stores.claims.put_if_absent(CLAIM)

    taken = at_once(12, lambda n: stores.claims.take_over(CLAIM, f"execution-{n + 2}", 5_000))

    assert sum(claim is not None for claim in taken) == 1


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(replace(CLAIM, owner="execution-9"), id="another owner"),
        pytest.param(replace(CLAIM, lease_until_ms=999), id="an older lease"),
        pytest.param(replace(CLAIM, turn_id="turn-9"), id="another turn"),
        pytest.param(replace(CLAIM, claim_key="claim-9"), id="no such claim"),
    ],
)
def test_a_claim_that_changed_is_not_taken_over(stores: Stores, seen: Claim) -> None:
    """Whoever decides on what it saw must not overwrite what it did not see."""
    stores.claims.put_if_absent(CLAIM)

    assert stores.claims.take_over(seen, "execution-2", 5_000) is None
    assert stores.claims.find("claim-1") == CLAIM
    assert stores.claims.find("claim-9") is None


def test_a_completed_claim_is_not_taken_over(stores: Stores) -> None:
    """A reply that was fixed is served again, never written anew."""
    stores.claims.put_if_absent(CLAIM)
    stores.claims.complete("claim-1", "turn-1", "{}", "{}")

    assert stores.claims.take_over(CLAIM, "execution-2", 5_000) is None


def test_completing_fixes_the_first_reply(stores: Stores) -> None:
    """The same key gives the same reply, however often an attempt is repeated."""
    stores.claims.put_if_absent(CLAIM)

    first = stores.claims.complete("claim-1", "turn-1", '{"text": "first"}', '{"record": 1}')
    second = stores.claims.complete("claim-1", "turn-1", '{"text": "second"}', '{"record": 2}')

    assert first == replace(CLAIM, answer='{"text": "first"}', record='{"record": 1}')
    assert second == first
    assert stores.claims.find("claim-1") == first


def test_many_concurrent_completions_agree_on_one_reply(stores: Stores) -> None:
    """Two attempts of the same turn must hand the same reply to their callers."""
    stores.claims.put_if_absent(CLAIM)

    standing = at_once(12, lambda n: stores.claims.complete("claim-1", "turn-1", f'"{n}"', "{}"))

    assert len({claim.answer for claim in standing if claim}) == 1


def test_completing_another_turn_changes_nothing(stores: Stores) -> None:
    """A late attempt must not answer for the turn that took its place."""
    stores.claims.put_if_absent(CLAIM)

    assert stores.claims.complete("claim-1", "turn-9", "{}", "{}") == CLAIM


def test_completing_a_claim_that_is_gone_is_none(stores: Stores) -> None:
    """A claim that was forgotten with its session must not come back holding a reply."""
    assert stores.claims.complete("claim-1", "turn-1", "{}", "{}") is None
    assert stores.claims.find("claim-1") is None


def test_a_released_claim_can_be_taken_over_at_once(stores: Stores) -> None:
    """After a refusal the person may send the message again without waiting for a lease to run out."""
    stores.claims.put_if_absent(CLAIM)

    stores.claims.release("claim-1", "execution-1")

    released = stores.claims.find("claim-1")
    assert released == replace(CLAIM, lease_until_ms=0)


def test_only_the_owner_of_an_unfinished_claim_releases_it(stores: Stores) -> None:
    """A slow attempt that lost its claim must not end the lease of its successor."""
    stores.claims.put_if_absent(CLAIM)
    stores.claims.release("claim-1", "execution-9")
    stores.claims.release("claim-9", "execution-1")

    assert stores.claims.find("claim-1") == CLAIM
    assert stores.claims.find("claim-9") is None

    completed = stores.claims.complete("claim-1", "turn-1", "{}", "{}")
    stores.claims.release("claim-1", "execution-1")

    assert stores.claims.find("claim-1") == completed


def test_forgotten_claims_are_gone(stores: Stores) -> None:
    """Answers hold replies: deleting a session must reach them too."""
    for number in range(30):
        stores.claims.put_if_absent(replace(CLAIM, claim_key=f"claim-{number}"))

    stores.claims.forget((*(f"claim-{number}" for number in range(30)), "claim-of-nobody"))

    assert all(stores.claims.find(f"claim-{number}") is None for number in range(30))
