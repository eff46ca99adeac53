"""The whole simulation: who comes on which day, and what arrives when."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random

from local.simulation.conversation import DAY_SECONDS, Conversations, Event, Person, Session
from local.simulation.scenario import Disorder, Scenario
from local.simulation.traffic import Traffic, traffic

EPOCH = date(1970, 1, 1)
TURN, FEEDBACK = "turn_events", "feedback"
SOON_SECONDS = 60
"""How long an event usually takes to be in the lake."""

AGAIN_SECONDS = 3 * 3600
"""Within how long a duplicate comes after the first copy."""


@dataclass(frozen=True, slots=True)
class Day:
    """The sessions that began on a day."""

    day: date
    sessions: list[Session]


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event as it comes into the lake. `stream` is TURN or FEEDBACK, `second` the seconds since 1970."""

    stream: str
    second: int
    event: Event


def days(scenario: Scenario, figures: Traffic | None = None) -> Iterator[Day]:
    """Write the sessions of one day after the other; within a day, by when they began.

    Only the people who will come back within a week are kept in memory.
    """
    figures = figures or traffic()
    random = Random(scenario.seed)
    conversations = Conversations(scenario, figures)
    expected: dict[date, list[Person]] = defaultdict(list)
    for number in range(scenario.days):
        day = scenario.first + timedelta(days=number)
        due = _share(scenario, number)
        back = expected.pop(day, [])
        visits = [(person, True) for person in back]
        while len(visits) < due:
            person = _person(random, figures)
            visits.append((person, False))
        again = figures.share["second_session_same_day"]
        times = sorted(
            ((_second(random, figures, day), person, returning) for person, returning in visits),
            key=lambda visit: visit[0],
        )
        sessions: list[Session] = []
        seen: set[str] = set()
        for second, somebody, known in times:
            person, returning = somebody, known
            # Somebody who comes twice takes the place of somebody new, so that the number of sessions holds.
            if not known and sessions and random.random() < again:
                person, returning = sessions[random.randrange(len(sessions))].person, True
            session = conversations.session(random, person, second, returning=returning)
            sessions.append(session)
            if person.user_id_hash in seen:
                continue
            seen.add(person.user_id_hash)
            after = conversations.returns(random, session.in_force)
            if after is not None:
                expected[day + timedelta(days=after)].append(person)
        yield Day(day, sessions)


def arrivals(day: Day, disorder: Disorder, seed: int) -> list[Arrival]:
    """Return what the day's sessions send to the lake, in the order of arrival.

    The order is that of the streams: a little shuffled, because shards are read side by side.
    """
    random = Random(f"{seed}:{day.day}")
    found: list[Arrival] = []
    for session in day.sessions:
        for stream, events, field in (
            (TURN, session.events, "recorded_at"),
            (FEEDBACK, session.feedback, "created_at"),
        ):
            for event in events:
                second = _second_of(event[field]) + random.randrange(1, SOON_SECONDS)
                if disorder.late and random.random() < disorder.late:
                    second += random.randrange(DAY_SECONDS, disorder.most_days * DAY_SECONDS + 1)
                found.append(Arrival(stream, second, event))
                if disorder.duplicates and random.random() < disorder.duplicates:
                    found.append(Arrival(stream, second + random.randrange(AGAIN_SECONDS), event))
    found.sort(key=lambda arrival: arrival.second)
    return found


def all_arrivals(scenario: Scenario) -> Iterator[Arrival]:
    """Return every arrival of a simulation, day by day of the sessions."""
    for day in days(scenario):
        yield from arrivals(day, scenario.disorder, scenario.seed)


def _share(scenario: Scenario, number: int) -> int:
    """Return how many sessions are due on a day: whole ones, that add up."""
    return scenario.sessions * (number + 1) // scenario.days - scenario.sessions * number // scenario.days


def _person(random: Random, figures: Traffic) -> Person:
    return Person(
        f"{random.getrandbits(256):064x}",
        figures.device(random),
        figures.browser(random),
        figures.locale(random),
        figures.referrer(random),
    )


def _second(random: Random, figures: Traffic, day: date) -> int:
    hour = figures.hour(random)
    return (day - EPOCH).days * DAY_SECONDS + hour * 3600 + random.randrange(3600)


def _second_of(iso: str) -> int:
    return int(datetime.fromisoformat(iso).replace(tzinfo=UTC).timestamp())
