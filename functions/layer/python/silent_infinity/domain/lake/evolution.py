"""How the columns of an event may change: by new ones at the end, in the event and in its structs.

Objects and items of months lie behind the current release, and functions of the release before run beside it
during a gradual deployment. Columns are found by their names, so what an older object lacks is null, and what
an older reader does not know it leaves out. Anything else - a column that goes, moves, gets another name or
another type - would change what is already written.
"""

from collections.abc import Iterator, Sequence

from silent_infinity.domain.lake.hive_types import Array, HiveType, Map, Scalar, Struct, parse
from silent_infinity.domain.lake.model import Column

Paths = list[list[str]]
"""Path and type of every column and of every part of one, in order."""


def paths(columns: Sequence[Column]) -> Paths:
    """Return the columns with all their parts: `latency_ms.total_ms`, `model_calls[].notes[]`."""
    return [[path, kind] for column in columns for path, kind in _parts(column.name, parse(column.type))]


def breaches(before: Sequence[Sequence[str]], after: Sequence[Sequence[str]]) -> list[str]:
    """Return what changed between two versions and must not, in words; nothing if all is well."""
    kinds = {column[0]: column[1] for column in after}
    found = [
        f"{path} is gone" if path not in kinds else f"{path} was {kind} and is {kinds[path]}"
        for path, kind in before
        if kinds.get(path) != kind
    ]
    siblings = _siblings(after)
    for parent, names in _siblings(before).items():
        still = [name for name in names if name in kinds]
        if siblings.get(parent, [])[: len(still)] != still:
            found.append(f"the order in {parent or 'the event'} has changed")
    return found


def _parts(path: str, kind: HiveType) -> Iterator[tuple[str, str]]:
    match kind:
        case Scalar(name):
            yield path, name
        case Array(element):
            yield path, "array"
            yield from _parts(f"{path}[]", element)
        case Map(key, value):
            yield path, "map"
            yield from _parts(f"{path}{{key}}", key)
            yield from _parts(f"{path}{{value}}", value)
        case Struct(members):
            yield path, "struct"
            for name, member in members:
                yield from _parts(f"{path}.{name}", member)


def _siblings(version: Sequence[Sequence[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path, _ in version:
        found.setdefault(path.rpartition(".")[0], []).append(path)
    return found
