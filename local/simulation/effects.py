"""Effects that are planted: how much a metric is off for the units of one variant."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from silent_infinity.domain.variant_categories import categories

_FORM = re.compile(r"([A-Z][A-Z_]*):([^:\s]+):([a-z0-9_]+):([+-]\d+(?:\.\d+)?)(%?)")

CHANCES = frozenset({
    "completion", "crisis_flag", "degraded", "fallback", "guard_trigger", "json_parse", "regeneration",
    "return_7d", "satisfaction",
})  # fmt: skip
"""Rates: the effect is added to the chance, so that +0.05 is five points."""

AMOUNTS: Mapping[str, float] = {
    "cost_usd": 10.0,
    "latency_first_token_ms": 20_000,
    "latency_total_ms": 60_000,
    "quality": 0.3,
    "rating": 1.0,
    "tokens_input": 100_000,
    "tokens_output": 100_000,
    "turns": 20,
}
"""Means, with the most that can be planted; see `planting` for what an effect is added to."""

RELATIVE = frozenset({
    "cost_usd", "latency_first_token_ms", "latency_total_ms", "tokens_input", "tokens_output",
})  # fmt: skip
"""Means that may be given in percent: every value is multiplied."""


@dataclass(frozen=True, slots=True)
class Effect:
    """`size` is added to the metric in its own unit; with `relative`, it is a share (0.1: ten percent)."""

    category: str
    variant_id: str
    metric: str
    size: float
    relative: bool = False


class EffectError(ValueError):
    """An effect cannot be planted. The message is for the person who asked for it."""


def parsed(text: str) -> Effect:
    """Read `CATEGORY:VARIANT:METRIC:+X` (or `-X`, or `+X%`).

    Raises:
        EffectError: it has another form, or asks for what no simulated person can do.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise EffectError(f"{text!r} is not CATEGORY:VARIANT:METRIC:+X, such as LLM_MODEL:opus:rating:+0.2.")
    category, variant_id, metric, number, percent = match.groups()
    if category not in categories():
        raise EffectError(f"There is no category {category}.")
    size = float(number) / (100 if percent else 1)
    _check(metric, size, relative=bool(percent))
    return Effect(category, variant_id, metric, size, relative=bool(percent))


def _check(metric: str, size: float, *, relative: bool) -> None:
    if metric not in CHANCES and metric not in AMOUNTS:
        known = ", ".join(sorted(CHANCES | AMOUNTS.keys()))
        raise EffectError(f"No effect can be planted on {metric}; on these it can: {known}.")
    if relative and metric not in RELATIVE:
        raise EffectError(f"An effect on {metric} is given in its own unit, not in percent.")
    if metric == "turns" and size < 0:
        raise EffectError("Turns can be added, not taken away.")
    most = 1.0 if metric in CHANCES or relative else AMOUNTS[metric]
    if abs(size) > most:
        raise EffectError(f"An effect on {metric} lies between -{most:g} and +{most:g}.")


class Planted:
    """The effects of a simulation by what they depend on. Several on one metric add up."""

    def __init__(self, effects: Iterable[Effect] = ()) -> None:
        self.effects = tuple(effects)
        self._by_metric: dict[str, list[Effect]] = {}
        for effect in self.effects:
            self._by_metric.setdefault(effect.metric, []).append(effect)

    def __bool__(self) -> bool:
        return bool(self.effects)

    def on(self, metric: str) -> list[Effect]:
        """Return the effects on a metric."""
        return self._by_metric.get(metric, [])

    def added(self, metric: str, variants: Mapping[str, str]) -> float:
        """Return what is added to the metric where these variants hold (category to variant)."""
        total = 0.0
        for effect in self._by_metric.get(metric, ()):
            if not effect.relative and variants.get(effect.category) == effect.variant_id:
                total += effect.size
        return total

    def factor(self, metric: str, variants: Mapping[str, str]) -> float:
        """Return what the metric is multiplied with where these variants hold."""
        product = 1.0
        for effect in self._by_metric.get(metric, ()):
            if effect.relative and variants.get(effect.category) == effect.variant_id:
                product *= 1 + effect.size
        return product
