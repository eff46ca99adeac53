"""What subscribers by e-mail received on the local stack."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PATH = "/_ministack/sns/emails"
ANSWER_SECONDS = 10.0
NOTIFICATION, CONFIRMATION = "Notification", "SubscriptionConfirmation"


@dataclass(frozen=True, slots=True)
class Mail:
    """A message as it was received. `at` is ISO 8601 in UTC.

    `kind` is NOTIFICATION, or CONFIRMATION for the mail with the link by which a subscription begins. `link`
    is that link; of a notification it is the one that ends the subscription.
    """

    id: str
    kind: str
    at: str
    sender: str
    to: str
    subject: str
    text: str
    topic: str
    link: str


def received(endpoint_url: str) -> list[Mail]:
    """Return every mail that the emulator keeps, oldest first."""
    with _opener().open(f"{endpoint_url}{PATH}", timeout=ANSWER_SECONDS) as answer:
        return [Mail(**mail) for mail in json.load(answer)["emails"]]


def follow(link: str) -> bool:
    """Open a link of a mail; False if it is none that is good any more."""
    try:
        with _opener().open(link, timeout=ANSWER_SECONDS) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False


def from_envelope(envelope: Mapping[str, Any]) -> Mail:
    """A message of the operations topic, which a queue received in place of the people on call."""
    return Mail(
        id=str(envelope.get("MessageId", "")),
        kind=NOTIFICATION,
        # Written with milliseconds here, without them there: they are put in order by their text.
        at=f"{str(envelope['Timestamp'])[:19]}Z",
        sender="",
        to="people on call",
        subject=str(envelope.get("Subject") or ""),
        text=str(envelope["Message"]),
        topic=str(envelope.get("TopicArn", "")),
        link="",
    )


def _opener() -> urllib.request.OpenerDirector:
    # A proxy of the surroundings has no business with loopback.
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))
