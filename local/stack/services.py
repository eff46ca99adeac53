"""The processes of the local stack: what they run, in which environment, and when they are ready."""

from __future__ import annotations

import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.stack.aws import ACCOUNT, REGION
from local.stack.fingerprint import fingerprint
from local.stack.ports import LOOPBACK
from local.stack.processes import Identity
from local.tools.errors import LocalError
from local.tools.locations import REPOSITORY, TOOLS, venv_python
from local.tools.running import tail

PROBE_SECONDS = 2.0
POLL_SECONDS = 0.05
# What a program needs from its surroundings. Everything else stays out: the emulator hands its environment on
# to the Lambda functions, which must not see the credentials or settings of whoever started it.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")


@dataclass(frozen=True, kw_only=True)
class Service:
    """One process, given its port. `program` changes when what it runs changed."""

    name: str
    title: str
    tool: str
    sources: tuple[str, ...]
    ready_path: str
    start_seconds: float
    stop_seconds: float
    command: Callable[[int], list[str]]
    settings: Callable[[Path, int], Mapping[str, str]]

    def program(self) -> str:
        """A digest of the program's sources and pins."""
        return fingerprint(REPOSITORY, self.sources)

    def environment(self, home: Path, port: int, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The whole environment of the process, with `extra` settings."""
        kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
        temporary = str(self.temporary_folder(home))
        return {
            **kept,
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": temporary,
            **self.settings(home, port),
            **(extra or {}),
        }

    def temporary_folder(self, home: Path) -> Path:
        """Where the process unpacks what it needs for as long as it runs."""
        return home / "tmp" / self.name


# The emulator checks every signed call against the caller's policies: functions run with their own roles.
ENFORCED_IAM = {"AUTH": "true"}


def _emulator_settings(home: Path, port: int) -> Mapping[str, str]:
    return {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": LOOPBACK,
        "MINISTACK_HOST": LOOPBACK,
        "MINISTACK_REGION": REGION,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "PERSIST_STATE": "1",
        "STATE_DIR": str(home / "emulator" / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(home / "emulator" / "objects"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }


EMULATOR = Service(
    name="emulator",
    title="AWS emulator",
    tool="emulator",
    sources=("local/emulator",),
    ready_path="/_ministack/ready",
    start_seconds=30,
    stop_seconds=20,  # it writes its state when it is asked to end
    command=lambda _port: [str(venv_python(TOOLS / "emulator")), "-m", "local.emulator"],
    settings=_emulator_settings,
)
MODEL_SERVER = Service(
    name="model",
    title="model server",
    tool="model",
    sources=("local/model_server",),
    ready_path="/health",
    start_seconds=60,
    stop_seconds=5,
    command=lambda port: [str(venv_python(TOOLS / "model")), "-m", "local.model_server", "--port", str(port)],
    settings=lambda _home, _port: {},
)
SERVICES = {service.name: service for service in (EMULATOR, MODEL_SERVER)}


def is_ready(service: Service, port: int) -> bool:
    """Whether the service answers on its port that it can work."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        url = f"http://{LOOPBACK}:{port}{service.ready_path}"
        with opener.open(url, timeout=PROBE_SECONDS) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def wait_until_ready(service: Service, port: int, process: Identity, log: Path) -> None:
    """Wait for a service that was just started.

    Raises LocalError with the end of its log when it ends, or is not ready in time.
    """
    deadline = time.monotonic() + service.start_seconds
    while not is_ready(service, port):
        ended = not process.is_alive()
        if ended or time.monotonic() > deadline:
            what = "ended at once" if ended else f"was not ready after {service.start_seconds:.0f} s"
            raise LocalError(
                f"The {service.title} {what}. The end of its log:\n{tail(log)}\n",
                f"The whole log is {log}; `./run doctor` checks what it needs.",
            )
        time.sleep(POLL_SECONDS)
