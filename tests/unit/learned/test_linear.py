"""A model's file gives back what was learned, and nothing else passes for a model."""

from math import sqrt

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from silent_infinity.domain.learned.features import Features, FeatureSpec
from silent_infinity.domain.learned.linear import (
    LinearModel,
    ModelFileError,
    probability,
    quantised,
    read,
    write,
)

SPEC = FeatureSpec(bits=3, words=(1,), characters=(3,))
MODEL = LinearModel(
    SPEC,
    labels=("calm", "urgent"),
    planes=((10, 0, 0, 0, 0, 0, 0, -20), (0, 127, 0, 0, 0, 0, 0, -127)),
    scales=(0.1, 0.01),
    biases=(-0.5, 0.25),
    notes={"threshold": 1.5},
)


def test_margins_are_the_scaled_sums_plus_the_bias() -> None:
    """The arithmetic is written out once by hand, so that a clever rewrite cannot change it."""
    found = Features(words=frozenset({0, 1, 2, 7}), characters=frozenset({7}), signs=frozenset())

    margins = MODEL.margins(found)

    assert margins[0] == pytest.approx(-0.5 + 0.1 * ((10 - 20) / 2 - 20))
    assert margins[1] == pytest.approx(0.25 + 0.01 * ((127 - 127) / 2 - 127))
    assert MODEL.margin(found) == margins[0]


def test_a_text_without_features_scores_the_bias() -> None:
    """An empty text must not divide by zero."""
    assert MODEL.margins(Features(frozenset(), frozenset())) == (-0.5, 0.25)


def test_each_kind_of_feature_is_scaled_by_the_root_of_its_own_count() -> None:
    """A hundred character n-grams must not drown one telling word."""
    found = Features(words=frozenset({0}), characters=frozenset({0, 1, 2}), signs=frozenset({0}))

    assert MODEL.margin(found) == pytest.approx(-0.5 + 0.1 * (10 + 10 / sqrt(3) + 10))


BUCKETS = st.frozensets(st.integers(0, 63))
WEIGHTS = st.lists(st.integers(-127, 127), min_size=64, max_size=64)
NUMBERS = st.floats(-9, 9)


@given(
    st.builds(Features, BUCKETS, BUCKETS, BUCKETS),
    st.lists(st.tuples(WEIGHTS, NUMBERS, NUMBERS), min_size=1, max_size=6),
)
@example(Features(frozenset(), frozenset()), [([1] * 64, 0.1, 0.5)])
@example(Features(frozenset({5}), frozenset()), [(list(range(64)), 0.1, 0.5)])
@example(Features(*[frozenset(range(64))] * 3), [(list(range(64)), 0.1, 0.5)] * 20)
@settings(max_examples=200, deadline=None)
def test_margins_are_to_the_last_bit_those_of_weights_looked_up_one_by_one(
    found: Features, parts: list[tuple[list[int], float, float]]
) -> None:
    """Thresholds were measured with the plain formula: looking weights up at once must not move any."""
    planes, scales, biases = zip(*parts, strict=True)
    labels = tuple(str(place) for place in range(len(parts)))
    model = read(write(LinearModel(FeatureSpec(6, (1,), (3,)), labels, planes, scales, biases)))

    kinds = [(buckets, 1.0 / sqrt(len(buckets))) for buckets in found.kinds if buckets]
    one_by_one = tuple(
        bias + scale * sum(sum(map(plane.__getitem__, buckets)) * share for buckets, share in kinds)
        for plane, scale, bias in zip(planes, scales, biases, strict=True)
    )
    assert model.margins(found) == one_by_one


@given(st.lists(st.integers(-127, 127), min_size=16, max_size=16), st.floats(-9, 9), st.floats(0.001, 9))
@settings(max_examples=80, deadline=None)
def test_a_model_comes_back_from_its_file_as_it_was(weights: list[int], bias: float, scale: float) -> None:
    """What was measured in training is what is shipped."""
    model = LinearModel(
        SPEC, ("a", "b"), (weights[:8], weights[8:]), (scale, 1.0), (bias, 0.0), {"über": [1, 2]}
    )
    again = read(write(model))

    assert [list(plane) for plane in again.planes] == [weights[:8], weights[8:]]
    assert (again.spec, again.labels, again.scales, again.biases, again.notes) == (
        model.spec,
        model.labels,
        model.scales,
        model.biases,
        model.notes,
    )
    assert write(again) == write(model)


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"NOPE",
        write(MODEL)[:30],
        write(MODEL)[:-3],
        write(MODEL).replace(b'"bits": 3', b'"bits": 4'),
        write(MODEL).replace(b"urgent", b"urg\xffnt"),
        write(MODEL).replace(b'"scales"', b'"scalez"'),
    ],
    ids=["empty", "other letters", "cut header", "cut weights", "wrong size", "no text", "no scales"],
)
def test_a_damaged_file_is_refused(broken: bytes) -> None:
    """A model that is half there would answer, wrongly."""
    with pytest.raises(ModelFileError):
        read(broken)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_quantised_weights_stay_within_half_a_step(weights: list[float]) -> None:
    """The loss by eight bits is bounded, not hoped for."""
    whole, scale = quantised(weights)

    assert all(-127 <= value <= 127 for value in whole)
    assert all(
        abs(value * scale - weight) <= scale * 0.500001 for value, weight in zip(whole, weights, strict=True)
    )


def test_a_probability_grows_with_its_margin_and_never_overflows() -> None:
    """Scores are compared with thresholds; a NaN would compare false with every one."""
    values = [probability(margin) for margin in (-1e9, -3.0, -0.1, 0.0, 0.1, 3.0, 1e9)]

    assert values == sorted(values)
    assert values[0] >= 0.0
    assert values[3] == 0.5
    assert values[-1] <= 1.0
