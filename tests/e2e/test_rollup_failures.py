"""A nightly rollup that fails on the deployed system: the letter, the alert, and the lake free again."""

import json
import time
from typing import Any

from local.cli.rollup import MACHINE
from local.stack.stack import LocalStack

DEAD_LETTERS = "NightlyRollupDeadLetterQueueUrl"


def run(stack: LocalStack, asked: dict[str, Any], patience_seconds: float = 120) -> dict[str, Any]:
    """Run the state machine to its end and return how it ended."""
    machines = stack.client("stepfunctions")
    execution = machines.start_execution(stateMachineArn=stack.outputs[MACHINE], input=json.dumps(asked))
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        described: dict[str, Any] = machines.describe_execution(executionArn=execution["executionArn"])
        if described["status"] != "RUNNING":
            return described
        time.sleep(0.2)
    raise AssertionError("the run did not end")


def letters(stack: LocalStack, execution: str = "", patience_seconds: float = 20) -> list[dict[str, Any]]:
    """Take dead letters (of an execution) out of their queue, until there is one; others leave some too."""
    queue = stack.client("sqs")
    deadline = time.monotonic() + patience_seconds
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < deadline:
        url = stack.outputs[DEAD_LETTERS]
        for message in queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            letter = json.loads(message["Body"])
            if execution in ("", letter["execution"]):
                found.append(letter)
            queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def test_a_run_that_makes_no_sense_leaves_a_letter_and_an_alert(stack: LocalStack) -> None:
    """By name, through the real functions, queue and topic; what was typed stays in the letter."""
    ended = run(stack, {"date": "the-day-before"})
    [letter] = letters(stack, ended["executionArn"])
    told = [message for message in stack.outbox_messages() if ended["executionArn"] in str(message)]

    assert (ended["status"], ended["error"]) == ("FAILED", "NightlyRollupFailed")
    assert letter["execution"] == ended["executionArn"]
    assert (letter["state"], letter["error"]) == ("Ask for the lake", "DaysError")
    assert letter["asked"] == {"date": "the-day-before", "from": "", "to": ""}
    assert len(told) == 1
    assert "rollup failed" in str(told[0])
    assert "the-day-before" not in str(told[0])


def test_the_next_run_finds_the_lake_free(stack: LocalStack) -> None:
    """A failure must not keep tomorrow's run waiting for two hours."""
    run(stack, {"date": "the-day-before"})
    letters(stack)
    ended = run(stack, {})

    assert ended["status"] == "SUCCEEDED", letters(stack)
    assert json.loads(ended["output"])["breaches"] >= 0
