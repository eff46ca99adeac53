"""The authorizer as API Gateway calls it: a pool's keys over HTTP, a token in, a policy or an error out."""

import http.server
import io
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from silent_infinity.adapters.aws import clients
from silent_infinity.ports.operator_tokens import KeysUnavailableError
from tests.functions.test_turn_handlers import Context, handler, run_python
from tests.support.tokens import CLIENT_ID, KEY_ID, POOL_ID, claims, public_key, signed

FOLDER = "admin_authorizer"
ARN = "arn:aws:execute-api:us-east-1:000000000000:api1/live/GET/admin/api/variants"


class KeyServer(http.server.ThreadingHTTPServer):
    """Answers with the keys of the pool at the address that Cognito has them at."""

    paths: list[str]
    status: int


class _Keys(http.server.BaseHTTPRequestHandler):
    server: KeyServer

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(json.dumps({"keys": [public_key()]}).encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyServer]:
    """A user pool's public side, and the variables that the stack and Lambda set."""
    server = KeyServer(("127.0.0.1", 0), _Keys)
    server.paths, server.status = [], 200
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "OPERATOR_POOL_ID": POOL_ID,
        "OPERATOR_CLIENT_ID": CLIENT_ID,
    }.items():
        monkeypatch.setenv(name, value)
    clients.user_pools_address.cache_clear()
    handler(FOLDER)._authorize_operator.cache_clear()
    yield server
    server.shutdown()
    server.server_close()
    clients.user_pools_address.cache_clear()


@pytest.fixture
def printed() -> Iterator[io.StringIO]:
    """What the function's logger prints; it holds on to the standard output that it first met."""
    stream = io.StringIO()
    handlers = handler(FOLDER).logger.handlers
    before = [each.setStream(stream) for each in handlers]
    yield stream
    for each, old in zip(handlers, before, strict=True):
        each.setStream(old)


def called(token: str) -> dict[str, Any]:
    """What the function answers to API Gateway."""
    event = {"type": "TOKEN", "authorizationToken": token, "methodArn": ARN}
    answer: dict[str, Any] = handler(FOLDER).lambda_handler(event, Context(FOLDER))
    return answer


def effect(answer: dict[str, Any]) -> str:
    """Allow or Deny."""
    return str(answer["policyDocument"]["Statement"][0]["Effect"])


def test_importing_the_handler_needs_no_environment() -> None:
    """Wiring is lazy: a missing variable is told by the invocation that needs it."""
    run_python(f"import functions.{FOLDER}.handler")


def test_an_operator_gets_in_and_the_keys_come_from_the_pool(pool: KeyServer) -> None:
    """The address is the one of the region's service, as the SDK knows it; the issuer is the pool's name."""
    answer = called(signed(claims()))

    assert effect(answer) == "Allow"
    assert answer["policyDocument"]["Statement"][0]["Resource"].endswith(":api1/live/*/admin/api/*")
    assert effect(called(f"Bearer {signed(claims())}")) == "Allow"
    assert pool.paths == [f"/{POOL_ID}/.well-known/jwks.json"]


def test_on_aws_the_keys_are_asked_of_the_regions_own_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the SDK decides where that is."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    clients.user_pools_address.cache_clear()
    clients._session.cache_clear()
    address = clients.user_pools_address()
    clients.user_pools_address.cache_clear()
    clients._session.cache_clear()

    assert address == "https://cognito-idp.eu-central-1.amazonaws.com"


def test_an_operator_without_the_group_is_denied(pool: KeyServer) -> None:
    """403, not 401: signing in again would not help."""
    assert effect(called(signed(claims(**{"cognito:groups": ["readers"]})))) == "Deny"
    assert pool.paths


@pytest.mark.parametrize(
    "token",
    [
        signed(claims(iss="https://cognito-idp.us-east-1.amazonaws.com/us-east-1_People")),
        signed(claims(), key="foreign"),
        signed(claims(), key="foreign", kid=KEY_ID),
        signed(claims(exp=int(time.time()) - 60)),
        signed(claims(token_use="access")),
        signed(claims(aud="another-client")),
        "notheader.notclaims.notsignature",
    ],
    ids=["people's pool", "foreign key", "foreign key under our id", "expired", "access", "client", "none"],
)
def test_others_are_unauthorized_and_their_tokens_are_nowhere_in_the_log(
    pool: KeyServer, token: str, capsys: pytest.CaptureFixture[str], printed: io.StringIO
) -> None:
    """API Gateway answers 401 to this very text; whoever reads logs must not find a token to use."""
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        called(token)

    written = "".join(capsys.readouterr()) + printed.getvalue()
    assert '"refused"' in written
    for part in token.split("."):
        assert part not in written
    assert pool.paths or token == "notheader.notclaims.notsignature"


def test_when_the_pool_has_no_answer_nobody_gets_in(pool: KeyServer) -> None:
    """API Gateway makes a 500 of it; a yes without a check would be worse, and a 401 would be a lie."""
    pool.status = 503
    with pytest.raises(KeysUnavailableError):
        called(signed(claims()))
    pool.status = 200

    assert effect(called(signed(claims()))) == "Allow"
