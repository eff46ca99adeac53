"""The index of sessions by person: in memory and on AWS."""

import pytest

from silent_infinity.adapters.aws.session_index import DynamoSessionIndex
from silent_infinity.adapters.aws.summaries import DynamoSummaryStore
from silent_infinity.adapters.memory.session_index import MemorySessionIndex
from silent_infinity.ports.conversations import Session, StoredTurn
from silent_infinity.ports.session_index import SessionIndex
from silent_infinity.ports.summaries import Summary, SummaryState
from tests.contract import aws
from tests.contract.conftest import Stores, aws_stores, memory_stores

MONDAY = "2026-11-16T00:00:00+00:00"
LATER = 2_000_000_000


@pytest.fixture(params=["memory", "aws"])
def made(request: pytest.FixtureRequest) -> tuple[SessionIndex, Stores]:
    """An index of each kind, and the stores beside it."""
    if request.param == "memory":
        stores = memory_stores()
        return MemorySessionIndex(stores.store), stores
    client = request.getfixturevalue("dynamodb")
    summary = Summary("summarised", "2026-W47", SummaryState.DUE, "run", 1, (), LATER)
    # What else lies in the table is nobody's session.
    DynamoSummaryStore(client, aws.CONVERSATIONS).claim(summary)
    DynamoSummaryStore(client, aws.CONVERSATIONS).hold_week("2026-W47", "run", 1, 2)
    return DynamoSessionIndex(client, aws.CONVERSATIONS), aws_stores(client)


def spoke(stores: Stores, user: str, session_id: str, updated_at: str) -> None:
    """Open a session that was last written to then."""
    session = Session(session_id, user, updated_at, updated_at, LATER)
    stores.conversations.store_message(session, StoredTurn("t", session_id, "words", updated_at, LATER))


def everybody(index: SessionIndex, limit: int) -> list[str]:
    """Return the people of all pages, one after the other."""
    found: list[str] = []
    cursor = ""
    while True:
        page = index.people_since(MONDAY, cursor, limit)
        assert len(set(page.people)) == len(page.people)
        found += page.people
        cursor = page.cursor
        if not cursor:
            return found


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_everybody_who_spoke_is_on_some_page(made: tuple[SessionIndex, Stores], limit: int) -> None:
    """However many sessions a page looks at, and also if a page has nobody on it."""
    index, stores = made
    for number in range(7):
        spoke(stores, f"person-{number}", f"session-{number}", f"2026-11-1{number}T10:00:00+00:00")
    spoke(stores, "person-6", "another", "2026-11-18T10:00:00+00:00")

    assert set(everybody(index, limit)) == {"person-6"}
    spoke(stores, "person-7", "session-7", MONDAY)
    assert set(everybody(index, limit)) == {"person-6", "person-7"}


def test_nobody_spoke(made: tuple[SessionIndex, Stores]) -> None:
    """An empty table is one empty page."""
    assert everybody(made[0], 10) == []


def test_a_persons_sessions_since_then(made: tuple[SessionIndex, Stores]) -> None:
    """Oldest first, and nobody else's."""
    index, stores = made
    spoke(stores, "person", "before", "2026-11-15T23:59:59+00:00")
    spoke(stores, "person", "later", "2026-11-19T00:00:00+00:00")
    spoke(stores, "person", "monday", MONDAY)
    spoke(stores, "other", "theirs", "2026-11-18T00:00:00+00:00")

    assert tuple(index.sessions_since("person", MONDAY)) == ("monday", "later")
