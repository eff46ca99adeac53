"""Loopback ports: chosen once, remembered by the caller, re-chosen only when something else sits on them."""

from __future__ import annotations

import random
import socket

LOOPBACK = "127.0.0.1"
# Below the ranges from which systems take ports for outgoing connections: one of those may sit, for a moment,
# on a port that was remembered.
CANDIDATES = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # A port whose last connections are fading away is free for a server that sets the same option.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose(remembered: int | None) -> int:
    """The remembered port if it is free, else a free one."""
    if remembered is not None and is_free(remembered):
        return remembered
    return next(port for port in random.sample(CANDIDATES, len(CANDIDATES)) if is_free(port))
