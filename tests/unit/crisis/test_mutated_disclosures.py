"""The rules on messages as people disguise and mistype them."""

from random import Random

import pytest

from evaluation.mutations import MUTATIONS, split
from silent_infinity.domain.crisis.rules import screen_message
from silent_infinity.domain.crisis.verdict import RISK_LEVEL
from tests.support.vectors import load_vectors

POSITIVES = [case["text"] for case in load_vectors("crisis_golden_en.json") if case["level"] >= RISK_LEVEL]
CALM = [case["text"] for case in load_vectors("crisis_golden_en.json") if case["level"] < RISK_LEVEL]
MOST_LOST = 0.05
# Every word in seven mistyped, with words of four letters among them, is past what rules can undo without
# inventing words; the learned stages read the letters too.
MOST_LOST_TO_TYPOS = 0.08


def _found(texts: list[str]) -> float:
    return sum(screen_message(text).level >= RISK_LEVEL for text in texts) / len(texts)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_hides_few_disclosures(name: str) -> None:
    """Nearly every disguised wording slips past a list of words; that is how lists are evaded."""
    mutated = [MUTATIONS[name](text, Random(f"{name} {text}")) for text in POSITIVES]

    lost = _found(POSITIVES) - _found(mutated)
    assert lost <= (MOST_LOST_TO_TYPOS if name == "typos" else MOST_LOST)


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_makes_no_calm_message_a_disclosure(name: str) -> None:
    """Undoing disguises must not invent risk, nor lose the words that take it away."""
    mutated = [MUTATIONS[name](text, Random(f"{name} {text}")) for text in CALM]

    assert _found(mutated) <= _found(CALM) + 0.04


def test_a_disclosure_in_two_messages_is_found_in_one_of_them() -> None:
    """In the first alone, or in the second with what went before."""
    found = 0
    for text in POSITIVES:
        before, message = split(text, Random(text))
        levels = [screen_message(message, before).level, *(screen_message(part).level for part in before)]
        found += max(levels) >= RISK_LEVEL

    assert _found(POSITIVES) - found / len(POSITIVES) <= MOST_LOST
