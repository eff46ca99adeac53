"""The weekly report: its statements over a lake, the figures of its rows, the page and the message."""

import html.parser
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from local.athena.engine import Engine
from silent_infinity.adapters.memory.alerts import MemoryAlerts
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.lake import MemoryLakeObjects
from silent_infinity.adapters.memory.lake_queries import MemoryLakeQueries
from silent_infinity.domain.lake import attribution
from silent_infinity.domain.lake.drift import MAJOR, STABLE
from silent_infinity.domain.lake.report import Report, Rows, queries, report, trend_days
from silent_infinity.domain.lake.report_message import MOST_SUBJECT, message
from silent_infinity.domain.lake.report_page import page
from silent_infinity.domain.weeks import Week, WeekError
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.usecases.write_weekly_report import ReportRequest, WriteWeeklyReport
from tests.support import report_lake
from tests.support.report_lake import ARM, WEEK

Tables = dict[str, list[report_lake.Row]]

NOW = datetime(2026, 11, 16, 6, 0, tzinfo=UTC)
EMPTY: Rows = {name: [] for name in queries(WEEK)}
VOID = frozenset({"meta"})


@pytest.fixture(scope="module")
def tables() -> Tables:
    """The rows of the lake."""
    return report_lake.rows(sessions=60)


@pytest.fixture(scope="module")
def lake(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The lake itself."""
    return report_lake.engine(tmp_path_factory.mktemp("lake"), tables)


@pytest.fixture(scope="module")
def found(lake: Engine) -> Report:
    """The figures of the week."""
    return report(WEEK, {name: report_lake.run(lake, sql) for name, sql in queries(WEEK).items()})


@pytest.fixture(scope="module")
def drifted(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The figures of a week in which people came with something else."""
    lake = report_lake.engine(tmp_path_factory.mktemp("drifted"), report_lake.rows(sessions=60, drifted=True))
    return report(WEEK, {name: report_lake.run(lake, sql) for name, sql in queries(WEEK).items()})


def in_week(rows: list[report_lake.Row], week: Week = WEEK) -> Iterator[report_lake.Row]:
    """The rows of a week's days."""
    days = {day.isoformat() for day in week.days}
    return (row for row in rows if row["dt"] in days)


def test_costs_are_those_of_the_week_and_of_the_one_before(found: Report, tables: Tables) -> None:
    """To the cent: each table of the page adds up to this."""
    for spent, week in ((found.spent, WEEK), (found.spent_before, WEEK.earlier(1))):
        rows = list(in_week(tables["gold_costs"], week))

        assert attribution.total(spent) == pytest.approx(sum(row["cost_usd"] for row in rows), abs=1e-9)
        assert sum(one.calls for one in spent) == sum(row["calls"] for row in rows)
    assert sum(sum(day.values()) for day in found.costs.values()) == pytest.approx(
        sum(row["cost_usd"] for row in tables["gold_costs"] if row["dt"] >= trend_days(WEEK)[0].isoformat())
    )


def test_people_and_sessions_are_counted_once_a_week(found: Report, tables: Tables) -> None:
    """Adding up days would count whoever comes every day seven times."""
    for counts, week in ((found.counts, WEEK), (found.counts_before, WEEK.earlier(1))):
        turns = list(in_week(tables["silver_turns"], week))
        crisis = [turn for turn in turns if turn["crisis_flag_level"] >= 2]

        assert counts.turns == len(turns)
        assert counts.users == len({turn["user_id_hash"] for turn in turns})
        assert counts.sessions == len({turn["session_id"] for turn in turns})
        assert counts.crisis_turns == len(crisis)
        assert counts.crisis_sessions == len({turn["session_id"] for turn in crisis})
        assert counts.crisis_referrals == sum(turn["referrals"] for turn in crisis)
        assert counts.fallbacks == sum(turn["fallback_used"] for turn in turns)
        assert counts.unscreened == 0


def test_intents_are_held_against_the_four_weeks_before(found: Report, tables: Tables) -> None:
    """Neither the week itself nor what is older belongs to the baseline."""
    first, last = (day.isoformat() for day in found.baseline)
    before: Counter[str] = Counter()
    for row in tables["gold_intents"]:
        if first <= row["dt"] <= last:
            before[row["intent"]] += row["turns"]

    assert (date.fromisoformat(last) - date.fromisoformat(first)).days == 27
    assert {intent.name: intent.before for intent in found.drift.intents} == before
    assert found.drift.turns_now == sum(row["turns"] for row in in_week(tables["gold_intents"]))
    assert found.drift.verdict == STABLE


def test_an_arm_is_shown_as_of_its_last_day_beside_production(found: Report, tables: Tables) -> None:
    """Each day's rows hold everything since the arm began: adding up days would count units seven times."""
    category, arm, production = ARM
    last = WEEK.days[-1].isoformat()
    expected = {
        row["variant_id"]: row
        for row in tables["gold_experiments"]
        if row["dt"] == last and row["metric"] == "rating"
    }
    [one] = found.experiments
    [rating] = [compared for compared in one.comparisons if compared.metric == "rating"]

    assert (one.category, one.arm, one.as_of) == (category, arm, WEEK.days[-1])
    assert (one.units, one.units_of_production) == (expected[arm]["units"], expected[production]["units"])
    assert rating.a.value == pytest.approx(expected[production]["total"] / expected[production]["n"])
    assert rating.b.value == pytest.approx(expected[arm]["total"] / expected[arm]["n"])


def test_latencies_of_a_week_are_those_of_its_days_together(found: Report, tables: Tables) -> None:
    """A mean of daily quantiles would be something else."""
    turns = sum(row["n"] for row in in_week(tables["gold_histograms"]) if row["metric"] == "latency_total_ms")

    assert found.latency[WEEK.days[0]]["latency_total_ms"].count == turns
    assert len(found.latency) == 8


def test_a_day_without_turns_is_missing(found: Report) -> None:
    """The rollup that did not run must not look like a quiet day."""
    sunday = WEEK.days[-1]
    kept = {day: arrived for day, arrived in found.arrivals.items() if day != sunday}
    rows: Rows = {**EMPTY, "arrivals": [
        {"dt": day.isoformat(), "received": "1", "turns": "1", "duplicates": "0", "invalid": "0", "late": "0"}
        for day in kept
    ]}  # fmt: skip

    figures = report(WEEK, rows)
    assert figures.missing == (sunday,)
    assert figures.missing_before == ()
    assert "changes mislead" not in page(figures, environment="dev", made_at=NOW)
    assert "Without figures: Sunday" in page(report(WEEK, rows), environment="dev", made_at=NOW)


def test_a_week_before_that_lacks_days_is_said(found: Report) -> None:
    """Beside half a week everything has doubled."""
    lacking = replace(found, missing_before=WEEK.earlier(1).days[:3])

    assert "no figures for 3 of its days" in page(lacking, environment="dev", made_at=NOW)
    assert "no figures for 3 of its days" in message(lacking, "dev", place="p", link="l")[1]
    assert "of its days" not in message(found, "dev", place="p", link="l")[1]


class Reader(html.parser.HTMLParser):
    """Reads a page: its tags in balance, its ids, links and pictures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.pictures: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag says."""
        values = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [str(values["id"])] if "id" in values else []
        self.links += [str(values["href"])] if "href" in values else []
        if tag == "svg":
            assert values["role"] == "img"
            self.pictures.append(str(values["aria-label"]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag that closes itself."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """A tag that closes the last one."""
        assert self.open.pop() == tag


@pytest.mark.parametrize("kind", ["whole", "drifted", "empty"])
def test_the_page_is_whole_and_fetches_nothing(kind: str, found: Report, drifted: Report) -> None:
    """It is opened from a bucket's console, by people whose browsers may be old, deaf or offline."""
    figures = {"whole": found, "drifted": drifted, "empty": report(WEEK, EMPTY)}[kind]
    text = page(figures, environment="dev", made_at=NOW)
    read = Reader(text)

    assert not read.open
    assert len(read.ids) == len(set(read.ids)) == 8
    assert {f"#{name}" for name in read.ids} == set(read.links)
    assert all(read.pictures)
    assert not re.search(r"<script|src=|url\(|https?://|@import", text)
    assert "nan" not in text.lower().replace("finance", "")
    assert not re.search(r"\binf\b", text)


def test_names_from_the_lake_cannot_become_markup() -> None:
    """A variant's id is an operator's, and an intent's name a file's: neither may run in a browser."""
    evil = '<img src=x onerror="alert(1)">'
    counts = {"calls": "1", "cost_usd": "1.5", "turns": "600"} | {
        f"tokens_{kind}": "1" for kind in ("input", "output", "cache_read", "cache_write")
    }
    columns = [
        "intent",
        "turn_class",
        "model_id",
        "provider",
        "category",
        "variant_id",
        "failure",
        "example_turn_id",
    ]
    names = dict.fromkeys(columns, evil)
    sums = {
        "metric": evil, "kind": "mean", "n": "900", "units": "900", "mixed_units": "1",
        "total": "900", "squares": "1000", "arm_id": evil, "since": "2026-11-01",
    }  # fmt: skip
    row: dict[str, str] = names | counts
    day = {"dt": WEEK.days[0].isoformat()}
    rows: Rows = {
        **EMPTY,
        **{name: [row] for name in ("costs", "intents", "intents_baseline", "failures")},
        "cost_days": [row | day],
        "experiments": [row | sums | day, row | sums | day | {"variant_id": "production"}],
    }
    text = page(report(WEEK, rows), environment=evil, made_at=NOW)

    assert "<img" not in text
    assert text.count("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;") > 10


def test_nobodys_pseudonym_is_in_the_page(found: Report, tables: Tables) -> None:
    """Decision 7: hashes of users stay in the lake."""
    text = page(found, environment="dev", made_at=NOW)

    assert tables["silver_turns"][0]["user_id_hash"].startswith("pseudonym-")
    assert "pseudonym-" not in text
    assert "session-2026" not in text


def test_the_message_has_three_numbers_and_the_place(found: Report) -> None:
    """What is mailed is read on a phone."""
    subject, text = message(found, "dev", place="s3://lake/r.html", link="https://console.example/r")
    lines = text.splitlines()

    assert subject == "Silent Infinity dev: week 2026-W46"
    assert f"Sessions: {found.counts.sessions:,}" in text
    assert f"Cost of the models: {attribution.total(found.spent):,.2f} USD" in text
    assert "Sessions with a crisis turn" in text
    assert lines[-2:] == ["Report: s3://lake/r.html", "In the console: https://console.example/r"]
    assert "drifted" not in text


def test_a_drift_is_said_in_the_subject(drifted: Report) -> None:
    """It is an alert, and must not wait until somebody opens the page."""
    subject, text = message(drifted, "x" * 200, place="p", link="l")

    assert drifted.drift.verdict == MAJOR
    assert len(subject) <= MOST_SUBJECT
    assert "intents have drifted" in message(drifted, "dev", place="p", link="l")[0]
    assert "Population stability index" in text
    assert "question 20.0% to" in text or "question" in text


class World:
    """The use case over stores in memory and the real statements."""

    def __init__(self, lake: Engine) -> None:
        self.clock = FixedClock(NOW)
        self.objects = MemoryLakeObjects(self.clock)
        self.alerts = MemoryAlerts()
        self.lake = MemoryLakeQueries(lambda sql: report_lake.run(lake, sql))
        self.write = WriteWeeklyReport(
            lake=self.lake,
            results=self.lake.results,
            objects=self.objects,
            alerts=self.alerts,
            clock=self.clock,
            environment="dev",
            bucket="lake-bucket",
            region="eu-central-1",
        )


@pytest.fixture
def world(lake: Engine) -> World:
    """A new one for each test."""
    return World(lake)


def test_the_report_of_the_last_whole_week_is_stored_and_announced(world: World) -> None:
    """A schedule names no week; on Monday morning the week that ended is meant."""
    written = world.write(ReportRequest.from_event({}))

    assert written.week == "2026-W46"
    assert written.name == "reports/week=2026-W46/report.html"
    assert world.objects.texts[written.name].startswith("<!doctype html>")
    [(subject, text)] = world.alerts.told
    assert "2026-W46" in subject
    assert "s3://lake-bucket/reports/week=2026-W46/report.html" in text
    assert (
        "https://eu-central-1.console.aws.amazon.com/s3/object/lake-bucket?region=eu-central-1"
        "&prefix=reports/week=2026-W46/report.html"
    ) in text
    assert "X-Amz" not in text


def test_the_same_week_again_gives_the_same_page(world: World) -> None:
    """Whoever repeats a run after an outage replaces the page by itself."""
    first = world.write(ReportRequest())
    text = world.objects.texts[first.name]
    world.write(ReportRequest(week="2026-W46", tell=False))

    assert world.objects.texts[first.name] == text
    assert len(world.alerts.told) == 1


def test_all_statements_are_started_before_one_is_waited_for(world: World) -> None:
    """One after the other they would take a minute on Athena."""
    started: list[int] = []
    wait = world.lake.wait

    def watched(query_id: str) -> None:
        started.append(len(world.lake.results.results))
        wait(query_id)

    world.lake.wait = watched  # type: ignore[method-assign]
    world.write(ReportRequest())

    assert set(started) == {len(queries(WEEK))}
    assert len(world.lake.waited) == len(queries(WEEK))


def test_a_statement_that_fails_leaves_no_page_and_no_message(world: World) -> None:
    """Half a report would be taken for a whole one."""
    broken = MemoryLakeQueries(_refused, world.lake.results)
    write = WriteWeeklyReport(
        lake=broken, results=broken.results, objects=world.objects, alerts=world.alerts,
        clock=world.clock, environment="dev", bucket="b", region="r",
    )  # fmt: skip
    with pytest.raises(StoreUnavailableError, match="QueryFailed"):
        write(ReportRequest())

    assert not world.objects.texts
    assert not world.alerts.told


def _refused(_statement: str) -> list[dict[str, str | None]]:
    raise StoreUnavailableError("QueryFailed")


def test_a_week_that_is_none_is_refused(world: World) -> None:
    """Before anything is paid for."""
    with pytest.raises(WeekError):
        world.write(ReportRequest(week="2026-11-16"))

    assert not world.lake.results.results


def test_statements_read_no_more_than_their_days() -> None:
    """Athena is paid by the byte: only the counts of people read silver, and those for two weeks."""
    for name, sql in queries(WEEK).items():
        days = [date.fromisoformat(found) for found in re.findall(r"'(\d{4}-\d\d-\d\d)'", sql)]

        assert len(days) == 2, name
        assert days[1] - days[0] <= timedelta(days=13 if "silver" in sql else 55), name
        assert re.search(r"WHERE dt >= '\S+' AND dt <= '\S+'", sql), name
