"""What has to hold, and what people are told when it does not."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.lake.histograms import Histogram, bin_of
from silent_infinity.domain.lake.metrics import SERVICE, by_name
from silent_infinity.domain.lake.regression import RatioMismatch, Regression
from silent_infinity.domain.lake.running_arms import RunningArm
from silent_infinity.domain.lake.slos import (
    ALL,
    ANY_CATEGORY,
    ARMS,
    AT_LEAST,
    AT_MOST,
    DROP,
    FIGURES,
    PRODUCTION,
    QUANTILES,
    SUBJECT_LENGTH,
    Breach,
    Measured,
    Place,
    Slo,
    breach_of,
    measured,
    ratio_breach,
    regression_breach,
    rules,
)
from silent_infinity.domain.variant_categories import categories
from silent_infinity.domain.variant_sums import Counts, DayOfVariant, Pairs, Sums

LAST = date(2026, 11, 20)
PLACE = Place("prod", "eu-central-1", "silent-infinity-prod", "silent_infinity_prod", "arn:aws:states:run-1")
BY_NAME = {slo.name: slo for slo in rules().slos}
ARM = RunningArm("LLM_MODEL", "new", "2026-11-02", ("old",), 4, 0.1, 0.9, "2026-11-02")


def pairs(numerator: float, denominator: float) -> Pairs:
    """Return sums of which only the ratio matters."""
    return Pairs(numerator, denominator, 0.0, 0.0, 0.0)


def day(
    metric: str, sums: Sums, *, ago: int = 0, histogram: Histogram | None = None, sessions: int = 0
) -> DayOfVariant:
    """Return a day of a variant with one metric."""
    return DayOfVariant(
        "LLM_MODEL",
        "new",
        LAST - timedelta(days=ago),
        {metric: sums},
        Counts(sessions=sessions),
        {metric: histogram} if histogram else {},
    )


@pytest.mark.parametrize("slo", rules().slos, ids=lambda slo: slo.name)
def test_every_bound_is_about_something_there_is(slo: Slo) -> None:
    """A slip in the file would be a bound that nothing ever breaks."""
    assert slo.metric in by_name()
    assert slo.figure in FIGURES
    assert slo.comparison in {AT_LEAST, AT_MOST}
    assert slo.category in {SERVICE, ANY_CATEGORY, *categories()}
    assert (slo.category == SERVICE) == (slo.variants == ALL)
    assert slo.variants in {ALL, PRODUCTION, ARMS}
    assert slo.figure != DROP or slo.variants == ARMS
    assert slo.figure not in QUANTILES or by_name()[slo.metric].unit == "ms"
    assert slo.least_n >= 100
    assert 1 <= slo.days <= 28
    assert slo.why.endswith(".")
    assert slo.do.endswith(".")


def test_bounds_have_names_of_their_own() -> None:
    """The name is what people search their mailbox by."""
    assert len(BY_NAME) == len(rules().slos)


@pytest.mark.parametrize(
    ("name", "threshold"),
    [
        ("json-parse", 0.995),
        ("cost-per-session", 0.08),
        ("completion-drop", 0.05),
        ("first-token-small-talk", 400),
        ("first-token-reflection", 1100),
    ],
)
def test_the_gates_of_the_memo_are_the_bounds(name: str, threshold: float) -> None:
    """Model tiering memo, sections 6 and 8: whoever changes one of these changes what was agreed on."""
    assert BY_NAME[name].threshold == threshold


def test_a_share_is_of_turns_over_the_whole_window() -> None:
    """A session with a hundred turns weighs a hundred times as much as one with a single turn."""
    slo = replace(BY_NAME["fallback"], days=2)
    days = [
        day("fallback", Sums("rate", 10, 1, pairs=pairs(3, 100))),
        day("fallback", Sums("rate", 10, 1, pairs=pairs(9, 300)), ago=1),
    ]

    assert measured(slo, days) == Measured(0.03, 400)


def test_a_value_is_over_units() -> None:
    """The mean of sessions, or the rate."""
    found = measured(BY_NAME["satisfaction"], [day("satisfaction", Sums("rate", 200, 150))])

    assert found == Measured(0.75, 200)


def test_a_cost_is_by_session_whatever_the_unit() -> None:
    """In a category by person a unit has many sessions, and the gate is about one."""
    sums = Sums("mean", 100, 40.0, 16.0, pairs(40.0, 3000.0))
    found = measured(BY_NAME["cost-per-session-of-arm"], [day("cost_usd", sums, sessions=800)])

    assert found == Measured(0.05, 800)


def test_a_quantile_is_of_all_days_together() -> None:
    """The median of a week."""
    slow, fast = Histogram({bin_of(2000): 300}), Histogram({bin_of(500): 200})
    nothing = Sums("mean", 0, 0.0)
    metric = "latency_first_token_ms"
    days = [day(metric, nothing, histogram=slow), day(metric, nothing, ago=1, histogram=fast)]
    found = measured(BY_NAME["first-token-reflection"], days)

    assert found is not None
    assert found.n == 500
    assert found.value == pytest.approx(2000, rel=0.02)


def test_a_drop_is_how_much_less_than_production() -> None:
    """In points; an arm that does better drops by less than nothing."""
    slo = BY_NAME["completion-drop"]
    arm, production = day("completion", Sums("rate", 500, 400)), day("completion", Sums("rate", 4000, 3440))
    found = measured(slo, [arm], [production])
    other_way = measured(slo, [production], [arm])

    assert found is not None
    assert found.value == pytest.approx(0.06)
    assert found.n == 500
    assert not slo.holds(found.value)
    assert other_way is not None
    assert slo.holds(other_way.value)


@pytest.mark.parametrize(
    ("name", "sums", "histogram"),
    [
        pytest.param("fallback", Sums("rate", 199, 99, pairs=pairs(99, 199)), None, id="few turns"),
        pytest.param("fallback", Sums("rate", 500, 99), None, id="days from before there were pairs"),
        pytest.param("fallback", Sums("rate", 0, 0, pairs=pairs(0, 0)), None, id="no turns"),
        pytest.param("satisfaction", Sums("rate", 99, 0), None, id="few units"),
        pytest.param("satisfaction", Sums("rate", 0, 0), None, id="no units"),
        pytest.param("cost-per-session", Sums("mean", 9, 9.0, pairs=pairs(9, 9)), None, id="no sessions"),
        pytest.param("whole-reply", Sums("mean", 900, 9e9), Histogram({300: 199}), id="few replies"),
        pytest.param("whole-reply", Sums("mean", 900, 9e9), None, id="no histogram"),
        pytest.param("completion-drop", Sums("rate", 900, 1), None, id="no production"),
    ],
)
def test_few_figures_say_nothing(name: str, sums: Sums, histogram: Histogram | None) -> None:
    """A night with three turns must wake nobody."""
    slo = BY_NAME[name]
    assert measured(slo, [day(slo.metric, sums, histogram=histogram)]) is None


def test_a_metric_that_nobody_computed_says_nothing() -> None:
    """Old days lack what was defined later."""
    assert measured(BY_NAME["fallback"], [day("turns", Sums("mean", 900, 9.0))]) is None
    assert measured(BY_NAME["fallback"], []) is None


@pytest.mark.parametrize(
    ("comparison", "value", "holds"),
    [
        (AT_LEAST, 0.995, True),
        (AT_LEAST, 0.9949, False),
        (AT_MOST, 0.995, True),
        (AT_MOST, 0.9951, False),
    ],
)
def test_the_bound_itself_is_allowed(comparison: str, value: float, holds: bool) -> None:
    """99.5 % is what was asked for."""
    slo = replace(BY_NAME["json-parse"], comparison=comparison)

    assert slo.holds(value) is holds


def test_a_message_has_numbers_window_bound_remedy_and_the_way_to_the_tables() -> None:
    """One mail has to be enough to decide whether to get up."""
    slo = BY_NAME["cost-per-session"]
    breach = breach_of(slo, Measured(0.0934, 1234), "SERVICE/all", LAST, PLACE)

    assert breach.name == "cost-per-session"
    assert breach.subject == (
        "Silent Infinity (prod): cost-per-session, SERVICE/all: 0.0934 USD, at most 0.0800 USD wanted"
    )
    for said in (
        "SERVICE/all: cost of the models per session, in USD.",
        "Measured: 0.0934 USD\nOf: 1,234 sessions\nDays: 2026-11-14 to 2026-11-20 (UTC)",
        "Bound: at most 0.0800 USD",
        f"Why: {slo.why}",
        f"What to do: {slo.do}",
        "https://eu-central-1.console.aws.amazon.com/states/home?region=eu-central-1"
        "#/v2/executions/details/arn:aws:states:run-1",
        "(workgroup silent-infinity-prod, database silent_infinity_prod)",
    ):
        assert said in breach.message


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("json-parse", 0.9912, "99.12 %"),
        ("completion-drop", 0.061, "6.10 points"),
        ("whole-reply", 9150.4, "9,150 ms"),
    ],
)
def test_numbers_have_their_units(name: str, value: float, shown: str) -> None:
    """0.061 of what?"""
    slo = BY_NAME[name]
    assert f"Measured: {shown}\n" in breach_of(slo, Measured(value, 900), "x/y", LAST, PLACE).message


def test_a_window_of_one_day_is_that_day() -> None:
    """ "2026-11-20 to 2026-11-20" reads like a mistake."""
    message = breach_of(BY_NAME["fallback"], Measured(0.5, 900), "x/y", LAST, PLACE).message

    assert "Days: 2026-11-20 (UTC)\n" in message


def test_a_run_that_nobody_named_has_no_link() -> None:
    """A link to nowhere costs a minute at night."""
    place = replace(PLACE, execution="")

    assert "The run:" not in breach_of(BY_NAME["fallback"], Measured(0.5, 900), "x/y", LAST, place).message


def test_a_regression_says_both_sides_and_what_becomes_of_the_arm() -> None:
    """Whoever reads it wants to know first whether people are still served it."""
    found = Regression(ARM, 40, 500, 120, 4500, 1.3e-8)
    breach = regression_breach(found, LAST, PLACE, taken_back="it is gone.")

    assert breach.name == "crisis-regression"
    assert "LLM_MODEL/new" in breach.subject
    assert "The arm: 40 of 500 units (8.00 %)\nProduction: 120 of 4,500 units (2.67 %)" in breach.message
    assert "Days: 2026-11-02 to 2026-11-20 (UTC)\np: 1.3e-08" in breach.message
    assert "What becomes of it: it is gone." in breach.message


def test_a_mismatch_says_what_was_expected() -> None:
    """Which side is short says where to look."""
    found = RatioMismatch(ARM, 1e-6, {"new": 860, "old": 9000}, {"new": 986.0, "old": 8874.0})
    breach = ratio_breach(found, "2026-11-20", PLACE)

    assert "new: 860 units, 986 expected\nold: 9,000 units, 8,874 expected\n" in breach.message
    assert "Days: 2026-11-20 (UTC)" in breach.message


@given(of=st.text(max_size=200), value=st.floats(-1e12, 1e12))
def test_a_subject_is_one_that_sns_takes(of: str, value: float) -> None:
    """A subject that SNS refuses would be an alert that nobody gets."""
    breach = breach_of(BY_NAME["fallback"], Measured(value, 900), of, LAST, PLACE)

    assert len(breach.subject) <= SUBJECT_LENGTH
    assert breach.subject.isascii()
    assert breach.subject.isprintable()
    assert breach.subject.startswith("Silent Infinity (prod): fallback, ")


def test_a_message_is_handed_on_as_json() -> None:
    """The machine sends subject and message as they are."""
    assert Breach("a", "b", "c").to_payload() == {"name": "a", "subject": "b", "message": "c"}
