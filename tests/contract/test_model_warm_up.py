"""The first turn of the day must not wait until a small machine has read the persona."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from local.model_server import MODEL_ALIAS
from local.model_server.warm_up import CLASSES, instructions, warm_up
from silent_infinity.adapters.memory.clock import FixedClock
from silent_infinity.adapters.system.prompts import PromptFiles
from silent_infinity.bootstrap import BUNDLED_PROMPTS
from silent_infinity.domain.initial_variants import initial_variants
from silent_infinity.domain.turn import Usage
from silent_infinity.domain.variants import production
from silent_infinity.ports.llm import ModelReply, ModelRequest
from silent_infinity.usecases.generate_reply import GenerateReply, GenerateRequest
from tests.support.world import START


class _Model:
    asked: ModelRequest

    def complete(self, request: ModelRequest) -> ModelReply:
        self.asked = request
        return ModelReply("Yes.", request.model_id, "scripted", Usage(), "stop", 1, 1)


def test_what_is_warmed_is_what_turns_send() -> None:
    """One character of difference, and all of it is read again."""
    texts = instructions()

    for text, turn_class in zip(texts, CLASSES, strict=True):
        model = _Model()
        generate = GenerateReply(
            model=model,
            prompts=PromptFiles(BUNDLED_PROMPTS),
            clock=FixedClock(START),
            server_model=MODEL_ALIAS,
        )
        variants = production(initial_variants())
        generate(GenerateRequest("turn-1", "hi", turn_class, 2_000_000_000_000, variants=variants))
        kept = "\n\n".join(block.text for block in model.asked.system[:2])

        assert text.startswith(kept)
    assert set(CLASSES) == {"TC3", "TC4", "TC5", "TC6"}


def test_every_class_is_asked_for_one_token() -> None:
    """The model has to read, and not to speak."""
    bodies: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        warm_up(server.server_port)
    finally:
        server.shutdown()
        server.server_close()

    assert [body["messages"][0]["content"] for body in bodies] == instructions()
    assert {body["max_tokens"] for body in bodies} == {1}


def test_a_server_that_is_not_there_is_no_error() -> None:
    """It may be told to stop while it still warms up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    warm_up(port)
