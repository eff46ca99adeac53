"""Identifiers order by time, hide people, and make retries find what they began."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.ids import body_hash, user_id_hash, uuid4, uuid7

TIMES = st.integers(min_value=0, max_value=(1 << 48) - 1)
RANDOM = st.binary(min_size=10, max_size=16)


@given(TIMES, RANDOM)
def test_a_turn_id_is_a_version_7_uuid_of_its_time(unix_ms: int, random: bytes) -> None:
    """Other systems parse it by RFC 9562: time in the first 48 bits, version and variant in their places."""
    value = UUID(uuid7(unix_ms, random))

    assert value.version == 7
    assert value.variant == "specified in RFC 4122"
    assert value.int >> 80 == unix_ms


@given(TIMES, TIMES, RANDOM, RANDOM)
def test_turn_ids_sort_by_time(first: int, second: int, a: bytes, b: bytes) -> None:
    """Turns are read back in the order of their keys."""
    if first < second:
        assert uuid7(first, a) < uuid7(second, b)


def test_a_session_id_is_a_version_4_uuid() -> None:
    """Nothing about a session may be guessed from its id."""
    assert UUID(uuid4(bytes(range(16)))).version == 4


def test_a_pseudonym_needs_the_salt() -> None:
    """Whoever knows a subject must not be able to recompute who wrote what."""
    pseudonym = user_id_hash("salt", "subject")

    assert pseudonym == "09b33db7bf81098560b98e8c6a93470c3b102adf530a3b00da5787a72dfca211"
    assert pseudonym != user_id_hash("pepper", "subject")


def test_the_hash_of_a_body_ignores_the_order_of_its_keys() -> None:
    """A client that serialises again for a retry sends the same body."""
    assert body_hash({"a": 1, "b": "ü"}) == body_hash({"b": "ü", "a": 1})
    assert body_hash({"a": 1}) != body_hash({"a": 2})


def test_a_body_with_half_an_emoji_has_a_hash_too() -> None:
    """JSON can carry a lone surrogate, and UTF-8 cannot: the message is cleaned later, but claimed first."""
    assert body_hash({"message": "broken \ud83d"}) != body_hash({"message": "broken \ud83e"})
