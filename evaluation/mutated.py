"""How much of the risk that is found is still found when people type as people do."""

from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any, Final

from evaluation.lines import Line
from evaluation.metrics import Rate, rounded
from evaluation.mutations import MUTATIONS, Mutation, split
from silent_infinity.domain.crisis.verdict import RISK_LEVEL

SPLIT: Final = "split"

Flagged = Callable[[Line], bool]
"""Screens a line and tells whether it is flagged."""


class MutationEvaluation:
    """Takes lines one by one; those of a true level of 2 or more are screened once for every operator."""

    def __init__(self, flagged: Flagged, mutations: Mapping[str, Mutation] = MUTATIONS) -> None:
        self._flagged = flagged
        self._mutations = mutations
        self._hits = {name: [0, 0, 0] for name in (*mutations, SPLIT)}
        self._seen = 0

    def add(self, line: Line) -> None:
        """Screen a line in all its forms, if it is labelled as risk."""
        if (line.get("level") or 0) < RISK_LEVEL:
            return
        self._seen += 1
        unchanged = self._flagged(line)
        for name, text, history in self._forms(line):
            hits = self._hits[name]
            hits[0] += 1
            hits[1] += unchanged
            told = [(text, history)]
            if name == SPLIT:
                # Whoever is flagged by the first half is found: from there on the session is in crisis flow.
                told.insert(0, (history[-1], history[:-1]))
            hits[2] += any(self._flagged({**line, "text": said, "history": before}) for said, before in told)

    def summary(self) -> list[dict[str, Any]]:
        """Return for each operator what is flagged of the messages that it changed, before and after.

        `fall` is the difference of the two shares: 0.05 is five points less; null where nothing was changed.
        """
        return [
            {
                "name": name,
                "before": Rate(before, of).to_json(),
                "after": Rate(after, of).to_json(),
                "fall": rounded((before - after) / of) if of else None,
            }
            for name, (of, before, after) in self._hits.items()
        ]

    def _forms(self, line: Line) -> Iterable[tuple[str, str, list[str]]]:
        """Yield each operator's name, the changed text and what went before; unchanged texts are left out."""
        text, history = line["text"], list(line.get("history") or ())
        for name, mutation in self._mutations.items():
            changed = mutation(text, Random(f"{name} {self._seen}"))
            if changed != text:
                yield name, changed, history
        earlier, last = split(text, Random(f"{SPLIT} {self._seen}"))
        if earlier:
            yield SPLIT, last, [*history, *earlier]
