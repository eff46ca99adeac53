"""Run one kind of evaluation over files: checked first, then streamed, in the order of the lines."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from evaluation import gates, injection, mutated, pii, prompts, safety, turn_class
from evaluation.lines import Check, DataFile, Line, checked, read, written
from silent_infinity.ports.clock import Clock
from silent_infinity.settings import Settings

FORMAT: Final = 1
"""Raised when a figure of the summary changes its name or its meaning; new ones may come at any time."""

Summary = dict[str, Any]


class Evaluation(Protocol):
    """One run: lines go in, predictions come out, and at the end the figures."""

    def add(self, line: Line, source: str) -> Line:
        """Judge a checked line of the file `source`; returns it with what was predicted."""
        ...

    def summary(self) -> Summary:
        """Return all figures. No text of a line is among them."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """What can be evaluated. `label` is the field that makes a line an example of it.

    `mutate` starts an evaluation of the same lines as people mistype and disguise them, if that makes sense.
    `folder` is where the project's own sets and their gates are, seen from `tests/vectors`.
    """

    name: str
    title: str
    label: str
    check: Check
    start: Callable[[Settings], Evaluation]
    mutate: Callable[[Settings], mutated.MutationEvaluation] | None = None
    folder: str = "safety"


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind(
            "safety",
            "Crisis screen",
            "level",
            safety.problem,
            lambda settings: safety.SafetyEvaluation(safety.wired_screen(settings)),
            lambda settings: mutated.MutationEvaluation(safety.flags(settings)),
        ),
        Kind(
            "injection",
            "Injection guard",
            "label",
            injection.problem,
            lambda _settings: injection.InjectionEvaluation(),
        ),
        Kind("pii", "Personal data", "spans", pii.problem, lambda _settings: pii.PiiEvaluation()),
        Kind(
            "turn-class",
            "Turn class",
            "turn_class",
            turn_class.problem,
            lambda _settings: turn_class.TurnClassEvaluation(),
            folder="turn_class",
        ),
        Kind(
            "prompts",
            "Prompts",
            "turn_class",
            prompts.problem,
            prompts.PromptEvaluation,
            folder="../../prompts/golden",
        ),
    )
}


def files_for(kind: Kind, folder: Path) -> list[Path]:
    """Return the data files of a folder whose first line is labelled for this kind, by name."""
    return [path for path in sorted(folder.glob("*.jsonl")) if kind.label in _first_object(path)]


def check_files(kind: Kind, paths: Iterable[Path]) -> list[DataFile]:
    """Read every file once.

    Raises:
        LineError: a line cannot be used.
        OSError: a file cannot be read.
    """
    return [checked(path, kind.check) for path in paths]


def run(
    kind: Kind,
    files: Sequence[DataFile],
    settings: Settings,
    *,
    clock: Clock,
    predictions: Path | None = None,
    mutations: bool = False,
    on_line: Callable[[int], None] = lambda done: None,
) -> Summary:
    """Evaluate all lines of all files together and return the summary.

    `on_line` is told after each line how many are done. The predictions file is there only when all of it is.
    `mutations` adds figures of the lines as people mistype and disguise them.

    Raises:
        LineError: a file has changed since it was checked, and for the worse.
        OSError: a file cannot be read or written.
    """
    evaluation = kind.start(settings)
    changed = kind.mutate(settings) if mutations and kind.mutate else None
    done = 0
    with _whole_file(predictions) as out:
        for file in files:
            for line in read(file.path, kind.check):
                predicted = evaluation.add(line, file.name)
                if out:
                    out.write(written(predicted))
                if changed:
                    changed.add(line)
                done += 1
                on_line(done)
    return {
        "format": FORMAT,
        "made_at": clock.now().isoformat(timespec="seconds"),
        "data": [{"name": file.name, "lines": file.lines, "sha256": file.sha256} for file in files],
        **evaluation.summary(),
        **({"mutations": changed.summary()} if changed else {}),
    }


def gate_results(
    gated: gates.Gates, files: Sequence[DataFile], alone: Callable[[DataFile], Summary]
) -> list[gates.GateResult]:
    """Hold each gated file against its gates; a gated file that is not there breaks every one of them.

    `alone` returns the summary of one file without the others.
    """
    by_name = {file.name: file for file in files}
    results = []
    for name, figures in gated.items():
        file = by_name.get(name)
        results += gates.check(name, figures, alone(file) if file else {})
    return results


def _first_object(path: Path) -> Line:
    with path.open("rb") as file:
        for raw in file:
            if raw.strip():
                try:
                    value = json.loads(raw)
                except ValueError:
                    return {}
                return value if isinstance(value, dict) else {}
    return {}


@contextmanager
def _whole_file(path: Path | None) -> Iterator[BinaryIO | None]:
    """Open a neighbour of `path` and move it there at the end: data may be replaced by predictions."""
    if path is None:
        yield None
        return
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as out:
            yield out
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
