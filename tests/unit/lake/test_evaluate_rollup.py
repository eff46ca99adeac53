"""What a night's figures lead to: messages, and arms that are taken back once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from silent_infinity.adapters.memory.alerts import MemoryAlerts
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.memory.lake import MemoryQueryResults
from silent_infinity.adapters.memory.randomness import SeededRandomness
from silent_infinity.adapters.memory.variant_metrics import MemoryVariantMetrics
from silent_infinity.adapters.memory.variant_store import MemoryVariantStore
from silent_infinity.adapters.validation.json_schema import JsonSchemaValidator
from silent_infinity.domain.lake.histograms import Histogram, bin_of
from silent_infinity.domain.lake.published import GoldError
from silent_infinity.domain.lake.slos import Place
from silent_infinity.domain.payload import PayloadError, to_payload
from silent_infinity.domain.registry.demotions import Demotion, Outcome
from silent_infinity.domain.variant_records import VariantRecord
from silent_infinity.domain.variant_sums import Counts, DayOfVariant, Pairs, Sums
from silent_infinity.ports.errors import StoreUnavailableError
from silent_infinity.usecases.demote_variant import DemoteVariant
from silent_infinity.usecases.evaluate_rollup import EvaluateRollup, Evaluation, EvaluationRequest
from silent_infinity.usecases.manage_variants import ManageVariants
from tests.support.gold import Row, gold_row
from tests.support.registry import NOW, variant

CATEGORY = "LLM_MODEL"
LAST = NOW.date() - timedelta(days=1)
SINCE = LAST - timedelta(days=9)
NEW = variant(CATEGORY, "new", "canary", 10, ranges=[[0, 1000]])
OLD = variant(CATEGORY, "old", "production", 100)
ARM: dict[str, Any] = {
    "category": CATEGORY,
    "variant_id": "new",
    "since": SINCE.isoformat(),
    "production": ["old"],
    "version": 1,
    "share": 0.1,
    "production_share": 0.9,
    "shares_since": SINCE.isoformat(),
    "target_cohort": "all",
}
HARMED, UNHARMED = (40, 500), (10, 500)


def experiment(new: tuple[int, int] = UNHARMED, units: tuple[int, int] = (500, 4500)) -> list[Row]:
    """Return the rows of one experiment: flagged units of units, and all exposed units."""
    sides = {"new": (new, units[0]), "old": ((120, 4500), units[1])}
    return [
        gold_row(
            (CATEGORY, name),
            LAST,
            "crisis_flag",
            Sums("rate", n, flagged),
            Counts(units=exposed),
            arm_id="new",
            since=SINCE.isoformat(),
        )
        for name, ((flagged, n), exposed) in sides.items()
    ]


class Night:
    """A night's figures, the registry, and what is made of them."""

    def __init__(self, rows: list[Row] | None = None, *records: VariantRecord) -> None:
        self.clock = FixedClock(NOW)
        self.store = MemoryVariantStore(self.clock, records or (NEW, OLD))
        self.metrics = MemoryVariantMetrics()
        self.results = MemoryQueryResults({"query-1": rows or []})

    def put(self, key: tuple[str, str], metric: str, sums: Sums, *, ago: int = 0, **counts: int) -> None:
        """Publish a metric of a variant."""
        day = LAST - timedelta(days=ago)
        self.metrics.put(DayOfVariant(*key, day, {metric: sums}, Counts(**counts)))

    def judge(self, *arms: dict[str, Any], execution: str = "arn:run-1") -> Evaluation:
        """Evaluate the night."""
        evaluate = EvaluateRollup(
            results=self.results,
            metrics=self.metrics,
            registry=self.store,
            clock=self.clock,
            place=Place("test", "us-east-1", "workgroup", "database"),
        )
        event = {
            "date": LAST.isoformat(),
            "act": True,
            "execution": execution,
            "queries": {"gold_experiments": "query-1"},
            "arms": list(arms),
        }
        return evaluate(EvaluationRequest.from_event(event))

    def demote(self, demotion: Demotion) -> Outcome:
        """Do what the evaluation asks for, as the function of the registry does."""
        manage = ManageVariants(
            store=self.store,
            validator=JsonSchemaValidator(),
            clock=self.clock,
            randomness=SeededRandomness(1),
            sleep=self.clock.advance,
        )
        demote = DemoteVariant(manage=manage, store=self.store, alerts=MemoryAlerts(), clock=self.clock)
        return demote(demotion).outcome


def names(found: Evaluation) -> list[str]:
    """Return which bounds do not hold."""
    return [breach.name for breach in found.breaches]


def test_a_night_on_which_all_is_well_says_nothing() -> None:
    """Messages that come every night are read on none."""
    night = Night(experiment())
    night.put(("SERVICE", "all"), "fallback", Sums("rate", 900, 3, pairs=Pairs(4, 2000, 0, 0, 0)))

    assert night.judge(ARM) == Evaluation()


def test_a_night_without_figures_says_nothing() -> None:
    """A new environment has none."""
    assert Night().judge() == Evaluation()


def test_one_bound_that_does_not_hold_is_one_message() -> None:
    """With the run that found it."""
    night = Night()
    night.put(("SERVICE", "all"), "fallback", Sums("rate", 900, 90, pairs=Pairs(100, 2000, 0, 0, 0)))
    night.put(("SERVICE", "all"), "degraded", Sums("rate", 900, 9, pairs=Pairs(10, 2000, 0, 0, 0)), ago=1)
    [breach] = night.judge(execution="arn:run-7").breaches

    assert breach.name == "fallback"
    assert "Measured: 5.00 %\nOf: 2,000 turns" in breach.message
    assert "arn:run-7" in breach.message


def test_the_window_is_the_bounds_own() -> None:
    """Seven days for costs, of which the eighth is not one."""
    night = Night()
    sums = Sums("mean", 100, 20.0, 4.0, Pairs(20.0, 900, 0, 0, 0))
    night.put(("SERVICE", "all"), "cost_usd", sums, ago=7, sessions=100)
    before = night.judge()
    night.put(("SERVICE", "all"), "cost_usd", sums, ago=6, sessions=100)

    assert names(before) == []
    assert names(night.judge()) == ["cost-per-session"]


def test_production_is_what_serves_whom_no_arm_does() -> None:
    """All variants of a pool together, and neither arms nor what was retired."""
    category = "SMALL_TALK_MODEL"
    rows = [
        variant(category, "a", "production", 100, pool_rank=0),
        variant(category, "b", "production", 100, pool_rank=1),
        variant(category, "gone", "retired"),
        variant(category, "arm", "canary", 10, ranges=[[0, 1000]]),
    ]
    night = Night(None, *rows)
    for name, milliseconds in (("a", 700), ("b", 200), ("gone", 9000), ("arm", 9000)):
        histograms = {"latency_first_token_ms": Histogram({bin_of(milliseconds): 150 + (name == "a")})}
        night.metrics.put(DayOfVariant(category, name, LAST, {}, Counts(), histograms))
    [breach] = night.judge().breaches

    assert breach.name == "first-token-small-talk"
    assert "SMALL_TALK_MODEL/production" in breach.message
    assert "Of: 301 turns" in breach.message


def test_an_arm_is_held_against_production_over_the_same_days() -> None:
    """A drop of six points in conversations that go on."""
    night = Night(experiment())
    night.put((CATEGORY, "new"), "completion", Sums("rate", 600, 480))
    night.put((CATEGORY, "old"), "completion", Sums("rate", 5000, 4300))
    [breach] = night.judge(ARM).breaches

    assert breach.name == "completion-drop"
    assert "LLM_MODEL/new" in breach.message
    assert "Of: 600 units on the smaller side" in breach.message


def test_an_arm_is_not_blamed_for_what_it_was_before_it_began() -> None:
    """An arm that was mended yesterday has days of its old state behind it, and on those of the week on which
    it did not run, production is beside nothing.
    """
    night = Night()
    failing = Sums("rate", 900, 900, pairs=Pairs(900, 900, 0, 0, 0))
    night.put((CATEGORY, "new"), "fallback", failing, ago=3)
    since = (LAST - timedelta(days=2)).isoformat()

    assert names(night.judge({**ARM, "since": since})) == []
    [breach] = night.judge({**ARM, "since": (LAST - timedelta(days=3)).isoformat()}).breaches
    assert f"Days: {LAST - timedelta(days=3)} to {LAST} (UTC)" in breach.message


def test_an_arm_that_harms_is_taken_back_and_people_are_told_why() -> None:
    """The payload is what the function of the registry reads, and what it does is done once."""
    night = Night(experiment(HARMED))
    found = night.judge(ARM)
    [demotion] = found.regressions
    [breach] = found.breaches

    assert breach.name == "crisis-regression"
    assert "taken back to experimental" in breach.message
    assert (demotion.category, demotion.variant_id, demotion.actor) == (CATEGORY, "new", "system:rollup")
    assert "40 of 500 units came to a crisis, 120 of 4500 of production's" in demotion.reason
    assert [night.demote(demotion), night.demote(demotion)] == [Outcome.DEMOTED] * 2
    row = night.store.records[CATEGORY, "new"]
    assert (row.rollout_percent, row.version) == (0, 2)


def test_a_run_that_is_repeated_asks_for_the_same() -> None:
    """A state that is retried, or a night that somebody runs again, is no second demotion."""
    night = Night(experiment(HARMED))

    assert night.judge(ARM) == night.judge(ARM)


def test_figures_of_what_an_arm_was_do_not_take_back_what_it_is() -> None:
    """Somebody took it back and started it anew, or changed it, while the night was computed."""
    night = Night(experiment(HARMED), replace(NEW, version=2), OLD)
    found = night.judge(ARM)

    assert found.regressions == ()
    assert names(found) == ["crisis-regression"]
    assert "changed after the run had begun" in found.breaches[0].message


def test_a_variant_that_is_gone_is_not_taken_back() -> None:
    """The figures outlive the row."""
    night = Night(experiment(HARMED), OLD)

    assert night.judge(ARM).regressions == ()


def test_an_arm_for_some_people_is_a_persons_to_judge() -> None:
    """New users may come to a crisis more often than others, whatever they are served."""
    found = Night(experiment(HARMED)).judge({**ARM, "target_cohort": "new_users"})

    assert found.regressions == ()
    assert names(found) == ["crisis-regression"]
    assert "A person has to look at it" in found.breaches[0].message


def test_arms_are_judged_one_by_one() -> None:
    """One that harms says nothing about another."""
    other = {**ARM, "category": "SYSTEM_PROMPT"}

    assert [each.category for each in Night(experiment(HARMED)).judge(ARM, other).regressions] == [CATEGORY]


def test_units_that_do_not_divide_as_the_traffic_are_told_of() -> None:
    """Counted since the arm began, if the shares have held since."""
    [breach] = Night(experiment(units=(400, 4600))).judge(ARM).breaches

    assert breach.name == "sample-ratio"
    assert f"Days: {SINCE} to {LAST} (UTC)" in breach.message


def test_shares_that_changed_are_held_against_the_last_day_alone() -> None:
    """Another arm of the category began meanwhile: over all days the units divide as nothing ever did."""
    night = Night(experiment(units=(400, 4600)))
    changed = {**ARM, "shares_since": LAST.isoformat()}
    for name, units in (("new", 100), ("old", 900)):
        night.put((CATEGORY, name), "turns", Sums("mean", units, units), units=units)
    well = night.judge(changed)
    night.put((CATEGORY, "new"), "turns", Sums("mean", 40, 40), units=40)
    [breach] = night.judge(changed).breaches

    assert names(well) == []
    assert breach.name == "sample-ratio"
    assert f"Days: {LAST} (UTC)" in breach.message


def test_shares_that_changed_on_the_day_itself_say_nothing() -> None:
    """Half a day at one in a hundred and half at one in ten is no share."""
    night = Night(experiment(units=(400, 4600)))
    for name, units in (("new", 40), ("old", 900)):
        night.put((CATEGORY, name), "turns", Sums("mean", units, units), units=units)

    tomorrow = (LAST + timedelta(days=1)).isoformat()
    assert names(night.judge({**ARM, "shares_since": LAST.isoformat()})) == ["sample-ratio"]
    assert names(night.judge({**ARM, "shares_since": tomorrow})) == []


def test_where_an_arm_is_for_some_people_shares_say_nothing() -> None:
    """Who is not one of them is served production: it has more than its share, beside every arm."""
    night = Night(experiment(units=(400, 4600)))
    cohort = {**ARM, "variant_id": "for new users", "target_cohort": "new_users"}

    assert names(night.judge(ARM, cohort)) == []


def test_messages_are_about_numbers_and_never_about_people() -> None:
    """They are read in mailboxes."""
    night = Night([{**row, "user_id_hash": "canaryhash7q"} for row in experiment(HARMED, (400, 4600))])

    assert "canaryhash7q" not in str(to_payload(night.judge(ARM)))


@pytest.mark.parametrize(
    "event", [{"date": "2026-11-20"}, {"date": "2026-11-20", "queries": {}}, {"queries": {}}]
)
def test_an_event_that_lacks_something_is_an_error(event: dict[str, Any]) -> None:
    """An evaluation of nothing would say that all is well."""
    with pytest.raises(PayloadError):
        EvaluationRequest.from_event(event)


def test_a_statement_that_cannot_be_read_is_an_error() -> None:
    """Likewise."""
    night = Night()
    night.results.results.clear()

    with pytest.raises(StoreUnavailableError):
        night.judge(ARM)


@pytest.mark.parametrize("part", ["metrics", "rows"])
def test_figures_that_cannot_be_read_are_an_error(part: str) -> None:
    """Likewise."""
    night = Night([{**row, "n": "many"} for row in experiment()] if part == "rows" else experiment())
    night.metrics.unavailable = part == "metrics"

    with pytest.raises(GoldError if part == "rows" else StoreUnavailableError):
        night.judge(ARM)
