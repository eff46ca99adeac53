"""The gates as `data/gates.json` has them, and those that a category has to pass to enter a stage."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Final

from silent_infinity.data import load
from silent_infinity.domain.lake.metrics import by_name
from silent_infinity.domain.payload import from_payload
from silent_infinity.domain.promotion.evidence import Group
from silent_infinity.domain.variant_categories import categories

ENTRY, WATCH = "entry", "watch"
PHASES: Final = (ENTRY, WATCH)

SAMPLE: Final = "sample"
SAMPLE_RATIO, SERVICE_SHARE, LIVE_MISSES, GOLDEN = "sample_ratio", "service_share", "live_misses", "golden"
NO_WORSE, PER_SESSION = "no_worse", "per_session"
NO_MORE_CRISES: Final = "no_more_crises"
MEDIAN_NO_WORSE, MEDIAN_LEVEL = "median_no_worse", "median_level"
BETTER, NOT_WORSE_SHOWN, RANK_SUM = "better", "not_worse_shown", "rank_sum"

_EVERY: Final = "*"


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate; the notes of `data/gates.json` say what the fields mean. Its `why` and `do` are for readers.

    `waited_for` says whether the promotion waits until the gate has passed; one that is not waited for only
    stops it by failing.
    """

    name: str
    title: str
    group: str
    test: str
    metric: str = ""
    direction: str = ""
    alpha: float = 0.05
    least: int = 0
    margin: float = 0.0
    relative: bool = False
    threshold: float = 0.0
    ratio: float = 0.0
    slight: float = 0.0
    days: int = 0
    looks: int = 1
    phases: tuple[str, ...] = (ENTRY,)
    waited_for: bool = True


@dataclass(frozen=True, slots=True)
class Sample:
    """What has to be there before anything passes: hours of whole UTC days, units on either side, and figures
    that end `age` days before the look at the most. After `days` no further night is waited for.
    """

    hours: float
    units: int
    days: int
    age: int = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """The gates of one category and stage in their order. `sample` is None where nobody is served."""

    phase: str
    sample: Sample | None
    gates: tuple[Gate, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """For which categories and stages a gate is."""

    categories: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()


def plan_for(category: str, stage: str, phase: str, *, primary_metric: str = "") -> Plan:
    """Return the gates on the way into a stage.

    Args:
        category: one of `data/variant_categories.json`.
        stage: canary or production.
        phase: ENTRY or WATCH.
        primary_metric: in place of the category's own; one that `may_be_primary`.

    Raises:
        KeyError: there is no such category, or nothing is promoted into this stage by gates.
    """
    crisis = categories()[category].crisis
    if phase not in PHASES or stage not in load("gates.json")["primary"]["stages"]:
        raise KeyError(stage)
    named = [
        gate
        for gate, place in _named()
        if stage in place.stages
        and (category in place.categories or (_EVERY in place.categories and not crisis))
    ]
    if not crisis:
        primary = _primary(category, primary_metric)
        taken = {gate.metric for gate in (*named, primary)}
        named += [primary, *_secondary(taken), _nps()]
    return Plan(
        phase,
        None if crisis else samples()[phase],
        tuple(gate for gate in named if phase in gate.phases),
    )


@cache
def samples() -> Mapping[str, Sample]:
    """Return what has to be there, by phase."""
    return {phase: from_payload(Sample, row) for phase, row in load("gates.json")["sample"].items()}


def window(test: str) -> timedelta:
    """Return how far back a gate of the whole service looks, by its test: its sentence says as much."""
    return timedelta(days=next(gate.days for gate, _ in _named() if gate.test == test))


def may_be_primary(metric: object) -> bool:
    """Whether a variant may be judged by a metric: one that is known, and of which one way is better."""
    found = by_name().get(metric) if isinstance(metric, str) else None
    return found is not None and found.direction in {"lower", "higher"}


@cache
def _named() -> tuple[tuple[Gate, _Place], ...]:
    rows = load("gates.json")["gates"]
    return tuple((from_payload(Gate, row), from_payload(_Place, row)) for row in rows)


def _primary(category: str, metric: str) -> Gate:
    rules = load("gates.json")["primary"]
    [own] = [row for row in rules["of"] if row["category"] == category]
    known = by_name()[metric or own["metric"]]
    return Gate(
        name="primary",
        title=known.title,
        group=Group.PRIMARY,
        test=own["test"],
        metric=known.name,
        direction=known.direction,
        alpha=rules["alpha"],
        least=rules["least"],
        phases=PHASES,
    )


def _secondary(taken: set[str]) -> list[Gate]:
    rules = load("gates.json")["secondary"]
    return [
        Gate(
            name=f"secondary_{metric.name}",
            title=metric.title,
            group=Group.SECONDARY,
            test=NOT_WORSE_SHOWN,
            metric=metric.name,
            direction=metric.direction,
            alpha=rules["alpha"],
            least=rules["least"],
            phases=PHASES,
            waited_for=False,
        )
        for name in rules["metrics"]
        if name not in taken
        for metric in (by_name()[name],)
    ]


def _nps() -> Gate:
    return from_payload(
        Gate,
        {
            **load("gates.json")["nps"],
            "name": "nps",
            "title": "Would they recommend it, 0 to 10",
            "group": Group.NPS,
            "test": RANK_SUM,
            "metric": "nps",
            "direction": "higher",
            "phases": PHASES,
            "waited_for": False,
        },
    )
