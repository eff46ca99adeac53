"""HTTP traffic from several clients at once, each with a connection of its own."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.benchmarks.figures import percentile

NO_ANSWER = 0
"""The status of a request that was not answered at all."""

ANSWER_SECONDS = 40.0  # longer than the API's own ceiling of 29 s, so that its answer is seen
RAMP = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Request:
    """A POST. `url` is whole."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What came back, and after how many milliseconds."""

    status: int
    body: bytes
    ms: float


@dataclass(frozen=True)
class Series:
    """The answers to many requests, and how many seconds they took together."""

    answers: tuple[Answer, ...]
    seconds: float

    def ms(self, percent: float) -> float:
        """Return a percentile of the latencies in milliseconds."""
        return percentile([answer.ms for answer in self.answers], percent)

    @property
    def per_second(self) -> float:
        """The throughput in requests a second."""
        return len(self.answers) / self.seconds

    @property
    def statuses(self) -> dict[int, int]:
        """How many requests were answered with which status."""
        return dict(sorted(Counter(answer.status for answer in self.answers).items()))

    def __add__(self, other: "Series") -> "Series":
        return Series((*self.answers, *other.answers), self.seconds + other.seconds)


class Connection:
    """A client: sends over one kept connection, and opens it again when the server closed it."""

    def __init__(self) -> None:
        self._connection: http.client.HTTPConnection | None = None

    def send(self, request: Request) -> Answer:
        """Send a request and read its answer. No answer is an answer with the status `NO_ANSWER`."""
        parts = urlsplit(request.url)
        started = time.perf_counter()
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(parts.netloc, timeout=ANSWER_SECONDS)
            path = parts.path or "/"
            self._connection.request("POST", path, body=request.body, headers=dict(request.headers))
            response = self._connection.getresponse()
            status, body = response.status, response.read()
        except (OSError, http.client.HTTPException):
            # Never sent again: a turn that may have been taken must not be counted as one.
            self.close()
            status, body = NO_ANSWER, b""
        return Answer(status, body, (time.perf_counter() - started) * 1000)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


Exchange = Callable[[int, Connection], Answer]
"""Sends one request of a client (0 and up) over its connection, and gives the answer."""


def send_all(exchange: Exchange, *, clients: int, count: int) -> Series:
    """Make `count` exchanges from `clients` clients, each as soon as it has its last answer."""
    numbers = iter(range(count))
    lock = threading.Lock()

    def work(client: int) -> list[Answer]:
        connection = Connection()
        answers: list[Answer] = []
        try:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return answers
                answers.append(exchange(client, connection))
        finally:
            connection.close()

    return together(work, range(clients))


def together(work: Callable[[int], Sequence[Answer]], clients: range) -> Series:
    """Run `work` for every client at the same time."""
    started = time.perf_counter()
    with ThreadPoolExecutor(max_workers=len(clients)) as pool:
        answers = [answer for found in pool.map(work, clients) for answer in found]
    return Series(tuple(answers), time.perf_counter() - started)


def warm_up(exchange: Exchange, most: int = RAMP[-1]) -> None:
    """Start what answers, ever more at once, so that no cold start is measured."""
    for clients in RAMP:
        if clients <= most:
            send_all(exchange, clients=clients, count=3 * clients)
