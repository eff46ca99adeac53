"""Nightly rollups from beginning to end: the real state machine and use cases, with a fault at every step."""

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.usecases.rollup_run import CLAIM_KEY, LEASE_SECONDS
from tests.support.asl import StateError
from tests.support.rollup import DAY, NIGHT, REFINED, YESTERDAY, CrashedError, Night

WINDOW = [YESTERDAY - number * DAY for number in range(7, -1, -1)]
HISTORY = [YESTERDAY - number * DAY for number in range(45, -1, -1)]


def night(days: list[date] | None = None) -> Night:
    """A lake with events on some days, of which nothing has been computed yet."""
    made = Night()
    made.fill(HISTORY if days is None else days)
    return made


def test_a_night_computes_its_window_and_publishes_it() -> None:
    """The ordinary case: everything that may have changed is computed, and nobody is woken."""
    made = night()

    output = made.run(act=True)

    assert made.wrong(WINDOW) == []
    assert output["window"]["first"] == "2026-11-13"
    assert output["window"]["last"] == "2026-11-20"
    assert output["variant_days"] == 15
    assert made.payloads("sns") == made.payloads("sqs") == []
    assert made.store.claims[CLAIM_KEY].lease_until_ms == 0


def test_figures_that_look_a_week_ahead_are_computed_anew() -> None:
    """Whether the people of the day before the window came back is known only now."""
    made = night()
    made.run()

    assert min(made.catalog.tables["unit_days"]) == WINDOW[0] - timedelta(days=7)
    assert set(made.catalog.tables["silver_turns"]) == set(WINDOW)


def test_a_day_whose_arrivals_have_expired_keeps_its_rows() -> None:
    """Bronze may go after `lake_retention_days`: a backfill over what has gone would otherwise put nothing in
    the place of the only rows that are left, and the sweep would delete these three days later.
    """
    gone = YESTERDAY - 70 * DAY
    asked = {"from": gone.isoformat(), "to": gone.isoformat()}
    made = night([gone])
    made.run(**asked)
    rows = made.rows("silver_turns", gone)
    made.events[gone].clear()
    [letter] = made.fails(**asked)

    assert {item["error"] for item in letter["items"]} == {"RowsGoneError"}
    assert rows
    assert made.rows("silver_turns", gone) == made.rows("unit_days", gone) == rows


def test_running_a_night_again_gives_the_same_rows_in_new_places() -> None:
    """A re-run must be able to heal anything, and must never add to what is there."""
    made = night()
    made.run()
    before = {(one.name, day): made.rows(one.name, day) for one in REFINED for day in WINDOW}
    places = dict(made.catalog.tables["unit_days"])
    made.run(date="2026-11-20")

    assert {(one.name, day): made.rows(one.name, day) for one in REFINED for day in WINDOW} == before
    assert not set(places.values()) & set(made.catalog.tables["unit_days"].values())


def test_late_arrivals_change_their_day_and_those_that_look_at_it() -> None:
    """An event that was three weeks late still counts, and only where it matters is anything read again."""
    made = night()
    made.run(**{"from": "2026-10-20", "to": "2026-11-20"})
    late = YESTERDAY - timedelta(days=21)
    made.fill([late], "came late")
    made.late = [late.isoformat()]
    made.run()

    assert made.wrong(day for day in HISTORY if day >= date(2026, 10, 20)) == []
    assert "2026-10-30 came late" in (made.rows("gold_variant_days", late - timedelta(days=7)) or [])


@pytest.mark.parametrize("late", ["2026-10-01", "2026-11-20", "2027-01-01"])
def test_days_that_are_no_late_ones_change_nothing(late: str) -> None:
    """The search may find too much; a run must not grow beyond its month by it."""
    made = night()
    made.late = [late]
    made.run()

    assert set(made.catalog.tables["silver_turns"]) == set(WINDOW)


def test_a_backfill_computes_exactly_its_days_and_those_that_look_at_them() -> None:
    """Months are one run: nothing is searched, and the registry's alarm bells stay silent."""
    made = night()
    made.breaches = [{"name": "a", "subject": "s", "message": "m"}]
    made.regressions = [{"category": "LLM_MODEL"}]
    made.run(act=False, **{"from": "2026-10-10", "to": "2026-11-15"})
    days = [day for day in HISTORY if date(2026, 10, 10) <= day <= date(2026, 11, 15)]

    assert made.wrong(days[:-7]) == []
    assert set(made.catalog.tables["silver_turns"]) == set(days)
    assert made.payloads("sns") == made.payloads("demote") == []
    assert all("late_days" not in str(payload) for payload in made.payloads("athena"))


def test_a_day_without_events_becomes_an_empty_day() -> None:
    """Rows that a day once had, and has no more, must not stay."""
    made = night()
    made.run()
    made.events[YESTERDAY].clear()
    made.run()

    assert made.rows("silver_turns", YESTERDAY) == []
    assert made.wrong(WINDOW) == []


# -- faults


class Fault:
    """Raises once, at the call of a number."""

    def __init__(self, at: int, error: Exception) -> None:
        self.left = at
        self.error = error
        self.struck = ""

    def __call__(self, name: str, _payload: dict[str, Any]) -> None:
        if not self.struck:
            if self.left == 0:
                self.struck = name
                raise self.error
            self.left -= 1


def every_step() -> Iterator[int]:
    """The numbers of all calls that an ordinary night makes."""
    made = night()
    made.run(act=True)
    yield from range(len(made.calls))


STEPS = list(every_step())


@pytest.mark.parametrize(
    "error", [CrashedError(), StoreUnavailableError("Throttled"), StateError("States.Timeout")]
)
@pytest.mark.parametrize("when", ["on_call", "after_call"])
def test_a_fault_at_any_step_leaves_right_rows_after_the_next_run(when: str, error: Exception) -> None:
    """Before or after it did its work, retried or not: no fault may leave a row twice or lose one.

    Until the next run, days are either as they were or as they should be.
    """
    struck = set()
    for step in STEPS:
        made = night()
        made.run()
        made.fill([YESTERDAY, WINDOW[0]], "new")
        before = {(one.name, day): made.rows(one.name, day) for one in REFINED for day in WINDOW}
        fault = Fault(step, error)
        setattr(made, when, fault)
        failed = False
        try:
            made.run(act=True)
        except StateError:
            failed = True
        struck.add(fault.struck)
        for name, day in made.wrong(WINDOW):
            assert failed
            assert made.rows(name, day) == before[name, day], (step, fault.struck)
        made.run()

        assert made.wrong(WINDOW) == [], (step, fault.struck)

    assert struck == {"plan", "statement", "athena", "swap", "metrics", "evaluate", "sweep"}


def fail_once(condition: Callable[[str, dict[str, Any]], bool], error: Exception, times: int = 1) -> Any:
    """Return what raises at the first calls that meet a condition."""
    left = [times]

    def hook(name: str, payload: dict[str, Any]) -> None:
        if left[0] and condition(name, payload):
            left[0] -= 1
            raise error

    return hook


def of_unload(name: str, payload: dict[str, Any]) -> bool:
    """Whether a call is a statement that writes."""
    return name == "athena" and "ClientRequestToken" in payload


def test_a_busy_athena_is_asked_again_for_the_same_statement() -> None:
    """A hundred queries may run in the account: the rollup waits for its turn."""
    made = night()
    made.on_call = fail_once(of_unload, StateError("Athena.TooManyRequestsException"), times=4)
    made.run()
    tokens = [
        payload["ClientRequestToken"]
        for payload in made.payloads("athena")
        if "ClientRequestToken" in payload
    ]

    assert made.wrong(WINDOW) == []
    assert tokens[:5] == [tokens[0]] * 5


def test_a_start_whose_answer_was_lost_does_not_run_twice() -> None:
    """UNLOAD adds to what lies in a partitioned place: every row would be there twice."""
    made = night()
    made.after_call = fail_once(of_unload, StateError("Athena.AmazonAthenaException"))
    made.run()

    assert made.wrong(WINDOW) == []


def test_a_statement_that_failed_half_way_is_written_anew_elsewhere() -> None:
    """What it has left behind is never read, and is swept after three days."""
    made = night()
    places: list[str] = []

    def half(name: str, payload: dict[str, Any]) -> None:
        if of_unload(name, payload) and len(places) < 2:
            place = next(one for one in made._items if f"'{one}'" in payload["QueryString"])
            places.append(place)
            made.write(place, most=3)
            raise StateError("States.TaskFailed")

    made.on_call = half
    made.run()
    left = [
        place for place in made.places() if any(place.startswith(one[len("s3://lake/") :]) for one in places)
    ]

    assert made.wrong(WINDOW) == []
    assert len(set(places)) == 2
    assert left

    made.clock.advance(3 * 86_400 + 3_600)
    made.run(date="2026-11-20")

    assert not set(left) & set(made.places())
    assert made.wrong(WINDOW) == []


def test_a_table_that_cannot_be_computed_ends_the_run_before_the_next_phase() -> None:
    """Gold that was computed from yesterday's units would look right and be wrong."""
    made = night()
    made.run()
    made.fill(WINDOW, "new")
    made.on_call = fail_once(
        lambda name, payload: (
            of_unload(name, payload)
            and "/unit_days/" in payload["QueryString"].replace("units/", "/unit_days/")
        ),
        StateError("States.TaskFailed"),
        times=1000,
    )
    [letter] = made.fails("night-2", act=True)

    assert letter["state"] == "Rebuild the partitions"
    assert letter["error"] == "PartitionsLost"
    assert letter["items"] == [
        {
            "table": "unit_days",
            "first": "2026-11-06",
            "last": "2026-11-20",
            "state": "Run the statement",
            "error": "States.TaskFailed",
        }
    ]
    assert letter["execution"].endswith(":night-2")
    assert letter["asked"] == {"date": "", "from": "", "to": ""}
    assert all(made.rows("silver_turns", day) == made.expected("silver_turns", day) for day in WINDOW)
    assert "2026-11-20 new" not in (made.rows("gold_variant_days", YESTERDAY) or [])
    [alert] = made.payloads("sns")
    assert alert["Subject"] == "Silent Infinity: the nightly rollup failed"
    assert "PartitionsLost" in alert["Message"]
    assert made.store.claims[CLAIM_KEY].lease_until_ms == 0


def test_a_dead_letter_quotes_no_cause() -> None:
    """A cause may quote a statement, and a statement the names of what was being tried."""
    made = night()
    made.on_call = fail_once(of_unload, StateError("States.TaskFailed", "canary: SELECT secret"), times=1000)
    letters = made.fails()

    assert letters
    assert "canary" not in json.dumps(letters) + json.dumps(made.payloads("sns"))


@pytest.mark.parametrize("down", ["sqs", "sns", "sweep"])
def test_a_failure_is_still_a_failure_when_nobody_can_be_told(down: str) -> None:
    """Each way of telling works without the others, and the failed execution itself rings an alarm."""
    made = night()

    def hook(name: str, payload: dict[str, Any]) -> None:
        if name == down or of_unload(name, payload):
            raise StateError("States.TaskFailed")

    made.on_call = hook
    made.fails()

    assert made.visited[-1] == "Fail the run"
    assert {"sqs", "sns", "sweep"} <= {name for name, _ in made.calls}


@pytest.mark.parametrize(
    "asked",
    [
        {"date": "yesterday"},
        {"date": "2026-11-22"},
        {"from": "2026-11-01"},
        {"from": "2026-11-02", "to": "2026-11-01"},
        {"from": "2025-01-01", "to": "2026-11-01"},
    ],
)
def test_days_that_make_no_sense_are_refused_at_once(asked: dict[str, str]) -> None:
    """Nothing is taken, computed or deleted, and the letter says which error it was."""
    made = night()
    [letter] = made.fails(**asked)

    assert letter["error"] == "DaysError"
    assert letter["state"] == "Ask for the lake"
    assert [name for name, _ in made.calls] == ["plan", "sqs", "sns", "sweep"]
    assert made.catalog.tables == {}


# -- two runs


def test_a_second_run_waits_for_the_first_and_gives_up_after_three_hours() -> None:
    """Two runs that take turns at the same partitions could leave the older rows."""
    made = night()
    assert made.lake.take("another")
    made.clock.advance(-1)
    letters: list[dict[str, Any]] = []

    def hold(_name: str, _payload: dict[str, Any]) -> None:
        made.lake.take("another")

    made.on_call = hold
    letters = made.fails()

    assert letters[0]["error"] == "LakeBusy"
    assert made.clock.now() - NIGHT > timedelta(hours=3) - timedelta(seconds=10)
    assert made.store.claims[CLAIM_KEY].owner == "another"


def test_a_second_run_goes_on_when_the_first_has_died() -> None:
    """A run that was ended by hand keeps the lake for two hours, not for ever."""
    made = night()
    made.lake.take("dead")
    made.run()

    assert made.wrong(WINDOW) == []
    assert made.clock.now() - NIGHT >= timedelta(seconds=LEASE_SECONDS)


@pytest.mark.parametrize("state", ["Write the statement", "Run the statement", "Swap the partitions"])
def test_a_run_that_slept_does_not_put_old_rows_in_the_place_of_new_ones(state: str) -> None:
    """It computed before the other run, and would swap after it."""
    made = night()
    made.run()
    entered = [0]

    def sleep(name: str) -> None:
        if name == state and made.payloads("plan")[-1]["run"] == "slow":
            entered[0] += 1
            if entered[0] == 2:
                made.on_state = lambda _name: None
                made.clock.advance(LEASE_SECONDS + 1)
                made.fill(WINDOW, "newer")
                made.run("quick")

    made.on_state = sleep
    [letter] = made.fails("slow")

    assert {item["error"] for item in letter["items"]} == {"RunLostError"}
    assert made.wrong(WINDOW) == []


def test_a_redriven_run_takes_the_lake_again() -> None:
    """The console can redrive an execution: it has the same name."""
    made = night()

    assert made.lake.take("run-1")
    assert made.lake.take("run-1")
    made.lake.release("run-1")
    assert made.lake.take("run-2")
    assert not made.lake.take("run-1")


# -- acting


def test_regressions_are_taken_back_before_alerts_are_sent() -> None:
    """People in a crisis come first, and a mail service that is down must not keep anything."""
    made = night()
    made.breaches = [
        {"name": "json", "subject": "Silent Infinity: a", "message": "one"},
        {"name": "cost", "subject": "Silent Infinity: b", "message": "two"},
    ]
    made.regressions = [{"category": "LLM_MODEL", "variant_id": "haiku", "request_id": "r"}]
    output = made.run(act=True)
    told = [name for name, _ in made.calls if name in ("demote", "sns")]

    assert told == ["demote", "sns", "sns"]
    assert made.payloads("demote") == made.regressions
    assert [payload["Message"] for payload in made.payloads("sns")] == ["one", "two"]
    assert (output["breaches"], output["demoted"]) == (2, 1)


@pytest.mark.parametrize(("down", "lost"), [("demote", "Variants"), ("sns", "alerts")])
def test_one_that_fails_does_not_keep_the_others(down: str, lost: str) -> None:
    """Every other variant is taken back, every other alert sent; then the run fails, so that it is seen."""
    made = night()
    made.breaches = [{"name": name, "subject": name, "message": name} for name in "ab"]
    made.regressions = [{"category": "LLM_MODEL", "variant_id": name, "request_id": "r"} for name in "ab"]
    failing: list[str] = []

    def hook(name: str, payload: dict[str, Any]) -> None:
        if name == down and (not failing or json.dumps(payload) == failing[0]):
            failing[:] = [json.dumps(payload)]
            raise StateError("States.TaskFailed")

    made.on_call = hook
    [letter] = made.fails(act=True)

    assert [item["table"] for item in letter["items"]] == [lost]
    assert {json.dumps(payload) for payload in made.payloads("demote")} >= {
        json.dumps(one) for one in made.regressions
    }
    assert {"a", "b"} <= {payload["Message"] for payload in made.payloads("sns")}


def test_figures_that_cannot_be_published_are_not_judged() -> None:
    """An alert on last night's figures would send somebody looking for nothing."""
    made = night()
    made.on_call = fail_once(lambda name, _payload: name == "metrics", CrashedError(), times=1000)
    [letter] = made.fails(act=True)

    assert letter["error"] == "FiguresLost"
    assert made.payloads("evaluate") == []
