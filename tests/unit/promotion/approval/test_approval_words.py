"""What the mail and the page say of what the gates found: on results that the gates themselves make."""

import re
from dataclasses import replace
from typing import Any

import pytest

from silent_infinity.adapters.statistics.scipy_tests import ScipyTests
from silent_infinity.domain.promotion.charts import interval
from silent_infinity.domain.promotion.evidence import ConfigChange, Evidence, GateResult, Group, Verdict
from silent_infinity.domain.promotion.gates.criteria import asked_of
from silent_infinity.domain.promotion.gates.evaluation import evaluate
from silent_infinity.domain.promotion.gates.figures import GateFigures
from silent_infinity.domain.promotion.page_evidence import evidence_sections
from silent_infinity.domain.promotion.words import (
    NO_RISK,
    is_difference,
    numbers,
    people,
    risks,
    span,
    step,
    undo_command,
    worse_side,
)
from silent_infinity.usecases.evaluate_gates import classical_of
from tests.support.approvals import Asking, evidence
from tests.support.gate_figures import figures

LEVELS = {
    "sample", "sample_ratio", "screen_answers", "live_misses", "golden", "first_token_reflection",
    "cost_per_session", "nps",
}  # fmt: skip


def judged(found: GateFigures, stage: str = "production") -> dict[str, GateResult]:
    """What the gates say, by their names."""
    asked = asked_of(found.category, stage, "entry", {})
    gates = evaluate(asked, found, classical_of(ScipyTests(), asked.plan, found)).gates
    return {gate.gate: gate for gate in gates}


def document(gates: dict[str, GateResult], **changes: Any) -> Evidence:
    """Evidence with these gates."""
    return evidence(**{"gates": tuple(gates.values()), **changes})


@pytest.mark.parametrize("sessions", [4_411, 4_003, 3_967])
def test_a_level_is_one_whatever_its_last_digits_are(sessions: int) -> None:
    """The mail once said that a session costs as much *more* as it costs at all."""
    found = judged(
        figures(category="LLM_MODEL", arm={"units": 4_037, "sessions": sessions, "cost_usd": 0.0437})
    )

    assert {name for name, gate in found.items() if not is_difference(gate)} == LEVELS
    assert span(found["cost_per_session"]).startswith("$0.0")


def test_a_difference_from_nothing_is_a_difference() -> None:
    """Crises where production has none are the last thing that may be missing among the risks."""
    crisis = judged(figures(arm={"crisis_flag": 0.0005}, production={"crisis_flag": 0.0}))["crisis"]
    said = risks(document({"crisis": crisis}))

    assert crisis.production_value == 0
    assert is_difference(crisis)
    assert span(crisis).startswith("+0.05 points (")
    assert said[0].startswith("Crises that follow: ")


def test_a_dearer_variant_says_so_within_its_limit() -> None:
    """Nobody reads a price twice as high out of `passed`."""
    dear = judged(figures(arm={"cost_usd": 0.04}, production={"cost_usd": 0.02}))["cost_per_session"]
    cheap = judged(figures(arm={"cost_usd": 0.01}, production={"cost_usd": 0.02}))["cost_per_session"]

    assert "Cost of the models per session: $0.0400, worse than production's $0.0200 (limit: $0.0800)." in (
        risks(document({"cost": dear}))
    )
    assert not any("Cost" in one for one in risks(document({"cost": cheap})))


def test_what_else_became_worse_is_said_though_it_may_be_chance() -> None:
    """Of secondary metrics only what is proved fails: a person has to see the rest."""
    found = judged(figures(arm={"satisfaction": [0.66, 800]}, production={"satisfaction": [0.7, 3_200]}))
    seen = found["secondary_satisfaction"]
    even = judged(figures(arm={"satisfaction": [0.699, 800]}, production={"satisfaction": [0.7, 3_200]}))

    assert seen.verdict == Verdict.PASSED
    [said] = [one for one in risks(document({"one": seen})) if one.startswith(seen.title)]
    assert said.startswith("Rated 4 or better: worse than with production by 4 of 100 sessions as counted")
    quiet = risks(document({"one": even["secondary_satisfaction"]}))
    assert not any(one.startswith(seen.title) for one in quiet)


def test_what_is_about_safety_is_said_first() -> None:
    """The mail has room for five: what people rated must not push out a crisis."""
    found = judged(figures(arm={"satisfaction": [0.7, 80], "return_7d": [0.3, 40], "nps": [0] * 11}))
    open_ones = [gate for gate in found.values() if gate.verdict == Verdict.NOT_ENOUGH_DATA]
    said = risks(document(dict(reversed(found.items()))))

    assert len(open_ones) >= 3
    assert said[0].startswith("Crises that follow: may still be worse")


def test_a_limit_is_in_the_unit_of_what_is_held_against_it() -> None:
    """`5.4 of 1,000 (limit: 1 point)` has to be worked out."""
    said = risks(document(judged(figures())))

    assert "of 1,000 sessions (limit: 10)." in said[0]


def test_no_risk_is_said_too() -> None:
    """A heading with nothing below it looks as if something had been lost on the way."""
    asking = Asking(evidence(gates=(evidence().gates[-1],)))
    asking.ask()

    assert NO_RISK.split(".")[0] in asking.mail()[1]
    assert NO_RISK in asking.show().body


def test_cases_say_how_much_they_can_say() -> None:
    """None of five is hardly anything; exact is (1 - rate) to the power of the cases = 1/20."""
    golden = {
        name: judged(figures(category=name))["golden"] for name in ("LLM_MODEL", "CRISIS_DETECTOR_MODEL")
    }
    few, many = (risks(document({"golden": one}))[0] for one in golden.values())

    assert golden["LLM_MODEL"].n_arm == 5
    assert "none of 5 was missed. A variant that misses 45.1 of 100 such messages" in few
    assert "none of 367 was missed. A variant that misses 8.1 of 1,000 such messages" in many


def test_people_who_met_it_count_for_more_than_a_handful_of_cases() -> None:
    """The number about safety is of thousands of sessions, if there are such."""
    chosen = numbers(tuple(judged(figures(category="LLM_MODEL")).values()))

    assert [gate.group for gate in chosen] == [Group.PRIMARY, Group.SAFETY, Group.GUARDRAIL]
    assert chosen[1].gate == "crisis"


def test_what_nobody_has_met_says_so() -> None:
    """Evidence on golden sets has no people in it."""
    assert any("Nobody has met it yet" in one for one in risks(evidence("crisis")))
    assert not any("Nobody has met it yet" in one for one in risks(evidence()))


def test_who_joins_a_pool_takes_a_part_of_it() -> None:
    """Production at 100 % of one of forty-one is no hundred percent of the people."""
    pool = evidence(
        category="RATING_VARIANT", to_status="production", from_percent=25.0, to_percent=100.0,
        next_percent=None, production=tuple(f"rating-{number:02}" for number in range(1, 41)),
    )  # fmt: skip

    assert list(people(pool)) == [
        "It joins 40 others that share production's traffic in equal parts: of 100 new sessions, about 2.4"
        " get it; 25 do today."
    ]
    assert step(pool) == "production, in its pool"
    asking = Asking(pool)
    asking.ask()
    assert "100%" not in asking.mail()[0]
    assert "nobody gets what they get today" not in asking.show().body


def test_the_second_step_is_said_before_the_yes() -> None:
    """The yes to a half is one to everybody."""
    said = list(people(evidence(to_status="production", to_percent=50.0, next_percent=100.0)))

    assert any("goes on to 100% without another question. Then nobody gets what" in one for one in said)
    assert any("taken back without a person" in one for one in said)


def test_a_promotion_that_changes_nothing_is_pointed_out() -> None:
    """It is a mistake, or the difference is where nobody looks."""
    assert any("should change nothing" in one for one in risks(evidence(changes=())))


def test_the_command_names_the_environment_but_for_a_laptop() -> None:
    """Typed as it stands, it must not act somewhere else."""
    assert undo_command(evidence(), "prod").endswith("rollback SYSTEM_PROMPT/warm-v3 -e prod")
    assert undo_command(evidence(), "local").endswith("rollback SYSTEM_PROMPT/warm-v3")


def test_which_side_is_worse_is_what_the_metric_says() -> None:
    """A secondary metric has no limit, and the picture shaded whichever side the estimate was not on."""
    found = judged(figures(arm={"return_7d": 0.359, "degraded": 0.0101}))
    sides = {name: worse_side(gate) for name, gate in found.items()}

    for gate in found.values():
        if gate.gate in {"secondary_return_7d", "secondary_degraded"}:
            assert gate.verdict == Verdict.PASSED
            drawn = interval(gate)
            [beyond] = re.findall(r'<rect x="([^"]+)"[^>]*class="beyond"', drawn)
            [limit] = re.findall(r'<line x1="([^"]+)"[^>]*class="limit"', drawn)
            begins_at_limit = abs(float(beyond) - float(limit)) < 0.2
            assert begins_at_limit == (gate.gate == "secondary_degraded")
    assert (sides["secondary_return_7d"], sides["secondary_degraded"], sides["crisis"]) == (-1, 1, 1)
    assert (sides["cost_per_session"], sides["screen_answers"], sides["primary"]) == (1, -1, -1)


def test_the_rate_of_the_rated_is_of_the_rated() -> None:
    """One session in five is rated: `of 100 sessions, 78 were rated 4 or better` would not be true."""
    found = judged(figures(category="LLM_MODEL", arm={"satisfaction": 0.78}))["primary"]

    assert found.sentence.startswith("Of 100 rated sessions, 77.9 were rated 4 or better; ") or (
        found.sentence.startswith("Of 100 rated sessions, 78 were rated 4 or better; ")
    )


def test_a_long_value_is_shown_from_where_it_differs_and_whole() -> None:
    """Six hundred characters that are the same on both sides would look like no difference."""
    same = "x" * 5_000
    changes = (ConfigChange("/prompt", f'"{same} old"', f'"{same} new"'),)
    html = evidence_sections(evidence(changes=changes), "prod")
    shown = html.partition("<del")[2].partition("</dl>")[0]

    assert " old" in shown.partition("</del>")[0]
    assert " new" in shown.partition("<ins")[2].partition("</ins>")[0]
    assert html.count(same) == 2


def test_a_text_that_is_elsewhere_is_said_to_be() -> None:
    """Two hashes of a persona say nothing about what it says to people."""
    elsewhere = (ConfigChange("/s3_key", '"prompts/system/v4.md"', '"prompts/system/v3.md"'),)

    assert "not shown here" in evidence_sections(evidence(changes=elsewhere), "prod")
    assert "not shown here" not in evidence_sections(replace(evidence(), changes=()), "prod")


def test_gates_are_counted_where_they_are_said_to_have_passed() -> None:
    """`Passed` alone hides that three of fourteen could say nothing."""
    asking = Asking(evidence())
    asking.ask()
    alone = Asking(evidence("crisis"))
    alone.ask()

    assert "Gates: passed. 9 of 10 gates passed; 1 without enough data." in asking.mail()[1]
    assert "Gates: passed. The one gate that there is passed." in alone.mail()[1]


def test_brackets_are_explained_where_there_are_some() -> None:
    """A golden set has no interval."""
    shown = {name: evidence_sections(evidence(name), "prod") for name in ("canary", "crisis")}

    assert "In brackets" in shown["canary"]
    assert "In brackets" not in shown["crisis"]
