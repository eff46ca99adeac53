"""What the rule stage finds, measured on authored messages."""

from collections.abc import Iterable
from typing import Any

import pytest

from silent_infinity.domain.crisis.rules import screen_message
from silent_infinity.domain.crisis.verdict import RISK_LEVEL
from tests.support.vectors import load_vectors

DEVELOPMENT = "crisis_golden_en.json"
HELD_OUT = "crisis_heldout_en.json"


def test_the_development_messages_get_their_level() -> None:
    """The rules were tuned on these messages until they fitted, so this figure says that nothing has been
    broken since. It does not say how well unseen wording is found: see the held-out test."""
    found = _measure(DEVELOPMENT)

    assert found["sensitivity"] >= 0.97
    assert found["specificity"] >= 0.99
    assert found["exact"] >= 0.93


def test_held_out_messages_are_found_as_often_as_was_measured() -> None:
    """An honest floor. The held-out messages were written after the last change of a rule for a development
    message, scored once, and no rule was changed for them: sensitivity .646, specificity .948. They have the
    same author as the rules, so wording by other people will be found less often. Three earlier sets of this
    kind are now development messages. One, written before the rules but remembered while writing them, had
    scored .99, which was worth nothing; two that looked on purpose for wordings that no rule had thought of
    (indirect farewells, understatement) had scored .17 and .24. Closing that gap is the work of the learned
    stages."""
    found = _measure(HELD_OUT)

    assert found["sensitivity"] >= 0.64
    assert found["specificity"] >= 0.94


@pytest.mark.parametrize("name", [DEVELOPMENT, HELD_OUT])
def test_there_are_at_least_as_many_hard_negatives_as_positives(name: str) -> None:
    """A set of disclosures alone would reward a screen that flags everything."""
    cases = load_vectors(name)
    positives = sum(case["level"] >= RISK_LEVEL for case in cases)

    assert len(cases) - positives >= positives
    assert {case["level"] for case in cases} == {0, 1, 2, 3, 4}
    assert all(case["description"] for case in cases)


def test_no_message_is_in_both_parts() -> None:
    """A held-out message that was tuned on is not held out."""
    development = {case["text"].lower() for case in load_vectors(DEVELOPMENT)}

    assert not [case["text"] for case in load_vectors(HELD_OUT) if case["text"].lower() in development]


def _measure(name: str) -> dict[str, float]:
    cases = load_vectors(name)
    verdicts = [(case, screen_message(case["text"]).level) for case in cases]
    risky = [(case, level) for case, level in verdicts if case["level"] >= RISK_LEVEL]
    calm = [(case, level) for case, level in verdicts if case["level"] < RISK_LEVEL]
    found = {
        "sensitivity": _share(level >= RISK_LEVEL for _, level in risky),
        "specificity": _share(level < RISK_LEVEL for _, level in calm),
        "exact": _share(case["level"] == level for case, level in verdicts),
    }
    print(f"\n{name}: {len(risky)} with risk, {len(calm)} without; {_rounded(found)}")  # noqa: T201 - the measure
    for level in range(5):
        row = [sum(1 for case, got in verdicts if (case["level"], got) == (level, to)) for to in range(5)]
        print(f"  level {level} screened as 0-4: {row}")  # noqa: T201 - the measure
    return found


def _share(flags: Iterable[bool]) -> float:
    values = list(flags)
    return sum(values) / len(values)


def _rounded(found: dict[str, float]) -> dict[str, Any]:
    return {name: round(value, 3) for name, value in found.items()}
