"""What the lake computed is where the operators' API reads it, as often as it is published."""

from datetime import date, timedelta

import pytest

from silent_infinity.adapters.memory.lake import MemoryQueryResults
from silent_infinity.adapters.memory.variant_metrics import MemoryVariantMetrics
from silent_infinity.domain.lake.histograms import Histogram
from silent_infinity.domain.lake.published import GoldError
from silent_infinity.domain.payload import PayloadError
from silent_infinity.domain.variant_sums import Counts, DayOfVariant, Pairs, Sums
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.usecases.publish_metrics import PublishMetrics, PublishRequest
from tests.support.gold import Row, gold_row, histogram_rows

MONDAY = date(2026, 11, 16)
KEY = ("LLM_MODEL", "a")
COUNTS = Counts(units=500, sessions=500)
COST = Sums("mean", 500, 7.025, 0.1413, Pairs(7.025, 1290.0, 0.1413, 4021.0, 25.5))
LATENCY = Histogram({170: 3, 171: 9})
EVENT = {
    "first": "2026-11-16",
    "last": "2026-11-18",
    "queries": {"gold_variant_days": "sums", "gold_histograms": "bins"},
}


def rows(days: int = 3) -> dict[str, list[Row]]:
    """Return what the two statements read."""
    each = [MONDAY + timedelta(days=n) for n in range(days)]
    return {
        "sums": [gold_row(KEY, day, "cost_usd", COST, COUNTS) for day in each],
        "bins": [row for day in each for row in histogram_rows(KEY, day, "latency_total_ms", LATENCY)],
    }


def publish(results: dict[str, list[Row]], metrics: MemoryVariantMetrics) -> dict[str, int]:
    """Publish three days."""
    use_case = PublishMetrics(results=MemoryQueryResults(results), metrics=metrics)
    return use_case(PublishRequest.from_event(EVENT)).to_payload()


def test_days_are_published_with_their_histograms() -> None:
    """And again, with the same outcome."""
    metrics = MemoryVariantMetrics()
    counted = [publish(rows(), metrics) for _ in range(2)]

    assert counted == [{"variant_days": 3}] * 2
    assert metrics.days(*KEY, MONDAY, MONDAY + timedelta(days=9)) == tuple(
        DayOfVariant(
            *KEY, MONDAY + timedelta(days=n), {"cost_usd": COST}, COUNTS, {"latency_total_ms": LATENCY}
        )
        for n in range(3)
    )


def test_days_without_turns_are_no_error() -> None:
    """A new environment has them."""
    assert publish({"sums": [], "bins": []}, MemoryVariantMetrics()) == {"variant_days": 0}


def test_a_variant_that_the_days_no_longer_have_loses_its_figures() -> None:
    """The operators' API would show what the lake no longer has; other days are not this run's business."""
    metrics = MemoryVariantMetrics()
    before = [
        DayOfVariant("LLM_MODEL", "b", MONDAY + timedelta(days=n), {"cost_usd": COST}, COUNTS)
        for n in range(-1, 4)
    ]
    metrics.put_all(before)
    publish(rows(), metrics)

    found = metrics.days("LLM_MODEL", "b", MONDAY - timedelta(days=9), MONDAY + timedelta(days=9))
    assert found == (before[0], before[-1])
    assert len(metrics.days(*KEY, MONDAY, MONDAY + timedelta(days=9))) == 3


def test_a_day_that_was_not_asked_for_is_an_error_and_nothing_is_written() -> None:
    """It is the statement of another item: half of its days would be there, and look whole."""
    metrics = MemoryVariantMetrics()

    with pytest.raises(GoldError, match="was not asked for"):
        publish(rows(4), metrics)
    assert metrics.days(*KEY, MONDAY, MONDAY + timedelta(days=9)) == ()


@pytest.mark.parametrize("lost", ["sums", "bins"])
def test_a_statement_that_cannot_be_read_is_an_error(lost: str) -> None:
    """Days without latencies would look like days on which nobody measured them."""
    with pytest.raises(StoreUnavailableError):
        publish({name: found for name, found in rows().items() if name != lost}, MemoryVariantMetrics())


def test_a_store_that_is_down_is_an_error() -> None:
    """The machine tries again."""
    metrics = MemoryVariantMetrics()
    metrics.unavailable = True

    with pytest.raises(StoreUnavailableError):
        publish(rows(), metrics)


@pytest.mark.parametrize("lost", ["gold_variant_days", "gold_histograms"])
def test_an_event_names_both_statements(lost: str) -> None:
    """The machine is edited apart from this."""
    queries = {"gold_variant_days": "sums", "gold_histograms": "bins", lost: ""}

    with pytest.raises(PayloadError, match=lost):
        PublishRequest.from_event({**EVENT, "queries": queries})
