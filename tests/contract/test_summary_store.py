"""Summaries and leases: one suite for the store in memory and the one on AWS."""

from dataclasses import dataclass, replace

import pytest

from silent_infinity.adapters.aws.summaries import DynamoSummaryStore
from silent_infinity.adapters.memory.summaries import MemorySummaryStore
from silent_infinity.domain.crisis.posture import Posture
from silent_infinity.domain.turn import Usage
from silent_infinity.ports.conversations import ConversationStore, Session, StoredTurn
from silent_infinity.ports.summaries import Summary, SummaryState, SummaryStore
from tests.contract import aws
from tests.contract.conftest import aws_stores, memory_stores

LATER = 2_000_000_000
DUE = Summary("person", "2026-W47", SummaryState.DUE, "run-1", 1, ("s1", "s2"), LATER)
WRITTEN = replace(
    DUE,
    state=SummaryState.WRITTEN,
    text="Your week, with a heart \U0001f499.",
    locale="en-GB",
    written_at="2026-11-23T03:00:00+00:00",
    model_id="claude-haiku-4-5",
    provider="bedrock",
    prompt_id="weekly_synthesis/v1",
    prompt_sha="ab",
    score=0.93,
    attempts=2,
    batch=True,
    usage=Usage(1000, 400, 0, 0, 0.0016500001),
)


@dataclass(frozen=True)
class Shelf:
    """The store beside the sessions that it looks at."""

    summaries: SummaryStore
    conversations: ConversationStore

    def open(self, session_id: str, user: str = "person", posture: Posture | None = None) -> None:
        """Open a session."""
        now = "2026-11-20T10:00:00+00:00"
        session = Session(session_id, user, now, now, LATER, posture=posture or Posture())
        self.conversations.store_message(session, StoredTurn("t", session_id, "words", now, LATER))


@pytest.fixture(params=["memory", "aws"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    """An empty store of each kind."""
    if request.param == "memory":
        stores = memory_stores()
        return Shelf(MemorySummaryStore(stores.store), stores.conversations)
    client = request.getfixturevalue("dynamodb")
    return Shelf(DynamoSummaryStore(client, aws.CONVERSATIONS), aws_stores(client).conversations)


def test_a_week_is_held_by_one_run_at_a_time(shelf: Shelf) -> None:
    """Two runs over one week would ask for every summary twice."""
    store = shelf.summaries

    assert store.hold_week("2026-W47", "run-1", 1000, 2000)
    assert not store.hold_week("2026-W47", "run-2", 1500, 2500)
    assert store.hold_week("2026-W47", "run-1", 1500, 2500)
    assert not store.hold_week("2026-W47", "run-2", 2400, 3000)
    assert store.hold_week("2026-W46", "run-2", 1500, 2500)


def test_a_lease_that_nobody_keeps_ends(shelf: Shelf) -> None:
    """A run that died must not lock its week for ever."""
    shelf.summaries.hold_week("2026-W47", "run-1", 1000, 2000)

    assert shelf.summaries.hold_week("2026-W47", "run-2", 2001, 3000)
    assert not shelf.summaries.hold_week("2026-W47", "run-1", 2002, 3000)


def test_a_week_is_released_by_its_holder_only(shelf: Shelf) -> None:
    """A run that was overtaken cleans up after itself and nobody else."""
    shelf.summaries.hold_week("2026-W47", "run-1", 1000, 2000)

    shelf.summaries.release_week("2026-W47", "run-2")
    assert not shelf.summaries.hold_week("2026-W47", "run-2", 1500, 2500)
    shelf.summaries.release_week("2026-W47", "run-1")
    shelf.summaries.release_week("2026-W47", "run-1")
    assert shelf.summaries.hold_week("2026-W47", "run-2", 1500, 2500)


def test_a_claim_belongs_to_the_page_that_made_it(shelf: Shelf) -> None:
    """Somebody on two pages is one person; a page that is done again is done the same."""
    store = shelf.summaries

    assert store.claim(DUE)
    assert store.claim(DUE)
    assert not store.claim(replace(DUE, page=2))
    assert store.claim(replace(DUE, run="run-2", page=2))
    assert not store.claim(replace(DUE, run="run-2", page=1))
    assert store.claim(replace(DUE, week="2026-W46"))
    assert store.find("person", "2026-W47") == replace(DUE, run="run-2", page=2)
    assert store.find("person", "2026-W45") is None


def test_what_is_kept_is_found_as_it_was(shelf: Shelf) -> None:
    """Every field, tokens and cost to the last digit."""
    shelf.open("s1")
    shelf.open("s2")
    shelf.summaries.claim(DUE)

    assert shelf.summaries.keep(WRITTEN)
    assert shelf.summaries.find("person", "2026-W47") == WRITTEN


def test_a_written_summary_is_never_written_again(shelf: Shelf) -> None:
    """Neither by the same run nor by the next."""
    shelf.open("s1")
    shelf.open("s2")
    shelf.summaries.claim(DUE)
    shelf.summaries.keep(WRITTEN)

    assert not shelf.summaries.keep(replace(WRITTEN, text="another"))
    assert not shelf.summaries.claim(replace(DUE, run="run-2"))
    assert shelf.summaries.find("person", "2026-W47") == WRITTEN


@pytest.mark.parametrize("claim", [None, replace(DUE, run="run-2")], ids=["none", "another run's"])
def test_without_its_claim_nothing_is_kept(shelf: Shelf, claim: Summary | None) -> None:
    """A deletion took it, or another run."""
    shelf.open("s1")
    shelf.open("s2")
    if claim:
        shelf.summaries.claim(claim)

    assert not shelf.summaries.keep(WRITTEN)
    assert not shelf.summaries.keep(replace(DUE, state=SummaryState.SKIPPED, code="length"))
    assert shelf.summaries.find("person", "2026-W47") == claim


def test_a_deleted_session_keeps_a_summary_away(shelf: Shelf) -> None:
    """The tombstone is there before the summaries are looked for, so one of the two catches it."""
    shelf.open("s1")
    shelf.open("s2")
    shelf.summaries.claim(DUE)
    shelf.conversations.bury_session("s2", "2026-11-23T00:00:00+00:00", LATER)

    assert not shelf.summaries.keep(WRITTEN)
    assert shelf.summaries.find("person", "2026-W47") == DUE


def test_a_session_in_crisis_flow_keeps_a_summary_away(shelf: Shelf) -> None:
    """It began after the words were gathered."""
    shelf.open("s1")
    shelf.open("s2", posture=Posture(active=True, level=2, peak=2))
    shelf.summaries.claim(DUE)

    assert not shelf.summaries.keep(WRITTEN)


def test_a_session_that_has_expired_keeps_a_summary_away(shelf: Shelf) -> None:
    """Its words are gone; a summary would bring them back."""
    shelf.open("s1")
    shelf.summaries.claim(DUE)

    assert not shelf.summaries.keep(WRITTEN)


def test_a_skipped_one_is_kept_with_its_code_and_can_be_claimed_by_the_next_run(shelf: Shelf) -> None:
    """It needs no session: it tells of none."""
    skipped = replace(DUE, state=SummaryState.SKIPPED, code="length.too_short", usage=Usage(1, 2, 0, 0, 0.1))
    shelf.summaries.claim(DUE)

    assert shelf.summaries.keep(skipped)
    assert shelf.summaries.find("person", "2026-W47") == skipped
    assert shelf.summaries.claim(replace(DUE, run="run-2"))


def test_a_session_takes_along_what_tells_of_it(shelf: Shelf) -> None:
    """And nothing else, of this person or another."""
    store = shelf.summaries
    store.claim(replace(DUE, week="2026-W45", session_ids=("s1",)))
    store.claim(replace(DUE, week="2026-W46", session_ids=("s2", "s1")))
    store.claim(DUE)
    store.claim(replace(DUE, user_id_hash="other", session_ids=("s2",)))

    assert store.forget_session("person", "s2") == 2
    assert [summary.week for summary in store.of_person("person")] == ["2026-W45"]
    assert len(store.of_person("other")) == 1
    assert store.forget_session("person", "s2") == 0
