"""An OpenAI-compatible chat server on loopback whose replies, delays and failures a test writes out."""

import contextlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from silent_infinity.domain.prompts import bundled


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the server does with a request. `drip_seconds` is the pause between any two words."""

    text: str = ""
    status: int = 200
    drip_seconds: float = 0.0


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
    may be replaced at any time. `requests`, `screenings` and `observations` are what they were asked.
    """

    def __init__(
        self, script: Script, screen_script: Script = calm, sentinel_script: Script = unremarkable
    ) -> None:
        self.script = script
        self.screen_script = screen_script
        self.sentinel_script = sentinel_script
        self.requests: list[list[dict[str, str]]] = []
        self.screenings: list[list[dict[str, str]]] = []
        self.observations: list[list[dict[str, str]]] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                behaviour = owner._answer(body["messages"])
                self.send_response(behaviour.status)
                if behaviour.status != 200:
                    self.send_header("Content-Type", "application/json")
                    self.end_headers()
                    self.wfile.write(b'{"error": {"message": "scripted", "type": "server_error"}}')
                    return
                if not body.get("stream"):
                    self._answer_whole(body["model"], behaviour)
                    return
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                try:
                    for chunk in _chunks(body["model"], behaviour):
                        self.wfile.write(b"data: " + chunk + b"\n\n")
                        self.wfile.flush()
                        if behaviour.drip_seconds:
                            time.sleep(behaviour.drip_seconds)
                    self.wfile.write(b"data: [DONE]\n\n")
                except OSError:
                    return  # the caller ran out of patience, which is what a slow script is for

            def _answer_whole(self, model: str, behaviour: Behaviour) -> None:
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                time.sleep(behaviour.drip_seconds * len(behaviour.text.split(" ")))
                with contextlib.suppress(OSError):  # the caller ran out of patience
                    self.wfile.write(_whole(model, behaviour))

            def log_message(self, format: str, *args: Any) -> None:
                """Stay silent: requests are kept in `requests`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def _answer(self, messages: list[dict[str, str]]) -> Behaviour:
        asked = messages[0]["content"]
        if asked == bundled("crisis_screen").body:
            self.screenings.append(messages)
            return self.screen_script(messages)
        if asked == bundled("sentinel").body:
            self.observations.append(messages)
            return self.sentinel_script(messages)
        self.requests.append(messages)
        return self.script(messages)

    @property
    def base_url(self) -> str:
        """The URL that clients are configured with."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> "ModelServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _whole(model: str, behaviour: Behaviour) -> bytes:
    words = len(behaviour.text.split(" "))
    document = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": behaviour.text},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 120, "completion_tokens": words, "total_tokens": 120 + words},
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
        chunk({}, "stop"),
        chunk(
            {},
            usage={"prompt_tokens": 120, "completion_tokens": len(words), "total_tokens": 120 + len(words)},
        ),
    ]
