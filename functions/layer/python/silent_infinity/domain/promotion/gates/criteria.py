"""What a variant's own pass criteria change of its gates: another primary metric, a stricter bound, never a
laxer one.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from silent_infinity.data import load
from silent_infinity.domain.promotion.gates.rules import ENTRY, SAMPLE, Plan, may_be_primary, plan_for

PRIMARY_METRIC: Final = "primary_metric"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_UNNAMED: Final = "(a name that is none)"


@dataclass(frozen=True, slots=True)
class Asked:
    """A plan with a variant's criteria in it, and the names of those that nothing here can judge."""

    plan: Plan
    not_understood: tuple[str, ...] = ()


def asked_of(
    category: str, stage: str, phase: str, criteria: Mapping[str, Any], *, sample_hours: float | None = None
) -> Asked:
    """Return the gates of a variant.

    A criterion that is not known, or whose value is none, is never passed over: somebody believes that it is
    looked at. A bound of a gate that the stage does not have asks for nothing. `sample_hours` stands in the
    place of the file's, before a person is asked; the variant's own may be more.

    Raises:
        KeyError: as `plan_for`.
    """
    primary = criteria.get(PRIMARY_METRIC, "")
    unknown = []
    if PRIMARY_METRIC in criteria and not may_be_primary(primary):
        primary = ""
        unknown.append(PRIMARY_METRIC)
    plan = plan_for(category, stage, phase, primary_metric=primary)
    if sample_hours is not None and plan.sample is not None and phase == ENTRY:
        plan = replace(plan, sample=replace(plan.sample, hours=sample_hours))
    known = {row["name"]: row for row in load("gates.json")["criteria"]}
    for name in sorted(criteria.keys() - {PRIMARY_METRIC}):
        value = criteria[name]
        if name not in known or not _is_bound(value):
            unknown.append(name if _NAME.fullmatch(name) else _UNNAMED)
        else:
            plan = _stricter(plan, known[name], value)
    return Asked(plan, tuple(dict.fromkeys(unknown)))


def _stricter(plan: Plan, row: Mapping[str, str], value: float) -> Plan:
    keep = max if row["stricter"] == "more" else min
    if row["gate"] == SAMPLE:
        # The watch between two steps has a sample of its own, and the person has said yes to that.
        if plan.sample is None or plan.phase != ENTRY:
            return plan
        wanted = math.ceil(value) if row["field"] == "units" else value
        return replace(
            plan,
            sample=replace(plan.sample, **{row["field"]: keep(getattr(plan.sample, row["field"]), wanted)}),
        )
    return replace(
        plan,
        gates=tuple(
            replace(gate, **{row["field"]: keep(getattr(gate, row["field"]), value)})
            if gate.name == row["gate"]
            else gate
            for gate in plan.gates
        ),
    )


def _is_bound(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value >= 0
