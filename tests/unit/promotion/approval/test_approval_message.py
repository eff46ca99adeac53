"""The e-mail: plain text that says enough to know what one is asked, and nothing that a person wrote."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silent_infinity.domain.promotion.evidence import Group, Verdict
from silent_infinity.domain.promotion.message import MOST_SUBJECT, Links, message
from silent_infinity.domain.promotion.words import numbers, people, risks, span
from tests.support.approvals import ANA, Asking, evidence


def _sent(name: str = "canary", **changes: Any) -> tuple[str, str]:
    asking = Asking(evidence(name, **changes))
    asking.ask()
    return asking.mail(ANA)


def test_the_subject_names_the_variant_the_step_and_the_verdict() -> None:
    """It is all that a phone shows."""
    subject, _ = _sent()

    assert subject == "[prod] Approve SYSTEM_PROMPT/warm-v3 for canary at 10%? Gates passed"


@given(st.text(max_size=200), st.text("abcé\n\r", max_size=40))
def test_any_subject_is_one_that_sns_takes(variant_id: str, environment: str) -> None:
    """SNS refuses line breaks, control characters, what is not ASCII, and 100 characters or more."""
    asking = Asking()
    asking.ask()
    approval = asking.approvals.find(asking.id)
    subject, _ = message(evidence(variant_id=variant_id), approval, Links("a", "r"), environment)

    assert 0 < len(subject) <= MOST_SUBJECT
    assert all(" " <= one <= "~" for one in subject)


def test_a_long_name_leaves_room_for_the_question() -> None:
    """The end of the subject says what is asked; the name is what can be cut."""
    asking = Asking(evidence(variant_id="v" * 150))
    asking.ask()

    assert asking.mail()[0].endswith("... for canary at 10%? Gates passed")


def test_the_text_says_what_there_is_to_know() -> None:
    """What changes for people, three numbers, risks, who asked, until when, and both links."""
    _, text = _sent()

    for part in (
        "Of 100 new sessions, 10 get this variant; 5 do today.",
        "it goes on to 25% without another question",
        "takes effect 5 minutes after the yes",
        "Satisfied, of those who rated: +7.02 points (+1.21 to +12.83 points)",
        "People who come back within a week: not enough data",
        "Persona that all conversation shares",
        "\n  ./run admin variants rollback SYSTEM_PROMPT/warm-v3 -e prod\n",
        "Asked by operator 0a1b2c3d, Wednesday 18 November 2026, 09:12 UTC",
        "Expires Sunday 29 November 2026, 07:55 UTC",
        "\nApprove: https://",
        "\nReject:  https://",
    ):
        assert part in text


def test_a_sentence_is_a_line() -> None:
    """A phone breaks lines of 76 characters again, in the middle. A line of a mail has 998 at most."""
    lines = _sent()[1].splitlines()

    assert (
        "- If harm is shown while it is watched, it is taken back without a person, and serves nobody."
        in lines
    )
    assert max(map(len, lines)) < 500


def test_two_approvers_are_told_that_they_are_two() -> None:
    """Otherwise the first one believes that it is done."""
    assert "2 different people have to say yes" in _sent("crisis")[1]
    assert "different people" not in _sent()[1]


def test_the_three_numbers_are_of_three_kinds() -> None:
    """What it is for, whether it is safe, and the limit that is nearest."""
    found = numbers(evidence().gates)

    assert [gate.group for gate in found] == [Group.PRIMARY, Group.SAFETY, Group.GUARDRAIL]


def test_what_did_not_pass_is_among_the_risks() -> None:
    """A gate that does not decide still has something to say."""
    gates = evidence().gates
    open_ones = [gate for gate in gates if gate.verdict != Verdict.PASSED]
    said = list(risks(evidence()))

    assert len(open_ones) == 1
    assert any(line.startswith(f"{open_ones[0].title}: not enough data.") for line in said)
    assert any(line.startswith("Conversations that go on: may still be worse") for line in said)
    assert not any("Cost of the models" in line for line in said)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"from_percent": 0.0, "to_percent": 10.0},
            "Of 100 new sessions, 10 get this variant; none do today.",
        ),
        (
            {"to_status": "production", "to_percent": 100.0},
            "All new sessions get this variant, and nobody gets what they get today.",
        ),
        (
            {"category": "MANDALA_FACE", "from_percent": 25.0, "to_percent": 50.0},
            "Of 100 people, 50 get this variant; 25 do today.",
        ),
    ],
)
def test_what_changes_for_people_is_said_in_people(changes: dict[str, Any], sentence: str) -> None:
    """A percentage of a rollout is nothing that one can picture."""
    assert next(people(evidence(**changes))) == sentence


def test_a_bound_that_is_not_known_is_not_made_up() -> None:
    """One-sided bounds are said as what they are."""
    gates = {gate.gate: gate for gate in evidence().gates}

    assert span(gates["live_misses"]) == "0.02% (at most 0.07%)"
    assert span(gates["sample_ratio"]) == "4.99%"
    assert span(replace(gates["sample_ratio"], estimate=None)) == "–"
    assert span(gates["golden"]) == "0"


def test_a_level_beside_that_of_production_is_no_difference() -> None:
    """A median of 900 ms with production at 850 ms is not 900 ms more."""
    cost = next(gate for gate in evidence().gates if gate.gate == "cost_per_session")

    assert cost.production_value is not None
    assert span(cost) == "$0.0312 ($0.0281 to $0.0344)"
    assert not any(line.startswith(cost.title) for line in risks(evidence()))


def test_the_number_about_safety_is_of_the_variant() -> None:
    """What holds of the whole service says nothing about this yes, unless it did not pass."""
    gates = evidence().gates
    missed = [
        replace(gate, verdict=Verdict.NOT_ENOUGH_DATA) if gate.gate == "live_misses" else gate
        for gate in gates
    ]

    assert numbers(gates)[1].gate in {"crisis", "golden"}
    assert numbers(missed)[1].gate == "live_misses"
