"""The local stack's own small model, served on a free port for as long as a test needs it."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local.stack.ports import LOOPBACK
from local.stack.services import MODEL_SERVER, is_ready


@contextmanager
def small_model_served() -> Iterator[str]:
    """Yield the base URL of a server that was just started; it ends with the block."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
    try:
        server = subprocess.Popen(  # noqa: S603 -- the local stack's own command
            MODEL_SERVER.command(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except FileNotFoundError:
        pytest.fail("The small model is not installed: `./run test` installs it.")
    try:
        deadline = time.monotonic() + MODEL_SERVER.start_seconds
        while not is_ready(MODEL_SERVER, port):
            assert server.poll() is None, "the model server ended at once"
            assert time.monotonic() < deadline, "the model server was not ready in time"
            time.sleep(0.1)
        yield f"http://{LOOPBACK}:{port}/v1"
    finally:
        server.terminate()
        server.wait(timeout=MODEL_SERVER.stop_seconds)
