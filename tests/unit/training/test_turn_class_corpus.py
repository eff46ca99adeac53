"""What the turn classification learns from: sheets that can be read, and nothing of what judges it."""

import json
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from silent_infinity.domain.intent.rules import INTENTS
from tests.support.vectors import VECTORS
from training.sheets import SheetError
from training.turn_class.dataset import FOLDS, fold_of, load, unlabelled
from training.turn_class.variety import misspelled, more

GOLDEN = sorted((VECTORS / "turn_class").glob("*.jsonl"))
SHARED = 0.1
"""Plain words that anybody may write, such as "hi" or "thank you so much", may meet."""


def test_every_heading_is_an_intent_under_its_turn_class() -> None:
    """A misspelled heading would teach its messages wrongly; `load` says which sheet it is."""
    assert {example.intent for example in load()} == set(INTENTS)


def test_a_heading_under_another_turn_class_is_refused(tmp_path: Path) -> None:
    """`## TC5 sharing` is a slip of the hand, and 40 messages follow it."""
    (tmp_path / "x.txt").write_text("## TC5 sharing\nI miss my gran\n")
    with pytest.raises(SheetError, match="TC5 sharing"):
        load(tmp_path)


def test_nothing_that_judges_is_learned() -> None:
    """Figures on messages that were learned by heart say nothing."""
    learned = {example.text.casefold().strip(" .!?") for example in load()}
    assert GOLDEN
    for path in GOLDEN:
        lines = [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]
        met = [text for text in lines if text.casefold().strip(" .!?") in learned]

        assert all(len(text.split()) <= 3 for text in met), path.name
        assert len(met) <= SHARED * len(lines), path.name


def test_every_intent_has_messages_enough_and_in_every_fold() -> None:
    """An intent of which the held-out fold has none is not tuned at all."""
    counts = Counter(example.intent for example in load())

    assert min(counts.values()) >= 100
    assert len({(example.intent, example.fold) for example in load()}) == len(INTENTS) * FOLDS


def test_a_question_mark_does_not_give_the_turn_class_away() -> None:
    """Where every TC5 asks and no TC4 does, the mark is all that is learned."""
    asking = Counter(example.turn_class for example in load() if "?" in example.text)
    all_of = Counter(example.turn_class for example in load())

    assert asking["TC4"] >= 0.10 * all_of["TC4"]
    assert asking["TC5"] <= 0.75 * all_of["TC5"]


def test_the_fold_of_a_message_stays_when_sheets_grow() -> None:
    """A message that moved into the held-out fold was learned before."""
    assert [fold_of("hello"), fold_of("hello there")] == [fold_of("hello"), fold_of("hello there")]
    assert {fold_of(f"message {number}") for number in range(200)} == set(range(FOLDS))


def test_what_is_made_of_messages_is_the_same_for_the_same_seed_and_never_empty() -> None:
    """Training again must be able to give the same model."""
    texts = ["my sister left. why?", "hi", "I can't sleep", "how do I tell my boss?"]

    assert more(texts, 60, Random(3)) == more(texts, 60, Random(3))
    assert all(text.strip() for text in more(texts, 200, Random(4)))
    assert misspelled("", Random(1)) == ""


def test_unlabelled_messages_are_ordinary_ones() -> None:
    """Messages of risk are another part's: what the small model thinks of them decides nothing."""
    texts = unlabelled()

    assert len(texts) >= 2000
    assert len(texts) == len(set(texts))
