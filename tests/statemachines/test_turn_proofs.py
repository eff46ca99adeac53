"""What holds on every path of the turn, and that each proof notices when it does not."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.statemachines.definitions import all_states, raw_turn
from tests.statemachines.graph import (
    Graph,
    interference_complaints,
    screening_complaints,
    unset_variable_complaints,
)
from tests.statemachines.timing import Bound, latest_end, latest_ends

# Each of these ends an execution that has no turn to answer: a screen could not have changed anything.
MAY_ANSWER_UNSCREENED = {
    "Pass on what capture answered",
    "Give the first attempt's reply",
    "Say that it is still in progress",
    "Refuse what is not a message",
}

Definition = dict[str, Any]
Break = Callable[[Definition], None]


def screening(definition: Definition) -> list[str]:
    """The complaints of the screening proof."""
    return screening_complaints(definition, may_answer_unscreened=MAY_ANSWER_UNSCREENED)


def state(definition: Definition, name: str) -> Definition:
    """A state by name, wherever it is."""
    return dict(all_states(definition))[name]


def broken(change: Break) -> Definition:
    """The definition with something wrong in it."""
    definition = copy.deepcopy(raw_turn())
    change(definition)
    return definition


def goes(name: str, target: str) -> Break:
    """The state's next state is another one."""

    def change(definition: Definition) -> None:
        state(definition, name)["Next"] = target

    return change


def default(name: str, target: str) -> Break:
    """The choice's default is another one."""

    def change(definition: Definition) -> None:
        state(definition, name)["Default"] = target

    return change


def catches(name: str, target: str) -> Break:
    """The state's errors go somewhere else."""

    def change(definition: Definition) -> None:
        state(definition, name)["Catch"][0]["Next"] = target

    return change


def rule(name: str, number: int, target: str) -> Break:
    """One rule of the choice goes somewhere else."""

    def change(definition: Definition) -> None:
        state(definition, name)["Choices"][number]["Next"] = target

    return change


def sets(name: str, **fields: Any) -> Break:
    """Fields of the state are others."""

    def change(definition: Definition) -> None:
        state(definition, name).update(fields)

    return change


def without_screen(definition: Definition) -> None:
    """Take the screen's branch away; what is left gives a clear verdict."""
    state(definition, "Understand the message")["Branches"][0] = {
        "StartAt": "Assume that all is well",
        "States": {"Assume that all is well": {"Type": "Pass", "Output": {"path": "clear"}, "End": True}},
    }


def without_red_flags(definition: Definition) -> None:
    """Judge by nothing."""
    state(definition, "Look for red flags")["Assign"] = {"red_flag": False}


def serve_the_draft(definition: Definition) -> None:
    """Serve the draft where the reserve should be served."""
    state(definition, "Serve the reserve")["Assign"]["served"]["text"] = "{% $draft.text %}"


def tell_the_client(source: str) -> Mapping[str, str]:
    """What the client is told to render, taken from there."""
    return {"client_variants": f"{{% {source}.client_variants %}}"}


def serve_without_help(definition: Definition) -> None:
    """Leave the help lines out of a crisis reply."""
    state(definition, "Serve the vetted reply")["Assign"]["served"]["resources"] = []


def test_no_path_reaches_a_model_or_an_answer_unjudged() -> None:
    """Invariant 1: the screen, or the red flags when it is down, and validation for generated text."""
    assert screening(raw_turn()) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (without_screen, "a model is reached unscreened"),
        (without_red_flags, "a model is reached unscreened"),
        (goes("Capture the message", "Plan a reply"), "a model is reached unscreened"),
        (rule("What did capture decide?", 0, "Plan a reply"), "a model is reached unscreened"),
        (catches("Capture the message", "Serve the fixed fallback"), "a reply is chosen unscreened"),
        (catches("Understand the message", "Plan a reply"), "a model is reached unscreened"),
        (catches("Understand the message", "Serve the fixed fallback"), "a reply is chosen unscreened"),
        (sets("Leave it to the red flags", Output={"path": "clear"}), "a model is reached unscreened"),
        (sets("Leave it to the red flags", Output={"path": "imminent"}), "a reply is chosen unscreened"),
        (default("Which path?", "Plan a reply without a model"), "a model is reached unscreened"),
        (goes("Generate a reply", "Serve the generated reply"), "a raw draft is served"),
        (rule("Is there a draft?", 0, "Serve the generated reply"), "a raw draft is served"),
        (goes("Validate the reply", "Serve the generated reply"), "a checked draft is served"),
        (catches("Validate the reply", "Serve the generated reply"), "a raw draft is served"),
        (catches("Validate the reply", "Is it good enough?"), "a raw draft is served"),
        (catches("Generate a reply", "Serve the generated reply"), "a none draft is served"),
        (catches("Generate a reply", "Is it good enough?"), "draft is served"),
        (default("Is it good enough?", "Serve the generated reply"), "a checked draft is served"),
        (rule("What can be served instead?", 1, "Serve the generated reply"), "draft is served"),
        (serve_the_draft, "draft is served"),
        (goes("Go on without a record", "Respond"), "an answer is given unscreened"),
        (default("What did capture decide?", "Respond"), "an answer is given unscreened"),
        (
            default("Is there a message to answer?", "Wait a second"),
            "Refuse what is not a message is not reached",
        ),
    ],
)
def test_the_screening_proof_notices(change: Break, complaint: str) -> None:
    """A proof that cannot fail proves nothing."""
    assert any(complaint in found for found in screening(broken(change)))


def test_nothing_can_interfere_with_a_crisis() -> None:
    """Invariant 2: limits, refusals, clarifications, templates and experiments lie behind a clear verdict."""
    assert interference_complaints(raw_turn()) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (rule("Which path?", 2, "Is the person over a limit?"), "Is the person over a limit? can"),
        (rule("Which path?", 0, "Refuse kindly"), "Refuse kindly can"),
        (default("Which path?", "What kind of reply fits?"), "What kind of reply fits? can"),
        (goes("Plan a crisis reply", "Plan a reply"), "Plan a reply can"),
        (rule("What can be served instead?", 0, "Answer from a template"), "Answer from a template can"),
        (catches("Generate a reply", "Ask to wait"), "Ask to wait can"),
        (goes("Capture the message", "Is the message blocked?"), "Is the message blocked? can"),
        (goes("Take it as a crisis", "Which path?"), "a crisis is asked again"),
        (rule("Which path?", 3, "Plan a crisis reply"), None),
        (
            lambda definition: state(definition, "Plan a crisis reply")["Assign"]["plan"].update(
                variants="{% $turn.variants %}"
            ),
            "Plan a crisis reply can",
        ),
        (
            lambda definition: state(definition, "Which path?")["Choices"][2].update(
                Assign=tell_the_client("$turn")
            ),
            "Which path? can",
        ),
        (
            lambda definition: state(definition, "Capture the message")["Assign"].update(
                tell_the_client("$states.result.Payload.turn")
            ),
            "Capture the message can",
        ),
        (
            lambda definition: state(definition, "Compose the answer")["Assign"]["record"]["answer"].update(
                tell_the_client("$turn")
            ),
            "Compose the answer can",
        ),
        (serve_without_help, "Serve the vetted reply serves a crisis without help lines"),
        (
            lambda definition: state(definition, "Which path?")["Choices"][3].update(Condition="{% true %}"),
            "0 edges ask for a clear verdict",
        ),
    ],
)
def test_the_interference_proof_notices(change: Break, complaint: str | None) -> None:
    """A proof that cannot fail proves nothing; and treating a clear message as a crisis harms nobody."""
    found = interference_complaints(broken(change))

    assert found == [] if complaint is None else any(complaint in each for each in found)


def test_every_variable_has_a_value_wherever_it_is_read() -> None:
    """An unset variable fails the execution, on the path that nobody tried."""
    assert unset_variable_complaints(raw_turn()) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (catches("Capture the message", "Understand the message"), "reads $turn"),
        (goes("Look for red flags", "Plan a crisis reply"), "reads $screen"),
        (rule("What did capture decide?", 2, "Compose the answer"), "reads $served"),
        (
            sets("Begin an attempt", Assign={"attempt": "{% $attempt + 1 %}"}),
            "Generate a reply reads $seconds",
        ),
        (sets("Keep the record for later", Catch=[]), None),
        (
            lambda definition: state(definition, "Record the turn")["Catch"][0].pop("Assign"),
            "Respond reads $answer",
        ),
        (
            lambda definition: state(definition, "What did capture decide?")["Choices"][1].pop("Assign"),
            "reads $claim_key",
        ),
    ],
)
def test_the_variable_proof_notices(change: Break, complaint: str | None) -> None:
    """A proof that cannot fail proves nothing."""
    found = unset_variable_complaints(broken(change))

    assert found == [] if complaint is None else any(complaint in each for each in found)


@pytest.fixture(scope="module")
def bounds() -> dict[str, Bound]:
    """When each way to end the turn ends at the latest."""
    return latest_ends(raw_turn())


def test_the_longest_path_ends_below_27_seconds(bounds: dict[str, Bound]) -> None:
    """Invariant 5: the caller gets an answer within the ceiling, retries and slow states included."""
    latest = max(bounds.values(), key=lambda bound: bound.seconds)

    assert latest.seconds < 27, latest
    # It is the whole way: no message stored, nothing clear, two attempts' worth of time, nothing recorded.
    assert "Go on without a record" in latest.path
    assert latest.path[-3:] == ("Record the turn", "Keep the record for later", "Respond")


def test_every_end_is_within_the_bound(bounds: dict[str, Bound]) -> None:
    """No way out was forgotten."""
    assert set(bounds) == Graph(raw_turn()).ends()


def test_whoever_waits_for_another_attempt_is_told_in_time(bounds: dict[str, Bound]) -> None:
    """The loop over the claim ends by the clock, not by a count."""
    assert 19 < bounds["Say that it is still in progress"].seconds < 24


def a_second_retry(name: str) -> Break:
    """The state is tried once more."""

    def change(definition: Definition) -> None:
        state(definition, name)["Retry"][0]["MaxAttempts"] += 1

    return change


@pytest.mark.parametrize(
    "change",
    [
        sets("Capture the message", TimeoutSeconds=8),
        sets("Screen for crisis", TimeoutSeconds=6),
        sets("Detect intent", TimeoutSeconds=6),
        sets("Validate the reply", TimeoutSeconds=2),
        sets("Record the turn", TimeoutSeconds=2),
        sets("Keep the record for later", TimeoutSeconds=2),
        sets("Generate a reply", TimeoutSeconds=9),
        a_second_retry("Capture the message"),
        a_second_retry("Screen for crisis"),
        a_second_retry("Generate a reply"),
        a_second_retry("Validate the reply"),
        a_second_retry("Record the turn"),
        a_second_retry("Keep the record for later"),
        rule("Is there time to try again?", 0, "Capture the message"),
        sets(
            "Is there time to try again?",
            Choices=[{"Condition": "{% $attempt < 9 %}", "Next": "Begin an attempt"}],
        ),
        sets("Is there still time?", Choices=[{"Condition": "{% true %}", "Next": "Wait a second"}]),
        sets(
            "Is there still time?",
            Choices=[{"Condition": "{% $millis() - $started_ms < 24000 %}", "Next": "Wait a second"}],
        ),
        goes("Keep the record for later", "Record the turn"),
    ],
)
def test_the_time_proof_notices(change: Break) -> None:
    """A proof that cannot fail proves nothing: each of these would let an execution run into the ceiling."""
    assert latest_end(broken(change)).seconds >= 27


def test_the_comment_tells_the_times_that_are_kept() -> None:
    """The file's first comment is what a maintainer believes."""
    promised = {"capture": 11, "understand": 16, "generate": 17, "validate": 20, "record": 23, "queue": 26}
    after = {
        "capture": "Capture the message",
        "understand": "Understand the message",
        "generate": "Generate a reply",
        "validate": "Validate the reply",
        "record": "Record the turn",
        "queue": "Keep the record for later",
    }
    comment = raw_turn()["Comment"]
    for word, second in promised.items():
        assert f"{word} by {second}" in comment
        cut = copy.deepcopy(raw_turn())
        last = cut["States"][after[word]]
        for key in ("Next", "Catch"):
            last.pop(key)
        last["End"] = True
        # Half a second is what the states in between may cost.
        assert (
            latest_ends(cut)[after[word] if last["Type"] != "Parallel" else _joined(after[word])].seconds
            <= second + 0.5
        )


def _joined(name: str) -> str:
    return f"{name} (joined)"
