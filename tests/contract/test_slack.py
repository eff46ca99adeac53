"""Messages to the team's channel: what is posted, what is tried again, and what never leaves."""

import json
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.adapters.http import slack
from silent_infinity.adapters.http.slack import ATTEMPTS, SlackChat, escaped
from silent_infinity.adapters.system.team_chat import NoTeamChat
from silent_infinity.ports.errors import StoreUnavailableError
from tests.support.webhook import Webhook


def chat(address: str, slept: list[float] | None = None, *, allow_http: bool = True) -> SlackChat:
    """A channel behind an address; it does not really wait."""
    return SlackChat(
        lambda: address, allow_http=allow_http, sleep=(slept if slept is not None else []).append
    )


def test_a_message_arrives_as_it_was_written() -> None:
    """Text with any script in it, as JSON that Slack takes."""
    with Webhook() as webhook:
        posted = chat(webhook.url).post("The promotion of A/b was approved — 100 %.\nMore: docs.")

    assert posted is True
    assert [json.loads(body) for body in webhook.posts] == [
        {"text": "The promotion of A/b was approved — 100 %.\nMore: docs."}
    ]


def test_nothing_in_a_message_is_a_command() -> None:
    """A variant whose name is a mention must not wake the whole channel."""
    assert escaped("<!channel> & <https://evil.test|here>") == (
        "&lt;!channel&gt; &amp; &lt;https://evil.test|here&gt;"
    )


@given(st.text())
def test_an_escaped_text_never_holds_a_bracket(text: str) -> None:
    """Links, mentions and dates of Slack all begin with one."""
    assert not set("<>") & set(escaped(text))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_channel_is_tried_again(status: int) -> None:
    """A message about a promotion is worth a second; the pauses grow."""
    slept: list[float] = []
    with Webhook() as webhook:
        webhook.refusals += [status] * (ATTEMPTS - 1)
        posted = chat(webhook.url, slept).post("hello")

    assert posted is True
    assert len(webhook.posts) == 1
    assert slept == [0.5, 1.0]


def test_a_channel_that_stays_busy_is_given_up_without_its_address() -> None:
    """The address is a secret, and errors are logged."""
    slept: list[float] = []
    with Webhook() as webhook:
        webhook.refusals += [503] * ATTEMPTS
        with pytest.raises(StoreUnavailableError) as caught:
            chat(webhook.url, slept).post("hello")

    assert str(caught.value) == "Http503"
    assert len(slept) == ATTEMPTS - 1
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("status", [301, 302, 307, 400, 403, 404, 410])
def test_what_will_not_get_better_is_not_tried_again(status: int) -> None:
    """A webhook that was revoked answers so for ever; one that points elsewhere is not followed."""
    slept: list[float] = []
    with Webhook() as webhook:
        webhook.refusals += [status]
        with pytest.raises(StoreUnavailableError, match=f"^Http{status}$"):
            chat(webhook.url, slept).post("hello")

    assert slept == []
    assert webhook.posts == []


def test_a_channel_that_is_not_there_is_an_outage() -> None:
    """Connections are refused: tried again, then said."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/services/secret"
    slept: list[float] = []

    with pytest.raises(StoreUnavailableError) as caught:
        chat(address, slept).post("hello")
    assert "secret" not in str(caught.value)
    assert len(slept) == ATTEMPTS - 1


def test_a_channel_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function that posts has seconds."""
    monkeypatch.setattr(slack, "TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(StoreUnavailableError, match="TimeoutError"):
            chat(address).post("hello")


@pytest.mark.parametrize(
    "address",
    ["http://hooks.slack.test/services/s", "file:///etc/passwd", "ftp://x/", "https://", "s", "http://["],
)
def test_only_https_leaves_the_house(address: str) -> None:
    """The address comes out of a secret that people type; without TLS everybody on the way reads along."""
    with pytest.raises(StoreUnavailableError) as caught:
        chat(address, allow_http=False).post("hello")

    assert str(caught.value) == "WebhookAddress"


def test_a_secret_that_cannot_be_read_is_an_outage() -> None:
    """Its error is that of the store, and passes."""

    def unreadable() -> str:
        raise StoreUnavailableError("AccessDenied")

    with pytest.raises(StoreUnavailableError, match="AccessDenied"):
        SlackChat(unreadable).post("hello")


def test_without_a_channel_nothing_is_posted_and_that_is_said() -> None:
    """Whoever reads what was told must not believe that the team knows."""
    assert NoTeamChat().post("hello") is False
