"""Executions of promotions: which answers of Step Functions are answers, and which are outages."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from silent_infinity.adapters.aws.promotion_executions import StepFunctionsPromotionExecutions
from silent_infinity.adapters.memory.promotion_executions import MemoryPromotionExecutions
from silent_infinity.ports.errors import StoreUnavailableError

MACHINE = "arn:aws:states:us-east-1:111122223333:stateMachine:Promotion-1"
EXECUTION = "arn:aws:states:us-east-1:111122223333:execution:Promotion-1:promotion-1"
SECRET = "a token that nobody may see"


class Client:
    """Step Functions as far as this adapter calls it. `refusal` is the code of the next answer."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refusal = ""
        self.status = "RUNNING"

    def _called(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((name, arguments))
        if self.refusal == "unreachable":
            raise EndpointConnectionError(endpoint_url="https://states.test")
        if self.refusal:
            raise ClientError({"Error": {"Code": self.refusal, "Message": SECRET}}, name)
        return {"status": self.status}

    def start_execution(self, **arguments: Any) -> dict[str, Any]:
        """Answer like Step Functions."""
        return self._called("start", arguments)

    def send_task_success(self, **arguments: Any) -> dict[str, Any]:
        """Answer like Step Functions."""
        return self._called("resume", arguments)

    def describe_execution(self, **arguments: Any) -> dict[str, Any]:
        """Answer like Step Functions."""
        return self._called("describe", arguments)


@pytest.fixture
def client() -> Client:
    """Step Functions."""
    return Client()


@pytest.fixture
def executions(client: Client) -> StepFunctionsPromotionExecutions:
    """The adapter over it."""
    return StepFunctionsPromotionExecutions(lambda: client, MACHINE)


def test_an_execution_has_the_name_of_its_promotion(
    client: Client, executions: StepFunctionsPromotionExecutions
) -> None:
    """The name is what keeps a second one from starting; the input names the promotion and nothing else."""
    assert executions.start("promotion-1") is True
    [(_, arguments)] = client.calls
    assert arguments["stateMachineArn"] == MACHINE
    assert arguments["name"] == "promotion-1"
    assert json.loads(arguments["input"]) == {"promotion_id": "promotion-1"}


def test_one_that_was_started_before_is_no_error(
    client: Client, executions: StepFunctionsPromotionExecutions
) -> None:
    """A stream delivers a record twice now and then."""
    client.refusal = "ExecutionAlreadyExists"

    assert executions.start("promotion-1") is False


def test_a_state_that_waits_is_told_one_word(
    client: Client, executions: StepFunctionsPromotionExecutions
) -> None:
    """The history of an execution is read by more people than the audit log."""
    assert executions.resume(SECRET, "approved") is True
    [(_, arguments)] = client.calls
    assert arguments["taskToken"] == SECRET
    assert json.loads(arguments["output"]) == {"decision": "approved"}


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_state_that_waits_no_longer_is_an_answer(
    client: Client, executions: StepFunctionsPromotionExecutions, code: str
) -> None:
    """It was told, its time was up, or its execution was ended: trying again would never help."""
    client.refusal = code

    assert executions.resume(SECRET, "approved") is False


@pytest.mark.parametrize(
    ("status", "running"),
    [
        ("RUNNING", True),
        ("PENDING_REDRIVE", True),
        ("SUCCEEDED", False),
        ("FAILED", False),
        ("TIMED_OUT", False),
        ("ABORTED", False),
    ],
)
def test_an_execution_runs_until_it_has_ended(
    client: Client, executions: StepFunctionsPromotionExecutions, status: str, running: bool
) -> None:
    """What runs is not closed by the schedule."""
    client.status = status

    assert executions.is_running("promotion-1") is running
    assert client.calls == [("describe", {"executionArn": EXECUTION})]


def test_an_execution_that_was_never_started_does_not_run(
    client: Client, executions: StepFunctionsPromotionExecutions
) -> None:
    """The schedule then starts it."""
    client.refusal = "ExecutionDoesNotExist"

    assert executions.is_running("promotion-1") is False


Call = Callable[[StepFunctionsPromotionExecutions], bool]


@pytest.mark.parametrize("refusal", ["ThrottlingException", "AccessDeniedException", "unreachable"])
@pytest.mark.parametrize(
    "call",
    [
        lambda executions: executions.start("promotion-1"),
        lambda executions: executions.resume(SECRET, "approved"),
        lambda executions: executions.is_running("promotion-1"),
    ],
)
def test_everything_else_is_an_outage_without_a_word_of_the_message(
    client: Client, executions: StepFunctionsPromotionExecutions, refusal: str, call: Call
) -> None:
    """Nobody may take an outage for an answer; messages quote what was sent."""
    client.refusal = refusal

    with pytest.raises(StoreUnavailableError) as caught:
        call(executions)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_memory_does_the_same() -> None:
    """Tests of use cases rely on it."""
    memory = MemoryPromotionExecutions()
    memory.waiting.add("token")

    assert [memory.start("one"), memory.start("one")] == [True, False]
    assert [memory.resume("token", "approved"), memory.resume("token", "approved")] == [True, False]
    assert memory.resumed == [("token", "approved")]
    assert [memory.is_running("one"), memory.is_running("two")] == [True, False]
    memory.unavailable = True
    with pytest.raises(StoreUnavailableError):
        memory.is_running("one")
