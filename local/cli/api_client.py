"""Use the deployed REST API as a client would: HTTP with the demo user's ID token, nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from local.stack import LocalStack
from local.stack.state import write_atomically
from local.tools.errors import LocalError

ANSWER_SECONDS = 40.0  # the API's own ceiling is 29 s
REMEMBERED_TURNS = 50
TURNS_FILE = "turns.json"


class RefusedError(LocalError):
    """The API answered with a problem document (RFC 9457)."""

    def __init__(self, problem: dict[str, Any], status: int) -> None:
        self.status = status
        parts = [str(problem.get("title") or problem.get("message") or "no reason given")]
        parts += [str(problem["detail"])] if problem.get("detail") else []
        parts += [f"{v.get('path')}: {v.get('keyword')}" for v in problem.get("violations", [])]
        said = "; ".join(part.rstrip(".") for part in parts)
        help_text = problem.get("help", {}).get("text", "")
        remedy = (
            "Sign-in may have changed: `./run deploy -e local`." if status == httpx.codes.UNAUTHORIZED else ""
        )
        super().__init__(f"The API refused with {status}: {said}.", help_text or remedy)


@dataclass
class ApiClient:
    """Calls the API of a local stack; keeps the identifiers (never the text) of the last turns."""

    stack: LocalStack
    user: str = "demo"
    _http: httpx.Client = field(
        # The API is on loopback: a proxy of the surroundings has no business with it.
        default_factory=lambda: httpx.Client(timeout=ANSWER_SECONDS, trust_env=False)
    )

    def turn(
        self, message: str, *, session: str | None = None, locale: str | None = None, key: str | None = None
    ) -> dict[str, Any]:
        """Send one message; the answer as the API gives it.

        `session` is a session id, "last" for the session of the latest turn, or None for a new session.
        Raises RefusedError when the API refuses, LocalError when it does not answer.
        """
        body = {"message": message}
        if session is not None:
            body["session_id"] = self._last_session() if session == "last" else session
        if locale is not None:
            body["locale"] = locale
        answer = self._call("POST", "/v1/turns", body, {"Idempotency-Key": key} if key else {})
        self._remember(answer)
        return answer

    def feedback(
        self,
        turn: str | None,
        *,
        session: str | None,
        rating: float | None,
        nps: int | None,
        text: str | None,
    ) -> dict[str, Any]:
        """Rate a turn (by default the latest) or its session."""
        known = self._turns()
        turn = turn or next(reversed(known), None)
        if turn is None:
            raise LocalError("No turn is known to rate.", 'Send one first: `./run turn "…"`.')
        session = session or known.get(turn)
        if session is None:
            raise LocalError(f"The session of turn {turn} is not known here.", "Name it with `--session ID`.")
        given: dict[str, Any] = {"rating": rating, "nps": nps, "text": text}
        body = {"session_id": session, "turn_id": turn, **{k: v for k, v in given.items() if v is not None}}
        return self._call("POST", "/v1/feedback", body, {})

    def _call(self, method: str, path: str, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
        token = self.stack.id_token(self.user)
        try:
            response = self._http.request(
                method, f"{self.stack.api_url}{path}", json=body, headers={"Authorization": token, **headers}
            )
        except httpx.HTTPError as error:
            raise LocalError(
                f"The API of the local stack did not answer ({type(error).__name__}).",
                "`./run status` shows what runs, `./run logs` what the functions said.",
            ) from error
        try:
            document = response.json()
        except ValueError:
            document = {"title": response.text[:200]}
        if not isinstance(document, dict):
            document = {"title": str(document)[:200]}
        if response.is_error:
            raise RefusedError(document, response.status_code)
        return document

    def _turns(self) -> dict[str, str]:
        try:
            turns = json.loads(self._turns_file.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return turns if isinstance(turns, dict) else {}

    def _last_session(self) -> str:
        session = next(reversed(self._turns().values()), None)
        if session is None:
            raise LocalError("There is no last session.", "Leave `--session` out to open a new one.")
        return session

    def _remember(self, answer: dict[str, Any]) -> None:
        turns = {**self._turns(), answer["turn_id"]: answer["session_id"]}
        kept = dict(list(turns.items())[-REMEMBERED_TURNS:])
        write_atomically(self._turns_file, json.dumps(kept, indent=2) + "\n")

    @property
    def _turns_file(self) -> Path:
        return self.stack.home / TURNS_FILE
