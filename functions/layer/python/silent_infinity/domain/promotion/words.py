"""What the e-mail and the page say of a promotion in the same words."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from silent_infinity.domain.lake.figures_shown import NONE, points, shown
from silent_infinity.domain.promotion.approval import OPERATOR
from silent_infinity.domain.promotion.evidence import Evidence, GateResult, Group, Verdict
from silent_infinity.domain.variant_categories import PRODUCTION, USER, categories, registry_rules

VERDICTS: Final = {
    Verdict.PASSED: "passed",
    Verdict.FAILED: "failed",
    Verdict.NOT_ENOUGH_DATA: "not enough data",
}
GROUPS: Final = {
    Group.SAMPLE_RATIO: "Is the comparison sound?",
    Group.SAFETY: "Is it safe?",
    Group.GUARDRAIL: "Does it stay within the limits?",
    Group.PRIMARY: "Is it better where it is meant to be?",
    Group.SECONDARY: "What else changed?",
    Group.NPS: "Would people recommend it?",
}
_MOST_NUMBERS: Final = 3
_SHORT: Final = 8


def percent(value: float) -> str:
    """Return a percentage without needless digits."""
    return f"{value:g}%"


def step(evidence: Evidence) -> str:
    """Return where the variant is to go, such as `canary at 10 %`."""
    return f"{evidence.to_status} at {percent(evidence.to_percent)}"


def people(evidence: Evidence) -> Iterator[str]:
    """Say, a sentence at a time, what a yes changes for people."""
    category = categories()[evidence.category]
    unit = "people" if category.unit == USER else "new sessions"
    if evidence.to_status == PRODUCTION and evidence.to_percent >= 100:
        yield f"All {unit} get this variant, and nobody gets what they get today."
    else:
        before = f"{evidence.from_percent:g} do today" if evidence.from_percent else "none do today"
        yield f"Of 100 {unit}, {evidence.to_percent:g} get this variant; {before}."
    if evidence.next_percent is not None:
        then = percent(evidence.next_percent)
        yield f"If it does no harm while it is watched, it goes on to {then} without another question."
    if category.critical:
        minutes = registry_rules().cooldown_seconds // 60
        yield f"The change takes effect {minutes} minutes after the yes, and can be cancelled until then."


def asker(evidence: Evidence) -> str:
    """Say who asked, without a name: `operator 3f2a91c4` or `the nightly schedule`."""
    if evidence.requested_by.startswith(OPERATOR):
        return f"operator {short(evidence.requested_by)}"
    return "the nightly schedule"


def short(actor: str) -> str:
    """Return the part of an operator's subject that tells operators apart."""
    return actor.removeprefix(OPERATOR)[:_SHORT]


def numbers(gates: Sequence[GateResult]) -> tuple[GateResult, ...]:
    """Return the gates whose figures matter most: the primary metric, safety, and the nearest guardrail."""
    primary = [gate for gate in gates if gate.group == Group.PRIMARY]
    safety = sorted((gate for gate in gates if gate.group == Group.SAFETY), key=_weight)
    guardrails = sorted((gate for gate in gates if gate.group == Group.GUARDRAIL), key=_room)
    first = [*primary[:1], *safety[:1], *guardrails[:1]]
    rest = [gate for gate in (*primary, *guardrails, *safety, *gates) if gate not in first]
    return tuple([*first, *rest][:_MOST_NUMBERS])


def risks(evidence: Evidence) -> Iterator[str]:
    """Say what speaks against a yes, or is not known, a sentence at a time."""
    for gate in evidence.gates:
        if gate.verdict != Verdict.PASSED:
            yield f"{gate.title}: {VERDICTS[Verdict(gate.verdict)]}. {gate.sentence}"
    for gate in evidence.gates:
        if gate.verdict == Verdict.PASSED and _may_be_worse(gate):
            yield f"{gate.title}: may still be worse than with production, by up to {worst(gate)}."
    if evidence.as_of and not any(gate.group == Group.NPS for gate in evidence.gates):
        yield "Whether people would recommend it was not asked."


def worst(gate: GateResult) -> str:
    """Return the end of a gate's interval on the side of its limit, without a sign."""
    end = gate.low if (gate.threshold or 0) < 0 else gate.high
    return difference(abs(end or 0), gate.unit).lstrip("+")


def is_difference(gate: GateResult) -> bool:
    """Return whether the estimate is the variant's value minus production's, and no level of its own."""
    return gate.production_value is not None and gate.estimate != gate.arm_value


def level(value: float | None, unit: str) -> str:
    """Return a figure with its unit; a count has none."""
    return shown(value, unit) if unit or value is None else f"{value:,g}"


def difference(value: float | None, unit: str) -> str:
    """Return a difference with its sign; that of two shares in percentage points."""
    if value is None:
        return NONE
    if unit == "share":
        return points(value)
    return f"{'+' if value > 0 else ''}{level(value, unit)}"


def span(gate: GateResult) -> str:
    """Return a gate's estimate with its bounds, as far as it has them."""
    show = difference if is_difference(gate) else level
    estimate, low, high = (
        None if value is None else show(value, gate.unit) for value in (gate.estimate, gate.low, gate.high)
    )
    if estimate is None:
        return NONE
    if low is not None and high is not None:
        return f"{estimate} ({low} to {high})"
    if high is not None:
        return f"{estimate} (at most {high})"
    return estimate if low is None else f"{estimate} (at least {low})"


def moment(seconds: int) -> str:
    """Return a time as people read it, such as `Sunday 29 November 2026, 02:14 UTC`."""
    found = datetime.fromtimestamp(seconds, UTC)
    return f"{found:%A} {found.day} {found:%B %Y}, {found:%H:%M} UTC"


def moment_of(iso: str) -> str:
    """Return a time that is stored as ISO 8601 as people read it."""
    try:
        return moment(int(datetime.fromisoformat(iso).timestamp()))
    except ValueError:
        return iso


def visible(text: str) -> str:
    """Return a text with what cannot be seen written out, such as marks that turn its direction."""
    return "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in text)


def _weight(gate: GateResult) -> tuple[bool, bool, float]:
    """Order gates of safety: what did not pass, then what is of this variant and not of the whole service."""
    of_the_service = gate.production_value is None and gate.gate != "golden"
    return gate.verdict == Verdict.PASSED, of_the_service, _room(gate)


def _room(gate: GateResult) -> float:
    """Return how far a gate is from its limit, as a share of the limit; what failed has none."""
    if gate.verdict != Verdict.PASSED:
        return -1.0
    if gate.threshold is None or gate.estimate is None or not gate.threshold:
        return 1.0
    return abs(gate.threshold - gate.estimate) / abs(gate.threshold)


def _may_be_worse(gate: GateResult) -> bool:
    if gate.threshold is None or not is_difference(gate) or gate.low is None or gate.high is None:
        return False
    return gate.low < 0 if gate.threshold < 0 else gate.threshold > 0 and gate.high > 0
