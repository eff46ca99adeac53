"""Tokens of the operators' pool: exactly those that the pool signed, for this client, now."""

import hashlib
import hmac
import json
import time
from http.client import IncompleteRead
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st

from silent_infinity.adapters.tokens.key_set import (
    REFRESH_SECONDS,
    UNKNOWN_KEY_PAUSE_SECONDS,
    KeySet,
)
from silent_infinity.adapters.tokens.pool_tokens import LEEWAY_SECONDS, PoolTokens, issuer_of
from silent_infinity.ports.operator_tokens import KeysUnavailableError, TokenRefusedError
from tests.support.tokens import (
    CLIENT_ID,
    ISSUER,
    KEY_ID,
    POOL_ID,
    claims,
    encoded,
    part,
    private_key,
    public_key,
    signed,
)


class Pool:
    """The address of a pool's keys: what it answers, and how often it was asked."""

    def __init__(self, *keys: str) -> None:
        self.keys = [public_key(key) for key in keys]
        self.asked = 0
        self.error: Exception | None = None
        self.now = 1_000.0

    def fetch(self, _address: str) -> bytes:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return json.dumps({"keys": self.keys}).encode()

    def key_set(self) -> KeySet:
        return KeySet("https://keys.example", fetch=self.fetch, monotonic=lambda: self.now)


def pool_tokens(pool: Pool | None = None) -> PoolTokens:
    """Return the verifier before a pool with one key."""
    return PoolTokens((pool or Pool(KEY_ID)).key_set(), issuer=ISSUER, client_id=CLIENT_ID)


def test_a_good_token_gives_its_claims() -> None:
    """Otherwise nobody gets in, and every refusal below would mean nothing."""
    document = claims()

    assert pool_tokens().claims(signed(document)) == document


def test_the_issuer_is_the_pools_own_wherever_it_runs() -> None:
    """Cognito names itself by the region of the pool."""
    assert issuer_of(POOL_ID) == ISSUER
    assert issuer_of("eu-central-1_AbC") == "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbC"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"iss": ISSUER.replace("Operators", "People")}, "InvalidIssuerError"),
        ({"iss": f"{ISSUER}/"}, "InvalidIssuerError"),
        ({"iss": "https://evil.example/us-east-1_Operators"}, "InvalidIssuerError"),
        ({"aud": "another-client"}, "InvalidAudienceError"),
        ({"aud": [CLIENT_ID, "another-client"]}, "NotAnIdToken"),
        ({"aud": None, "client_id": CLIENT_ID, "token_use": "access"}, "MissingRequiredClaimError"),
        ({"token_use": "access"}, "NotAnIdToken"),
        ({"token_use": None}, "MissingRequiredClaimError"),
        ({"exp": int(time.time()) - LEEWAY_SECONDS - 5}, "ExpiredSignatureError"),
        ({"exp": None}, "MissingRequiredClaimError"),
        ({"exp": "tomorrow"}, "DecodeError"),
        ({"nbf": int(time.time()) + LEEWAY_SECONDS + 600}, "ImmatureSignatureError"),
        ({"iat": int(time.time()) + LEEWAY_SECONDS + 600}, "ImmatureSignatureError"),
        ({"sub": None}, "MissingRequiredClaimError"),
        ({"sub": 17}, "InvalidSubjectError"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else value,
)
def test_claims_of_somebody_elses_token_are_refused(changed: dict[str, Any], reason: str) -> None:
    """Each is signed with the right key: only the claim is wrong."""
    with pytest.raises(TokenRefusedError, match=f"^{reason}$"):
        pool_tokens().claims(signed(claims(**changed)))


def test_clocks_may_differ_by_a_few_seconds() -> None:
    """A token that was issued this moment must not fail for a clock that is a little behind."""
    now = int(time.time())
    ahead = claims(iat=now + LEEWAY_SECONDS - 5, nbf=now + LEEWAY_SECONDS - 5)
    just_ended = claims(exp=now - LEEWAY_SECONDS + 5)

    assert pool_tokens().claims(signed(ahead)) == ahead
    assert pool_tokens().claims(signed(just_ended)) == just_ended


def _forged() -> dict[str, str]:
    good = signed(claims())
    head, body, signature = good.split(".")
    pem = (
        private_key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    confused = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': KEY_ID})}.{body}"
    mac = hmac.new(pem, confused.encode(), hashlib.sha256).digest()
    other = part(claims(sub="somebody-else"))
    own_key = part({"alg": "RS256", "kid": "x", "jwk": public_key("own")})
    return {
        "no algorithm": f"{part({'alg': 'none', 'kid': KEY_ID})}.{body}.",
        "no algorithm, other case": f"{part({'alg': 'nOnE', 'kid': KEY_ID})}.{body}.{signature}",
        "HS256 with the public key": f"{confused}.{encoded(mac)}",
        "RS256 header, HMAC signature": f"{head}.{body}.{encoded(mac)}",
        "RS512": f"{part({'alg': 'RS512', 'kid': KEY_ID})}.{body}.{signature}",
        "no key id": f"{part({'alg': 'RS256'})}.{body}.{signature}",
        "a key id that is a list": f"{part({'alg': 'RS256', 'kid': [KEY_ID]})}.{body}.{signature}",
        "other claims": f"{head}.{other}.{signature}",
        "no signature": f"{head}.{body}.",
        "turned signature": f"{head}.{body}.{signature[::-1]}",
        "another pool's key": signed(claims(), key="foreign"),
        "another pool's key under our id": signed(claims(), key="foreign", kid=KEY_ID),
        "a key of its own": f"{own_key}.{body}.{signature}",
        "not a token": "letmein",
        "empty": "",
        "two parts": f"{head}.{body}",
        "not JSON": f"{encoded(b'no')}.{body}.{signature}",
        "long": f"{head}.{body}.{signature}{'A' * 9000}",
    }


@pytest.mark.parametrize("kind", list(_forged()))
def test_forged_tokens_are_refused_and_not_quoted(kind: str) -> None:
    """RFC 8725 lists the tricks; a refusal must not carry the token to a log."""
    token = _forged()[kind]

    with pytest.raises(TokenRefusedError) as refused:
        pool_tokens().claims(token)

    assert str(refused.value).isalnum()
    assert refused.value.__cause__ is None
    assert not token or token not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("no algorithm", "Algorithm"), ("HS256 with the public key", "Algorithm"), ("long", "TooLong")],
)
def test_what_cannot_be_a_token_is_refused_before_anything_is_fetched_or_computed(
    kind: str, reason: str
) -> None:
    """Strangers can send these for nothing; they should cost nothing."""
    pool = Pool(KEY_ID)
    with pytest.raises(TokenRefusedError, match=f"^{reason}$"):
        pool_tokens(pool).claims(_forged()[kind])

    assert pool.asked == 0


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_changed_token_passes(data: st.DataObject) -> None:
    """Whatever character is changed, what comes out is a refusal, or the same claims."""
    document = claims()
    token = signed(document)
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("AQgw.-_0 é"))
    changed = token[:place] + letter + token[place + 1 :]

    try:
        found = pool_tokens().claims(changed)
    except TokenRefusedError:
        return
    # The last character of a part has bits that mean nothing.
    assert found == document


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_refused_and_nothing_else_happens(text: str) -> None:
    """An unexpected error would be a 500, which tells an attacker that something broke."""
    with pytest.raises(TokenRefusedError):
        pool_tokens().claims(text)


def test_keys_are_fetched_once_for_many_tokens() -> None:
    """Every request of every operator would wait for the pool otherwise."""
    pool = Pool(KEY_ID)
    tokens = pool_tokens(pool)
    for _ in range(3):
        tokens.claims(signed(claims()))

    assert pool.asked == 1


def test_a_new_key_of_the_pool_is_found() -> None:
    """Pools change their keys without telling anybody."""
    pool = Pool(KEY_ID)
    tokens = pool_tokens(pool)
    tokens.claims(signed(claims()))
    pool.keys.append(public_key("key-2"))
    pool.now += UNKNOWN_KEY_PAUSE_SECONDS + 1

    assert tokens.claims(signed(claims(), key="key-2"))
    assert pool.asked == 2


def test_made_up_key_ids_do_not_have_the_pool_asked_for_each() -> None:
    """Anyone can send tokens: a flood of them must not reach the pool, or make operators wait."""
    pool = Pool(KEY_ID)
    tokens = pool_tokens(pool)
    tokens.claims(signed(claims()))
    pool.now += UNKNOWN_KEY_PAUSE_SECONDS + 1
    for number in range(20):
        with pytest.raises(TokenRefusedError, match="UnknownKey"):
            tokens.claims(signed(claims(), kid=f"made-up-{number}"))

    assert pool.asked == 2
    assert tokens.claims(signed(claims()))


def test_a_key_that_the_pool_gave_up_is_forgotten() -> None:
    """A key is given up because somebody may have it who should not."""
    pool = Pool(KEY_ID)
    tokens = pool_tokens(pool)
    tokens.claims(signed(claims()))
    pool.keys = [public_key("key-2")]
    pool.now += REFRESH_SECONDS + 1

    with pytest.raises(TokenRefusedError, match="UnknownKey"):
        tokens.claims(signed(claims()))


@pytest.mark.parametrize("error", [TimeoutError(), OSError(), IncompleteRead(b""), ValueError("too long")])
def test_without_keys_nobody_gets_in(error: Exception) -> None:
    """Fail closed: neither a yes, nor a 401 that sends operators to sign in again and again."""
    pool = Pool(KEY_ID)
    pool.error = error
    tokens = pool_tokens(pool)
    with pytest.raises(KeysUnavailableError):
        tokens.claims(signed(claims()))
    pool.error = None

    assert tokens.claims(signed(claims()))


def test_old_keys_are_not_used_while_the_pool_is_down_and_young_ones_are() -> None:
    """A moment's trouble locks nobody out, and does not prolong what the pool may have given up."""
    pool = Pool(KEY_ID)
    tokens = pool_tokens(pool)
    tokens.claims(signed(claims()))
    pool.error = TimeoutError()
    pool.now += UNKNOWN_KEY_PAUSE_SECONDS + 1
    with pytest.raises(KeysUnavailableError):
        tokens.claims(signed(claims(), kid="unknown"))

    assert tokens.claims(signed(claims()))
    pool.now += REFRESH_SECONDS
    with pytest.raises(KeysUnavailableError):
        tokens.claims(signed(claims()))


@pytest.mark.parametrize("document", [b"no", b"[]", b"{}", b'{"keys": [{}]}', b'{"keys": 1}', b"\xff"])
def test_a_document_that_is_none_is_as_good_as_no_document(document: bytes) -> None:
    """A proxy's error page must not become an error of a kind that nobody expects."""
    with pytest.raises(KeysUnavailableError):
        KeySet("https://keys.example", fetch=lambda _address: document).find(KEY_ID)


@pytest.mark.parametrize("changed", [{"kty": "EC"}, {"alg": "HS256"}, {"kty": "oct", "k": "c2VjcmV0"}])
def test_only_keys_for_rs256_are_used(changed: dict[str, str]) -> None:
    """The kind of key decides how it is used, not the token."""
    pool = Pool(KEY_ID)
    pool.keys = [{**public_key(), **changed}]

    with pytest.raises(TokenRefusedError, match="UnknownKey"):
        pool_tokens(pool).claims(signed(claims()))
