"""Own CPU of the six use cases of a turn, on in-memory adapters."""

import gc
import json
import time

from tests.benchmarks.figures import NANOSECONDS_PER_MS, Result, Row, percentile
from tests.benchmarks.recorded_turns import Recording, RepeatingModel, record, use_cases
from tests.benchmarks.workshop import Workshop

SESSIONS = 30
TURNS_EACH = 14
REPETITIONS = 5
MOST_MS_P50 = 5
MOST_MS_P99 = 20


def run(workshop: Workshop) -> Result:
    """Measure several hundred turns, each several times, and take each turn's median."""
    with workshop.progress.step("Recording turns", quiet=True):
        recording = record(SESSIONS, TURNS_EACH)
    functions: dict[str, list[float]] = {}
    turns: list[float] = []
    floors: list[float] = []
    with workshop.progress.step("Measuring the use cases"):
        # The first replay fills caches (compiled patterns, parsed lists) as the first turns of a process do.
        repetitions = [_replay(recording) for _ in range(REPETITIONS + 1)]
    for number, steps in enumerate(recording.turns):
        samples = [turns_ms[number] for turns_ms, _, _ in repetitions[1:]]
        turns.append(percentile([sum(sample) for sample in samples], 50))
        floors.append(percentile([floors_ms[number] for _, floors_ms, _ in repetitions[1:]], 50))
        for place, step in enumerate(steps):
            functions.setdefault(step.function, []).append(
                percentile([sample[place] for sample in samples], 50)
            )
    wrong = sum(differences for _, _, differences in repetitions)
    first = [sum(sample) for sample in repetitions[0][0]]
    return Result(
        title="own CPU of the six use cases together",
        floor="parsing and writing the same JSON payloads, which any code between two states must do",
        rows=(
            Row(
                what="a turn, p50",
                value=percentile(turns, 50),
                unit="ms",
                floor=percentile(floors, 50),
                most=MOST_MS_P50,
            ),
            Row(
                what="a turn, p99",
                value=percentile(turns, 99),
                unit="ms",
                floor=percentile(floors, 99),
                most=MOST_MS_P99,
            ),
            *(
                row
                for name, samples in functions.items()
                for row in (
                    Row(what=f"{name}, p50", value=percentile(samples, 50), unit="ms"),
                    Row(what=f"{name}, p99", value=percentile(samples, 99), unit="ms"),
                )
            ),
            Row(
                what="a turn with a message of 4,000 characters, p50",
                value=percentile([turns[place] for place in recording.longest], 50),
                unit="ms",
            ),
            Row(
                what="a turn of the first replay (nothing cached yet), p99",
                value=percentile(first, 99),
                unit="ms",
            ),
        ),
        notes=(
            f"{len(recording.turns)} turns of {SESSIONS} conversations ({TURNS_EACH} turns each), replies: "
            + ", ".join(f"{count} {kind}" for kind, count in sorted(recording.kinds.items()))
            + ". Messages come from the shared vectors; one in 8 is a paragraph, one in 20 has a risk in it, "
            "one in 100 has 4,000 characters. One reply of the model in 12 is poor and written again.",
            f"Process time, parsed payload in, payload out; the median of {REPETITIONS} replays for each "
            "turn, then the percentile over turns. The events are those that the real state machine handed "
            "over; its interpreter is not measured. The model returns at once.",
        ),
        failures=(f"{wrong} steps answered otherwise than when they were recorded",) if wrong else (),
    )


def _replay(recording: Recording) -> tuple[list[list[float]], list[float], int]:
    """Return milliseconds of each step of each turn, milliseconds of its JSON, and the steps that differ."""
    cases = use_cases(RepeatingModel(recording.replies))
    turns: list[list[float]] = []
    floors: list[float] = []
    different = 0
    gc.collect()
    for steps in recording.turns:
        spent: list[float] = []
        parsing = 0
        for step in steps:
            started = time.process_time_ns()
            event = json.loads(step.event)
            parsed = time.process_time_ns()
            output = cases[step.function](event)
            answered = time.process_time_ns()
            written = json.dumps(output)
            parsing += time.process_time_ns() - answered + parsed - started
            spent.append((answered - parsed) / NANOSECONDS_PER_MS)
            different += written != step.output
        turns.append(spent)
        floors.append(parsing / NANOSECONDS_PER_MS)
    return turns, floors, different
