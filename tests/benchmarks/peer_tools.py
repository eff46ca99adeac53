"""The environment of the peers that benchmarks compare with: made on first use and when its pins change."""

import shutil
import sys
from pathlib import Path

from local.tools.installer import STAMP
from local.tools.locations import TOOLS, venv_python
from local.tools.progress import Progress
from local.tools.running import run_reporting

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
FOLDER = TOOLS / "bench"


def peers(progress: Progress) -> Path | None:
    """Return the virtual environment of the peers; None when it cannot be made (no network, for one)."""
    pins = REQUIREMENTS.read_text(encoding="utf-8")
    stamp = FOLDER / STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == pins and venv_python(FOLDER).exists():
        return FOLDER
    shutil.rmtree(FOLDER, ignore_errors=True)
    pip = [str(venv_python(FOLDER)), "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    log = TOOLS / "bench.log"
    with progress.step("Installing: peers of the benchmarks") as step:
        for command in (
            [sys.executable, "-m", "venv", str(FOLDER)],
            [*pip, "--progress-bar", "off", "-r", str(REQUIREMENTS)],
        ):
            if run_reporting(command, log=log, step=step, append=True) != 0:
                progress.note(f"  The peers could not be installed ({log} says why): they are left out.")
                return None
    stamp.write_text(pins, encoding="utf-8")
    return FOLDER
