"""Pinned wheels for Lambda's interpreter and processor, installed once and kept, without Docker."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from stacks.paths import WHEEL_CACHE

# Raised when the way of building changes, so that neither cached wheels nor deployed assets of the old way
# are kept.
RECIPE = "3"
NEVER_SHIPPED = ("__pycache__", "*.pyc", "*.pyi", ".mypy_cache", "tests", "bin", "golden")
_NEVER_IMPORTED = ("__pycache__", "tests")
_FORTRAN_COMPILER = "f2py"
"""Of NumPy. Only SciPy imports it, with all the names that NumPy has."""
# What an installed distribution needs at run time besides its code: its version, entry points and licence.
_METADATA_KEPT = ("METADATA", "entry_points.txt", "top_level.txt")


class WheelBuildError(RuntimeError):
    """Pinned wheels could not be installed. Says which pins and target, and what pip said."""


class WheelTarget:
    """The interpreter that wheels are chosen for: `python` is "3.N", `architecture` "arm64" or "x86_64"."""

    def __init__(self, *, python: str, architecture: str) -> None:
        """Name a target of Amazon Linux 2023 (glibc 2.34)."""
        self.python = python
        self.architecture = architecture

    @property
    def is_host(self) -> bool:
        """Whether this very interpreter could load the wheels."""
        machine = {"arm64": "aarch64"}.get(self.architecture, self.architecture)
        host_python = f"{sys.version_info.major}.{sys.version_info.minor}"
        return self.python == host_python and os.uname().machine.lower() in {machine, self.architecture}

    def pip_arguments(self) -> list[str]:
        """Return the pip options that select wheels for the target, source distributions never."""
        arguments = ["--only-binary=:all:"]
        if self.is_host:
            return arguments
        machine = {"arm64": "aarch64"}.get(self.architecture, self.architecture)
        for platform in ("manylinux2014", "manylinux_2_28"):
            arguments += ["--platform", f"{platform}_{machine}"]
        return [*arguments, "--implementation", "cp", "--python-version", self.python]


def installed_wheels(requirements: Path, target: WheelTarget) -> Path:
    """Return a folder with the pins of a requirements file installed for `target`, to be read only.

    Pins that were installed before come from the cache.

    Raises:
        WheelBuildError: pip could not install the pins.
    """
    key = hashlib.sha256(requirements.read_bytes() + RECIPE.encode()).hexdigest()[:16]
    installed = WHEEL_CACHE / f"{key}-{target.python}-{target.architecture}"
    if installed.is_dir():
        return installed
    WHEEL_CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WHEEL_CACHE, prefix="building-") as building:
        folder = Path(building) / "python"
        _pip_install(requirements, target, folder)
        _strip(folder)
        try:
            folder.rename(installed)
        except OSError:
            # Another build of the same pins was quicker; its result is the same.
            if not installed.is_dir():
                raise
    return installed


def _pip_install(requirements: Path, target: WheelTarget, folder: Path) -> None:
    # sys.executable, so that the pip of the environment that synthesises is used; --no-deps, so that nothing
    # unpinned slips in.
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--no-compile", "--no-deps", "--target", str(folder), "--requirement", str(requirements)),
        *target.pip_arguments(),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- no shell, own arguments
    if run.returncode:
        raise WheelBuildError(
            f"pip could not install {requirements.parent.name}/{requirements.name} "
            f"for Python {target.python} on {target.architecture}:\n{run.stderr}"
        )


def _strip(folder: Path) -> None:
    """Remove what no function imports: byte code, tests, type stubs, scripts and most package metadata."""
    never = set(_NEVER_IMPORTED) | (set() if (folder / "scipy").is_dir() else {_FORTRAN_COMPILER})
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if path.name in never or path == folder / "bin":
                shutil.rmtree(path)
        elif path.suffix in (".pyc", ".pyi") or _is_spare_metadata(path):
            path.unlink()


def _is_spare_metadata(path: Path) -> bool:
    in_metadata = any(part.endswith(".dist-info") for part in path.parts[:-1])
    is_licence = "licenses" in path.parts or path.name.startswith(("LICEN", "NOTICE", "COPYING"))
    return in_metadata and not is_licence and path.name not in _METADATA_KEPT
