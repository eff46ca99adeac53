"""A whole turn on the local stack, beside the emulator's own floor for as many invocations."""

from collections import Counter

from tests.benchmarks.emulator_floor import STORE_CALLS
from tests.benchmarks.figures import Result, Row
from tests.benchmarks.messages import LIVED
from tests.benchmarks.people import Person
from tests.benchmarks.traffic import Exchange, Series, send_all, warm_up
from tests.benchmarks.workshop import Workshop

COUNTS = {1: 25, 4: 60, 16: 128}
"""Clients at once to turns of a round."""

ROUNDS = 3
MOST_TIMES_FLOOR = 3


def run(workshop: Workshop) -> Result:
    """Measure turns and floors in turns, from one client and from several."""
    stack = workshop.stack
    with workshop.progress.step("Signing people in and warming up"):
        people = [Person(stack, f"talker-{number}", LIVED, number) for number in range(max(COUNTS))]
        exchanges: dict[str, Exchange] = {
            "turn": lambda client, connection: people[client].talk(connection),
            "rest": workshop.floor.through_rest(),
            "direct": workshop.floor.direct(),
            "storing": workshop.floor.storing(),
        }
        warm_up(exchanges["turn"])
        for person in people:
            person.accepted.clear()
    found: dict[tuple[str, int], Series] = {}
    with workshop.progress.step("Sending turns") as step:
        for number in range(ROUNDS):
            for clients, count in COUNTS.items():
                for name, exchange in exchanges.items():
                    step.say(f"round {number + 1} of {ROUNDS}, {clients} clients: {name}")
                    series = send_all(exchange, clients=clients, count=count)
                    before = found.get((name, clients))
                    found[name, clients] = before + series if before else series
    refused = Counter(
        status
        for (name, _), series in found.items()
        if name == "turn"
        for status, count in series.statuses.items()
        for _ in range(count)
        if status != 200
    )
    accepted = [turn for person in people for turn in person.accepted]
    kinds = Counter(turn["reply"]["kind"] for turn in accepted)
    again = sum(turn["quality"]["attempts"] != 1 for turn in accepted)
    sizes = ", ".join(f"{count} turns from {clients}" for clients, count in COUNTS.items())
    replies = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return Result(
        title="a turn on the local stack through HTTP, the composer in place of a model",
        floor="the same emulator with an Express machine of six functions that do nothing, in the shape of "
        "the turn (one, two side by side, three in a row), through a REST API with the turn's own templates "
        "and authorizer",
        rows=tuple(row for clients in COUNTS for row in _rows(clients, found)),
        notes=(
            f"{ROUNDS} rounds of {sizes} clients; turn and floors in turns, after a warm-up at every number "
            "of clients (no cold start is in the figures). Clients run on the same cores.",
            f"A turn also calls stores, {STORE_CALLS} times when its session goes on; the budget's floor "
            "does not. The machine with store calls (plain reads and writes of one small item; the turn's "
            "are conditional writes and transactions) shows how much of a turn that is.",
            f"Replies: {replies} (the composer's count as fallback); {again} were written more than once.",
        ),
        failures=tuple(f"{count} turns were answered {status}" for status, count in sorted(refused.items())),
    )


def _rows(clients: int, found: dict[tuple[str, int], Series]) -> list[Row]:
    turn, rest, direct, storing = (found[name, clients] for name in ("turn", "rest", "direct", "storing"))
    who = "1 client" if clients == 1 else f"{clients} clients"
    return [
        Row(
            what=f"{who}, p50",
            value=turn.ms(50),
            unit="ms",
            floor=rest.ms(50),
            most_times_floor=MOST_TIMES_FLOOR,
        ),
        Row(what=f"{who}, p95", value=turn.ms(95), unit="ms", floor=rest.ms(95)),
        Row(
            what=f"{who}, p50, beside StartSyncExecution without the API",
            value=turn.ms(50),
            unit="ms",
            floor=direct.ms(50),
        ),
        Row(
            what=f"{who}, p50, beside a machine with {STORE_CALLS} store calls, too",
            value=turn.ms(50),
            unit="ms",
            floor=storing.ms(50),
        ),
        Row(
            what=f"{who}, throughput",
            value=turn.per_second,
            unit="turns/s",
            floor=rest.per_second,
            more_is_better=True,
        ),
    ]
