"""JSONata state machines mean what they mean on AWS."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.emulator_process import Emulator


def machine(states: dict[str, Any]) -> dict[str, Any]:
    """A JSONata machine that starts at its first state."""
    return {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}


def branch(**state: Any) -> dict[str, Any]:
    """A branch of one Pass state."""
    return {"StartAt": "Inside", "States": {"Inside": {"Type": "Pass", "End": True, **state}}}


PARALLEL = machine(
    {
        "Begin": {"Type": "Pass", "Assign": {"count": 1}, "Next": "Both"},
        "Both": {
            "Type": "Parallel",
            "Arguments": {"words": "{% $states.input.message %}"},
            "Branches": [
                branch(Assign={"inner": 5, "own": "left"}, Output="{% $states.input.words %}"),
                branch(Assign={"own": "right"}, Output={"outer": "{% $count %}"}),
            ],
            "Assign": {"count": "{% $states.result[1].outer + 1 %}"},
            "Output": {"first": "{% $states.result[0] %}"},
            "Next": "End",
        },
        "End": {
            "Type": "Pass",
            "End": True,
            "Output": {
                "input": "{% $states.input %}",
                "count": "{% $count %}",
                "leaked": "{% $exists($inner) or $exists($own) %}",
            },
        },
    }
)


def test_the_bare_emulator_ignores_a_parallel_states_fields(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    answer = bare.run(bare.machine("jsonata", PARALLEL), {"message": "hello"})

    assert answer["status"] == "FAILED"


def test_a_parallel_state_has_arguments_output_and_assign(emulator: Emulator) -> None:
    """Branches read the variables around them and keep their own to themselves."""
    answer = emulator.run(emulator.machine("jsonata-parallel", PARALLEL), {"message": "hello"})

    assert answer["output"] == {"input": {"first": "hello"}, "count": 2, "leaked": False}


def test_a_failed_branch_is_caught_with_output_and_assign(emulator: Emulator) -> None:
    """Screen down, intent up: the Catch of the Parallel state decides what is known afterwards."""
    states = machine(
        {
            "Both": {
                "Type": "Parallel",
                "Branches": [
                    branch(),
                    {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Down", "Cause": "x"}}},
                ],
                "Catch": [
                    {
                        "ErrorEquals": ["States.ALL"],
                        "Assign": {"degraded": True},
                        "Output": {"error": "{% $states.errorOutput.Error %}"},
                        "Next": "End",
                    }
                ],
                "Next": "End",
            },
            "End": {"Type": "Pass", "End": True, "Output": ["{% $states.input.error %}", "{% $degraded %}"]},
        }
    )

    assert emulator.run(emulator.machine("jsonata-catch", states))["output"] == ["Down", True]


def test_a_succeed_state_has_an_output(emulator: Emulator) -> None:
    """The last state may shape the answer."""
    states = machine({"Done": {"Type": "Succeed", "Output": {"answer": "{% $states.input.a + 1 %}"}}})

    assert emulator.run(emulator.machine("jsonata-succeed", states), {"a": 1})["output"] == {"answer": 2}


def test_an_assign_sees_the_values_from_before_it(emulator: Emulator) -> None:
    """All expressions of an Assign are evaluated first, so two variables can change places."""
    swap = {"a": "{% $b %}", "b": "{% $a %}"}
    states = machine(
        {
            "Set": {"Type": "Pass", "Assign": {"a": 1, "b": 2}, "Next": "Swap"},
            "Swap": {"Type": "Pass", "Assign": swap, "Next": "End"},
            "End": {"Type": "Pass", "Output": ["{% $a %}", "{% $b %}"], "End": True},
        }
    )

    assert emulator.run(emulator.machine("jsonata-swap", states))["output"] == [2, 1]


def test_a_condition_has_to_be_a_boolean(emulator: Emulator) -> None:
    """AWS fails on anything else, so a truthy string must not pass here."""
    choice = {"Condition": "{% 'yes' %}", "Next": "Done"}
    states = machine(
        {"Which?": {"Type": "Choice", "Choices": [choice], "Default": "Done"}, "Done": {"Type": "Succeed"}}
    )

    assert emulator.run(emulator.machine("jsonata-choice", states))["error"] == "States.QueryEvaluationError"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$exists($match($states.input.t, /want to (die|go)/i)[0])", True),
        ("$contains($states.input.t, /\\bmira\\b/)", False),
        ("$parse('{\"a\": [1, 2]}').a[1]", 2),
        ("$parse($string($states.input)).t = $states.input.t", True),
        ("$exists($states.input.nothing)", False),
        ("$substringBefore($states.context.Execution.Id, ':execution:') != ''", True),
        ("$toMillis($states.context.Execution.StartTime) <= $millis()", True),
        ("$length($uuid())", 36),
        ("$hash('a', 'SHA-256')", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
    ],
)
def test_expressions_of_the_turn_work(emulator: Emulator, expression: str, value: Any) -> None:
    """What turn.asl.json is allowed to use."""
    states = machine({"Pass": {"Type": "Pass", "End": True, "Output": f"{{% {expression} %}}"}})
    name = f"jsonata-{abs(hash(expression))}"

    assert emulator.run(emulator.machine(name, states), {"t": "I Want to DIE, amirah 🙂"})["output"] == value


@pytest.mark.parametrize("expression", ["$eval('1')", "$states.input.nothing", "$match('a', /b/)"])
def test_undefined_values_and_eval_fail(emulator: Emulator, expression: str) -> None:
    """JSON has no undefined: AWS raises, so a definition has to say $exists or a default."""
    states = machine({"Pass": {"Type": "Pass", "End": True, "Output": f"{{% {expression} %}}"}})
    name = f"jsonata-{abs(hash(expression))}"

    assert emulator.run(emulator.machine(name, states))["error"] == "States.QueryEvaluationError"


def test_queues_and_tables_are_reached_directly(emulator: Emulator) -> None:
    """Recording a turn falls back to a queue without any function."""
    queue = emulator.client("sqs").create_queue(QueueName="jsonata-queue")["QueueUrl"]
    emulator.client("dynamodb").create_table(
        TableName="jsonata-table",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    states = machine(
        {
            "Send": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage",
                "Arguments": {"QueueUrl": queue, "MessageBody": "{% $string($states.input) %}"},
                "Output": "{% $states.input %}",
                "Next": "Look",
            },
            "Look": {
                "Type": "Task",
                "Resource": "arn:aws:states:::dynamodb:getItem",
                "Arguments": {"TableName": "jsonata-table", "Key": {"pk": {"S": "none"}}},
                "Output": "{% $exists($states.result.Item) %}",
                "End": True,
            },
        }
    )

    assert emulator.run(emulator.machine("jsonata-services", states), {"a": "é"})["output"] is False
    assert emulator.client("sqs").receive_message(QueueUrl=queue)["Messages"][0]["Body"] in (
        '{"a":"é"}',
        '{"a":"\\u00e9"}',
    )
