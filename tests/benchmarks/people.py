"""People who send turns to a local stack."""

import json
from collections.abc import Sequence
from itertools import count
from typing import Any

from local.stack.stack import LocalStack
from tests.benchmarks.traffic import Answer, Connection, Request

TURNS_OF_A_SESSION = 4


class Person:
    """Somebody who is signed in and talks: every few turns a new session.

    A person says `messages` one after another, beginning with the one at `first`, again and again.
    """

    def __init__(self, stack: LocalStack, name: str, messages: Sequence[str] = (), first: int = 0) -> None:
        self._url = f"{stack.api_url}/v1/turns"
        self._headers = {"Content-Type": "application/json", "Authorization": stack.id_token(name)}
        self._messages = messages
        self._next = count(first)
        self._session: str | None = None
        self._turns = 0
        self.accepted: list[dict[str, Any]] = []
        """The answers of all turns that were accepted."""

    def talk(self, connection: Connection) -> Answer:
        """Say the next message; after a few turns in a new session."""
        answer = self.say(self._messages[next(self._next) % len(self._messages)], connection)
        if self._turns >= TURNS_OF_A_SESSION:
            self.leave()
        return answer

    def say(self, message: str, connection: Connection) -> Answer:
        """Say something in the session that goes on, or as the first of a new one."""
        body = {"message": message, **({"session_id": self._session} if self._session else {})}
        answer = connection.send(Request(self._url, self._headers, json.dumps(body).encode()))
        if answer.status == 200:
            turn = json.loads(answer.body)
            self.accepted.append(turn)
            self._session = turn["session_id"]
            self._turns += 1
        return answer

    def leave(self) -> None:
        """End the session: the next message opens another."""
        self._session = None
        self._turns = 0
