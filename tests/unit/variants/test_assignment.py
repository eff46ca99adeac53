"""Who gets which variant: the vectors that every implementation is checked by."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from silent_infinity.domain.registry.in_force import in_force
from silent_infinity.domain.variant_categories import USER, categories
from silent_infinity.domain.variants import ASSIGNMENT_VERSION, AssignmentPlan, compile_plan
from tests.support.assignment import (
    CATEGORIES,
    OF_THE_CRISIS_PATH,
    UNIT_IS_THE_PERSON,
    WITH_A_POOL,
    assigned_by_hand,
    bucket_by_hand,
)
from tests.support.vectors import VECTORS, description, load_vectors

CASES = load_vectors("assignment.json")
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC).isoformat()


def plan_of(case: dict[str, Any]) -> AssignmentPlan:
    """Return the plan for the rows of a case, at its time."""
    return compile_plan(in_force(case["rows"], datetime.fromisoformat(case.get("now", NOON))).variants)


def assigned(case: dict[str, Any]) -> dict[str, str]:
    """Return category to variant id."""
    found = plan_of(case).assign(
        session_id=case["session_id"],
        user_id=case["user_id"],
        stored=case.get("stored"),
        returning=case.get("returning"),
    )
    return {category: variant.variant_id for category, variant in found.items()}


@pytest.mark.parametrize("case", CASES, ids=description)
def test_assignment_is_as_the_vectors_say(case: dict[str, Any]) -> None:
    """The expected variants are written out, with units whose buckets lie at the edges."""
    assert case["version"] == ASSIGNMENT_VERSION
    assert assigned(case) == case["expected"]


@pytest.mark.parametrize("case", CASES, ids=description)
def test_an_implementation_for_reading_agrees_with_the_vectors(case: dict[str, Any]) -> None:
    """Vectors that the code was written from could be wrong with it; the same rules by hand find that."""
    assert assigned_by_hand({"now": NOON, **case}) == case["expected"]


@pytest.mark.parametrize("case", load_vectors("bucket.json"), ids=description)
def test_the_hash_by_hand_gives_the_same_buckets(case: dict[str, Any]) -> None:
    """What other implementations are told to compute is exactly this."""
    assert bucket_by_hand(case["seed"], case["category"], case["unit"]) == case["bucket"]


def test_the_implementation_for_reading_knows_the_same_categories() -> None:
    """It has lists of its own, which a new category must not leave behind."""
    known = categories()

    assert sorted(known) == CATEGORIES
    assert {name for name, category in known.items() if category.unit == USER} == UNIT_IS_THE_PERSON
    assert {name for name, category in known.items() if category.crisis} == OF_THE_CRISIS_PATH
    assert {name for name, category in known.items() if category.pool} == WITH_A_POOL


@pytest.mark.parametrize("hash_seed", ["0", "1", "4294967295"])
def test_another_process_assigns_the_same(hash_seed: str) -> None:
    """Every Lambda environment hashes text with a seed of its own; assignment must not notice."""
    program = (
        "import json, sys\n"
        "from datetime import datetime\n"
        "from silent_infinity.domain.registry.in_force import in_force\n"
        "from silent_infinity.domain.variants import compile_plan\n"
        "answers = []\n"
        "for case in json.load(sys.stdin):\n"
        "    rows = in_force(case['rows'], datetime.fromisoformat(case['now'])).variants\n"
        "    found = compile_plan(rows).assign(session_id=case['session_id'], user_id=case['user_id'],\n"
        "        stored=case.get('stored'), returning=case.get('returning'))\n"
        "    answers.append({category: variant.variant_id for category, variant in found.items()})\n"
        "json.dump(answers, sys.stdout)\n"
    )
    whole = next(case for case in CASES if len(case["expected"]) > 3)
    cases = [{"now": NOON, **case} for case in CASES]
    cases += [{"now": NOON, **whole, "session_id": str(n), "user_id": f"u{n}"} for n in range(300)]
    done = subprocess.run(  # noqa: S603 -- this very interpreter, with the program above
        [sys.executable, "-c", program],
        input=json.dumps(cases),
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": "functions/layer/python"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout) == [assigned(case) for case in cases]


def test_the_vectors_are_plain_json_with_a_description_each() -> None:
    """Other languages read them, too."""
    cases = json.loads((VECTORS / "assignment.json").read_text(encoding="utf-8"))
    descriptions = [case["description"] for case in cases]

    assert len(set(descriptions)) == len(descriptions) > 50
    assert {key for case in cases for key in case} == {
        "description",
        "version",
        "rows",
        "session_id",
        "user_id",
        "stored",
        "returning",
        "now",
        "expected",
    }
