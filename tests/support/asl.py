"""Runs a JSONata state machine in this process, so that faults can be planted between any two steps.

Only what the files in `statemachines/` use is understood; anything else raises, so that a test never passes
because a field was silently ignored. The end-to-end tests run the same file on the emulator.
"""

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.statemachines.expressions import evaluate

Task = Callable[[dict[str, Any]], Any]

_COMMON = {"Type", "Comment", "Assign", "Output", "Next", "End", "QueryLanguage"}
_KNOWN = {
    "Task": _COMMON | {"Resource", "Arguments", "TimeoutSeconds", "Retry", "Catch"},
    "Pass": _COMMON,
    "Wait": _COMMON | {"Seconds"},
    "Choice": _COMMON | {"Choices", "Default"},
    "Parallel": _COMMON | {"Branches", "Catch", "Retry"},
    "Map": _COMMON | {"Items", "ItemSelector", "ItemProcessor", "MaxConcurrency", "Catch", "Retry"},
    "Succeed": _COMMON,
    "Fail": {"Type", "Comment", "Error", "Cause"},
}


class StateError(Exception):
    """A state failed with an error name, as Step Functions reports it."""

    def __init__(self, name: str, cause: str = "") -> None:
        super().__init__(name)
        self.name = name
        self.cause = cause


class UnknownFieldError(Exception):
    """The definition uses something that this interpreter does not know."""


class StateMachine:
    """A definition with its tasks bound to functions of this process.

    `tasks` maps each Task's resource to what it does: for Lambda invocations the key is the FunctionName
    argument, for other integrations the Resource itself. A task raises StateError, or any exception, whose
    class name then is the error's name. One that waits for its token returns what the token was told.
    """

    def __init__(
        self,
        definition: Mapping[str, Any],
        tasks: Mapping[str, Task],
        *,
        now_ms: Callable[[], int],
        sleep: Callable[[float], None] = lambda _seconds: None,
        on_state: Callable[[str], None] = lambda _name: None,
    ) -> None:
        self._definition = definition
        self._tasks = tasks
        self._now_ms = now_ms
        self._sleep = sleep
        self._on_state = on_state
        self.visited: list[str] = []

    def run(self, data: Any, *, execution_id: str, started_at: str) -> Any:
        """Run one execution and return its output.

        Raises:
            StateError: the execution failed.
        """
        self.visited = []
        name = execution_id.rpartition(":")[2]
        context = {"Execution": {"Id": execution_id, "Name": name, "StartTime": started_at, "Input": data}}
        return self._machine(self._definition, data, {}, context)

    def _machine(
        self, machine: Mapping[str, Any], data: Any, variables: dict[str, Any], context: dict[str, Any]
    ) -> Any:
        name = machine["StartAt"]
        while True:
            state = machine["States"][name]
            unknown = set(state) - _KNOWN[state["Type"]]
            if unknown:
                raise UnknownFieldError(f"{name}: {sorted(unknown)}")
            self.visited.append(name)
            self._on_state(name)
            following, data = self._state(state, data, variables, context)
            if following is None:
                return data
            name = following

    def _state(
        self, state: Mapping[str, Any], data: Any, variables: dict[str, Any], context: dict[str, Any]
    ) -> tuple[str | None, Any]:
        states = {"input": data, "context": context}
        if state["Type"] == "Choice":
            return self._choose(state, states, variables)
        try:
            result = self._result(state, states, variables, context)
            return self._leave(state, {**states, "result": result}, variables, default=result)
        except StateError as error:
            for catcher in state.get("Catch", ()):
                if _named(error.name, catcher["ErrorEquals"]):
                    output = {"Error": error.name, "Cause": error.cause}
                    return self._leave(catcher, {**states, "errorOutput": output}, variables, default=output)
            raise

    def _result(
        self,
        state: Mapping[str, Any],
        states: dict[str, Any],
        variables: dict[str, Any],
        context: dict[str, Any],
    ) -> Any:
        if state["Type"] == "Task":
            return self._task(state, states, variables)
        if state["Type"] == "Parallel":
            return [
                self._machine(branch, states["input"], dict(variables), context)
                for branch in state["Branches"]
            ]
        if state["Type"] == "Map":
            return self._map(state, states, variables, context)
        if state["Type"] == "Fail":
            raise StateError(state["Error"], state["Cause"])
        if state["Type"] == "Wait":
            self._sleep(self._value(state["Seconds"], states, variables))
        return states["input"]

    def _map(
        self,
        state: Mapping[str, Any],
        states: dict[str, Any],
        variables: dict[str, Any],
        context: dict[str, Any],
    ) -> list[Any]:
        """Run the items one after the other, each with variables of its own."""
        self._value(state.get("MaxConcurrency", 0), states, variables)
        results = []
        for index, item in enumerate(self._value(state["Items"], states, variables)):
            inner = {**context, "Map": {"Item": {"Index": index, "Value": item}}}
            given = self._value(state.get("ItemSelector", item), {**states, "context": inner}, variables)
            results.append(self._machine(state["ItemProcessor"], given, dict(variables), inner))
        return results

    def _task(self, state: Mapping[str, Any], states: dict[str, Any], variables: dict[str, Any]) -> Any:
        waits = state["Resource"].endswith(".waitForTaskToken")
        self._value(state["TimeoutSeconds"], states, variables)
        function = state.get("Arguments", {}).get("FunctionName")
        task = self._tasks[function or state["Resource"]]
        left = [retry.get("MaxAttempts", 3) for retry in state.get("Retry", ())]
        while True:
            try:
                # Each attempt has a token of its own.
                context = {**states["context"], "Task": {"Token": _uuid4()}} if waits else states["context"]
                arguments = self._value(state.get("Arguments", {}), {**states, "context": context}, variables)
                payload = json.loads(json.dumps(arguments["Payload"] if function else arguments))
                result = json.loads(json.dumps(task(payload)))
                # What waits has for its result what whoever had the token said.
                return {"Payload": result, "StatusCode": 200} if function and not waits else result
            except Exception as failure:  # noqa: BLE001 -- whatever a task raises is an error of the state
                error = failure if isinstance(failure, StateError) else StateError(type(failure).__name__)
                for index, retry in enumerate(state.get("Retry", ())):
                    if left[index] > 0 and _named(error.name, retry["ErrorEquals"]):
                        left[index] -= 1
                        self._sleep(retry.get("IntervalSeconds", 1))
                        break
                else:
                    raise error from None

    def _choose(
        self, state: Mapping[str, Any], states: dict[str, Any], variables: dict[str, Any]
    ) -> tuple[str | None, Any]:
        for rule in state["Choices"]:
            if self._value(rule["Condition"], states, variables) is True:
                return self._leave(rule, states, variables, default=states["input"])
        self._assign(state, states, variables)
        return state["Default"], states["input"]

    def _leave(
        self, place: Mapping[str, Any], states: dict[str, Any], variables: dict[str, Any], *, default: Any
    ) -> tuple[str | None, Any]:
        output = self._value(place["Output"], states, variables) if "Output" in place else default
        self._assign(place, states, variables)
        return place.get("Next"), output

    def _assign(self, place: Mapping[str, Any], states: dict[str, Any], variables: dict[str, Any]) -> None:
        # All expressions see the variables as they were on entry, as Step Functions has it.
        variables.update(
            {name: self._value(value, states, variables) for name, value in place.get("Assign", {}).items()}
        )

    def _value(self, template: Any, states: dict[str, Any], variables: dict[str, Any]) -> Any:
        if isinstance(template, Mapping):
            return {key: self._value(value, states, variables) for key, value in template.items()}
        if isinstance(template, list):
            return [self._value(value, states, variables) for value in template]
        if isinstance(template, str) and template.startswith("{%") and template.endswith("%}"):
            return self._evaluate(template[2:-2].strip(), states, variables)
        return template

    def _evaluate(self, expression: str, states: dict[str, Any], variables: dict[str, Any]) -> Any:
        try:
            return evaluate(expression, variables, now_ms=self._now_ms(), new_uuid=_uuid4, **states)
        except Exception as failure:  # noqa: BLE001 -- the library raises several kinds
            raise StateError("States.QueryEvaluationError", str(failure)) from None


def _named(error: str, names: Iterable[str]) -> bool:
    """Whether a retrier or catcher means this error: `States.TaskFailed` stands for all but time-outs."""
    wide = {"States.ALL"} if error == "States.Timeout" else {"States.ALL", "States.TaskFailed"}
    return bool((wide | {error}) & set(names))


def _uuid4() -> str:
    return str(uuid.uuid4())
