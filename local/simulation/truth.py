"""What the rollup has to find: the metrics, counted from the simulated sessions without any SQL.

This is written for reading, from the definitions alone, and shares no code with the statements of the lake.
Categories that no arm runs in are left out, unless asked for; the service as a whole is always counted.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from local.simulation.conversation import Event, Session
from local.simulation.scenario import Scenario
from local.simulation.simulation import Day
from silent_infinity.domain.variant_categories import SESSION, categories

SERVICE, EVERYTHING = "SERVICE", "all"
CRISIS = 2
WEEK = 7

RATIOS = ("latency_total_ms", "latency_first_token_ms", "rating", "quality", "tokens_input", "tokens_output")
"""Means whose value of a unit is numerator by denominator."""

TOTALS = ("cost_usd", "turns")
"""Means whose value of a unit is the numerator."""

ANY = ("completion", "regeneration", "fallback", "degraded", "guard_trigger")
"""Rates: a unit is a success if any of its turns is."""

SUMMED = (*RATIOS, *TOTALS, *ANY, "satisfaction", "json_parse")
"""Metrics that are added up over exposed turns. `crisis_flag` and `return_7d` are not."""

Key = tuple[date, str, str]
"""Day, category, variant."""


@dataclass(slots=True)
class Unit:
    """What one session or person did on one day under one variant."""

    user_id_hash: str
    sessions: set[str] = field(default_factory=set)
    exposed_turns: int = 0
    crisis_turns: int = 0
    numerators: list[float] = field(default_factory=lambda: [0.0] * len(SUMMED))
    denominators: list[float] = field(default_factory=lambda: [0.0] * len(SUMMED))

    def add(self, numerators: Iterable[float], denominators: Iterable[float]) -> None:
        """Add an exposed turn."""
        self.exposed_turns += 1
        self.numerators = [a + b for a, b in zip(self.numerators, numerators, strict=True)]
        self.denominators = [a + b for a, b in zip(self.denominators, denominators, strict=True)]

    def merge(self, other: "Unit") -> None:
        """Add what the same unit did on another day."""
        turns = self.exposed_turns + other.exposed_turns
        self.add(other.numerators, other.denominators)
        self.exposed_turns = turns
        self.crisis_turns += other.crisis_turns
        self.sessions |= other.sessions


class Truth:
    """Counts the sessions of a simulation, day by day.

    `through` is the last day that is complete for the rollup: whether people came back is known of days whose
    seventh day after is not later. `every` counts all categories. The units of nine days are kept in memory,
    and those of the whole time (`whole`) only in categories with an arm.
    """

    def __init__(self, scenario: Scenario, *, through: date | None = None, every: bool = False) -> None:
        self._scenario = scenario
        self._through = through or scenario.until
        arms = {arm.category for arm in scenario.arms}
        self._categories = tuple(name for name in categories() if every or name in arms)
        self._arms = frozenset(arms)
        self._units: dict[date, dict[tuple[str, str, str], Unit]] = defaultdict(dict)
        self._visits: dict[date, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._whole: dict[tuple[str, str, str], Unit] = {}
        self._rows: list[dict[str, Any]] = []
        self.events = 0
        self.sessions = 0
        self.feedback = 0

    def see(self, day: Day) -> None:
        """Count a day's sessions. Days come in their order."""
        for session in day.sessions:
            self._session(session)
        for past in sorted(self._units):
            if past < day.day - timedelta(days=WEEK):
                self._close(past)

    def finish(self) -> dict[str, Any]:
        """Return the truth as JSON has it."""
        for day in sorted(self._units):
            self._close(day)
        return {
            "scenario": {
                "sessions": self._scenario.sessions,
                "days": self._scenario.days,
                "first": self._scenario.first.isoformat(),
                "until": self._scenario.until.isoformat(),
                "seed": self._scenario.seed,
                "through": self._through.isoformat(),
            },
            "events": self.events,
            "sessions": self.sessions,
            "feedback": self.feedback,
            "arms": [
                {"category": arm.category, "variant_id": arm.variant_id, "percent": arm.rollout_percent}
                for arm in self._scenario.arms
            ],
            "effects": [
                {
                    "category": effect.category,
                    "variant_id": effect.variant_id,
                    "metric": effect.metric,
                    "size": effect.size,
                    "relative": effect.relative,
                }
                for effect in self._scenario.effects
            ],
            "variant_days": self._rows,
            "whole": self._merged(),
        }

    def _session(self, session: Session) -> None:
        ratings = _ratings(session.feedback)
        self.sessions += 1
        self.events += len(session.events)
        self.feedback += len(session.feedback)
        last: dict[str, tuple[date, str]] = {}
        for number, event in enumerate(session.events):
            day = date.fromisoformat(event["timestamp"][:10])
            self._visits[day][session.person.user_id_hash].add(session.session_id)
            if event["crisis_flag_level"] >= CRISIS:
                for category, (when, variant_id) in last.items():
                    if day - when <= timedelta(days=1):
                        self._unit(when, category, variant_id, session).crisis_turns += 1
                continue
            if "screen" in event["degraded"]:
                continue
            numerators, denominators = _of_turn(
                event, ratings.get(event["turn_id"]), goes_on=number + 1 < len(session.events)
            )
            shown = {
                name: event["exposures"][name] for name in self._categories if name in event["exposures"]
            }
            for category, variant_id in ((SERVICE, EVERYTHING), *shown.items()):
                unit = self._unit(day, category, variant_id, session)
                unit.sessions.add(session.session_id)
                unit.add(numerators, denominators)
                last[category] = (day, variant_id)

    def _unit(self, day: date, category: str, variant_id: str, session: Session) -> Unit:
        by_session = category == SERVICE or categories()[category].unit == SESSION
        user = session.person.user_id_hash
        key = (category, variant_id, session.session_id if by_session else user)
        units = self._units[day]
        if key not in units:
            units[key] = Unit(user)
        return units[key]

    def _close(self, day: date) -> None:
        groups: dict[tuple[str, str], list[Unit]] = defaultdict(list)
        for (category, variant_id, unit_id), unit in self._units.pop(day).items():
            groups[category, variant_id].append(unit)
            if category in self._arms:
                whole = self._whole.setdefault((category, variant_id, unit_id), Unit(unit.user_id_hash))
                whole.merge(unit)
        known = day + timedelta(days=WEEK) <= self._through
        back = self._back(day) if known else set()
        for (category, variant_id), units in sorted(groups.items()):
            metrics = _metrics(units)
            if known:
                metrics["return_7d"] = _rate([(unit.user_id_hash in back, 1.0) for unit in units])
            self._rows.append({
                "dt": day.isoformat(),
                "category": category,
                "variant_id": variant_id,
                **_counts(units),
                "metrics": metrics,
            })  # fmt: skip
        for old in [when for when in self._visits if when <= day]:
            del self._visits[old]

    def _back(self, day: date) -> set[str]:
        """Return who has another session within a week after the day."""
        here = self._visits.get(day, {})
        return {
            user
            for ahead in range(1, WEEK + 1)
            for user, sessions in self._visits.get(day + timedelta(days=ahead), {}).items()
            if user in here and sessions - here[user]
        }

    def _merged(self) -> list[dict[str, Any]]:
        groups: dict[tuple[str, str], list[Unit]] = defaultdict(list)
        for (category, variant_id, _), unit in self._whole.items():
            groups[category, variant_id].append(unit)
        return [
            {"category": category, "variant_id": variant_id, **_counts(units), "metrics": _metrics(units)}
            for (category, variant_id), units in sorted(groups.items())
        ]


def _ratings(feedback: Iterable[Event]) -> Mapping[str, float]:
    """Return the rating of each rated turn: the last one, by when it was given."""
    found: dict[str, Event] = {}
    for said in feedback:
        turn_id = said["turn_id"]
        if turn_id is None or said["rating"] is None:
            continue
        order = (said["created_at"], said["feedback_id"])
        if turn_id not in found or order > (found[turn_id]["created_at"], found[turn_id]["feedback_id"]):
            found[turn_id] = said
    return {turn_id: float(said["rating"]) for turn_id, said in found.items()}


def _of_turn(event: Event, rating: float | None, *, goes_on: bool) -> tuple[list[float], list[float]]:
    """Return numerator and denominator of every metric of SUMMED for one exposed turn."""
    first = event["latency_ms"]["llm_ttft_ms"]
    quality = event["quality_score"]
    screen = event["screen_model"]
    asked = bool(screen["model_id"])
    pairs = {
        "latency_total_ms": (event["latency_ms"]["total_ms"], 1),
        "latency_first_token_ms": (first, first > 0),
        "rating": (rating or 0, rating is not None),
        "quality": (quality or 0, quality is not None),
        "tokens_input": (event["tokens_input"], 1),
        "tokens_output": (event["tokens_output"], 1),
        "cost_usd": (event["cost_usd"] + screen["cost_usd"], 1),
        "turns": (1, 1),
        "completion": (goes_on, 1),
        "regeneration": (event["attempts"] > 1, 1),
        "fallback": (event["fallback_used"], 1),
        "degraded": (bool(event["degraded"]), 1),
        "guard_trigger": (event["guardrail_triggered"], 1),
        "satisfaction": ((rating or 0) >= 4, rating is not None),
        "json_parse": (asked and screen["error"] is None, asked),
    }
    return [float(pairs[name][0]) for name in SUMMED], [float(pairs[name][1]) for name in SUMMED]


def _counts(units: list[Unit]) -> dict[str, int]:
    return {
        "units": len(units),
        "sessions": sum(len(unit.sessions) for unit in units),
        "users": len({unit.user_id_hash for unit in units}),
        "exposed_turns": sum(unit.exposed_turns for unit in units),
        "crisis_turns": sum(unit.crisis_turns for unit in units),
    }


def _metrics(units: list[Unit]) -> dict[str, dict[str, float]]:
    found = {"crisis_flag": _rate([(unit.crisis_turns > 0, 1.0) for unit in units])}
    for place, name in enumerate(SUMMED):
        pairs = [(unit.numerators[place], unit.denominators[place]) for unit in units]
        pairs = [(num, den) for num, den in pairs if den > 0]
        if name in RATIOS or name in TOTALS:
            values = [num / den if name in RATIOS else num for num, den in pairs]
            found[name] = {
                "n": len(values),
                "total": sum(values),
                "squares": sum(value * value for value in values),
                "numerator": sum(num for num, _ in pairs),
                "denominator": sum(den for _, den in pairs),
            }
            continue
        successes = [
            num > 0 if name in ANY else num >= den if name == "json_parse" else 2 * num > den
            for num, den in pairs
        ]
        found[name] = _rate([(ok, 1.0) for ok in successes])
        found[name]["numerator"] = sum(num for num, _ in pairs)
        found[name]["denominator"] = sum(den for _, den in pairs)
    return found


def _rate(trials: list[tuple[bool, float]]) -> dict[str, float]:
    return {"n": len(trials), "total": sum(ok for ok, _ in trials), "squares": 0.0}
