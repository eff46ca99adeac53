"""Words that mean much the same for a turn, as the large model sees them: `data/intent_clusters.json`.

The small model has seen few words. A word that no sheet holds stands for itself badly; it stands for its
cluster well. Each word is read by the large model alone, and what it makes of them is grouped by k-means.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import numpy as np
import torch
from sklearn.cluster import MiniBatchKMeans

from silent_infinity.domain.intent.words import places
from training.turn_class.teacher import BASE, Teacher

CLUSTERS: Final = 300
COMMON: Final = 11_000
"""Of the starting point's vocabulary, which is ordered by how common a word is."""
_WORD: Final = re.compile(r"[a-z]{3,}")
_ABOUT: Final = "Words by cluster, made by `./run train-turn-class`. Not edited by hand."


def write_clusters(model: Teacher, texts: Iterable[str], path: Path, say: Callable[[str], None]) -> None:
    """Group the common words and those of `texts`, and write the groups to `path`."""
    vocabulary = (BASE / "vocab.txt").read_text(encoding="utf-8").split("\n")
    counts = Counter(place.word.replace("'", "") for text in texts for place in places(text))
    common = [word for word in vocabulary[:COMMON] if _WORD.fullmatch(word)]
    words = list(
        dict.fromkeys([*common, *(word for word, _ in counts.most_common() if _WORD.fullmatch(word))])
    )
    say(f"the large model reads {len(words)} words")
    found = MiniBatchKMeans(CLUSTERS, random_state=1, n_init=3, batch_size=2048).fit_predict(
        _read(model, words)
    )
    groups: list[list[str]] = [[] for _ in range(CLUSTERS)]
    for word, group in zip(words, found, strict=True):
        groups[group].append(word)
    lines = ",\n".join(f"  {json.dumps(' '.join(sorted(group)))}" for group in sorted(groups) if group)
    path.write_text(
        f'{{\n "about": {json.dumps(_ABOUT)},\n "clusters": [\n{lines}\n ]\n}}\n', encoding="utf-8"
    )


def _read(model: Teacher, words: list[str]) -> np.ndarray:
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        found = [
            model.meaning(words[left : left + 256]).float().numpy() for left in range(0, len(words), 256)
        ]
    vectors = np.concatenate(found)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
