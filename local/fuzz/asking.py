"""How schemathesis is started against a deployed API."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local.tools.catalogue import FUZZ_VENV
from local.tools.locations import REPOSITORY

if TYPE_CHECKING:
    from local.stack import LocalStack

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
# The committed one, which a test compares with the one that is served.
DESCRIPTION = REPOSITORY / "functions/layer/python/silent_infinity/schemas/openapi.json"
PHASES = ("examples", "coverage", "fuzzing", "stateful")


@dataclass(frozen=True)
class Asking:
    """A command and its environment, which holds tokens."""

    command: list[str]
    environment: Mapping[str, str]


def asking(
    stack: LocalStack,
    *,
    examples: int,
    seed: int,
    description: Path | None = None,
    person: str = "fuzz",
    options: tuple[str, ...] = (),
) -> Asking:
    """Return how the API of `stack` is asked, with tokens of a person and of an operator.

    Args:
        stack: it is up and deployed.
        examples: how many requests are made up for each operation and phase, at most.
        seed: the same one asks the same, as far as answers lead to questions.
        description: another description than the committed one.
        person: whose sessions are used.
        options: more for `schemathesis run`.
    """
    command = [
        str(FUZZ_VENV / "bin" / "schemathesis"),
        f"--config-file={CONFIGURATION}",
        "run",
        str(description or DESCRIPTION),
        f"--url={stack.api_url}",
        f"--phases={','.join(PHASES)}",
        f"--max-examples={examples}",
        f"--seed={seed}",
        *options,
    ]
    environment = {
        **os.environ,
        # The hooks are a module of this repository.
        "PYTHONPATH": str(REPOSITORY),
        "PERSON_TOKEN": stack.id_token(person),
        "OPERATOR_TOKEN": stack.operator_token(),
    }
    return Asking(command, environment)
