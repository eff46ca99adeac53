"""The encoder's arithmetic against that of the framework it was trained in."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from silent_infinity.adapters.encoder.model import Encoder
from tests.support.vectors import VECTORS

REFERENCE: dict[str, Any] = json.loads((VECTORS / "encoder_reference.json").read_text(encoding="utf-8"))


def _arrays() -> dict[str, Any]:
    arrays = {name: np.asarray(value) for name, value in REFERENCE["arrays"].items()}
    return arrays | {"pieces": np.frombuffer("\n".join(REFERENCE["pieces"]).encode(), np.uint8)}


def _quantised(arrays: dict[str, Any]) -> dict[str, Any]:
    """The matrices as training ships them: eight bits, and a scale for each output."""
    found = dict(arrays)
    for name, array in arrays.items():
        if name.startswith("layer") and array.ndim == 2:
            scale = np.abs(array).max(axis=0) / 127
            found[name] = np.round(array / scale).astype(np.int8)
            found[f"{name}_scale"] = scale
    return found


@pytest.mark.parametrize("case", REFERENCE["cases"], ids=lambda case: case["description"])
def test_the_answer_is_that_of_the_framework(case: dict[str, Any]) -> None:
    """Weights mean something in one arithmetic only: one matrix transposed, and every verdict is noise."""
    assert Encoder(_arrays()).logits(case["ids"]) == pytest.approx(np.array(case["logits"]), abs=1e-3)


@pytest.mark.parametrize("case", REFERENCE["cases"], ids=lambda case: case["description"])
def test_eight_bits_change_little(case: dict[str, Any]) -> None:
    """They make the file a quarter as large; thresholds are derived with them."""
    assert Encoder(_quantised(_arrays())).logits(case["ids"]) == pytest.approx(
        np.array(case["logits"]), abs=0.1
    )


def test_a_text_without_tokens_or_with_too_many_is_refused() -> None:
    """Whoever calls cuts long texts into windows; a place that was never trained would answer at random."""
    encoder = Encoder(_arrays())

    for ids in ([], [2] * (encoder.longest + 1)):
        with pytest.raises(ValueError, match=str(encoder.longest)):
            encoder.logits(ids)


def test_a_file_of_weights_is_read_back(tmp_path: Path) -> None:
    """And nothing in it is ever executed: the archive holds arrays, and pickles are refused."""
    np.savez(tmp_path / "weights.npz", **_arrays())

    read = Encoder.load(tmp_path / "weights.npz")

    assert read.pieces == tuple(REFERENCE["pieces"])
    case = REFERENCE["cases"][1]
    assert read.logits(case["ids"]) == pytest.approx(np.array(case["logits"]), abs=1e-3)


def test_a_file_that_is_not_there_or_no_archive_or_a_pickle_is_an_error(tmp_path: Path) -> None:
    """The screen then says that this stage is missing, and goes on without it."""
    with pytest.raises(OSError, match="nothing"):
        Encoder.load(tmp_path / "nothing.npz")
    (tmp_path / "text.npz").write_text("weights", encoding="utf-8")
    with pytest.raises((OSError, ValueError)):
        Encoder.load(tmp_path / "text.npz")
    np.savez(tmp_path / "objects.npz", **(_arrays() | {"heads": np.array([object()])}))
    with pytest.raises(ValueError, match="pickle"):
        Encoder.load(tmp_path / "objects.npz")
