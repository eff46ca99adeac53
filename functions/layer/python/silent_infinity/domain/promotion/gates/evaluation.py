"""All gates of one promotion, and what they come to.

It fails if any gate fails, and passes if all that are waited for have passed: secondary metrics and NPS are
shown, and stop it only by being shown to be worse. While it is watched between two steps, harm alone counts:
a gate that shows none has passed as soon as the sample is there, and one that failed without harm (the
division of the units, say) holds the next step up. So does one of safety or a guardrail that has no figures.

Where units do not divide as the traffic does, no figure can be trusted: such an arm is not taken back by
other gates.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from silent_infinity.domain.promotion.evidence import GateResult, Group, Verdict
from silent_infinity.domain.promotion.gates import comparisons, crises, foundations, medians, opinions, rules
from silent_infinity.domain.promotion.gates.criteria import Asked
from silent_infinity.domain.promotion.gates.figures import GateFigures
from silent_infinity.domain.promotion.gates.results import result
from silent_infinity.domain.promotion.gates.rules import Gate, Plan
from silent_infinity.domain.promotion.statistics.sequential import Bounds

HARMFUL = frozenset({Group.SAFETY, Group.GUARDRAIL})
"""The groups whose regression takes an arm back by itself. Whether it is good enough, a person says."""

_BEFORE_ANYTHING = HARMFUL | {Group.SAMPLE_RATIO}

NO_HARM = "No harm is shown."

_PLAIN: Mapping[str, Callable[[Gate, GateFigures], GateResult]] = {
    rules.SAMPLE_RATIO: foundations.sample_ratio,
    rules.SERVICE_SHARE: foundations.screen_answers,
    rules.GOLDEN: foundations.golden,
    rules.NO_WORSE: comparisons.no_worse,
    rules.NO_MORE_CRISES: crises.no_more,
    rules.PER_SESSION: comparisons.per_session,
    rules.MEDIAN_NO_WORSE: medians.no_worse,
    rules.MEDIAN_LEVEL: medians.at_most,
    rules.BETTER: comparisons.better,
}
"""What judges a gate by figures alone, by its test."""


@dataclass(frozen=True, slots=True)
class Classical:
    """What tests of one look say, which are not computed here: the bounds of the rate of live misses, and the
    ranks of NPS (None without enough answers).
    """

    misses: Bounds = Bounds(0.0, 1.0)
    ranks: opinions.Ranks | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The verdict over all gates. `regression`: the arm was shown to harm, and is to be taken back."""

    verdict: Verdict
    regression: bool
    gates: tuple[GateResult, ...]

    @property
    def summary(self) -> str:
        """Say it in one line, without any person's words."""
        passed = sum(gate.verdict is Verdict.PASSED for gate in self.gates)
        failed = [gate.gate for gate in self.gates if gate.verdict is Verdict.FAILED]
        said = f"{passed} of {len(self.gates)} gates passed"
        return f"{said}; failed: {', '.join(failed)}" if failed else said


def evaluate(asked: Asked, figures: GateFigures, classical: Classical) -> Found:
    """Judge all gates of a plan, in their order."""
    plan = asked.plan
    found: list[tuple[GateResult, bool]] = []
    if plan.sample is not None:
        found.append((foundations.sample(plan.sample, figures), True))
    if asked.not_understood:
        found.append((_not_understood(asked.not_understood), True))
    second = [gate for gate in plan.gates if gate.test == rules.NOT_WORSE_SHOWN]
    corrected = {each.gate: each for each in comparisons.secondary(second, figures)}
    for gate in plan.gates:
        judged = corrected.get(gate.name) or _judge(gate, figures, classical)
        found.append((judged, gate.waited_for))
    order = list(Group)
    found.sort(key=lambda each: order.index(each[0].group))
    return _watched(plan, found) if plan.phase == rules.WATCH else _entry(found)


def gates_of(plan: Plan, test: str) -> tuple[Gate, ...]:
    """Return the gates of one kind."""
    return tuple(gate for gate in plan.gates if gate.test == test)


def judges(test: str) -> bool:
    """Whether there is something that judges gates of this kind one by one."""
    return test in {*_PLAIN, rules.LIVE_MISSES, rules.RANK_SUM}


def _judge(gate: Gate, figures: GateFigures, classical: Classical) -> GateResult:
    if gate.test == rules.LIVE_MISSES:
        return foundations.live_misses(gate, figures, classical.misses)
    if gate.test == rules.RANK_SUM:
        return opinions.rank_sum(gate, figures, classical.ranks)
    return _PLAIN[gate.test](gate, figures)


def _entry(found: Sequence[tuple[GateResult, bool]]) -> Found:
    gates = tuple(each for each, _ in found)
    if any(each.verdict is Verdict.FAILED for each in gates):
        return Found(Verdict.FAILED, _harms(gates), gates)
    waited_for = [each.verdict for each, waited in found if waited]
    # A promotion that nothing is asked of is a mistake, and no yes.
    passed = bool(waited_for) and all(verdict is Verdict.PASSED for verdict in waited_for)
    return Found(Verdict.PASSED if passed else Verdict.NOT_ENOUGH_DATA, False, gates)


def _watched(plan: Plan, found: Sequence[tuple[GateResult, bool]]) -> Found:
    ready = any(each.gate == rules.SAMPLE and each.verdict is Verdict.PASSED for each, _ in found)
    gates = tuple(_unless_harmful(plan, each) if ready else each for each, _ in found)
    if _harms(gates):
        return Found(Verdict.FAILED, True, gates)
    # Figures that are missing are no harm that was looked for and not found.
    open_ = any(
        waited and each.group in _BEFORE_ANYTHING and each.verdict is not Verdict.PASSED
        for each, (_, waited) in zip(gates, found, strict=True)
    )
    passed = ready and not open_ and not any(each.verdict is Verdict.FAILED for each in gates)
    return Found(Verdict.PASSED if passed else Verdict.NOT_ENOUGH_DATA, False, gates)


def _unless_harmful(plan: Plan, found: GateResult) -> GateResult:
    """What is open has passed while it is watched, if anything is known of it."""
    gate = next((each for each in plan.gates if each.name == found.gate), None)
    looked_at = found.estimate is not None and found.n_arm >= max(gate.least if gate else 1, 1)
    if gate and gate.test == rules.NO_MORE_CRISES and crises.is_suspicious(found):
        return found
    return (
        replace(found, verdict=Verdict.PASSED, sentence=f"{found.sentence} {NO_HARM}")
        if found.verdict is Verdict.NOT_ENOUGH_DATA and looked_at
        else found
    )


def _harms(gates: Sequence[GateResult]) -> bool:
    trusted = not any(each.gate == rules.SAMPLE_RATIO and each.verdict is Verdict.FAILED for each in gates)
    return trusted and any(each.regression and each.group in HARMFUL for each in gates)


def _not_understood(names: Sequence[str]) -> GateResult:
    gate = Gate("pass_criteria", "The variant's own criteria", Group.SAFETY, "pass_criteria")
    return result(
        gate,
        Verdict.FAILED,
        f"No gate can judge {', '.join(names)} of the variant's pass criteria: whoever set them believes that"
        " they are looked at.",
    )
