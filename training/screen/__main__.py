"""`python -m training.screen`: make what the learned stages ship with. `./run train-screen` calls it."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from silent_infinity.adapters.encoder.stage import WEIGHTS, SemanticStage
from silent_infinity.domain.crisis.learned import rule_signs
from silent_infinity.domain.crisis.rules import screen_message
from silent_infinity.domain.learned.features import features
from silent_infinity.domain.learned.linear import LinearModel, read, write
from training.screen.dataset import CALIBRATION, Example, everyday, examples, read_cases

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ROOT / "functions" / "layer" / "python" / "silent_infinity"
LINEAR: Final = PACKAGE / "data" / "crisis_screen.bin"
SCREEN: Final = PACKAGE / "data" / "screen.json"
ENCODER: Final = ROOT / "functions" / "crisis_screen" / WEIGHTS
SEED: Final = 7
PARTS: Final = ("linear", "encoder", "thresholds")


def main(arguments: Sequence[str]) -> int:
    """Train the named parts, all by default, in their order."""
    parser = argparse.ArgumentParser(prog="./run train-screen", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=f"{', '.join(PARTS)}")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="processors for the encoder")
    options = parser.parse_args(arguments)
    wanted = options.parts or PARTS
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:7.1f} s  {text}", flush=True)

    if "linear" in wanted:
        train_linear(say)
    if "encoder" in wanted:
        train_encoder(options.threads, say)
    if "thresholds" in wanted:
        derive_thresholds(say)
    return 0


def train_linear(say: Callable[[str], None]) -> None:
    """Train stage b on the corpus; its temperature comes from the calibration set."""
    from training.screen import linear
    from training.screen.calibrate import temperature

    corpus = [*examples(SEED), *everyday(held_out=False)]
    say(f"linear model: features of {len(corpus)} messages")
    fitted = linear.fit(linear.matrix(corpus), [example.label for example in corpus], SEED)
    model = linear.shipped(fitted, 1.0)
    known = calibration()
    heat = temperature([_margins(model, example) for example in known], [example.label for example in known])
    LINEAR.write_bytes(write(linear.shipped(fitted, heat)))
    say(f"linear model: {LINEAR.stat().st_size / 1e6:.2f} MB, temperature {heat}")


def train_encoder(threads: int, say: Callable[[str], None]) -> None:
    """Fine-tune the encoder on the corpus."""
    import numpy as np
    import torch

    from training.screen import encoder

    torch.set_num_threads(threads)
    corpus = examples(SEED)
    say(f"encoder: {len(corpus)} messages")
    model = encoder.train_in_parts(corpus, everyday(held_out=False), lambda text: say(f"encoder: {text}"))
    np.savez(ENCODER, **encoder.arrays(model))
    say(f"encoder: {ENCODER.stat().st_size / 1e6:.1f} MB")


def derive_thresholds(say: Callable[[str], None]) -> None:
    """Write what the calibration set says into `data/screen.json`; other parts of that file stay."""
    from training.screen import calibrate

    kept: dict[str, Any] = json.loads(SCREEN.read_text(encoding="utf-8"))
    known = calibration()
    semantic = SemanticStage(ENCODER)
    labels = [example.label for example in known]
    heat = calibrate.temperature([semantic.margins(example.text) for example in known], labels)
    semantic = SemanticStage(ENCODER, temperature=heat)
    found = calibrate.readings(known, read(LINEAR.read_bytes()), semantic)
    derived = calibrate.screen_data(found, heat)
    SCREEN.write_text(json.dumps(kept | derived, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    say(f"thresholds: {json.dumps(derived)}")


def calibration() -> list[Example]:
    """Return the messages that thresholds are derived from."""
    return [*(case for path in CALIBRATION for case in read_cases(path)), *everyday(held_out=True)]


def _margins(model: LinearModel, example: Example) -> Sequence[float]:
    signs = rule_signs(screen_message(example.raw[-1], example.raw[:-1]))
    return model.margins(features(example.text, model.spec, signs))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
