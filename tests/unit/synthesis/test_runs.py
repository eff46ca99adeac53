"""Whole runs over a week: who gets a summary, what is tried twice, and what is left when something fails."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from silent_infinity.domain.crisis.posture import Posture
from silent_infinity.domain.synthesis import check, gather, rules
from silent_infinity.domain.turn import Usage
from silent_infinity.ports.batch_inference import BatchAnswer, BatchRecord, BatchState, BatchStatus
from silent_infinity.ports.llm import ModelError, ModelTimeoutError
from silent_infinity.ports.summaries import SummaryState
from silent_infinity.usecases import prepare_synthesis, write_summaries
from silent_infinity.usecases.batch_synthesis import BatchRequest
from tests.support.asl import StateError
from tests.support.synthesis import SAID, SUMMARY, WEEK, SynthesisWorld, batch_answer
from tests.support.world import Crash, ScriptedModel

PEOPLE = 15
"""Two parts."""

LEAST_IN_A_BATCH = 12


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch service that takes a dozen: to read a hundred weeks takes seconds, and one test does."""
    set_rules(monkeypatch, batch={**rules()["batch"], "min_records": LEAST_IN_A_BATCH})


def set_rules(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Change rules of the search."""
    now: Callable[[], Any] = vars(prepare_synthesis)["rules"]
    changed = {**now(), **changes}
    monkeypatch.setattr(prepare_synthesis, "rules", lambda: changed)


def crowd(world: SynthesisWorld, count: int = PEOPLE) -> list[str]:
    """Give as many people a week; their names."""
    names = [f"person-{number:03d}" for number in range(count)]
    for name in names:
        world.person(name)
    return names


def states(world: SynthesisWorld, names: list[str]) -> set[SummaryState | None]:
    """Return the states of these people's summaries."""
    found = [world.summary(name) for name in names]
    return {summary.state if summary else None for summary in found}


def test_whoever_spoke_enough_gets_a_summary() -> None:
    """The whole way, one call of the model each."""
    world = SynthesisWorld()
    world.person("talker")
    world.person("quiet", "Hello!", "Good night.")

    output = world.run()

    summary = world.summary("talker")
    assert summary is not None
    assert (summary.state, summary.text, summary.session_ids) == (
        SummaryState.WRITTEN,
        SUMMARY,
        ("session-talker",),
    )
    assert (summary.usage.cost_usd, summary.attempts, summary.batch) == (0.0006, 1, False)
    assert summary.prompt_id == "weekly_synthesis/v1"
    assert world.summary("quiet") is None
    assert (output["due"], output["written"], output["cost_micro_usd"]) == (1, 1, 600)


def test_a_summary_expires_with_the_turns_of_its_week() -> None:
    """It holds what the turns hold, so it may not outlive them."""
    world = SynthesisWorld()
    world.person("talker")
    world.run()

    summary = world.summary("talker")
    assert summary is not None
    end_of_week = datetime(2026, 11, 23, tzinfo=UTC)
    assert summary.expires_at == (end_of_week + timedelta(days=30)).timestamp()


def test_nobody_is_due_and_nothing_is_asked() -> None:
    """A week in which nobody came is no failure."""
    world = SynthesisWorld()

    output = world.run()

    assert output["due"] == 0
    assert world.model.requests == []  # type: ignore[attr-defined] # a ScriptedModel


def test_without_a_model_nothing_is_searched() -> None:
    """The composer cannot write a summary, and must not be asked to."""
    world = SynthesisWorld(writes=False)
    world.person("talker")

    assert world.run()["outcome"] == "no_model"
    assert world.summary("talker") is None


def test_the_same_week_again_makes_nothing_twice() -> None:
    """Schedules deliver at least once, and operators press buttons again."""
    world = SynthesisWorld()
    world.person("talker")
    world.run()
    first = world.summary("talker")
    world.person("latecomer")

    output = world.run(WEEK)

    assert (output["due"], output["written"]) == (1, 1)
    assert world.summary("talker") == first
    assert len(world.model.requests) == 2  # type: ignore[attr-defined] # a ScriptedModel


def test_two_runs_of_one_week_do_not_get_in_each_others_way() -> None:
    """The second one leaves the week alone, and a lease that nobody keeps ends."""
    world = SynthesisWorld()
    world.person("talker")
    world.summaries.hold_week(WEEK, "another", 0, int(world.clock.now().timestamp() * 1000) + 60_000)

    assert world.run()["outcome"] == "busy"
    assert world.summary("talker") is None
    world.clock.advance(120)
    assert world.run(WEEK)["written"] == 1


def test_a_run_that_lost_its_week_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs that write the same summaries would pay for them twice."""
    world = SynthesisWorld()
    world.person("talker")

    def lose(name: str) -> None:
        if name == "write":
            world.clock.advance(7200)
            now_ms = int(world.clock.now().timestamp() * 1000)
            world.summaries.hold_week(WEEK, "another", now_ms, now_ms + 60_000)

    monkeypatch.setattr(world, "on_call", lose)

    with pytest.raises(StateError, match="WeeklySynthesisFailed"):
        world.run()
    assert world.model.requests == []  # type: ignore[attr-defined] # a ScriptedModel


@pytest.mark.parametrize(
    ("answers", "code", "cost"),
    [
        (["Too short."], "length.too_short", 0.0012),
        ([SUMMARY + " You should see a doctor."], "safe_messaging.advice", 0.0012),
        ([ModelTimeoutError("scripted:timeout")], "scripted:timeout", 0.0),
        ([""], "length.empty", 0.0012),
    ],
)
def test_what_fails_twice_is_skipped_with_its_code(answers: list[Any], code: str, cost: float) -> None:
    """Once more and no further; what both attempts cost is known."""
    world = SynthesisWorld(ScriptedModel(*answers))
    world.person("talker")

    output = world.run()

    summary = world.summary("talker")
    assert summary is not None
    assert (summary.state, summary.text, summary.code, summary.attempts) == (
        SummaryState.SKIPPED,
        "",
        code,
        2,
    )
    assert summary.usage.cost_usd == cost
    assert (output["written"], output["skipped"]) == (0, 1)
    assert len(world.model.requests) == 2  # type: ignore[attr-defined] # a ScriptedModel
    assert world.metrics.total("SynthesisSkipped") == 1


def test_the_second_attempt_is_told_what_was_wrong_and_its_cost_is_added() -> None:
    """The same question again would get the same answer; money spent on a bad one is spent all the same."""
    model = ScriptedModel("Too short.", SUMMARY)
    world = SynthesisWorld(model)
    world.person("talker")

    world.run()

    summary = world.summary("talker")
    assert summary is not None
    assert (summary.state, summary.attempts) == (SummaryState.WRITTEN, 2)
    assert summary.usage == Usage(tokens_input=200, tokens_output=40, cost_usd=0.0012)
    first, second = (request.system_text for request in model.requests)
    assert "could not be used" not in first
    assert "Write a little more" in second


def test_one_bad_summary_does_not_hold_up_the_others() -> None:
    """Failures are of a person, not of a run."""
    model = ScriptedModel("Too short.", SUMMARY)
    world = SynthesisWorld(model)
    names = crowd(world, 30)

    output = world.run()

    assert (output["written"], output["skipped"]) == (30, 0)
    assert states(world, names) == {SummaryState.WRITTEN}
    assert len(model.requests) == 31


# -- in a batch


def test_many_summaries_go_in_one_batch_at_its_price() -> None:
    """Half the price is worth the wait; no single call is made."""
    world = SynthesisWorld(batches=True)
    names = crowd(world)

    output = world.run()

    assert (output["written"], output["cost_micro_usd"]) == (PEOPLE, PEOPLE * 1600)
    assert states(world, names) == {SummaryState.WRITTEN}
    assert world.model.requests == []  # type: ignore[attr-defined] # a ScriptedModel
    [records] = world.batch.started.values()
    assert len({record.record_id for record in records}) == PEOPLE
    assert all(len(record.record_id) == 11 and record.record_id.isalnum() for record in records)
    summary = world.summary(names[0])
    assert summary is not None
    assert (summary.batch, summary.provider, summary.model_id) == (True, "bedrock", "claude-haiku-4-5")


@pytest.mark.parametrize(("count", "batches"), [(99, 0), (100, 1)])
def test_below_the_services_minimum_the_model_is_asked_directly(
    count: int, batches: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bedrock refuses a job with fewer records than its quota says."""
    set_rules(monkeypatch, batch=rules()["batch"])
    calm = partial(gather, level_of=lambda *_: 0)
    monkeypatch.setattr(prepare_synthesis, "gather", calm)
    monkeypatch.setattr(write_summaries, "check", partial(check, level_of=lambda *_: 0))
    world = SynthesisWorld(batches=True)
    crowd(world, count)

    assert world.run()["written"] == count
    assert len(world.batch.started) == batches


def test_a_running_batch_is_waited_for() -> None:
    """It takes hours: the run looks now and then and keeps its week meanwhile."""
    world = SynthesisWorld(batches=True)
    names = crowd(world)
    world.batch.status = BatchStatus(BatchState.RUNNING, "InProgress")
    looks = 0

    def finish(name: str) -> None:
        nonlocal looks
        looks += name == "batch_follow"
        if looks == 30:
            world.batch.status = BatchStatus(BatchState.DONE, "Completed")

    world.on_call = finish
    world.run()

    assert looks == 30
    assert states(world, names) == {SummaryState.WRITTEN}


def test_records_that_fail_in_a_batch_are_asked_for_once_more() -> None:
    """A few are asked for directly: they are fewer than a batch takes."""
    world = SynthesisWorld(batches=True)
    names = crowd(world)
    bad = {"P000001R000", "P000002R001"}

    def answer(record: BatchRecord) -> BatchAnswer | None:
        if record.record_id in bad:
            return BatchAnswer(record.record_id, error="bedrock:400") if "R000" in record.record_id else None
        return batch_answer(record)

    world.batch.answer = answer
    output = world.run()

    assert (output["written"], output["skipped"]) == (PEOPLE, 0)
    assert len(world.model.requests) == 2  # type: ignore[attr-defined] # a ScriptedModel
    assert states(world, names) == {SummaryState.WRITTEN}
    assert sum(not summary.batch for name in names if (summary := world.summary(name))) == 2


@pytest.mark.parametrize("code", ["Failed", "Expired", "Stopped"])
def test_a_batch_that_fails_as_a_whole_is_started_once_more(code: str) -> None:
    """Then everybody is skipped: a third one would be no better, and somebody has to look."""
    world = SynthesisWorld(batches=True)
    names = crowd(world)
    world.batch.status = BatchStatus(BatchState.FAILED, code)
    world.batch.answer = lambda _record: None

    output = world.run()

    assert len(world.batch.started) == 2
    assert (output["written"], output["skipped"]) == (0, PEOPLE)
    summary = world.summary(names[0])
    assert summary is not None
    assert summary.code == f"batch:{code}"


def test_answers_of_a_batch_that_ended_early_are_used() -> None:
    """They are paid for."""
    world = SynthesisWorld(batches=True)
    crowd(world)
    world.batch.status = BatchStatus(BatchState.FAILED, "PartiallyCompleted")
    world.batch.answer = lambda record: batch_answer(record) if record.record_id < "P000002" else None

    output = world.run()

    assert output["written"] == PEOPLE
    assert len(world.model.requests) == PEOPLE - 12  # type: ignore[attr-defined] # a ScriptedModel


def test_a_batch_that_is_started_again_is_the_same_batch() -> None:
    """The answer to the first call may get lost on the way; two jobs would cost twice."""
    world = SynthesisWorld(batches=True)
    crowd(world)
    started = world.start_batch
    calls: list[str] = []

    def twice(name: str) -> None:
        if name == "batch_start" and not calls:
            calls.append(name)
            started(BatchRequest(run="run-1", week=WEEK, round=1, parts=2))

    world.on_call = twice
    world.run()

    assert calls
    assert len(world.batch.started) == 1


# -- privacy and deletion


def test_no_word_and_nobodys_name_goes_through_the_workflow() -> None:
    """AWS keeps what went in and out of each state for 90 days, and nobody's deletion reaches it."""
    world = SynthesisWorld(ScriptedModel("Too short.", SUMMARY), batches=True)
    for name in crowd(world):
        world.person(name, *(f"{message} canary-said" for message in SAID))
    world.batch.answer = lambda record: replace(
        BatchAnswer(record.record_id, f"{SUMMARY} canary-told", "m", "stop")
    )

    output = world.run()

    seen = json.dumps([world.payloads, output])
    assert "canary" not in seen
    assert "person-" not in seen
    assert "session-" not in seen


def test_nothing_is_left_of_the_work_when_it_is_done() -> None:
    """The files hold what people wrote."""
    world = SynthesisWorld(batches=True)
    crowd(world)
    files: set[str] = set()
    world.on_call = lambda _name: files.update(world.files.files)

    world.run()

    assert files
    assert world.files.files == {}


def test_a_session_that_is_deleted_meanwhile_takes_its_summary_along() -> None:
    """What somebody deletes must not come back as a summary of itself."""
    world = SynthesisWorld()
    session = world.person("talker")

    def delete(name: str) -> None:
        if name == "write":
            stored = world.store.sessions[session]
            world.store.sessions[session] = replace(stored, deleted=True)
            world.summaries.forget_session("talker", session)

    world.on_call = delete
    output = world.run()

    assert world.summary("talker") is None
    assert (output["written"], output["dropped"]) == (0, 1)
    assert world.model.requests == []  # type: ignore[attr-defined] # a ScriptedModel


def test_whoever_is_in_crisis_when_the_summary_is_ready_does_not_get_it() -> None:
    """A batch takes up to a day, and much can happen in it."""
    world = SynthesisWorld()
    session = world.person("talker")

    def worsen(name: str) -> None:
        if name == "write":
            stored = world.store.sessions[session]
            world.store.sessions[session] = replace(stored, posture=Posture(active=True, level=3, peak=3))

    world.on_call = worsen

    assert world.run()["dropped"] == 1
    summary = world.summary("talker")
    assert summary is not None
    assert summary.text == ""


# -- failures of the run itself


@pytest.mark.parametrize("function", ["prepare", "batch_start", "batch_follow", "close"])
def test_a_step_that_fails_for_good_fails_the_run_and_leaves_nothing(function: str) -> None:
    """The alarm rings, the files are gone, the batch is ended, and the week can be run again at once."""
    world = SynthesisWorld(batches=True)
    names = crowd(world)
    world.down = {function: ["ValueError"]}

    with pytest.raises(StateError) as failed:
        world.run()

    assert failed.value.name == "WeeklySynthesisFailed"
    if function == "batch_follow":
        assert world.batch.stopped
    if function != "close":
        assert world.files.files == {}
        output = world.run(WEEK)
        assert output["outcome"] == "done"
        assert states(world, names) == {SummaryState.WRITTEN}


@pytest.mark.parametrize("function", ["prepare", "batch_start", "batch_follow", "write", "close"])
@pytest.mark.parametrize("error", ["Lambda.ServiceException", "StoreUnavailableError", "States.Timeout"])
def test_a_hiccup_is_tried_again(function: str, error: str) -> None:
    """Nobody waits: patience costs nothing."""
    world = SynthesisWorld(batches=True)
    names = crowd(world)
    world.down = {function: [error, error]}

    output = world.run()

    assert output["written"] == PEOPLE
    assert states(world, names) == {SummaryState.WRITTEN}


def test_a_part_that_fails_is_written_in_the_second_round() -> None:
    """One broken part must not end the others."""
    world = SynthesisWorld()
    names = crowd(world, 30)
    world.down = {"write": ["ValueError"]}

    output = world.run()

    assert (output["written"], output["skipped"]) == (30, 0)
    assert states(world, names) == {SummaryState.WRITTEN}


def test_a_part_that_fails_in_both_rounds_fails_the_run_when_the_others_are_done() -> None:
    """Its people are neither written nor skipped, so somebody has to know; the next run goes on with them."""
    world = SynthesisWorld()
    names = crowd(world, 30)
    world.on_call = _fails_for_part(world, 2)

    with pytest.raises(StateError, match="WeeklySynthesisFailed"):
        world.run()

    assert states(world, names) == {SummaryState.WRITTEN, SummaryState.DUE}
    world.on_call = lambda _name: None
    world.run(WEEK)
    assert states(world, names) == {SummaryState.WRITTEN}


def _fails_for_part(world: SynthesisWorld, wanted: int) -> Callable[[str], None]:
    calls = 0

    def fail(name: str) -> None:
        nonlocal calls
        if name == "write":
            calls += 1
            # Three parts in the first round, only the lost one in the second.
            if calls in (wanted, 4):
                world.down = {"write": ["ValueError"]}

    return fail


@pytest.mark.parametrize("crash_at", range(1, 7))
def test_a_function_that_dies_in_the_middle_of_a_part_loses_and_doubles_nothing(crash_at: int) -> None:
    """Lambda ends a function at any moment; the retry asks only for what is not kept yet."""
    model = _Dying(crash_at)
    world = SynthesisWorld(model)
    names = crowd(world, 5)
    write = world._task
    dead: list[str] = []

    def task(name: str) -> Callable[[dict[str, Any]], Any]:
        call = write(name)

        def caught(event: dict[str, Any]) -> Any:
            try:
                return call(event)
            except Crash:
                dead.append(name)
                raise StateError("States.Timeout") from None

        return caught

    world._task = task  # type: ignore[method-assign] # the test's own way into the world
    output = world.run()

    assert states(world, names) == {SummaryState.WRITTEN}
    assert output["written"] == 5
    assert len(model.requests) == (6 if dead else 5)


class _Dying(ScriptedModel):
    """A model during whose n-th call the process dies."""

    def __init__(self, crash_at: int) -> None:
        super().__init__(SUMMARY)
        self._crash_at = crash_at

    def complete(self, request: Any) -> Any:
        if len(self.requests) + 1 == self._crash_at:
            self.requests.append(request)
            raise Crash
        return super().complete(request)


def test_a_store_that_is_down_is_no_failure_of_a_summary() -> None:
    """What could not be read or kept is tried again, not skipped."""
    world = SynthesisWorld()
    names = crowd(world, 5)
    calls = 0

    def once(name: str) -> None:
        nonlocal calls
        calls += name == "write"
        world.store.unavailable = {"conversations"} if name == "write" and calls == 1 else set()

    world.on_call = once
    world.run()

    assert states(world, names) == {SummaryState.WRITTEN}


def test_a_model_that_is_down_for_everybody_skips_everybody() -> None:
    """The run itself is in order: the count of skipped summaries says what was the matter."""
    world = SynthesisWorld(ScriptedModel(ModelError("scripted:down")))
    names = crowd(world, 13)

    output = world.run()

    assert (output["outcome"], output["skipped"]) == ("done", 13)
    assert states(world, names) == {SummaryState.SKIPPED}


def test_a_skipped_summary_is_tried_again_by_the_next_run() -> None:
    """An operator who has mended the provider starts the week again."""
    world = SynthesisWorld(ScriptedModel(ModelError("a"), ModelError("b"), SUMMARY))
    world.person("talker")
    world.run()

    assert world.run(WEEK)["written"] == 1


def test_a_search_over_many_pages_finds_everybody_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody with sessions on two pages is one person, with one summary of both."""
    set_rules(monkeypatch, page_sessions=4)
    model = ScriptedModel(SUMMARY)
    world = SynthesisWorld(model)
    names = [f"person-{number}" for number in range(7)]
    for number, name in enumerate(names):
        world.person(name, session=f"a-{number}")
        world.person(name, session=f"z-{number}")

    output = world.run()

    assert (output["due"], output["written"]) == (7, 7)
    assert len(model.requests) == 7
    for number, name in enumerate(names):
        summary = world.summary(name)
        assert summary is not None
        assert set(summary.session_ids) == {f"a-{number}", f"z-{number}"}


def test_more_people_than_a_run_takes_on_are_left_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """An execution has a limit of events: what fits is written, and the alarm says that there is more."""
    set_rules(monkeypatch, page_sessions=4, records_per_part=1, max_parts=10)
    world = SynthesisWorld()
    names = crowd(world, 20)

    with pytest.raises(StateError, match="WeeklySynthesisFailed"):
        world.run()
    written = sum(world.summary(name) is not None for name in names)
    assert 0 < written < 20
    for _ in range(4):
        try:
            world.run(WEEK)
        except StateError:
            continue
        break
    assert states(world, names) == {SummaryState.WRITTEN}
