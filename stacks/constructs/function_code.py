"""The code of one function: its folder, with wheels of its own where it names any."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import BundlingOptions, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_

from stacks.constructs.wheels import RECIPE, WheelTarget, installed_wheels
from stacks.paths import FUNCTIONS

_NEVER_SHIPPED = ("__pycache__", "*.pyc", "requirements.txt")


def function_code(name: str, target: WheelTarget) -> lambda_.Code:
    """Return the code of `functions/<name>`.

    A folder with a `requirements.txt` gets those wheels beside its handler. That is for what one function
    alone needs and the layer of all others should not carry.
    """
    folder = FUNCTIONS / name
    if not (folder / "requirements.txt").is_file():
        return lambda_.Code.from_asset(str(folder), exclude=["**/__pycache__", "**/*.pyc"])
    return lambda_.Code.from_asset(
        str(folder),
        asset_hash=function_fingerprint(folder, target),
        bundling=BundlingOptions(
            # Never pulled: the local bundler builds everything or raises.
            image=DockerImage.from_registry("scratch"),
            local=_FunctionBundling(folder, target),
        ),
    )


@jsii.implements(ILocalBundling)
class _FunctionBundling:
    """Builds a function's asset with pip and copies."""

    def __init__(self, folder: Path, target: WheelTarget) -> None:
        self._folder = folder
        self._target = target

    def try_bundle(self, output_dir: str, *_image: Any, **_options: Any) -> bool:
        """Fill `output_dir` with the function's code and wheels. Never falls back to Docker."""
        build_function(self._folder, self._target, Path(output_dir))
        return True


def build_function(folder: Path, target: WheelTarget, output: Path) -> None:
    """Write the function of `folder` and its wheels for `target` to the folder `output`.

    Raises:
        WheelBuildError: pip could not install the pins.
    """
    shutil.copytree(installed_wheels(folder / "requirements.txt", target), output, dirs_exist_ok=True)
    shutil.copytree(folder, output, ignore=shutil.ignore_patterns(*_NEVER_SHIPPED), dirs_exist_ok=True)


def function_fingerprint(folder: Path, target: WheelTarget) -> str:
    """Return a hash of everything that the built function depends on, without building it."""
    digest = hashlib.sha256(f"{RECIPE} {target.python} {target.architecture}".encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"\0{path.relative_to(folder)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
