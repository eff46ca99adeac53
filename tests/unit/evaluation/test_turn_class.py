"""Figures of the turn classification: counted by hand once, so that they mean what they are called."""

from typing import Any, cast

import pytest

from evaluation.tables import tables
from evaluation.turn_class import CLASSES, Matrix, TurnClassEvaluation, evaluate, problem
from silent_infinity.domain.intent.detect import IntentResult
from silent_infinity.domain.intent.rules import TURN_CLASS
from silent_infinity.usecases.detect_intent import DetectIntent, IntentRequest, Understood


class Told:
    """A detection that takes every message for what stands before its colon: `intent path confidence`."""

    def __call__(self, request: IntentRequest) -> Understood:
        words = request.message.partition(":")[0].split()
        intent, path, confidence = words if len(words) == 3 else ("sharing", "generate", "0.5")
        return Understood(IntentResult(path, intent, float(confidence), TURN_CLASS[intent]), 0)


def told(*lines: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return predictions and summary of lines whose texts say what they are taken for."""
    evaluation = TurnClassEvaluation(cast("DetectIntent", Told()))
    return [evaluation.add(line) for line in lines], evaluation.summary()


LINES: tuple[dict[str, Any], ...] = (
    {"id": 1, "text": "greeting template 0.9:", "turn_class": "TC3", "intent": "greeting", "category": "a"},
    {"id": 2, "text": "sharing generate 0.8:", "turn_class": "TC4", "intent": "venting", "category": "a"},
    {"id": 3, "text": "sharing generate 0.6:", "turn_class": "TC5", "category": "b"},
    {"id": 4, "text": "thanks template 0.7:", "turn_class": "TC4", "intent": "sharing"},
    {"id": 5, "text": "unclear clarify 0.4:", "intent": "unclear"},
    {"id": 6, "text": "question generate 0.9:"},
)


def test_every_line_comes_back_with_what_it_was_taken_for() -> None:
    """Whoever evaluates joins predictions to their own data, labels and all."""
    predictions, _ = told(*LINES)

    assert predictions[2] == {
        "id": 3,
        "text": LINES[2]["text"],
        "category": "b",
        "true_turn_class": "TC5",
        "turn_class": "TC4",
        "intent": "sharing",
        "confidence": 0.6,
        "path": "generate",
    }
    assert "true_turn_class" not in predictions[5]
    assert [line["id"] for line in predictions] == [1, 2, 3, 4, 5, 6]


def test_predictions_may_be_evaluated_again() -> None:
    """What was predicted must not become the label that it is held against."""
    predictions, first = told(*LINES)
    again, second = told(*predictions)

    assert again == predictions
    assert {**second, "time_ms": 0} == {**first, "time_ms": 0}


def test_the_figures_count_what_they_are_called() -> None:
    """A rate whose denominator slipped is believed for years."""
    _, summary = told(*LINES)
    figures = {name: (rate["count"], rate["of"]) for name, rate in summary["figures"].items()}

    assert figures == {
        "accuracy": (3, 5),  # a line with an intent alone has the class of that intent
        "intent_accuracy": (2, 4),
        "bypass": (3, 6),
        "templates": (2, 6),
        "clarify": (1, 6),
        "wrong_templates": (1, 2),
    }
    assert summary["confusion"] == [[1, 0, 0], [1, 2, 0], [0, 1, 0]]
    assert summary["predicted"] == {"TC3": 2, "TC4": 3, "TC5": 1}
    # F1: TC3 2/(1+2), TC4 4/(3+3), TC5 0.
    assert summary["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 0) / 3, abs=1e-6)
    assert [row["f1"] for row in summary["per_class"]] == pytest.approx([2 / 3, 2 / 3, 0.0], abs=1e-6)
    assert summary["calibration"]["ece"] == pytest.approx((0.1 + 0.2 + 0.6 + 0.7 + 0.6) / 5, abs=1e-6)
    assert [(row["name"], row["wrong"]["count"], row["n"]) for row in summary["by_category"]] == [
        ("b", 1, 1),
        ("not stated", 1, 2),
        ("a", 0, 2),
    ]


def test_lines_without_labels_have_predictions_and_no_figures() -> None:
    """Most data that people have is not labelled."""
    predictions, summary = evaluate([{"text": "hello"}, {"text": "what is mindfulness?"}])

    assert [line["turn_class"] for line in predictions] == ["TC3", "TC5"]
    assert summary["labelled"] == 0
    assert summary["macro_f1"] is None
    assert summary["figures"]["accuracy"]["value"] is None
    assert summary["figures"]["bypass"]["count"] == 1
    assert tables({"kind": "turn-class", **summary})


def test_no_text_gets_into_the_summary() -> None:
    """Reports are sent around."""
    secret = "a very private category " * 4
    _, summary = evaluate(
        [{"text": "my zebra Quillfeather ran away", "turn_class": "TC4", "category": secret}]
    )

    assert "zebra" not in repr(summary)
    assert "private" not in repr(summary)


def test_precision_recall_and_f1_of_a_matrix_are_those_of_the_text_books() -> None:
    """3 of 4 found, 3 of 5 finds right."""
    matrix = Matrix(CLASSES)
    for true, predicted, times in (
        ("TC3", "TC3", 3),
        ("TC3", "TC4", 1),
        ("TC4", "TC3", 2),
        ("TC4", "TC4", 4),
    ):
        for _ in range(times):
            matrix.add(true, predicted)
    row = matrix.of_name("TC3")

    assert (row["precision"]["value"], row["recall"]["value"]) == (0.6, 0.75)
    assert row["f1"] == pytest.approx(2 * 0.6 * 0.75 / 1.35, abs=1e-6)
    assert matrix.of_name("TC5")["f1"] is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"text": "x"}, None),
        ({"text": "x", "turn_class": None, "intent": None}, None),
        ({"text": "x", "turn_class": "TC5", "intent": "coping_request", "category": "c"}, None),
        ({"text": "x", "turn_class": "TC6"}, "turn_class"),
        ({"text": "x", "turn_class": 3}, "turn_class"),
        ({"text": "x", "true_turn_class": "x"}, "true_turn_class"),
        ({"text": "x", "intent": "chat"}, "intent"),
        ({"text": "x", "category": 3}, "category"),
        ({"turn_class": "TC3"}, "text"),
        ({"text": 3}, "text"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_not_quoted(line: dict[str, Any], said: str | None) -> None:
    """A wrong label would be counted as a miss of the classifier."""
    found = problem(line)

    assert found is None if said is None else found is not None and f'"{said}"' in found
