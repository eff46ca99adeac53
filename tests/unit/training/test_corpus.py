"""What the screen learns from: sheets that can be read, and nothing of what judges it."""

import json
from collections import Counter

import pytest

from silent_infinity.domain.crisis.learned import CLASSES
from training.screen.compose import GRAMMAR, compose
from training.screen.dataset import CALIBRATION, CORPUS, GOLDEN, examples, level_of, read_cases
from training.sheets import read_sheet

CATEGORIES = {
    0: "idiom gaming work_study news fiction lyrics academic medication grief everyday health sports tech "
    "service joke",
    1: "sadness anxiety loneliness hopeless_mood anger grief breakup denial resolved_past burnout body_image "
    "trauma",
    2: "passive_wish burden self_harm_urge euphemism past_returning other_at_risk",
    3: "wants_to_die plan self_harm_current means_seeking means_saving belongings denial_taken_back "
    "cannot_promise",
    4: "tonight means_at_hand in_progress taken goodbye",
}
SHEETS = sorted(CORPUS.glob("*.txt"))


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.stem)
def test_every_heading_is_a_level_of_the_rubric_with_a_category_of_it(sheet: object) -> None:
    """A misspelled heading would teach its messages wrongly, or not at all."""
    path = next(each for each in SHEETS if each == sheet)
    found = {(message.label, message.category) for message in read_sheet(path)}

    known = {(str(level), name) for level, names in CATEGORIES.items() for name in names.split()}
    assert found <= known


def test_nothing_that_judges_the_screen_is_learned() -> None:
    """Figures on messages that were learned by heart say nothing."""
    learned = {example.text for example in examples(7)}

    for path in (*CALIBRATION, *GOLDEN):
        assert not learned & {case.text for case in read_cases(path)}, path.name


def test_the_sets_that_judge_have_no_message_in_common() -> None:
    """Thresholds that were set on a golden message would flatter it."""
    calibration = {case.text for path in CALIBRATION for case in read_cases(path)}
    golden = [{case.text for case in read_cases(path)} for path in GOLDEN]

    # Plain words that anybody may write, such as "i took all of them", may meet.
    assert all(len(calibration & texts) <= 5 for texts in golden)
    assert len(golden[0] & golden[1]) <= 2


def test_there_are_at_least_as_many_calm_messages_as_risky_ones_at_the_line() -> None:
    """A screen that has seen mostly risk finds it everywhere."""
    levels = Counter(level_of(example.label) for example in examples(7))

    assert levels[0] + levels[1] >= 0.8 * (levels[2] + levels[3] + levels[4])
    assert min(levels[level] for level in range(5)) >= 2000


def test_composed_messages_are_the_same_for_the_same_seed_and_differ_for_another() -> None:
    """Otherwise nobody could train the same model twice."""
    assert compose(50, 1) == compose(50, 1)
    assert compose(50, 1) != compose(50, 2)


def test_the_grammar_leaves_no_slot_unfilled_and_uses_every_filling() -> None:
    """A slot that stayed would teach the model to look for braces."""
    grammar = json.loads(GRAMMAR.read_text(encoding="utf-8"))
    frames = " ".join(text for frame in grammar["frames"] for text in frame["text"])

    assert not any("{" in composed.text for composed in compose(500, 3))
    assert all(f"{{{name}}}" in frames for name in grammar["fillings"])
    assert {(frame["level"], frame["category"]) for frame in grammar["frames"]} <= {
        (level, name) for level, names in CATEGORIES.items() for name in names.split()
    }


def test_another_persons_risk_is_a_class_of_its_own_and_level_two() -> None:
    """Its reply speaks of them."""
    other = CLASSES.index("other")

    assert level_of(other) == 2
    assert any(example.label == other for example in examples(7))
