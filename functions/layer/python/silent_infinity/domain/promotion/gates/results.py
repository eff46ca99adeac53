"""How results of gates are begun."""

from typing import Any

from silent_infinity.domain.comparison import NOTES
from silent_infinity.domain.lake.metrics import by_name
from silent_infinity.domain.promotion.evidence import GateResult, Group, Verdict
from silent_infinity.domain.promotion.gates.figures import GateFigures
from silent_infinity.domain.promotion.gates.rules import Gate
from silent_infinity.domain.promotion.gates.words import LACKS, UNITS


def result(gate: Gate, verdict: Verdict, sentence: str, **found: Any) -> GateResult:
    """Return what a gate found. `found` are further fields of `GateResult`."""
    metric = by_name().get(gate.metric)
    facts = {"metric": gate.metric, "unit": metric.unit if metric else "", **found}
    return GateResult(gate.name, gate.title, Group(gate.group), verdict, sentence, **facts)


def too_few(gate: Gate, counted: str, n_arm: int, n_production: int, **found: Any) -> GateResult:
    """Return that a gate says nothing yet of so few."""
    sentence = (
        f"{n_arm:,} {counted} have a value here, {n_production:,} with production: at least {gate.least:,} on"
        " either side are needed."
    )
    facts = {"n_arm": n_arm, "n_production": n_production, "counted": counted, **found}
    return result(gate, Verdict.NOT_ENOUGH_DATA, sentence, **facts)


def nothing(gate: Gate, figures: GateFigures) -> GateResult:
    """Return that there are no figures at all, and why."""
    sentence = LACKS.get(figures.lack, NOTES["no-figures"])
    return result(gate, Verdict.NOT_ENOUGH_DATA, sentence, counted=UNITS[figures.unit])
