"""`./run promote`: a promotion is asked for over the API, and where it stands is said in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.cli import admin_work, promote_work
from local.cli.__main__ import build_parser, main
from local.cli.admin_api import AdminApi
from local.cli.admin_target import Target
from local.cli.admin_views import promotion_list
from local.cli.promote_views import Standing
from local.cli.promote_work import Records
from local.tools.errors import LocalError
from silent_infinity.adapters.aws.approvals import DynamoApprovals
from silent_infinity.adapters.aws.evidence import DynamoEvidence
from silent_infinity.domain.promotion.approval import APPROVED, Approval, Decided
from silent_infinity.domain.promotion.evidence import Evidence, GateResult, Group, Verdict
from tests.contract import aws
from tests.support.operators_http import TOKEN, ApiInProcess
from tests.unit.admin.conftest import World

STAGED = "COMPOSE_POSITION/top-fixed"
REASON = "Because the test says so."
EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:promotion:p-1"
ENDS = 1_795_910_400  # 2026-11-29 00:00 UTC
OPEN = {
    "promotion_id": "p-1",
    "category": "COMPOSE_POSITION",
    "variant_id": "top-fixed",
    "from_status": "staged",
    "to_status": "canary",
    "rollout_percent": 10.0,
    "next_percent": 25.0,
    "requested_by": "operator:0123456789",
    "requested_at": "2026-11-22T00:00:00+00:00",
    "reason": REASON,
    "status": "awaiting_evidence",
    "execution": EXECUTION,
    "evidence_hash": "",
    "closed_at": "",
    "closed_by": "",
}
GATE = GateResult(
    "completion",
    "People go on",
    Group.GUARDRAIL,
    Verdict.FAILED,
    "Of 100 sessions, 61 went on after a reply; with production 70.",
)
EVIDENCE = Evidence(
    "p-1",
    "COMPOSE_POSITION",
    "top-fixed",
    4,
    "staged",
    "canary",
    5,
    10,
    "operator:0123456789",
    "2026-11-22T00:00:00+00:00",
    REASON,
    Verdict.FAILED,
    (GATE,),
    as_of="2026-11-21",
    since="2026-11-19",
)
APPROVAL = Approval(
    "p-1", "COMPOSE_POSITION", "top-fixed", 4, "hash", "operator:0", 2, "2026-11-22T00:00:00+00:00", ENDS
)


class Machines:
    """Executions: one that is in a state, or one that has ended."""

    def __init__(self, state: str = "", refusal: str = "", failure: str = "", ended: str = "") -> None:
        self.state, self.refusal, self.failure, self.ended = state, refusal, failure, ended

    def describe_execution(self, **_execution: str) -> dict[str, str]:
        """Whether it runs."""
        if self.refusal:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": self.refusal}}, "Describe")
        return {"status": self.ended or ("RUNNING" if self.state else "SUCCEEDED")}

    def get_paginator(self, _name: str) -> Any:
        """Its history, newest first."""
        entered = [
            {"type": "ExecutionFailed"},
            *([{"taskFailedEventDetails": {"error": self.failure}}] if self.failure else []),
            {"stateEnteredEventDetails": {"name": self.state}},
            {"stateEnteredEventDetails": {"name": "Begin the promotion"}},
        ]
        return SimpleNamespace(paginate=lambda **_asked: [{"events": entered}])


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    """The tables."""
    with mock_aws():
        client = boto3.client("dynamodb")
        aws.create_tables(client)
        yield client


def records(dynamodb: Any, machines: Machines) -> Records:
    """What the workflow keeps."""
    return Records(machines=machines, dynamodb=dynamodb, table=aws.APPROVALS)


def said(found: Standing, *, local: bool = True) -> str:
    """What is printed, on one line."""
    from local.cli.promote_views import standing

    return " ".join(standing(found, local=local).split())


def test_a_promotion_that_is_looked_at_says_which_step_it_is_at(dynamodb: Any) -> None:
    """The states of the machine are sentences for this."""
    found = records(dynamodb, Machines("Wait for the next look")).standing(OPEN)

    assert "staged -> canary at 10 %, then 25 %" in said(found)
    assert "Now: wait for the next look." in said(found)
    assert f"operator 01234567: {REASON}" in said(found)


def test_one_that_leads_into_a_pool_names_no_share_of_everybody() -> None:
    """A pool's members stand at 100 each and share it: nobody should read that all get this one."""
    pooled = {
        **OPEN,
        "category": "RATING_VARIANT",
        "from_status": "canary",
        "to_status": "production",
        "rollout_percent": 100.0,
        "next_percent": None,
    }

    for text in (said(Standing(pooled)), promotion_list([pooled])):
        assert "canary -> production, in its pool" in text
        assert "100" not in text


def test_one_that_waits_for_people_says_for_how_many_and_until_when(dynamodb: Any) -> None:
    """One yes of two is there already; whose, and why, is not a secret of the page."""
    kept = DynamoApprovals(dynamodb, aws.APPROVALS)
    kept.open(APPROVAL, "token")
    for approver in ("ada", "bo"):
        kept.asked("p-1", approver)
    before = kept.find("p-1")
    assert before is not None
    kept.decide("p-1", Decided("ada", True, "I read it all.", "2026-11-22T01:00:00+00:00"), before, "pending")
    found = records(dynamodb, Machines("Ask the approvers")).standing(OPEN)

    assert "Waits for an approver, until 2026-11-29 00:00:00Z." in said(found)
    assert "Asked: 2; needed: 2." in said(found)
    assert "operator ada approved it at 2026-11-22 01:00:00Z: I read it all." in said(found)
    assert "`./run outbox`" in said(found)
    assert "`./run outbox`" not in said(found, local=False)
    assert "token" not in json.dumps(promote_work._document(found))


def test_each_gate_says_its_sentence(dynamodb: Any) -> None:
    """What to do next follows from which gate it was."""
    evidence_hash = DynamoEvidence(dynamodb, aws.APPROVALS).put(EVIDENCE)
    found = records(dynamodb, Machines()).standing({**OPEN, "evidence_hash": evidence_hash})

    assert "The gates say: FAILED, figures of 2026-11-19 to 2026-11-21" in said(found)
    assert f"FAILED People go on {GATE.sentence}" in said(found)


@pytest.mark.parametrize(
    ("closed", "says"),
    [
        (
            {
                "status": "not_passed",
                "closed_at": "2026-11-23T00:00:00+00:00",
                "closed_by": "system:promotion",
            },
            "Ended: not passed, at 2026-11-23 00:00:00Z, by promotion.",
        ),
        ({"execution": ""}, "Its execution does not run"),
    ],
)
def test_one_that_is_over_or_has_not_begun_says_so(dynamodb: Any, closed: dict[str, str], says: str) -> None:
    """An approval that is over waits for nobody."""
    DynamoApprovals(dynamodb, aws.APPROVALS).open(replace(APPROVAL, status=APPROVED), "token")

    assert says in said(records(dynamodb, Machines()).standing({**OPEN, **closed}))


@pytest.mark.parametrize(
    ("machines", "says"),
    [
        (Machines("Apply the step", failure="ModuleNotFoundError", ended="FAILED"), "Apply the step: Module"),
        (Machines("Wait for the next look", ended="ABORTED"), "did not succeed: aborted."),
    ],
)
def test_an_execution_that_did_not_succeed_says_where(dynamodb: Any, machines: Machines, says: str) -> None:
    """The record of the promotion knows only that it failed."""
    assert says in said(records(dynamodb, machines).standing(OPEN))


def test_what_may_not_be_read_is_said_and_the_rest_is_shown(dynamodb: Any) -> None:
    """An operator need not have the rights of an engineer."""
    found = records(dynamodb, Machines(refusal="not authorized")).standing(OPEN)

    assert "staged -> canary" in said(found)
    assert "not authorized" in said(found)


def test_a_gates_sentence_cannot_move_the_cursor(dynamodb: Any) -> None:
    """It has names of variants in it."""
    gate = replace(GATE, sentence="a\x1b[2Kb")
    evidence_hash = DynamoEvidence(dynamodb, aws.APPROVALS).put(replace(EVIDENCE, gates=(gate,)))
    found = records(dynamodb, Machines()).standing({**OPEN, "evidence_hash": evidence_hash})

    assert "\x1b" not in said(found)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, dynamodb: Any) -> Any:
    """Runs `./run promote …` over the operators' API in this process; gives the exit code."""
    http = ApiInProcess(World().handle)
    target = Target("local", "http://api/stage", lambda: TOKEN, local=True)
    monkeypatch.setattr(admin_work, "connect", lambda _context, _arguments: AdminApi(target, transport=http))
    monkeypatch.setattr(promote_work, "_records", lambda _context, _arguments: records(dynamodb, Machines()))
    return lambda *words: main(["promote", *words])


def test_a_promotion_is_asked_for_and_followed(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The command that asks names the command that tells where it stands."""
    assert run(STAGED, "--reason", REASON, "--to-percent", "15") == 0
    asked = capsys.readouterr().out
    [command] = [
        line.strip() for line in asked.splitlines() if line.strip().startswith("./run promote status")
    ]
    promotion_id = command.split()[3]

    assert run("status", promotion_id) == 0
    assert "staged -> canary at 15 %" in capsys.readouterr().out
    assert run("status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["promotion"]["promotion_id"] == promotion_id
    assert run("list") == 0
    assert STAGED in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"), [(["status"], "Nobody has asked"), (["status", "p-2"], "no promotion")]
)
def test_a_promotion_that_is_not_there_is_a_sentence(
    run: Any, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    """With what to type instead."""
    assert run(*words) == 1
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("words", [["not a variant"], [STAGED, "p-1", "--reason", REASON]])
def test_what_is_neither_a_variant_nor_a_question_is_refused(run: Any, words: list[str]) -> None:
    """A slip of the hand changes nothing."""
    with pytest.raises(SystemExit):
        run(*words)


def test_what_the_workflow_keeps_is_read_with_aws_alone() -> None:
    """A bare address of an API names no tables: the promotion is shown, and why no more."""
    arguments = build_parser().parse_args(["promote", "status", "--api-url", "https://api.example"])
    context: Any = SimpleNamespace()
    found = promote_work.standing(context, arguments, OPEN)

    assert "read with -e only" in said(found)
    with pytest.raises(LocalError):
        promote_work._records(context, arguments)
