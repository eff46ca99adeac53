"""How a conversation lies in its table.

| pk | sk | holds |
|---|---|---|
| `SESSION#<session id>` | `META` | the session; only it has `user_id_hash`, so only it is in `user-index` |
| `SESSION#<session id>` | `TURN#<turn id>` | one turn; turn ids sort by time |
| `USER#<pseudonym>` | `SUMMARY#<week>` | a person's summary of a week, see `summaries` |
| `SYNTHESIS#<week>` | `RUN` | who is at work on the summaries of a week |
| `SESSION#<session id>` | `SENTINEL#<turn id>` | what the sentinel observed in that turn: no words |
"""

from collections.abc import Mapping
from typing import Any

from silent_infinity.adapters.aws.items import Item, from_item, to_item
from silent_infinity.domain.payload import from_payload, to_payload
from silent_infinity.ports.conversations import Session, StoredTurn

TURN_PREFIX = "TURN#"
OBSERVATION_PREFIX = "SENTINEL#"
USER_INDEX = "user-index"


def partition(session_id: str) -> str:
    """Return the partition of a session's items."""
    return f"SESSION#{session_id}"


def session_id_of(pk: str) -> str:
    """Return the session whose partition this is."""
    return pk.partition("#")[2]


def session_key(session_id: str) -> Item:
    """Return the key of the session's item."""
    return to_item({"pk": partition(session_id), "sk": "META"})


def turn_key(session_id: str, turn_id: str) -> Item:
    """Return the key of a turn's item."""
    return to_item({"pk": partition(session_id), "sk": f"{TURN_PREFIX}{turn_id}"})


def observation_key(session_id: str, turn_id: str) -> Item:
    """Return the key of the sentinel's item of a turn."""
    return to_item({"pk": partition(session_id), "sk": f"{OBSERVATION_PREFIX}{turn_id}"})


def is_turn(key: Mapping[str, Any]) -> bool:
    """Whether the item of this key is a turn."""
    return str(from_item(key)["sk"]).startswith(TURN_PREFIX)


def session_item(session: Session) -> Item:
    """Return the item of a session."""
    return {**session_key(session.session_id), **to_item(to_payload(session))}


def turn_item(turn: StoredTurn) -> Item:
    """Return the item of a turn."""
    return {**turn_key(turn.session_id, turn.turn_id), **to_item(to_payload(turn))}


def session_of(item: Mapping[str, Any]) -> Session:
    """Return the session that an item holds."""
    return from_payload(Session, from_item(item))


def turn_of(item: Mapping[str, Any]) -> StoredTurn:
    """Return the turn that an item holds."""
    return from_payload(StoredTurn, from_item(item))
