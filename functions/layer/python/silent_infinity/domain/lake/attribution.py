"""Which turns, classes, models and variants the money of language models went to."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spent:
    """What calls of language models cost in one period, for one combination of what they are told apart by.

    Each call stands in exactly one of them: `category` is the one that decides which model serves its class,
    and `variant_id` the variant that did. `usd` is US dollars.
    """

    intent: str
    turn_class: str
    model_id: str
    provider: str
    category: str
    variant_id: str
    calls: int
    usd: float
    tokens_input: int = 0
    tokens_output: int = 0
    tokens_cache_read: int = 0
    tokens_cache_write: int = 0


DIMENSIONS: Mapping[str, Callable[[Spent], str]] = {
    "class": lambda spent: spent.turn_class,
    "intent": lambda spent: spent.intent,
    "model": lambda spent: spent.model_id,
    "variant": lambda spent: f"{spent.category} {spent.variant_id}",
}
"""What costs are attributed to, one at a time. Each adds up to the whole."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an attribution: what it cost now and the period before, in US dollars."""

    name: str
    calls: int
    usd: float
    usd_before: float

    @property
    def change(self) -> float:
        """How much more it cost than before."""
        return self.usd - self.usd_before


def total(spent: Iterable[Spent]) -> float:
    """Return what everything cost, in US dollars, whatever the order."""
    return math.fsum(part.usd for part in spent)


def attributed(now: Sequence[Spent], before: Sequence[Spent], by: Callable[[Spent], str]) -> tuple[Line, ...]:
    """Return one line for each name that `by` gives, the dearest first. The lines add up to the totals."""
    calls: dict[str, int] = {}
    sums: dict[str, tuple[list[float], list[float]]] = {}
    for side, rows in enumerate((now, before)):
        for row in rows:
            name = by(row)
            sums.setdefault(name, ([], []))[side].append(row.usd)
            if side == 0:
                calls[name] = calls.get(name, 0) + row.calls
    lines = (
        Line(name, calls.get(name, 0), math.fsum(parts[0]), math.fsum(parts[1]))
        for name, parts in sums.items()
    )
    return tuple(sorted(lines, key=lambda line: (-line.usd, -line.usd_before, line.name)))


def movers(now: Sequence[Spent], before: Sequence[Spent], most: int) -> tuple[Line, ...]:
    """Return the combinations of class, model and variant whose cost moved most, either way."""
    lines = attributed(now, before, lambda row: f"{row.turn_class} · {row.model_id} · {row.variant_id}")
    moved = sorted(lines, key=lambda line: (-abs(line.change), line.name))
    return tuple(line for line in moved if line.change)[:most]


def cache_read_share(spent: Iterable[Spent]) -> float | None:
    """Return the share of all input tokens that came from the provider's cache; None without input."""
    read = whole = 0
    for row in spent:
        read += row.tokens_cache_read
        whole += row.tokens_input + row.tokens_cache_read + row.tokens_cache_write
    return read / whole if whole else None
