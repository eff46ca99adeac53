"""How often the statistics of promotions are wrong, and how soon they are right, over thirty nights."""

import math
from collections.abc import Iterable

import numpy as np

from local.tools.errors import LocalError
from silent_infinity.domain.promotion.statistics.estimates import Estimate
from tests.benchmarks.figures import Result, Row
from tests.benchmarks.promotion_gates import (
    PROMOTED,
    TAKEN_BACK,
    Ends,
    Setting,
    Truth,
    simulate_promotions,
)
from tests.benchmarks.promotion_looks import (
    CANARY,
    EVEN,
    FIRST_LOOK,
    NIGHTS,
    Decisions,
    Drawn,
    differs,
    families,
    is_above,
    is_below,
    lognormal,
    mismatches,
    of_rates,
    of_values,
    plainly_differs,
    simulate_looks,
)
from tests.benchmarks.workshop import Workshop
from tests.support.statistics_peers import ask

REPETITIONS = 10_000
FEWER = 2_500
"""Of what is drawn unit by unit."""

WHOLE = 400
"""Of whole promotions, with all gates."""

RATE, EFFECT, MARGIN = 0.70, 0.05, 0.05
LATENCY, COST, WILD = 0.8, 1.2, 1.6
"""Standard deviations of logarithms. Skewness 3.7, 11 and 53."""


def run(_workshop: Workshop) -> Result:
    """Simulate."""
    groups = (_false_positives(), _one_sided(), _division(), _power(), _whole())
    rows = [row for group in groups for row in group]
    wrong = [row for row in rows if row.most is not None and row.value > row.most]
    return Result(
        title="gates of a promotion, looked at every night",
        floor="a test made for one look, made every night all the same; for times, see the notes",
        rows=tuple(rows),
        notes=_notes(),
        failures=tuple(f"{row.what}: {row.value:.2f} {row.unit}" for row in wrong),
    )


def _false_positives() -> Iterable[Row]:
    for what, drawn in _alike():
        found = simulate_looks(drawn, differs())
        plain = simulate_looks(drawn, plainly_differs)
        yield Row(
            what=f"finds a difference where there is none: {what}",
            value=100 * found.share,
            unit="%",
            floor=100 * plain.share,
            most=5.0,
        )
    family = families(np.random.default_rng(7), 6, 0.5, FEWER)
    yield Row(
        what="finds one among six metrics that hang together (0.5), none of which differs, by Holm",
        value=100 * family.share,
        unit="%",
        most=5.0,
    )


def _alike() -> Iterable[tuple[str, Drawn]]:
    random = np.random.default_rng(20261201)
    for traffic, name in ((EVEN, "even arms"), (CANARY, "10 % beside 90 %")):
        yield f"completion, 70 %, {name}", of_rates(random, traffic, RATE, RATE, REPETITIONS)
        yield f"a rare event, 1 %, {name}", of_rates(random, traffic, 0.01, 0.01, REPETITIONS)
        for sigma, metric in ((LATENCY, "latency"), (COST, "cost"), (WILD, "wild cost")):
            values = lognormal(sigma)
            yield f"{metric}, lognormal {sigma}, {name}", of_values(random, traffic, values, values, FEWER)


def _one_sided() -> Iterable[Row]:
    """Worse by just the margin: to pass is wrong. Not worse: to be called worse is wrong."""
    random = np.random.default_rng(20261202)
    for traffic, name in ((EVEN, "even arms"), (CANARY, "10 % beside 90 %")):
        worse = of_rates(random, traffic, RATE - MARGIN, RATE, REPETITIONS)
        dearer = of_values(random, traffic, lognormal(COST, 1.1), lognormal(COST), FEWER)
        rare = of_rates(random, traffic, 0.01, 0.01, REPETITIONS)
        for what, found in (
            ("passes a completion that is worse by the margin", simulate_looks(worse, is_above(-MARGIN))),
            ("calls it worse than the margin", simulate_looks(worse, is_below(-MARGIN))),
            ("passes a cost that is higher by the margin (10 %)", simulate_looks(dearer, is_below(0.1))),
            ("calls a rare event, 1 % on both sides, more frequent", simulate_looks(rare, is_above(0.0))),
            ("calls it less frequent", simulate_looks(rare, is_below(0.0))),
        ):
            yield Row(what=f"{what}: {name}", value=100 * found.share, unit="%", most=2.5)
    for of_arm, metric in ((COST, "cost"), (WILD, "wild cost")):
        unlike = of_values(random, CANARY, lognormal(of_arm), lognormal(LATENCY), FEWER)
        yield Row(
            what=f"calls a {metric} lower whose mean is the same, but which spreads far more than "
            "production's",
            value=100 * simulate_looks(unlike, is_below(0.0)).share,
            unit="%",
        )


def _division() -> Iterable[Row]:
    random = np.random.default_rng(20261203)
    for name, shares, units in (("50 : 50", (0.5, 0.5), 340), ("10 : 90", (0.1, 0.9), 1700)):
        ours, plain = mismatches(random, shares, shares, units, REPETITIONS)
        yield Row(
            what=f"alarm about a division that is right, {name}",
            value=100 * ours.share,
            unit="%",
            floor=100 * plain.share,
            most=0.1,
        )
        lost = (0.9 * shares[0], shares[1])
        real = [share / sum(lost) for share in lost]
        ours, plain = mismatches(random, shares, real, units, FEWER)
        yield Row(what=f"finds that a tenth of the arm is lost, {name}", value=100 * ours.share, unit="%")
        yield Row(
            what=f"night on which it is found, {name}",
            value=ours.mean_nights,
            unit="nights",
            floor=plain.mean_nights,
        )


def _power() -> Iterable[Row]:
    random = np.random.default_rng(20261204)
    boundaries = _group_sequential()
    for effect in (EFFECT, 2 * EFFECT, 0.6 * EFFECT):
        drawn = of_rates(random, EVEN, RATE + effect, RATE, REPETITIONS)
        points = f"{100 * effect:.0f} points"
        found = simulate_looks(drawn, differs())
        yield Row(what=f"finds {points} within 30 nights, even arms", value=100 * found.share, unit="%")
        yield from _times(points, effect, found)
        if boundaries is not None:
            planned = _planned(drawn, boundaries)
            yield Row(
                what=f"{points}: mean night, of a group-sequential plan of the same 30 nights",
                value=planned.mean_nights,
                unit="nights",
                floor=float(NIGHTS),
            )
    same = of_rates(random, EVEN, RATE, RATE, REPETITIONS)
    passed = simulate_looks(same, is_above(-MARGIN))
    yield Row(what="passes what is as good, margin 5 points, even arms", value=100 * passed.share, unit="%")
    yield Row(what="mean night of it", value=passed.mean_nights, unit="nights", floor=float(NIGHTS))


def _times(points: str, effect: float, found: Decisions) -> Iterable[Row]:
    yield Row(
        what=f"{points}: mean night on which it is found",
        value=found.mean_nights,
        unit="nights",
        floor=float(NIGHTS),
    )
    if night := found.night_of(0.9):
        yield Row(
            what=f"{points}: night by which nine of ten are found",
            value=float(night),
            unit="nights",
            floor=_once(effect),
        )


def _once(effect: float) -> float:
    """Nights of a test for one look that finds just this effect with 90 %, at .05 on two sides."""
    spread = RATE * (1 - RATE) + (RATE + effect) * (1 - RATE - effect)
    return math.ceil((1.959964 + 1.281552) ** 2 * spread / effect**2 / EVEN.arm)


def _whole() -> Iterable[Row]:
    """All gates at once, into production, and the nightly test of crises beside them."""
    style, model = "GHOST_CHAR_STYLE", "LLM_MODEL"
    better = {"completion": EFFECT}
    for what, setting in (
        ("a style, even arms", Setting(style, EVEN)),
        ("a style, 10 % beside 90 %", Setting(style, CANARY)),
        ("a model, 10 % beside 90 %", Setting(model, CANARY)),
        ("a model where a session costs 0.085 USD, 10 % beside 90 %", Setting(model, CANARY, cost=0.085)),
    ):
        found = _ends(setting, Truth())
        for how in (PROMOTED, TAKEN_BACK):
            yield Row(
                what=f"all gates: {how} where nothing differs: {what}",
                value=100 * found.share(how),
                unit="%",
                most=2.5,
            )
    often = {"crisis_flag": 0.01}
    for what, setting, truth, most in (
        ("twice the crises (0.8 % beside 0.4 %), even arms", Setting(style, EVEN),
         Truth({**better, "crisis_flag": 0.004}), 2.5),
        ("twice the crises (0.8 % beside 0.4 %), 10 % beside 90 %", Setting(style, CANARY),
         Truth({**better, "crisis_flag": 0.004}), 2.5),
        ("twice the crises (2 % beside 1 %), 10 % beside 90 %", Setting(style, CANARY, often),
         Truth({**better, "crisis_flag": 0.01}), 2.5),
        ("six points less completion, 10 % beside 90 %", Setting(model, CANARY),
         Truth({"completion": -0.06}, satisfied=0.1), 5.0),
    ):  # fmt: skip
        found = _ends(setting, truth)
        gain = "more content" if truth.satisfied else "with more completion"
        yield Row(
            what=f"all gates: promoted, {gain}, but {what}",
            value=100 * found.share(PROMOTED),
            unit="%",
            most=most,
        )
        yield Row(what="taken back", value=100 * found.share(TAKEN_BACK), unit="%")
    for what, setting in (
        ("0.4 % of crises, even arms", Setting(style, EVEN)),
        ("0.4 % of crises, 10 % beside 90 %", Setting(style, CANARY)),
        ("1 % of crises, 10 % beside 90 %", Setting(style, CANARY, often)),
    ):
        found = _ends(setting, Truth(better))
        yield Row(
            what=f"all gates: promoted within 30 nights, five points better, {what}",
            value=100 * found.share(PROMOTED),
            unit="%",
        )
        if night := found.night_of(PROMOTED, 0.5):
            yield Row(what="night by which half of them are", value=float(night), unit="nights")


def _ends(setting: Setting, truth: Truth) -> Ends:
    return simulate_promotions(np.random.default_rng(7), setting, truth, WHOLE)


def _group_sequential() -> list[float] | None:
    try:
        (boundaries,) = ask([{"peer": "group_sequential", "first": FIRST_LOOK, "last": NIGHTS}])
    except LocalError:
        return None
    return [float(boundary) for boundary in boundaries]


def _planned(drawn: Drawn, boundaries: list[float]) -> Decisions:
    def beyond(night: int, estimate: Estimate) -> bool:
        return estimate.value**2 > boundaries[night - FIRST_LOOK] ** 2 * estimate.variance

    return Decisions(
        tuple(
            next((night for night, estimate in drawn.estimates(repetition) if beyond(night, estimate)), 0)
            for repetition in range(len(drawn.arm))
        )
    )


def _notes() -> tuple[str, ...]:
    return (
        f"{REPETITIONS:,} experiments a row, seeded ({FEWER:,} where each unit is drawn by itself, and where "
        "a fault is to be found). 170 units of the arm a night, as many or nine times as many of production. "
        "The first look is after the third night (510 units of the arm), then one every night until the "
        "thirtieth. What judges is the code that judges promotions.",
        "Not held: an arm of ten percent whose values are far more skewed than production's (logarithms with "
        "a standard deviation of 1.2 or 1.6 beside 0.8) is called lower more often than in 2.5 % of cases. "
        "Its few largest values are not in the first thousands of units, and production cannot tell of them.",
        f"*All gates*: {WHOLE} promotions a row (a share of 2 % is known to within 1.4 points). Metrics are "
        "drawn independently of each other; the promotion is looked at from the first night on, as is the "
        "nightly test of crises. Sessions in which a crisis follows: 0.4 %, unless said.",
        "Times: beside *mean night* stands a test that is planned for 30 nights and looked at once; beside "
        "*nine of ten* a test for one look whose effect was known beforehand to the point, which nobody has. "
        "The group-sequential plan (`spotify-confidence`, α spent as t³) has to know the last night and its "
        "units, and is void if anybody looks once more.",
    )
