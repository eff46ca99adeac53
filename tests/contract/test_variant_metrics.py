"""What every store of the variants' figures promises."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from silent_infinity.adapters.aws import variant_metrics
from silent_infinity.adapters.aws.items import to_item
from silent_infinity.adapters.aws.variant_metrics import DynamoVariantMetrics
from silent_infinity.adapters.memory.variant_metrics import MemoryVariantMetrics
from silent_infinity.domain.lake.histograms import Histogram
from silent_infinity.domain.variant_sums import Counts, DayOfVariant, Pairs, Sums, merged
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.variant_metrics import VariantMetrics
from tests.contract import aws

MONDAY = date(2026, 11, 16)
METRICS = {
    "completion": Sums("rate", 500, 431),
    "cost_usd": Sums("mean", 500, 7.025, 0.1413),
    "latency_ms": Sums("mean", 499, 912_345.5, 1.7e9, Pairs(912_345.0, 1310.0, 1.7e12, 4021.0, 2.5e6)),
}
COUNTS = Counts(
    units=500, sessions=500, users=212, turns=1310, exposed_turns=1290, crisis_turns=3, mixed_units=1
)
HISTOGRAMS = {"latency_ms": Histogram({0: 1, 171: 700, 180: 589})}
DAY = DayOfVariant("LLM_MODEL", "claude-haiku-4-5", MONDAY, METRICS, COUNTS, HISTOGRAMS)
DAY_OF = (DAY.category, DAY.variant_id)


@pytest.fixture(params=["memory", "aws"])
def metrics(request: pytest.FixtureRequest) -> VariantMetrics:
    """A store of each kind, empty."""
    if request.param == "memory":
        return MemoryVariantMetrics()
    return DynamoVariantMetrics(request.getfixturevalue("dynamodb"), aws.VARIANT_METRICS)


def on(day: date) -> DayOfVariant:
    """Return the same figures on another day."""
    return replace(DAY, day=day)


def test_a_day_is_read_as_it_was_written(metrics: VariantMetrics) -> None:
    """Figure by figure: a p value hangs on all of them."""
    metrics.put(DAY)

    assert metrics.days(*DAY_OF, MONDAY, MONDAY) == (DAY,)


def test_a_day_that_is_computed_again_replaces_the_first(metrics: VariantMetrics) -> None:
    """Late turns arrive; a metric that is no longer computed must go as well."""
    metrics.put(DAY)
    again = replace(DAY, metrics={"completion": Sums("rate", 501, 432)})
    metrics.put(again)

    assert metrics.days(*DAY_OF, MONDAY, MONDAY) == (again,)


def test_both_ends_are_in_the_range_and_days_are_in_order(metrics: VariantMetrics) -> None:
    """ "The last seven days" are seven, also over the end of a month."""
    days = [date(2026, 11, 28) + timedelta(n) for n in range(6)]
    for day in reversed(days):
        metrics.put(on(day))

    found = metrics.days(*DAY_OF, days[1], days[4])
    assert [day.day.isoformat() for day in found] == ["2026-11-29", "2026-11-30", "2026-12-01", "2026-12-02"]


def test_nothing_is_found_where_nothing_was_computed(metrics: VariantMetrics) -> None:
    """A new variant has no figures, and a range that ends before it begins has no days."""
    metrics.put(DAY)

    assert metrics.days(*DAY_OF, MONDAY + timedelta(1), MONDAY + timedelta(9)) == ()
    assert metrics.days(*DAY_OF, MONDAY, MONDAY - timedelta(1)) == ()


@pytest.mark.parametrize(
    ("category", "variant_id"),
    [
        pytest.param("LLM_MODEL", "claude-haiku-4", id="a shorter id"),
        pytest.param("LLM_MODEL", "claude-haiku-4-5-b", id="a longer id"),
        pytest.param("SMALL_TALK_MODEL", "claude-haiku-4-5", id="the same id in another category"),
    ],
)
def test_variants_are_kept_apart(metrics: VariantMetrics, category: str, variant_id: str) -> None:
    """Ids are unique within a category only."""
    metrics.put(DAY)

    assert metrics.days(category, variant_id, MONDAY, MONDAY) == ()


def test_many_days_come_whole(metrics: VariantMetrics) -> None:
    """A year of days with many metrics is more than one page of an answer."""
    many = {f"metric-{n:03}-{'x' * 60}": Sums("mean", 1000, 1.5 + n, 2.5 + n) for n in range(100)}
    days = [date(2026, 1, 1) + timedelta(n) for n in range(120)]
    for day in days:
        metrics.put(replace(on(day), metrics=many))

    found = metrics.days(*DAY_OF, days[0], days[-1])
    assert [day.day for day in found] == days
    assert merged(found)[f"metric-007-{'x' * 60}"] == Sums("mean", 120_000, 1020.0, 1140.0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    n=st.integers(0, 10**12),
    total=st.floats(-1e15, 1e15, allow_subnormal=False).filter(lambda value: not 0 < abs(value) < 1e-100),
    squares=st.floats(0, 1e30, allow_subnormal=False).filter(lambda value: not 0 < value < 1e-100),
)
def test_no_digit_is_lost(metrics: VariantMetrics, n: int, total: float, squares: float) -> None:
    """Variances are differences of large sums: the last digits decide."""
    day = replace(DAY, metrics={"m": Sums("mean", n, total, squares)})
    metrics.put(day)

    assert metrics.days(*DAY_OF, MONDAY, MONDAY) == (day,)


def test_a_failing_store_says_so() -> None:
    """The detail of a variant is shown without figures rather than not at all; for that it must be told."""
    memory = MemoryVariantMetrics()
    memory.unavailable = True

    with pytest.raises(StoreUnavailableError):
        memory.days(*DAY_OF, MONDAY, MONDAY)
    with pytest.raises(StoreUnavailableError):
        memory.put(DAY)
    with pytest.raises(StoreUnavailableError):
        memory.put_all([DAY])
    with pytest.raises(StoreUnavailableError):
        memory.replace(MONDAY, MONDAY, [])


def test_a_table_that_is_not_there_is_an_unavailable_store(request: pytest.FixtureRequest) -> None:
    """botocore's errors would quote the item."""
    store = DynamoVariantMetrics(request.getfixturevalue("dynamodb"), "no-such-table")

    with pytest.raises(StoreUnavailableError):
        store.days(*DAY_OF, MONDAY, MONDAY)
    with pytest.raises(StoreUnavailableError):
        store.put(DAY)
    with pytest.raises(StoreUnavailableError):
        store.put_all([DAY])
    with pytest.raises(StoreUnavailableError):
        store.replace(MONDAY, MONDAY, [])


def test_many_days_of_many_variants_are_written_at_once(metrics: VariantMetrics) -> None:
    """A backfill writes thousands; each replaces what was there, and a day that comes twice is one."""
    metrics.put(replace(DAY, metrics={}))
    days = [
        replace(DAY, variant_id=f"v{n % 3}" if n % 4 else DAY.variant_id, day=MONDAY + timedelta(n))
        for n in range(60)
    ]
    metrics.put_all([*days, days[0]])

    found = [metrics.days(DAY.category, name, MONDAY, MONDAY + timedelta(60)) for name in ("v0", "v1", "v2")]
    mine = metrics.days(*DAY_OF, MONDAY, MONDAY + timedelta(60))
    assert sorted(day.day for each in (*found, mine) for day in each) == [day.day for day in days]
    assert mine[0] == DAY


class Reluctant:
    """A DynamoDB client that takes only the first of the items that it is sent, so many times."""

    def __init__(self, client: Any, times: int) -> None:
        self._client = client
        self._times = times

    def query(self, **request: Any) -> dict[str, Any]:
        """Read as ever."""
        return dict(self._client.query(**request))

    def batch_write_item(self, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803
        """Write, and say what was left."""
        if not self._times:
            return dict(self._client.batch_write_item(RequestItems=RequestItems))
        self._times -= 1
        ((table, requests),) = RequestItems.items()
        self._client.batch_write_item(RequestItems={table: requests[:1]})
        return {"UnprocessedItems": {table: requests[1:]}}


def test_what_dynamodb_did_not_take_is_sent_again(request: pytest.FixtureRequest) -> None:
    """Under load it takes a part of a batch and calls that a success."""
    client = request.getfixturevalue("dynamodb")
    week = [on(MONDAY + timedelta(n)) for n in range(5)]
    DynamoVariantMetrics(client, aws.VARIANT_METRICS).put_all(replace(day, metrics={}) for day in week)
    waited: list[float] = []
    store = DynamoVariantMetrics(Reluctant(client, 2), aws.VARIANT_METRICS, sleep=waited.append)  # type: ignore[arg-type]
    store.put_all(week)

    assert store_days(client) == tuple(week)
    assert waited == sorted(waited)
    assert len(waited) == 2


def test_what_dynamodb_never_takes_is_an_error(request: pytest.FixtureRequest) -> None:
    """Days that are missing without a word would be figures that are too good."""
    client = Reluctant(request.getfixturevalue("dynamodb"), 99)
    store = DynamoVariantMetrics(client, aws.VARIANT_METRICS, sleep=lambda _: None)  # type: ignore[arg-type]

    with pytest.raises(StoreUnavailableError, match="UnprocessedItems"):
        store.put_all(on(MONDAY + timedelta(n)) for n in range(25))


WEEK = [MONDAY + timedelta(n) for n in range(7)]


def of(name: str, day: date, category: str = "LLM_MODEL") -> DayOfVariant:
    """Return the figures of a variant on a day."""
    return replace(DAY, category=category, variant_id=name, day=day)


def test_what_the_lake_no_longer_has_goes_with_its_days(metrics: VariantMetrics) -> None:
    """A corrected event or a deleted day takes a variant's last turn, and its old figures must not stay."""
    metrics.put_all(of(name, day) for name in ("stays", "goes", "all") for day in WEEK)
    metrics.put_all(of("goes", day, "SERVICE") for day in WEEK)
    again = [replace(of("stays", day), metrics={}) for day in WEEK[2:5]]
    metrics.replace(WEEK[2], WEEK[4], [*again, of("new", WEEK[3])])

    found = {name: metrics.days("LLM_MODEL", name, WEEK[0], WEEK[-1]) for name in ("stays", "goes", "new")}
    assert found["stays"][2:5] == tuple(again)
    assert [day.day for day in found["stays"]] == WEEK
    assert [day.day for day in found["goes"]] == [*WEEK[:2], *WEEK[5:]]
    assert found["new"] == (of("new", WEEK[3]),)
    assert len(metrics.days("SERVICE", "goes", WEEK[0], WEEK[-1])) == 4


def test_days_of_which_nothing_is_left_are_empty(metrics: VariantMetrics) -> None:
    """As often as that is said; and days that there are none of are not looked for."""
    metrics.put_all(of("a", day) for day in WEEK)
    for _ in range(2):
        metrics.replace(WEEK[0], WEEK[5], [])
    metrics.replace(WEEK[6], WEEK[0], [])

    assert metrics.days("LLM_MODEL", "a", WEEK[0], WEEK[-1]) == (of("a", WEEK[6]),)


class Breaking:
    """A DynamoDB client that breaks at a write, after the first of the items that it is sent."""

    def __init__(self, client: Any, at: int = 10**6) -> None:
        self._client = client
        self._at = at
        self.calls: list[str] = []

    def query(self, **request: Any) -> dict[str, Any]:
        """Read as ever."""
        self.calls.append("query")
        return dict(self._client.query(**request))

    def batch_write_item(self, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803
        """Write, or break."""
        self.calls.append("write")
        if self.calls.count("write") <= self._at:
            return dict(self._client.batch_write_item(RequestItems=RequestItems))
        ((table, requests),) = RequestItems.items()
        self._client.batch_write_item(RequestItems={table: requests[:1]})
        raise StoreUnavailableError("Broken")


def everything(client: Any) -> list[Any]:
    """Return all items of the table."""
    items = client.scan(TableName=aws.VARIANT_METRICS)["Items"]
    return sorted(items, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))


def test_a_run_that_breaks_anywhere_is_made_good_by_the_next(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by one that finds other variants: nothing may stay that no list names."""
    monkeypatch.setattr(variant_metrics, "AT_ONCE", 2)
    client = request.getfixturevalue("dynamodb")
    store = DynamoVariantMetrics(client, aws.VARIANT_METRICS)
    first, second, third = (
        [of(name, day) for name in names for day in WEEK[:3]] for names in ("ab", "bcd", "ce")
    )
    store.replace(WEEK[0], WEEK[2], third)
    wanted = everything(client)
    broken = 0
    while True:
        store.replace(WEEK[0], WEEK[2], first)
        breaking: Any = Breaking(client, at=broken)
        try:
            DynamoVariantMetrics(breaking, aws.VARIANT_METRICS).replace(WEEK[0], WEEK[2], second)
        except StoreUnavailableError:
            broken += 1
        else:
            break
        store.replace(WEEK[0], WEEK[2], third)
        assert everything(client) == wanted

    assert broken == 2 + 5 + 2 + 2
    assert len(wanted) == 6 + 3


def test_a_night_like_the_last_writes_its_figures_and_nothing_else(request: pytest.FixtureRequest) -> None:
    """Most days are published eight times or more, with the same variants."""
    client = request.getfixturevalue("dynamodb")
    watched: Any = Breaking(client)
    store = DynamoVariantMetrics(watched, aws.VARIANT_METRICS)
    days = [of(name, day) for name in "ab" for day in WEEK]
    store.replace(WEEK[0], WEEK[-1], days)
    watched.calls.clear()
    store.replace(WEEK[0], WEEK[-1], days)

    assert watched.calls == ["query", "write", "query"]


def store_days(client: Any) -> Any:
    """Return the days that another reader finds."""
    return DynamoVariantMetrics(client, aws.VARIANT_METRICS).days(*DAY_OF, MONDAY, MONDAY + timedelta(99))


def test_an_item_of_the_first_release_is_read(request: pytest.FixtureRequest) -> None:
    """Days from before there were counts and histograms have neither, and are read all the same."""
    client = request.getfixturevalue("dynamodb")
    item = {
        "pk": "VARIANT#LLM_MODEL#claude-haiku-4-5",
        "sk": "DAY#2026-11-16",
        "metrics": {"completion": {"kind": "rate", "n": 500, "total": 431}},
    }
    client.put_item(TableName=aws.VARIANT_METRICS, Item=to_item(item))

    found = DynamoVariantMetrics(client, aws.VARIANT_METRICS).days(*DAY_OF, MONDAY, MONDAY)
    assert found == (DayOfVariant(*DAY_OF, MONDAY, {"completion": Sums("rate", 500, 431)}),)
