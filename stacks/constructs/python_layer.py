"""The one Lambda layer, built without Docker from pinned wheels, the project's package and the prompts."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsii
from aws_cdk import BundlingOptions, DockerImage, ILocalBundling
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.constructs.wheels import NEVER_SHIPPED, RECIPE, WheelTarget, installed_wheels
from stacks.environment import EnvironmentConfig
from stacks.paths import LAYER

REQUIREMENTS = LAYER / "requirements.txt"
SOURCES = LAYER / "python"


class PythonLayer(Construct):
    """A layer version with `python/silent_infinity`, the prompts and every pinned dependency.

    Each stack that has functions makes one of its own: a layer's ARN changes with every deployment, and
    CloudFormation refuses to change a value that another stack imports. All of them share one asset.
    """

    def __init__(self, scope: Construct, construct_id: str, *, environment: EnvironmentConfig) -> None:
        """Declare the layer for the interpreter and architecture of `environment`."""
        super().__init__(scope, construct_id)
        target = wheel_target(environment)
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
        WheelBuildError: pip could not install the pins.
    """
    python = output / "python"
    shutil.copytree(installed_wheels(REQUIREMENTS, target), python, dirs_exist_ok=True)
    # Symbolic links are followed: the prompts lie outside of the layer's folder and are shipped inside the
    # package.
    shutil.copytree(SOURCES, python, ignore=shutil.ignore_patterns(*NEVER_SHIPPED), dirs_exist_ok=True)


def layer_fingerprint(target: WheelTarget) -> str:
    """Return a hash of everything that the built layer depends on, without building it."""
    digest = hashlib.sha256(f"{RECIPE} {target.python} {target.architecture}".encode())
    for path in [REQUIREMENTS, *_source_files()]:
        digest.update(f"\0{path.relative_to(LAYER)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def wheel_target(environment: EnvironmentConfig) -> WheelTarget:
    """Return what the wheels of the environment's functions are chosen for."""
    return WheelTarget(python=environment.lambda_python, architecture=environment.lambda_architecture)


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
        folders[:] = sorted(name for name in folders if name not in NEVER_SHIPPED)
        for name in sorted(names):
            if not name.endswith((".pyc", ".pyi")):
                yield Path(folder) / name
