"""What each failure code of a draft means, in sentences that the next attempt is told."""

from collections.abc import Sequence

from silent_infinity import data

_FALLBACK = "quality.score"


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
