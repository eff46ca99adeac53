"""Stage b: what makes a verdict of probabilities, and which messages it reads at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.crisis import learned
from silent_infinity.domain.crisis.learned import (
    CLASSES,
    Classes,
    Thresholds,
    in_context,
    learned_stage,
    linear_classes,
    log_odds,
    reads,
    risk,
    rule_signs,
    softmax,
    thresholds,
    verdict,
)
from silent_infinity.domain.crisis.screen import RULE_STAGE
from silent_infinity.domain.crisis.stages import LAYER_STAGES
from silent_infinity.domain.crisis.verdict import RISK_LEVEL, ScreenCase, Verdict
from silent_infinity.domain.learned.features import FeatureSpec
from silent_infinity.domain.learned.linear import LinearModel

LIMITS = Thresholds(flag=0.5, serious=0.5, imminent=0.5, distress=0.5, step=1.2)
CALM = (0.9, 0.05, 0.05, 0.0, 0.0, 0.0)
PASSIVE = (0.1, 0.1, 0.6, 0.1, 0.1, 0.0)

probabilities = st.lists(st.floats(-8, 8), min_size=len(CLASSES), max_size=len(CLASSES)).map(softmax)


@pytest.mark.parametrize(
    ("classes", "level", "about_other"),
    [
        (CALM, 0, False),
        ((0.3, 0.6, 0.1, 0.0, 0.0, 0.0), 1, False),
        ((0.2, 0.4, 0.4, 0.0, 0.0, 0.0), 1, False),
        (PASSIVE, 2, False),
        ((0.1, 0.1, 0.2, 0.5, 0.1, 0.0), 3, False),
        ((0.1, 0.1, 0.2, 0.35, 0.25, 0.0), 3, False),
        ((0.1, 0.1, 0.1, 0.1, 0.6, 0.0), 4, False),
        ((0.2, 0.1, 0.1, 0.0, 0.0, 0.6), 2, True),
        ((0.0, 0.0, 0.0, 0.2, 0.2, 0.6), 2, True),
    ],
    ids=[
        *("calm", "distress", "distress, nearly a risk", "passive", "active", "active or imminent"),
        *("imminent", "another person", "another person, urgent"),
    ],
)
def test_a_level_follows_from_the_probabilities(classes: Classes, level: int, about_other: bool) -> None:
    """The thresholds are the only place where numbers become a level."""
    found = verdict(classes, LIMITS, "learned")

    assert (found.level, found.about_other) == (level, about_other)


@given(probabilities, st.floats(0.05, 0.95))
def test_a_message_is_flagged_from_the_threshold_on_and_never_below(classes: Classes, flag: float) -> None:
    """Calibration sets one number; if the level did not follow it, its figures would be of something else."""
    limits = Thresholds(flag=flag, serious=0.5, imminent=0.5, distress=0.5, step=1.2)

    found = verdict(classes, limits, "learned")

    assert (found.level >= RISK_LEVEL) == (risk(classes) >= flag)
    assert found.score == pytest.approx(risk(classes))
    assert bool(found.rule_ids) == (found.level >= RISK_LEVEL)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i do not know what to do any more", True),
        ("hi", True),
        ("no se que hacer con mi vida", False),
        ("ich weiss nicht mehr weiter und habe angst", False),
        ("मैं बहुत थक गया हूँ", False),
        ("my abuela says no te preocupes but i worry about her", True),
        ("quiero dormir para siempre", False),
        ("no quiero estar aqui manana", False),
        ("nao me vejo no futuro", False),
        ("on ne me reverra plus", False),
        ("ich will nicht mehr", False),
        ("no one called me on my birthday", True),
        ("can not sleep and hurting every night since tuesday afternoon", True),
        ("i want to die , yaar , मैं", True),
        ("मर जाना चाहता", False),
        ("", True),
    ],
)
def test_only_english_is_read(text: str, expected: bool) -> None:
    """A model says something of every text; of a language that it has never seen, it says nothing true."""
    assert reads(text) is expected


def test_a_message_in_another_language_gets_no_verdict() -> None:
    """Then the ambiguous band is the whole of it, and the model that reads all languages is asked."""
    assert learned_stage(ScreenCase("no sé qué hacer con mi vida, estoy muy cansado de todo")) is None


def _scripted(**scores: float) -> learned.Score:
    def score(text: str) -> Classes:
        probability = scores[text.replace(" . ", "_").replace(" ", "_")]
        return (1 - probability, 0.0, probability, 0.0, 0.0, 0.0)

    return score


def test_two_messages_that_only_together_tell_are_one_disclosure() -> None:
    """People send half a sentence, breathe, and send the other half."""
    score = _scripted(the_pills=0.2, they_are_ready=0.2, they_are_ready_the_pills=0.8)
    case = ScreenCase("the pills", ["they are ready"])

    assert risk(in_context(case, "the pills", score, LIMITS)) == pytest.approx(0.8)


def test_a_risky_message_does_not_flag_the_next_one() -> None:
    """The session's posture remembers; the screen itself judges what is said now."""
    score = _scripted(hi=0.01, i_want_to_die=0.99, i_want_to_die_hi=0.95)
    case = ScreenCase("hi", ["i want to die"])

    assert risk(in_context(case, "hi", score, LIMITS)) == pytest.approx(0.01)


def test_a_sad_message_does_not_lift_the_next_one_over_the_line() -> None:
    """A small step from 0.4 to 0.55 is no disclosure: nothing was added to it."""
    score = _scripted(hi=0.01, i_am_sad=0.4, i_am_sad_hi=0.55)
    case = ScreenCase("hi", ["i am sad"])

    assert risk(in_context(case, "hi", score, LIMITS)) == pytest.approx(0.01)


NUMBERS = "one two three four five six seven eight nine ten"


def _asked(case: ScreenCase, own: str, *, alone: float = 0.0, before: float = 0.0) -> list[str]:
    """Return what the model is given to read, of which the first is always the message alone."""
    asked: list[str] = []

    def score(text: str) -> Classes:
        asked.append(text)
        probability = alone if text == own else before
        return (1 - probability, 0.0, probability, 0.0, 0.0, 0.0)

    in_context(case, own, score, LIMITS)
    return asked


def test_the_last_two_messages_are_read_before_this_one_in_the_order_of_writing() -> None:
    """What was said an hour ago is not the other half of this sentence."""
    case = ScreenCase("ready now", ["my mother called", "they are here", "the pills"])

    assert _asked(case, "ready now") == [
        "ready now",
        "they are here . the pills",
        "they are here . the pills . ready now",
    ]


def test_of_a_long_message_before_this_one_its_end_is_read() -> None:
    """A sentence is continued where it was broken off."""
    case = ScreenCase("ready now", [f"the beginning {NUMBERS} {' '.join([NUMBERS] * 3)} and the end"])

    before = _asked(case, "ready now")[1]

    assert len(before.split()) == 40
    assert before.endswith("ten and the end")
    assert "beginning" not in before


@pytest.mark.parametrize(
    ("own", "alone", "before", "reads_together"),
    [
        ("the pills", 0.0, 0.0, True),
        ("the pills", 0.5, 0.0, False),
        (" ".join([NUMBERS] * 4), 0.0, 0.0, True),
        (" ".join([NUMBERS] * 4) + " more", 0.0, 0.0, False),
        ("the pills", 0.0, 0.5, False),
    ],
    ids=["two halves", "a risk already", "as long as may be", "long enough to tell", "a risk before"],
)
def test_messages_are_read_together_only_where_neither_tells_alone(
    own: str, alone: float, before: float, reads_together: bool
) -> None:
    """Everything else costs time, and flags people again for what they said before."""
    asked = _asked(ScreenCase(own, ["they are ready"]), own, alone=alone, before=before)

    assert (asked[-1] == f"they are ready . {own}") is reads_together


def test_what_a_message_brings_along_itself_is_no_step() -> None:
    """0.4 alone and 0.5 after a calm message: the message before it added next to nothing."""
    score = _scripted(the_pills=0.4, i_slept=0.1, i_slept_the_pills=0.55)
    case = ScreenCase("the pills", ["i slept"])

    assert risk(in_context(case, "the pills", score, LIMITS)) == pytest.approx(0.4)


def test_the_model_is_told_all_that_the_rules_found() -> None:
    """Training wrote these names; another spelling is a feature that no weight belongs to."""
    assert rule_signs(None) == ()
    assert rule_signs(Verdict(0)) == ("rules:0",)
    assert rule_signs(Verdict(2, ("a", "b"), about_other=True)) == ("rules:2", "rules:other", "a", "b")


def test_a_higher_temperature_makes_a_model_less_sure() -> None:
    """Calibration sets it for each model, in what that model brings along."""
    spec = FeatureSpec(bits=1, words=(1,), characters=())
    biases = (3.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    planes = (((0, 0),) * len(CLASSES), (1.0,) * len(CLASSES))
    model = LinearModel(spec, CLASSES, *planes, biases, {"temperature": 3.0})

    assert linear_classes(model, "hi", ()) == pytest.approx(softmax((1.0, 0.0, 0.0, 0.0, 0.0, 0.0)))
    assert softmax(biases, 3.0)[0] < softmax(biases)[0] < softmax(biases, 0.5)[0]


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_a_certain_probability_has_finite_odds(probability: float) -> None:
    """Rounding makes a sure model certain, and infinity would silence every other stage."""
    assert abs(log_odds(probability)) == pytest.approx(13.8, abs=0.1)


def test_the_model_that_ships_reads_the_rules_findings() -> None:
    """The rules are a feature of it: what they found makes the same words riskier."""
    message = "i want to end my life"
    rules = RULE_STAGE[1](ScreenCase(message))
    assert rules is not None

    alone = learned_stage(ScreenCase(message))
    informed = learned_stage(ScreenCase(message, found={"rules": rules}))

    assert alone is not None
    assert informed is not None
    assert (informed.score or 0) > (alone.score or 0)


def test_the_layer_has_rules_first_and_the_linear_model_after_them() -> None:
    """In the other order the model would not hear the rules."""
    assert [name for name, _ in LAYER_STAGES] == ["rules", "learned"]


@pytest.mark.parametrize("stage", ["learned", "semantic"])
def test_the_thresholds_that_ship_are_probabilities(stage: str) -> None:
    """A threshold above 1 would switch a stage off in silence."""
    limits = thresholds(stage)

    assert 0 < limits.flag < 1
    assert all(0 < share < 1 for share in (limits.serious, limits.imminent, limits.distress))
    assert limits.step > 0
