"""The figures of personal data count spans as the usual measures do, and repeat no value."""

import json
from typing import Any

import pytest

from evaluation.pii import canonical, evaluate, problem
from tests.support.vectors import VECTORS


def _span(start: int, end: int, kind: str) -> dict[str, Any]:
    return {"start": start, "end": end, "type": kind}


LINES: list[dict[str, Any]] = [
    {"text": "mail me: a@example.org", "spans": [_span(9, 22, "EMAIL_ADDRESS")], "id": 1},
    {"text": "call +44 7700 900123 now", "spans": [_span(0, 20, "PHONE_NUMBER")]},
    {"text": "Lisbon is warm", "spans": [_span(0, 6, "CITY")]},
    {"text": "nothing here", "spans": []},
    {"text": "my name is Ruth", "spans": []},
    {"text": "b@example.org"},
]


def test_every_line_comes_back_with_the_spans_that_were_found() -> None:
    """Whoever evaluates joins predictions to their own data."""
    predictions, _ = evaluate(LINES)

    assert predictions[0]["id"] == 1
    assert predictions[0]["predicted_spans"] == [{**_span(9, 22, "EMAIL"), "rule_id": "personal_data.email"}]
    assert predictions[3]["predicted_spans"] == []
    assert len(predictions[5]["predicted_spans"]) == 1


def test_exact_and_overlapping_spans_are_counted_apart() -> None:
    """By hand: three true spans, three said; one exact, two that meet."""
    _, summary = evaluate(LINES)
    figures = summary["figures"]

    assert (figures["precision"]["count"], figures["precision"]["of"]) == (1, 3)
    assert (figures["recall"]["count"], figures["recall"]["of"]) == (1, 3)
    assert (figures["overlap_precision"]["count"], figures["overlap_recall"]["count"]) == (2, 2)
    assert summary["f1"] == {"exact": 0.333333, "overlap": 0.666667, "untyped_overlap": 0.666667}
    assert (figures["false_alarms"]["count"], figures["false_alarms"]["of"]) == (1, 2)
    assert summary["types"]["PHONE"]["exact"]["f1"] == 0.0
    assert summary["types"]["PHONE"]["overlap"]["f1"] == 1.0
    assert summary["types"]["CITY"]["true"] == 1
    assert (summary["lines"], summary["labelled"]) == (6, 5)


def test_the_summary_repeats_no_value() -> None:
    """A summary goes into reports and tickets."""
    _, summary = evaluate(LINES)

    assert not any(value in json.dumps(summary) for value in ("example.org", "900123", "Ruth", "Lisbon"))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("email_address", "EMAIL"),
        ("Person", "NAME"),
        ("US-SSN", "NATIONAL_ID"),
        ("phone", "PHONE"),
        ("X", "X"),
    ],
)
def test_other_names_of_a_type_are_the_same_type(kind: str, name: str) -> None:
    """Every set has its own words for an e-mail address."""
    assert canonical(kind) == name


@pytest.mark.parametrize(
    "line",
    [
        {"text": "a", "spans": 1},
        {"text": "a", "spans": [1]},
        {"text": "a", "spans": [{"start": 0, "end": 1}]},
        {"text": "a", "spans": [_span(0, 2, "EMAIL")]},
        {"text": "a", "spans": [_span(1, 1, "EMAIL")]},
        {"spans": []},
    ],
)
def test_a_line_that_cannot_be_used_is_refused(line: dict[str, Any]) -> None:
    """A span beside its text would count as a miss for ever."""
    assert problem(line)


def test_the_golden_set_is_found_whole() -> None:
    """The development set of the patterns: a regression shows here before it shows anywhere else."""
    text = (VECTORS / "safety" / "pii_golden.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert not any(problem(line) for line in lines)

    _, summary = evaluate(lines)
    assert summary["f1"]["exact"] == 1.0
    assert summary["figures"]["false_alarms"]["value"] == 0.0
