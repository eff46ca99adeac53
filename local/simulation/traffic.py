"""What simulated people do: the figures of `traffic.json`, prepared to be drawn from quickly.

Every distribution becomes a table of equally likely values. A draw is then one random number and one look-up,
which is fast, and the same on every machine: no logarithm is taken while the simulation runs.
"""

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from statistics import NormalDist
from typing import Any, Generic, TypeVar

RESOLUTION = 4096

T = TypeVar("T")


class Draw(Generic[T]):
    """Equally likely values. Rarer than one in RESOLUTION cannot be said; use a probability for that."""

    __slots__ = ("_count", "values")

    def __init__(self, values: Sequence[T]) -> None:
        self.values = tuple(values)
        self._count = len(self.values)

    def __call__(self, random: Random) -> T:
        return self.values[int(random.random() * self._count)]


def weighted(weights: Mapping[T, float]) -> Draw[T]:
    """Return a draw in which each key has the share of its weight, to within one in RESOLUTION."""
    total = math.fsum(weights.values())
    values: list[T] = []
    passed = 0.0
    for value, weight in weights.items():
        passed += weight
        values += [value] * (round(passed / total * RESOLUTION) - len(values))
    return Draw(values)


def skewed(median: float, spread: float, least: float = 1, most: float = math.inf) -> Draw[int]:
    """Return a draw from a log-normal distribution in whole numbers, held between `least` and `most`."""
    normal = NormalDist(math.log(median), spread)
    return Draw([round(min(max(math.exp(q), least), most)) for q in _quantiles(normal)])


def triangular(least: float, mode: float, most: float) -> Draw[float]:
    """Return a draw from a triangular distribution, to three decimals."""
    rising = (mode - least) / (most - least)
    values = [
        least + math.sqrt(p * (most - least) * (mode - least))
        if p < rising
        else most - math.sqrt((1 - p) * (most - least) * (most - mode))
        for p in ((place + 0.5) / RESOLUTION for place in range(RESOLUTION))
    ]
    return Draw([round(value, 3) for value in values])


def _quantiles(normal: NormalDist) -> list[float]:
    return [normal.inv_cdf((place + 0.5) / RESOLUTION) for place in range(RESOLUTION)]


class Traffic:
    """The prepared figures; `traffic.json` says what they mean. `share` holds the plain probabilities."""

    def __init__(self, figures: Mapping[str, Any]) -> None:
        intents: Mapping[str, Sequence[float]] = figures["intents"]
        self.share: Mapping[str, float] = {
            name: figures[name]
            for name in (
                "concern_share",
                "degraded",
                "fallback",
                "guard_trigger",
                "refusal",
                "regeneration",
                "reporting_clients",
                "return_share",
                "second_session_same_day",
                "unscreened",
                "cache_hit",
            )
        }
        self.hour = weighted(dict(enumerate(figures["hours"])))
        self.first_intent = weighted({name: pair[0] for name, pair in intents.items() if pair[0]})
        self.later_intent = weighted({name: pair[1] for name, pair in intents.items() if pair[1]})
        self.template_share: Mapping[str, float] = figures["template_share"]
        self.clarify_share: Mapping[str, float] = figures["clarify_share"]
        self.continue_first: float = figures["continue"]["first"]
        self.continue_later: float = figures["continue"]["later"]
        self.most_turns: int = figures["most_turns"]
        self.pause_seconds = skewed(**figures["seconds_between_turns"])
        self.return_after_days = weighted(dict(enumerate(figures["return_after_days"], start=1)))
        self.device = weighted(figures["devices"])
        self.browser = weighted(figures["browsers"])
        self.referrer = weighted(figures["referrers"])
        self.locale = weighted(figures["locales"])
        self.page = weighted(figures["pages"])
        crisis = figures["crisis"]
        self.crisis_starts: float = crisis["starts"]
        self.crisis_level = weighted({int(level): weight for level, weight in crisis["levels"].items()})
        self.safe_exit: float = crisis["safe_exit"]
        self.vetted_share: float = crisis["vetted_share"]
        screen = figures["screen_model"]
        self.screen_asked: float = screen["asked"]
        self.screen_unparsed: float = screen["unparsed"]
        self.screen_ms = skewed(**screen["ms"])
        self.screen_tokens: tuple[int, int] = (screen["tokens_input"], screen["tokens_output"])
        self.quality = triangular(**figures["quality"])
        self.system_tokens: Mapping[str, int] = figures["system_tokens"]
        self.message_tokens = skewed(**figures["message_tokens"])
        self.history_tokens: int = figures["history_tokens_a_turn"]
        self.output_tokens = {name: skewed(**shape) for name, shape in figures["output_tokens"].items()}
        self.first_token_ms = {
            family: skewed(shape["first"], shape["spread"], 80, 7500)
            for family, shape in figures["model_ms"].items()
        }
        self.each_token_ms = {family: float(shape["each"]) for family, shape in figures["model_ms"].items()}
        self.own_ms = skewed(**figures["own_ms"])
        self.network_ms = skewed(**figures["network_ms"])
        rating = figures["rating"]
        self.rating_share: float = rating["share"]
        self.rating_again: float = rating["again"]
        self.rating = weighted({int(value): weight for value, weight in rating["values"].items()})
        delay = figures["rating_delay_minutes"]
        self.rating_delay_seconds = skewed(
            delay["median"] * 60, delay["spread"], delay["least"] * 60, delay["most"] * 60
        )
        self.rating_late_share: float = figures["rating_days_late"]["share"]
        self.rating_late_days: int = figures["rating_days_late"]["most"]
        self.nps_share: float = figures["nps"]["share"]
        self.nps = weighted(dict(enumerate(figures["nps"]["values"])))


@cache
def traffic() -> Traffic:
    """Return the figures of `traffic.json`."""
    return Traffic(json.loads(Path(__file__).with_name("traffic.json").read_text(encoding="utf-8")))
