"""The one Lambda layer, built without Docker from pinned wheels, the project's package and the prompts."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import BundlingOptions, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.environment import EnvironmentConfig
from stacks.paths import LAYER, WHEEL_CACHE

REQUIREMENTS = LAYER / "requirements.txt"
SOURCES = LAYER / "python"
# Raised when the way of building changes, so that neither cached wheels nor deployed layers of the old way
# are kept.
_RECIPE = "1"
_NEVER_SHIPPED = ("__pycache__", "*.pyc", "*.pyi", ".mypy_cache", "tests", "bin")
# What an installed distribution needs at run time besides its code: its version, entry points and licence.
_METADATA_KEPT = ("METADATA", "entry_points.txt", "top_level.txt")


class LayerBuildError(RuntimeError):
    """The wheels of the layer could not be installed. Says which pins and target, and what pip said."""


class PythonLayer(Construct):
    """A layer version with `python/silent_infinity`, the prompts and every pinned dependency.

    Each stack that has functions makes one of its own: a layer's ARN changes with every deployment, and
    CloudFormation refuses to change a value that another stack imports. All of them share one asset.
    """

    def __init__(self, scope: Construct, construct_id: str, *, environment: EnvironmentConfig) -> None:
        """Declare the layer for the interpreter and architecture of `environment`."""
        super().__init__(scope, construct_id)
        target = WheelTarget(python=environment.lambda_python, architecture=environment.lambda_architecture)
        self.version = lambda_.LayerVersion(
            self,
            "Version",
            description=f"Silent Infinity for Python {target.python} on {target.architecture}",
            code=lambda_.Code.from_asset(
                str(LAYER),
                asset_hash=layer_fingerprint(target),
                bundling=BundlingOptions(
                    # Never pulled: the local bundler builds everything or raises.
                    image=DockerImage.from_registry("scratch"),
                    local=_LayerBundling(target),
                ),
            ),
            compatible_runtimes=[python_runtime(environment)],
            compatible_architectures=[lambda_architecture(environment)],
        )


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


@jsii.implements(ILocalBundling)
class _LayerBundling:
    """Builds the layer with pip and copies, so that neither synth nor deployment needs Docker."""

    def __init__(self, target: WheelTarget) -> None:
        self._target = target

    def try_bundle(self, output_dir: str, *_image: Any, **_options: Any) -> bool:
        """Fill `output_dir` with the layer's content. Never falls back to Docker."""
        build_layer(self._target, Path(output_dir))
        return True


def build_layer(target: WheelTarget, output: Path) -> None:
    """Write the layer for `target` to the folder `output`.

    Raises:
        LayerBuildError: pip could not install the pins.
    """
    python = output / "python"
    shutil.copytree(_wheels(target), python, dirs_exist_ok=True)
    # Symbolic links are followed: the prompts lie outside of the layer's folder and are shipped inside the
    # package.
    shutil.copytree(SOURCES, python, ignore=shutil.ignore_patterns(*_NEVER_SHIPPED), dirs_exist_ok=True)


def layer_fingerprint(target: WheelTarget) -> str:
    """Return a hash of everything that the built layer depends on, without building it."""
    digest = hashlib.sha256(f"{_RECIPE} {target.python} {target.architecture}".encode())
    for path in [REQUIREMENTS, *_source_files()]:
        digest.update(f"\0{path.relative_to(LAYER)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def python_runtime(environment: EnvironmentConfig) -> lambda_.Runtime:
    """Return the Lambda runtime of the environment's functions."""
    return lambda_.Runtime(f"python{environment.lambda_python}", lambda_.RuntimeFamily.PYTHON)


def lambda_architecture(environment: EnvironmentConfig) -> lambda_.Architecture:
    """Return the processor architecture of the environment's functions."""
    if environment.lambda_architecture == "arm64":
        return lambda_.Architecture.ARM_64
    return lambda_.Architecture.X86_64


def _source_files() -> Iterator[Path]:
    """Yield the files of the layer that are the project's own, prompts included, in a fixed order."""
    for folder, folders, names in os.walk(SOURCES, followlinks=True):
        folders[:] = sorted(name for name in folders if name not in _NEVER_SHIPPED)
        for name in sorted(names):
            if not name.endswith((".pyc", ".pyi")):
                yield Path(folder) / name


def _wheels(target: WheelTarget) -> Path:
    """Return a folder with the installed pins for `target`, from the cache if they were installed before."""
    key = hashlib.sha256(REQUIREMENTS.read_bytes() + _RECIPE.encode()).hexdigest()[:16]
    installed = WHEEL_CACHE / f"{key}-{target.python}-{target.architecture}"
    if installed.is_dir():
        return installed
    WHEEL_CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WHEEL_CACHE, prefix="building-") as building:
        folder = Path(building) / "python"
        _pip_install(target, folder)
        _strip(folder)
        try:
            folder.rename(installed)
        except OSError:
            # Another build of the same pins was quicker; its result is the same.
            if not installed.is_dir():
                raise
    return installed


def _pip_install(target: WheelTarget, folder: Path) -> None:
    # sys.executable, so that the pip of the environment that synthesises is used; --no-deps, so that nothing
    # unpinned slips in.
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--no-compile", "--no-deps", "--target", str(folder), "--requirement", str(REQUIREMENTS)),
        *target.pip_arguments(),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- no shell, own arguments
    if run.returncode:
        raise LayerBuildError(
            f"pip could not install {REQUIREMENTS.name} for Python {target.python} "
            f"on {target.architecture}:\n{run.stderr}"
        )


def _strip(folder: Path) -> None:
    """Remove what no function imports: byte code, tests, type stubs, scripts and most package metadata."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if path.name in ("__pycache__", "tests") or path == folder / "bin":
                shutil.rmtree(path)
        elif path.suffix in (".pyc", ".pyi") or _is_spare_metadata(path):
            path.unlink()


def _is_spare_metadata(path: Path) -> bool:
    in_metadata = any(part.endswith(".dist-info") for part in path.parts[:-1])
    is_licence = "licenses" in path.parts or path.name.startswith(("LICEN", "NOTICE", "COPYING"))
    return in_metadata and not is_licence and path.name not in _METADATA_KEPT
