"""Derive the thresholds of the learned stages from messages that neither of them was trained on.

The calibration sets were written apart from the training sheets and apart from the golden sets; two of them
were golden sets until somebody looked at what was wrong in them. All that is chosen here is chosen on them:
temperatures, how the two models are put together, and the thresholds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression

from silent_infinity.adapters.encoder.stage import SemanticStage
from silent_infinity.domain.crisis.learned import (
    CLASSES,
    Classes,
    linear_classes,
    log_odds,
    mixed_risk,
    risk,
    rule_signs,
    softmax,
)
from silent_infinity.domain.crisis.rules import screen_message
from silent_infinity.domain.crisis.verdict import RISK_LEVEL
from silent_infinity.domain.learned.linear import LinearModel
from training.screen.dataset import Example, level_of

LINEAR_FALSE_ALARMS = 0.01
"""Of calm messages, flagged by the linear model alone. It decides by itself only where the encoder is down or
sure to agree, so it is strict."""

FALSE_ALARMS = 0.04
"""Of calm messages, flagged by rules, linear model and encoder together: below the 5 % that are allowed, for
messages that nobody has seen score worse than those on which a threshold was set."""

EVERYDAY_FALSE_ALARMS = {"learned": 0.005, "semantic": 0.01}
"""Of everyday messages, flagged by the linear model alone, and by all together. A conversation is made of
them, and each false alarm keeps it in the crisis flow for three more turns."""

BAND_SENSITIVITY = 0.994
"""Share of risky messages that lie above the lower end of the ambiguous band: what is below it, no model is
asked about. Of 735 risky messages of the calibration sets five lie below, far from the next ones."""

FALSE_DISTRESS = 0.05
"""Of neutral messages (level 0), taken for distress (level 1) by a stage."""

STEP = 1.2
"""Log-odds by which two messages must be riskier together than either alone. Of 250 risky calibration
messages cut in two, 95 % are found with it (92 % whole); of 242 calm ones followed by "hi", "ok" or the like,
one is flagged, and of 250 pairs of calm messages three."""

_SHARES = np.arange(0.2, 0.85, 0.05)
_PENALTY = 1.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What the stages say of one calibration message, before any threshold."""

    label: int
    rules_level: int
    linear: Classes
    encoder: Classes
    everyday: bool = False

    @property
    def risky(self) -> bool:
        """Whether the message is at level 2 or more."""
        return level_of(self.label) >= RISK_LEVEL


def temperature(margins: Sequence[Sequence[float]], labels: Sequence[int]) -> float:
    """Return the temperature that makes the labels likeliest (Guo et al. 2017, arXiv:1706.04599)."""

    def loss(value: float) -> float:
        return -sum(
            log(max(softmax(row, value)[label], 1e-9)) for row, label in zip(margins, labels, strict=True)
        )

    return round(float(minimize_scalar(loss, bounds=(0.3, 5.0), method="bounded").x), 3)


def readings(examples: Sequence[Example], linear: LinearModel, semantic: SemanticStage) -> list[Reading]:
    """Return what every stage says of every example."""
    found: list[Reading] = []
    for example in examples:
        rules = screen_message(example.raw[-1], example.raw[:-1])
        found.append(
            Reading(
                example.label,
                rules.level,
                linear_classes(linear, example.text, rule_signs(rules)),
                semantic.classes(example.text),
                everyday=example.source == "everyday",
            )
        )
    return found


def mixture(found: Sequence[Reading]) -> dict[str, float]:
    """Return the weights by which the two models and the rules make one probability."""
    features = [
        [
            log_odds(risk(each.encoder)),
            log_odds(risk(each.linear)),
            float(each.rules_level >= RISK_LEVEL),
            float(each.rules_level == 1),
        ]
        for each in found
    ]
    fitted = LogisticRegression(C=_PENALTY, max_iter=1000).fit(features, [each.risky for each in found])
    names = ("encoder", "linear", "rules_risk", "rules_distress")
    weights = dict(zip(names, map(float, fitted.coef_[0]), strict=True)) | {
        "bias": float(fitted.intercept_[0])
    }
    return {name: round(value, 4) for name, value in weights.items()}


def mixed(each: Reading, weights: dict[str, float]) -> float:
    """Return the probability of risk of all stages together."""
    return mixed_risk(weights, risk(each.encoder), risk(each.linear), each.rules_level)


def screen_data(found: Sequence[Reading], encoder_temperature: float) -> dict[str, Any]:
    """Return the content of `data/screen.json` but for its notes."""
    weights = mixture(found)
    linear = [risk(each.linear) for each in found]
    both = [mixed(each, weights) for each in found]
    risky = [each.risky for each in found]
    talk = [each.everyday for each in found]
    linear_flag = max(
        _flag(linear, risky, [False] * len(found), LINEAR_FALSE_ALARMS, talk, among=False),
        _flag(linear, risky, [False] * len(found), EVERYDAY_FALSE_ALARMS["learned"], talk, among=True),
    )
    already = [
        each.rules_level >= RISK_LEVEL or score >= linear_flag
        for each, score in zip(found, linear, strict=True)
    ]
    flag = max(
        _flag(both, risky, already, FALSE_ALARMS, talk, among=False),
        _flag(both, risky, already, EVERYDAY_FALSE_ALARMS["semantic"], talk, among=True),
    )
    low = float(
        np.quantile(
            [score for score, is_risky in zip(both, risky, strict=True) if is_risky], 1 - BAND_SENSITIVITY
        )
    )
    return {
        "band": {"low": round(min(low, flag / 2), 4)},
        "thresholds": {
            "learned": _limits(found, [each.linear for each in found], linear_flag),
            "semantic": _limits(found, [each.encoder for each in found], flag),
        },
        "mixture": weights,
        "encoder_temperature": encoder_temperature,
    }


def _flag(
    scores: Sequence[float],
    risky: Sequence[bool],
    already: Sequence[bool],
    allowed: float,
    everyday: Sequence[bool],
    *,
    among: bool,
) -> float:
    """Return the lowest threshold at which no more than `allowed` of the calm messages are flagged, those
    flagged already included: of everyday ones, or of all others.
    """
    rows = zip(scores, risky, already, everyday, strict=True)
    calm = [(score, known) for score, is_risky, known, talk in rows if not is_risky and talk == among]
    if not calm:
        return 0.0
    left = int(allowed * len(calm)) - sum(known for _, known in calm)
    others = sorted((score for score, known in calm if not known), reverse=True)
    # Between the last calm message that may be flagged and the next one.
    place = max(left, 0)
    return round((others[place] + others[place - 1]) / 2 if place else (others[0] + 1) / 2, 4)


def _limits(found: Sequence[Reading], classes: Sequence[Classes], flag: float) -> dict[str, float]:
    """Return a stage's thresholds; the shares of levels are those under which most levels are right."""
    risky = [(row, level_of(each.label)) for row, each in zip(classes, found, strict=True) if each.risky]
    best = max(
        ((serious, imminent) for serious in _SHARES for imminent in _SHARES),
        key=lambda pair: (_right(risky, *pair), -abs(pair[0] - 0.5) - abs(pair[1] - 0.5)),
    )
    neutral = sorted(
        row[1] / (row[0] + row[1]) for row, each in zip(classes, found, strict=True) if each.label == 0
    )
    distress = neutral[int((1 - FALSE_DISTRESS) * len(neutral))]
    return {
        "flag": flag,
        "serious": round(float(best[0]), 2),
        "imminent": round(float(best[1]), 2),
        "distress": round(float(distress), 2),
        "step": STEP,
    }


def _right(risky: Sequence[tuple[Classes, int]], serious: float, imminent: float) -> int:
    def level(row: Classes) -> int:
        probability = risk(row)
        if row[CLASSES.index("other")] > probability / 2:
            return RISK_LEVEL
        if row[4] >= imminent * probability:
            return 4
        return 3 if row[3] + row[4] >= serious * probability else RISK_LEVEL

    # Calling an emergency less than it is costs twice what the opposite does.
    return sum(2 if level(row) == wanted else 1 if level(row) > wanted else 0 for row, wanted in risky)
