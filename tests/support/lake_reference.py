"""What the lake's tables have to hold, in plain Python: slow, readable, and without a line of the statements.

Everything is counted turn by turn and unit by unit, with exact fractions, from what arrived.
"""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

Row = dict[str, Any]
USER_CATEGORIES = {
    "CHAT_UI_LAYOUT",
    "COMPOSE_POSITION",
    "VOICE_PROVIDER",
    "MANDALA_FACE",
    "PRICING_TIER_STRUCTURE",
    "SYNTHESIS_MODEL",
}
CLASS_CATEGORIES = {
    "TC1": "CRISIS_DETECTOR_MODEL",
    "TC2": "SENTINEL_MODEL",
    "TC3": "SMALL_TALK_MODEL",
    "TC4": "LLM_MODEL",
    "TC5": "LLM_MODEL",
    "TC6": "CRISIS_FLOW_MODEL",
    "TC7": "SYNTHESIS_MODEL",
}
_DAY = timedelta(1)
_UTC = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(?:\+00:00|Z)")


@dataclass
class Arrived:
    """What arrived: (day of arrival, row) of each stream, copies and all."""

    turns: list[tuple[date, Row]] = field(default_factory=list)
    feedback: list[tuple[date, Row]] = field(default_factory=list)


def moment(text: Any) -> datetime | None:
    """Return a moment in UTC without its time zone, cut to milliseconds; None if it is none."""
    found = _UTC.fullmatch(text) if isinstance(text, str) else None
    if not found:
        return None
    try:
        whole = datetime.fromisoformat(found[1])
    except ValueError:
        return None
    return whole.replace(microsecond=int((found[2] or "").ljust(3, "0")[:3]) * 1000)


def is_turn(event: Row) -> bool:
    """Whether a row of bronze is a turn at all."""
    level = event.get("crisis_flag_level")
    latency = event.get("latency_ms") or {}
    screen = event.get("screen_model") or {}
    return (
        bool(event.get("turn_id"))
        and bool(event.get("session_id"))
        and moment(event.get("timestamp")) is not None
        and level is not None
        and 0 <= level <= 4
        and all(
            value is None or 0 <= value <= most
            for value, most in (
                (latency.get("total_ms"), 86_400_000),
                (latency.get("llm_ttft_ms"), 86_400_000),
                (event.get("tokens_input"), 10**9),
                (event.get("tokens_output"), 10**9),
                (event.get("cost_usd"), 10_000),
                (screen.get("cost_usd"), 10_000),
                (event.get("quality_score"), 1),
                (event.get("attempts"), 1000),
            )
        )
    )


@dataclass(frozen=True)
class Turn:
    """One turn of silver: its event, its moment, and what is known of it from others."""

    event: Row
    at: datetime
    rating: float | None
    rating_variant_id: str | None
    rated_at: str | None
    continued: bool

    @property
    def day(self) -> date:
        return self.at.date()

    @property
    def screened(self) -> bool:
        return "screen" not in (self.event.get("degraded") or ())

    @property
    def crisis(self) -> bool:
        return bool(self.event["crisis_flag_level"] >= 2)

    @property
    def exposed(self) -> bool:
        return self.screened and not self.crisis

    @property
    def key(self) -> tuple[datetime, str]:
        return self.at, self.event["turn_id"]

    @property
    def exposures(self) -> dict[str, str]:
        return {**(self.event.get("exposures") or {}), "SERVICE": "all"}

    def unit(self, category: str) -> str | None:
        return self.event.get("user_id_hash" if category in USER_CATEGORIES else "session_id") or None

    @property
    def latency(self) -> Row:
        return self.event.get("latency_ms") or {}

    @property
    def screen(self) -> Row:
        return self.event.get("screen_model") or {}

    @property
    def screen_answer(self) -> str | None:
        if not self.screen.get("model_id"):
            return None
        if self.screen.get("level") is not None:
            return "read"
        unreadable = {"model_screen:empty", "model_screen:malformed", "model_screen:schema"}
        return "unreadable" if self.screen.get("error") in unreadable else "none"


def silver_turns(arrived: Arrived) -> list[Turn]:
    """Return every turn once, whenever it was."""
    events: dict[str, Row] = {}
    for _, event in arrived.turns:
        if is_turn(event):
            events.setdefault(event["turn_id"], event)
    ratings: dict[str, Row] = {}
    for _, row in sorted(
        ((day, row) for day, row in arrived.feedback if row.get("rating") is not None),
        key=lambda pair: (pair[1]["created_at"], pair[1]["feedback_id"]),
    ):
        if 1 <= row["rating"] <= 5 and row.get("turn_id"):
            ratings[row["turn_id"]] = row
    times = defaultdict(list)
    for event in events.values():
        times[event["session_id"]].append(moment(event["timestamp"]))
    turns = []
    for turn_id, event in events.items():
        at = moment(event["timestamp"])
        assert at is not None
        rating = ratings.get(turn_id, {})
        later = [
            other
            for other in times[event["session_id"]]
            if other > at and other.date() - at.date() <= _DAY  # type: ignore[operator, union-attr]
        ]
        turns.append(
            Turn(
                event,
                at,
                rating.get("rating"),
                rating.get("rating_variant_id"),
                rating.get("created_at"),
                bool(later),
            )
        )
    return turns


Pair = tuple[float | int, int]
_COUNTS: Mapping[str, Callable[[Turn], Pair]] = {
    "latency_total_ms": lambda t: (t.latency.get("total_ms") or 0, 1),
    "latency_first_token_ms": lambda t: (
        t.latency.get("llm_ttft_ms") or 0,
        int((t.latency.get("llm_ttft_ms") or 0) > 0),
    ),
    "turns": lambda _: (1, 1),
    "rating": lambda t: (t.rating or 0, int(t.rating is not None)),
    "quality": lambda t: (t.event.get("quality_score") or 0, int(t.event.get("quality_score") is not None)),
    "tokens_input": lambda t: (t.event.get("tokens_input") or 0, 1),
    "tokens_output": lambda t: (t.event.get("tokens_output") or 0, 1),
    "cost_usd": lambda t: ((t.event.get("cost_usd") or 0) + (t.screen.get("cost_usd") or 0), 1),
    "satisfaction": lambda t: (int((t.rating or 0) >= 4), int(t.rating is not None)),
    "completion": lambda t: (int(t.continued), 1),
    "regeneration": lambda t: (int((t.event.get("attempts") or 0) > 1), 1),
    "fallback": lambda t: (int(bool(t.event.get("fallback_used"))), 1),
    "degraded": lambda t: (int(bool(t.event.get("degraded"))), 1),
    "json_parse": lambda t: (
        int(t.screen_answer == "read"),
        int(t.screen_answer in ("read", "unreadable")),
    ),
    "guard_trigger": lambda t: (int(bool(t.event.get("guardrail_triggered"))), 1),
}
_SCALES = {
    "latency_total_ms": 1000,
    "latency_first_token_ms": 1000,
    "cost_usd": 10**9,
    "rating": 10**6,
    "quality": 10**6,
    "tokens_input": 1000,
    "tokens_output": 1000,
}
_SUMS = {"cost_usd", "turns"}
_SUCCESS: Mapping[str, Callable[[int, int], bool]] = {
    "satisfaction": lambda n, d: 2 * n > d,
    "json_parse": lambda n, d: n >= d,
    **dict.fromkeys(
        (
            "return_7d",
            "completion",
            "regeneration",
            "fallback",
            "degraded",
            "crisis_flag",
            "guard_trigger",
        ),
        lambda n, _: n > 0,
    ),
}


def rounded(value: Fraction | float) -> int:
    """Round half away from zero, which for what is never negative is up."""
    return math.floor(Fraction(value) + Fraction(1, 2))


@dataclass
class Unit:
    """What one session or user had of one variant."""

    sessions: set[str] = field(default_factory=set)
    users: set[str] = field(default_factory=set)
    turns: int = 0
    exposed: int = 0
    crises: int = 0
    returned: bool | None = None
    parts: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    """By metric the numerator, in parts of its scale, and the denominator."""


def units(turns: Sequence[Turn], days: Iterable[date], through: date) -> dict[tuple[Any, ...], Unit]:
    """Return the units of these days by (day, category, variant, unit)."""
    found: dict[tuple[Any, ...], Unit] = defaultdict(Unit)
    wanted = set(days)
    for turn in turns:
        if turn.day not in wanted:
            continue
        for category, variant in turn.exposures.items():
            unit_id = turn.unit(category)
            if unit_id is None:
                continue
            unit = found[turn.day, category, variant, unit_id]
            unit.turns += 1
            unit.users.add(turn.event.get("user_id_hash") or "")
            if turn.exposed:
                unit.exposed += 1
                unit.sessions.add(turn.event["session_id"])
                for metric, count in _COUNTS.items():
                    numerator, denominator = count(turn)
                    unit.parts[metric][0] += rounded(numerator * _SCALES.get(metric, 1))
                    unit.parts[metric][1] += denominator
    exposed = {key: unit for key, unit in found.items() if unit.exposed}
    _add_crises(exposed, turns)
    _add_returns(exposed, turns, through)
    return exposed


def _add_crises(found: Mapping[tuple[Any, ...], Unit], turns: Sequence[Turn]) -> None:
    sessions = defaultdict(list)
    for turn in sorted(turns, key=lambda one: one.key):
        sessions[turn.event["session_id"]].append(turn)
    for members in sessions.values():
        for place, crisis in enumerate(members):
            if not crisis.crisis:
                continue
            latest: dict[str, Turn] = {}
            for turn in members[:place]:
                if turn.exposed and crisis.day - turn.day <= _DAY:
                    latest.update(dict.fromkeys(turn.exposures, turn))
            for category, turn in latest.items():
                key = (turn.day, category, turn.exposures[category], turn.unit(category))
                if key in found:
                    found[key].crises += 1


def _add_returns(found: Mapping[tuple[Any, ...], Unit], turns: Sequence[Turn], through: date) -> None:
    seen: dict[str, dict[date, set[str]]] = defaultdict(lambda: defaultdict(set))
    for turn in turns:
        if turn.event.get("user_id_hash"):
            seen[turn.event["user_id_hash"]][turn.day].add(turn.event["session_id"])
    for (day, *_), unit in found.items():
        user = min(unit.users)
        if not user or day + 7 * _DAY > through:
            continue
        today = seen[user][day]
        unit.returned = any(
            session not in today for days in range(1, 8) for session in seen[user].get(day + days * _DAY, ())
        )


def sums(members: Mapping[str, Unit], category: str, mixed: int) -> dict[str, Row]:
    """Return the row of gold of each metric over these units."""
    values = list(members.values())
    session = category not in USER_CATEGORIES
    shared = {
        "unit": "session" if session else "user",
        "units": len(values),
        "sessions": sum(1 if session else len(unit.sessions) for unit in values),
        "users": len({min(unit.users) for unit in values} - {""}) if session else len(values),
        "turns": sum(unit.turns for unit in values),
        "exposed_turns": sum(unit.exposed for unit in values),
        "crisis_turns": sum(unit.crises for unit in values),
        "mixed_units": mixed,
    }
    rows = {}
    for metric in (*_COUNTS, "return_7d", "crisis_flag"):
        scale = _SCALES.get(metric, 1)
        pairs = [_pair(unit, metric) for unit in values]
        if metric in _SUCCESS:
            trials = [(n, d) for n, d in pairs if d > 0]
            kind, n = "rate", len(trials)
            total, squares = sum(_SUCCESS[metric](*trial) for trial in trials), 0
        else:
            if metric in _SUMS:
                each = [numerator for numerator, _ in pairs]
            else:
                each = [rounded(Fraction(numerator, d)) for numerator, d in pairs if d > 0]
            kind, n, total, squares = "mean", len(each), sum(each), sum(value**2 for value in each)
        rows[metric] = {
            **shared,
            "kind": kind,
            "n": n,
            "total": float(Fraction(total, 1 if kind == "rate" else scale)),
            "squares": float(Fraction(squares, scale**2)),
            "numerator": float(Fraction(sum(n for n, _ in pairs), scale)),
            "denominator": float(sum(d for _, d in pairs)),
            "numerator_squares": float(Fraction(sum(n * n for n, _ in pairs), scale**2)),
            "denominator_squares": float(sum(d * d for _, d in pairs)),
            "cross": float(Fraction(sum(n * d for n, d in pairs), scale)),
        }
    return rows


def _pair(unit: Unit, metric: str) -> tuple[int, int]:
    if metric == "return_7d":
        return int(bool(unit.returned)), int(unit.returned is not None)
    if metric == "crisis_flag":
        return unit.crises, unit.exposed
    numerator, denominator = unit.parts[metric]
    return numerator, denominator


def variant_days(found: Mapping[tuple[Any, ...], Unit]) -> dict[tuple[Any, ...], Row]:
    """Return gold by (day, category, variant, metric)."""
    groups: dict[tuple[Any, ...], dict[str, Unit]] = defaultdict(dict)
    variants: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for (day, category, variant, unit_id), unit in found.items():
        groups[day, category, variant][unit_id] = unit
        variants[day, category, unit_id].add(variant)
    gold = {}
    for (day, category, variant), members in groups.items():
        mixed = sum(len(variants[day, category, unit_id]) > 1 for unit_id in members)
        for metric, row in sums(members, category, mixed).items():
            gold[day, category, variant, metric] = row
    return gold


def experiment(
    found: Mapping[tuple[Any, ...], Unit], category: str, variants: Sequence[str], since: date
) -> dict[tuple[str, str], Row]:
    """Return the sums of each of these variants since a day, units merged over days, by (variant, metric)."""
    groups: dict[str, dict[str, Unit]] = {variant: {} for variant in variants}
    for (day, of, variant, unit_id), unit in found.items():
        if of == category and variant in groups and day >= since:
            groups[variant][unit_id] = _merged(groups[variant].get(unit_id), unit, category)
    gold = {}
    for variant, members in groups.items():
        others = set().union(*(groups[other] for other in variants if other != variant))
        if members:
            rows = sums(members, category, len(others & members.keys()))
            gold.update({(variant, metric): row for metric, row in rows.items()})
    return gold


def _merged(one: Unit | None, other: Unit, category: str) -> Unit:
    # Of a user, every day's sessions count: a set of (day, session) is what the sum over days is.
    marked = {f"{id(other)} {session}" for session in other.sessions}
    base = one or Unit()
    added = Unit(
        sessions=base.sessions | marked,
        users=base.users | {min(other.users)},
        turns=base.turns + other.turns,
        exposed=base.exposed + other.exposed,
        crises=base.crises + other.crises,
        returned=base.returned if other.returned is None else bool(base.returned) or other.returned,
    )
    for metric in _COUNTS:
        for place in (0, 1):
            added.parts[metric][place] = base.parts[metric][place] + other.parts[metric][place]
    return added


def bin_of(milliseconds: int) -> int:
    """Return DDSketch's bin for an accuracy of 2 %."""
    return 0 if milliseconds < 1 else math.ceil(math.log(milliseconds) / math.log(1.02 / 0.98))


def histograms(turns: Sequence[Turn], feedback: Iterable[Row]) -> dict[tuple[Any, ...], int]:
    """Return counts by (day, category, variant, metric, bin)."""
    counts: dict[tuple[Any, ...], int] = defaultdict(int)
    for turn in turns:
        if not turn.exposed:
            continue
        for category, variant in turn.exposures.items():
            total, first = turn.latency.get("total_ms"), turn.latency.get("llm_ttft_ms") or 0
            if total is not None:
                counts[turn.day, category, variant, "latency_total_ms", bin_of(total)] += 1
            if first > 0:
                counts[turn.day, category, variant, "latency_first_token_ms", bin_of(first)] += 1
    for row in feedback:
        if row.get("nps") is not None:
            day = date.fromisoformat(row["created_at"][:10])
            counts[day, "SERVICE", "all", "nps", row["nps"]] += 1
            if row.get("rating_variant_id"):
                counts[day, "RATING_VARIANT", row["rating_variant_id"], "nps", row["nps"]] += 1
    return counts


def costs(turns: Sequence[Turn]) -> dict[tuple[Any, ...], list[float]]:
    """Return [calls, turns, four kinds of tokens, US dollars] by everything that a call is known by."""
    found: dict[tuple[Any, ...], list[Any]] = defaultdict(lambda: [0, set(), 0, 0, 0, 0, Fraction(0)])
    tokens = ("tokens_input", "tokens_output", "tokens_cache_read", "tokens_cache_write")
    for turn in turns:
        calls = list(turn.event.get("model_calls") or ())
        if turn.screen.get("model_id"):
            calls.append({**turn.screen, "turn_class": "TC1", "model_answered": turn.screen["model_id"]})
        for call in calls:
            category = CLASS_CATEGORIES.get(call["turn_class"], "")
            row = found[
                turn.day,
                turn.event.get("intent") or "",
                call["turn_class"],
                call["model_answered"] or call["model_asked"],
                call["provider"],
                category,
                (turn.event.get("active_variants") or {}).get(category, ""),
            ]
            row[0] += 1
            row[1].add(turn.event["turn_id"])
            for place, name in enumerate(tokens):
                row[2 + place] += call[name]
            row[6] += Fraction(rounded(call["cost_usd"] * 10**9), 10**9)
    return {key: [row[0], len(row[1]), *row[2:6], float(row[6])] for key, row in found.items()}


def intents(turns: Sequence[Turn]) -> dict[tuple[Any, ...], int]:
    """Return how many turns there were by (day, intent, class)."""
    counts: dict[tuple[Any, ...], int] = defaultdict(int)
    for turn in turns:
        counts[turn.day, turn.event.get("intent") or "", turn.event.get("turn_class") or ""] += 1
    return counts


_FAILURES: Mapping[str, Callable[[Turn], bool]] = {
    "unscreened": lambda t: not t.screened,
    "crisis_fallback": lambda t: t.crisis and bool(t.event.get("fallback_used")),
    "fallback": lambda t: not t.crisis and bool(t.event.get("fallback_used")),
    "model_error": lambda t: t.event.get("error_class") is not None,
    "degraded": lambda t: bool(set(t.event.get("degraded") or ()) - {"screen"}),
    "budget": lambda t: bool(t.event.get("budget_level")),
    "guarded": lambda t: bool(t.event.get("guardrail_triggered")),
    "quality": lambda t: bool(t.event.get("quality_failures")),
    "rewritten": lambda t: (t.event.get("attempts") or 0) > 1,
    "cut_off": lambda t: t.event.get("finish_reason") == "length",
    "unreadable_screen": lambda t: t.screen_answer == "unreadable",
    "silent_screen": lambda t: t.screen_answer == "none",
    "low_rating": lambda t: t.rating is not None and t.rating <= 2,
    "unhappy_end": lambda t: t.rating is not None and t.rating <= 3 and not t.continued,
    "slow": lambda t: (t.latency.get("total_ms") or 0) > 12_000,
}


def failures(turns: Sequence[Turn]) -> dict[tuple[Any, ...], set[str]]:
    """Return the ids of the turns by (day, failure, intent, class, model)."""
    found: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for turn in turns:
        about = tuple(turn.event.get(name) or "" for name in ("intent", "turn_class", "model_id"))
        for failure, has in _FAILURES.items():
            if has(turn):
                found[turn.day, failure, *about].add(turn.event["turn_id"])
    return found


def arrivals(arrived: Arrived) -> dict[date, Row]:
    """Return what became of the rows of each day."""
    rows: dict[date, Row] = defaultdict(
        lambda: dict.fromkeys(("received", "turns", "duplicates", "invalid", "late"), 0)
    )
    first: dict[str, tuple[date, date]] = {}
    for came, event in arrived.turns:
        at = moment(event.get("timestamp"))
        day = at.date() if at else came
        rows[day]["received"] += 1
        if not is_turn(event):
            rows[day]["invalid"] += 1
            continue
        if event["turn_id"] in first:
            rows[day]["duplicates"] += 1
        first[event["turn_id"]] = (day, min(came, first.get(event["turn_id"], (day, came))[1]))
    for day, came in first.values():
        rows[day]["turns"] += 1
        rows[day]["late"] += came - day > _DAY
    return rows
