"""Train stage b, the linear model over hashed word and character n-grams and the rules' own findings."""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from silent_infinity.domain.crisis.learned import CLASSES, rule_signs
from silent_infinity.domain.crisis.rules import screen_message
from silent_infinity.domain.learned.features import FeatureSpec, features
from silent_infinity.domain.learned.linear import LinearModel, quantised
from training.screen.dataset import Example

SPEC = FeatureSpec(bits=17, words=(1, 2, 3), characters=(3, 4, 5))
INVERSE_REGULARISATION = 10.0


def matrix(examples: Sequence[Example]) -> csr_matrix:
    """Return the features of the examples, one row each, weighted as `LinearModel.margins` weights them."""
    starts, columns, values = [0], list[int](), list[float]()
    for example in examples:
        found = screen_message(example.raw[-1], example.raw[:-1])
        for buckets in features(example.text, SPEC, rule_signs(found)).kinds:
            if buckets:
                columns += sorted(buckets)
                values += [1 / sqrt(len(buckets))] * len(buckets)
        starts.append(len(columns))
    rows = csr_matrix((values, columns, starts), shape=(len(examples), 1 << SPEC.bits))
    rows.sum_duplicates()
    return rows


def fit(rows: csr_matrix, labels: Sequence[int], seed: int) -> LogisticRegression:
    """Fit the multinomial regression."""
    return LogisticRegression(C=INVERSE_REGULARISATION, max_iter=400, random_state=seed).fit(rows, labels)


def shipped(fitted: LogisticRegression, temperature: float) -> LinearModel:
    """Return the model as the layer carries it, its weights rounded to eight bits."""
    planes = [quantised([float(weight) for weight in row]) for row in np.asarray(fitted.coef_)]
    return LinearModel(
        spec=SPEC,
        labels=CLASSES,
        planes=tuple(plane for plane, _ in planes),
        scales=tuple(scale for _, scale in planes),
        biases=tuple(float(bias) for bias in fitted.intercept_),
        notes={"temperature": round(temperature, 4)},
    )
