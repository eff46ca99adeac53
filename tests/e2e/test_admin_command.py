"""`./run admin` against the deployed system, as a person types it, and signing in as anywhere on AWS."""

import json
import os
import re
import subprocess
import sys
import time
import uuid
from typing import Any

import pytest

from local.cli.__main__ import main
from local.cli.admin_target import OUTPUTS, stack_outputs
from local.operators import totp
from local.stack.operators import ADMIN_GROUP
from local.stack.stack import LocalStack
from local.tools.locations import HOME_VARIABLE, REPOSITORY

REASON = "Because the end-to-end test says so."
INVITED = "Invited-by-the-test-1!"


def run(stack: LocalStack, *words: str, code: int = 0) -> str:
    """Run `./run admin …` as a process of its own, at a terminal of 80 columns; returns what it printed."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "local.cli", "admin", *words],
        cwd=REPOSITORY,
        env={**os.environ, HOME_VARIABLE: str(stack.home), "COLUMNS": "80"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_an_operator_works_from_the_command_line(stack: LocalStack) -> None:
    """A variant's life: created, served, promoted, paused, retired; then who did it, and that it is whole."""
    name = f"STARTER_POOL_SIZE/cli-{uuid.uuid4().hex[:8]}"
    why = ("--reason", REASON)
    words = ["--description", "Six topics", "--config", '{"size": 6}']
    assert "Created: experimental at 0 %, version 1." in run(stack, "variants", "create", name, *words, *why)
    assert "experimental at 0 % -> experimental at 1 %" in run(
        stack, "variants", "update", name, "--rollout", "1", *why
    )
    promoted = run(stack, "variants", "promote", name, *why)
    assert "experimental at 1 % -> staged at 5 %" in promoted
    assert f"./run admin variants demote {name} --reason …" in promoted
    listed = run(stack, "variants", "list", "--running")
    assert re.search(rf"{name.partition('/')[2]} +staged +5 % +█········· +running", listed)

    refused = run(stack, "variants", "update", name, "--rollout", "60", "--confirm", *why, code=1)
    assert "The rollout is outside the bounds" in refused
    old = run(stack, "variants", "pause", name, "--version", "1", *why, code=1)
    assert "has changed since it was read" in old
    run(stack, "variants", "pause", name, *why)
    assert "Retiring is for good." in run(stack, "variants", "update", name, "--retire", *why)

    entries = json.loads(run(stack, "audit", name, "--json"))["entries"]
    assert [entry["action"] for entry in entries] == ["create", "update", "promote", "pause", "retire"]
    assert {entry["reason"] for entry in entries} == {REASON}
    assert "The history is whole." in run(stack, "audit", name, "--verify")
    assert "retired" in run(stack, "variants", "show", name)


def test_a_critical_change_is_cancelled_in_time(stack: LocalStack) -> None:
    """Nobody in a crisis ever meets it."""
    name = "CRISIS_FLOW_MODEL/claude-opus-4-7"
    why = ("--reason", REASON)
    assert "Waits for its cooldown" in run(stack, "variants", "promote", name, "--rollout", "0", *why)
    assert re.search(r"promote in \d+ s", run(stack, "variants", "list", "--category", "CRISIS_FLOW_MODEL"))

    run(stack, "variants", "cancel", name, *why)
    shown = json.loads(run(stack, "variants", "show", name, "--json"))
    assert (shown["status"], shown["cooldown"]) == ("experimental", None)


def test_the_rest_is_readable(stack: LocalStack) -> None:
    """Comparing what has no figures is refused with what to do; promotions are a list, if an empty one."""
    said = run(stack, "variants", "compare", "VOICE_LLM/sonnet", "haiku", code=1)

    assert "There are no figures of these variants in this time." in said
    assert json.loads(run(stack, "promotions", "--json")).keys() == {"promotions"}


def test_an_invited_operator_signs_in_for_the_first_time(
    stack: LocalStack,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As on AWS: a password of their own, an authenticator, a code; then commands work for half an hour."""
    pool, client = stack.outputs["OperatorPoolId"], stack.outputs["OperatorPoolClientId"]
    email = f"invited-{uuid.uuid4().hex[:8]}@example.com"
    cognito = stack.client("cognito-idp")
    cognito.admin_create_user(
        UserPoolId=pool, Username=email, TemporaryPassword=INVITED, MessageAction="SUPPRESS"
    )
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=email, GroupName=ADMIN_GROUP)
    passwords = iter([INVITED, "One-of-their-own-2!", "One-of-their-own-2!"])
    secrets: list[str] = []

    def typed(_prompt: str) -> str:
        secrets.extend(re.findall(r"secret=(\w+)", capsys.readouterr().err))
        return totp(secrets[-1], time.time())

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(passwords))
    monkeypatch.setattr("builtins.input", typed)
    for name, value in {
        HOME_VARIABLE: str(tmp_path),
        "AWS_ENDPOINT_URL": stack.endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": stack.client("cognito-idp").meta.region_name,
    }.items():
        monkeypatch.setenv(name, value)
    where = ["--api-url", stack.api_url, "--pool-id", pool, "--client-id", client]

    assert main(["admin", "sign-in", *where, "--email", email]) == 0
    capsys.readouterr()
    assert main(["admin", "variants", "show", "MANDALA_FACE/on", "--json", *where]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "production"
    found = stack_outputs("local", None)
    assert set(OUTPUTS.values()) <= set(found)
    assert found["OperatorPoolId"] == pool
