"""Promotions on the deployed system, each to its one end: over HTTP, with mails, links and a browser's form.

The figures are of simulated people, rolled up once; other arms have the same, so that each test has a variant
whose evidence is there.
"""

import json
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from local.stack.stack import OPERATOR, LocalStack
from silent_infinity.domain.payload import to_payload
from tests.e2e.conftest import ARM_CATEGORY, ARM_PRODUCTION, TRIAL_CATEGORY, TRIAL_PRODUCTION, Arm, staged
from tests.e2e.test_faults import Functions
from tests.support.golden import golden_evidence
from tests.support.promotion_figures import cooled_down, settled
from tests.support.promotions import (
    MACHINE,
    Approvers,
    Asked,
    Browser,
    Desk,
    Ended,
    Promotions,
    in_time,
    parameters,
    with_parameter,
)

WHY = "I have read the evidence, and this is why."
CANARY = {"status": "canary", "rollout_percent": 25}
STAGED = {"status": "staged", "rollout_percent": 5}
NOBODY = {"status": "experimental", "rollout_percent": 0}


@pytest.fixture(scope="module")
def functions(stack: LocalStack) -> Functions:
    """The workflow's functions."""
    return Functions(stack, ("Promotion",))


@pytest.fixture
def desk(promotions: Promotions, approvers: Approvers) -> Desk:
    """Who asks, who approves, and with what."""
    return Desk(promotions, approvers)


@pytest.fixture
def trial(promotions: Promotions, arm: Arm) -> Iterator[str]:
    """A staged variant with the figures of the arm. Afterwards it serves nobody."""
    name = staged(promotions, TRIAL_CATEGORY, TRIAL_PRODUCTION)
    arm.figures.give(name, TRIAL_PRODUCTION, percent=5)
    yield name
    promotions.operator.change("rollback", name)


def _closed(ended: Ended, status: str, execution: str = "SUCCEEDED") -> None:
    """Check what holds of every end: one status, one execution, one entry that says so."""
    asked, *others = ended.entries
    ends = [entry for entry in others if entry["action"] == "close_promotion"]
    assert (ended.status, ended.execution) == (status, execution)
    assert ended.promotion["closed_at"]
    assert ended.promotion["closed_by"]
    assert asked["action"] == "request_promotion"
    assert len(ends) <= 1
    assert ended.variant["promotion_id"] is None


def _nothing_happened(ended: Ended, status: str, execution: str = "SUCCEEDED") -> None:
    """Check an end that changes nobody's conversation: the variant is in force as it was, by one entry."""
    _closed(ended, status, execution)
    assert ended.variant["in_force"] == ended.before["in_force"]
    assert ended.actions == ["request_promotion", "close_promotion"]


def test_an_arm_rises_by_the_steps_of_its_stage_after_one_yes(arm: Arm, desk: Desk) -> None:
    """Ten percent, a watched day, twenty-five: asked once, written down each time, the history unbroken."""
    ended = arm.ramped
    requested, entered, stepped = ended.entries
    approver = desk.approvers.people["approver-one"].subject

    _closed(ended, "applied")
    assert ended.variant["in_force"] == CANARY
    assert ended.actions == ["request_promotion", "promote", "update"]
    assert approver in entered["actor"]
    assert stepped["actor"] == "system:promotion"
    assert approver not in requested["actor"]
    assert desk.promotions.whole(arm.name)


def test_the_mail_says_what_it_is_about_in_plain_text_with_two_links(arm: Arm) -> None:
    """It is read on a phone; nothing in it may need a browser but what the links open."""
    subject, text = arm.mail.subject, arm.mail.text

    assert len(subject) < 100
    assert subject.isascii()
    assert arm.name.partition("/")[2] in subject
    assert text.count("/v1/approvals/") == 2
    assert "<html" not in text.lower()


def test_a_rejection_ends_it_and_the_reason_is_kept(arm: Arm, desk: Desk) -> None:
    """One no is enough; the link then shows what was decided, and another's yes comes too late."""
    asked = desk.promotions.ask(arm.name)
    _, link = desk.links(desk.one, asked)
    [other, _] = desk.links(desk.two, asked)
    form = desk.browser.open(link).form
    late = desk.browser.open(other).form
    assert form is not None
    assert late is not None
    decided = desk.browser.send(form, "reject", WHY)
    ended = desk.promotions.ended(asked)
    again = desk.browser.send(form, "approve", "On second thoughts, let us have it.")
    others = desk.browser.send(late, "approve", "I would like it very much.")

    _nothing_happened(ended, "rejected")
    assert decided.status == 200
    assert ended.entries[-1]["reason"] == WHY
    assert desk.one.subject in ended.entries[-1]["actor"]
    for page in (again, others, desk.browser.open(link), desk.browser.open(other)):
        assert page.form is None
        assert page.status < 500
        assert "reject" in page.words.lower()
    assert desk.promotions.operator.show(arm.name)["version"] == ended.variant["version"]
    assert desk.promotions.whole(arm.name)


def test_nobody_answers_and_it_expires(arm: Arm, functions: Functions, desk: Desk) -> None:
    """After the time that approvers have (here seconds), the link is dead and everything is as it was."""
    with functions.with_variable("PromotionOpen", "APPROVAL_SECONDS", "4"):
        asked = desk.promotions.ask(arm.name)
        link, _ = desk.links(desk.one, asked)
        form = desk.browser.open(link).form
        assert form is not None
        ended = desk.promotions.ended(asked)
    late = desk.browser.send(form, "approve", WHY)

    _nothing_happened(ended, "expired")
    assert late.form is None
    assert late.status in (409, 410)
    assert desk.promotions.operator.show(arm.name)["in_force"] == CANARY


def test_a_link_that_was_tampered_with_is_refused_whatever_was_changed(arm: Arm, desk: Desk) -> None:
    """Each parameter, the promotion itself, and the requester in the place of the approver."""
    asked = desk.promotions.ask(arm.name)
    link, _ = desk.links(desk.one, asked)
    theirs, _ = desk.links(desk.two, asked)
    given = parameters(link)
    requester = desk.approvers.people[OPERATOR].subject
    changed = {
        "another approver": with_parameter(link, "a", desk.two.subject),
        "the requester": with_parameter(link, "a", requester),
        "version": with_parameter(link, "v", str(int(given["v"]) + 1)),
        "evidence": with_parameter(link, "h", "0" * len(given["h"])),
        "expiry": with_parameter(link, "e", str(int(given["e"]) + 60)),
        "signature": with_parameter(link, "s", given["s"][:-2] + ("AA" if given["s"][-2:] != "AA" else "BB")),
        "another's signature": with_parameter(link, "s", parameters(theirs)["s"]),
        "no signature": with_parameter(link, "s", ""),
        "another promotion": link.replace(asked.promotion_id, f"{asked.promotion_id[:-4]}0000"),
    }
    good = desk.browser.open(link).form
    assert good is not None
    tried: dict[str, tuple[int, int]] = {}
    for what, url in changed.items():
        sent = httpx.post(
            url,
            data={**good.fields, "decision": "approve", "reason": WHY},
            timeout=35,
            follow_redirects=False,
        )
        tried[what] = (desk.browser.open(url).status, sent.status_code)
    still = desk.promotions.find(asked.promotion_id)["status"]
    desk.promotions.operator.change("pause", arm.name)
    ended = desk.promotions.ended(asked)
    withdrawn = desk.browser.open(link)
    _resume(desk.promotions, arm)

    assert {
        what: codes for what, codes in tried.items() if not all(400 <= code < 500 for code in codes)
    } == {}
    assert still == "awaiting_evidence"
    assert ended.status == "withdrawn"
    assert ended.actions == ["request_promotion", "pause"]
    assert withdrawn.form is None
    assert desk.promotions.whole(arm.name)


def _resume(promotions: Promotions, arm: Arm) -> None:
    version = promotions.operator.show(arm.name)["version"]
    promotions.operator.change("update", arm.name, version=version, rollout_percent=25)
    assert promotions.operator.show(arm.name)["in_force"] == CANARY


def test_a_variant_that_was_edited_meanwhile_is_not_what_the_evidence_is_of(arm: Arm, desk: Desk) -> None:
    """Not even a description: the click says so, and the promotion is over."""
    asked = desk.promotions.ask(arm.name)
    link, _ = desk.links(desk.one, asked)
    form = desk.browser.open(link).form
    assert form is not None
    version = desk.promotions.operator.show(arm.name)["version"]
    desk.promotions.operator.change("update", arm.name, version=version, description="Another description.")
    clicked = desk.browser.send(form, "approve", WHY)
    ended = desk.promotions.ended(asked)

    _closed(ended, "changed")
    assert clicked.form is None
    assert clicked.status == 409
    assert ended.actions == ["request_promotion", "update", "close_promotion"]
    assert ended.variant["in_force"] == CANARY
    assert desk.promotions.whole(arm.name)


def test_an_execution_that_is_stopped_by_hand_leaves_nothing_open(arm: Arm, desk: Desk) -> None:
    """Nobody's yes carries it out afterwards, and the next promotion can be asked for."""
    asked = desk.promotions.ask(arm.name)
    link, _ = desk.links(desk.one, asked)
    form = desk.browser.open(link).form
    assert form is not None
    desk.promotions.stop(asked.promotion_id)
    ended = desk.promotions.ended(asked)
    clicked = desk.browser.send(form, "approve", WHY)

    _nothing_happened(ended, "stopped", "ABORTED")
    assert clicked.form is None
    assert desk.promotions.operator.show(arm.name)["in_force"] == CANARY


def test_without_anybody_to_ask_it_ends_and_people_on_call_hear_of_it(
    arm: Arm, stack: LocalStack, desk: Desk
) -> None:
    """The one who asks for it is an approver too, and does not count."""
    stack.outbox_messages()
    with desk.approvers.away(but=desk.approvers.people[OPERATOR]):
        asked = desk.promotions.ask(arm.name)
        ended = desk.promotions.ended(asked)
    told = in_time(
        lambda: [mail for mail in stack.outbox_messages() if arm.name.partition("/")[2] in str(mail)], "alert"
    )

    _nothing_happened(ended, "no_approvers")
    assert len(told) == 1
    assert desk.approvers.mails(desk.approvers.people[OPERATOR], asked.promotion_id) == []


def test_figures_that_do_not_divide_as_the_traffic_does_end_it_before_anybody_is_asked(
    arm: Arm, desk: Desk
) -> None:
    """Sessions that went missing on one side make every other figure worthless."""
    arm.figures.give(arm.name, ARM_PRODUCTION, percent=25, times=1.5)
    asked = desk.promotions.ask(arm.name)
    ended = desk.promotions.ended(asked)
    arm.figures.restore()

    _nothing_happened(ended, "not_passed")
    assert desk.approvers.mails(desk.one, asked.promotion_id) == []


def test_clicks_at_once_are_one_decision_and_one_step(trial: str, desk: Desk) -> None:
    """An impatient thumb, ten times in the same moment: the first counts, all see the same."""
    asked = desk.promotions.ask(trial, rollout_percent=25)
    link, _ = desk.links(desk.one, asked)
    form = desk.browser.open(link).form
    assert form is not None
    with ThreadPoolExecutor(10) as threads:
        pages = list(threads.map(lambda _: Browser().send(form, "approve", WHY), range(10)))
    ended = desk.promotions.ended(asked)

    _closed(ended, "applied")
    assert ended.actions == ["request_promotion", "promote"]
    assert ended.variant["in_force"] == CANARY
    assert {page.status for page in pages} <= {200, 409}
    assert all(page.form is None for page in pages)
    assert desk.promotions.whole(trial)


@contextmanager
def _impatient(stack: LocalStack) -> Iterator[None]:
    """Have the workflow try again after a second instead of minutes."""
    machines, arn = stack.client("stepfunctions"), stack.outputs[MACHINE]
    before = machines.describe_state_machine(stateMachineArn=arn)["definition"]
    definition = json.loads(before)
    for state in definition["States"].values():
        for retrier in state.get("Retry", ()):
            retrier |= {"IntervalSeconds": 1, "MaxDelaySeconds": 1 + 1, "MaxAttempts": 4}
    machines.update_state_machine(stateMachineArn=arn, definition=json.dumps(definition))
    try:
        yield
    finally:
        machines.update_state_machine(stateMachineArn=arn, definition=before)


def test_a_registry_that_is_back_in_time_is_written_once(
    trial: str, stack: LocalStack, functions: Functions, desk: Desk
) -> None:
    """The decision is kept meanwhile; nobody has to click again."""
    with _impatient(stack):
        asked = desk.promotions.ask(trial, rollout_percent=25)
        link, _ = desk.links(desk.one, asked)
        with functions.with_variable("PromotionApply", "VARIANTS_TABLE", "no-such-table"):
            decided = desk.browser.decide(link, "approve", WHY)
            in_time(lambda: _attempts(desk.promotions, asked) >= 1, "attempt that failed")
            meanwhile = desk.promotions.operator.show(trial)["in_force"]
        ended = desk.promotions.ended(asked)

    _closed(ended, "applied")
    assert decided.status == 200
    assert meanwhile == STAGED
    assert ended.actions == ["request_promotion", "promote"]
    assert ended.variant["in_force"] == CANARY


def _attempts(promotions: Promotions, asked: Asked) -> int:
    """Return how many attempts of functions have failed."""
    return sum("Failed" in event["type"] for event in promotions.history(asked.promotion_id))


def test_a_registry_that_stays_away_leaves_the_variant_as_it_was(
    trial: str, stack: LocalStack, functions: Functions, desk: Desk
) -> None:
    """Tried again, given up, closed as failed: an approved promotion must not come alive days later."""
    with _impatient(stack):
        asked = desk.promotions.ask(trial, rollout_percent=25)
        link, _ = desk.links(desk.one, asked)
        with functions.with_variable("PromotionApply", "VARIANTS_TABLE", "no-such-table"):
            desk.browser.decide(link, "approve", WHY)
            ended = desk.promotions.ended(asked)
            failed = _attempts(desk.promotions, asked)
    time.sleep(1)

    _closed(ended, "failed", ended.execution)
    assert failed >= 2
    assert ended.actions == ["request_promotion", "close_promotion"]
    assert ended.variant["in_force"] == STAGED
    assert desk.promotions.operator.show(trial)["in_force"] == STAGED
    assert desk.browser.open(link).form is None


def test_an_arm_that_harms_is_taken_back_before_anybody_is_asked(trial: str, arm: Arm, desk: Desk) -> None:
    """Whoever asked for more of it made somebody look, and it serves nobody any more."""
    arm.figures.give(trial, TRIAL_PRODUCTION, percent=5, rates={"crisis_flag": 0.1})
    asked = desk.promotions.ask(trial)
    ended = desk.promotions.ended(asked)

    _closed(ended, "taken_back")
    assert ended.variant["in_force"] == NOBODY
    assert ended.actions[:2] == ["request_promotion", "automatic_demotion"]
    assert desk.approvers.mails(desk.one, asked.promotion_id) == []


def test_an_arm_that_turns_out_to_harm_is_taken_back_while_it_is_watched(
    trial: str, arm: Arm, desk: Desk
) -> None:
    """The yes was for the whole stage, but not whatever happens: nobody has to be awake for this."""
    asked = desk.promotions.ask(trial)
    link, _ = desk.links(desk.one, asked)
    desk.browser.decide(link, "approve", WHY)
    desk.promotions.reaches(asked, "canary", 10)
    arm.figures.give(trial, TRIAL_PRODUCTION, percent=10, rates={"crisis_flag": 0.4})
    settled(desk.promotions.stack, trial)
    ended = desk.promotions.ended(asked)

    _closed(ended, "taken_back")
    assert ended.variant["in_force"] == NOBODY
    assert ended.actions[:3] == ["request_promotion", "promote", "automatic_demotion"]
    assert "cris" in ended.entries[2]["reason"]
    assert desk.promotions.whole(trial)


CRISIS_CATEGORY, CRISIS_PRODUCTION = "CRISIS_FLOW_MODEL", "claude-sonnet-4-6"
PAUSED_CANARY = {"status": "canary", "rollout_percent": 0}


@pytest.fixture
def crisis_trial(desk: Desk) -> Iterator[str]:
    """A staged variant of a category in which nothing but production is ever served."""
    operator, name = desk.promotions.operator, f"{CRISIS_CATEGORY}/trial-{uuid.uuid4().hex[:8]}"
    _, _, variant_id = name.partition("/")
    config = operator.show(f"{CRISIS_CATEGORY}/{CRISIS_PRODUCTION}")["config"]
    operator.change("create", CRISIS_CATEGORY, variant_id=variant_id, description="A trial.", config=config)
    operator.change("promote", name, version=1, rollout_percent=0)
    cooled_down(desk.promotions.stack, name)
    assert operator.show(name)["in_force"] == {"status": "staged", "rollout_percent": 0}
    yield name
    operator.change("rollback", name)


def _golden(desk: Desk, name: str) -> None:
    """Record a clean result of the golden set for the variant's configuration."""
    operator, (category, _, variant_id) = desk.promotions.operator, name.partition("/")
    result = golden_evidence(category, variant_id, operator.show(name)["config"])
    operator.change("evidence", name, evidence=to_payload(result))
    assert operator.status == 201


def test_what_meets_a_crisis_needs_a_golden_set_and_two_people(crisis_trial: str, desk: Desk) -> None:
    """Without a result nobody is asked; one yes, however often it is said, is one."""
    without = desk.promotions.ended(desk.promotions.ask(crisis_trial, rollout_percent=0))
    _golden(desk, crisis_trial)
    asked = desk.promotions.ask(crisis_trial, rollout_percent=0)
    link, _ = desk.links(desk.one, asked)
    other, _ = desk.links(desk.two, asked)
    form = desk.browser.open(link).form
    assert form is not None
    first = desk.browser.send(form, "approve", WHY)
    again = desk.browser.send(form, "approve", WHY)
    waiting = desk.promotions.find(asked.promotion_id)["status"]
    before = desk.promotions.operator.show(crisis_trial)["in_force"]
    desk.browser.decide(other, "approve", "The golden set says so, and I have read its replies.")
    ended = desk.promotions.ended(asked)
    cooling = desk.promotions.operator.show(crisis_trial)
    whole = desk.promotions.whole(crisis_trial)
    cooled_down(desk.promotions.stack, crisis_trial)

    _nothing_happened(without, "not_enough_data")
    assert (first.status, waiting) == (200, "awaiting_evidence")
    assert again.form is None
    assert before == {"status": "staged", "rollout_percent": 0}
    _closed(ended, "applied")
    assert ended.actions == ["request_promotion", "promote"]
    assert cooling["in_force"] == before
    assert cooling["cooldown"]["seconds_left"] > 0
    assert desk.promotions.operator.show(crisis_trial)["in_force"] == PAUSED_CANARY
    assert whole


def test_mail_scanners_change_nothing_and_the_arm_becomes_production_and_comes_back(
    arm: Arm, desk: Desk
) -> None:
    """Links are followed by machines first, all of them, again; then a person says yes, and it is undone."""
    asked = desk.promotions.ask(arm.name)
    links = desk.links(desk.one, asked)
    with ThreadPoolExecutor(8) as threads:
        for method in ("GET", "HEAD", "OPTIONS"):
            list(threads.map(lambda link, method=method: desk.browser.open(link, method), links * 4))
    untouched = desk.promotions.find(asked.promotion_id), desk.promotions.operator.show(arm.name)["in_force"]
    page = desk.browser.decide(links[0], "approve", WHY)
    desk.promotions.reaches(asked, "production", 50)
    arm.figures.give(arm.name, ARM_PRODUCTION, percent=50)
    for name in (arm.name, f"{ARM_CATEGORY}/{ARM_PRODUCTION}"):
        settled(desk.promotions.stack, name)
    ended = desk.promotions.ended(asked)
    incumbent = desk.promotions.operator.show(f"{ARM_CATEGORY}/{ARM_PRODUCTION}")["in_force"]
    desk.promotions.operator.change("rollback", arm.name)
    back = desk.promotions.operator.show(f"{ARM_CATEGORY}/{ARM_PRODUCTION}")["in_force"]

    assert untouched[0]["status"] == "awaiting_evidence"
    assert untouched[1] == CANARY
    assert page.status == 200
    _closed(ended, "applied")
    assert ended.variant["in_force"] == {"status": "production", "rollout_percent": 100}
    assert ended.actions == ["request_promotion", "promote", "update"]
    assert incumbent == {"status": "canary", "rollout_percent": 0}
    assert back == {"status": "production", "rollout_percent": 100}
    assert desk.promotions.whole(arm.name)
    assert desk.promotions.whole(f"{ARM_CATEGORY}/{ARM_PRODUCTION}")
