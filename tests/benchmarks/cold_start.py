"""Cold initialisation of each function of the turn, beside importing boto3 and making one client."""

import compileall
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacks.constructs.python_layer import build_layer
from stacks.constructs.wheels import WheelTarget
from stacks.environment import EnvironmentConfig
from stacks.paths import FUNCTIONS
from tests.benchmarks.figures import Result, Row, median
from tests.benchmarks.workshop import Workshop
from tests.stacks.synthesised import context, synthesise

PROBE = Path(__file__).with_name("cold_start_probe.py")
ENVIRONMENT = "prod"
TURN_FUNCTIONS = ("capture", "crisis_screen", "intent", "generate", "validate", "feedback")
FIRST_INVOCATION = {
    "capture": ["silent_infinity.adapters.aws.clients:secrets_manager"],
    "generate": ["silent_infinity.adapters.llm.bedrock:bedrock_runtime"],
}
"""Clients that are made when they are first used, which is in the first invocation."""

ROUNDS = 7
ROUNDS_WITHOUT_BYTECODE = 5
MOST_TIMES_BOTO3 = 1.5


@dataclass(frozen=True)
class Assets:
    """A built layer, and the folder that holds the functions' folders."""

    layer: Path
    functions: Path


def run(workshop: Workshop) -> Result:
    """Measure every function of the turn, compiled and as the layer is shipped."""
    with workshop.progress.step("Building the layer for this machine"):
        settings = function_settings(workshop.folder / "synthesised")
        shipped = _assets(workshop.folder / "shipped")
        compiled = _assets(workshop.folder / "compiled")
        for folder in (compiled.layer, compiled.functions):
            compileall.compile_dir(folder, quiet=2, workers=1)
    rows: list[Row] = []
    with workshop.progress.step("Starting functions cold") as step:
        for title, assets, rounds in (
            ("with bytecode", compiled, ROUNDS),
            ("as shipped: no bytecode", shipped, ROUNDS_WITHOUT_BYTECODE),
        ):
            for name in TURN_FUNCTIONS:
                step.say(f"{name}, {title}")
                rows.append(_row(f"`{name}`, {title}", assets, name, settings[name], rounds, budget=True))
        for name, later in FIRST_INVOCATION.items():
            step.say(f"{name} with its later clients")
            rows.append(
                _row(
                    f"`{name}` and the client of its first invocation, with bytecode",
                    compiled,
                    name,
                    settings[name],
                    ROUNDS,
                    later=later,
                )
            )
    return Result(
        title="cold initialisation of the functions of the turn",
        floor="importing boto3 (with its bytecode) and making one client, in a fresh process of the same run",
        rows=tuple(rows),
        notes=(
            "Wall time from the started interpreter to a wired handler: its import and what bootstrap makes, "
            f"with the environment variables that the {ENVIRONMENT} stack sets, in a fresh process each; "
            f"floor and function in turns, medians of {ROUNDS} ({ROUNDS_WITHOUT_BYTECODE} without bytecode). "
            "Files are in the page cache, so this is the interpreter's part of a cold start.",
            "The layer is built as for AWS, but with wheels for this machine. It is shipped without bytecode "
            "and /opt cannot be written on Lambda: there every cold start compiles what it imports, which is "
            "what *as shipped* shows.",
        ),
    )


def function_settings(folder: Path) -> dict[str, dict[str, str]]:
    """Return the environment variables of the turn's functions in the stack, by the function's name.

    A value that is known only once it is deployed (a table's name) is replaced by some text.
    """
    application = synthesise(ENVIRONMENT, folder)
    found: dict[str, dict[str, str]] = {}
    for properties in application.properties("AWS::Lambda::Function").values():
        variables: Mapping[str, Any] = properties.get("Environment", {}).get("Variables", {})
        name = variables.get("POWERTOOLS_SERVICE_NAME")
        if name in TURN_FUNCTIONS:
            found[name] = {
                key: value if isinstance(value, str) else f"deployed-{key.lower()}"
                for key, value in variables.items()
            }
    return found


def _assets(folder: Path) -> Assets:
    host = EnvironmentConfig.from_block("local", context("local")["local"])
    build_layer(
        WheelTarget(python=host.lambda_python, architecture=host.lambda_architecture), folder / "layer"
    )
    for name in TURN_FUNCTIONS:
        shutil.copytree(
            FUNCTIONS / name, folder / "functions" / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    return Assets(folder / "layer" / "python", folder / "functions")


def _row(
    what: str,
    assets: Assets,
    name: str,
    settings: Mapping[str, str],
    rounds: int,
    *,
    later: Sequence[str] = (),
    budget: bool = False,
) -> Row:
    floors, samples = [], []
    for _ in range(rounds):
        floors.append(_start(["boto3"], [], {}))
        samples.append(_start([name, *later], [assets.functions / name, assets.layer], settings))
    return Row(
        what=what,
        value=median(samples),
        unit="ms",
        floor=median(floors),
        most_times_floor=MOST_TIMES_BOTO3 if budget else None,
    )


def _start(arguments: Sequence[str], path: Sequence[Path], settings: Mapping[str, str]) -> float:
    """Return the wall milliseconds of one cold start in a fresh process."""
    run = subprocess.run(  # noqa: S603 - this interpreter and this project's own script
        [sys.executable, "-P", str(PROBE), *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": os.pathsep.join(str(folder) for folder in path),
            # As on Lambda, where the folders of code and layer cannot be written.
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **settings,
        },
    )
    found: float = json.loads(run.stdout)["wall_ms"]
    return found
