"""`./run metrics`: which figures are shown, how, and what is said where there are none."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from local.cli import metrics_work
from local.cli.__main__ import build_parser
from local.cli.metrics_board import Board, Measure, board, verdict
from local.cli.metrics_page import page
from local.cli.metrics_views import BLOCKS, GAP, MOST_CELLS, as_json, difference, sparkline, tables
from local.tools.errors import LocalError
from silent_infinity.adapters.aws.variant_metrics import DynamoVariantMetrics
from silent_infinity.adapters.memory.variant_metrics import MemoryVariantMetrics
from silent_infinity.domain.comparison import MetricComparison, Side
from silent_infinity.domain.lake.histograms import Histogram, bin_of
from silent_infinity.domain.variant_sums import Counts, DayOfVariant, Sums
from tests.contract import aws
from tests.contract.registry_stores import aws_registry
from tests.support.registry import populated, registry, variant

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
LAST = date(2026, 11, 20)
CATEGORY = "LLM_MODEL"
ROWS = (
    variant(CATEGORY, "old", "production", 100),
    variant(CATEGORY, "new", "canary", 10, ranges=[[0, 1000]]),
    variant(CATEGORY, "waits", "experimental"),
    variant(CATEGORY, "gone", "retired"),
    variant("SMALL_TALK_MODEL", "quiet", "production", 100),
)


def day(key: tuple[str, str], ago: int, completed: int, milliseconds: float = 800) -> DayOfVariant:
    """Return a day of a variant with three metrics."""
    return DayOfVariant(
        *key,
        LAST - timedelta(days=ago),
        {
            "completion": Sums("rate", 1000, completed),
            "cost_usd": Sums("mean", 1000, 30.0, 1.2),
            "latency_total_ms": Sums("mean", 1000, 900_000.0, 9e8),
        },
        Counts(units=1000),
        {"latency_total_ms": Histogram({bin_of(milliseconds): 1000})},
    )


@pytest.fixture
def store() -> MemoryVariantMetrics:
    """Ten days of production, of which an arm was there for the last three."""
    found = MemoryVariantMetrics()
    for ago in range(10):
        found.put(day(("SERVICE", "all"), ago, 850))
        found.put(day((CATEGORY, "old"), ago, 860 if ago < 3 else 100))
        for quiet in ((CATEGORY, "waits"), (CATEGORY, "gone"), ("SMALL_TALK_MODEL", "quiet")):
            found.put(day(quiet, ago, 500))
    for ago in range(3):
        found.put(day((CATEGORY, "new"), ago, 800, milliseconds=400))
    found.put(
        replace(day(("SERVICE", "all"), 0, 850), histograms={"nps": Histogram({10: 5, 9: 1, 8: 2, 6: 2})})
    )
    return found


def shown(store: MemoryVariantMetrics, days: int = 10, **asked: Any) -> Board:
    """Return what is shown."""
    span = (LAST - timedelta(days=days - 1), LAST)
    return board(store, registry(ROWS), environment="test", days=span, now=NOW, **asked)


def references(found: Board) -> list[str]:
    """Return which variants are shown."""
    return [track.reference for group in found.groups for track in group.tracks]


def test_the_service_and_running_experiments_are_shown(store: MemoryVariantMetrics) -> None:
    """Fifty variants that nobody is served would hide the one that matters."""
    assert references(shown(store)) == ["SERVICE/all", "LLM_MODEL/old", "LLM_MODEL/new"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"category": CATEGORY}, ["LLM_MODEL/old", "LLM_MODEL/new", "LLM_MODEL/waits"]),
        ({"category": "SMALL_TALK_MODEL"}, ["SMALL_TALK_MODEL/quiet"]),
        ({"category": "SERVICE"}, ["SERVICE/all"]),
        ({"category": CATEGORY, "variant": "waits"}, ["LLM_MODEL/old", "LLM_MODEL/waits"]),
        ({"variant": "new"}, ["LLM_MODEL/old", "LLM_MODEL/new"]),
        ({"variant": "gone"}, ["LLM_MODEL/old", "LLM_MODEL/gone"]),
        ({"category": "VOICE_LLM"}, []),
        ({"variant": "no-such"}, []),
        ({"metric": "no-such"}, []),
    ],
)
def test_what_is_asked_for_is_shown(
    store: MemoryVariantMetrics, asked: dict[str, Any], expected: list[str]
) -> None:
    """A variant always stands beside production."""
    assert references(shown(store, **asked)) == expected


def test_one_metric_is_shown_with_its_quantiles(store: MemoryVariantMetrics) -> None:
    """The mean of a latency says least of it."""
    [group] = shown(store, category="SERVICE", metric="latency_total_ms").groups

    assert [each.name for each in group.measures] == [
        "latency_total_ms",
        "latency_total_ms p50",
        "latency_total_ms p95",
    ]


def test_recommendations_are_a_score() -> None:
    """Promoters less detractors, in percent of all."""
    days = [replace(day(("SERVICE", "all"), 0, 1), histograms={"nps": Histogram({10: 5, 9: 1, 8: 2, 6: 2})})]

    assert Measure("nps").of(days) == (40.0, 10)
    assert Measure("nps").of([day(("SERVICE", "all"), 0, 1)]) == (None, 0)


def test_an_arm_is_held_against_production_on_its_own_days(store: MemoryVariantMetrics) -> None:
    """Production of a bad week before it began would make it look good."""
    said = tables(shown(store))
    [line] = [line for line in said.splitlines() if line.strip().startswith("completion") and "pt" in line]

    assert re.search(r"completion\s+·{7}▅▅▅\s+3,000\s+80.0%\s+80.0%\s+86.0%\s+-6.00 pt\s+worse", line)
    assert "sequential test" in said


def test_production_alone_is_held_against_nothing(store: MemoryVariantMetrics) -> None:
    """A column that is empty everywhere is noise."""
    said = tables(shown(store, category="SMALL_TALK_MODEL"))

    assert "difference" not in said
    assert "sequential" not in said


@given(values=st.lists(st.none() | st.floats(-1e9, 1e9), max_size=120))
def test_a_line_of_blocks_has_a_block_for_each_day_and_fits(values: list[float | None]) -> None:
    """Or for as many days as fit into one."""
    found = sparkline(values)

    assert set(found) <= {*BLOCKS, GAP}
    assert len(found) <= MOST_CELLS
    if len(values) <= MOST_CELLS:
        assert [each == GAP for each in found] == [value is None for value in values]


def test_a_line_of_blocks_goes_up_and_down_as_the_figures_do() -> None:
    """The lowest at the bottom, the highest at the top, gaps where there is none."""
    assert sparkline([0.0, 1.0, 2.0, None, 7.0]) == "▁▂▃·█"
    assert sparkline([5.0, 5.0]) == "▅▅"
    assert sparkline([]) == ""


@pytest.mark.parametrize(
    ("metric", "low", "high", "expected"),
    [
        ("completion", 0.01, 0.03, "better"),
        ("completion", -0.03, -0.01, "worse"),
        ("completion", -0.01, 0.01, ""),
        ("completion", None, None, ""),
        ("cost_usd", 0.01, 0.03, "worse"),
        ("cost_usd", -0.03, -0.01, "better"),
        ("tokens_output", 0.01, 0.03, ""),
        ("a metric of tomorrow", 0.01, 0.03, ""),
    ],
)
def test_better_is_what_the_metric_calls_better(
    metric: str, low: float | None, high: float | None, expected: str
) -> None:
    """Less is better of costs; and what chance brings about is neither."""
    side = Side(1000, 0.5)
    found = MetricComparison(metric, "rate", side, side, low=low, high=high)

    assert verdict(Measure(metric), found) == expected
    assert verdict(Measure(metric), None) == ""
    assert verdict(Measure(metric, "p95"), found) == ""


def test_a_difference_of_shares_is_in_points_and_of_others_in_percent() -> None:
    """Two percent of a share of 80 % is not 2 % of all."""
    assert difference(Measure("completion"), 0.82, 0.8) == "+2.00 pt"
    assert difference(Measure("cost_usd"), 0.04, 0.05) == "-20.0%"
    assert difference(Measure("cost_usd"), None, 0.05) == "–"


def test_a_document_says_the_same(store: MemoryVariantMetrics) -> None:
    """For whoever wants to go on computing."""
    found = as_json(shown(store, metric="completion", category=CATEGORY, variant="new"))
    production, arm = found["variants"]

    assert (found["from"], found["to"]) == ("2026-11-11", "2026-11-20")
    assert [each["metric"] for each in arm["metrics"]] == ["completion"]
    assert arm["metrics"][0]["days"] == [None] * 7 + [0.8] * 3
    assert arm["metrics"][0]["difference"]["value"] == pytest.approx(-0.06)
    assert (production["production"], production["metrics"][0]["difference"]) == (True, None)


class Checked(HTMLParser):
    """Follows the tags of a page, and what they point to."""

    VOID = frozenset({"meta"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.pictures: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        given = dict(attrs)
        self.tags.append(tag)
        self.links += [str(given[name]) for name in ("src", "href") if name in given]
        self.ids += [str(given["id"])] if "id" in given else []
        if tag == "svg" and "aria-hidden" not in given:
            self.pictures.append(str(given["aria-label"]))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag without content."""

    def handle_endtag(self, tag: str) -> None:
        """Every end has its beginning."""
        assert self.open.pop() == tag


def test_a_page_is_whole_and_needs_nothing_else(store: MemoryVariantMetrics) -> None:
    """It is sent around, opened from disks, and read with screen readers."""
    text = page(shown(store), made_at=NOW)
    checked = Checked(text)

    assert checked.open == []
    assert "script" not in checked.tags
    assert checked.links == ["#SERVICE", "#LLM_MODEL"]
    assert checked.ids == ["SERVICE", "LLM_MODEL"]
    assert "url(" not in text
    assert "default-src 'none'" in text
    assert "completion: 10.0% to 86.0%" in checked.pictures
    assert len(checked.pictures) == sum(len(group.measures) for group in shown(store).groups)


def test_a_page_says_what_the_table_says(store: MemoryVariantMetrics) -> None:
    """Differences, intervals, and what they are worth."""
    text = page(shown(store), made_at=NOW)

    assert '<td class="worse">-6.00 pt</td>' in text
    assert "LLM_MODEL/new beside production, all days together" in text
    assert "sequential test" in text


def test_what_operators_wrote_is_text(store: MemoryVariantMetrics) -> None:
    """The name of a variant commands no browser."""
    name = "<script>alert(1)</script>"
    rows = registry([ROWS[0], replace(ROWS[1], variant_id=name)])
    store.put(day((CATEGORY, name), 0, 800))
    found = board(store, rows, environment="<b>", days=(LAST, LAST), now=NOW)

    text = page(found, made_at=NOW)
    assert "<script" not in text
    assert "<b>" not in text


def test_a_single_day_and_one_without_figures_are_drawn(store: MemoryVariantMetrics) -> None:
    """The first night of an environment."""
    empty = MemoryVariantMetrics()
    empty.put(
        replace(day(("SERVICE", "all"), 0, 0), metrics={"completion": Sums("rate", 5, 0)}, histograms={})
    )

    assert "<circle" in page(shown(empty, days=1), made_at=NOW)
    assert "<polyline" not in page(shown(empty, days=1), made_at=NOW)
    assert Checked(page(shown(empty, days=9), made_at=NOW)).open == []


@pytest.fixture
def stack(store: MemoryVariantMetrics) -> Iterator[Any]:
    """A stack whose tables moto plays."""
    with mock_aws():
        client = boto3.client("dynamodb")
        aws.create_tables(client)
        aws_registry(client).store.apply(populated(list(ROWS)))
        DynamoVariantMetrics(client, aws.VARIANT_METRICS).put_all(
            one
            for row in (("SERVICE", "all"), (CATEGORY, "new"))
            for one in store.days(*row, date.min, date.max)
        )
        outputs = {"VariantMetricsTableName": aws.VARIANT_METRICS, "VariantsTableName": aws.VARIANTS}
        yield SimpleNamespace(require_up=lambda: None, outputs=outputs, client=lambda _service: client)


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=lambda _zone: NOW)
    monkeypatch.setattr(metrics_work, "datetime", clock)


def run(stack: Any, *words: str) -> int:
    """Run the command."""
    arguments = build_parser().parse_args(["metrics", *words])
    return int(arguments.run(SimpleNamespace(stack=stack), arguments))


def test_the_tables_of_an_environment_are_read(stack: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Until yesterday: there are no figures of today."""
    assert run(stack, "show", "--days", "3") == 0
    said = capsys.readouterr().out
    assert "local: 2026-11-18 to 2026-11-20 (UTC), 3 days" in said
    assert "LLM_MODEL/new" in said


def test_a_document_is_json(stack: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing else is printed."""
    run(stack, "show", "--json", "--metric", "completion")

    assert json.loads(capsys.readouterr().out)["environment"] == "local"


def test_a_page_is_written_where_it_is_wanted(
    stack: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the place is said."""
    out = tmp_path / "figures.html"
    run(stack, "plot", "--out", str(out))

    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert str(out) in capsys.readouterr().out


def test_no_figures_are_said_to_be_none(stack: Any) -> None:
    """With what makes some."""
    with pytest.raises(LocalError, match="no figures of VOICE_LLM") as caught:
        run(stack, "show", "--category", "voice_llm")
    assert "./run simulate" in caught.value.remedy


@pytest.mark.parametrize("lost", ["VariantMetricsTableName", "VariantsTableName"])
def test_an_older_environment_says_what_it_lacks(stack: Any, lost: str) -> None:
    """A KeyError helps nobody."""
    del stack.outputs[lost]

    with pytest.raises(LocalError, match=lost):
        run(stack, "show")


def test_a_table_that_cannot_be_read_is_told_of(stack: Any) -> None:
    """Without a traceback."""
    stack.outputs["VariantMetricsTableName"] = "no-such-table"

    with pytest.raises(LocalError, match="cannot be read: ResourceNotFoundException"):
        run(stack, "show")


@pytest.mark.parametrize("words", [("--days", "0"), ("--days", "367"), ("--days", "x"), ("--metric", "a b")])
def test_what_cannot_be_meant_is_refused(words: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is read."""
    with pytest.raises(SystemExit):
        build_parser().parse_args(["metrics", "show", *words])
    assert words[1] in capsys.readouterr().err
