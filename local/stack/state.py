"""What a local stack remembers between commands: one small JSON file in its home, replaced atomically."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local.stack.processes import Identity
from local.tools.errors import LocalError

STATE_FILE = "stack.json"
LOCK_FILE = "stack.lock"


@dataclass(frozen=True)
class RunningService:
    """A service that `up` started: its process, and what its program was made of then."""

    process: Identity
    program: str


@dataclass
class StackState:
    """Everything in the state file. Unknown to a newer or older version means: forgotten, and made again."""

    model: str | None = None
    ports: dict[str, int] = field(default_factory=dict)
    services: dict[str, RunningService] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)


def load_state(home: Path) -> StackState:
    """The state of the stack in `home`; an empty one where there is none.

    Raises LocalError when the file is damaged, because it names processes that may still run.
    """
    path = home / STATE_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return StackState()
    except ValueError as error:
        raise LocalError(
            f"The state of the local stack in {path} cannot be read ({error}).",
            "End the processes that `ps` shows for local.emulator and local.model_server, delete the file, "
            "and start again.",
        ) from error
    return _state_from(document)


def _state_from(document: dict[str, Any]) -> StackState:
    services = {
        name: RunningService(Identity(entry["pid"], entry["started"]), entry["program"])
        for name, entry in document.get("services", {}).items()
    }
    return StackState(
        model=document.get("model"),
        ports=document.get("ports", {}),
        services=services,
        outputs=document.get("outputs", {}),
    )


def save_state(home: Path, state: StackState) -> None:
    """Write the state so that a reader sees the old or the new one, never half of it."""
    document = asdict(state)
    document["services"] = {
        name: {"pid": service.process.pid, "started": service.process.started, "program": service.program}
        for name, service in state.services.items()
    }
    write_atomically(home / STATE_FILE, json.dumps(document, indent=2) + "\n")


def write_atomically(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace a file in one step; it never exists with wider permissions than `mode`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as sink:
        sink.write(text)
    draft.replace(path)


@contextmanager
def exclusive(home: Path) -> Iterator[None]:
    """Hold the stack for one command: others that change it wait."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / LOCK_FILE).open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
