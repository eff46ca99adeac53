"""An OpenAI-compatible chat server on loopback whose replies, delays and failures a test writes out."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from silent_infinity.domain.prompts import bundled

PROMPT_TOKENS = 120
"""What a request counts as, whatever is in it."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the server does with a request.

    `drip_seconds` is the pause between any two words, `first_byte_seconds` the one before anything at all is
    sent. With `dies_after`, the connection ends after so many pieces of a stream. `body` is sent as it
    stands, with status 200, in place of an answer. `finish` and `refusal` are the fields of those names,
    `model` is who answers (empty: the model that was asked). `error` is the code of a status other than 200.
    `prompt_tokens` is what the request counts as.
    """

    text: str = ""
    status: int = 200
    drip_seconds: float = 0.0
    first_byte_seconds: float = 0.0
    dies_after: int | None = None
    body: bytes | None = None
    finish: str = "stop"
    refusal: str = ""
    model: str = ""
    error: str = "scripted"
    prompt_tokens: int = PROMPT_TOKENS

    @property
    def output_tokens(self) -> int:
        """What a whole answer counts as: its words."""
        return len(self.text.split(" "))


Script = Callable[[list[dict[str, str]]], Behaviour]
"""Takes the request's messages, the system message first."""


def calm(_messages: list[dict[str, str]]) -> Behaviour:
    """Screen every message as one without risk."""
    return Behaviour('{"level": 0, "about_other": false}')


def unremarkable(_messages: list[dict[str, str]]) -> Behaviour:
    """Observe every turn as one in which nothing stands out."""
    return Behaviour(
        '{"emotion": "neutral", "valence": 0, "speech_act": "telling", "frustration": 0, "crisis_level": 0}'
    )


class ModelServer:
    """Serves `POST /v1/chat/completions`, streamed or whole.

    `script` writes replies, `screen_script` answers the crisis screen and `sentinel_script` the sentinel; all
    may be replaced at any time. `requests`, `screenings` and `observations` are what they were asked, and
    `asked` names the model of each of `requests`.
    """

    def __init__(
        self, script: Script, screen_script: Script = calm, sentinel_script: Script = unremarkable
    ) -> None:
        self.script = script
        self.screen_script = screen_script
        self.sentinel_script = sentinel_script
        self.requests: list[list[dict[str, str]]] = []
        self.asked: list[str] = []
        self.screenings: list[list[dict[str, str]]] = []
        self.observations: list[list[dict[str, str]]] = []
        self._recording = threading.Lock()
        self._server = self._listening(0)
        self._port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def base_url(self) -> str:
        """The URL that clients are configured with."""
        return f"http://127.0.0.1:{self._port}/v1"

    def forget(self) -> None:
        """Forget what was asked so far."""
        with self._recording:
            for asked in (self.requests, self.asked, self.screenings, self.observations):
                asked.clear()

    @contextmanager
    def gone(self) -> Iterator[None]:
        """Close the port: whoever connects is refused. Afterwards the server is back at the same port."""
        self._stop()
        try:
            yield
        finally:
            self._server = self._listening(self._port)
            self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
            self._thread.start()

    def __enter__(self) -> "ModelServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _listening(self, port: int) -> ThreadingHTTPServer:
        class Handler(_Handler):
            answer = staticmethod(self._answer)

        # Many callers at once: the default backlog of five would refuse some of them.
        class Server(ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True
            block_on_close = False

        return Server(("127.0.0.1", port), Handler)

    def _answer(self, body: dict[str, Any]) -> Behaviour:
        messages = body["messages"]
        system = messages[0]["content"]
        with self._recording:
            if system == bundled("crisis_screen").body:
                self.screenings.append(messages)
                script = self.screen_script
            elif system == bundled("sentinel").body:
                self.observations.append(messages)
                script = self.sentinel_script
            else:
                self.requests.append(messages)
                self.asked.append(body["model"])
                script = self.script
        return script(messages)


class _Handler(BaseHTTPRequestHandler):
    """Does what `answer` says."""

    protocol_version = "HTTP/1.0"
    answer: Callable[[dict[str, Any]], Behaviour]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        behaviour = self.answer(body)
        # The caller may run out of patience, which is what a slow script is for.
        with contextlib.suppress(OSError):
            time.sleep(behaviour.first_byte_seconds)
            model = behaviour.model or body["model"]
            if behaviour.status != 200:
                error = {"error": {"message": "scripted", "type": "server_error", "code": behaviour.error}}
                self._send(behaviour.status, "application/json", json.dumps(error).encode())
            elif not body.get("stream"):
                time.sleep(behaviour.drip_seconds * behaviour.output_tokens)
                whole = behaviour.body if behaviour.body is not None else _whole(model, behaviour)
                self._send(200, "application/json", whole)
            elif behaviour.body is not None:
                self._send(200, "text/event-stream", behaviour.body)
            else:
                self._stream(model, behaviour)

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, model: str, behaviour: Behaviour) -> None:
        self._send(200, "text/event-stream", b"")
        for place, chunk in enumerate(_chunks(model, behaviour)):
            if behaviour.dies_after is not None and place >= behaviour.dies_after:
                return
            self.wfile.write(b"data: " + chunk + b"\n\n")
            self.wfile.flush()
            time.sleep(behaviour.drip_seconds)
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent: the server keeps what it was asked."""


def _usage(behaviour: Behaviour) -> dict[str, int]:
    written = behaviour.output_tokens
    return {
        "prompt_tokens": behaviour.prompt_tokens,
        "completion_tokens": written,
        "total_tokens": behaviour.prompt_tokens + written,
    }


def _whole(model: str, behaviour: Behaviour) -> bytes:
    message = {"role": "assistant", "content": behaviour.text, "refusal": behaviour.refusal or None}
    document = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": behaviour.finish}],
        "usage": _usage(behaviour),
    }
    return json.dumps(document).encode()


def _chunks(model: str, behaviour: Behaviour) -> list[bytes]:
    def chunk(delta: dict[str, str], finish: str | None = None, usage: dict[str, int] | None = None) -> bytes:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}] if usage is None else []
        document = {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": model,
            "choices": choices,
            "usage": usage,
        }
        return json.dumps(document).encode()

    words = behaviour.text.split(" ")
    return [
        *(chunk({"content": word if place == 0 else f" {word}"}) for place, word in enumerate(words)),
        *([chunk({"refusal": behaviour.refusal})] if behaviour.refusal else []),
        chunk({}, behaviour.finish),
        chunk({}, usage=_usage(behaviour)),
    ]
