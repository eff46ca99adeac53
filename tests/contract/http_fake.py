"""A small HTTP server on the loopback interface that answers as it is told, byte for byte if need be."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


@dataclass(frozen=True)
class Received:
    """A request as it came in."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Answer:
    """What is sent back: `pieces` one after the other, `seconds_between` apart.

    With `chunked`, each piece is a chunk of its own, as services send streams. With `truncated`, the
    connection is closed before the end that was announced.
    """

    pieces: tuple[bytes, ...] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    seconds_between: float = 0.0
    seconds_before: float = 0.0
    chunked: bool = False
    truncated: bool = False


@dataclass
class HttpFake:
    """A running server. `answers` are given in order, the last one again and again."""

    url: str
    stopping: Event
    answers: list[Answer] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)

    def answer(self, *answers: Answer) -> None:
        """Say what is sent from now on."""
        self.answers[:] = answers

    def next_answer(self) -> Answer:
        """Return what to send now."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def json_answer(body: Any, status: int = 200, **headers: str) -> Answer:
    """Return an answer with a JSON body."""
    return Answer((json.dumps(body).encode(),), status, {"Content-Type": "application/json", **headers})


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what a test should see; a caller that gave up is what some tests are about."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def running() -> Iterator[HttpFake]:
    """Run a server for as long as the context lasts."""
    stopping = Event()
    fakes: list[HttpFake] = []
    server = _Server(("127.0.0.1", 0), _handler(fakes.__getitem__, stopping))
    server.daemon_threads = True
    fake = HttpFake(f"http://127.0.0.1:{server.server_port}", stopping)
    fakes.append(fake)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(fake_at: Callable[[int], HttpFake], stopping: Event) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            fake = fake_at(0)
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            fake.received.append(Received(self.path, headers, json.loads(raw or b"null")))
            self._send(fake.next_answer())

        def _send(self, answer: Answer) -> None:
            stopping.wait(answer.seconds_before)
            try:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.chunked:
                    self.send_header("Transfer-Encoding", "chunked")
                else:
                    length = sum(map(len, answer.pieces)) + (1000 if answer.truncated else 0)
                    self.send_header("Content-Length", str(length))
                self.end_headers()
                for piece in answer.pieces:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if answer.chunked else piece)
                    self.wfile.flush()
                    if stopping.wait(answer.seconds_between):
                        break
                if answer.chunked and not answer.truncated:
                    self.wfile.write(b"0\r\n\r\n")
            except OSError:
                pass  # the caller gave up, which is what some tests are about
            self.close_connection = self.close_connection or answer.truncated

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    return Handler
