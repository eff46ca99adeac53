"""Linear models over hashed features: a compact binary form, and scores in pure Python.

A file is the four letters `SIL1`, the length of a JSON header (four bytes, little-endian), the header, and
the weights, compressed. The weights are whole numbers from -127 to 127, one plane of 2 ** bits for each
label; a plane's scale turns them back into what was learned. A score is exact whole-number addition until the
last step, so it is the same on every machine.
"""

import json
import zlib
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, sqrt
from operator import itemgetter
from typing import Any, Final

from silent_infinity.domain.learned.features import Buckets, Features, FeatureSpec

MAGIC: Final = b"SIL1"
LARGEST: Final = 127


class ModelFileError(ValueError):
    """The bytes are no model of this form. Says what is wrong with them."""


@dataclass(frozen=True)
class LinearModel:
    """A trained model. `planes[k]` holds the weights of `labels[k]`; `notes` is what training wrote down,
    such as thresholds.
    """

    spec: FeatureSpec
    labels: tuple[str, ...]
    planes: tuple[Sequence[int], ...]
    scales: tuple[float, ...]
    biases: tuple[float, ...]
    notes: Mapping[str, Any] = field(default_factory=dict)

    def margins(self, features: Features) -> tuple[float, ...]:
        """Return a number for each label: above 0 speaks for it, and the higher, the more."""
        kinds = [(_picking(buckets), 1.0 / sqrt(len(buckets))) for buckets in features.kinds if buckets]
        return tuple(
            bias + scale * sum(sum(pick(plane)) * share for pick, share in kinds)
            for plane, scale, bias in zip(self.planes, self.scales, self.biases, strict=True)
        )

    def margin(self, features: Features) -> float:
        """Return the number of the first label, for a model that has but one."""
        return self.margins(features)[0]


def _picking(buckets: Buckets) -> Callable[[Sequence[int]], Iterable[int]]:
    # All weights of a plane at once: three times as fast as one by one. Of one bucket it gives no tuple.
    if len(buckets) == 1:
        [only] = buckets
        return lambda plane: (plane[only],)
    return itemgetter(*buckets)


def probability(margin: float) -> float:
    """Return the logistic function of `margin`, from 0 to 1, without overflow."""
    if margin >= 0:
        return 1.0 / (1.0 + exp(-min(margin, 700.0)))
    grown = exp(max(margin, -700.0))
    return grown / (1.0 + grown)


def quantised(weights: Sequence[float]) -> tuple[list[int], float]:
    """Return `weights` as whole numbers from -127 to 127, and the scale that turns them back."""
    scale = max((abs(weight) for weight in weights), default=0.0) / LARGEST or 1.0
    return [round(weight / scale) for weight in weights], scale


def write(model: LinearModel) -> bytes:
    """Return the file of `model`: the same bytes for the same model."""
    header = {
        "bits": model.spec.bits,
        "words": model.spec.words,
        "characters": model.spec.characters,
        "labels": model.labels,
        "scales": model.scales,
        "biases": model.biases,
        "notes": dict(model.notes),
    }
    raw = json.dumps(header, sort_keys=True, ensure_ascii=False).encode()
    weights = b"".join(array("b", plane).tobytes() for plane in model.planes)
    return MAGIC + len(raw).to_bytes(4, "little") + raw + zlib.compress(weights, 9)


def read(data: bytes) -> LinearModel:
    """Return the model of a file's bytes.

    Raises:
        ModelFileError: they are not such a file, or cut short.
    """
    if data[:4] != MAGIC:
        raise ModelFileError("it does not begin as a model does")
    end = 8 + int.from_bytes(data[4:8], "little")
    try:
        header = json.loads(data[8:end])
        weights = memoryview(zlib.decompress(data[end:])).cast("b")
        spec = FeatureSpec(header["bits"], tuple(header["words"]), tuple(header["characters"]))
        labels, scales, biases = (tuple(header[name]) for name in ("labels", "scales", "biases"))
        notes = header["notes"]
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise ModelFileError(f"it cannot be read: {type(error).__name__}") from None
    size = 1 << spec.bits
    if not len(labels) == len(scales) == len(biases) == len(weights) / size:
        raise ModelFileError("its parts do not fit together")
    planes = tuple(weights[place * size : (place + 1) * size] for place in range(len(labels)))
    return LinearModel(spec, labels, planes, scales, biases, notes)
