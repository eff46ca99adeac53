"""Layers are unpacked once."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.emulator.shared_layers import LayerStore, UnsafeLayerError
from tests.local.emulator_process import Emulator, zipped
from tests.local.test_lambda_environment import look


def test_the_bare_emulator_unpacks_a_layer_for_every_process(bare: Emulator) -> None:
    """If this fails, the emulator has learned it and the completion can go."""
    assert "ministack-lambda-layers" in look(bare, "layers")["file"]


def test_functions_share_one_copy(emulator: Emulator) -> None:
    """Two functions with the same layer read the same files."""
    files = {look(emulator, name)["file"] for name in ("layers-a", "layers-b")}

    assert len(files) == 1
    assert "lambda-layers-" in files.pop()


def test_a_content_is_unpacked_once_and_another_one_apart(tmp_path: Path) -> None:
    """A new version of the layer must not mix with the old one."""
    store = LayerStore(tmp_path)

    first = store.folder(zipped({"python/a.py": "1"}))
    again = store.folder(zipped({"python/a.py": "1"}))
    other = store.folder(zipped({"python/a.py": "2"}))

    assert first == again != other
    assert (other / "python" / "a.py").read_text() == "2"


def test_an_archive_cannot_write_elsewhere(tmp_path: Path) -> None:
    """As the emulator's own unpacking refuses it."""
    with pytest.raises(UnsafeLayerError):
        LayerStore(tmp_path / "store").folder(zipped({"../evil.py": "1"}))
