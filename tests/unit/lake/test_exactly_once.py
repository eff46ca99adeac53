"""10,000 turns that arrive twice, late, and in no order come out as exactly the right rows, however often."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from silent_infinity.domain.lake import statements
from silent_infinity.domain.lake.arms import Arm
from silent_infinity.domain.lake.metrics import Metric, metrics
from silent_infinity.domain.lake.refined import REFINED, unit_days
from silent_infinity.schemas.lake.units import unit_days as units_statement
from silent_infinity.schemas.lake.variants import gold_variant_days
from tests.support.lake import Lake, needed
from tests.support.lake_comparison import compare, fill
from tests.support.lake_reference import Arrived
from tests.support.lake_traffic import MODELS, Traffic, by_arrival, feedback, turn

FIRST = date(2026, 11, 1)
LAST = FIRST + timedelta(18)
"""Two weeks of new sessions, and the days on which the last of them end."""

THROUGH = LAST + timedelta(4)
ARMS = (
    Arm("LLM_MODEL", MODELS[1], FIRST + timedelta(3), (MODELS[0],)),
    Arm("CHAT_UI_LAYOUT", "calm", FIRST, ("plain", "nobody-has-this")),
)
SETTLED = [one.name for one in REFINED if one.name != "gold_experiments"]


@pytest.fixture(scope="module")
def arrived() -> Arrived:
    """Two weeks of traffic: a tenth comes more than once, a twentieth up to three weeks late."""
    return Traffic(seed=20261101, turns=10_000, first=FIRST, days=14).arrived()


@pytest.fixture(scope="module")
def done(arrived: Arrived, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake that has been rolled up once."""
    lake = Lake(tmp_path_factory.mktemp("lake"))
    fill(lake, arrived)
    lake.refresh(FIRST, LAST, through=THROUGH, arms=ARMS)
    return lake


def test_every_table_has_exactly_the_rows_that_a_count_by_hand_gives(done: Lake, arrived: Arrived) -> None:
    """No loss, no copy, and every figure of every variant: the promise that a promotion stands on."""
    assert len(done.rows("silver_turns")) > 9_000
    assert compare(done, arrived, FIRST, LAST, through=THROUGH, arms=ARMS) == []


def test_nothing_depends_on_order_files_or_threads(done: Lake, arrived: Arrived, tmp_path: Path) -> None:
    """The same turns in other files, another order and on more threads give the same rows to the last bit."""
    shuffled = random.Random(3)
    other = Lake(tmp_path, threads=4)
    for day, rows in by_arrival(arrived.turns).items():
        shuffled.shuffle(rows)
        for number in range(3):
            other.arrive(day, turns=rows[number::3], hour=f"{7 * number:02d}")
    for day, rows in by_arrival(arrived.feedback).items():
        other.arrive(day, feedback=rows[::-1])

    other.refresh(FIRST, LAST, through=THROUGH, arms=ARMS)

    assert other.everything() == done.everything()


def test_chunks_of_days_give_the_rows_of_the_whole(done: Lake, arrived: Arrived, tmp_path: Path) -> None:
    """A backfill cuts its days into items: where it cuts must not show."""
    other = Lake(tmp_path, threads=1)
    fill(other, arrived)

    for table in SETTLED:
        for start, end in ((0, 0), (1, 5), (6, 18)):
            other.refresh(
                FIRST + timedelta(start),
                FIRST + timedelta(end),
                through=THROUGH,
                arrived_until=THROUGH + timedelta(30),
                tables=[table],
            )

    assert other.everything(SETTLED) == done.everything(SETTLED)


def test_a_day_can_be_run_again_and_a_stream_can_deliver_everything_again(
    done: Lake, arrived: Arrived, tmp_path: Path
) -> None:
    """A retried batch is delivered whole; only the count of copies may tell."""
    other = Lake(tmp_path)
    fill(other, arrived)
    other.refresh(FIRST, LAST, through=THROUGH, arms=ARMS)
    for day, rows in by_arrival(arrived.turns).items():
        if day <= FIRST + timedelta(6):
            other.arrive(day, turns=rows)
    for day in (FIRST + timedelta(5), FIRST + timedelta(2), FIRST + timedelta(5)):
        other.refresh(day, day, through=THROUGH, arrived_until=THROUGH + timedelta(30), tables=SETTLED)

    tables = [name for name in SETTLED if name != "gold_arrivals"]

    assert other.everything(tables) == done.everything(tables)
    copies = {row["dt"]: row["duplicates"] for row in other.rows("gold_arrivals")}
    before = {row["dt"]: row["duplicates"] for row in done.rows("gold_arrivals")}
    again = [(FIRST + timedelta(number)).isoformat() for number in (2, 5)]
    assert all(copies.pop(day) > before.pop(day) for day in again)
    assert copies == before != {}


def test_a_crash_between_statement_and_swap_leaves_the_rows_of_before(tmp_path: Path) -> None:
    """Readers see a day's old rows or its new ones, never both; repeating the swap changes nothing."""
    lake = Lake(tmp_path)
    lake.arrive(FIRST, turns=[turn("2026-11-01T10:00", turn_id="a")])
    lake.refresh(FIRST, FIRST, tables=["silver_turns"])
    lake.arrive(FIRST, turns=[turn("2026-11-01T11:00", turn_id="b")])

    abandoned = lake.unload("silver_turns", FIRST, FIRST)
    after_crash = lake.rows("silver_turns")
    written = lake.unload("silver_turns", FIRST, FIRST)
    lake.swap("silver_turns", FIRST, FIRST, written)
    lake.swap("silver_turns", FIRST, FIRST, written)
    after_retry = lake.rows("silver_turns")
    lake.swap("silver_turns", FIRST, FIRST, abandoned)

    assert [row["turn_id"] for row in after_crash] == ["a"]
    assert [row["turn_id"] for row in after_retry] == ["a", "b"]
    assert lake.rows("silver_turns") == after_retry


def test_two_runs_at_once_leave_the_rows_of_one(tmp_path: Path) -> None:
    """Each writes to a prefix of its own, so the last swap wins, and both have the same rows to give."""
    lake = Lake(tmp_path)
    for number in range(50):
        lake.arrive(FIRST, turns=[turn("2026-11-01T10:00", turn_id=f"t{number:02d}")] * 2)

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: lake.unload("silver_turns", FIRST, FIRST), range(2))
    lake.swap("silver_turns", FIRST, FIRST, one)
    first = lake.rows("silver_turns")
    lake.swap("silver_turns", FIRST, FIRST, other)

    assert one != other
    assert len(first) == 50
    assert lake.rows("silver_turns") == first


def test_late_arrivals_name_the_days_that_have_to_be_made_again(lake: Lake) -> None:
    """A turn or a rating that comes weeks late changes days that no window of eight days would touch."""
    old = turn("2026-11-02T10:00")
    today = date(2026, 11, 28)
    lake.arrive(
        today,
        turns=[turn("2026-11-05T10:00"), turn("2026-10-01T10:00"), turn("2026-11-27T10:00")],
        feedback=[feedback("2026-11-28T09:00", known, rating=2) for known in (old["turn_id"], "no-uuid")],
    )
    lake.arrive(date(2026, 11, 10), turns=[turn("2026-11-09T10:00")])

    found = lake.run(
        statements.late_days(today, today + timedelta(1), date(2026, 11, 21), date(2026, 10, 28))
    )

    # The rated turn may have been received up to a day after its id was given out.
    assert [row["dt"] for row in found] == ["2026-11-02", "2026-11-03", "2026-11-05"]


def test_a_new_metric_is_computed_over_days_that_are_long_past(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever thinks of a question in March can put it to the turns of November."""
    new = Metric(
        name="long_replies",
        title="Replies of more than 200 tokens",
        kind="rate",
        unit="share",
        direction="none",
        population="exposed",
        scale=1,
        numerator="IF(tokens_output > 200, 1, 0)",
        denominator="1",
        unit_success="any",
    )
    of = (*metrics(), new)
    tables = [unit_days(of) if one.name == "unit_days" else one for one in lake.tables]
    lake = Lake(lake.root, tables=tables)
    for number in (1, 2, 3):
        lake.arrive(
            FIRST, turns=[turn("2026-11-01T10:00", session_id=f"s{number}", tokens_output=number * 90)]
        )
    texts = {"unit_days": units_statement(of), "gold_variant_days": gold_variant_days(of)}
    read = statements.text_of
    monkeypatch.setattr(statements, "text_of", lambda name: texts.get(name) or read(name))
    monkeypatch.setattr(statements, "_statement", statements._statement.__wrapped__)

    lake.refresh(FIRST, FIRST, tables=needed(["gold_variant_days"]))

    [row] = [
        row
        for row in lake.rows("gold_variant_days")
        if (row["category"], row["metric"]) == ("SERVICE", "long_replies")
    ]
    assert (row["kind"], row["n"], row["total"], row["numerator"]) == ("rate", 3, 1.0, 1.0)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), turns=st.integers(1, 60), late=st.floats(0, 1), copies=st.floats(0, 1))
def test_any_traffic_gives_the_rows_of_the_reference(
    tmp_path_factory: pytest.TempPathFactory, seed: int, turns: int, late: float, copies: float
) -> None:
    """Small lakes of all sorts: nearly everything late, nearly everything twice, a handful of turns."""
    lake = Lake(tmp_path_factory.mktemp("any"), threads=1)
    arrived = Traffic(seed, turns, FIRST, 4).arrived(late=late, copies=copies)
    fill(lake, arrived)
    last = FIRST + timedelta(8)

    lake.refresh(FIRST, last, through=FIRST + timedelta(12), arms=ARMS)

    assert compare(lake, arrived, FIRST, last, through=FIRST + timedelta(12), arms=ARMS) == []
