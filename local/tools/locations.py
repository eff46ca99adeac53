"""Where things are: the repository, the shared tools, and the state of one local stack."""

from __future__ import annotations

import os
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLS = REPOSITORY / ".local" / "tools"
DEVELOPMENT_VENV = REPOSITORY / ".venv"
LAYER = REPOSITORY / "functions" / "layer" / "python"

HOME_VARIABLE = "SILENT_INFINITY_HOME"


def default_home() -> Path:
    """The folder of the stack that `./run` manages: `$SILENT_INFINITY_HOME`, else `.local`."""
    chosen = os.environ.get(HOME_VARIABLE)
    return Path(chosen).expanduser().resolve() if chosen else REPOSITORY / ".local"


def venv_python(venv: Path) -> Path:
    """The interpreter of a virtual environment."""
    return venv / "bin" / "python"


def with_layer() -> None:
    """Make the functions' package importable here, as Lambda's layer does for the functions."""
    if str(LAYER) not in sys.path:
        sys.path.insert(0, str(LAYER))
