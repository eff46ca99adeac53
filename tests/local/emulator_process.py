"""An emulator process for the tests, and what they do with it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "000000000000"
REGION = "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/test"


def interpreter() -> Path:
    """The interpreter of the emulator's own virtual environment.

    Raises:
        FileNotFoundError: it has not been made yet.
    """
    path = Path(
        os.environ.get("SILENT_INFINITY_EMULATOR_PYTHON", ROOT / ".local/tools/emulator/bin/python")
    ).absolute()
    if not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist: the emulator's environment has not been made. Run `./run test`."
        )
    return path


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: header names are lower case."""

    status: int
    headers: dict[str, str]
    body: str

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Emulator:
    """A running emulator, its log file and its clients."""

    url: str
    log_file: Path
    process: subprocess.Popen[bytes]
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A boto3 client of the emulator."""
        if service not in self._clients:
            connect: Any = boto3.client  # its overloads want literal service names
            self._clients[service] = connect(
                service,
                endpoint_url=self.url,
                region_name=REGION,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(retries={"max_attempts": 0}, read_timeout=60, inject_host_prefix=False),
            )
        return self._clients[service]

    def log(self) -> str:
        """What the emulator has logged so far."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def deploy(
        self, name: str, resources: dict[str, Any], outputs: dict[str, Any] | None = None
    ) -> dict[str, str]:
        """Create a stack from resources and give its outputs.

        Raises:
            AssertionError: the stack fails; the message has its reasons.
        """
        template = {
            "Resources": resources,
            "Outputs": {key: {"Value": value} for key, value in (outputs or {}).items()},
        }
        self.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))
        return self._settled(name, "CREATE_COMPLETE")

    def update(self, name: str, template: dict[str, Any]) -> dict[str, str]:
        """Update a stack and give its outputs; fails as :meth:`deploy` does."""
        self.client("cloudformation").update_stack(StackName=name, TemplateBody=json.dumps(template))
        return self._settled(name, "UPDATE_COMPLETE")

    def _settled(self, name: str, wanted: str) -> dict[str, str]:
        cloudformation = self.client("cloudformation")
        deadline = time.monotonic() + 30
        while True:
            stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            if not stack["StackStatus"].endswith("IN_PROGRESS") or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        if stack["StackStatus"] != wanted:
            events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
            reasons = [event.get("ResourceStatusReason") for event in events]
            raise AssertionError(f"{name}: {stack['StackStatus']}: {[r for r in reasons if r]}")
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def function(self, name: str, code: str, **settings: Any) -> str:
        """Create a Python function from the source of its one module (``index.handler``); gives its ARN."""
        made = self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=ROLE,
            Handler="index.handler",
            Code={"ZipFile": zipped({"index.py": code})},
            **settings,
        )
        return str(made["FunctionArn"])

    def wait_for_logs(self, function: str, line: str, count: int = 1) -> list[str]:
        """A function's log lines, as soon as ``count`` of them are ``line`` (they come after the answer).

        Raises:
            AssertionError: they did not come within 5 s.
        """
        logs = self.client("logs")
        lines: list[str] = []
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
                events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
                lines = [event["message"] for event in events]
            if lines.count(line) >= count:
                return lines
            time.sleep(0.02)
        raise AssertionError(f"{line!r} is not {count} times among {lines}")

    def machine(self, name: str, definition: dict[str, Any], kind: str = "EXPRESS") -> str:
        """Create a state machine; gives its ARN."""
        made = self.client("stepfunctions").create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=ROLE, type=kind
        )
        return str(made["stateMachineArn"])

    def run(self, machine: str, data: Any = None) -> dict[str, Any]:
        """Run an Express machine to its end. ``output``, where there is one, is parsed."""
        result: dict[str, Any] = self.client("stepfunctions").start_sync_execution(
            stateMachineArn=machine, input=json.dumps(data if data is not None else {})
        )
        if "output" in result:
            result["output"] = json.loads(result["output"])
        return result

    def request(
        self, url: str, *, method: str = "GET", body: str | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One HTTP request; 4xx and 5xx are answers, too."""
        got = httpx.request(method, url, content=body, headers=headers, timeout=30)
        return Answer(got.status_code, dict(got.headers), got.text)

    def stop(self) -> None:
        """End the process that :func:`start` started."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def zipped(files: dict[str, str]) -> bytes:
    """A zip archive of text files, the same bytes for the same files whenever it is made."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        for path, text in files.items():
            # Without a date of its own an entry gets the present one, and two archives of one content differ
            # whenever the clock ticks between them.
            made.writestr(zipfile.ZipInfo(path, date_time=(2026, 1, 1, 0, 0, 0)), text)
    return archive.getvalue()


def free_port() -> int:
    """A TCP port that was free on loopback a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: Path, port: int, **extra: str) -> dict[str, str]:
    """A clean environment for an emulator whose files all live in ``home``."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(home),
        "GATEWAY_PORT": str(port),
        "STATE_DIR": str(home / "state"),
        "S3_DATA_DIR": str(home / "s3"),
        **extra,
    }


def start(home: Path, port: int | None = None, **extra: str) -> Emulator:
    """Start an emulator, on a free port unless told otherwise, and wait until it is ready (at most 20 s)."""
    python = interpreter()
    port = port or free_port()
    log_file = home / "emulator.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - the interpreter is this project's own
            [str(python), "-m", "local.emulator"],
            cwd=home,
            env=environment(home, port, **extra),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    emulator = Emulator(f"http://127.0.0.1:{port}", log_file, process)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{emulator.url}/_ministack/ready", timeout=1).status_code == httpx.codes.OK:
                return emulator
        time.sleep(0.05)
    emulator.stop()
    raise AssertionError(f"the emulator did not become ready:\n{emulator.log()}")
