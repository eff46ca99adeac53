"""Bad turns by what was wrong with them: how many, where, and whether they became more."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Failed:
    """Turns of one period with one failure, of one intent, class and model. A turn may have several failures.

    `example` is the id of one of them, for who wants to look at its event.
    """

    failure: str
    intent: str
    turn_class: str
    model_id: str
    turns: int
    example: str


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure: turns now and before, their shares of all turns, and where most of them are."""

    name: str
    turns: int
    turns_before: int
    share: float | None
    share_before: float | None
    most_in: Mapping[str, str] = field(default_factory=dict)
    example: str = ""

    @property
    def change(self) -> float | None:
        """How much the share grew; None if one of the periods has no turns."""
        if self.share is None or self.share_before is None:
            return None
        return self.share - self.share_before


@dataclass(frozen=True, slots=True)
class Grid:
    """Failures by classes or intents: the share of the column's turns that have the row's failure."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[float | None, ...]], ...]


def failures(
    now: Sequence[Failed], before: Sequence[Failed], turns: int, turns_before: int
) -> tuple[Failure, ...]:
    """Return every failure of either period, the most frequent first; `turns` are those of all turns."""
    counts, counts_before = _counts(now), _counts(before)
    return tuple(
        Failure(
            name=name,
            turns=counts[name],
            turns_before=counts_before[name],
            share=_share(counts[name], turns),
            share_before=_share(counts_before[name], turns_before),
            most_in=_most([row for row in now if row.failure == name]),
            example=min((row.example for row in now if row.failure == name and row.example), default=""),
        )
        for name in sorted({*counts, *counts_before}, key=lambda name: (-counts[name], name))
    )


def by_class(now: Sequence[Failed], turns: Mapping[str, int]) -> Grid:
    """Return the shares by turn class; `turns` has the turns of each class."""
    return _grid(now, turns, lambda row: row.turn_class)


def by_intent(now: Sequence[Failed], turns: Mapping[str, int]) -> Grid:
    """Return the shares by intent; `turns` has the turns of each intent."""
    return _grid(now, turns, lambda row: row.intent)


def _grid(now: Sequence[Failed], turns: Mapping[str, int], of: Callable[[Failed], str]) -> Grid:
    counts: Counter[tuple[str, str]] = Counter()
    for row in now:
        counts[row.failure, of(row)] += row.turns
    columns = tuple(sorted({name for name, count in turns.items() if count}))
    order = _counts(now)
    names = sorted(order, key=lambda name: (-order[name], name))
    rows = (
        (name, tuple(_share(counts[name, column], turns[column]) for column in columns)) for name in names
    )
    return Grid(columns, tuple(rows))


def _counts(rows: Iterable[Failed]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row.failure] += row.turns
    return counts


def _most(rows: Sequence[Failed]) -> dict[str, str]:
    found = {}
    for dimension in ("turn_class", "intent", "model_id"):
        counts: Counter[str] = Counter()
        for row in rows:
            counts[getattr(row, dimension)] += row.turns
        if counts:
            found[dimension] = min(counts, key=lambda name: (-counts[name], name))
    return found


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
