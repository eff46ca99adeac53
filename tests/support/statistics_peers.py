"""Asks the packages of others for their figures, in their own environment."""

import json
import os
import subprocess
from collections.abc import Sequence
from typing import Any

from local.tools.catalogue import STATISTICS_VENV
from local.tools.installer import ensure
from local.tools.locations import REPOSITORY, venv_python
from local.tools.progress import Progress

PEERS = REPOSITORY / "tests" / "statistics_peers" / "peers.py"


def ask(cases: Sequence[dict[str, Any]]) -> list[Any]:
    """Return what the peers answer, in order; `tests/statistics_peers/peers.py` says what can be asked."""
    ensure(["statistics"], Progress())
    done = subprocess.run(  # noqa: S603 - the interpreter and the script are this project's own
        [str(venv_python(STATISTICS_VENV)), "-P", "-W", "ignore", str(PEERS)],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env={"PATH": os.environ.get("PATH", ""), "HOME": str(STATISTICS_VENV)},
    )
    if done.returncode:
        raise AssertionError(f"the peers failed:\n{done.stderr[-3000:]}")
    answers: list[Any] = json.loads(done.stdout)
    return answers
