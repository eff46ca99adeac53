"""The functions that publish and judge a night's figures, as the state machine calls them."""

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.athena.models import QueryResults
from moto.backends import get_backend

from silent_infinity.adapters.aws import clients
from silent_infinity.adapters.aws.demotion_events import demotions
from silent_infinity.adapters.aws.variant_metrics import DynamoVariantMetrics
from silent_infinity.domain.lake.histograms import Histogram
from silent_infinity.domain.payload import PayloadError
from silent_infinity.domain.variant_sums import Counts, DayOfVariant, Pairs, Sums
from tests.contract import aws
from tests.contract.registry_stores import aws_registry
from tests.functions.test_turn_handlers import call, run_python
from tests.support.gold import Row, gold_row, histogram_rows
from tests.support.handlers import forget_wiring, printed_by
from tests.support.registry import NOW, populated, variant

FOLDERS = ("rollup_metrics", "rollup_evaluate")
KEY = ("LLM_MODEL", "new")
LAST = NOW.date() - timedelta(days=1)
SINCE = (LAST - timedelta(days=9)).isoformat()
COUNTS = Counts(units=500, sessions=500)
COST = Sums("mean", 500, 7.025, 0.1413, Pairs(7.025, 1290.0, 0.1413, 4021.0, 25.5))
CANARY = "canaryhash7q"


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """The tables, the variables that the stack sets, an arm in the registry, and what is logged."""
    with mock_aws():
        for made in (clients.dynamodb, clients.athena):
            made.cache_clear()
        forget_wiring(FOLDERS)
        dynamodb = boto3.client("dynamodb")
        aws.create_tables(dynamodb)
        for name, value in {
            "ENVIRONMENT": "test",
            "AWS_REGION": "us-east-1",
            "VARIANTS_TABLE": aws.VARIANTS,
            "VARIANT_METRICS_TABLE": aws.VARIANT_METRICS,
            "LAKE_WORKGROUP": "silent-infinity-test",
            "LAKE_DATABASE": "silent_infinity_test",
        }.items():
            monkeypatch.setenv(name, value)
        rows = [
            variant(*KEY, "canary", 10, ranges=[[0, 1000]]),
            variant(KEY[0], "old", "production", 100),
        ]
        aws_registry(dynamodb).store.apply(populated(rows))
        with printed_by(FOLDERS) as stream:
            yield stream
        for made in (clients.dynamodb, clients.athena):
            made.cache_clear()


def answer(query_id: str, rows: list[Row]) -> None:
    """Let Athena have these rows for a statement."""
    names = list(rows[0]) if rows else ["dt"]
    lines: list[list[str | None]] = [[*names], *([row[name] for name in names] for row in rows)]
    get_backend("athena")["123456789012"]["us-east-1"].query_results[query_id] = QueryResults(
        rows=[{"Data": [{"VarCharValue": value} for value in line]} for line in lines],
        column_info=[{"Name": name, "Type": "varchar"} for name in names],
    )


def publish() -> Any:
    """Publish one day of one variant."""
    answer("sums", [{**gold_row(KEY, LAST, "cost_usd", COST, COUNTS), "user_id_hash": CANARY}])
    answer("bins", histogram_rows(KEY, LAST, "latency_total_ms", Histogram({170: 3, 171: 9})))
    queries = {"gold_variant_days": "sums", "gold_histograms": "bins"}
    return call("rollup_metrics", {"first": LAST.isoformat(), "last": LAST.isoformat(), "queries": queries})


def judge() -> Any:
    """Judge a night on which an arm harmed."""
    sides = {"new": (40, 500), "old": (120, 4500)}
    answer(
        "experiments",
        [
            gold_row(
                (KEY[0], name),
                LAST,
                "crisis_flag",
                Sums("rate", n, flagged),
                Counts(units=n),
                arm_id="new",
                since=SINCE,
                user_id_hash=CANARY,
            )
            for name, (flagged, n) in sides.items()
        ],
    )
    arm = {
        "category": KEY[0],
        "variant_id": KEY[1],
        "since": SINCE,
        "production": ["old"],
        "version": 1,
        "share": 0.1,
        "production_share": 0.9,
        "shares_since": SINCE,
        "target_cohort": "all",
    }
    return call(
        "rollup_evaluate",
        {
            "date": LAST.isoformat(),
            "act": True,
            "execution": "arn:run-1",
            "queries": {"gold_experiments": "experiments"},
            "arms": [arm],
        },
    )


def test_figures_are_published(logged: io.StringIO) -> None:
    """From Athena's rows to the table that the operators' API reads."""
    result = publish()
    metrics = DynamoVariantMetrics(boto3.client("dynamodb"), aws.VARIANT_METRICS)

    assert result == {"variant_days": 1}
    histograms = {"latency_total_ms": Histogram({170: 3, 171: 9})}
    assert metrics.days(*KEY, LAST, LAST) == (
        DayOfVariant(*KEY, LAST, {"cost_usd": COST}, COUNTS, histograms),
    )
    assert json.loads(logged.getvalue())["variant_days"] == 1


def test_a_night_is_judged(logged: io.StringIO) -> None:
    """What comes out is what SNS and the function of the registry take."""
    result = judge()
    [breach] = result["breaches"]
    [demotion] = result["regressions"]

    assert result.keys() == {"breaches", "regressions"}
    assert breach.keys() == {"name", "subject", "message"}
    assert "workgroup silent-infinity-test, database silent_infinity_test" in breach["message"]
    assert [(each.variant_id, each.spares_production) for each in demotions(demotion)] == [("new", True)]
    line = json.loads(logged.getvalue())
    assert (line["breaches"], line["regressions"]) == (["crisis-regression"], ["LLM_MODEL/new"])


def test_nothing_of_a_person_is_logged_or_sent(logged: io.StringIO) -> None:
    """Not even a pseudonym, should a statement ever return one."""
    assert CANARY not in json.dumps([publish(), judge()])
    assert CANARY not in logged.getvalue()


@pytest.mark.parametrize("function", FOLDERS)
def test_an_event_that_is_none_fails_the_run(logged: io.StringIO, function: str) -> None:
    """A state that says nothing must not look like a night on which all was well."""
    with pytest.raises(PayloadError):
        call(function, {})


@pytest.mark.parametrize("function", FOLDERS)
def test_nothing_is_read_from_the_environment_on_import(function: str) -> None:
    """Lambda imports before it calls, and a test may import without an environment."""
    run_python(f"import functions.{function}.handler")
