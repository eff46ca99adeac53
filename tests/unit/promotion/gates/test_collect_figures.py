"""Collecting what a promotion is judged by: registry, stores, and a lake that runs the statements."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from local.athena.engine import Engine
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.golden_results import MemoryGoldenResults
from silent_infinity.adapters.memory.lake_queries import MemoryLakeQueries
from silent_infinity.adapters.memory.live_misses import MemoryLiveMissCounts
from silent_infinity.adapters.memory.store import MemoryStore
from silent_infinity.adapters.memory.variant_store import MemoryPromotions, MemoryVariantStore
from silent_infinity.domain.lake.metrics import metrics
from silent_infinity.domain.lake.published import GoldError
from silent_infinity.domain.payload import from_payload
from silent_infinity.domain.promotion.evidence import GoldenEvidence, config_hash
from silent_infinity.domain.promotion.gates.figures import GateFigures
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.ports.live_misses import LiveMisses
from silent_infinity.usecases.collect_figures import CollectFigures, CollectRequest
from tests.support import report_lake
from tests.support.gate_lake import ARM, BASE, CATEGORY, CHANGED, LAST, NOW, PROMOTION, SINCE, rows, tables
from tests.support.registry import variant

REQUEST = CollectRequest("promotion-1")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The lake, in which Athena's statements run."""
    return report_lake.engine(tmp_path_factory.mktemp("gates"), tables())


class World:
    """The ports around the use case."""

    def __init__(self, run: Any, records: Mapping[tuple[str, str], VariantRecord]) -> None:
        self.store = MemoryVariantStore(FixedClock(NOW), records.values())
        self.store.promotions["promotion-1"] = PROMOTION
        self.golden = MemoryGoldenResults()
        self.kept = MemoryStore()
        self.kept.live_misses = {
            date(2026, 10, 18): LiveMisses(9_000, 9),
            date(2026, 10, 19): LiveMisses(1_500, 1),
            date(2026, 11, 17): LiveMisses(2_000, 0),
        }
        self.queries = MemoryLakeQueries(run)

    def collect(self, request: CollectRequest = REQUEST) -> Any:
        """Collect, and hand it on as the machine does."""
        collect = CollectFigures(
            lake=self.queries,
            results=self.queries.results,
            registry=self.store,
            promotions=MemoryPromotions(self.store),
            golden=self.golden,
            misses=MemoryLiveMissCounts(self.kept),
            clock=FixedClock(NOW),
        )
        return json.loads(json.dumps(collect(request).to_payload(), allow_nan=False))

    def figures(self) -> GateFigures:
        """The figures, as the next state reads them."""
        return from_payload(GateFigures, self.collect()["figures"])


@pytest.fixture
def world(lake: Engine) -> World:
    """Everything in place."""
    return World(lambda statement: report_lake.run(lake, statement), rows())


def test_figures_are_those_of_the_arm_and_its_production_as_of_the_last_day(world: World) -> None:
    """A row of another arm, or of the night before, would be compared in their place."""
    found = world.figures()

    assert (found.category, found.variant_id, found.version, found.unit) == (CATEGORY, ARM, 7, "session")
    assert (found.since, found.as_of, found.lack, found.production) == (SINCE, LAST, "", (BASE,))
    assert (found.arm.counts.units, found.others.counts.units) == (1_000, 4_000)
    assert set(found.arm.metrics) == {metric.name for metric in metrics()}
    assert found.arm.metrics["completion"].total == 500
    assert found.others.metrics["completion"].n == 4_000
    assert found.collected_on == "2026-11-17"


def test_histograms_have_the_days_of_the_arm_alone(world: World) -> None:
    """A latency of the days before the arm was what it is would be compared with production's of later."""
    found = world.figures()

    assert found.arm.histograms["latency_total_ms"] == "5:20 6:20"
    assert found.others.histograms["latency_total_ms"] == "5:20 6:20"


def test_answers_count_once_for_a_person_and_for_the_side_that_was_met(world: World) -> None:
    """Who met both sides says nothing of either; who answered twice has changed their mind."""
    found = world.figures()

    assert found.arm.histograms["nps"] == "2:1 8:1 9:1"
    assert found.others.histograms["nps"] == "1:1 3:1"


def test_units_divide_as_since_the_arm_began_where_the_shares_held(world: World) -> None:
    """All units tell more than those of one day."""
    division = world.figures().division

    assert division.units == {ARM: 1_000, BASE: 4_000}
    assert division.shares == {ARM: 0.2, BASE: 0.8}
    assert (division.first, division.last) == (SINCE, LAST)


def test_units_divide_as_on_the_last_day_where_another_arm_has_come(lake: Engine) -> None:
    """The shares of the days before were others."""
    other = variant(
        CATEGORY,
        "other",
        "experimental",
        1,
        ranges=[[5_000, 6_000]],
        last_modified="2026-11-14T08:00:00+00:00",
    )
    world = World(lambda statement: report_lake.run(lake, statement), {**rows(), other.key: other})
    division = world.figures().division

    assert division.units == {ARM: 210, BASE: 790}
    assert division.shares == pytest.approx({ARM: 0.2, BASE: 0.8 * 0.9})
    assert (division.first, division.last) == (LAST, LAST)


def test_the_screen_is_that_of_the_service_over_thirty_days(world: World) -> None:
    """An older day is over, and answers of a variant are no answers of the screen."""
    screen = world.figures().screen

    assert screen is not None
    assert (screen.n, screen.total) == (1_200, 1_200)


def test_live_misses_are_those_of_thirty_days(world: World) -> None:
    """What the screen missed before it was mended is over."""
    misses = world.figures().misses

    assert (misses.judged, misses.missed) == (3_500, 1)


def test_the_golden_result_is_that_of_exactly_this_configuration(world: World) -> None:
    """A result for another configuration says nothing, however good it is."""
    config = world.store.records[CATEGORY, ARM].config
    mine, other = (
        GoldenEvidence(CATEGORY, ARM, name, "prompts", "s", 53, 5, 0, (), "2026-11-10T00:00:00+00:00")
        for name in (config_hash(config), config_hash({**config, "temperature": 0.1}))
    )
    world.golden.put(other)
    before = world.figures().golden
    world.golden.put(mine)

    assert before is None
    assert world.figures().golden == mine


@pytest.mark.parametrize(
    ("changes", "lack"),
    [
        ({"rollout_percent": 0, "ranges": ()}, "not_served"),
        ({"measured_since": "2026-11-16T09:00:00+00:00"}, "not_served"),
        ({"measured_since": "2026-11-12T09:00:00+00:00"}, "not_yet"),
        ({"target_cohort": "new_users"}, "cohort"),
    ],
    ids=["serves nobody", "no whole day yet", "changed since the lake's figures began", "some people only"],
)
def test_figures_of_something_else_are_not_taken(lake: Engine, changes: Mapping[str, Any], lack: str) -> None:
    """An arm is judged by what it is now: days of another rollout, or of other people, are none of its."""
    records = rows()
    records[CATEGORY, ARM] = replace(records[CATEGORY, ARM], **changes)
    world = World(lambda statement: report_lake.run(lake, statement), records)
    found = world.figures()

    assert found.lack == lack
    assert found.arm.metrics == {}
    assert found.arm.counts.units == 0
    assert found.screen is not None


def test_a_change_of_production_makes_the_figures_those_of_something_else(lake: Engine) -> None:
    """What the arm was held against is gone."""
    records = rows()
    base = replace(records[CATEGORY, BASE], last_modified="2026-11-13T00:00:00+00:00")
    world = World(lambda statement: report_lake.run(lake, statement), {**records, base.key: base})

    assert world.figures().lack == "not_yet"


def test_another_arm_for_some_people_only_is_named(lake: Engine) -> None:
    """Nobody can say how many should meet this one."""
    other = variant(
        CATEGORY,
        "other",
        "experimental",
        1,
        ranges=[[5_000, 5_100]],
        target_cohort="paid",
        last_modified=CHANGED,
    )
    world = World(lambda statement: report_lake.run(lake, statement), {**rows(), other.key: other})

    assert world.figures().division_lack == "other_cohort"


def test_a_crisis_category_asks_the_lake_for_nothing() -> None:
    """It serves nobody: there is nothing to read, and nothing to wait for."""
    key = ("CRISIS_FLOW_MODEL", "claude-opus-4-7")
    row = variant(*key, "staged", last_modified=CHANGED, promotion_id="promotion-1", version=7)
    world = World(pytest.fail, {key: row})
    asked = world.store.promotions["promotion-1"]
    world.store.promotions["promotion-1"] = replace(asked, category=key[0], variant_id=key[1])
    found = world.figures()

    assert (found.category, found.lack) == ("CRISIS_FLOW_MODEL", "not_served")


@pytest.mark.parametrize(
    ("row", "phase", "outcome"),
    [
        ({"version": 8}, "entry", "changed"),
        ({"promotion_id": None}, "entry", "changed"),
        ({"promotion_id": "promotion-2"}, "entry", "changed"),
        ({"version": 8}, "watch", "changed"),
        ({"version": 9, "status": "production", "rollout_percent": 50}, "watch", "collected"),
        ({"version": 9, "status": "production", "promotion_id": None}, "watch", "changed"),
    ],
)
def test_a_variant_that_was_changed_is_not_what_was_asked_about(
    lake: Engine, row: Mapping[str, Any], phase: str, outcome: str
) -> None:
    """A person would be asked about one thing and decide about another."""
    records = rows()
    records[CATEGORY, ARM] = replace(records[CATEGORY, ARM], **row)
    world = World(lambda statement: report_lake.run(lake, statement), records)
    found = world.collect(replace(REQUEST, phase=phase))

    assert found["outcome"] == outcome
    assert (found["figures"] is None) == (outcome != "collected")


def test_a_promotion_that_is_over_is_not_looked_at(world: World) -> None:
    """An operator took it back while the night was computed."""
    asked = world.store.promotions["promotion-1"]
    world.store.promotions["promotion-1"] = replace(asked, status="withdrawn")

    assert world.collect() == {"outcome": "withdrawn", "figures": None}
    assert world.collect(CollectRequest("promotion-2")) == {"outcome": "withdrawn", "figures": None}


def test_a_lake_that_cannot_be_read_is_no_answer(world: World) -> None:
    """Figures of half of the statements would be judged as if they were all."""

    def fails(statement: str) -> Iterator[Mapping[str, str | None]]:
        raise StoreUnavailableError("QueryFailed")

    world.queries = MemoryLakeQueries(fails)

    with pytest.raises(StoreUnavailableError):
        world.collect()


def test_a_row_that_is_none_is_said_and_not_skipped(lake: Engine) -> None:
    """A bin without a number would be a latency of nothing."""

    def broken(statement: str) -> list[dict[str, str | None]]:
        found = report_lake.run(lake, statement)
        return [{**row, "bin": None} if "bin" in row else row for row in found]

    with pytest.raises(GoldError):
        World(broken, rows()).collect()


def test_figures_of_a_pool_and_of_many_bins_fit_into_a_state(lake: Engine) -> None:
    """A state of Step Functions holds 256 KB, and the figures pass through several."""

    def wide(statement: str) -> list[dict[str, str | None]]:
        found = report_lake.run(lake, statement)
        drawn: list[dict[str, str | None]] = [
            {"side": side, "metric": metric, "bin": str(number), "n": "123456"}
            for side in ("arm", "production")
            for metric in ("latency_total_ms", "latency_first_token_ms")
            for number in range(330)
        ]
        return drawn if found and "latency" in str(found[0].get("metric")) and "side" in found[0] else found

    payload = json.dumps(World(wide, rows()).collect())

    assert "329:123456" in payload
    assert len(payload) < 60_000


def test_nothing_of_a_person_is_in_what_is_handed_on(world: World) -> None:
    """States are kept for ninety days, and read by whoever may read executions."""
    payload = json.dumps(world.collect())

    assert "cheaper" not in payload
    assert "u0" not in payload
    assert "s0" not in payload
