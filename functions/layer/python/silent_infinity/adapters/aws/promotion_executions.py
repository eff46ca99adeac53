"""Executions of the promotion workflow in Step Functions.

An execution has the name of its promotion. Step Functions keeps a name for ninety days after its execution
has ended, which is longer than a promotion takes: one promotion has one execution.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from silent_infinity.adapters.aws.calls import call
from silent_infinity.ports.errors import StoreUnavailableError

_RUNNING: Final = frozenset({"RUNNING", "PENDING_REDRIVE"})
_OVER: Final = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})
"""What a token's task answers that was told, timed out, or belongs to an execution that has ended:
https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
"""
_ABSENT: Final = frozenset({"ExecutionDoesNotExist"})
_STARTED: Final = frozenset({"ExecutionAlreadyExists"})


class StepFunctionsPromotionExecutions:
    """A `PromotionExecutions`. Errors that are answers are told by their codes; no message is looked at."""

    def __init__(self, client: Callable[[], Any], state_machine_arn: str = "") -> None:
        """Take what makes the client, and the machine; who only resumes needs none."""
        self._client = client
        self._machine = state_machine_arn

    def start(self, promotion_id: str) -> bool:
        try:
            call(
                self._client().start_execution,
                stateMachineArn=self._machine,
                name=promotion_id,
                input=json.dumps({"promotion_id": promotion_id}),
            )
        except StoreUnavailableError as error:
            if str(error) in _STARTED:
                return False
            raise
        # A repeated start with the same input is answered like the first one while the execution runs.
        return True

    def resume(self, task_token: str, decision: str) -> bool:
        try:
            call(
                self._client().send_task_success,
                taskToken=task_token,
                output=json.dumps({"decision": decision}),
            )
        except StoreUnavailableError as error:
            if str(error) in _OVER:
                return False
            raise
        return True

    def is_running(self, promotion_id: str) -> bool:
        arn = f"{self._machine.replace(':stateMachine:', ':execution:')}:{promotion_id}"
        try:
            found = call(self._client().describe_execution, executionArn=arn)
        except StoreUnavailableError as error:
            if str(error) in _ABSENT:
                return False
            raise
        return found["status"] in _RUNNING
