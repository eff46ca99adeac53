"""Requests count as HTTPS for bucket policies.

Gap: the bucket of ``cdk bootstrap`` denies requests without TLS, and the emulator is plain HTTP on
loopback, so publishing assets is refused when policies are enforced (``AUTH=true``).
Fix: every request carries ``x-forwarded-proto: https``, which the emulator's ``aws:SecureTransport`` looks
at.
"""

from __future__ import annotations

from typing import Any

from local.emulator import seams

SUMMARY = "requests count as HTTPS (x-forwarded-proto), as the bootstrap bucket's policy demands"


def install() -> None:
    """Wrap the ASGI application."""
    application = seams.module("app")
    serve = seams.original(application, "app")

    async def serve_as_https(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = [pair for pair in scope["headers"] if pair[0].lower() != b"x-forwarded-proto"]
            scope = {**scope, "headers": [*headers, (b"x-forwarded-proto", b"https")]}
        await serve(scope, receive, send)

    seams.replace(application, "app", serve_as_https)
