"""The forward pass of a BERT encoder with a linear head, in NumPy.

The weights are those of a fine-tuned MiniLM (Wang et al. 2020, arXiv:2002.10957), kept as int8 with one scale
an output and brought back to float32 when the file is read: the arithmetic is that of training, on weights
rounded to 1/127 of an output's largest. NumPy alone is less to ship, to load and to trust than an inference
runtime, and as quick on texts of this length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_NORM_EPSILON: Final = np.float32(1e-12)
_GELU_SCALE: Final = np.float32(0.7978845608028654)  # sqrt(2 / pi)
_GELU_CUBIC: Final = np.float32(0.044715)


@dataclass(frozen=True, slots=True)
class _Layer:
    attention_in: "Floats"
    attention_in_bias: "Floats"
    attention_out: "Floats"
    attention_out_bias: "Floats"
    attention_norm: "Floats"
    attention_shift: "Floats"
    wide: "Floats"
    wide_bias: "Floats"
    narrow: "Floats"
    narrow_bias: "Floats"
    output_norm: "Floats"
    output_shift: "Floats"


class Encoder:
    """Scores token ids. Safe to share between threads: nothing is written after construction."""

    def __init__(self, arrays: "dict[str, NDArray[Any]]") -> None:
        """Take the arrays of a weights file (see `training/screen/export.py` for their names).

        Raises:
            KeyError: an array is missing.
        """
        self._heads = int(arrays["heads"])
        self._words = arrays["words"]
        self._word_scales = arrays["words_scale"].astype(np.float32)
        self._positions = arrays["positions"].astype(np.float32)
        self._norm = arrays["embedding_norm"].astype(np.float32)
        self._shift = arrays["embedding_shift"].astype(np.float32)
        self._layers = tuple(
            _Layer(
                *(
                    _floats(arrays, f"layer{place}.{name}")
                    for name in (
                        *("attention_in", "attention_in_bias", "attention_out", "attention_out_bias"),
                        *("attention_norm", "attention_shift", "wide", "wide_bias", "narrow", "narrow_bias"),
                        *("output_norm", "output_shift"),
                    )
                )
            )
            for place in range(int(arrays["layers"]))
        )
        self._head = arrays["head"].astype(np.float32)
        self._head_bias = arrays["head_bias"].astype(np.float32)
        self.pieces: tuple[str, ...] = tuple(bytes(arrays["pieces"]).decode().split("\n"))
        self.longest = len(self._positions)

    @classmethod
    def load(cls, path: Path) -> "Encoder":
        """Read a weights file.

        Raises:
            OSError: there is no such file, or it is not a NumPy archive.
            KeyError: it lacks an array.
        """
        with np.load(path, allow_pickle=False) as arrays:
            return cls(dict(arrays))

    def logits(self, ids: Sequence[int]) -> "Floats":
        """Return the head's outputs for one text of 1 to `longest` token ids.

        Raises:
            ValueError: the text is empty or too long.
        """
        if not 0 < len(ids) <= self.longest:
            raise ValueError(f"an encoder of {self.longest} places cannot read {len(ids)} tokens")
        place = np.asarray(ids)
        state = self._words[place] * self._word_scales[place, None] + self._positions[: len(ids)]
        state = _normalised(state, self._norm, self._shift)
        for layer in self._layers:
            state = self._through(layer, state)
        pooled: Floats = state.mean(axis=0)
        out: Floats = pooled @ self._head + self._head_bias
        return out

    def _through(self, layer: _Layer, state: "Floats") -> "Floats":
        tokens, width = state.shape
        size = width // self._heads
        mixed = (state @ layer.attention_in + layer.attention_in_bias).reshape(tokens, 3, self._heads, size)
        # heads, tokens, size
        query, key, value = mixed.transpose(1, 2, 0, 3)
        scores = query @ key.transpose(0, 2, 1) * np.float32(size**-0.5)
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        seen = (scores @ value).transpose(1, 0, 2).reshape(tokens, width)
        state = state + (seen @ layer.attention_out + layer.attention_out_bias)
        state = _normalised(state, layer.attention_norm, layer.attention_shift)
        inner = _gelu(state @ layer.wide + layer.wide_bias)
        state = state + (inner @ layer.narrow + layer.narrow_bias)
        return _normalised(state, layer.output_norm, layer.output_shift)


def _floats(arrays: "dict[str, NDArray[Any]]", name: str) -> "Floats":
    array = arrays[name]
    if array.dtype != np.int8:
        return array.astype(np.float32)
    # One scale an output: the matrix is kept as (inputs, outputs).
    return array.astype(np.float32) * arrays[f"{name}_scale"].astype(np.float32)


def _normalised(state: "Floats", norm: "Floats", shift: "Floats") -> "Floats":
    centred = state - state.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + _NORM_EPSILON)
    result: Floats = centred / spread * norm + shift
    return result


def _gelu(x: "Floats") -> "Floats":
    """Hendrycks and Gimpel 2016 (arXiv:1606.08415), in the tanh form that the weights were trained with."""
    result: Floats = x * np.float32(0.5) * (1 + np.tanh(_GELU_SCALE * (x + _GELU_CUBIC * x * x * x)))
    return result
