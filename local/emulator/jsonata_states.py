"""JSONata state machines mean what they mean on AWS.

Gap: Arguments, Output and Assign of a Parallel state and Output of a Succeed state are ignored; variables
that a branch assigns leak into its siblings and the states after; an Assign sees the values that it is just
assigning; a Condition may be anything, not only a boolean; ``$eval`` works.
Fix: each as AWS has it, so that a definition that relies on the difference fails here, too.
"""

from __future__ import annotations

from typing import Any

from local.emulator import seams

SUMMARY = (
    "JSONata Parallel and Succeed states, branch-scoped variables, simultaneous Assign, boolean conditions"
)


def install() -> None:
    """Wrap the interpreter's handling of JSONata states."""
    step_functions = seams.module("services.stepfunctions")
    _install_parallel(step_functions)
    _install_succeed(step_functions)
    _install_scopes(step_functions)
    _install_strictness(step_functions)


def _is_jsonata(step_functions: Any, state: dict[str, Any], context: Any) -> bool:
    return bool(step_functions._state_query_language(state, context) == "JSONata")


def _install_parallel(step_functions: Any) -> None:
    run_branches = seams.original(step_functions, "_run_parallel_branches")

    def run(state: dict[str, Any], data: Any, execution: Any, context: Any) -> Any:
        if not _is_jsonata(step_functions, state, context):
            return run_branches(state, data, execution, context)
        branch_input = step_functions._apply_jsonata_arguments(state, data, context)
        results, following = run_branches(state, branch_input, execution, context)
        output = step_functions._apply_jsonata_output(state, data, context, result=results, default=results)
        step_functions._apply_state_assign(state, data, context, result=results)
        return output, following

    seams.replace(step_functions, "_run_parallel_branches", run)


def _install_succeed(step_functions: Any) -> None:
    apply_output_path = seams.original(step_functions, "_apply_output_path")

    def output(state: dict[str, Any], data: Any, context: Any = None) -> Any:
        if (
            state.get("Type") == "Succeed"
            and "Output" in state
            and _is_jsonata(step_functions, state, context)
        ):
            return step_functions._apply_jsonata_output(state, data, context)
        return apply_output_path(state, data, context)

    seams.replace(step_functions, "_apply_output_path", output)


def _install_scopes(step_functions: Any) -> None:
    run_sub_machine = seams.original(step_functions, "_run_sub_machine")
    template = seams.original(step_functions, "_apply_jsonata_template")

    def run(states: Any, start_at: str, data: Any, execution: Any, context: dict[str, Any]) -> Any:
        # A branch reads the variables around it and keeps its own to itself; so does its name in
        # $states.context.
        inner = {**context, "variables": dict(context.get("variables", {}))}
        return run_sub_machine(states, start_at, data, execution, inner)

    def assign(state: Any, data: Any, context: Any, result: Any = None, error_output: Any = None) -> None:
        if context is None or not _is_jsonata(step_functions, state, context):
            return
        values = state.get("Assign")
        if isinstance(values, dict):
            # Evaluated as a whole first: every expression sees the values from before this state.
            evaluated = template(values, data, context, result=result, error_output=error_output)
            context.setdefault("variables", {}).update(evaluated)

    seams.replace(step_functions, "_run_sub_machine", run)
    seams.replace(step_functions, "_apply_state_assign", assign)


def _install_strictness(step_functions: Any) -> None:
    evaluate_template = seams.original(step_functions, "_apply_jsonata_template")
    register = seams.original(step_functions, "_register_sfn_jsonata_functions")

    def rule(choice: dict[str, Any], data: Any, context: Any) -> bool:
        value = evaluate_template(choice.get("Condition"), data, context)
        if not isinstance(value, bool):
            raise step_functions._ExecutionError(
                "States.QueryEvaluationError",
                "The JSONata expression specified for the field 'Condition' returned an unexpected result "
                f"type. Expected 'boolean', but was '{step_functions._json_type(value)}'",
            )
        return value

    def refuse_eval(*_arguments: Any) -> Any:
        raise ValueError("T1006: Attempted to invoke a non-function: $eval")

    def register_functions(expression: Any) -> None:
        register(expression)
        expression.register_lambda("eval", refuse_eval)

    seams.replace(step_functions, "_evaluate_jsonata_choice_rule", rule)
    seams.replace(step_functions, "_register_sfn_jsonata_functions", register_functions)
