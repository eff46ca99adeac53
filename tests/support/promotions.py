"""Promotions on a deployed stack: what becomes of them, approvers with mailboxes, pages with forms."""

import base64
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import httpx

from local.stack.mails import Mail
from local.stack.stack import LocalStack
from silent_infinity.domain.promotion.outcomes import OPEN
from tests.support.operators import Operator
from tests.support.promotion_figures import settled

MACHINE = "PromotionStateMachineArn"
LINK = re.compile(r"https?://\S+/v1/approvals/\S+")
LOOK_SECONDS = 0.2
PATIENCE_SECONDS = 90.0

Found = TypeVar("Found")


def in_time(ask: Callable[[], Found], what: str, patience: float = PATIENCE_SECONDS) -> Found:
    """Return the first answer that is something.

    Raises:
        AssertionError: there was none in time.
    """
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        found = ask()
        if found:
            return found
        time.sleep(LOOK_SECONDS)
    raise AssertionError(f"in {patience:g} s there was no {what}")


@dataclass(frozen=True)
class Person:
    """An operator by name, the subject of their tokens, and where their mail goes."""

    name: str
    subject: str
    address: str


def person(stack: LocalStack, name: str) -> Person:
    """Return an operator, who is made when missing."""
    payload = stack.operator_token(name).split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return Person(name, claims["sub"], claims["email"])


@dataclass(frozen=True)
class Form:
    """A form as a browser would send it: where to, and what it holds before anybody writes into it."""

    action: str
    fields: Mapping[str, str]


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[dict[str, str], dict[str, str]]] = []
        self.buttons: list[dict[str, str]] = []
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("style", "script"):
            self._silent += 1
        if tag == "form":
            self.forms.append((given, {}))
        elif tag == "input" and self.forms and given.get("type") == "hidden":
            self.forms[-1][1][given["name"]] = given.get("value", "")
        elif tag == "button":
            self.buttons.append(given)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("style", "script"):
            self._silent -= 1

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


@dataclass(frozen=True)
class Page:
    """What a browser got."""

    url: str
    response: httpx.Response

    @property
    def status(self) -> int:
        """The status code."""
        return self.response.status_code

    @property
    def words(self) -> str:
        """What can be read on it, without the spaces between lines."""
        return " ".join(" ".join(self._parsed().words).split())

    @property
    def form(self) -> Form | None:
        """The form that sends a decision, if there is one."""
        parsed = self._parsed()
        for attributes, hidden in parsed.forms:
            if attributes.get("method", "get").lower() == "post":
                return Form(urljoin(self.url, attributes.get("action") or self.url), hidden)
        return None

    def _parsed(self) -> _Forms:
        parser = _Forms()
        parser.feed(self.response.text)
        return parser


class Browser:
    """Somebody with a link and nothing else: no token, no cookie."""

    def __init__(self) -> None:
        self._http = httpx.Client(timeout=35)

    def open(self, link: str, method: str = "GET") -> Page:
        """Open a page."""
        return Page(link, self._http.request(method, link))

    def send(self, form: Form, decision: str, reason: str) -> Page:
        """Send a form with a reason, by one of its buttons."""
        body = {**form.fields, "reason": reason, "decision": decision}
        return Page(form.action, self._http.post(form.action, data=body))

    def decide(self, link: str, decision: str, reason: str) -> Page:
        """Open the page, write the reason, press the button.

        Raises:
            AssertionError: the page asks for no decision.
        """
        page = self.open(link)
        assert page.form is not None, (page.status, page.words)
        return self.send(page.form, decision, reason)


def with_parameter(link: str, name: str, value: str) -> str:
    """Return a link with one parameter of its query changed."""
    parts = urlsplit(link)
    query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), name: value}
    return urlunsplit(parts._replace(query=urlencode(query)))


def parameters(link: str) -> dict[str, str]:
    """Return the query of a link."""
    return dict(parse_qsl(urlsplit(link).query, keep_blank_values=True))


@dataclass(frozen=True)
class Ended:
    """A promotion that is over. `entries` are what the audit log has of its variant since it was asked for,
    the request first; `before` is the variant when it was asked for, `variant` how it is now.
    """

    status: str
    execution: str
    promotion: Mapping[str, Any]
    before: Mapping[str, Any]
    variant: Mapping[str, Any]
    entries: Sequence[Mapping[str, Any]]

    @property
    def actions(self) -> list[str]:
        """What was done to the variant since."""
        return [entry["action"] for entry in self.entries]


@dataclass
class Asked:
    """A promotion that was asked for: its id, the variant `CATEGORY/id`, and that variant before."""

    promotion_id: str
    name: str
    before: Mapping[str, Any]
    entries_before: int
    links: dict[str, str] = field(default_factory=dict)


class Promotions:
    """Asks for promotions as an operator and follows them to their end, over HTTP where people do."""

    def __init__(self, stack: LocalStack, operator: Operator) -> None:
        self.stack = stack
        self.operator = operator
        self._machines = stack.client("stepfunctions")

    def ask(self, name: str, **body: Any) -> Asked:
        """Ask for the promotion of a variant, which is made to look as if it had been as it is for days."""
        settled(self.stack, name)
        before = self.operator.show(name)
        entries = len(self.story(name))
        answer = self.operator.change("promote", name, version=before["version"], **body)
        assert self.operator.status == 202, answer
        assert answer["outcome"] == "approval_requested"
        return Asked(answer["promotion"]["promotion_id"], name, before, entries)

    def story(self, name: str) -> list[dict[str, Any]]:
        """Return what the audit log has of a variant, oldest first."""
        found: list[dict[str, Any]] = []
        query = {"variant_id": name}
        while True:
            page = self.operator.send("GET /admin/api/audit-log", query=query)
            found += page["entries"]
            if not page.get("next_cursor"):
                return found
            query["cursor"] = page["next_cursor"]

    def find(self, promotion_id: str) -> dict[str, Any]:
        """Return a promotion as operators see it."""
        query: dict[str, str] = {}
        while True:
            page = self.operator.send("GET /admin/api/promotions", query=query)
            for promotion in page["promotions"]:
                if promotion["promotion_id"] == promotion_id:
                    return dict(promotion)
            assert page["next_cursor"], "there is no such promotion"
            query["cursor"] = page["next_cursor"]

    def execution(self, promotion_id: str) -> dict[str, Any] | None:
        """Return the execution of a promotion; None if none was started."""
        arn = f"{self.stack.outputs[MACHINE].replace(':stateMachine:', ':execution:')}:{promotion_id}"
        try:
            described: dict[str, Any] = self._machines.describe_execution(executionArn=arn)
        except self._machines.exceptions.ExecutionDoesNotExist:
            return None
        return described

    def stop(self, promotion_id: str) -> None:
        """End the execution by hand."""
        described = self.execution(promotion_id)
        assert described is not None
        self._machines.stop_execution(executionArn=described["executionArn"], error="Operator", cause="")

    def history(self, promotion_id: str) -> list[dict[str, Any]]:
        """Return all events of the execution."""
        described = self.execution(promotion_id)
        assert described is not None
        pages = self._machines.get_paginator("get_execution_history").paginate(
            executionArn=described["executionArn"]
        )
        return [event for page in pages for event in page["events"]]

    def entered(self, promotion_id: str) -> list[str]:
        """Return the names of the states that the execution has entered, in order."""
        return [
            event["stateEnteredEventDetails"]["name"]
            for event in self.history(promotion_id)
            if "stateEnteredEventDetails" in event
        ]

    def why(self, asked: Asked) -> str:
        """Return what is known of a promotion, for a test that fails."""
        described = self.execution(asked.promotion_id)
        if described is None:
            return "no execution was started"
        told = {name: described.get(name) for name in ("status", "error", "cause", "output")}
        return f"{told}, {self.entered(asked.promotion_id)[-8:]}, {self.find(asked.promotion_id)}"

    def reaches(self, asked: Asked, status: str, percent: float) -> None:
        """Wait until a variant is served to so many."""
        wanted = {"status": status, "rollout_percent": percent}
        try:
            in_time(lambda: self.operator.show(asked.name)["in_force"] == wanted, f"{status} at {percent} %")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.why(asked)}") from None

    def ended(self, asked: Asked, patience: float = PATIENCE_SECONDS) -> Ended:
        """Wait until a promotion and its execution are over."""

        def over() -> dict[str, Any] | None:
            described = self.execution(asked.promotion_id)
            if described is None or described["status"] == "RUNNING":
                return None
            return described if self.find(asked.promotion_id)["status"] != OPEN else None

        try:
            described = in_time(over, "end", patience)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.why(asked)}") from None
        assert described is not None
        promotion = self.find(asked.promotion_id)
        return Ended(
            promotion["status"],
            described["status"],
            promotion,
            asked.before,
            self.operator.show(asked.name),
            self.story(asked.name)[asked.entries_before :],
        )

    def whole(self, name: str) -> bool:
        """Whether the history of a variant is."""
        verified = self.operator.send("GET /admin/api/audit-log/verify", query={"variant_id": name})
        return bool(verified["ok"]) and not verified["findings"]


class Approvers:
    """Operators who approve: their subscriptions to the approvers topic, and what they are sent."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self._sns = stack.client("sns")
        self._topic = stack.outputs["ApproversTopicArn"]
        self.people: dict[str, Person] = {}

    def add(self, name: str) -> Person:
        """Make an operator an approver, who follows the link in the first mail."""
        self.stack.approver(name)
        added = person(self.stack, name)
        self.people[name] = added
        return added

    @contextmanager
    def away(self, but: Person) -> Iterator[None]:
        """Let everybody but one be no approver for a while."""
        listed = self._sns.list_subscriptions_by_topic(TopicArn=self._topic)["Subscriptions"]
        theirs = [
            each["SubscriptionArn"]
            for each in listed
            if each["Endpoint"] != but.address and each["SubscriptionArn"].startswith("arn:")
        ]
        before = {arn: self._policy(arn) for arn in theirs}
        assert len(before) >= len(self.people) - 1
        for arn in before:
            self._set_policy(arn, json.dumps({"approver": ["nobody"], "away": ["yes"]}))
        try:
            yield
        finally:
            for arn, policy in before.items():
                self._set_policy(arn, policy)

    def mails(self, to: Person, promotion_id: str) -> list[Mail]:
        """Return the mails about a promotion that somebody got, oldest first."""
        return [mail for mail in self._mails(to) if f"/v1/approvals/{promotion_id}" in mail.text]

    def _mails(self, to: Person) -> list[Mail]:
        return [mail for mail in self.stack.mails(self._topic) if mail.to == to.address]

    def _policy(self, arn: str) -> str:
        found = self._sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        return str(found["FilterPolicy"])

    def _set_policy(self, arn: str, policy: str) -> None:
        self._sns.set_subscription_attributes(
            SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue=policy
        )


class Desk:
    """All that a promotion needs: who asks for it, two who approve, and a browser."""

    def __init__(self, promotions: Promotions, approvers: Approvers) -> None:
        self.promotions = promotions
        self.approvers = approvers
        self.browser = Browser()
        self.one = approvers.people["approver-one"]
        self.two = approvers.people["approver-two"]

    def mail(self, to: Person, asked: Asked) -> Mail:
        """Wait for the mail about a promotion.

        Raises:
            AssertionError: none came in time, or the promotion ended before.
        """

        def arrived() -> list[Mail]:
            found = self.approvers.mails(to, asked.promotion_id)
            execution = self.promotions.execution(asked.promotion_id)
            over = execution is not None and execution["status"] != "RUNNING"
            assert found or not over, self.promotions.why(asked)
            return found

        try:
            [mail] = in_time(arrived, "mail")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.promotions.why(asked)}") from None
        return mail

    def links(self, to: Person, asked: Asked) -> list[str]:
        """Wait for the mail about a promotion and return the links in it: approve, then reject."""
        return LINK.findall(self.mail(to, asked).text)
