"""A thousand turns from many clients at once: nothing may fail, and nothing may be lost or recorded twice."""

import queue
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from local.stack.stack import LocalStack
from tests.benchmarks.figures import Result, Row
from tests.benchmarks.messages import everyday_messages, long_messages, paragraph_messages, risk_messages
from tests.benchmarks.people import Person
from tests.benchmarks.traffic import NO_ANSWER, Answer, Connection, Series, send_all, together, warm_up
from tests.benchmarks.workshop import Workshop

TURNS = 1000
CLIENTS = 16
PEOPLE = 48
LONGEST_SESSION = 8
FLOOR_COUNT = 320
SERVER_ERROR = 500
# A message of the redrive queue that fails once is seen again after three minutes.
PATIENCE_SECONDS = 240
POLL_SECONDS = 2


@dataclass(frozen=True)
class Conversation:
    """A session: who says what in it."""

    person: int
    messages: tuple[str, ...]


@dataclass(frozen=True)
class Records:
    """What the tables hold of some sessions: turn events as (turn id, session id), and counted turns."""

    events: tuple[tuple[str, str], ...]
    counted: Mapping[str, int]


def run(workshop: Workshop) -> Result:
    """Send the turns, wait until all of them are recorded, and hold the records against the answers."""
    stack, floor = workshop.stack, workshop.floor.through_rest()
    talks = conversations()
    with workshop.progress.step("Signing people in and warming up"):
        people = [Person(stack, f"loader-{number}") for number in range(PEOPLE)]
        warm_up(lambda client, connection: people[client].say("I feel tired today.", connection))
        for person in people:
            person.leave()
            person.accepted.clear()
    with workshop.progress.step(f"Sending {TURNS:,} turns from {CLIENTS} clients") as step:
        before = send_all(floor, clients=CLIENTS, count=FLOOR_COUNT)
        series = _send(people, talks, step.say)
        after = send_all(floor, clients=CLIENTS, count=FLOOR_COUNT)
    accepted = [turn for person in people for turn in person.accepted]
    with workshop.progress.step("Waiting for the records"):
        waited = _wait_for_records(stack, accepted)
    records = _records(stack, {turn["session_id"] for turn in accepted})
    both = before + after
    kinds = Counter(turn["reply"]["kind"] for turn in accepted)
    levels = Counter(turn["crisis"]["level"] for turn in accepted)
    return Result(
        title=f"{TURNS:,} turns from {CLIENTS} clients at once on the local stack, the composer as the model",
        floor=f"{2 * FLOOR_COUNT} executions of six functions that do nothing (see local-turn) from as many "
        "clients, half of them before and half after",
        rows=(
            *(
                Row(what=f"latency p{percent}", value=series.ms(percent), unit="ms", floor=both.ms(percent))
                for percent in (50, 95, 99)
            ),
            Row(
                what="throughput",
                value=series.per_second,
                unit="turns/s",
                floor=both.per_second,
                more_is_better=True,
            ),
            Row(what="turns accepted", value=len(accepted), unit="turns"),
            Row(what="answers 5xx, or none", value=_broken(series), unit="turns", most=0),
            Row(what="turn events of these sessions", value=len(records.events), unit="events"),
            Row(what="until every record was there", value=waited, unit="s"),
        ),
        notes=(
            f"{PEOPLE} people in {len(talks)} sessions of 1-{LONGEST_SESSION} turns. Answers: "
            f"{_counted(series.statuses, 'x')}. Replies: {_counted(kinds)}. Crisis levels: "
            f"{_counted(levels, 'at')}.",
            "Warm functions; clients run on the same cores. Only wrong results can fail: there may be no "
            "5xx, there is exactly one turn event for every accepted turn, and sessions count turns once.",
        ),
        failures=tuple(disagreements(accepted, records)) + _bad_answers(series),
    )


def conversations() -> list[Conversation]:
    """Return sessions of everyday messages, some long, some with a risk, `TURNS` turns together."""
    random = Random(31)
    everyday, risky = everyday_messages(), risk_messages()
    long = [*paragraph_messages(), *long_messages()]
    found: list[Conversation] = []
    left = TURNS
    while left:
        size = min(left, random.randint(1, LONGEST_SESSION))
        messages = [
            random.choice(random.choices((everyday, risky, long), weights=(80, 12, 8))[0])
            for _ in range(size)
        ]
        found.append(Conversation(random.randrange(PEOPLE), tuple(messages)))
        left -= size
    return found


def disagreements(accepted: Sequence[Mapping[str, Any]], records: Records) -> list[str]:
    """Say where answers and records do not agree; an empty list says that they do."""
    found = []
    answered = Counter(turn["turn_id"] for turn in accepted)
    recorded = Counter(turn_id for turn_id, _ in records.events)
    for what, number in (
        ("accepted turns have no turn event", len(answered.keys() - recorded.keys())),
        ("turn events belong to no accepted turn", len(recorded.keys() - answered.keys())),
        ("turn ids were given to two answers", sum(count > 1 for count in answered.values())),
        ("turns have two turn events", sum(count > 1 for count in recorded.values())),
    ):
        if number:
            found.append(f"{number} {what}")
    per_session = Counter(turn["session_id"] for turn in accepted)
    wrong = [session for session, count in per_session.items() if records.counted.get(session) != count]
    if wrong:
        found.append(f"{len(wrong)} sessions count more or fewer turns than were accepted")
    return found


def _send(people: Sequence[Person], talks: Iterable[Conversation], say: Any) -> Series:
    """Let every client hold one conversation after another.

    A person is in one conversation at a time, as people are.
    """
    waiting: queue.SimpleQueue[Sequence[Conversation]] = queue.SimpleQueue()
    by_person: dict[int, list[Conversation]] = {}
    for talk in talks:
        by_person.setdefault(talk.person, []).append(talk)
    for talks_of_one in sorted(
        by_person.values(), key=lambda each: -sum(len(talk.messages) for talk in each)
    ):
        waiting.put(talks_of_one)
    done = 0

    def work(_client: int) -> list[Answer]:
        nonlocal done
        connection = Connection()
        answers: list[Answer] = []
        try:
            while True:
                try:
                    talks_of_one = waiting.get_nowait()
                except queue.Empty:
                    return answers
                for talk in talks_of_one:
                    for message in talk.messages:
                        answers.append(people[talk.person].say(message, connection))
                        done += 1
                        say(f"{done} of {TURNS}")
                    people[talk.person].leave()
        finally:
            connection.close()

    return together(work, range(CLIENTS))


def _counted(found: Mapping[Any, int], between: str = "") -> str:
    return ", ".join(" ".join(f"{count} {between} {what}".split()) for what, count in sorted(found.items()))


def _broken(series: Series) -> int:
    return sum(answer.status >= SERVER_ERROR or answer.status == NO_ANSWER for answer in series.answers)


def _bad_answers(series: Series) -> tuple[str, ...]:
    return tuple(
        f"{count} turns were answered {status or 'not at all'}"
        for status, count in series.statuses.items()
        if status >= SERVER_ERROR or status == NO_ANSWER
    )


def _wait_for_records(stack: LocalStack, accepted: Sequence[Mapping[str, Any]]) -> float:
    """Wait until every turn has its event and the queue of unrecorded turns is empty; returns seconds."""
    started = time.monotonic()
    wanted = {turn["turn_id"] for turn in accepted}
    while time.monotonic() - started < PATIENCE_SECONDS:
        recorded = {item["turn_id"]["S"] for item in _scan(stack, "TurnEvents", "turn_id")}
        if wanted <= recorded and not _queued(stack):
            break
        time.sleep(POLL_SECONDS)
    return time.monotonic() - started


def _queued(stack: LocalStack) -> int:
    """Return how many turns wait to be recorded, those that are being worked on included."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.outputs["UnrecordedTurnsQueueUrl"], AttributeNames=names
    )
    return sum(int(answer["Attributes"][name]) for name in names)


def _records(stack: LocalStack, sessions: set[str]) -> Records:
    events = [
        (item["turn_id"]["S"], item["session_id"]["S"])
        for item in _scan(stack, "TurnEvents", "turn_id, session_id")
        if item["session_id"]["S"] in sessions
    ]
    metas = _scan(stack, "Conversations", "sk, session_id, #state", {"#state": "state"})
    counted = {
        item["session_id"]["S"]: int(item["state"]["M"]["turn_count"]["N"])
        for item in metas
        if item["sk"]["S"] == "META" and item["session_id"]["S"] in sessions
    }
    return Records(tuple(events), counted)


def _scan(
    stack: LocalStack, table: str, fields: str, names: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    arguments = {"ExpressionAttributeNames": dict(names)} if names else {}
    pages = (
        stack.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=stack.outputs[f"{table}TableName"],
            ProjectionExpression=fields,
            ConsistentRead=True,
            **arguments,
        )
    )
    return [item for page in pages for item in page["Items"]]
