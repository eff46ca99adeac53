"""What the screen learns from: sheets that can be read, and nothing of what judges it."""

import json
from collections import Counter

import pytest

from silent_infinity.domain.crisis.learned import CLASSES
from training.screen.compose import GRAMMAR, compose
from training.screen.dataset import (
    CALIBRATION,
    CORPUS,
    GOLDEN,
    TALK,
    everyday,
    examples,
    level_of,
    read_cases,
)
from training.sheets import read_sheet

CATEGORIES = {
    0: "idiom gaming work_study news fiction lyrics academic medication grief everyday health sports tech "
    "service joke chat coping hope",
    1: "sadness anxiety loneliness hopeless_mood anger grief breakup denial resolved_past burnout body_image "
    "trauma shame fear",
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
    learned = {example.text for example in [*examples(7), *everyday(held_out=False)]}

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
    levels = Counter(level_of(example.label) for example in [*examples(7), *everyday(held_out=False)])

    assert levels[0] + levels[1] >= levels[2] + levels[3] + levels[4]
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


def test_everyday_talk_is_calm_and_kept_apart_for_calibration() -> None:
    """A fifth of it sets thresholds, and what sets them was not learned by heart."""
    learned, kept = everyday(held_out=False), everyday(held_out=True)

    assert {level_of(example.label) for example in [*learned, *kept]} == {0, 1}
    assert not {example.text for example in learned} & {example.text for example in kept}
    assert 0.15 < len(kept) / (len(learned) + len(kept)) < 0.25
    assert sum(len(example.parts) > 1 for example in learned) > 0.2 * len(learned)


def test_sheets_of_talk_show_what_was_said_before() -> None:
    """In a conversation a message is read with those before it; alone it is somebody else's message."""
    talk = [example for example in examples(7) if example.source in TALK]

    assert len(talk) > 1900
    assert sum(len(example.parts) > 1 for example in talk) > 0.4 * len(talk)
