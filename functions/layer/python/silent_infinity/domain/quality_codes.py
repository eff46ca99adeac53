"""What each failure code of a draft means for the next attempt: in words, and in how it goes about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from silent_infinity import data

_FALLBACK = "quality.score"


@dataclass(frozen=True, slots=True)
class Approach:
    """How a second attempt differs from the first, by design and not by chance.

    `temperature` is a ceiling, `length` the share of the class's `max_tokens` that it may use, `plan` the
    steps that it is told, in order.
    """

    name: str
    temperature: float
    length: float
    plan: tuple[str, ...]


def second_attempt(template_id: str, failures: Sequence[str]) -> Approach:
    """Return the approach of the next attempt after `failures`.

    The first approach of `data/second_attempts.json` that is meant for one of the codes (or their group)
    decides; its steps come after those of the class, which `template_id` names.
    """
    table = data.load("second_attempts.json")
    groups = {code[: len(code) - cut] for code in failures for cut in _cuts(code)}
    chosen = next(
        (entry for entry in table["approaches"] if not groups.isdisjoint(entry["codes"])), table["otherwise"]
    )
    plan = (*table["plans"].get(template_id, ()), *chosen["plan"])
    return Approach(chosen["name"], chosen["temperature"], chosen["length"], plan)


def _cuts(code: str) -> list[int]:
    """Return how much to cut off `code` for itself and each of its groups: `a.b.c`, `a.b`, `a`."""
    return [0, *(len(code) - place for place, character in enumerate(code) if character == ".")]


def instructions_for(failures: Sequence[str]) -> list[str]:
    """Return what to tell the next attempt about `failures`, in plain sentences, each once.

    A code without a sentence of its own takes that of its group: `placeholder.bracket` that of `placeholder`.
    Codes that are not known here (a crisis guard's) are told what a crisis reply has to do.
    """
    table: dict[str, str] = data.load("quality.json")["instructions"]
    told: list[str] = []
    for code in failures:
        name = code
        while name and name not in table:
            name = name.rpartition(".")[0]
        told.append(table.get(name, table["crisis" if "crisis" in code else _FALLBACK]))
    return list(dict.fromkeys(told))
