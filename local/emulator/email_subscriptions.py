"""Subscriptions by e-mail wait for their confirmation, and what they are sent can be read.

Gap: an e-mail subscription counts as confirmed at once, and what it would be sent is dropped. A subscription
that waits is listed with its ARN.
Fix: it is sent a link, and gets messages from the moment the link was followed; until then it is listed as
`PendingConfirmation`, and Subscribe answers `pending confirmation` (the ARN with ReturnSubscriptionArn).
Asking again sends the link again, and with other attributes is refused. Messages that the filter policy lets
through are kept as a subscriber would receive them, with sender, subject and the footer by which one
unsubscribes: `GET /_ministack/sns/emails`, oldest first. They are saved with the account.

https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html
https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any

from local.emulator import seams

SUMMARY = "e-mail subscriptions wait until they are confirmed; their messages at /_ministack/sns/emails"

PATH = "/_ministack/sns/emails"
KEPT = 1000
PROTOCOLS = ("email", "email-json")
NOTIFICATION, CONFIRMATION = "Notification", "SubscriptionConfirmation"
_SENDER = "no-reply@sns.amazonaws.com"
_STATE = "emails"
_WAITS = 'needs_confirmation = protocol in ("http", "https")'
_WAITS_TOO = 'needs_confirmation = protocol in ("http", "https", "email", "email-json")'
_ANSWER = '"pending confirmation" if needs_confirmation else sub_arn'
_ANSWER_WITH_ARN = (
    '"pending confirmation" if needs_confirmation '
    'and _p(params, "ReturnSubscriptionArn").lower() != "true" else sub_arn'
)
_DROPPED = 'logger.info("SNS fanout → email %s (stub)", endpoint)'


@dataclass(frozen=True, slots=True)
class Mail:
    """A message as it is received. `link` confirms a subscription, or ends it."""

    id: str
    kind: str
    at: str
    sender: str
    to: str
    subject: str
    text: str
    topic: str
    link: str


def install() -> None:
    """Have subscriptions wait, keep what they are sent, and serve it."""
    sns = seams.module("services.sns")
    post = _PostOffice(sns)
    seams.recompile(sns, "_subscribe", _WAITS, _WAITS_TOO)
    seams.recompile(sns, "_subscribe", _ANSWER, _ANSWER_WITH_ARN)
    seams.replace(sns, "_subscribe", post.subscribing(seams.original(sns, "_subscribe")))
    for name in ("_list_subscriptions", "_list_subscriptions_by_topic"):
        seams.recompile(sns, name, "{sub['arn']}", "{_listed_arn(sub)}")
    sns._listed_arn = _listed_arn
    seams.recompile(sns, "_fanout", _DROPPED, "_mail(sub, effective_message, subject, envelope)")
    sns._mail = post.deliver
    confirm = seams.original(sns, "_send_subscription_confirmation")

    async def ask_to_confirm(topic_arn: str, subscription: dict[str, Any]) -> None:
        if subscription["protocol"] in PROTOCOLS:
            post.ask(subscription)
        else:
            await confirm(topic_arn, subscription)

    seams.replace(sns, "_send_subscription_confirmation", ask_to_confirm)
    _install_template(sns, post)
    _install_state(sns, post)
    _install_route(post)


def _install_template(sns: Any, post: _PostOffice) -> None:
    provisioners = seams.module("services.cloudformation.provisioners")
    create = seams.original(provisioners, "_sns_sub_create")

    def create_waiting(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        arn, attributes = create(logical_id, properties, stack)
        subscription = sns._find_subscription(properties.get("TopicArn", ""), arn)
        if subscription is not None and subscription["protocol"] in PROTOCOLS:
            subscription.update(confirmed=False, token=sns.new_uuid())
            subscription["attributes"]["PendingConfirmation"] = "true"
            post.ask(subscription)
        return arn, attributes

    seams.replace(provisioners, "_sns_sub_create", create_waiting)
    handlers = provisioners._RESOURCE_HANDLERS["AWS::SNS::Subscription"]
    handlers["create"] = create_waiting


def _install_state(sns: Any, post: _PostOffice) -> None:
    get_state, load = seams.original(sns, "get_state"), seams.original(sns, "load_persisted_state")

    def state_with_mails() -> dict[str, Any]:
        return {**get_state(), _STATE: post.mails()}

    def load_with_mails(data: Any) -> None:
        post.restore((data or {}).get(_STATE, []))
        load(data)

    seams.replace(sns, "get_state", state_with_mails)
    seams.replace(sns, "load_persisted_state", load_with_mails)


def _install_route(post: _PostOffice) -> None:
    application = seams.module("app")
    other = seams.original(application, "_handle_sns_sms_messages_request")

    async def serve(method: str, path: str, headers: dict[str, str], query: dict[str, Any]) -> Any:
        if path != PATH or method != "GET":
            return await other(method, path, headers, query)
        return 200, {"Content-Type": "application/json"}, json.dumps({"emails": post.mails()}).encode()

    seams.replace(application, "_handle_sns_sms_messages_request", serve)


def _listed_arn(subscription: dict[str, Any]) -> str:
    return str(subscription["arn"]) if subscription.get("confirmed") else "PendingConfirmation"


class _PostOffice:
    """Writes and keeps mails."""

    def __init__(self, sns: Any) -> None:
        self._sns = sns
        self._mails: list[Mail] = []
        self._lock = threading.Lock()

    def mails(self) -> list[dict[str, str]]:
        """What was sent, oldest first."""
        with self._lock:
            return [asdict(mail) for mail in self._mails]

    def restore(self, mails: list[dict[str, str]]) -> None:
        """Take up what was kept."""
        with self._lock:
            self._mails = [Mail(**mail) for mail in mails]

    def subscribing(self, subscribe: Any) -> Any:
        """Have Subscribe look at e-mail subscriptions that are there already."""

        def subscribe_once(params: Any) -> Any:
            protocol, endpoint = self._sns._p(params, "Protocol"), self._sns._p(params, "Endpoint")
            topic = self._sns._topic_by_arn_any_scope(
                self._sns._normalize_arn(self._sns._p(params, "TopicArn"))
            )
            for known in (topic or {}).get("subscriptions", []):
                if protocol in PROTOCOLS and (known["protocol"], known["endpoint"]) == (protocol, endpoint):
                    return self._again(known, params)
            return subscribe(params)

        return subscribe_once

    def ask(self, subscription: dict[str, Any]) -> None:
        """Send the link that confirms a subscription."""
        topic = str(subscription["topic_arn"])
        link = f"{self._address}/?Action=ConfirmSubscription&TopicArn={topic}&Token={subscription['token']}"
        text = (
            f"Somebody subscribed this address to the topic\n{topic}\n\nTo confirm it, follow this link "
            f"(if it was a mistake, do nothing):\n{link}\n\n{_NO_REPLY}"
        )
        subject = "AWS Notification - Subscription Confirmation"
        self._keep(subscription, CONFIRMATION, subject=subject, text=text, link=link)

    def deliver(self, subscription: dict[str, Any], message: str, subject: str, envelope: str) -> None:
        """Send a message to a subscription whose filter policy lets it through."""
        link = f"{self._address}/?Action=Unsubscribe&SubscriptionArn={subscription['arn']}"
        text = envelope
        if subscription["protocol"] == "email":
            text = (
                f"{message}\n\n--\nTo get no more messages of this topic, unsubscribe:\n{link}\n\n{_NO_REPLY}"
            )
        subject = subject or "AWS Notification Message"
        self._keep(subscription, NOTIFICATION, subject=subject, text=text, link=link)

    def _again(self, known: dict[str, Any], params: Any) -> Any:
        index, wanted = 1, {}
        while key := self._sns._p(params, f"Attributes.entry.{index}.key"):
            wanted[key] = self._sns._p(params, f"Attributes.entry.{index}.value")
            index += 1
        if any(known["attributes"].get(key, "") != value for key, value in wanted.items()):
            reason = (
                "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
            )
            return self._sns._error("InvalidParameter", reason, 400)
        if not known["confirmed"]:
            self.ask(known)
        with_arn = known["confirmed"] or self._sns._p(params, "ReturnSubscriptionArn").lower() == "true"
        arn = known["arn"] if with_arn else "pending confirmation"
        answer = f"<SubscribeResult><SubscriptionArn>{arn}</SubscriptionArn></SubscribeResult>"
        return self._sns._xml(200, "SubscribeResponse", answer)

    def _keep(self, subscription: dict[str, Any], kind: str, *, subject: str, text: str, link: str) -> None:
        topic = self._sns._topic_by_arn_any_scope(subscription["topic_arn"]) or {}
        name = topic.get("attributes", {}).get("DisplayName") or "AWS Notifications"
        mail = Mail(
            id=self._sns.new_uuid(),
            kind=kind,
            at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            sender=f"{name} <{_SENDER}>",
            to=subscription["endpoint"],
            subject=subject,
            text=text,
            topic=subscription["topic_arn"],
            link=link,
        )
        with self._lock:
            self._mails = [*self._mails, mail][-KEPT:]

    @property
    def _address(self) -> str:
        return f"http://{self._sns._HOST}:{self._sns._PORT}"


_NO_REPLY = "Nobody reads what is sent to this sender."
