"""Layers are unpacked once, not once per process.

Gap: every worker process unpacks every layer of its function into a folder of its own, and compiles its
modules again. A load from 16 clients starts up to 16 processes per function: hundreds of copies of the one
layer.
Fix: Python workers read a layer from one folder per content, made at first use. It is removed at the next
start.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import Any

from local.emulator import seams

SUMMARY = "Python functions share one unpacked copy of each layer"


class UnsafeLayerError(ValueError):
    """A layer's archive has an entry outside its own folder."""


class LayerStore:
    """Unpacked layers below ``root``, one folder per content."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()

    def folder(self, archive: bytes) -> Path:
        """The folder with the content of a layer's zip archive.

        Raises:
            UnsafeLayerError: an entry of the archive would lie outside the folder.
        """
        target = self._root / hashlib.sha256(archive).hexdigest()[:32]
        with self._lock:
            if not target.exists():
                unfinished = target.with_suffix(".unfinished")
                shutil.rmtree(unfinished, ignore_errors=True)
                with zipfile.ZipFile(io.BytesIO(archive)) as opened:
                    for name in opened.namelist():
                        if not (unfinished / name).resolve().is_relative_to(unfinished.resolve()):
                            raise UnsafeLayerError(name)
                    opened.extractall(unfinished)
                unfinished.rename(target)
        return target


def install() -> None:
    """Give Python workers the shared folders instead of copies."""
    runtime = seams.module("core.lambda_runtime")
    functions = seams.module("services.lambda_svc")
    root = Path(tempfile.gettempdir()) / f"lambda-layers-{os.environ.get('GATEWAY_PORT', '4566')}"
    shutil.rmtree(root, ignore_errors=True)
    store = LayerStore(root)

    def own_layers(config: dict[str, Any]) -> list[Any]:
        python = str(config.get("Runtime", "python")).startswith("python")
        return [] if python else config.get("Layers", [])

    def shared_layers(config: dict[str, Any], environment: dict[str, str]) -> dict[str, str]:
        if not str(config.get("Runtime", "python")).startswith("python"):
            return environment
        archives = (functions._resolve_layer_zip(layer) for layer in config.get("Layers") or [])
        folders = [str(store.folder(archive)) for archive in archives if archive]
        return {**environment, "_LAMBDA_LAYERS_DIRS": os.pathsep.join(folders)}

    runtime._own_layers, runtime._shared_layers = own_layers, shared_layers
    seams.recompile(
        runtime.Worker,
        "_spawn",
        'layer_refs = self.config.get("Layers", [])',
        "layer_refs = _own_layers(self.config)",
    )
    seams.recompile(runtime.Worker, "_spawn", "env=spawn_env,", "env=_shared_layers(self.config, spawn_env),")
