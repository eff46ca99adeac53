"""`./run outbox`: what people would have got by e-mail."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local.cli.__main__ import build_parser
from local.cli.command import Context
from local.stack import mails
from local.stack.mails import CONFIRMATION, NOTIFICATION, Mail, from_envelope
from local.tools.errors import LocalError

PAGE = "http://127.0.0.1:20001/restapis/x/local/_user_request_/v1/approvals/p-1?a=ada&v=3"
OUT = "http://127.0.0.1:20001/?Action=Unsubscribe&SubscriptionArn=arn:1"
CONFIRM = "http://127.0.0.1:20001/?Action=ConfirmSubscription&Token=t"


def mail(at: str, text: str = "text", **fields: Any) -> Mail:
    """A mail to Ada."""
    given = {
        "id": at,
        "kind": NOTIFICATION,
        "at": at,
        "sender": "Silent Infinity <no-reply@sns.amazonaws.com>",
        "to": "ada@example.org",
        "subject": "arm-b: passed",
        "text": text,
        "topic": "arn:topic",
        "link": OUT,
        **fields,
    }
    return Mail(**given)


APPROVAL = mail("2026-11-22T02:00:00Z", f"Please decide.\n\nApprove: {PAGE}&d=approve\nReject: {PAGE}\n{OUT}")
BEGIN = mail("2026-11-22T01:00:00Z", f"Follow {CONFIRM}", kind=CONFIRMATION, subject="Confirm", link=CONFIRM)
ALERT = {"Timestamp": "2026-11-22T01:30:00.123Z", "Message": "It failed.", "Subject": "Rollup"}


class Stack:
    """A stack that is up, with some mails."""

    def __init__(self, home: Path, found: list[Mail], told: list[dict[str, str]] | None = None) -> None:
        self.home = home
        self._found, self._told = found, told or []

    def require_up(self) -> None:
        """It is."""

    def mails(self) -> list[Mail]:
        """What was received."""
        return self._found

    def outbox_messages(self) -> list[dict[str, str]]:
        """What the operations topic sent since the last call."""
        told, self._told = self._told, []
        return told


def run(stack: Stack, *options: str) -> int:
    """Run the command."""
    arguments = build_parser().parse_args(["outbox", *options])
    context: Any = SimpleNamespace(stack=stack)
    code: int = arguments.run(context, arguments)
    return code


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A stack with an alert and two mails."""
    return Stack(tmp_path, [BEGIN, APPROVAL], [ALERT])


def test_all_messages_are_shown_in_order_newest_last(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the end of a long list a terminal shows what has just come."""
    run(stack)

    lines = capsys.readouterr().out.splitlines()
    heads = [line for line in lines if line[:1].isdigit()]
    assert heads == [
        "1  2026-11-22T01:00:00Z  Confirm",
        "2  2026-11-22T01:30:00Z  Rollup",
        "3  2026-11-22T02:00:00Z  arm-b: passed",
    ]
    assert "From: Silent Infinity <no-reply@sns.amazonaws.com>" in lines
    assert f"Approve: {PAGE}&d=approve" in lines


def test_what_the_queue_gave_once_is_shown_again(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    """The queue is emptied by reading it."""
    run(stack)
    capsys.readouterr()
    run(stack)

    assert "It failed." in capsys.readouterr().out


def test_a_number_stays_the_same_whatever_is_left_out(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--open 3` after `--last 1` has to open what was shown as 3."""
    run(stack, "--last", "1", "--to", "ada@example.org", "--json")

    [only] = json.loads(capsys.readouterr().out)
    assert (only["number"], only["subject"]) == (3, "arm-b: passed")


def test_an_empty_outbox_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Silence looks like a failure."""
    run(Stack(tmp_path, []))

    assert capsys.readouterr().out == "The outbox is empty.\n"


def test_a_mail_cannot_move_the_cursor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its subject has an operator's words in it."""
    run(Stack(tmp_path, [mail("2026-11-22T02:00:00Z", "a\x1b[2Kb\nc", subject="x\x1b[1A")]))

    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "a\\x1b[2Kb\nc\n" in shown


@pytest.mark.parametrize(("number", "link"), [("1", CONFIRM), ("3", f"{PAGE}&d=approve")])
def test_the_link_of_a_message_is_opened(
    stack: Stack,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    number: str,
    link: str,
) -> None:
    """The approval's, or the one that begins a subscription; never the one that ends it."""
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    run(stack, "--open", number)

    assert opened == [link]
    assert capsys.readouterr().out.strip() == link


@pytest.mark.parametrize(("number", "says"), [("2", "no link"), ("4", "no message 4")])
def test_a_message_without_a_link_is_not_opened(stack: Stack, number: str, says: str) -> None:
    """An alert has none."""
    with pytest.raises(LocalError, match=says):
        run(stack, "--open", number)


def test_subscriptions_that_wait_are_confirmed_by_their_links(
    stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only those links are followed: an approval is a person's."""
    followed: list[str] = []

    def follow(link: str) -> bool:
        followed.append(link)
        return len(followed) == 1

    monkeypatch.setattr(mails, "follow", follow)
    run(stack, "--confirm")
    assert capsys.readouterr().out == "Confirmed: ada@example.org\n"
    run(stack, "--confirm")

    assert followed == [CONFIRM, CONFIRM]
    assert "No subscription waits" in capsys.readouterr().out


def test_an_alert_is_a_mail_too() -> None:
    """What SNS wraps has no sender and no receiver."""
    read = from_envelope({**ALERT, "Subject": None})

    assert (read.at, read.to, read.subject, read.text) == (
        "2026-11-22T01:30:00Z",
        "people on call",
        "",
        "It failed.",
    )


def test_nothing_is_asked_of_a_stack_that_is_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A refused connection helps nobody."""
    monkeypatch.setenv("SILENT_INFINITY_HOME", str(tmp_path))
    arguments = build_parser().parse_args(["outbox"])

    with pytest.raises(LocalError, match="not running"):
        arguments.run(Context(), arguments)
