"""What the e-mail and the page say of a promotion in the same words."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from silent_infinity.domain.lake.figures_shown import NONE, shown
from silent_infinity.domain.lake.metrics import HIGHER, LOWER, by_name
from silent_infinity.domain.promotion.approval import OPERATOR
from silent_infinity.domain.promotion.evidence import Evidence, GateResult, Group, Verdict
from silent_infinity.domain.promotion.gates.rules import GOLDEN, WATCH, samples
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
IN_BRACKETS: Final = "In brackets: between which values the truth is likely to lie."
NO_RISK: Final = "No gate found anything. What no gate looks at, none can find."
UNDO: Final = (
    "Any operator can take it back at any time, at once and without a question. Then it serves nobody, and "
    "what production has today takes its place."
)
ALL: Final = 100
_COUNTED: Final = {Verdict.FAILED: "failed", Verdict.NOT_ENOUGH_DATA: "without enough data"}
_GRAVE: Final = frozenset({Group.SAMPLE_RATIO, Group.SAFETY})
_DAY: Final = 24
_ONE_IN_TWENTY: Final = 0.05
_MOST_NUMBERS: Final = 3
_SHORT: Final = 8


def percent(value: float) -> str:
    """Return a percentage without needless digits."""
    return f"{value:g}%"


def step(evidence: Evidence) -> str:
    """Return where the variant is to go, such as `canary at 10%`."""
    return place(evidence.category, evidence.to_status, evidence.to_percent)


def place(category: str, status: str, percentage: float) -> str:
    """Return a stage with a share; a variant in a pool has its part of it, whatever its percentage."""
    if is_pool(category, status):
        return f"{status}, in its pool"
    return f"{status} at {percent(percentage)}"


def is_pool(category: str, status: str) -> bool:
    """Whether a stage is a pool, whose members share it in equal parts."""
    return status == PRODUCTION and category in categories() and categories()[category].pool


def about(evidence: Evidence) -> str:
    """Say what the category is about, such as `Where the person writes`."""
    return categories()[evidence.category].title


def people(evidence: Evidence) -> Iterator[str]:
    """Say, a sentence at a time, what a yes changes for people, and how it goes on."""
    category = categories()[evidence.category]
    units = _units(evidence)
    before = f"{evidence.from_percent:g} do today" if evidence.from_percent else "none do today"
    if is_pool(evidence.category, evidence.to_status):
        others = len(evidence.production)
        yield (
            f"It joins {others} others that share production's traffic in equal parts: of 100 {units}, about "
            f"{_short_number(ALL / (others + 1))} get it; {before}."
        )
    elif evidence.to_status == PRODUCTION and evidence.to_percent >= ALL:
        yield f"All {units} get this variant, and nobody gets what they get today."
    else:
        yield f"Of 100 {units}, {evidence.to_percent:g} get this variant; {before}."
    if category.critical:
        minutes = registry_rules().cooldown_seconds // 60
        which = "second yes" if category.crisis else "yes"
        yield f"The change takes effect {minutes} minutes after the {which}, and can be cancelled until then."
    if evidence.next_percent is not None:
        yield from _goes_on(evidence, evidence.next_percent)


def _goes_on(evidence: Evidence, percentage: float) -> Iterator[str]:
    watched = samples()[WATCH]
    days = f"{watched.hours / 24:g} days" if watched.hours > _DAY else "a day"
    last = " Then nobody gets what they get today." if percentage >= ALL else ""
    yield (
        f"It is watched for at least {days}. If it does no harm, it goes on to {percent(percentage)} without "
        f"another question.{last}"
    )
    yield "If harm is shown while it is watched, it is taken back without a person, and serves nobody."


def undo_command(evidence: Evidence, environment: str) -> str:
    """Return what an operator types for that."""
    return f"./run admin variants rollback {evidence.category}/{evidence.variant_id}{on(environment)}"


def on(environment: str) -> str:
    """Return the option that names an environment to `./run`, which is on a laptop without it."""
    return "" if environment == "local" else f" -e {environment}"


def _units(evidence: Evidence) -> str:
    return "people" if categories()[evidence.category].unit == USER else "new sessions"


def asker(evidence: Evidence) -> str:
    """Say who asked, without a name: `operator 3f2a91c4` or `the nightly schedule`."""
    if evidence.requested_by.startswith(OPERATOR):
        return f"operator {short(evidence.requested_by)}"
    return "the nightly schedule"


def short(actor: str) -> str:
    """Return the part of an operator's subject that tells operators apart."""
    return actor.removeprefix(OPERATOR)[:_SHORT]


def verdicts(gates: Sequence[GateResult]) -> str:
    """Say how many gates passed, failed, or have too little to go by."""
    counts = Counter(Verdict(gate.verdict) for gate in gates)
    total = len(gates)
    others = [f"{counts[one]} {words}" for one, words in _COUNTED.items() if counts[one]]
    if total == 1 and not others:
        return "The one gate that there is passed."
    said = f"{counts[Verdict.PASSED]} of {total} gates passed" if others else f"All {total} gates passed"
    return f"{'; '.join([said, *others])}."


def brackets(gates: Sequence[GateResult]) -> tuple[str, ...]:
    """Return what the brackets of these gates' figures mean, if there are any."""
    return (IN_BRACKETS,) if any(gate.low is not None or gate.high is not None for gate in gates) else ()


def numbers(gates: Sequence[GateResult]) -> tuple[GateResult, ...]:
    """Return the gates whose figures matter most: the primary metric, safety, and the nearest guardrail."""
    primary = [gate for gate in gates if gate.group == Group.PRIMARY]
    safety = sorted((gate for gate in gates if gate.group == Group.SAFETY), key=_weight)
    guardrails = sorted((gate for gate in gates if gate.group == Group.GUARDRAIL), key=_room)
    first = [*primary[:1], *safety[:1], *guardrails[:1]]
    rest = [gate for gate in (*primary, *guardrails, *safety, *gates) if gate not in first]
    return tuple([*first, *rest][:_MOST_NUMBERS])


def risks(evidence: Evidence) -> tuple[str, ...]:
    """Say what speaks against a yes, or is not known, a sentence at a time: what is about safety first."""
    first: list[str] = []
    then: list[str] = []
    for gate in evidence.gates:
        (first if gate.group in _GRAVE else then).extend(_risk(gate))
    if not evidence.as_of:
        first.append("Nobody has met it yet as it is now: the golden set is all that is known of it.")
    elif not any(gate.group == Group.NPS for gate in evidence.gates):
        then.append("Whether people would recommend it was not asked.")
    if not evidence.changes:
        then.append("Its configuration is the one that production has: a yes should change nothing.")
    return *first, *then


def _risk(gate: GateResult) -> Iterator[str]:
    if gate.verdict != Verdict.PASSED:
        yield f"{gate.title}: {VERDICTS[Verdict(gate.verdict)]}. {gate.sentence}"
        return
    side, edge = worse_side(gate), worst(gate)
    if gate.gate == GOLDEN and gate.n_arm and not gate.estimate:
        rate = 1 - _ONE_IN_TWENTY ** (1 / gate.n_arm)
        yield (
            f"{gate.title}: none of {gate.n_arm:,} was missed. A variant that misses "
            f"{_among(rate, 'such messages')} would still show that one time in twenty."
        )
    elif not side or edge is None or gate.production_value is None:
        return
    elif gate.is_level:
        if (edge - gate.production_value) * side > 0 and (gate.estimate or 0) * side > (
            gate.production_value * side
        ):
            yield (
                f"{gate.title}: {level(gate.estimate, gate.unit)}, worse than production's "
                f"{level(gate.production_value, gate.unit)}{_limit(gate)}."
            )
    elif edge * side > 0 and _leans(gate, edge, side):
        yield (
            f"{gate.title}: worse than with production by {_size(gate.estimate, gate)} as counted, and maybe "
            f"by up to {_size(edge, gate)}{_limit(gate, edge)}."
        )
    elif gate.threshold and edge * side > 0:
        yield (
            f"{gate.title}: may still be worse than with production, by up to {_size(edge, gate)}"
            f"{_limit(gate, edge)}."
        )


def _leans(gate: GateResult, edge: float, side: int) -> bool:
    """Return whether a difference is for the worse by half of what its bound is away from it, or more: about
    1.6 standard errors, as wide as bounds are that hold on every night.
    """
    found = (gate.estimate or 0.0) * side
    return found > 0 and found >= (edge * side - found) / 2


def worse_side(gate: GateResult) -> int:
    """Return 1 if more is worse, -1 if less is, 0 if nobody knows."""
    metric = by_name().get(gate.metric)
    direction = metric.direction if metric else ""
    if direction in {LOWER, HIGHER}:
        return 1 if direction == LOWER else -1
    if is_difference(gate):
        threshold = gate.threshold or 0.0
        return (threshold > 0) - (threshold < 0)
    return 0


def worst(gate: GateResult) -> float | None:
    """Return the end of a gate's interval that is worse for people."""
    side = worse_side(gate)
    return None if not side else gate.high if side > 0 else gate.low


def is_difference(gate: GateResult) -> bool:
    """Return whether the estimate is the variant's value minus production's, and no level of its own."""
    return gate.production_value is not None and not gate.is_level


def limit(gate: GateResult) -> str:
    """Return what the estimate is held against, with as few digits as it has."""
    if gate.threshold is None:
        return NONE
    if is_difference(gate) and gate.unit == "share":
        words = f"{gate.threshold * 100:+.4g} points"
        return words.removesuffix("s") if words[1:] == "1 points" else words
    return (difference if is_difference(gate) else level)(gate.threshold, gate.unit)


def _limit(gate: GateResult, edge: float | None = None) -> str:
    if not gate.threshold:
        return ""
    if edge is None or gate.unit != "share" or not gate.counted:
        return f" (limit: {limit(gate).lstrip('+-')})"
    return f" (limit: {_short_number(abs(gate.threshold) * _picturable(abs(edge)))})"


def _size(value: float | None, gate: GateResult) -> str:
    size = abs(value or 0.0)
    if gate.unit != "share":
        return level(size, gate.unit)
    return _among(size, gate.counted) if gate.counted else f"{size * 100:.2f} points"


def _among(share: float, counted: str) -> str:
    of = _picturable(share)
    return f"{_short_number(share * of)} of {of:,} {counted}"


def _picturable(share: float) -> int:
    """Return of how many one speaks, so that a share of them is one or more."""
    return next((of for of in (100, 1_000) if share * of >= 1), 10_000)


def _short_number(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")


def level(value: float | None, unit: str) -> str:
    """Return a figure with its unit; a count has none."""
    return shown(value, unit) if unit or value is None else f"{value:,g}"


def difference(value: float | None, unit: str) -> str:
    """Return a difference with its sign; that of two shares in percentage points."""
    if value is None:
        return NONE
    if unit == "share":
        return f"{value * 100:+.2f} points"
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
        return f"{estimate} ({low.removesuffix(' points')} to {high})"
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


def _weight(gate: GateResult) -> tuple[bool, bool, bool, float]:
    """Order gates of safety: what did not pass; then what is of this variant and not of the whole service;
    of that, what people have met before what was tried on cases.
    """
    of_the_service = gate.production_value is None and gate.gate != GOLDEN
    return gate.verdict == Verdict.PASSED, of_the_service, not is_difference(gate), _room(gate)


def _room(gate: GateResult) -> float:
    """Return how far a gate is from its limit, as a share of the limit; what failed has none."""
    if gate.verdict != Verdict.PASSED:
        return -1.0
    if gate.threshold is None or gate.estimate is None or not gate.threshold:
        return 1.0
    return abs(gate.threshold - gate.estimate) / abs(gate.threshold)
