"""The offline crisis screen on one message."""

import time
from collections.abc import Callable, Sequence

from silent_infinity.domain.crisis.lexicon import lexicon
from silent_infinity.domain.crisis.posture import Posture
from silent_infinity.domain.crisis.rules import screen_message
from silent_infinity.domain.crisis.screen import screen
from silent_infinity.domain.crisis.stages import LAYER_STAGES
from tests.benchmarks.figures import NANOSECONDS_PER_MS, Result, Row, median, percentile
from tests.benchmarks.messages import golden_messages, hostile_messages, long_messages
from tests.benchmarks.workshop import Workshop

REPETITIONS = 7
MOST_MS_GOLDEN = 2
MOST_MS_LONG = 20
MOST_MS_RULES_GOLDEN = 1
MOST_MS_RULES_LONG = 15
MOST_MS_RULES_HOSTILE = 10
HOSTILE_CHARACTERS = 10_000
HOSTILE_UNITS = (
    "not kill myself ",
    "kill myself ",
    "took all the ",
    "hope wish want to be not ",
    "iwanttobutnotkillmyselfbecause ",
    "knll myslef wamt ",
    "lol years ago i used to say monday ",
    "\"'i said \"'",
    "1",
)
HISTORY = (
    "I can't stop thinking about the argument with my manager, and I barely slept again.",
    "I said yes to another project although I promised myself to rest this spring.",
    "Every evening I sit in the car for half an hour because I cannot face going inside.",
)


def run(workshop: Workshop) -> Result:
    """Measure all golden messages and messages of the greatest length."""
    golden, long, hostile = golden_messages(), long_messages(), hostile_messages()
    normalise = lexicon("en").normalise
    for message in golden:  # patterns are compiled when a message first needs them
        _screen(message)
    endless = [(text * HOSTILE_CHARACTERS)[:HOSTILE_CHARACTERS] for text in (*hostile, *HOSTILE_UNITS)]
    with workshop.progress.step("Reading messages with the rules alone"):
        rules = [_timed(screen_message, messages) for messages in (golden, long, endless)]
        folded = [_timed(normalise, messages) for messages in (golden, long, endless)]
    with workshop.progress.step("Screening messages"):
        first = [_timed(_screen, golden), _timed(normalise, golden)]
        later = [_timed(_screen_with_history, golden)]
        largest = [_timed(_screen, long), _timed(normalise, long)]
        worst = [_timed(_screen, hostile), _timed(normalise, hostile)]
    return Result(
        title="the offline crisis screen on one message: rules and linear model",
        floor="the normaliser alone on the same message",
        rows=(
            Row(
                what=f"rules alone, {len(golden)} golden messages, p99",
                value=percentile(rules[0], 99),
                unit="ms",
                floor=percentile(folded[0], 99),
                most=MOST_MS_RULES_GOLDEN,
            ),
            Row(
                what=f"rules alone, {len(long)} messages of 4,000 characters, worst",
                value=max(rules[1]),
                unit="ms",
                floor=max(folded[1]),
                most=MOST_MS_RULES_LONG,
            ),
            Row(
                what=f"rules alone, {len(endless)} hostile ones of {HOSTILE_CHARACTERS:,} characters, worst",
                value=max(rules[2]),
                unit="ms",
                floor=max(folded[2]),
                most=MOST_MS_RULES_HOSTILE,
            ),
            Row(
                what=f"{len(golden)} golden messages, p50",
                value=percentile(first[0], 50),
                unit="ms",
                floor=percentile(first[1], 50),
            ),
            Row(
                what=f"{len(golden)} golden messages, p99",
                value=percentile(first[0], 99),
                unit="ms",
                floor=percentile(first[1], 99),
                most=MOST_MS_GOLDEN,
            ),
            Row(
                what="golden messages after three others, p99",
                value=percentile(later[0], 99),
                unit="ms",
                floor=percentile(first[1], 99),
                most=MOST_MS_GOLDEN,
            ),
            Row(
                what=f"{len(long)} messages of 4,000 characters, worst",
                value=max(largest[0]),
                unit="ms",
                floor=max(largest[1]),
                most=MOST_MS_LONG,
            ),
            Row(
                what=f"{len(hostile)} hostile messages of 4,000 characters, worst",
                value=max(worst[0]),
                unit="ms",
                floor=max(worst[1]),
                most=MOST_MS_LONG,
            ),
        ),
        notes=(
            f"Each message {REPETITIONS} times, its median; then the percentile over messages. Patterns are "
            "compiled before.",
            "The long messages are golden and everyday sentences joined, up to nothing but crisis language "
            "and its look-alikes; the hostile ones repeat what is hard to read (disguises, stretched words, "
            "other scripts, emoji, quotes).",
        ),
    )


def _screen(message: str) -> object:
    return screen(message, (), Posture(), "en-US", (), "seed", LAYER_STAGES)


def _screen_with_history(message: str) -> object:
    return screen(message, HISTORY, Posture(), "en-US", (), "seed", LAYER_STAGES)


def _timed(call: Callable[[str], object], messages: Sequence[str]) -> list[float]:
    """Return the median milliseconds of `call` on each message."""
    found = []
    for message in messages:
        samples = []
        for _ in range(REPETITIONS):
            started = time.perf_counter_ns()
            call(message)
            samples.append((time.perf_counter_ns() - started) / NANOSECONDS_PER_MS)
        found.append(median(samples))
    return found
