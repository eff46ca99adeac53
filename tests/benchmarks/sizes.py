"""What Lambda unpacks and loads: the layer as it is built for AWS, and each function's own zip."""

import io
import zipfile
from pathlib import Path

from stacks.constructs.function_code import build_function
from stacks.constructs.python_layer import build_layer
from stacks.constructs.wheels import WheelTarget
from stacks.paths import FUNCTIONS
from tests.benchmarks.figures import Result, Row
from tests.benchmarks.workshop import Workshop

AWS = WheelTarget(python="3.13", architecture="arm64")
MEGABYTE = 1e6
KILOBYTE = 1e3
MOST_LAYER_MB = 60
MOST_FUNCTION_KB = 50
# What Lambda unpacks for one function, its layers included.
MOST_UNZIPPED_MB = 250
LARGEST = 5


def run(workshop: Workshop) -> Result:
    """Build the layer and zip the functions."""
    layer = workshop.folder / "layer-for-aws"
    with workshop.progress.step("Building the layer for AWS"):
        build_layer(AWS, layer)
    parts = {path.name: _bytes(path) for path in (layer / "python").iterdir()}
    own = parts.get("silent_infinity", 0)
    total = sum(parts.values())
    largest = sorted(parts.items(), key=lambda part: -part[1])[:LARGEST]
    folders = [folder for folder in sorted(FUNCTIONS.iterdir()) if (folder / "handler.py").is_file()]
    # A function with wheels of its own is built; all others are zipped as they stand.
    large = [folder for folder in folders if (folder / "requirements.txt").is_file()]
    functions = {folder.name: _zipped(folder) for folder in folders if folder not in large}
    built: dict[str, int] = {}
    for folder in large:
        with workshop.progress.step(f"Building {folder.name} for AWS"):
            build_function(folder, AWS, workshop.folder / f"{folder.name}-for-aws")
        built[folder.name] = _bytes(workshop.folder / f"{folder.name}-for-aws")
    return Result(
        title="the layer and the functions as they are shipped",
        floor="the pinned wheels alone, without the project's own package and prompts",
        rows=(
            Row(
                what=f"layer, unzipped (Python {AWS.python}, {AWS.architecture})",
                value=total / MEGABYTE,
                unit="MB",
                floor=(total - own) / MEGABYTE,
                most=MOST_LAYER_MB,
            ),
            *(
                Row(what=f"`{name}`, zip", value=size / KILOBYTE, unit="kB", most=MOST_FUNCTION_KB)
                for name, size in functions.items()
            ),
            *(
                Row(
                    what=f"`{name}`, with wheels and weights of its own, and the layer, unzipped",
                    value=(size + total) / MEGABYTE,
                    unit="MB",
                    floor=total / MEGABYTE,
                    most=MOST_UNZIPPED_MB,
                )
                for name, size in built.items()
            ),
        ),
        notes=(
            "Largest in the layer: "
            + ", ".join(f"{name} {size / MEGABYTE:.1f} MB" for name, size in largest)
            + f"; the project's own package with its data and prompts: {own / MEGABYTE:.1f} MB.",
        ),
    )


def _bytes(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def _zipped(folder: Path) -> int:
    """Return the size of the function's folder as a zip, without what the asset leaves out."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
                made.write(path, path.relative_to(folder))
    return len(archive.getvalue())
