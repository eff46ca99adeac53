"""The small model: a few hidden numbers, each a sum over hashed features, and a head over them.

The hidden numbers are what `LinearModel` computes; the head is written into its notes, where
`domain.intent.learned` finds it. It learns from what the large model thinks of many messages, and from the
sheets themselves.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from silent_infinity.domain.intent.learned import features_of
from silent_infinity.domain.intent.rules import INTENTS
from silent_infinity.domain.learned.features import FeatureSpec
from silent_infinity.domain.learned.linear import LinearModel

SPEC: Final = FeatureSpec(bits=16, words=(1, 2, 3), characters=(3, 4))
HIDDEN: Final = 20
EPOCHS: Final = 8
BATCH: Final = 96
RATE: Final = 4e-3
HEAD_RATE: Final = 2e-3
DECAY: Final = 3e-7
DROPPED: Final = 0.05
"""Share of features that are left out each time: no single one may be all that a message is known by."""

SEEN: Final = 3
"""Messages that a feature has to be in before it is learned: fewer are chance."""
LEVELS: Final = 10
"""Shipped weights are whole numbers from -10 to 10: the file is small, and what is rounded off evens out."""
OUTLIERS: Final = 0.0005
"""Share of weights that are cut to the largest of the others, so that all of these are told apart."""

Row = tuple[np.ndarray, np.ndarray]
"""The buckets of a text, and how much each counts."""


def row(text: str) -> Row:
    """Return the features of a text, weighted as `LinearModel.margins` weights them."""
    kinds = [sorted(buckets) for buckets in features_of(text, SPEC).kinds if buckets]
    buckets = np.array([bucket for kind in kinds for bucket in kind], np.int64)
    weights = np.array([len(kind) ** -0.5 for kind in kinds for _ in kind], np.float32)
    return buckets, weights


def often(rows: Sequence[Row]) -> list[Row]:
    """Return the rows without features that fewer than `SEEN` of them have."""
    counts = np.zeros(1 << SPEC.bits, np.int64)
    for buckets, _ in rows:
        counts[np.unique(buckets)] += 1
    kept = counts >= SEEN
    return [(buckets[kept[buckets]], weights[kept[buckets]]) for buckets, weights in rows]


class Student(nn.Module):
    """Hidden sums, and a head over them and their absolute values."""

    def __init__(self) -> None:
        """Begin with nothing: a feature that training never sees must say nothing."""
        super().__init__()
        self.sums = nn.EmbeddingBag(1 << SPEC.bits, HIDDEN, mode="sum")
        nn.init.zeros_(self.sums.weight)
        self.bias = nn.Parameter(torch.zeros(HIDDEN))
        self.head = nn.Linear(2 * HIDDEN, len(INTENTS))

    def forward(self, buckets: torch.Tensor, offsets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return the margins of a batch: (texts, intents)."""
        hidden = self.sums(buckets, offsets, per_sample_weights=weights) + self.bias
        return self.head(torch.cat((hidden, hidden.abs()), 1))


def train(
    rows: Sequence[Row], targets: np.ndarray, weights: np.ndarray, say: Callable[[str], None], seed: int = 1
) -> Student:
    """Return a student of `targets` (texts, intents), each counting by its weight."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    chance = np.random.default_rng(seed)
    model = Student()
    optimiser = torch.optim.Adam(
        [
            {"params": [model.sums.weight, model.bias], "lr": RATE},
            {"params": model.head.parameters(), "lr": HEAD_RATE},
        ]
    )
    wanted, counts = torch.tensor(targets, dtype=torch.float32), torch.tensor(weights, dtype=torch.float32)
    batches = -(-len(rows) // BATCH)
    steps, step = EPOCHS * batches, 0
    for epoch in range(EPOCHS):
        total = 0.0
        for places in np.array_split(chance.permutation(len(rows)), batches):
            rate = 1 - step / steps
            optimiser.param_groups[0]["lr"], optimiser.param_groups[1]["lr"] = RATE * rate, HEAD_RATE * rate
            margins = model(*_batch([rows[place] for place in places], chance))
            losses = -(wanted[places] * functional.log_softmax(margins, 1)).sum(1)
            loss = (losses * counts[places]).sum() / counts[places].sum()
            used = model.sums.weight.square().sum()
            (loss + DECAY * used).backward()
            optimiser.step()
            optimiser.zero_grad()
            total += loss.item()
            step += 1
        say(f"the small model: epoch {epoch + 1} of {EPOCHS}, loss {total / batches:.3f}")
    return model.eval()


def _batch(
    rows: Sequence[Row], chance: np.random.Generator | None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    buckets = np.concatenate([found for found, _ in rows])
    weights = np.concatenate([share for _, share in rows])
    if chance is not None:
        weights = weights * (chance.random(len(weights)) > DROPPED) / (1 - DROPPED)
    offsets = np.cumsum([0, *(len(found) for found, _ in rows[:-1])])
    return torch.from_numpy(buckets), torch.from_numpy(offsets), torch.from_numpy(weights.astype(np.float32))


def margins(model: Student, rows: Sequence[Row]) -> np.ndarray:
    """Return the margins of the rows: (texts, intents)."""
    with torch.inference_mode():
        return np.concatenate(
            [model(*_batch(rows[left : left + 256], None)).numpy() for left in range(0, len(rows), 256)]
        )


def shipped(model: Student, temperature: float) -> LinearModel:
    """Return the model as the layer carries it, the sums' weights rounded to eight bits."""
    sums = model.sums.weight.detach().T.numpy()
    planes = [_rounded(plane) for plane in sums]
    head = model.head.weight.detach().numpy()
    return LinearModel(
        spec=SPEC,
        labels=tuple(f"hidden {place}" for place in range(HIDDEN)),
        planes=tuple(plane for plane, _ in planes),
        scales=tuple(scale for _, scale in planes),
        biases=tuple(round(float(bias), 6) for bias in model.bias.detach()),
        notes={
            "intents": INTENTS,
            "head": [[round(float(weight), 5) for weight in each] for each in head],
            "head_bias": [round(float(bias), 5) for bias in model.head.bias.detach()],
            "temperature": round(temperature, 4),
        },
    )


def _rounded(plane: np.ndarray) -> tuple[list[int], float]:
    largest = float(np.quantile(np.abs(plane), 1 - OUTLIERS)) or 1.0
    scale = largest / LEVELS
    return [round(float(weight)) for weight in np.clip(plane / scale, -LEVELS, LEVELS)], scale
