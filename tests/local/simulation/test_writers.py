"""Where simulated events go: Parquet as Firehose writes it, copies by the million, and the tables."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from local.athena.types import duckdb_of_hive
from local.simulation import bronze, bulk, table
from local.simulation.scenario import Disorder, Scenario
from local.simulation.simulation import FEEDBACK, TURN, all_arrivals
from silent_infinity.adapters.aws.items import from_item
from silent_infinity.domain.lake.tables import TABLES
from tests.local.simulation.scenarios import UNTIL, scenario, truth_of

UNTIDY = Disorder(duplicates=0.05, late=0.05, most_days=4)
COPIES = 3


@pytest.fixture(scope="module")
def small() -> Scenario:
    """A few hundred sessions that arrive untidily."""
    return scenario(400, 4, disorder=UNTIDY)


@pytest.fixture(scope="module")
def once(small: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their bronze."""
    folder = tmp_path_factory.mktemp("once")
    bulk.write(folder, small)
    return folder


@pytest.fixture(scope="module")
def copied(small: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their bronze, three times."""
    folder = tmp_path_factory.mktemp("copied")
    written = bulk.write(folder, small, COPIES)
    (folder / "truth.json").write_text(json.dumps(written.truth), encoding="utf-8")
    return folder


def query(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query over `turns` and `feedback`."""
    with duckdb.connect() as database:
        for name, prefix in (("turns", "turn_events"), ("feedback", "feedback")):
            database.execute(
                f"CREATE VIEW {name} AS FROM read_parquet('{folder}/bronze/{prefix}/*/*/*.parquet', "
                "hive_partitioning = true, hive_types_autocast = false)"
            )
        return database.execute(sql).fetchall()


def value(folder: Path, sql: str) -> Any:
    """Return the one value of a query."""
    [(found,)] = query(folder, sql)
    return found


@pytest.mark.parametrize(("name", "view"), [("bronze_turn_events", "turns"), ("bronze_feedback", "feedback")])
def test_parquet_has_the_columns_of_the_catalogue(once: Path, name: str, view: str) -> None:
    """Athena reads by the catalogue's types: a file of other types is a failed query, not a warning."""
    columns = next(one for one in TABLES if one.name == name).columns
    described = {row[0]: row[1] for row in query(once, f"DESCRIBE {view}")}

    assert list(described)[:-2] == [column.name for column in columns]
    for column in columns:
        with duckdb.connect() as database:
            wanted = database.execute(f"SELECT typeof(NULL::{duckdb_of_hive(column.type)})").fetchone()
        assert wanted is not None
        assert described[column.name] == wanted[0]


def test_every_arrival_is_in_bronze_and_says_what_the_event_said(once: Path, small: Scenario) -> None:
    """Nothing may be lost or changed on the way into the file, nested values included."""
    arrived = [arrival for arrival in all_arrivals(small) if arrival.stream == TURN]
    rows = query(once, "SELECT to_json(turns) FROM turns")
    found: dict[str, dict[str, Any]] = {}
    for (text,) in rows:
        row = json.loads(text)
        found[row["turn_id"]] = {name: row[name] for name in arrived[0].event}

    assert len(rows) == len(arrived) > len(found)
    assert found == {arrival.event["turn_id"]: arrival.event for arrival in arrived}


def test_objects_lie_under_their_arrival_or_a_quarter_of_an_hour_earlier(once: Path) -> None:
    """Firehose files an object under its oldest record: a day's first minutes may lie in the day before."""
    rows = query(
        once,
        "SELECT date_diff('minute', (dt || ' ' || hour || ':00')::TIMESTAMP, recorded_at[1:19]::TIMESTAMP) "
        "FROM turns WHERE recorded_at[1:10] <= dt OR dt < recorded_at[1:10]",
    )
    minutes = [row[0] for row in rows]
    late = [minute for minute in minutes if minute < -23 * 60]
    early = [minute for minute in minutes if minute >= 60]

    assert max(minutes) < 60 + bronze.BUFFER_SECONDS // 60
    assert early
    assert 0.03 < len(late) / len(minutes) < 0.07


def test_copies_have_the_truth_of_the_base_times_their_number(copied: Path, small: Scenario) -> None:
    """The reason why copies will do: sums of copies are known without counting them."""
    truth = json.loads((copied / "truth.json").read_text(encoding="utf-8"))
    base = truth_of(small)
    days = query(
        copied,
        'SELECT "timestamp"[1:10], count(DISTINCT session_id), sum(latency_ms.total_ms) FROM '
        "(SELECT DISTINCT ON (turn_id) * FROM turns) "
        "WHERE crisis_flag_level < 2 AND NOT list_contains(degraded, 'screen') GROUP BY 1 ORDER BY 1",
    )
    service = [row for row in truth["variant_days"] if row["category"] == "SERVICE"]

    assert truth["events"] == COPIES * base["events"]
    assert truth["scenario"] == base["scenario"]
    assert [(day, sessions) for day, sessions, _ in days] == [(row["dt"], row["sessions"]) for row in service]
    assert [ms for _, _, ms in days] == [row["metrics"]["latency_total_ms"]["numerator"] for row in service]


def test_copies_are_other_people_with_ids_of_the_same_form(copied: Path, once: Path) -> None:
    """A copy under the old names would be a duplicate, and vanish in silver."""
    for column in ("turn_id", "session_id", "user_id_hash"):
        count = f"FROM turns SELECT count(DISTINCT {column})"
        assert value(copied, count) == COPIES * value(once, count)
    shapes = (
        "SELECT count(*) FROM turns WHERE NOT regexp_full_match(turn_id, "
        "'[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}') "
        "OR NOT regexp_full_match(session_id, "
        "'[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}') "
        "OR NOT regexp_full_match(user_id_hash, '[0-9a-f]{64}') OR conversation_id <> session_id "
        "OR NOT regexp_full_match(\"timestamp\", '.{19}\\.[0-9]{6}\\+00:00') "
        "OR length(recorded_at) <> 32"
    )

    assert value(copied, shapes) == 0
    assert value(once, shapes) == 0


def test_times_of_a_copy_agree_with_each_other(copied: Path) -> None:
    """Ids carry milliseconds and records come after their turn, in a copy as in the base."""
    wrong = (
        "SELECT count(*) FROM turns WHERE ('0x' || turn_id[1:8] || turn_id[10:13])::BIGINT "
        '<> epoch_us("timestamp"[1:26]::TIMESTAMP) // 1000 '
        'OR epoch_us(recorded_at[1:26]::TIMESTAMP) - epoch_us("timestamp"[1:26]::TIMESTAMP) '
        "<> latency_ms.total_ms * 1000"
    )
    orders = (
        "SELECT count(*) FROM (SELECT turn_number - lag(turn_number) OVER "
        "(PARTITION BY session_id ORDER BY turn_id) AS step FROM (SELECT DISTINCT turn_id, session_id, "
        "turn_number FROM turns)) WHERE step <> 1"
    )

    assert value(copied, wrong) == 0
    assert value(copied, orders) == 0


def test_feedback_of_a_copy_is_about_its_own_turns(copied: Path) -> None:
    """A rating that points to nobody's turn would be lost in the join."""
    lost = (
        "SELECT count(*) FROM feedback AS f LEFT JOIN (SELECT DISTINCT turn_id, session_id, user_id_hash "
        "FROM turns) AS t USING (turn_id, session_id, user_id_hash) "
        "WHERE f.turn_id IS NOT NULL AND t.session_id IS NULL"
    )
    count = "SELECT count(*) FROM feedback AS f JOIN (SELECT DISTINCT turn_id FROM turns) USING (turn_id)"

    assert value(copied, "SELECT count(turn_id) FROM feedback") == value(copied, count) > 50
    assert value(copied, "SELECT count(*) - count(turn_id) FROM feedback") > 0
    assert value(copied, lost.replace("USING (turn_id, session_id, user_id_hash)", "USING (turn_id)")) == 0


@pytest.mark.parametrize(
    "figure",
    [
        "avg(latency_ms.total_ms)",
        "quantile_disc(latency_ms.total_ms, 0.95)",
        "avg(cost_usd)",
        "avg(tokens_output)",
        "avg((crisis_flag_level >= 2)::INT)",
        "avg(cardinality(exposures))",
        "avg(len(model_calls))",
        "avg((active_variants['SMALL_TALK_MODEL'] = 'claude-haiku-4-5')::INT)",
    ],
)
def test_copies_and_base_have_the_same_distributions(once: Path, copied: Path, figure: str) -> None:
    """Benchmarks over copies have to be benchmarks over what the simulation makes."""
    sql = f"FROM turns SELECT {figure}"

    assert value(copied, sql) == pytest.approx(value(once, sql), rel=1e-9)


def test_a_scenario_is_sized_by_events_to_within_a_few_percent() -> None:
    """A benchmark over a million events should not be one over half of it."""
    wanted = bulk.sized(scenario(1, 6), 4000)

    assert truth_of(wanted)["events"] == pytest.approx(4000, rel=0.07)


class FakeTables:
    """The one call of DynamoDB that writes, which leaves some items behind at first."""

    def __init__(self) -> None:
        self.items: dict[str, list[dict[str, Any]]] = {"t": [], "f": []}
        self.calls = 0

    def batch_write_item(self, *, RequestItems: Mapping[str, list[Any]]) -> dict[str, Any]:  # noqa: N803
        """Take all items but, in every third call, one."""
        self.calls += 1
        assert sum(len(requests) for requests in RequestItems.values()) <= 25
        left: dict[str, list[Any]] = {}
        for name, requests in RequestItems.items():
            keep = requests[1:] if self.calls % 3 == 0 else requests
            left |= {name: requests[:1]} if keep is not requests else {}
            self.items[name] += [from_item(request["PutRequest"]["Item"]) for request in keep]
        return {"UnprocessedItems": left}


def test_tables_get_every_event_once_as_the_real_writers_store_it(small: Scenario) -> None:
    """What a stream carries on has to look as if a person had talked."""
    tables = FakeTables()

    counts = table.put(tables, {TURN: "t", FEEDBACK: "f"}, all_arrivals(small))

    truth = truth_of(small)
    assert (counts[TURN], counts[FEEDBACK]) == (truth["events"], truth["feedback"])
    assert len({item["turn_id"] for item in tables.items["t"]}) == len(tables.items["t"]) == counts[TURN]
    assert len({item["feedback_id"] for item in tables.items["f"]}) == len(tables.items["f"])
    now = datetime(UNTIL.year, UNTIL.month, UNTIL.day, tzinfo=UTC).timestamp()
    assert all(item["expires_at"] > now + 300 * 86_400 for item in tables.items["t"])
    for item in tables.items["f"]:
        assert item["feedback_date"] == item["created_at"][:10]
        assert None not in item.values()
        assert "schema_version" not in item


def events_of_days(folder: Path) -> Iterator[date]:
    """Return the days of arrival of a lake."""
    for path in (folder / "bronze" / "turn_events").iterdir():
        yield date.fromisoformat(path.name.removeprefix("dt="))


def test_late_events_arrive_days_after_the_last_day(once: Path) -> None:
    """A lake in which everything is in time tests no window."""
    assert max(events_of_days(once)) > UNTIL
