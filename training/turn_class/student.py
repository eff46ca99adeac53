"""The small model: a few sums over hashed features, and a network of one hidden layer over them.

The sums are what `LinearModel` computes; the layers are written into its notes, where `domain.intent.learned`
finds them. It learns from what the large model thinks of many messages, and from the sheets themselves.
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
SUMS: Final = 20
HIDDEN: Final = 48
EPOCHS: Final = 7
BATCH: Final = 96
RATE: Final = 4e-3
HEAD_RATE: Final = 2e-3
DECAY: Final = 3e-7
DROPPED: Final = 0.05
"""Share of features that are left out each time: no single one may be all that a message is known by."""

SEEN: Final = 3
"""Messages that a feature has to be in before it is learned: fewer are chance."""
LEVELS: Final = 6
"""Shipped weights are whole numbers from -6 to 6: the file is small, and what is rounded off evens out."""
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
    """Sums over features, and a network of one hidden layer over those."""

    def __init__(self) -> None:
        """Begin with nothing: a feature that training never sees must say nothing."""
        super().__init__()
        self.sums = nn.EmbeddingBag(1 << SPEC.bits, SUMS, mode="sum")
        nn.init.zeros_(self.sums.weight)
        self.bias = nn.Parameter(torch.zeros(SUMS))
        self.hidden = nn.Linear(SUMS, HIDDEN)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(HIDDEN, len(INTENTS))

    def forward(self, buckets: torch.Tensor, offsets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Return the margins of a batch: (texts, intents)."""
        sums = self.sums(buckets, offsets, per_sample_weights=weights) + self.bias
        return self.head(self.dropout(functional.relu(self.hidden(sums))))


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
            {"params": [*model.hidden.parameters(), *model.head.parameters()], "lr": HEAD_RATE},
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
    return LinearModel(
        spec=SPEC,
        labels=tuple(f"sum {place}" for place in range(SUMS)),
        planes=tuple(plane for plane, _ in planes),
        scales=tuple(scale for _, scale in planes),
        biases=_short(model.bias),
        notes={
            "intents": INTENTS,
            "hidden": [_short(row) for row in model.hidden.weight],
            "hidden_bias": _short(model.hidden.bias),
            "head": [_short(row) for row in model.head.weight],
            "head_bias": _short(model.head.bias),
            "temperature": round(temperature, 4),
        },
    )


def _short(row: torch.Tensor) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in row.detach())


def _rounded(plane: np.ndarray) -> tuple[list[int], float]:
    largest = float(np.quantile(np.abs(plane), 1 - OUTLIERS)) or 1.0
    scale = largest / LEVELS
    return [round(float(weight)) for weight in np.clip(plane / scale, -LEVELS, LEVELS)], scale
